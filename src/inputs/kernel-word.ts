/**
 * Why the kernel's command line cannot hold this as one word; undefined: it can. The kernel splits the line at white space
 * outside double quotes, for which it knows no escape. It takes the byte 160, which is part of many characters beyond
 * ASCII, for white space too. From `--` on, everything is init's.
 */
export function kernelWordFault(word: string): string | undefined {
  if (word === '') return 'is empty';
  if (word === '--') return 'is --, behind which the kernel takes nothing for its own';
  if (word.includes('"')) {
    return 'has a double quote, which the kernel reads as grammar; words with spaces are quoted by themselves';
  }
  if (!/^[ -~]+$/.test(word)) return 'has a character that is not printable ASCII';
  return undefined;
}

/** A word as the kernel's command line holds it: with spaces, it is quoted in the way of the kernel's documentation. */
export function kernelWord(word: string): string {
  if (!word.includes(' ')) return word;
  const [, name, value] = /^([^ =]+=)(.*)$/.exec(word) ?? [];
  return name === undefined || value === undefined ? `"${word}"` : `${name}"${value}"`;
}
