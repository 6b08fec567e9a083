import type { Arch, KernelSymbol } from './arch.ts';

/** A symbol with the value it must have in the final `.config`. */
export interface WantedSymbol {
  /** Without `CONFIG_`. */
  readonly name: string;
  /** As in `.config`: `y`, `0`, `"text"`; `n` for "is not set". */
  readonly value: string;
}

/**
 * Symbols that every arch's kernel has, unless the descriptor removes them. What programs find in any Linux (futexes, epoll, AIO,
 * io_uring, memfd, file locks, System V semaphores of `SYSVIPC` and so on) and the kernel turns on by itself is not listed.
 */
export const genericSymbols: readonly KernelSymbol[] = [
  // Reboot one second after a panic, so that an emulator started with -no-reboot ends.
  'PANIC_TIMEOUT=1',
  'NO_HZ_IDLE',
  'HIGH_RES_TIMERS',
  'PRINTK',
  'TTY',
  'UNIX98_PTYS',
  'BLK_DEV_INITRD',
  'RD_GZIP',
  'DEVTMPFS',
  'DEVTMPFS_MOUNT',
  'PROC_FS',
  'PROC_CHILDREN',
  'SYSFS',
  'TMPFS',
  'TMPFS_POSIX_ACL',
  'TMPFS_XATTR',
  'BINFMT_ELF',
  'BINFMT_SCRIPT',
  'BINFMT_MISC',
  'SYSVIPC',
  'POSIX_MQUEUE',
  'CROSS_MEMORY_ATTACH',
  'COMPAT_32BIT_TIME',
  'IKCONFIG',
  'IKCONFIG_PROC',
  // Build tools, servers and file managers that watch files; busybox's inotifyd.
  'INOTIFY_USER',
  'FANOTIFY',
  // unshare, nsenter, and containers that need no root on the guest.
  'UTS_NS',
  // Where the vDSO is the generic one, lib/vdso, on architectures that have prepared it for this.
  'TIME_NS',
  'IPC_NS',
  'USER_NS',
  'PID_NS',
  'NET_NS',
  'CGROUPS',
  'MEMCG',
  'CGROUP_SCHED',
  'FAIR_GROUP_SCHED',
  'CFS_BANDWIDTH',
  'CGROUP_PIDS',
  'CGROUP_FREEZER',
  'CGROUP_DEVICE',
  'CGROUP_CPUACCT',
  // What programs use to confine themselves, to keep secrets and to handle page faults.
  'SECCOMP',
  'SECCOMP_FILTER',
  'KEYS',
  'USERFAULTFD',
  // Hardware watchpoints of debuggers need it, as does perf.
  'PERF_EVENTS',
  'BLOCK',
  'SWAP',
  'BLK_DEV',
  'BLK_DEV_LOOP',
  'BLK_DEV_NBD',
  'EXT4_FS',
  'EXT4_USE_FOR_EXT2',
  'EXT4_FS_POSIX_ACL',
  // File capabilities.
  'EXT4_FS_SECURITY',
  'MISC_FILESYSTEMS',
  'SQUASHFS',
  'SQUASHFS_XATTR',
  'SQUASHFS_ZLIB',
  'OVERLAY_FS',
  'FUSE_FS',
  // File systems for which busybox and toybox have mkfs, or that images of disks and discs use.
  'MINIX_FS',
  'VFAT_FS',
  'ISO9660_FS',
  'JOLIET',
  'NLS_CODEPAGE_437',
  'NLS_ISO8859_1',
  'NLS_UTF8',
  'NET',
  'NETDEVICES',
  'NET_CORE',
  'ETHERNET',
  'PACKET',
  'UNIX',
  'INET',
  'IPV6',
  'IP_MULTICAST',
  // `ip rule`.
  'IP_ADVANCED_ROUTER',
  'IP_MULTIPLE_TABLES',
  'IPV6_MULTIPLE_TABLES',
  // `ss`.
  'NETLINK_DIAG',
  'PACKET_DIAG',
  'UNIX_DIAG',
  'INET_DIAG',
  // tunctl, brctl, vconfig, and the networks of containers. None of these creates a device by itself.
  'TUN',
  'VETH',
  'MACVLAN',
  'BRIDGE',
  'VLAN_8021Q',
  'NETWORK_FILESYSTEMS',
  'NET_9P',
  '9P_FS',
  '9P_FS_POSIX_ACL',
  'RTC_CLASS',
  'RTC_HCTOSYS',
  // /dev/rtc0, which hwclock opens.
  'RTC_INTF_DEV',
  'HW_RANDOM',
  // devmem and watchdog.
  'DEVMEM',
  'WATCHDOG',
  'SOFT_WATCHDOG',
  // Sockets of the family AF_ALG, and the algorithms for which programs ask most.
  'CRYPTO_USER_API_HASH',
  'CRYPTO_USER_API_SKCIPHER',
  'CRYPTO_AES',
  'CRYPTO_CBC',
  'CRYPTO_CTR',
  'CRYPTO_ECB',
  'CRYPTO_HMAC',
  'CRYPTO_MD5',
  'CRYPTO_SHA1',
  'CRYPTO_SHA256',
  'CRYPTO_SHA512',
  'VIRTIO_MENU',
  'VIRTIO_BLK',
  'VIRTIO_NET',
  'VIRTIO_CONSOLE',
  'HW_RANDOM_VIRTIO',
  'NET_9P_VIRTIO',
];

