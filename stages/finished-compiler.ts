import type { Action, Ref } from '../src/plan/action.ts';
import { run, shell } from '../src/plan/builder.ts';
import type { ActionName, Triple } from '../src/plan/names.ts';
import { baseEnvironment, buildAction, type PlanInputs, repoFile, source } from './inputs.ts';
import type { Machine } from './machine.ts';

/** A finished compiler: one tree, relocatable, smoke-tested where the build machine can run it. */
export interface FinishedCompiler {
  readonly actions: readonly Action[];
  readonly tree: Ref;
  /** Smoke tests, wanted for themselves. */
  readonly tests: readonly ActionName[];
}

/** What the front end hands to the drivers when a variable asks for it. */
const specFiles = ['dynamic-linker.specs', 'topdir.specs', 'topdir-c++.specs'] as const;

/** The small front end that keeps a host's environment out of a compiler, for one machine. */
export function frontEnd(inputs: PlanInputs, stage: string, host: Machine, base: readonly Ref[]): Action {
  return buildAction(inputs, {
    name: `${stage}/ccwrap`,
    description: `front end of the compiler drivers, for ${host.name}`,
    tools: [...base, ...host.tools],
    inputs: {
      '/src/ccwrap.c': repoFile(inputs, 'target/ccwrap.c'),
      ...Object.fromEntries(
        specFiles.map((name) => [`/src/${name}`, repoFile(inputs, `target/ccwrap/${name}`)]),
      ),
    },
    env: baseEnvironment(inputs),
    commands: [
      run([
        `${host.triple}-gcc`,
        '-static',
        '-Os',
        '-s',
        '-Wall',
        '-Wextra',
        `-DGCC_VERSION="${source(inputs, 'gcc').version}"`,
        '-o',
        '/out/ccwrap',
        '/src/ccwrap.c',
      ]),
      run(['cp', ...specFiles.map((name) => `/src/${name}`), '/out']),
    ],
    outputs: { out: '/out' },
    weight: 1,
  });
}

/**
 * Puts a compiler together: the trees united, the drivers behind the front end, short names. `programPrefix` is what
 * precedes `gcc` in the names of its programs; `links` are further lines of shell, run in the finished tree.
 */
export function assembleCompiler(
  inputs: PlanInputs,
  options: {
    readonly stage: string;
    readonly trees: readonly Ref[];
    readonly ccwrap: Ref;
    readonly base: readonly Ref[];
    readonly programPrefix: string;
    readonly triple: Triple;
    readonly links: string;
    readonly description: string;
  },
): Action {
  const { programPrefix, triple } = options;
  const version = source(inputs, 'gcc').version;
  return buildAction(inputs, {
    name: `${options.stage}/assemble`,
    description: options.description,
    tools: options.base,
    inputs: { '/compiler': options.trees, '/ccwrap': options.ccwrap },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        `cp -a /compiler/. /out
        cd /out
        # Beside bin, so that gcc finds its parts from there by the same relative path.
        mkdir driver
        for name in gcc g++ c++ cpp gcc-${version}; do
          for program in bin/*; do
            case \${program#bin/} in
              $name | *-linux-*-$name)
                if [ ! -L $program ]; then
                  mv $program driver/
                  cp /ccwrap/ccwrap $program
                fi ;;
            esac
          done
        done
        # gcc installs one driver under several names as hard links, which a tree does not know.
        for first in driver/*; do
          for other in driver/*; do
            if [ $first != $other ] && [ ! -L $first ] && [ ! -L $other ] && cmp -s $first $other; then
              ln -sf \${first#driver/} $other
            fi
          done
        done
        cp /ccwrap/*.specs driver
        # ld looks for the libraries of shared libraries in the sysroot alone, and those of gcc lie beside it.
        cat > driver/libraries.specs <<'end'
*link:
+ %{!static:%{!static-pie:%{!r:-rpath-link %:getenv(CCWRAP_PREFIX /${triple}/lib)}}}

end
        # Without a linker plugin these only pass on to the tools of the same name.
        for name in ar nm ranlib; do
          rm -f bin/*gcc-$name
          ln -s ${programPrefix}$name bin/${programPrefix}gcc-$name
        done
        ln -s ${programPrefix}gcc bin/${programPrefix}cc
        ${options.links}`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 10,
  });
}
