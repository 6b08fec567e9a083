/** `endless-build.ts HOME heeds|ignores`: a build whose first action never ends, for tests that signal it. */
import { buildCommand } from '../../src/cli/build-command.ts';
import { selectPlan } from '../../src/repository/select-plan.ts';
import { processSession } from '../../src/cli/session.ts';
import type { OpenBuildContext } from '../../src/build/build-context.ts';
import type { ExecuteRequest } from '../../src/executor/executor.ts';
import { fakeContext } from '../build/fake-context.ts';

const [home = '', mode = ''] = process.argv.slice(2);
const session = { ...processSession(), cwd: home, env: { HOME: home } };
const goal = { kind: 'everything', withNative: true } as const;
const plan = { arch: 'armv5l', host: 'i686', goal };
const selected = await selectPlan(session.repository, plan);
if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
// A pending promise alone keeps no process alive.
setInterval(() => undefined, 1000);
const fake = fakeContext({ selected: selected.value, behaviour: () => new Promise(() => undefined) });
const open: OpenBuildContext = async (request) => {
  const context = await fake(request);
  if (!context.ok || mode === 'heeds') return context;
  const deaf = async ({ onStart }: ExecuteRequest) => {
    await onStart?.();
    return new Promise<never>(() => undefined);
  };
  const executors = context.value.executors.map((executor) => ({ ...executor, execute: deaf }));
  return { ok: true, value: { ...context.value, executors } };
};
const request = { plan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
process.exit(await buildCommand(session, request, open));
