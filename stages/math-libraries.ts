import type { Action, Ref } from '../src/plan/action.ts';
import { output, run, shell, write } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import { buildMachine, type Machine } from './machine.ts';

/** gmp, mpfr and mpc for one machine: static libraries and headers, united they are one prefix. */
export interface MathLibraries {
  readonly actions: readonly Action[];
  readonly refs: readonly Ref[];
}

const prefix = '/libraries';

/**
 * The libraries that gcc computes constants with.
 *
 * @param stage stage that the actions belong to: `host-tools` for the build machine, else the stage-1 compiler's.
 * @param base shell, utilities, make and m4.
 */
export function mathLibraries(
  inputs: PlanInputs,
  stage: string,
  machine: Machine,
  base: readonly Ref[],
): MathLibraries {
  const build = buildMachine(inputs.build).triple;
  const actions: Action[] = [];
  const refs: Ref[] = [];

  const library = (
    name: string,
    switches: readonly string[],
    weight: number,
    before: readonly ReturnType<typeof write>[],
  ) => {
    const action = buildAction(inputs, {
      name: `${stage}/${name}`,
      description: `${name}, static, for ${machine.triple}`,
      tools: [...base, ...machine.tools],
      inputs: {
        '/': { kind: 'compiler' },
        '/src': before.length === 0 ? source(inputs, name) : { writable: [source(inputs, name)] },
        ...(refs.length === 0 ? {} : { [prefix]: [...refs] }),
      },
      env: {
        ...baseEnvironment(inputs),
        CC: machine.cc,
        CXX: machine.cxx,
        CFLAGS: '-O2',
        CC_FOR_BUILD: 'gcc',
      },
      commands: [
        ...before,
        run([
          '/src/configure',
          `--build=${build}`,
          `--host=${machine.triple}`,
          `--prefix=${prefix}`,
          '--disable-shared',
          '--enable-static',
          ...switches,
        ]),
        run(['make']),
        run(['make', 'install', 'DESTDIR=/build/dest']),
        shell(`mv dest${prefix}/include dest${prefix}/lib /out\nrm -rf /out/lib/*.la /out/lib/pkgconfig`),
      ],
      outputs: { out: '/out' },
      weight,
    });
    actions.push(action);
    refs.push(output(action, 'out'));
  };

  // gmp's assembly is chosen by the processor's name; its C is good enough for a compiler's constants.
  // Releases as distributions ship them lack doc/, which the makefiles want.
  library('gmp', ['--disable-assembly'], 60, [write('/src/doc/Makefile.in', 'all install:\n')]);
  library('mpfr', [`--with-gmp=${prefix}`], 50, []);
  library('mpc', [`--with-gmp=${prefix}`, `--with-mpfr=${prefix}`], 20, []);
  return { actions, refs };
}
