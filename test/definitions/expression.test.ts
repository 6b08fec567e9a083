import { expect, test } from 'vitest';
import { posixExpression } from '../../src/definitions/expression.ts';

test.each([
  ['(usr/)?s?bin/.*', '(usr/)?s?bin/.*'],
  [String.raw`lib[^/]*\.so(\.\d+)*`, String.raw`lib[^/]*\.so(\.[0-9]+)*`],
  [String.raw`(?:a|b)\-c\/d`, '(a|b)-c/d'],
  [String.raw`[\d.]+\w*`, '[0-9.]+[A-Za-z0-9_]*'],
  [String.raw`a\\b`, String.raw`a\\b`],
  [String.raw`x[\.]y`, 'x[.]y'],
])('%s is %s for awk', (written, expression) => {
  expect(posixExpression(written)).toEqual({ expression });
});

test.each([
  ['usr/(lib', 'is not a regular expression: usr/(lib'],
  ['(?!usr)x', 'has (?, which is not supported: (?!usr)x'],
  ['.*?x', 'has *?, which is not supported: .*?x'],
  [String.raw`\bx`, String.raw`has \b, which is not supported: \bx`],
])('%s is refused', (written, fault) => {
  expect(posixExpression(written)).toEqual({ fault });
});
