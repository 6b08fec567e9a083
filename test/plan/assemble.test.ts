import { describe, expect, test } from 'vitest';
import { run } from '../../src/plan/builder.ts';
import { actionName } from '../../src/plan/names.ts';
import {
  faultsOf,
  fileRef,
  out,
  product,
  sampleAction,
  sampleDigest,
  samplePlan,
  sourceRef,
} from './sample.ts';

const names = (plan: { actions: readonly { name: string }[] }) => plan.actions.map((action) => action.name);

describe('what is kept', () => {
  const base = sampleAction('host-tools/make');
  const unused = sampleAction('host-tools/m4');
  const top = sampleAction('kernel/build', { tools: [out(base)] });
  const test1 = sampleAction('kernel/smoke-test', { tools: [out(top)] });

  test('only what products and goals need, in an order that can be built', () => {
    expect(names(samplePlan([top, unused, base, test1], { products: [product(top)], goals: [] }))).toEqual([
      'host-tools/make',
      'kernel/build',
    ]);
    expect(names(samplePlan([top, unused, base, test1], { goals: [test1.name] }))).toEqual([
      'host-tools/make',
      'kernel/build',
      'kernel/smoke-test',
    ]);
  });

  test('sources with their patches, in order of name', () => {
    const musl = sampleAction('stage-1/musl', { inputs: { '/src': sourceRef('musl') } });
    const linux = sampleAction('kernel/headers', { inputs: { '/src': sourceRef('linux', '2.0') } });
    const { sources } = samplePlan([musl, linux]);
    expect(sources).toEqual([
      { name: 'linux', version: '2.0', tree: sampleDigest('4'), patches: [] },
      {
        name: 'musl',
        version: '1.0',
        tree: sampleDigest('2'),
        patches: [
          { path: 'patches/musl/1.0/0001-a.patch', digest: sampleDigest('a') },
          { path: 'patches/musl/1.0/0002-b.patch', digest: sampleDigest('b') },
        ],
      },
    ]);
  });

  test('one action that was declared twice', () => {
    const again = sampleAction('host-tools/make', { weight: 1 });
    expect(names(samplePlan([base, again]))).toEqual(['host-tools/make']);
  });
});

describe('processors', () => {
  const other = sampleAction('cross/gcc', { programsFor: 'i686' });
  const own = sampleAction('stage-1/gcc', { programsFor: 'x86_64' });

  test('programs of another processor among the tools are in the platform', () => {
    const user = sampleAction('stage-1/musl', { tools: [out(own), out(other)] });
    const further = sampleAction('stage-1/test', {
      tools: [out(other)],
      platform: { os: 'linux', cpu: 'x86_64', alsoRuns: ['armv5l'] },
    });
    const { actions } = samplePlan([other, own, user, further]);
    expect(Object.fromEntries(actions.map(({ name, recipe }) => [name, recipe.platform.alsoRuns]))).toEqual({
      'cross/gcc': undefined,
      'stage-1/gcc': undefined,
      'stage-1/musl': ['i686'],
      'stage-1/test': ['armv5l', 'i686'],
    });
  });

  test('programs that are packed or copied do not have to run', () => {
    const packed = sampleAction('packages/cross', { inputs: { '/tree': out(other) } });
    expect(samplePlan([other, packed]).actions.at(-1)?.recipe.platform).toEqual({
      os: 'linux',
      cpu: 'x86_64',
    });
  });
});

