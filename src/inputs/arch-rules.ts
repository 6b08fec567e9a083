import type { Fault } from '../core/failure.ts';
import { isBefore } from '../core/version-order.ts';
import type { ArchDescriptor } from './arch.ts';
import { virtioDevices } from './virtio-devices.ts';
import { consoleDrivers } from './console-drivers.ts';
import { genericSymbols, parseSymbol } from './kernel-config.ts';
import { kernelWordFault } from './kernel-word.ts';
import { muslArches } from './musl-arches.ts';

/**
 * A rule that a descriptor must obey in addition to the schema of its fields. It reads only the fields in `reads`, and
 * is skipped if one of them is malformed.
 */
interface Rule {
  readonly reads: readonly string[];
  readonly faults: (arch: ArchDescriptor, file: string) => readonly Fault[];
}

/** Console devices that our kernels can have, without their number. */
const consoles = [...new Set(consoleDrivers.map(({ console }) => console))];

const nameIsFileName: Rule = {
  reads: ['name'],
  faults: ({ name }, file) => {
    const expected = file.slice(file.lastIndexOf('/') + 1).replace(/\.ts$/, '');
    return name === expected ? [] : [fault('name', `is ${name}, but the name of the file says ${expected}`)];
  },
};

const aliasesAreOtherNames: Rule = {
  reads: ['name', 'aliases'],
  faults: ({ name, aliases }) =>
    aliases.flatMap((alias, index) =>
      alias === name ? [fault(`aliases[${index}]`, 'repeats the name of the arch')] : [],
    ),
};

const tripleIsPublicMusl: Rule = {
  reads: ['triple'],
  faults: ({ triple }) =>
    /^[a-z0-9_]+-linux-musl[a-z0-9]*$/.test(triple)
      ? []
      : [fault('triple', `must be PROCESSOR-linux-musl[ABI], without a vendor; is ${triple}`)],
};

const armTripleNamesItsAbi: Rule = {
  reads: ['triple'],
  faults: ({ triple }) =>
    /^arm.*-linux-/.test(triple) && !/eabi(hf)?$/.test(triple)
      ? [fault('triple', 'gcc accepts 32-bit ARM only with a triple that ends in eabi or eabihf')]
      : [],
};

const floatFitsTriple: Rule = {
  reads: ['triple', 'gcc.configure', 'musl.loader'],
  faults: ({ triple, gcc, musl }) => {
    if (!/eabi(hf)?$/.test(triple)) return [];
    const wanted = triple.endsWith('hf') ? 'hard' : 'soft';
    const faults: Fault[] = [];
    if (!gcc.configure.includes(`--with-float=${wanted}`)) {
      faults.push(fault('gcc.configure', `must have --with-float=${wanted}, as the triple ${triple} says`));
    }
    if (/hf\.so\.1$/.test(musl.loader) !== (wanted === 'hard')) {
      faults.push(fault('musl.loader', `does not fit the ${wanted}-float triple ${triple}`));
    }
    return faults;
  },
};

const muslKnowsTheArch: Rule = {
  reads: ['musl.arch'],
  faults: ({ musl }) =>
    muslArches.has(musl.arch)
      ? []
      : [fault('musl.arch', `musl does not know ${musl.arch}; it knows ${[...muslArches.keys()].join(' ')}`)],
};

const bitsFitMusl: Rule = {
  reads: ['bits', 'musl.arch'],
  faults: ({ bits, musl }) => {
    const expected = muslArches.get(musl.arch)?.bits;
    return expected === undefined || expected === bits
      ? []
      : [fault('bits', `is ${bits}, but musl's ${musl.arch} has ${expected}`)];
  },
};

const loaderFitsMusl: Rule = {
  reads: ['musl.arch', 'musl.loader'],
  faults: ({ musl }) =>
    musl.loader.startsWith(`ld-musl-${musl.arch}`)
      ? []
      : [fault('musl.loader', `must begin with ld-musl-${musl.arch}; is ${musl.loader}`)],
};

/** The kernel of a descriptor as it is at first, and what is different from some version on; each with its field. */
function kernelBuilds({
  kernel,
}: ArchDescriptor): readonly (readonly [field: string, Partial<ArchDescriptor['kernel']>])[] {
  const since = kernel.since ?? [];
  return [['kernel', kernel], ...since.map((fields, index) => [`kernel.since[${index}]`, fields] as const)];
}

const symbolsAreNamedOnce: Rule = {
  reads: ['kernel.symbols', 'kernel.since'],
  faults: (arch) =>
    kernelBuilds(arch).flatMap(([place, { symbols = [] }]) => {
      const seen = new Set<string>();
      return symbols.flatMap((symbol, index) => {
        const { name } = parseSymbol(symbol);
        const field = `${place}.symbols[${index}]`;
        if (name.startsWith('CONFIG_')) return [fault(field, `write ${name.slice(7)}, without CONFIG_`)];
        if (seen.has(name)) return [fault(field, `names ${name} a second time`)];
        seen.add(name);
        return [];
      });
    }),
};

const withoutGenericIsGeneric: Rule = {
  reads: ['kernel.withoutGeneric', 'kernel.since'],
  faults: (arch) => {
    const generic = new Set(genericSymbols.map((symbol) => parseSymbol(symbol).name));
    return kernelBuilds(arch).flatMap(([place, { withoutGeneric = [] }]) =>
      withoutGeneric.flatMap((name, index) =>
        generic.has(name)
          ? []
          : [fault(`${place}.withoutGeneric[${index}]`, `${name} is not in the generic set`)],
      ),
    );
  },
};

