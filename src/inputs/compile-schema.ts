import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';

/**
 * The check of a schema, made when it is first asked for: making it takes longer than checking, and most commands read few
 * kinds of files. The schemas are our own, and a test holds them against the rules of schemas: at every start that would
 * cost as much again, and so would polishing code that runs once.
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
