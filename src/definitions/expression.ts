/** What Python's classes of characters are in a bracket of POSIX. */
const classes: Readonly<Record<string, string>> = {
  d: '0-9',
  w: 'A-Za-z0-9_',
  s: ' \\t',
};

/**
 * A regular expression as definitions have it, which are Python's, as an extended one of POSIX, which awk and grep know. Returns what
 * cannot be said there, such as looking ahead, as `fault`.
 */
export function posixExpression(text: string): { readonly expression: string } | { readonly fault: string } {
  try {
    new RegExp(`^(?:${text})$`);
  } catch {
    return { fault: `is not a regular expression: ${text}` };
  }
  let inBracket = false;
  let unknown: string | undefined;
  const expression = text.replaceAll(/\\.|\(\?:?|[*+?}][?+]|[[\]]/g, (part) => {
    if (part === '[' || part === ']') {
      inBracket = part === '[';
      return part;
    }
    const [first, second = ''] = part;
    if (first === '\\') {
      const set = classes[second];
      if (set !== undefined) return inBracket ? set : `[${set}]`;
      if (/[A-Za-z0-9]/.test(second)) unknown ??= part;
      if (inBracket) return second;
      return /[.*+?()[\]{}|^$\\]/.test(second) ? part : second;
    }
    if (inBracket) return part;
    if (part === '(?:') return '(';
    unknown ??= part;
    return part;
  });
  if (unknown !== undefined) return { fault: `has ${unknown}, which is not supported: ${text}` };
  return { expression };
}
