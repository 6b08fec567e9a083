import type { Command } from 'commander';
import { nonEmpty, outHelp, repeated, sourceRequest, sourcing, type SourceOptions } from './options.ts';
import type { Session } from './session.ts';

/** The commands for who brings up an arch. */
export function portingCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const check = command(
    'check',
    "check ARCH's descriptor against gcc, musl, the kernel and the emulator, and name each fault",
  );
  sourcing(check)
    .argument('<ARCH>')
    .option('--out <DIR>', outHelp, nonEmpty)
    .option('--json', 'print JSON')
    .action(async (arch: string, options: SourceOptions & { json?: boolean; out?: string }) => {
      const { checkCommand } = await import('./check-command.ts');
      const out = options.out === undefined ? {} : { out: options.out };
      const request = { arch, json: options.json ?? false, sources: sourceRequest(options), ...out };
      done(await checkCommand(session, request));
    });

  const newArch = command('new-arch', 'write a descriptor for a new arch NAME, filled in as far as possible');
  sourcing(newArch)
    .argument('<NAME>')
    .option('--triple <TRIPLE>', 'GNU triple, PROCESSOR-linux-musl[ABI]', nonEmpty)
    .option('--kernel-arch <ARCH>', "the kernel's ARCH", nonEmpty)
    .option('--emulator <PROGRAM>', 'qemu-system-NAME', nonEmpty)
    .option('--machine <MACHINE>', "the emulator's machine (-M)", nonEmpty)
    .option('--cpu <CPU>', "the emulator's processor (default: the machine's own)", nonEmpty)
    .option('--summary <TEXT>', 'one line for `bootstrap list`', nonEmpty)
    .option(
      '--gcc-configure <SWITCH>',
      "switch for gcc's configure that selects processor or ABI; may be repeated",
      repeated,
    )
    .addHelpText('after', newArchHelp)
    .action(async (name: string, { gccConfigure, ...options }: NewArchFlags) => {
      const { newArchCommand } = await import('./new-arch-command.ts');
      const { triple, kernelArch, emulator, machine, cpu, summary } = options;
      const told = { triple, kernelArch, emulator, machine, cpu, summary, configure: gccConfigure };
      const given = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
      done(await newArchCommand(session, { name, ...given, sources: sourceRequest(options) }));
    });
}

/** What `new-arch` is told of an arch. */
interface NewArchFlags extends SourceOptions {
  readonly triple?: string;
  readonly kernelArch?: string;
  readonly emulator?: string;
  readonly machine?: string;
  readonly cpu?: string;
  readonly summary?: string;
  readonly gccConfigure?: readonly string[];
}

const newArchHelp = `
If triple, kernel ARCH, emulator or machine are not given, they are asked for at a terminal. The file is NAME.ts in
arches/, or in the directory of --arch-dir; an existing file is never overwritten. See docs/porting.md.
`;