describe('faults', () => {
  test('a sound plan has none', () => {
    const action = sampleAction('a/x', {
      inputs: {
        '/': { kind: 'compiler' },
        '/init': fileRef('target/init'),
        '/build/src': { writable: [sourceRef('gcc', '14.2.0')] },
      },
      outputs: { build: '/build/src', out: '/out' },
      scratch: ['build'],
    });
    expect(faultsOf([action])).toEqual([]);
  });

  test('all are collected', () => {
    const loose = sampleAction('a/x', {
      tools: [{ kind: 'output', action: actionName('a/none'), output: 'out' }, sourceRef('gcc', '14.2.0')],
      inputs: { '/src': sourceRef('gcc', '1.0'), '/f': fileRef('target/none'), '/cc': { kind: 'compiler' } },
      scratch: ['build'],
      provides: { bin: ['make'] },
    });
    const other = sampleAction('a/y', { tools: [{ kind: 'output', action: loose.name, output: 'none' }] });
    expect(faultsOf([loose, other], { goals: [actionName('a/goal')] })).toEqual([
      'a/x: there is no action a/none',
      'a/x: the repository has no file target/none',
      'a/x: the lock has no source gcc 1.0',
      'a/x: source gcc cannot be a tool, only outputs of actions can',
      "a/x: the machine's compiler may only be mounted at /, not /cc",
      'a/x: it calls build scratch, but has no such output',
      'a/x: it provides commands in bin, but has no such output',
      'a/y: a/x has no output none (it has: out)',
      'goal: there is no action a/goal',
    ]);
  });

  test('two different actions of one name', () => {
    const one = sampleAction('a/x');
    const two = sampleAction('a/x', { commands: [run(['true'])] });
    expect(faultsOf([one, two])).toEqual(['two different actions are named a/x']);
  });

  test('two products of one name, and of no action', () => {
    const one = sampleAction('a/x');
    const nowhere = product(sampleAction('a/z'), 'z');
    expect(faultsOf([one], { products: [product(one, 'p'), product(one, 'p'), nowhere] })).toEqual([
      'two products are named p',
      'product z: there is no action a/z',
    ]);
  });

  test('a cycle, as a chain', () => {
    const a = sampleAction('a/a', { tools: [{ kind: 'output', action: actionName('a/c'), output: 'out' }] });
    const b = sampleAction('a/b', { tools: [out(a)] });
    const c = sampleAction('a/c', { tools: [out(b)] });
    expect(faultsOf([a, b, c])).toEqual(['actions need each other: a/a -> a/c -> a/b -> a/a']);
    const itself = sampleAction('a/i', {
      tools: [{ kind: 'output', action: actionName('a/i'), output: 'out' }],
    });
    expect(faultsOf([itself])).toEqual(['actions need each other: a/i -> a/i']);
  });

  test.each([
    ['in a read-only input', '/src/obj', 'the output out at /src/obj is inside the read-only input /src'],
    ['at a read-only input', '/src', 'the output out at /src is inside the read-only input /src'],
    ['among the tools', '/tools/x', 'the output out at /tools/x is inside /tools, which is read-only'],
    ['in the system', '/usr', 'the output out at /usr is inside /usr, which is read-only'],
  ])('an output %s', (_where, path, fault) => {
    const action = sampleAction('a/x', { inputs: { '/src': sourceRef('musl') }, outputs: { out: path } });
    expect(faultsOf([action])).toEqual([`a/x: ${fault}`]);
  });

  test('an output beside a read-only input, or in a writable one, is none', () => {
    const action = sampleAction('a/x', {
      inputs: { '/src': sourceRef('musl'), '/src/w': { writable: [sourceRef('linux')] } },
      outputs: { out: '/srcs', inner: '/src/w/obj' },
    });
    expect(faultsOf([action])).toEqual([]);
  });

  test('an output in another', () => {
    const action = sampleAction('a/x', { outputs: { a: '/build/a', b: '/build/a/b' } });
    expect(faultsOf([action])).toEqual([
      'a/x: the output b at /build/a/b is inside the output a at /build/a',
    ]);
  });

  test('two tools that provide one command', () => {
    const busybox = sampleAction('host-tools/busybox', { provides: { out: ['sh', 'sed'] } });
    const bash = sampleAction('host-tools/bash', { provides: { out: ['sh', 'bash'] } });
    const user = sampleAction('a/x', { tools: [out(busybox), out(bash), out(bash)] });
    expect(faultsOf([busybox, bash, user])).toEqual([
      'a/x: both host-tools/busybox:out and host-tools/bash:out provide sh',
    ]);
  });

  test('a file that is not the one of the repository', () => {
    const ref = { ...fileRef('target/init'), digest: sampleDigest('9') } as ReturnType<typeof fileRef>;
    expect(faultsOf([sampleAction('a/x', { inputs: { '/init': ref } })])).toEqual([
      "a/x: the digest of target/init is not that of the repository's file",
    ]);
  });
});
