import type { Goal } from './stage.ts';

/** `bootstrap ARCH`. */
export const everything: Goal = {
  name: 'everything',
  summary: 'compilers for the host and for the arch itself, and an image that boots',
};

/** `bootstrap image ARCH`. */
export const image: Goal = {
  name: 'image',
  summary: 'kernel, root filesystem and image, with no compiler but stage 1',
};