const kernelsAreInOrder: Rule = {
  reads: ['kernel.since'],
  faults: ({ kernel: { since = [] } }) =>
    since.flatMap(({ version }, index) => {
      const before = since[index - 1]?.version;
      return before === undefined || isBefore(before, version)
        ? []
        : [fault(`kernel.since[${index}].version`, `is ${version}, and must be later than ${before}`)];
    }),
};

const unsupportedIsLimited: Rule = {
  reads: ['unsupported'],
  faults: ({ unsupported = [] }) =>
    unsupported.flatMap(({ source, from, before }, index) => {
      const field = `unsupported[${index}]`;
      if (from === undefined && before === undefined)
        return [fault(field, `must have from or before: some version of ${source} has to be supported`)];
      return from !== undefined && before !== undefined && !isBefore(from, before)
        ? [fault(`${field}.before`, `is ${before}, and must be later than ${from}`)]
        : [];
    }),
};

const consoleIsKnown: Rule = {
  reads: ['emulator.console'],
  faults: ({ emulator }) =>
    consoles.some(
      (name) => emulator.console.startsWith(name) && /^\d+$/.test(emulator.console.slice(name.length)),
    )
      ? []
      : [
          fault(
            'emulator.console',
            `must be one of ${consoles.join(' ')} with a number; is ${emulator.console}`,
          ),
        ],
};

const kernelWordsCanBeSaid: Rule = {
  reads: ['emulator.kernelWords'],
  faults: ({ emulator: { kernelWords = [] } }) =>
    kernelWords.flatMap((word, index) => {
      const why = kernelWordFault(word);
      return why === undefined ? [] : [fault(`emulator.kernelWords[${index}]`, why)];
    }),
};

/** Control characters, Unicode line separators, and unpaired surrogates, which no program argument can hold. */
const unprintable = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** Texts go into scripts, arguments and output. This checks everything, malformed or not. */
const textsArePrintable: Rule = {
  reads: [],
  faults: (arch) => unprintableTexts(arch, '', 8),
};

/** `depth`: how much deeper to descend. Anything nested deeper is malformed, and may be a cycle. */
function unprintableTexts(value: unknown, field: string, depth: number): readonly Fault[] {
  if (typeof value === 'string') {
    const [character] = unprintable.exec(value) ?? [];
    if (character === undefined) return [];
    const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return [fault(field, `contains the unprintable character U+${code}`)];
  }
  if (typeof value !== 'object' || value === null || depth === 0) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => unprintableTexts(item, `${field}[${index}]`, depth - 1));
  }
  return Object.entries(value).flatMap(([name, item]) =>
    unprintableTexts(item, field === '' ? name : `${field}.${name}`, depth - 1),
  );
}

const everyDeviceHasAPlace: Rule = {
  reads: ['emulator.virtioPlaces'],
  faults: ({ emulator: { virtioPlaces } }) =>
    virtioPlaces === undefined || virtioPlaces.length === virtioDevices.length
      ? []
      : [
          fault(
            'emulator.virtioPlaces',
            `has ${virtioPlaces.length}, but there are ${virtioDevices.length} devices: ${virtioDevices.join(' ')}`,
          ),
        ],
};

const presetIsWithinLimit: Rule = {
  reads: ['emulator.memory.preset', 'emulator.memory.limit'],
  faults: ({ emulator: { memory } }) =>
    memory.limit === undefined || memory.preset <= memory.limit
      ? []
      : [fault('emulator.memory.preset', `is ${memory.preset}, above the limit of ${memory.limit}`)],
};

const lacksAreNamedOnce: Rule = {
  reads: ['emulator.lacks'],
  faults: ({ emulator: { lacks = [] } }) => {
    const seen = new Set<string>();
    return lacks.flatMap(({ facility }, index) => {
      if (seen.has(facility))
        return [fault(`emulator.lacks[${index}].facility`, `names ${facility} a second time`)];
      seen.add(facility);
      return [];
    });
  },
};

const clockIsNotLacking: Rule = {
  reads: ['emulator.clockBy', 'emulator.lacks'],
  faults: ({ emulator: { clockBy, lacks = [] } }) =>
    clockBy === 'command-line' && lacks.some(({ facility }) => facility === 'clock')
      ? [fault('emulator.clockBy', 'the guest is told the time, but emulator.lacks names clock')]
      : [],
};

const rules: readonly Rule[] = [
  nameIsFileName,
  aliasesAreOtherNames,
  tripleIsPublicMusl,
  armTripleNamesItsAbi,
  floatFitsTriple,
  muslKnowsTheArch,
  bitsFitMusl,
  loaderFitsMusl,
  symbolsAreNamedOnce,
  withoutGenericIsGeneric,
  kernelsAreInOrder,
  unsupportedIsLimited,
  consoleIsKnown,
  kernelWordsCanBeSaid,
  textsArePrintable,
  everyDeviceHasAPlace,
  presetIsWithinLimit,
  lacksAreNamedOnce,
  clockIsNotLacking,
];

/**
 * The faults of a descriptor whose fields are well-formed.
 *
 * @param malformed field paths in which the schema found faults: rules that read them, their parents or their members are skipped.
 */
export function archFaults(
  arch: ArchDescriptor,
  file: string,
  malformed: readonly string[],
): readonly Fault[] {
  const isMalformed = (field: string): boolean =>
    malformed.some((bad) => bad === '' || bad === field || isInside(bad, field) || isInside(field, bad));
  return rules
    .filter((rule) => !rule.reads.some(isMalformed))
    .flatMap((rule) => rule.faults(arch, file))
    .filter(({ field }) => !isMalformed(field));
}

function isInside(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}.`) || inner.startsWith(`${outer}[`);
}

function fault(field: string, message: string): Fault {
  return { field, message };
}
