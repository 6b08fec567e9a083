import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { keepIfPossible } from '../executor/keep-left.ts';
import { openResult } from './guest-process.ts';
import { resultNames } from './guest-script.ts';

/** Files and directories of one guest. */
export interface Places {
  readonly scratch: string;
  readonly results: string;
  /** For temporary files of the emulator and of what it starts. */
  readonly temporary: string;
  readonly console: string;
  readonly unpacked: string;
}

/** Name of the scratch disk among what is kept of an action that failed. */
export const keptScratch = 'scratch.img';

/** Keeps the scratch disk of an action that failed. */
export async function keepScratch({ scratch, temporary }: Places, keep: string): Promise<void> {
  await keepIfPossible(async () => {
    const whole = join(temporary, 'kept');
    await mkdir(whole);
    await rename(scratch, join(whole, keptScratch));
    await rename(whole, keep);
  });
}

export async function makePlaces(directory: string): Promise<Places> {
  const places = placesIn(directory);
  await mkdir(places.results, { recursive: true });
  await mkdir(places.temporary);
  return places;
}

function placesIn(directory: string): Places {
  return {
    scratch: join(directory, 'scratch.img'),
    results: join(directory, 'results'),
    temporary: join(directory, 'temporary'),
    console: join(directory, 'console'),
    unpacked: join(directory, 'unpacked'),
  };
}

/** Exit code of the action's script. Undefined: the guest did not get so far. */
export async function statusIn(results: string): Promise<number | undefined> {
  const handle = await openResult(join(results, resultNames.status));
  if (handle === undefined) return undefined;
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(16));
  await handle.close();
  const code = /^([0-9]{1,3})\n$/.exec(buffer.subarray(0, bytesRead).toString())?.[1];
  return code === undefined ? undefined : Number(code);
}
