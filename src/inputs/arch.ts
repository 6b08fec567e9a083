import type { Brand } from '../core/brand.ts';
import type { Triple } from '../plan/names.ts';

/** Name of an arch: the base name of its module in `arches/`. `checkArch` alone makes one. */
export type ArchName = Brand<'ArchName'>;

/**
 * A kernel symbol that must have this value in the final `.config`: `"VFP"` means y,
 * `"SCSI_X=0"` any other value, `"64BIT=n"` off. Without the `CONFIG_` prefix.
 */
export type KernelSymbol = string;

/**
 * What an emulated board may not support: telling the time, reaching a network, virtio disks, sharing folders with
 * its host, running the native compiler, ending the emulator by itself, or carrying out atomic operations on 64
 * bits as the processor does.
 */
export const facilities = [
  'clock',
  'network',
  'disk',
  'share',
  'native-compiler',
  'end',
  'wide-atomics',
] as const;
export type Facility = (typeof facilities)[number];

/** Something that a board does not support. */
export interface Lack {
  readonly facility: Facility;
  /** A few words. */
  readonly reason: string;
  /** The first version of the emulator without the fault: `8.0`. Undefined: the board itself does not support it. */
  readonly emulatorBefore?: string;
}

/** Versions of a source with which an arch cannot be built: all from one on, or before one, or both. */
export interface UnsupportedVersions {
  /** Name in sources.lock: `linux`. */
  readonly source: string;
  /** The first that is not supported: `6.13`. Undefined: however early. */
  readonly from?: string;
  /** The first that is supported again. Undefined: however late. */
  readonly before?: string;
  /** A few words. */
  readonly reason: string;
}

/** What a kernel for an arch is made of, and may change from one version to another. */
export interface KernelBuild {
  /** make goals: `["zImage", "dtbs"]`. */
  readonly goals: readonly string[];
  /** Bootable image, relative to the kernel's build directory. */
  readonly image: string;
  /** Device tree blob to pass to the emulator, likewise; undefined if the emulator provides its own. */
  readonly deviceTree?: string;
  /** Symbols beyond the generic set of src/inputs/kernel-config.ts. */
  readonly symbols: readonly KernelSymbol[];
  /** Generic symbols that this arch's kernel does not have. */
  readonly withoutGeneric: readonly string[];
  /** Whether the kernel's build runs objtool, which needs libelf on the build machine. */
  readonly objtool: boolean;
  /** Whether the kernel's makefiles run bash. Undefined: busybox's shell is enough. */
  readonly bash?: boolean;
}

