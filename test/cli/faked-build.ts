/** `faked-build.ts HOME EDITION-FILE`: builds everything into HOME/out with faked actions; the file's text goes into each product. */
import { readFileSync } from 'node:fs';
import { buildCommand } from '../../src/cli/build-command.ts';
import { selectPlan } from '../../src/repository/select-plan.ts';
import { processSession } from '../../src/cli/session.ts';
import { fakeContext } from '../build/fake-context.ts';

const [home = '', edition = ''] = process.argv.slice(2);
const session = { ...processSession(), cwd: home, env: { HOME: home } };
const goal = { kind: 'everything', withNative: true } as const;
const plan = { arch: 'armv5l', host: 'i686', goal };
const selected = await selectPlan(session.repository, plan);
if (!selected.ok) throw new Error(JSON.stringify(selected.failure));
const open = fakeContext({ selected: selected.value, edition: readFileSync(edition, 'utf8') });
const request = { plan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
process.exit(await buildCommand(session, request, open));
