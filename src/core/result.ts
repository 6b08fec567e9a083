/** The outcome of something that may fail in an expected way. An exception, by contrast, is a bug of ours. */
export type Result<Value, Failed> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failure: Failed };

export function ok<Value>(value: Value): {
  readonly ok: true;
  readonly value: Value;
} {
  return { ok: true, value };
}

export function failed<Failed>(failure: Failed): {
  readonly ok: false;
  readonly failure: Failed;
} {
  return { ok: false, failure };
}

/** Closes a switch over a tagged union: it does not compile while a variant is unhandled. */
export function unreachable(value: never): never {
  throw new Error(`unreachable variant: ${JSON.stringify(value)}`);
}
