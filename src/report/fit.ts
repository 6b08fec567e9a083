// ANSI sequences: CSI (colours, cursor), OSC (titles, links) up to its end, and two-character ones.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

/** Text that cannot move the cursor: escape sequences removed, tabs and other control characters made spaces. */
export function plainText(text: string): string {
  return text.replace(escapes, '').replace(/\p{Cc}/gu, ' ');
}

/** Cuts plain text to a number of columns, with `…` where text was cut. */
export function fit(text: string, columns: number): string {
  if (columns <= 0) return '';
  let width = 0;
  let kept = '';
  for (const character of text) {
    const next = width + columnsOf(character);
    if (next > columns) return `${dropLast(kept, next - columnsOf(character) + 1 - columns)}…`;
    kept += character;
    width = next;
  }
  return kept;
}

/** Removes columns from the end, to make room for `…`. */
function dropLast(text: string, columns: number): string {
  const characters = [...text];
  let left = columns;
  while (left > 0 && characters.length > 0) left -= columnsOf(characters.pop() ?? '');
  return characters.join('');
}

function columnsOf(character: string): number {
  if (/\p{M}|\p{Cf}/u.test(character)) return 0;
  return /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}|[\uff01-\uff60]/u.test(
    character,
  )
    ? 2
    : 1;
}
