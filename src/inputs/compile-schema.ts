import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';

/**
 * The validator of a schema, compiled on first use: compiling takes longer than validating, and most commands read few
 * kinds of files. The schemas are our own, and a test validates them against the meta-schema: doing that at every start would
 * double the cost, and so would optimizing code that runs once.
 */
export function compileSchema(schema: AnySchema): () => ValidateFunction {
  let validate: ValidateFunction | undefined;
  return () => {
    const options = { allErrors: true, verbose: true, discriminator: true };
    validate ??= new Ajv({
      ...options,
      meta: false,
      validateSchema: false,
      code: { optimize: false },
    }).compile(schema);
    return validate;
  };
}
