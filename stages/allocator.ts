import type { Action, Ref } from '../src/plan/action.ts';
import { output, shell } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import type { Machine } from './machine.ts';

/** A machine whose programs take malloc and operator new from an allocator of ours. */
export interface MachineWithAllocator {
  /** Makes the allocator's object. */
  readonly action: Action;
  /** The machine, with compiler commands that link the object into every program. */
  readonly machine: Machine;
}

/** Links the object that is among a machine's tools. */
const linked = '-Wl,/tools/allocator/malloc.o';

/**
 * What the allocator is compiled with. Its own defaults are for servers: what follows is for programs that run for seconds, one
 * beside the other, on machines with little memory too.
 */
const definitions = [
  // No assertions.
  'NDEBUG',
  'MI_BUILD_RELEASE',
  'MI_MALLOC_OVERRIDE',
  // No variable of a user's environment (MIMALLOC_…) changes what a compiler does.
  'MI_NO_GETENV',
  // Never asks for huge pages where the system leaves that to programs: whole ones would count as used.
  'MI_NO_THP',
  // Address space that is reserved at once, in KiB, instead of 1 GiB: fits under limits on it, and beside a compiler's own
  // memory in 32 bits.
  'MI_DEFAULT_ARENA_RESERVE=65536L',
] as const;

/**
 * Compiles mimalloc for a machine and adds it to what its compiler links. musl's allocator favours small code and safety: the
 * same compiler with it takes a fifth more time.
 *
 * All of mimalloc is one object, which is named to the linker instead of searched in an archive. So no function of the
 * C library's allocator is linked beside it, and the object's place among the arguments is of no account. It goes by
 * `-Wl,` into CC and CXX, as `-static` does: configure's test programs and libtool hand it on, compilers silently ignore it when
 * they only compile, libtool puts it into no archive as it would do with a plain object, and LDFLAGS would reach programs of
 * the build machine too.
 *
 * @param stage stage that the action belongs to, for example `stage-1-i686`
 */
export function withAllocator(
  inputs: PlanInputs,
  stage: string,
  machine: Machine,
  base: readonly Ref[],
): MachineWithAllocator {
  const action = buildAction(inputs, {
    name: `${stage}/mimalloc`,
    description: `memory allocator for programs on ${machine.triple}`,
    tools: [...base, ...machine.tools],
    inputs: { '/src': source(inputs, 'mimalloc') },
    env: { ...baseEnvironment(inputs), CC: machine.cc },
    commands: [
      // 64-bit counters are atomic, for which 32-bit processors may need functions of libatomic. They become part of the object,
      // so that programs need no other library. Symbols of the allocator's own are for nobody else.
      shell(
        `$CC -std=gnu11 -O2 -fno-builtin-malloc -fvisibility=hidden -ftls-model=local-exec \\
          ${definitions.map((definition) => `-D${definition}`).join(' ')} \\
          -I/src/include -I/src/src -c -o static.o /src/src/static.c
        mkdir -p /out/allocator
        $CC -r -o /out/allocator/malloc.o static.o -latomic`,
      ),
    ],
    outputs: { out: '/out' },
    weight: 10,
  });
  return {
    action,
    machine: {
      ...machine,
      tools: [...machine.tools, output(action, 'out')],
      cc: `${machine.cc} ${linked}`,
      cxx: `${machine.cxx} ${linked}`,
    },
  };
}
