import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { smokePrograms } from '../../stages/smoke-test.ts';
import { bootstrap, repository, storedOutput } from './built.ts';
import { bootGuest, expectGuest } from './guest.ts';

const image = `${repository}/out/armv5l/system-image-armv5l`;
/** The host of the main job, whose compiler compiles the image too. */
const request = { arch: 'armv5l', host: 'i686', goal: { kind: 'image', withNative: false } } as const;

describe('the armv5l image, from sources', () => {
  let programs = '';

  beforeAll(async () => {
    await bootstrap('image', 'armv5l', '--host', 'i686');
    programs = await storedOutput(request, 'stage-1-armv5l/smoke-test', 'programs');
  });

  it('lies under out/ with its sums and manifest', () => {
    for (const name of [
      'system-image-armv5l.tar.gz',
      'root-filesystem-armv5l.tar.gz',
      'manifest.json',
      'SHA256SUMS',
    ]) {
      expect(existsSync(`${repository}/out/armv5l/${name}`), name).toBe(true);
    }
    const sums = readFileSync(`${repository}/out/armv5l/SHA256SUMS`, 'utf8');
    expect(sums).toMatch(/^[0-9a-f]{64} {2}system-image-armv5l\.tar\.gz$/m);
  });

  it('is up to date when it is asked for again, and says so', async () => {
    const again = await bootstrap('image', 'armv5l', '--host', 'i686');
    expect(again.stdout + again.stderr).toMatch(/nothing to do/i);
  });

  it('boots to a shell, with network, clock and loopback, and ends when the shell is left', async () => {
    const run = await bootGuest({
      imageDirectory: image,
      typed: 'uname -m; ip address show eth0; ping -c 1 127.0.0.1; date +%s\nexit\n',
    });
    expect(run.timedOut).toBe(false);
    expect(run.emulatorExitCode).toBe(0);
    expect(run.console).toContain('armv5te');
    expect(run.console).toContain('10.0.2.15/24');
    expect(run.console).toMatch(/1 packets received|1 received/);
    const clock = Number(/^(1[0-9]{9})$/m.exec(run.console)?.[1]);
    expect(Math.abs(clock - Date.now() / 1000)).toBeLessThan(60);
  });

  it('runs C and C++ programs of stage 1, static, static and position independent, and dynamic', async () => {
    const files = Object.fromEntries(smokePrograms.map((name) => [name, `${programs}/${name}`]));
    const run = await expectGuest({
      imageDirectory: image,
      files,
      script: smokePrograms.map((name) => `echo "== ${name}"\n./${name} || exit 1\n`).join(''),
    });
    expect(run.output.match(/hello from C, 1, 4/g)).toHaveLength(2);
    expect(run.output.match(/hello from C\+\+, 10, caught/g)).toHaveLength(3);
  });

  it('gives the exit status of what it was handed', async () => {
    const run = await bootGuest({ imageDirectory: image, script: 'exit 7\n' });
    expect(run.status).toBe(7);
    expect(run.emulatorExitCode).toBe(0);
  });
});
