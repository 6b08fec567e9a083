const text = { type: 'string' } as const;
const texts = { type: 'array', items: text } as const;
const boolean = { type: 'boolean' } as const;
const size = { type: 'integer', minimum: 0 } as const;

/**
 * An object that has all of these fields, may have those of `optional`, and may have others that a later version adds.
 */
function object(required: object, optional: object = {}): object {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } };
}

function list(items: object): object {
  return { type: 'array', items };
}

/** JSON schema of `manifest.json`, format 1. */
export const manifestSchema = object({
  format: { enum: [1] },
  arch: text,
  products: list(
    object(
      { name: text, description: text, action: text, output: text, path: text, size },
      {
        sha256: text,
        files: list(object({ path: text, sha256: text, size })),
        links: list(object({ path: text, target: text })),
      },
    ),
  ),
  builds: list(
    object({
      options: object(
        { host: text, goal: text, withNative: boolean },
        {
          targetCompiler: text,
          versions: object({ set: text }, { instead: { type: 'object', additionalProperties: text } }),
          until: text,
          only: text,
          image: text,
          overlay: text,
          toolchain: object({
            name: text,
            version: text,
            triple: text,
            digest: text,
            dynamicLoader: boolean,
          }),
          kernelConfig: texts,
          acceptedVariants: texts,
        },
      ),
      build: object({ cpu: text, compiler: text }),
      products: texts,
      sources: texts,
      actions: list(object({ name: text, planId: text, key: text })),
    }),
  ),
  sources: list(
    object(
      {
        name: text,
        version: text,
        licence: text,
        homepage: text,
        tree: text,
        origins: list({ type: 'object', additionalProperties: text }),
        patches: list(object({ path: text, digest: text })),
      },
      { variant: object({ origin: text, tree: text }) },
    ),
  ),
});
