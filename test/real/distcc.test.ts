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

describe("content with the server's messages", () => {
  const asked = (call: string) => `export DISTCC_SAME_MESSAGES=0; ${call}`;

  test.each([
    ['gcc -Wextra -c falls.c', 'falls.c:1:'],
    ['gcc -Wall -Wextra -O2 -c falls.c', '[-Wimplicit-fallthrough=]'],
    ['gcc -Wall -c indented.c', ''],
    ['gcc -Wall -c macro.c', ''],
  ])('%s compiles there alone, to the same object', (call, message) => {
    const left = rig?.behind(asked(call));
    expect(left).toMatchObject({ way: 'remote', status: 0 });
    expect(left?.files).toEqual(rig?.alone(call).files);
    expect(left?.stderr).toContain(message);
  });

  test.each(['gcc -c bad.c', 'gcc -Wextra -Werror -c falls.c'])(
    '%s says what a compiler alone says',
    (call) => {
      expect(rig?.behind(asked(call))).toEqual({ ...rig?.alone(call), way: 'again' });
    },
  );
});
