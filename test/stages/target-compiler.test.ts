import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/plan/action.ts';
import { planIds } from '../../src/plan/bind.ts';
import { inputsFor, loadRepository, planInputs, type Repository } from '../../src/repository/load-inputs.ts';
import { imageInputs, wholePlan } from '../../src/repository/select-plan.ts';
import { crossPrograms, crossProgramsAction } from '../../stages/cross-programs.ts';
import { planDeclared } from '../../src/repository/plan-declared.ts';
import type { PlanInputs } from '../../stages/inputs.ts';

let repository: Repository;

beforeAll(async () => {
  const loaded = await loadRepository(fileURLToPath(new URL('../..', import.meta.url)));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.failure));
  repository = { ...loaded.value, runs: ({ name }) => name === 'i686' || name === 'x86_64' };
});

/** Inputs as on a machine for x86_64 that runs programs of i686 too; `compiler` is what `--target-compiler` names. */
async function inputsOf(target: string, host: string, compiler: string): Promise<PlanInputs> {
  const find = async (name: string) => {
    const found = await repository.arches.find(name, 'arch');
    if (!found.ok) throw new Error(name);
    return found.value;
  };
  const compilerHost = compiler === 'build' ? undefined : await find(compiler);
  const inputs = inputsFor(repository, await find(target), await find(host), compilerHost);
  if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
  return { ...inputs.value, build: { os: 'linux', cpu: 'x86_64' } };
}

function planned(inputs: PlanInputs, kind: 'everything' | 'image'): Plan {
  const plan = wholePlan(inputs, { kind, withNative: kind === 'everything' });
  if (!plan.ok) throw new Error(JSON.stringify(plan.failure));
  return plan.value;
}

/** The compilers that a plan compiles, each named after the stage that it belongs to. */
function compilersOf(plan: Plan): readonly string[] {
  return plan.actions.flatMap(({ name }) => /^(.*)\/gcc-build$/.exec(name)?.[1] ?? []).sort();
}

/** Names of the actions of a plan that do not come out of another one's results. */
function newIn(plan: Plan, before: Plan): readonly string[] {
  const known = new Set(planIds(before).values());
  return [...planIds(plan)].flatMap(([name, id]) => (known.has(id) ? [] : [name]));
}

describe('an image that names no host', () => {
  const image = { kind: 'image', withNative: true };
  const toolchain = { prefix: 'arm-linux-gnueabi-', cwd: '/', searchPath: '' };

  it.each([
    [{ goal: image }, 'i686'],
    [{ goal: image, host: 'aarch64' }, undefined],
    [{ goal: image, targetCompiler: 'build' }, undefined],
    [{ goal: image, toolchain, host: 'x86_64' }, 'x86_64'],
    [{ goal: { kind: 'everything', withNative: true }, host: 'x86_64' }, 'x86_64'],
  ])('is built again by the compiler that built it: %j', async (request, expected) => {
    const earlier = () => Promise.resolve({ host: 'i686', targetCompiler: 'i686' });
    const inputs = await imageInputs(repository, { arch: 'armv5', ...request }, earlier);
    if (!inputs.ok) throw new Error(JSON.stringify(inputs.failure));
    expect(inputs.value.target.name).toBe('armv5l');
    expect(inputs.value.compilerHost?.name).toBe(expected);
  });

  it('is built for this machine where there is none yet', async () => {
    const request = { arch: 'armv5l', goal: image };
    const open = await imageInputs(repository, request, () => Promise.resolve(undefined));
    expect(open).toEqual(await planInputs(repository, { arch: 'armv5l' }));
  });
});

