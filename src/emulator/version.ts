import { listFrom } from './paused.ts';

/** The version in the first line of `--version`: `7.2.22`. Empty if unknown. */
export async function emulatorVersion(program: string): Promise<string> {
  return /version (\d[\w.]*)/.exec(await listFrom(program, ['--version']))?.[1] ?? '';
}

const byNumber = new Intl.Collator('en', { numeric: true });

/** Whether one version of the emulator precedes another; `10.0` comes after `8.2`. */
export function isBefore(version: string, other: string): boolean {
  return byNumber.compare(version, other) < 0;
}
