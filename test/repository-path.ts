import path from 'node:path';

/** Absolute path of this repository. */
export const repositoryPath = path.resolve(import.meta.dirname, '..');
