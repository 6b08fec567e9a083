const hash = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: 'a SHA-256 in lower-case hex',
} as const;
const fileName = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9.+~_-]*$',
  description: 'a plain file name',
} as const;
const path = {
  type: 'string',
  pattern: '^(?!\\.\\.?(?:/|$))[^/\\\\\\u0000-\\u001f]+(?:/(?!\\.\\.?(?:/|$))[^/\\\\\\u0000-\\u001f]+)*$',
  description: 'a relative path without "." and ".."',
} as const;
const paths = { type: 'array', minItems: 1, uniqueItems: true, items: path } as const;

const urlOrigin = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'url', 'sha256'],
  properties: {
    kind: { const: 'url' },
    url: {
      type: 'string',
      pattern: '^https?://[^/\\s?#@]+/[^\\s?#]*[^\\s?#/]$',
      description: 'an http or https URL that ends in a file name',
    },
    sha256: hash,
    directory: path,
    drop: paths,
  },
} as const;

const debianOrigin = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'package', 'suite', 'file', 'sha256'],
  properties: {
    kind: { const: 'debian' },
    package: {
      type: 'string',
      pattern: '^[a-z0-9][a-z0-9.+-]+$',
      description: 'the name of a Debian source package',
    },
    suite: { type: 'string', pattern: '^[a-z][a-z0-9-]*$', description: 'the name of a Debian suite' },
    file: fileName,
    sha256: hash,
    inner: fileName,
    directory: path,
    drop: paths,
  },
} as const;

const version = {
  type: 'string',
  pattern: '^[0-9A-Za-z][0-9A-Za-z.+~_-]*$',
  description: 'a version: letters, digits, and . + ~ _ - inside',
} as const;

/** JSON schema of `sources.lock`. Committed as lock.schema.json too, for editors and other programs. */
export const lockSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  description: 'Pinned sources: versions, licences, trees, and where their archives can be fetched',
  additionalProperties: false,
  required: ['format', 'sourceDateEpoch', 'defaultSet', 'sets', 'sources'],
  properties: {
    format: { type: 'integer', enum: [2] },
    // The upper limit is that of 32-bit file systems and archives.
    sourceDateEpoch: { type: 'integer', minimum: 1, maximum: 2147483647 },
    defaultSet: { type: 'string', description: 'the name of the set that is used if none is named' },
    sets: {
      type: 'object',
      description: 'sets by name, all with a version of the same sources',
      additionalProperties: { type: 'object', additionalProperties: version },
    },
    sources: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'version', 'homepage', 'licence', 'licenceFiles', 'tree', 'origins'],
        properties: {
          name: {
            type: 'string',
            pattern: '^[a-z0-9][a-z0-9.+-]*$',
            description: 'lower-case letters, digits, and . + - inside',
          },
          version,
          homepage: { type: 'string', pattern: '^https?://\\S+$', description: 'an http or https URL' },
          licence: { type: 'string', pattern: '^[A-Za-z0-9().+ -]+$', description: 'an SPDX expression' },
          licenceFiles: paths,
          tree: {
            type: 'string',
            pattern: '^[0-9a-f]{64}-(?:0|[1-9][0-9]*)$',
            description: 'a tree digest: SHA-256 in lower-case hex, a hyphen, a size',
          },
          origins: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              required: ['kind'],
              discriminator: { propertyName: 'kind' },
              oneOf: [urlOrigin, debianOrigin],
            },
          },
        },
      },
    },
  },
} as const;
