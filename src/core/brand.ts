declare const brand: unique symbol;

/** A string that carries an identity; only the one function named after its brand may cast to it. */
export type Brand<Name extends string> = string & { readonly [brand]: Name };