/** The symbols needed by the bus to which the emulator attaches virtio devices. */
const transportSymbols: Readonly<Record<Arch['emulator']['virtio'], readonly KernelSymbol[]>> = {
  pci: ['PCI', 'VIRTIO_PCI'],
  device: ['VIRTIO_MMIO'],
  ccw: [],
};

/** Splits `"NAME"` or `"NAME=value"`. */
export function parseSymbol(symbol: KernelSymbol): WantedSymbol {
  const equals = symbol.indexOf('=');
  if (equals < 0) return { name: symbol, value: 'y' };
  return { name: symbol.slice(0, equals), value: symbol.slice(equals + 1) };
}

/**
 * All symbols for an arch's kernel: the generic set without those that the arch excludes, the
 * virtio transport, and the arch's own, which override the others; `further` symbols override all. Sorted by name, so that
 * the order in a descriptor does not affect any digest.
 */
export function wantedSymbols(arch: Arch, further: readonly WantedSymbol[] = []): readonly WantedSymbol[] {
  const without = new Set(arch.kernel.withoutGeneric);
  const values = new Map<string, string>();
  for (const symbol of [...genericSymbols, ...transportSymbols[arch.emulator.virtio]]) {
    const { name, value } = parseSymbol(symbol);
    if (!without.has(name)) values.set(name, value);
  }
  for (const symbol of arch.kernel.symbols) {
    const { name, value } = parseSymbol(symbol);
    values.set(name, value);
  }
  for (const { name, value } of further) values.set(name, value);
  return [...values].map(([name, value]) => ({ name, value })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Symbols of the generic set that may be missing from an arch's kernel because `further` turns off what they depend on. None if it
 * turns off nothing; never what the arch or `further` itself asks for, nor the virtio transport, without which nothing boots.
 */
export function dispensableSymbols(
  arch: Arch,
  further: readonly WantedSymbol[] = [],
): readonly WantedSymbol[] {
  if (!further.some(({ value }) => value === 'n')) return [];
  const asked = new Set([...arch.kernel.symbols.map(parseSymbol), ...further].map(({ name }) => name));
  const generic = new Set(genericSymbols.map((symbol) => parseSymbol(symbol).name));
  return wantedSymbols(arch, further).filter(({ name }) => generic.has(name) && !asked.has(name));
}

/** A symbol as kconfig writes it. */
export function configLine({ name, value }: WantedSymbol): string {
  return value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
}

/** The text of the minimal configuration that `make allnoconfig` reads through KCONFIG_ALLCONFIG. */
export function renderMiniConfig(symbols: readonly WantedSymbol[]): string {
  return symbols.map((symbol) => `${configLine(symbol)}\n`).join('');
}

/**
 * awk program that compares a requested minimal configuration with the final one (its two operands, in this order). It
 * names each symbol that came out differently, because kconfig silently drops symbols that it does not know or whose
 * dependencies are not met; then it exits with 1.
 */
export const checkConfigProgram = `# usage: awk -f check-config.awk mini.config .config
function symbol(line) {
  sub(/^# /, "", line)
  sub(/[ =].*/, "", line)
  return line
}
FNR == NR { wanted[++count] = $0; next }
/^CONFIG_/ { found[symbol($0)] = $0 }
END {
  for (i = 1; i <= count; i++) {
    name = symbol(wanted[i])
    has = name in found ? found[name] : "# " name " is not set"
    if (has == wanted[i]) continue
    print "kernel configuration: asked for " wanted[i] ", final .config has " has
    missing++
  }
  exit missing > 0
}
`;

/**
 * awk program that prints a requested minimal configuration (its third operand) without those of its dispensable symbols (the
 * first, as a configuration too) that the final configuration (the second) lacks, and says on standard error which these were.
 */
export const giveWayProgram = `# usage: awk -f give-way.awk dispensable.config .config mini.config
FNR == 1 { file++ }
file == 1 { dispensable[$0]; next }
file == 2 { final[$0]; next }
($0 in dispensable) && !($0 in final) {
  print "kernel configuration: left out " $0 ", which depends on what is turned off" > "/dev/stderr"
  next
}
{ print }
`;
