/**
 * All virtio devices that a guest can have in addition to the network's, by the serial number or mount tag by which the guest
 * knows them, in the order in which they take their places on a board.
 */
export const virtioDevices = [
  'rng',
  'root',
  'toolchain',
  'home',
  'control',
  'keys',
  'share',
  'upload',
] as const;

/** Name of one of them. */
export type VirtioDevice = (typeof virtioDevices)[number];
