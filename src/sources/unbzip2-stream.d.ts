declare module 'unbzip2-stream' {
  /** A decompressing stream of Node's first kind: emits from within `write` and `end`. */
  const unbzip2: () => NodeJS.ReadWriteStream;
  export = unbzip2;
}
