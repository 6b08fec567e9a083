import { verdicts } from './checks.ts';

/** JSON schema of what the last test of each arch with each choice of versions proved, in these areas. */
export function proofsSchema(areas: readonly string[]) {
  const area = {
    type: 'object',
    required: ['verdict'],
    properties: { verdict: { enum: verdicts }, detail: { type: 'string' } },
  };
  return {
    type: 'object',
    additionalProperties: {
      type: 'array',
      items: {
        type: 'object',
        required: ['kernel', 'kernelBytes', 'rootBytes', 'areas'],
        properties: {
          versions: { type: 'string' },
          kernel: { type: 'string' },
          bootSeconds: { type: 'number', minimum: 0 },
          kernelBytes: { type: 'integer', minimum: 0 },
          rootBytes: { type: 'integer', minimum: 0 },
          toolchain: { type: 'string' },
          areas: {
            type: 'object',
            required: areas,
            properties: Object.fromEntries(areas.map((name) => [name, area])),
          },
        },
      },
    },
  };
}
