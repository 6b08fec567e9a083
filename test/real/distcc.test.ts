/** distcc's client and server, as they are built for this machine, before the machine's own compiler. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtHostTool } from './built.ts';
import { calls } from './distcc-calls.ts';
import { distccRig, type DistccRig } from './distcc-rig.ts';

let rig: DistccRig | undefined;

beforeAll(async () => {
  rig = await distccRig(await builtHostTool('distcc'));
});
afterAll(() => rig?.end());

describe.each(Object.entries(calls))('%s', (way, list) => {
  test.each(list)('%s', (call) => {
    const alone = rig?.alone(call);
    expect(rig?.behind(call)).toEqual({ ...alone, way });
  });
});
