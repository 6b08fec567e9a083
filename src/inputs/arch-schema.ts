import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { facilities, type Arch, type ArchDescriptor } from './arch.ts';
import { compileSchema } from './compile-schema.ts';
import { archFaults } from './arch-rules.ts';
import { schemaFault } from './schema-fault.ts';

type OptionalFields<T> = { [Field in keyof T]-?: object extends Pick<T, Field> ? Field : never }[keyof T];

/** JSON schema of an object with exactly the fields of `T`: a field that is added there and not here is a type error. */
interface ObjectSchema<T> {
  readonly type: 'object';
  readonly description?: string;
  readonly additionalProperties: false;
  readonly required: readonly Exclude<keyof T, OptionalFields<T>>[];
  readonly properties: { readonly [Field in keyof T]-?: SchemaOf<NonNullable<T[Field]>> };
}

/** In brackets, so that a union such as `32 | 64` is one schema and not a union of schemas. */
type SchemaOf<T> = [T] extends [string]
  ? {
      readonly type: 'string';
      /** What the text must be, to follow "must be" in messages. */
      readonly description?: string;
      readonly pattern?: string;
      readonly enum?: readonly T[];
    }
  : [T] extends [number]
    ? { readonly type: 'integer'; readonly enum?: readonly T[]; readonly minimum?: number }
    : [T] extends [boolean]
      ? { readonly type: 'boolean' }
      : [T] extends [readonly (infer Item)[]]
        ? {
            readonly type: 'array';
            readonly items: SchemaOf<Item>;
            readonly minItems?: number;
            readonly uniqueItems?: true;
          }
        : ObjectSchema<T>;

const word = { type: 'string', pattern: '^\\S+$', description: 'one word' } as const;
const words = { type: 'array', uniqueItems: true, items: word } as const;
const symbolName = '[A-Za-z0-9_]+';
const relativePath = {
  type: 'string',
  pattern: '^(?!\\.\\.?(?:/|$))[^/\\s]+(?:/(?!\\.\\.?(?:/|$))[^/\\s]+)*$',
  description: 'a relative path without "." and ".."',
} as const;

const version = {
  type: 'string',
  pattern: '^\\d+(\\.\\d+)*$',
  description: 'a version such as 6.5',
} as const;
const kernelBuild = {
  goals: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    items: word,
  },
  image: relativePath,
  deviceTree: relativePath,
  symbols: {
    type: 'array',
    items: {
      type: 'string',
      pattern: `^${symbolName}(=[^\\n]+)?$`,
      description: 'SYMBOL or SYMBOL=value',
    },
  },
  withoutGeneric: {
    type: 'array',
    uniqueItems: true,
    items: { type: 'string', pattern: `^${symbolName}$`, description: 'a SYMBOL' },
  },
  objtool: { type: 'boolean' },
  bash: { type: 'boolean' },
} as const;

