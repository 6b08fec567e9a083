/** Names in the root of an action that belong to its executor: a tree at `/` may have nothing below them. */
export const rootNames: ReadonlySet<string> = new Set(['build', 'tmp', 'proc', 'dev', 'tools', 'script']);
