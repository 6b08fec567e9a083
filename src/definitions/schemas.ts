import { commandFields } from './definition.ts';

/** Everything is a text, a list or an object: see `readYaml`. */
const text = { type: 'string', minLength: 1 } as const;
const texts = { type: 'array', items: text } as const;
const number = { type: 'string', pattern: '^(0|[1-9][0-9]{0,8})$', description: 'a number' } as const;
const positive = { type: 'string', pattern: '^[1-9][0-9]{0,5}$', description: 'a positive number' } as const;

/** Part of file names. */
const name = {
  type: 'string',
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9._+@-]*$',
  description: 'a name of letters, digits and . _ + @ -',
} as const;

const definitionPath = {
  type: 'string',
  pattern: '^(?!.*(?:^|/)\\.{1,2}(?:/|$))[^/\\u0000]+(?:/[^/\\u0000]+)*$',
  description: 'a path from the root of the definitions, without . and ..',
} as const;

/** An object with these fields and those that begin with `x-`, which belong to other tools. */
function object(required: readonly string[], properties: Readonly<Record<string, unknown>>) {
  return {
    type: 'object',
    properties,
    required,
    patternProperties: { '^x-': {} },
    additionalProperties: false,
  };
}

const splitRules = {
  type: 'array',
  items: object(['artifact', 'include'], { artifact: text, include: texts }),
} as const;

const commands = Object.fromEntries(commandFields.map((field) => [field, texts]));

const buildMode = { enum: ['staging', 'bootstrap', 'test', 'prelibc'] } as const;

const extensions = {
  type: 'object',
  properties: {
    memory: positive,
    'timeout-minutes': positive,
    'guest-cpus': positive,
    compiler: { enum: ['true', 'false'] },
    distcc: { enum: ['true', 'false'] },
    superuser: { enum: ['true', 'false'] },
    'runtime-depends': { type: 'array', items: name },
    'test-commands': texts,
    'build-mode': buildMode,
  },
  additionalProperties: false,
} as const;

const device = object(['filename', 'type', 'major', 'minor'], {
  filename: { type: 'string', pattern: '^/[^\\u0000]+$', description: 'an absolute path' },
  type: { enum: ['c', 'b'] },
  major: number,
  minor: number,
  permissions: { type: 'string', pattern: '^0?[0-7]{3,4}$', description: 'an octal number' },
  uid: number,
  gid: number,
});

export const chunkSchema = object(['name', 'kind'], {
  name: text,
  kind: { enum: ['chunk'] },
  description: { type: 'string' },
  'build-system': name,
  ...commands,
  'max-jobs': positive,
  products: splitRules,
  'system-integration': {
    type: 'object',
    additionalProperties: { type: 'object', additionalProperties: texts },
  },
  devices: { type: 'array', items: device },
  'x-bootstrap': extensions,
});

const chunkEntry = object(['name', 'repo', 'ref'], {
  name,
  morph: definitionPath,
  repo: text,
  ref: { type: 'string', pattern: '^[^\\s-][^\\s]*$', description: 'a commit, tag or branch' },
  'unpetrify-ref': text,
  sha: { type: 'string', pattern: '^[0-9a-f]{40}$', description: 'a commit of 40 hexadecimal digits' },
  'build-system': name,
  'build-depends': { type: 'array', items: name },
  'build-mode': buildMode,
  prefix: { type: 'string', pattern: '^/[^\\s\\u0000]*$', description: 'an absolute path' },
  submodules: { type: 'object', additionalProperties: object(['url'], { url: text }) },
  artifacts: { type: 'object', additionalProperties: text },
  'x-bootstrap': extensions,
});

export const stratumSchema = object(['name', 'kind', 'chunks'], {
  name,
  kind: { enum: ['stratum'] },
  description: { type: 'string' },
  'build-depends': { type: 'array', items: object(['morph'], { morph: definitionPath }) },
  products: splitRules,
  chunks: { type: 'array', items: chunkEntry },
});

export const systemSchema = object(['name', 'kind', 'arch', 'strata'], {
  name: text,
  kind: { enum: ['system'] },
  description: { type: 'string' },
  arch: name,
  strata: {
    type: 'array',
    items: object(['morph'], { name: text, morph: definitionPath, artifacts: texts }),
  },
  'configuration-extensions': texts,
});

export const defaultsSchema = object([], {
  'build-systems': {
    type: 'object',
    additionalProperties: object([], { ...commands, indicators: texts }),
  },
  'split-rules': object([], { chunk: splitRules, stratum: splitRules }),
});

/** Fields of embEDUx's lists that only Portage can obey. */
const portage = {
  not: {},
  description:
    "belongs to Gentoo's Portage; how a package is built is said in its chunk, and what of it is installed by `artifacts`",
} as const;

/** A list of packages has the shape of embEDUx's file; packages without anything to say are empty objects. */
export const packagesSchema = object(['packages'], {
  global: portage,
  packages: {
    type: 'object',
    additionalProperties: object([], { artifacts: texts, use: portage, kw: portage }),
  },
  pre_install_commands: texts,
  post_install_commands: texts,
});

export const versionSchema = object(['version'], { version: { enum: ['8'] } });
