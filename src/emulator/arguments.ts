import type { Arch } from '../inputs/arch.ts';
import { attachmentArguments, attachments, emulatorArguments, kernelCommandLine } from '../image/emulator.ts';

/** How to start a machine for inspection. */
export interface Trial {
  /** MiB. */
  readonly memory: number;
  /** Directory of a built image. Undefined: there is none, and the machine gets no kernel. */
  readonly image?: string;
  /**
   * Attaches everything that run-emulator.sh can attach: a blank disk, and a directory. Undefined: only what is always
   * attached.
   */
  readonly attach?: { readonly disk: string; readonly directory: string };
}

const kernelOptions = ['-kernel', '-dtb', '-initrd', '-append'];

/** The arguments that run-emulator.sh passes to the emulator. */
export function trialArguments(arch: Arch, { memory, image, attach }: Trial): readonly string[] {
  const settings = {
    directory: image ?? '/nowhere',
    memory: String(memory),
    commandLine: kernelCommandLine(arch),
  };
  const words = emulatorArguments(arch, settings, false);
  const kept =
    image === undefined
      ? words.filter(
          (word, index) => !kernelOptions.includes(word) && !kernelOptions.includes(words[index - 1] ?? ''),
        )
      : words;
  if (attach === undefined) return kept;
  return [
    ...kept,
    ...attachments.flatMap((attachment) =>
      attachmentArguments(
        arch,
        // One blank file serves as all disks.
        attachment.kind === 'disk' ? { ...attachment, kind: 'read-only disk' } : attachment,
        attachment.kind === 'folder' ? attach.directory : attach.disk,
      ),
    ),
  ];
}

/** Names of machines in the text of `-M help`, without the heading. */
export function machineNames(text: string): readonly string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => /^([\w.+-]+)\s/.exec(line)?.[1] ?? [])
    .filter((name) => name !== 'none');
}

/** Names of processors in the text of `-cpu help`, whose format depends on the emulator. */
export function cpuNames(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/[A-Za-z0-9][\w.+-]*/g)].map(([word]) => word))];
}

/** The name in `pc,option=value`, as the emulator lists it. */
export function machineName(machine: string): string {
  return machine.split(',', 1)[0] ?? machine;
}
