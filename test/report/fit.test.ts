import { describe, expect, test } from 'vitest';
import { fit, plainText } from '../../src/report/fit.ts';

describe('fit', () => {
  test.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 1, '…'],
    ['abcd', 0, ''],
    ['', 5, ''],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['e\u0301e\u0301e', 3, 'e\u0301e\u0301e'],
  ])('%j in %i columns', (text, columns, expected) => {
    expect(fit(text, columns)).toBe(expected);
  });
});

describe('plainText', () => {
  test.each([
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['a\tb\rc', 'a b c'],
    ['\u001b[2Jgone\u001b[10A', 'gone'],
    ['\u001b(Bx', 'x'],
  ])('%j', (text, expected) => {
    expect(plainText(text)).toBe(expected);
  });
});
