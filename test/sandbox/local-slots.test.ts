import { describe, expect, test, vi } from 'vitest';
import type { TokenPool } from '../../src/sandbox/jobserver.ts';
import { LocalSlots, type LocalSlotsOptions } from '../../src/sandbox/local-slots.ts';

/** Tokens that can be counted. */
class CountedTokens implements TokenPool {
  free: number;
  readonly #all: number;
  restored = 0;
  closed = false;

  constructor(tokens: number) {
    this.#all = tokens;
    this.free = tokens;
  }

  take(): boolean {
    if (this.free === 0) return false;
    this.free -= 1;
    return true;
  }

  giveBack(): void {
    this.free += 1;
  }

  restore(): number {
    const missing = this.#all - this.free;
    this.free = this.#all;
    this.restored += missing;
    return missing;
  }

  close(): void {
    this.closed = true;
  }
}

function slots(options: Partial<LocalSlotsOptions> = {}) {
  const jobs = options.jobs ?? 2;
  const tokens = new CountedTokens(jobs);
  const onRoom = vi.fn();
  return { slots: new LocalSlots({ jobs, memoryMiB: 1000, tokens, ...options }, onRoom), tokens, onRoom };
}

const small = { memory: 100 };

describe('room on this machine', () => {
  test('is bounded by jobs, each of which holds a token', () => {
    const { slots: room, tokens, onRoom } = slots();
    const [first, second] = [room.tryReserve(small), room.tryReserve(small)];
    expect(tokens.free).toBe(0);
    expect(room.tryReserve(small)).toBeUndefined();
    expect(onRoom).not.toHaveBeenCalled();
    first?.release();
    expect(onRoom).toHaveBeenCalledTimes(1);
    first?.release();
    expect(onRoom).toHaveBeenCalledTimes(1);
    expect(tokens.free).toBe(1);
    expect(room.tryReserve(small)).toBeDefined();
    second?.release();
  });

  test('is bounded by memory, and has room for one that wants more than there is', () => {
    const { slots: room } = slots({ jobs: 3 });
    const big = room.tryReserve({ memory: 5000 });
    expect(big).toBeDefined();
    expect(room.tryReserve(small)).toBeUndefined();
    big?.release();
    expect(room.tryReserve({ memory: 600 })).toBeDefined();
    expect(room.tryReserve({ memory: 600 })).toBeUndefined();
    expect(room.tryReserve({ memory: 400 })).toBeDefined();
  });

  test('has one job fewer while this machine does other work, but at least one', () => {
    let busy = true;
    const { slots: room } = slots({ jobs: 2, otherWork: () => busy });
    expect(room.tryReserve(small)).toBeDefined();
    expect(room.tryReserve(small)).toBeUndefined();
    busy = false;
    expect(room.tryReserve(small)).toBeDefined();
    expect(slots({ jobs: 1, otherWork: () => true }).slots.tryReserve(small)).toBeDefined();
  });

  test('calls back once a make has returned the token that is wanted', () => {
    vi.useFakeTimers();
    try {
      const { slots: room, tokens, onRoom } = slots();
      room.tryReserve(small);
      tokens.take();
      expect(room.tryReserve(small)).toBeUndefined();
      expect(room.tryReserve(small)).toBeUndefined();
      vi.runAllTimers();
      // One call for all that were refused, and none more unless somebody asks again.
      expect(onRoom).toHaveBeenCalledTimes(1);
      tokens.giveBack();
      expect(room.tryReserve(small)).toBeDefined();
    } finally {
      vi.useRealTimers();
    }
  });

  test('restores tokens that were lost with a killed make, once none is held', () => {
    const { slots: room, tokens } = slots();
    const reservation = room.tryReserve(small);
    tokens.take();
    reservation?.release();
    expect(room.tryReserve(small)).toBeDefined();
    expect(tokens.restored).toBe(1);
  });

  test('closes its tokens, and calls no more', () => {
    vi.useFakeTimers();
    try {
      const { slots: room, tokens, onRoom } = slots();
      room.tryReserve(small);
      tokens.take();
      room.tryReserve(small);
      room.close();
      vi.runAllTimers();
      expect(onRoom).not.toHaveBeenCalled();
      expect(tokens.closed).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