/** JSON schema of what a module in `arches/` exports. Also committed as arch.schema.json, for other programs. */
export const archSchema = {
  type: 'object',
  description: 'A target, as data',
  additionalProperties: false,
  required: [
    'name',
    'aliases',
    'summary',
    'bits',
    'byteOrder',
    'triple',
    'unameMachines',
    'gcc',
    'musl',
    'kernel',
    'emulator',
  ],
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z][a-z0-9_]*$',
      description: 'lower-case letters, digits and _, beginning with a letter',
    },
    aliases: words,
    summary: { type: 'string', pattern: '^[^\\n]+$', description: 'one line' },
    bits: { type: 'integer', enum: [32, 64] },
    byteOrder: { type: 'string', enum: ['little', 'big'] },
    triple: {
      type: 'string',
      pattern: '^[a-z0-9_]+(-[a-z0-9_]+){2,3}$',
      description: 'a GNU triple in lower case',
    },
    unameMachines: words,
    runsOn: words,
    gcc: {
      type: 'object',
      additionalProperties: false,
      required: ['configure'],
      properties: {
        configure: {
          type: 'array',
          uniqueItems: true,
          items: {
            type: 'string',
            pattern: '^--(with|without|enable|disable)-[a-z0-9-]+(=\\S*)?$',
            description: 'a configure switch such as --with-arch=NAME',
          },
        },
        libgccVersion: { type: 'integer', minimum: 1 },
      },
    },
    musl: {
      type: 'object',
      additionalProperties: false,
      required: ['arch', 'loader'],
      properties: {
        arch: word,
        loader: {
          type: 'string',
          pattern: '^ld-musl-[a-z0-9_-]+\\.so\\.1$',
          description: 'a file name of the form ld-musl-NAME.so.1',
        },
      },
    },
    glibc: {
      type: 'object',
      additionalProperties: false,
      required: ['loader'],
      properties: {
        loader: {
          type: 'string',
          pattern: '^/lib(64)?/ld[a-z0-9_-]*\\.so\\.[0-9]$',
          description: 'a path of the form /lib/ld-NAME.so.N',
        },
      },
    },
    kernel: {
      type: 'object',
      additionalProperties: false,
      required: ['arch', 'goals', 'image', 'symbols', 'withoutGeneric', 'objtool'],
      properties: {
        arch: word,
        ...kernelBuild,
        since: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['version'],
            properties: { version, ...kernelBuild },
          },
        },
      },
    },
    unsupported: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['source', 'reason'],
        properties: {
          source: { type: 'string', pattern: '^[a-z0-9][a-z0-9.+-]*$', description: 'the name of a source' },
          from: version,
          before: version,
          reason: { type: 'string', pattern: '^\\S[^\\n]*$', description: 'a reason, in one line' },
        },
      },
    },
    emulator: {
      type: 'object',
      additionalProperties: false,
      required: [
        'program',
        'debianPackage',
        'machine',
        'console',
        'memory',
        'virtio',
        'network',
        'arguments',
        'commandLineLimit',
      ],
      properties: {
        program: { type: 'string', pattern: '^qemu-system-[a-z0-9_]+$', description: 'qemu-system-NAME' },
        debianPackage: {
          type: 'string',
          pattern: '^[a-z0-9][a-z0-9+.-]+$',
          description: 'the name of a Debian package',
        },
        machine: word,
        cpu: word,
        console: word,
        memory: {
          type: 'object',
          additionalProperties: false,
          required: ['preset'],
          properties: {
            preset: { type: 'integer', minimum: 1 },
            limit: { type: 'integer', minimum: 1 },
          },
        },
        processors: { type: 'integer', minimum: 1 },
        virtio: { type: 'string', enum: ['pci', 'device', 'ccw'] },
        virtioPlaces: {
          type: 'array',
          uniqueItems: true,
          items: {
            type: 'string',
            pattern: '^[a-z0-9_-]+=[^,\\s]+(,[a-z0-9_-]+=[^,\\s]+)*$',
            description: 'options of -device such as addr=1.0,multifunction=on',
          },
        },
        network: word,
        networkBy: { type: 'string', enum: ['nic', 'device'] },
        clockBy: { type: 'string', enum: ['board', 'command-line'] },
        kernelWords: {
          type: 'array',
          uniqueItems: true,
          items: { type: 'string', pattern: '^[^\\n]+$', description: 'one line' },
        },
        arguments: {
          type: 'array',
          items: { type: 'string', pattern: '^[^\\n]+$', description: 'one line' },
        },
        commandLineLimit: { type: 'integer', minimum: 256 },
        lacks: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['facility', 'reason'],
            properties: {
              facility: { type: 'string', enum: facilities },
              reason: { type: 'string', pattern: '^\\S[^\\n]*$', description: 'a reason, in one line' },
              emulatorBefore: {
                type: 'string',
                pattern: '^\\d+\\.\\d+(\\.\\d+)?$',
                description: 'a version of the emulator such as 8.0',
              },
            },
          },
        },
        userProgram: {
          type: 'string',
          pattern: '^qemu-(?!system-)[a-z0-9_]+$',
          description: 'qemu-NAME, the emulator of single programs',
        },
      },
    },
  },
} as const satisfies ObjectSchema<ArchDescriptor>;

const archCheck = compileSchema(archSchema);

/**
 * Checks what a module in `arches/` exports as `arch`: first against the schema, then for consistency. Returns all
 * faults, each with its field.
 *
 * @param file the module's path in the repository, for messages; its base name must be the arch's name.
 */
export function checkArch(value: unknown, file: string): Result<Arch, Failure> {
  const validate = archCheck();
  const malformed = validate(value) ? [] : (validate.errors ?? []).map(schemaFault);
  const faults = [
    ...malformed,
    ...archFaults(
      value as Arch,
      file,
      malformed.map(({ field }) => field),
    ),
  ];
  return faults.length === 0 ? ok(value as Arch) : failed({ reason: 'bad-input', file, faults });
}
