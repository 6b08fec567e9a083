/**
 * The reason why the kernel's command line cannot hold this as one word; undefined if it can. The kernel splits the line at white space
 * outside double quotes, for which it has no escape. It also treats the byte 160, which is part of many characters beyond
 * ASCII, as white space. Everything after `--` belongs to init.
 */
export function kernelWordFault(word: string): string | undefined {
  if (word === '') return 'is empty';
  if (word === '--') return 'is --, after which the kernel ignores everything';
  if (word.includes('"')) {
    return 'contains a double quote, which is syntax for the kernel; words with spaces are quoted automatically';
  }
  if (!/^[ -~]+$/.test(word)) return 'contains a character that is not printable ASCII';
  return undefined;
}

/** A word as it appears on the kernel's command line: if it has spaces, it is quoted as the kernel's documentation says. */
export function kernelWord(word: string): string {
  if (!word.includes(' ')) return word;
  const [, name, value] = /^([^ =]+=)(.*)$/.exec(word) ?? [];
  return name === undefined || value === undefined ? `"${word}"` : `${name}"${value}"`;
}
