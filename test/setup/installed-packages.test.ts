import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../cli/rig.ts';
import { packagesFault } from './installed-packages.ts';

test('packages that ./bootstrap did not install, or that are not those of the lock, are refused', () => {
  const directory = temporaryDirectory();
  const stamp = path.join(directory, 'node_modules/.installed-dev-package-lock.json');
  mkdirSync(path.dirname(stamp));
  writeFileSync(path.join(directory, 'package-lock.json'), '{"lockfileVersion": 3}');
  const hint = 'run ./bootstrap --install-dev';
  expect(packagesFault(directory)).toBe(
    `the node packages in ${directory} were not installed by ./bootstrap: ${hint}`,
  );
  writeFileSync(stamp, '{"lockfileVersion": 2}');
  expect(packagesFault(directory)).toBe(
    `the node packages in ${directory} are not those of package-lock.json: ${hint}`,
  );
  writeFileSync(stamp, '{"lockfileVersion": 3}');
  expect(packagesFault(directory)).toBeUndefined();
  rmSync(path.dirname(stamp), { recursive: true });
  expect(packagesFault(directory)).toContain(hint);
});
