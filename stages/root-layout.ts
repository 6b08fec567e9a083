/** Where the native compiler is mounted. */
export const toolchainMountPoint = 'toolchain';

/** Directories that nothing else brings: mount points, and places that programs expect. */
export const emptyDirectories = [
  ...['dev', 'home', 'media', 'mnt', 'proc', 'root', 'run', 'share', 'sys', 'tmp', 'upload'],
  toolchainMountPoint,
  ...['var/log', 'var/mail', 'var/tmp'],
];

/** All directories of the root filesystem. An overlay can add to them, and may not replace one by something else. */
export const rootDirectories: readonly string[] = [
  ...emptyDirectories,
  ...['bin', 'etc', 'lib', 'sbin', 'usr', 'usr/bin', 'usr/sbin', 'var'],
];

/** Modes that are neither 0755 nor 0644; every file belongs to root. Archives take them from here. */
export const specialModes: Readonly<Record<string, string>> = {
  root: '0700',
  tmp: '1777',
  'var/tmp': '1777',
};
