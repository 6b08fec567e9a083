import { imageFiles, rootWritableVariable, type RootDisk } from '../src/image/emulator.ts';
import type { Action } from '../src/plan/action.ts';
import type { PlanInputs } from './inputs.ts';
import { packExt2, packFinder, packInitramfs, packSquashfs, type RootImageParts } from './root-images.ts';

/** A way in which the root filesystem reaches the guest. */
export interface ImageKindSpec {
  /** Undefined: it is unpacked into memory. */
  readonly disk?: RootDisk;
  /** What the image's README says of it: empty, or a paragraph with an empty line before it. */
  readonly note: string;
  /** Makes what run-emulator.sh boots, the disk with the initramfs that finds it. */
  readonly pack: (inputs: PlanInputs, parts: RootImageParts) => readonly Action[];
}

const ext2Disk: RootDisk = { file: 'root.ext2', writable: true };
const squashfsDisk: RootDisk = {
  file: 'root.sqf',
  writable: false,
  instead: 'an image of kind ext2 can',
};

/** All kinds; a new one is an entry here. */
const specs = {
  initramfs: { note: '', pack: (inputs, parts) => [packInitramfs(inputs, parts)] },
  ext2: {
    disk: ext2Disk,
    note: `
The root filesystem is a disk of the guest. What the guest writes there is kept in its memory and lost at its end, unless
${rootWritableVariable}=1 lets it write ${ext2Disk.file} itself, one guest at a time. ${imageFiles.initramfs} only finds the disk.
`,
    pack: (inputs, parts) => [packFinder(inputs, parts), packExt2(inputs, parts, ext2Disk.file)],
  },
  squashfs: {
    disk: squashfsDisk,
    note: `
The root filesystem is a disk of the guest. What the guest writes there is kept in its memory and lost at its end.
${imageFiles.initramfs} only finds the disk.
`,
    pack: (inputs, parts) => [packFinder(inputs, parts), packSquashfs(inputs, parts, squashfsDisk.file)],
  },
} satisfies Readonly<Record<string, ImageKindSpec>>;

export type ImageKind = keyof typeof specs;
export const imageKindSpecs: Readonly<Record<ImageKind, ImageKindSpec>> = specs;
export const imageKinds = Object.keys(specs) as readonly ImageKind[];
/** What an image is unless the user asks for another kind. */
export const defaultImageKind: ImageKind = 'initramfs';

/** Files of root disks: an image that has one of them has no root filesystem in its initramfs. */
export const rootDiskFiles: readonly string[] = Object.values(imageKindSpecs).flatMap(
  ({ disk }) => disk?.file ?? [],
);