/** A target, as data: what `arches/<name>.ts` exports as `arch`. Checked against arch.schema.json. */
export interface Arch {
  readonly name: ArchName;
  /** Other names by which users know it. */
  readonly aliases: readonly string[];
  /** One line for `bootstrap list`. */
  readonly summary: string;
  readonly bits: 32 | 64;
  readonly byteOrder: 'little' | 'big';
  /** Public triple, without vendor: `armv5l-linux-musleabi`. */
  readonly triple: Triple;
  /** Processor name that the build machine's kernel reports (`uname -m`), if this arch can be a host. */
  readonly unameMachines: readonly string[];
  /** Machines (`uname -m`) whose kernels run this arch's programs: `["x86_64"]` for `i686`. Undefined: none. */
  readonly runsOn?: readonly string[];
  readonly gcc: {
    /** Configure switches that select processor and ABI: `--with-arch=armv5te`. */
    readonly configure: readonly string[];
    /** The number in `libgcc_s.so.1`: SHLIB_SOVERSION in gcc's libgcc/config. Undefined: 1. */
    readonly libgccVersion?: number;
  };
  readonly musl: {
    /** musl's name for the processor family. */
    readonly arch: string;
    /** File name of the dynamic loader in `/lib`. */
    readonly loader: string;
  };
  /** Undefined: glibc does not have this arch with the same ABI. */
  readonly glibc?: {
    /** Path of the dynamic loader, which is a part of the ABI: `/lib/ld-linux.so.3`. */
    readonly loader: string;
  };
  readonly kernel: KernelBuild & {
    /** Kernel `ARCH=`. */
    readonly arch: string;
    /**
     * What is different from a version of the kernel on, in the order of versions: the fields of an entry replace those above
     * and those of earlier entries. Undefined: nothing.
     */
    readonly since?: readonly (Partial<KernelBuild> & { readonly version: string })[];
  };
  /** Versions of sources with which the arch cannot be built. Undefined: none are known. */
  readonly unsupported?: readonly UnsupportedVersions[];
  readonly emulator: {
    /** `qemu-system-arm`. */
    readonly program: string;
    /** Debian package of the program. */
    readonly debianPackage: string;
    /** `-M`, as the emulator reads it: `pseries,cap-htm=off`. */
    readonly machine: string;
    /** `-cpu`; undefined: the machine's own. */
    readonly cpu?: string;
    /** Console device in the guest: `ttyAMA0`. */
    readonly console: string;
    /** MiB. `limit` undefined: limited only by the host. */
    readonly memory: { readonly preset: number; readonly limit?: number };
    /** How many processors the machine can have, with a kernel that uses them. Undefined: one. */
    readonly processors?: number;
    /** How virtio devices are attached: the suffix of their names (`virtio-blk-pci`). */
    readonly virtio: 'pci' | 'device' | 'ccw';
    /**
     * Where on its bus each of `virtioDevices` (src/inputs/virtio-devices.ts) sits, in their order, as options of `-device`:
     * `addr=1.0,multifunction=on`. Undefined: where the emulator puts it.
     */
    readonly virtioPlaces?: readonly string[];
    /** Network device: the model for `networkBy`, without options; with `nic`, the machine's own first one if it has one. */
    readonly network: string;
    /**
     * The option that attaches it. `nic` (the default) makes the machine do so, which may do more than put it on a
     * bus; `device` puts it on a bus like any other device, for machines that attach none.
     */
    readonly networkBy?: 'nic' | 'device';
    /**
     * Where the guest gets the time from: `board` (the default), a clock chip that the kernel reads; `command-line`,
     * the time that run-emulator.sh passes when it starts a board without one.
     */
    readonly clockBy?: 'board' | 'command-line';
    /**
     * Further words of the kernel's command line, as the kernel should read them: `noiotrap`, `dyndbg=file drivers/usb/* +p`. A word
     * with spaces is put in double quotes; it cannot contain a double quote or anything that is not printable ASCII.
     */
    readonly kernelWords?: readonly string[];
    /** Further fixed arguments, each as the emulator reads it; no shell interprets them. */
    readonly arguments: readonly string[];
    /** The kernel's COMMAND_LINE_SIZE. */
    readonly commandLineLimit: number;
    /** What the board does not support, each with a short reason: tests report it instead of trying. Undefined: nothing. */
    readonly lacks?: readonly Lack[];
    /** Emulator for single programs (Debian package qemu-user): `qemu-arm`. Undefined: there is no suitable one. */
    readonly userProgram?: string;
  };
}

/** The same data with every branded string as plain text: what a module in `arches/` contains. */
type Plain<T> = T extends string
  ? string extends T
    ? string
    : T extends Brand<string>
      ? string
      : T
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : T extends object
      ? { readonly [Field in keyof T]: Plain<T[Field]> }
      : T;

/** An arch as written, before `checkArch` has checked its names. */
export type ArchDescriptor = Plain<Arch>;

/**
 * Types a descriptor and changes nothing. It does not throw on a malformed name, so that `checkArch`
 * can report all faults of a descriptor together; nothing may use an arch that did not pass that check.
 */
export function describeArch(descriptor: ArchDescriptor): Arch {
  return descriptor as Arch;
}
