import { listFrom } from './paused.ts';

/** The version in the first line of `--version`: `7.2.22`. Empty if unknown. */
export async function emulatorVersion(program: string): Promise<string> {
  return /version (\d[\w.]*)/.exec(await listFrom(program, ['--version']))?.[1] ?? '';
}
