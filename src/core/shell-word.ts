/**
 * A word that a POSIX shell reads back as exactly this text, wherever a word can stand. Words that need no quotes have
 * none. Throws on NUL, which no argument can hold.
 */
export function quoteWord(text: string): string {
  if (text.includes('\0')) throw new Error('a NUL character cannot be written in a shell script');
  return /^[A-Za-z0-9_/.,:=+@%-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
