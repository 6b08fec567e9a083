import { describe, expect, it } from 'vitest';
import { GuestRoom } from '../../src/guest-executor/guest-room.ts';

const board = { memory: { preset: 256, limit: 1024 }, processors: 4 };

describe('room for guests', () => {
  it('ends with the processors or the memory of all guests, and comes back once', () => {
    const room = new GuestRoom(board, { memory: 1000, processors: 2 });
    const first = room.tryReserve({ memory: 64 });
    const second = room.tryReserve({ memory: 64 });
    expect(room.tryReserve({ memory: 64 })).toBeUndefined();
    let told = 0;
    room.onRoom(() => (told += 1));
    first?.release();
    first?.release();
    expect(told).toBe(1);
    expect(room.tryReserve({ memory: 800 })).toBeUndefined();
    expect(room.tryReserve({ memory: 64 })).toBeDefined();
    expect(second).toBeDefined();
  });

  it('is there for one guest, whatever that wants', () => {
    const room = new GuestRoom(board, { memory: 10, processors: 1 });
    const all = room.tryReserve({ memory: 100_000, processors: 100 });
    if (all === undefined) throw new Error('there is no room');
    expect(room.sizeOf(all)).toEqual({ memory: 1024, processors: 1 });
    expect(room.tryReserve({ memory: 0 })).toBeUndefined();
  });

  it.each([
    [{ memory: 0 }, { memory: 256, processors: 1 }],
    [
      { memory: 500, processors: 2 },
      { memory: 692, processors: 2 },
    ],
    [
      { memory: 4000, processors: 9 },
      { memory: 1024, processors: 4 },
    ],
  ])('for %j is a guest of %j', (wanted, size) => {
    const room = new GuestRoom(board, { memory: 4096, processors: 8 });
    const reserved = room.tryReserve(wanted);
    if (reserved === undefined) throw new Error('there is no room');
    expect(room.sizeOf(reserved)).toEqual(size);
  });

  it('is for fewer processors than were wanted while others have the rest', () => {
    const room = new GuestRoom(board, { memory: 4096, processors: 3 });
    const one = room.tryReserve({ memory: 0 });
    const two = room.tryReserve({ memory: 0, processors: 4 });
    expect(one && two && room.sizeOf(two).processors).toBe(2);
    expect(room.tryReserve({ memory: 0, processors: 4 })).toBeUndefined();
  });

  it('is for one processor on a board that says nothing of more', () => {
    const room = new GuestRoom({ memory: { preset: 64 } }, { memory: 4096, processors: 8 });
    const reserved = room.tryReserve({ memory: 0, processors: 2 });
    expect(reserved && room.sizeOf(reserved).processors).toBe(1);
  });
});
