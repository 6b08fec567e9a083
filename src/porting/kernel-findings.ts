import { consoleDrivers } from '../inputs/console-drivers.ts';
import type { Arch } from '../inputs/arch.ts';
import { genericSymbols, parseSymbol, wantedSymbols, type WantedSymbol } from '../inputs/kernel-config.ts';
import { nearest } from '../core/nearest.ts';
import { finding, type Finding } from './finding.ts';

/** What the kernel's source contains for one `ARCH=`: the files of the action `check-ARCH/kernel-facts`. */
export interface KernelFacts {
  /** Possible values of `ARCH=`. */
  readonly arches: readonly string[];
  /** Symbols by name; one can be defined in several places. */
  readonly symbols: ReadonlyMap<string, readonly KernelSymbolPlace[]>;
  /** Paths of device tree sources. */
  readonly deviceTrees: readonly string[];
  /** Definitions of COMMAND_LINE_SIZE with their values: the arch's, or else the generic one. */
  readonly commandLine: readonly CommandLineSize[];
  /** Makefile of the arch, then that of its boot directory. */
  readonly makefile: string;
  readonly bootMakefile: string;
}

export interface CommandLineSize {
  readonly place: string;
  /** Undefined: it is not a number; most likely a symbol. */
  readonly size?: number;
}

export interface KernelSymbolPlace {
  /** `FILE:LINE`. */
  readonly place: string;
  /** Its `depends on` lines as one expression; empty: it has none. */
  readonly needs: string;
}

/** The result of kconfig: the files of the action `check-ARCH/kernel-configuration`. */
export interface KernelConfiguration {
  readonly succeeded: boolean;
  readonly log: string;
  /** Symbols that are not off, with their values. */
  readonly values: ReadonlyMap<string, string>;
}

/** Parses the list of symbols. */
export function parseKernelSymbols(text: string): KernelFacts['symbols'] {
  const symbols = new Map<string, KernelSymbolPlace[]>();
  for (const line of text.split('\n')) {
    const [name = '', place = '', needs = ''] = line.split('\t');
    if (name === '') continue;
    symbols.set(name, [...(symbols.get(name) ?? []), { place, needs }]);
  }
  return symbols;
}

