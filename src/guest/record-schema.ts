const text = { type: 'string' } as const;

/** JSON schema of the record of a guest in the background. */
export const recordSchema = {
  type: 'object',
  required: ['name', 'arch', 'image', 'process', 'port', 'since', 'hostKey'],
  properties: {
    name: text,
    arch: text,
    image: text,
    process: text,
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    since: text,
    hostKey: text,
  },
} as const;