describe('which compiler compiles what is made for the target', () => {
  it.each([
    ['armv5l', 'i686', 'i686', ['cross-compiler-armv5l-i686', 'native-compiler-armv5l', 'stage-1-i686']],
    [
      'armv5l',
      'x86_64',
      'x86_64',
      ['cross-compiler-armv5l-x86_64', 'native-compiler-armv5l', 'stage-1-x86_64'],
    ],
    [
      'armv5l',
      'i686',
      'build',
      ['cross-compiler-armv5l-i686', 'native-compiler-armv5l', 'stage-1-armv5l', 'stage-1-i686'],
    ],
    // Nothing is left out where host and target are one machine.
    ['i686', 'i686', 'i686', ['cross-compiler-i686-i686', 'native-compiler-i686', 'stage-1-i686']],
    // A host whose programs do not run here, with a compiler for it that another arch's cross compiler makes.
    [
      'armv5l',
      'aarch64',
      'x86_64',
      [
        'cross-compiler-armv5l-aarch64',
        'cross-compiler-armv5l-x86_64',
        'native-compiler-armv5l',
        'stage-1-aarch64',
        'stage-1-x86_64',
      ],
    ],
  ])('%s for host %s by the compiler on %s makes %j', async (target, host, compiler, expected) => {
    const plan = planned(await inputsOf(target, host, compiler), 'everything');
    expect(compilersOf(plan)).toEqual(expected);
    const names = plan.actions.map(({ name }): string => name);
    for (const step of ['libgcc', 'musl', 'gcc-runtime', 'smoke-test'])
      expect(names).toContain(`stage-1-${target}/${step}`);
  });

  it('an image and the main job share all that both have, whichever comes first', async () => {
    const inputs = await inputsOf('armv5l', 'i686', 'i686');
    const main = planned(inputs, 'everything');
    const image = planned(inputs, 'image');
    expect(compilersOf(image)).toEqual(['cross-compiler-armv5l-i686', 'stage-1-i686']);
    // With a native compiler, an image is another image: only what packs it is new.
    expect(newIn(image, main).filter((name) => !/^(system-image-armv5l|package)\//.test(name))).toEqual([]);
    const stages = new Set(newIn(main, image).map((name) => name.split('/')[0]));
    expect([...stages].sort()).toEqual(
      expect.arrayContaining(['cross-compiler-armv5l-i686', 'native-compiler-armv5l']),
    );
    for (const stage of ['kernel-armv5l', 'root-filesystem-armv5l', 'stage-1-i686'])
      expect(stages).not.toContain(stage);
  });

  it('a second host compiles nothing for the target again with the first compiler', async () => {
    const first = planned(await inputsOf('armv5l', 'i686', 'i686'), 'everything');
    const second = planned(await inputsOf('armv5l', 'x86_64', 'i686'), 'everything');
    expect(compilersOf(second)).toEqual([
      'cross-compiler-armv5l-i686',
      'cross-compiler-armv5l-x86_64',
      'native-compiler-armv5l',
      'stage-1-i686',
      'stage-1-x86_64',
    ]);
    const stages = new Set(newIn(second, first).map((name) => name.split('/')[0]));
    expect([...stages].filter((name) => name !== 'package').sort()).toEqual([
      'cross-compiler-armv5l-x86_64',
      'stage-1-x86_64',
    ]);
  });

  it('the programs of a test come from the same compiler', async () => {
    const inputs = await inputsOf('armv5l', 'i686', 'i686');
    const programs = planDeclared(inputs, () => crossPrograms(inputs));
    if (!programs.ok) throw new Error(JSON.stringify(programs.failure));
    expect(newIn(programs.value, planned(inputs, 'everything'))).toEqual([crossProgramsAction('armv5l')]);
  });

  it('actions that run programs of another processor say so, and only those', async () => {
    const { actions } = planned(await inputsOf('armv5l', 'i686', 'i686'), 'everything');
    const others = new Map(actions.map(({ name, recipe }) => [name as string, recipe.platform.alsoRuns]));
    for (const name of [
      'stage-1-armv5l/libgcc',
      'stage-1-armv5l/musl',
      'stage-1-armv5l/smoke-test',
      'cross-compiler-armv5l-i686/gcc-build',
      'cross-compiler-armv5l-i686/smoke-test',
      'native-compiler-armv5l/gcc-build',
      'kernel-armv5l/linux',
      'root-filesystem-armv5l/busybox',
    ])
      expect([name, others.get(name)]).toEqual([name, ['i686']]);
    for (const name of [
      'stage-1-i686/gcc-build',
      'stage-1-armv5l/linux-headers',
      'cross-compiler-armv5l-i686/binutils',
      'host-tools/busybox',
    ])
      expect([name, others.get(name)]).toEqual([name, undefined]);
    const own = planned(await inputsOf('armv5l', 'x86_64', 'x86_64'), 'everything');
    expect(own.actions.filter(({ recipe }) => recipe.platform.alsoRuns !== undefined)).toEqual([]);
  });
});