/** Parses a final `.config`. */
export function parseKernelConfig(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^CONFIG_([A-Za-z0-9_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** Parses lines `FILE:LINE:#define COMMAND_LINE_SIZE VALUE`. */
export function parseCommandLine(text: string): KernelFacts['commandLine'] {
  const found = [...text.matchAll(/^([^:\n]+:\d+):.*COMMAND_LINE_SIZE\s+(\S+)/gm)].map(
    ([, place = '', value = '']) => (/^\d+$/.test(value) ? { place, size: Number(value) } : { place }),
  );
  const own = found.filter(({ place }) => !place.startsWith('include/'));
  return own.length > 0 ? own : found;
}

/** Compares a descriptor with the kernel's source and the result of kconfig. */
export function kernelFindings(
  arch: Arch,
  facts: KernelFacts,
  configuration: KernelConfiguration | undefined,
  kernel: string,
): readonly Finding[] {
  const { kernel: wanted } = arch;
  if (!facts.arches.includes(wanted.arch)) {
    const near = nearest(wanted.arch, facts.arches);
    const known = near.length > 0 ? near.join(' or ') : facts.arches.join(' ');
    return [finding.fault('kernel.arch', wanted.arch, `${kernel} has no such ARCH; it has ${known}`)];
  }
  return [
    ...goalFindings(arch, facts, kernel),
    ...deviceTreeFindings(arch, facts, kernel),
    ...symbolFindings(arch, facts, configuration, kernel),
    ...commandLineFindings(arch, facts, kernel),
    ...(configuration?.succeeded === true ? driverFindings(arch, configuration) : []),
  ];
}

/** Goals that the top-level makefile has for every arch. */
const commonGoals = ['vmlinux', 'dtbs', 'modules', 'all'];

/** Whether a makefile of the arch mentions a goal or file. */
function isMade(name: string, { makefile, bootMakefile }: KernelFacts): boolean {
  const word = new RegExp(
    `(^|[^A-Za-z0-9_.-])${name.replaceAll(/[.+*?()|[\]{}\\^$]/g, '\\$&')}($|[^A-Za-z0-9_-])`,
    'm',
  );
  return word.test(makefile) || word.test(bootMakefile);
}

/** Files that the arch's own makefiles build for booting. */
export function bootTargets(facts: KernelFacts): readonly string[] {
  const text = `${facts.makefile}\n${facts.bootMakefile}`.replaceAll('\\\n', ' ');
  const lists = [...text.matchAll(/^(?:BOOT_TARGETS|KBUILD_IMAGE|targets|all)\s*[:+?]?[:=]+\s*(.*)$/gm)];
  const words = lists.flatMap(([, list = '']) => list.split(/\s+/)).map((word) => word.replace(/^.*\//, ''));
  return [
    ...new Set(
      words.filter((word) => /^[A-Za-z][A-Za-z0-9_.]*$/.test(word) && !/\.(o|S|lds|a|so)$/.test(word)),
    ),
  ];
}

function goalFindings({ kernel: wanted }: Arch, facts: KernelFacts, kernel: string): readonly Finding[] {
  const findings: Finding[] = [];
  const known = [...bootTargets(facts), ...commonGoals];
  wanted.goals.forEach((goal, index) => {
    if (commonGoals.includes(goal) || isMade(goal, facts)) return;
    const near = nearest(goal, known);
    findings.push(
      finding.fault(
        `kernel.goals[${String(index)}]`,
        goal,
        `no makefile of ${wanted.arch} in ${kernel} makes it; there are ${(near.length > 0 ? near : known).join(' ')}`,
      ),
    );
  });
  const file = wanted.image.replace(/^.*\//, '');
  const directory = wanted.image.slice(0, -file.length);
  if (wanted.image === 'vmlinux') {
    if (!wanted.goals.some((goal) => goal === 'vmlinux' || goal === 'all'))
      findings.push(
        finding.fault('kernel.image', wanted.image, 'no goal in kernel.goals builds it; add vmlinux there'),
      );
  } else if (!/^arch\/[a-z0-9_]+\/boot\//.test(directory)) {
    findings.push(
      finding.fault('kernel.image', wanted.image, `must be vmlinux or a file below arch/${wanted.arch}/boot`),
    );
  } else if (!isMade(file, facts)) {
    findings.push(
      finding.fault(
        'kernel.image',
        wanted.image,
        `no makefile of ${wanted.arch} in ${kernel} makes ${file}; there are ${known.join(' ')}`,
      ),
    );
  }
  return findings.length > 0 ? findings : [finding.ok('kernel.image', wanted.image, `${kernel} makes it`)];
}

function deviceTreeFindings(
  { kernel: wanted }: Arch,
  facts: KernelFacts,
  kernel: string,
): readonly Finding[] {
  const blob = wanted.deviceTree;
  if (blob === undefined) return [];
  const source = blob.replace(/\.dtb$/, '.dts');
  if (facts.deviceTrees.includes(source)) {
    return wanted.goals.includes('dtbs') || wanted.goals.includes('all')
      ? [finding.ok('kernel.deviceTree', blob, `${kernel} has its source`)]
      : [finding.fault('kernel.deviceTree', blob, 'no goal in kernel.goals builds it; add dtbs there')];
  }
  const base = source.replace(/^.*\//, '');
  const same = facts.deviceTrees.filter((file) => file.endsWith(`/${base}`));
  const names = new Map(facts.deviceTrees.map((file) => [file.replace(/^.*\//, ''), file]));
  const near =
    same.length > 0 ? same : nearest(base, [...names.keys()]).map((name) => names.get(name) ?? name);
  const hint = near.length > 0 ? `; there is ${near.join(', ').replaceAll('.dts', '.dtb')}` : '';
  return [finding.fault('kernel.deviceTree', blob, `${kernel} has no ${source}${hint}`)];
}

/** Where a wanted symbol comes from: the descriptor's own field, or a default set. */
function fieldOf(arch: Arch, name: string): string {
  const index = arch.kernel.symbols.findIndex((symbol) => parseSymbol(symbol).name === name);
  if (index >= 0) return `kernel.symbols[${String(index)}]`;
  return genericSymbols.some((symbol) => parseSymbol(symbol).name === name)
    ? 'kernel.withoutGeneric'
    : 'emulator.virtio';
}

/** Symbols of similar spelling, or else those with most words in common. */
function nearestSymbols(name: string, known: readonly string[]): readonly string[] {
  const spelled = nearest(name, known);
  if (spelled.length > 0) return spelled;
  const words = name.split('_');
  const shared = (other: string): number => other.split('_').filter((word) => words.includes(word)).length;
  return known
    .map((other) => ({ other, score: shared(other) / (other.split('_').length + words.length) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.other < b.other ? -1 : 1))
    .slice(0, 3)
    .map(({ other }) => other);
}

function symbolFindings(
  arch: Arch,
  facts: KernelFacts,
  configuration: KernelConfiguration | undefined,
  kernel: string,
): readonly Finding[] {
  const wanted = wantedSymbols(arch);
  const unknown = wanted.filter(({ name, value }) => value !== 'n' && !facts.symbols.has(name));
  const findings = unknown.map((symbol) => {
    const near = nearestSymbols(symbol.name, [...facts.symbols.keys()]);
    const hint = near.length > 0 ? `; the nearest are ${near.join(', ')}` : '';
    return finding.fault(
      fieldOf(arch, symbol.name),
      symbol.name,
      `${kernel} has no such symbol for ARCH=${arch.kernel.arch}${hint}`,
    );
  });
  if (configuration === undefined) return findings;
  if (!configuration.succeeded) {
    const lines = configuration.log.trim().split('\n').slice(-5);
    return [
      ...findings,
      finding.fault('kernel.arch', arch.kernel.arch, ['make allnoconfig fails:', ...lines].join('\n')),
    ];
  }
  const dropped = wanted.filter(
    ({ name, value }) => facts.symbols.has(name) && (configuration.values.get(name) ?? 'n') !== value,
  );
  const all = [
    ...findings,
    ...dropped.map((symbol) => droppedFinding(arch, symbol, facts, configuration, kernel)),
  ];
  if (all.length > 0) return all;
  return [
    finding.ok(
      'kernel.symbols',
      '',
      `all ${String(wanted.length)} are in the final configuration of ${kernel}`,
    ),
  ];
}

function droppedFinding(
  arch: Arch,
  { name, value }: WantedSymbol,
  facts: KernelFacts,
  { values }: KernelConfiguration,
  kernel: string,
): Finding {
  const field = fieldOf(arch, name);
  const has = values.get(name) ?? 'n';
  const places = facts.symbols.get(name) ?? [];
  const lacking = [...new Set(places.flatMap(({ needs }) => unmet(needs, values)))];
  const where = places.map(({ place }) => place).join(', ');
  const why =
    has !== 'n'
      ? 'another symbol or its range determines it'
      : lacking.length > 0
        ? `it depends on ${lacking.join(', ')}, which ${lacking.length === 1 ? 'is' : 'are'} not set`
        : 'the condition of something around it there (a menu, a choice, an if) is not met';
  const remedy = field === 'kernel.withoutGeneric' ? '; or name it here if this arch does without it' : '';
  const asked = field.startsWith('kernel.symbols')
    ? (arch.kernel.symbols.find((symbol) => parseSymbol(symbol).name === name) ?? name)
    : name;
  return finding.fault(
    field,
    asked,
    `is ${value === 'y' || value === 'n' ? '' : `not ${value} but `}${has} in the final configuration of ${kernel}: ${why} (${where})${remedy}`,
  );
}

/** Symbols of an expression that are off and would help if they were on. */
function unmet(needs: string, values: ReadonlyMap<string, string>): readonly string[] {
  return [...needs.matchAll(/(!\s*)?\b([A-Z0-9][A-Z0-9_]{2,})\b/g)].flatMap(([, not, name = '']) => {
    const on = values.has(name);
    return not === undefined ? (on ? [] : [name]) : on ? [`!${name}`] : [];
  });
}

function commandLineFindings({ emulator }: Arch, facts: KernelFacts, kernel: string): readonly Finding[] {
  const wanted = emulator.commandLineLimit;
  const sizes = facts.commandLine.flatMap(({ size }) => size ?? []);
  // Several are conditional, and which one applies is unknown here; so is the value of one that is not a number.
  if (sizes.includes(wanted) || sizes.length === 0 || sizes.length < facts.commandLine.length) return [];
  const says = facts.commandLine
    .map(({ place, size }) => `COMMAND_LINE_SIZE of ${kernel} is ${String(size)} (${place})`)
    .join(', or ');
  const most = Math.max(...sizes);
  return wanted > most
    ? [finding.fault('emulator.commandLineLimit', String(wanted), `${says}; write ${String(most)}`)]
    : [finding.note('emulator.commandLineLimit', String(wanted), says)];
}

/** Console and objtool: what the final configuration says about other fields. */
function driverFindings(arch: Arch, { values }: KernelConfiguration): readonly Finding[] {
  const { console } = arch.emulator;
  const name = console.replace(/\d+$/, '');
  const drivers = consoleDrivers.filter((driver) => driver.console === name);
  const present = drivers.find(({ symbol }) => values.get(symbol) === 'y');
  const findings: Finding[] = [];
  if (present !== undefined) {
    findings.push(finding.ok('emulator.console', console, `the kernel has ${present.symbol}`));
  } else if (drivers.length > 0) {
    const other = consoleDrivers
      .filter(({ symbol }) => values.get(symbol) === 'y')
      .map((driver) => driver.console);
    const has = other.length > 0 ? `; the kernel's consoles are ${[...new Set(other)].join(' ')}` : '';
    findings.push(
      finding.fault(
        'emulator.console',
        console,
        `the kernel has no driver for it: add ${drivers.map(({ symbol }) => symbol).join(' or ')} to kernel.symbols${has}`,
      ),
    );
  }
  const objtool = values.get('OBJTOOL') === 'y';
  if (objtool !== arch.kernel.objtool) {
    const [does, write] = objtool ? ['runs', 'true'] : ['does not run', 'false'];
    findings.push(
      finding.fault(
        'kernel.objtool',
        String(arch.kernel.objtool),
        `this kernel's build ${does} objtool; write ${write}`,
      ),
    );
  }
  return findings;
}
