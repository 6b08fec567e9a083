import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startTyping } from '../../src/image-test/typist.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('types the next piece when the one before has been echoed, in whatever parts', () => {
  const typed: string[] = [];
  const typist = startTyping('0123456789abcdefXYZ\n', (piece) => typed.push(piece));
  expect(typed).toEqual(['01234567']);
  typist.heard('0123');
  typist.heard('456');
  expect(typed).toHaveLength(1);
  typist.heard('7');
  expect(typed).toEqual(['01234567', '89abcdef']);
  typist.heard('89abcdef\r\n');
  expect(typed.join('')).toBe('0123456789abcdefXYZ\n');
  typist.heard('XYZ\r\n');
  vi.runAllTimers();
  expect(typed).toHaveLength(3);
});

test('never sends more than an emulator buffers, while the guest echoes', () => {
  let underWay = 0;
  let most = 0;
  const queue: string[] = [];
  const typist = startTyping('x'.repeat(1000), (piece) => {
    underWay += piece.length;
    most = Math.max(most, underWay);
    queue.push(...piece);
  });
  while (queue.shift() !== undefined) {
    underWay--;
    typist.heard('x');
  }
  expect(most).toBeLessThanOrEqual(16);
});

test('a console without echo is typed on slowly, and not after the end', () => {
  const typed: string[] = [];
  const typist = startTyping('0123456789abcdefXYZ\n', (piece) => typed.push(piece));
  vi.runOnlyPendingTimers();
  expect(typed).toEqual(['01234567', '89abcdef']);
  typist.stop();
  vi.runAllTimers();
  typist.heard('0123456789abcdef');
  expect(typed).toHaveLength(2);
});
