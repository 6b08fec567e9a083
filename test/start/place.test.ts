import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { cacheDirectory } from '../../src/start/place.cjs';
import { tidy } from '../../src/start/tidy.mjs';

function temporaryDirectory(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'place-test-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

describe('the cache of compiled programs', () => {
  function cacheIn(home: string): string {
    vi.stubEnv('XDG_CACHE_HOME', home);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });
    return cacheDirectory('/checkout');
  }

  test('can be accessed by this user only', () => {
    const home = temporaryDirectory();
    expect(cacheIn(home)).toBe(path.join(home, 'bootstrap/compiled'));
    expect(cacheIn(home)).toBe(path.join(home, 'bootstrap/compiled'));
  });

  test('of another user is refused', () => {
    const home = temporaryDirectory();
    const made = cacheIn(home);
    const own = process.geteuid?.() ?? 0;
    vi.spyOn(process, 'geteuid').mockReturnValue(own + 1);
    expect(() => cacheIn(home)).toThrow(
      `${made} belongs to another user (${String(own)}). Remove it and run this again.`,
    );
  });

  test('that can be read by others is refused', () => {
    const home = temporaryDirectory();
    chmodSync(cacheIn(home), 0o755);
    expect(() => cacheIn(home)).toThrow('is open to other users (mode 755)');
  });
});

describe('tidying up', () => {
  test('keeps the latest, those in use, and those that may still be incomplete', () => {
    const parent = temporaryDirectory();
    const make = (name: string, age: number): void => {
      mkdirSync(path.join(parent, name));
      const time = new Date(Date.now() - age * 1000);
      utimesSync(path.join(parent, name), time, time);
    };
    ['current', 'a', 'b', 'c', 'd', 'used', 'e'].forEach((name, index) => make(name, index * 10_000));
    make('new-young', 60);
    make('new-old', 100_000);
    const held = openSync(path.join(parent, 'used'), 'r');
    tidy(parent, 'current');
    closeSync(held);
    expect(readdirSync(parent).sort()).toEqual(['a', 'b', 'c', 'current', 'new-young', 'used']);
  });
});
