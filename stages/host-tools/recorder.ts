import type { Action, Platform, Ref } from '../../src/plan/action.ts';
import { defineAction, run } from '../../src/plan/builder.ts';

/**
 * What writes down the commands that an action runs. No plan holds it beside others, because no result depends on it; so
 * it is made of the machine's programs alone, like busybox, whose own commands are to be recorded too.
 */
export function recorder(build: Platform, source: Extract<Ref, { kind: 'file' }>): Action {
  return defineAction({
    name: 'host-tools/recorder',
    description: 'writes down the commands that an action runs',
    platform: build,
    tools: [],
    inputs: { '/': [{ kind: 'compiler' }, { kind: 'machine-utilities' }], '/src/recorder.c': source },
    commands: [
      run(['mkdir', '/out/bin']),
      run(['gcc', '-O2', '-static', '-o', '/out/bin/recorder', '/src/recorder.c']),
    ],
    outputs: { out: '/out' },
    weight: 1,
    provides: { out: ['recorder'] },
  });
}
