import type { Arch } from '../inputs/arch.ts';
import { nearest } from '../core/nearest.ts';
import { finding, type Finding } from './finding.ts';

/** What gcc, binutils and musl say about a triple: the report of the action `check-ARCH/toolchain`. */
export interface ToolchainAnswer {
  /** Undefined: gcc's config.sub does not know the triple, for the reason in `configSub`. */
  readonly canonical?: string;
  readonly configSub?: string;
  /** gcc's name for the processor. Undefined: gcc rejects the triple or the switches, for the reasons in `gccSays`. */
  readonly processor?: string;
  readonly gccSays: readonly string[];
  /** According to binutils; undefined if they do not know the triple. */
  readonly byteOrder?: Arch['byteOrder'];
  readonly bits?: Arch['bits'];
  /** The result of musl's configure; undefined if it gives up, for the reason in `muslSays`. */
  readonly muslArch?: string;
  readonly muslLoader?: string;
  readonly muslSays?: string;
  /** Processor families that musl supports. */
  readonly muslKnown: readonly string[];
}

/** Parses the report. */
export function parseToolchainReport(text: string): ToolchainAnswer {
  const pairs = text
    .split('\n')
    .map((line) => /^([a-z.-]+)=(.*)$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const]));
  const all = (key: string): readonly string[] =>
    pairs.flatMap(([name, value]) => (name === key ? [value] : []));
  const one = <Field extends string>(field: Field, key: string): { readonly [name in Field]?: string } => {
    const [value] = all(key);
    return (value === undefined ? {} : { [field]: value }) as { readonly [name in Field]?: string };
  };
  const [byteOrder] = all('byte-order');
  const [bits] = all('bits');
  return {
    ...one('canonical', 'canonical'),
    ...one('configSub', 'config.sub'),
    ...one('processor', 'gcc.processor'),
    gccSays: all('gcc.says'),
    ...(byteOrder === 'big' || byteOrder === 'little' ? { byteOrder } : {}),
    ...(bits === '32' ? { bits: 32 } : bits === '64' ? { bits: 64 } : {}),
    ...one('muslArch', 'musl.arch'),
    ...one('muslLoader', 'musl.loader'),
    ...one('muslSays', 'musl.says'),
    muslKnown: all('musl.known'),
  };
}

/** Compares a descriptor with that report. `versions` are those of the sources, for messages. */
export function toolchainFindings(
  arch: Arch,
  answer: ToolchainAnswer,
  versions: { readonly gcc: string; readonly binutils: string; readonly musl: string },
): readonly Finding[] {
  const { triple, musl, byteOrder, bits } = arch;
  const gcc = `gcc ${versions.gcc}`;
  if (answer.canonical === undefined) {
    const why = answer.configSub ?? 'not recognized';
    return [
      finding.fault(
        'triple',
        triple,
        `config.sub of ${gcc} does not know it (${why}); it must be PROCESSOR-linux-musl[ABI] with a processor that gcc has`,
      ),
    ];
  }
  const findings: Finding[] = [];
  findings.push(...gccFindings(arch, answer, gcc));
  if (answer.byteOrder === undefined) {
    findings.push(
      finding.fault('triple', triple, `binutils ${versions.binutils} has no object format for it`),
    );
  } else if (answer.byteOrder !== byteOrder) {
    findings.push(
      finding.fault(
        'byteOrder',
        byteOrder,
        `binutils makes ${answer.byteOrder} endian code for ${triple}; write '${answer.byteOrder}'`,
      ),
    );
  }
  // If a switch selects the ABI, the triple alone does not determine the width.
  const abi = arch.gcc.configure.some((word) => word.startsWith('--with-abi='));
  if (answer.bits !== undefined && answer.bits !== bits && !abi) {
    findings.push(
      finding.fault(
        'bits',
        String(bits),
        `binutils has ${String(answer.bits)}-bit objects for ${triple}; write ${String(answer.bits)}`,
      ),
    );
  }
  return [...findings, ...muslFindings(musl, triple, answer, `musl ${versions.musl}`)];
}

function gccFindings(arch: Arch, answer: ToolchainAnswer, gcc: string): readonly Finding[] {
  const { triple } = arch;
  if (answer.processor !== undefined) {
    return [
      finding.ok('triple', triple, `${gcc} takes it as ${answer.canonical ?? ''} (${answer.processor})`),
    ];
  }
  const [why = 'it does not say why', ...more] = answer.gccSays;
  if (/not supported/i.test(why) && why.includes(triple.split('-')[0] ?? triple)) {
    return [
      finding.fault(
        'triple',
        triple,
        `config.gcc of ${gcc} has no entry for ${answer.canonical ?? triple}; look there for one that ends in -linux* and fits`,
      ),
    ];
  }
  const switches = arch.gcc.configure;
  const index = switches.findIndex((word) => why.includes(word) || why.includes(word.split('=')[0] ?? word));
  const field = index < 0 ? 'gcc.configure' : `gcc.configure[${String(index)}]`;
  return [
    finding.fault(
      field,
      switches[index] ?? switches.join(' '),
      [`config.gcc of ${gcc} for ${triple}: ${why}`, ...more].join('\n'),
    ),
  ];
}

function muslFindings(
  musl: Arch['musl'],
  triple: string,
  answer: ToolchainAnswer,
  name: string,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (!answer.muslKnown.includes(musl.arch)) {
    const near = nearest(musl.arch, answer.muslKnown);
    const known = near.length > 0 ? near.join(' or ') : answer.muslKnown.join(' ');
    findings.push(finding.fault('musl.arch', musl.arch, `${name} has no arch/${musl.arch}; it has ${known}`));
  } else if (answer.muslArch !== undefined && answer.muslArch !== musl.arch) {
    findings.push(
      finding.fault(
        'musl.arch',
        musl.arch,
        `configure of ${name} takes ${triple} for ${answer.muslArch}; write '${answer.muslArch}'`,
      ),
    );
  } else {
    findings.push(finding.ok('musl.arch', musl.arch, `${name} has it`));
  }
  if (answer.muslLoader === undefined) {
    findings.push(
      finding.fault(
        'triple',
        triple,
        `configure of ${name} gives up: ${answer.muslSays ?? 'it does not say why'}`,
      ),
    );
  } else if (answer.muslLoader === musl.loader) {
    findings.push(finding.ok('musl.loader', musl.loader, `${name} installs it under this name`));
  } else {
    findings.push(
      finding.fault(
        'musl.loader',
        musl.loader,
        `${name} installs ${answer.muslLoader} for ${triple}; write '${answer.muslLoader}'`,
      ),
    );
  }
  return findings;
}
