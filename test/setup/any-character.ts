import fc from 'fast-check';

/**
 * Any Unicode scalar value, every second one of ASCII, which is where shells and formats have their special characters.
 * fast-check's own unit `binary` first fills a table of all million of them, for every arbitrary that uses it.
 */
export const anyCharacter = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCodePoint(code)),
  // Without the 0x800 surrogates from 0xd800 on, which are no characters.
  fc
    .integer({ min: 0, max: 0x10ffff - 0x800 })
    .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800)),
);
