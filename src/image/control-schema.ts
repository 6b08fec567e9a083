/** JSON schema of a control directory's `control.json`. Committed as control.schema.json too, for editors. */
export const controlSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  description: 'What a control image wants beside its own files',
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    sources: {
      type: 'array',
      description: 'names from sources.lock; the guest has each unpacked at /mnt/sources/NAME',
      uniqueItems: true,
      items: {
        type: 'string',
        pattern: '^[a-z0-9][a-z0-9.+-]*$',
        description: 'the name of a source',
      },
    },
    timeLimitMinutes: {
      type: 'integer',
      description: 'when the guest is ended, whatever it does',
      minimum: 1,
      maximum: 100000,
    },
  },
} as const;
