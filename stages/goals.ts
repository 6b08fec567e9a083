import type { Goal } from './stage.ts';

/** `bootstrap ARCH`. */
export const everything: Goal = {
  name: 'everything',
  summary: 'compilers for the host and for the arch itself, and an image that boots',
};

/** `bootstrap system build`. */
export const system: Goal = {
  name: 'system',
  summary: 'packages, each built natively on the arch, as definitions describe them',
};

/** `bootstrap image ARCH`. */
export const image: Goal = {
  name: 'image',
  summary: 'kernel, root filesystem and image, with no compiler but stage 1',
};
