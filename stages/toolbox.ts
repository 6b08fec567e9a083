import type { Action, Ref } from '../src/plan/action.ts';
import { output, shell } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs } from './inputs.ts';

/** What chunks are built with in guests, whatever their dependencies bring. */
export interface Toolbox {
  readonly action: Action;
  /** Static programs in `bin/`: busybox's commands and bash, but none that the native compiler has. */
  readonly tools: Ref;
  /** For under the root: `sh`, `bash` and `env` at the paths that scripts name, as links to `/tools/bin`. */
  readonly root: Ref;
}

export interface ToolboxParts {
  /** Shell and utilities of the build machine. */
  readonly base: readonly Ref[];
  /** busybox of the target with its links, and bash. */
  readonly busybox: Ref;
  readonly bash: Ref;
}

/** Commands that are the native compiler's, whatever busybox has under these names. */
const compilerCommands =
  'ar as c++ cc cpp distcc g++ gcc ld make nm objcopy objdump ranlib readelf size strings strip';

/** Both directories, since `/bin` can be a link to `/usr/bin`, which would hide what is below it. */
const programPaths = ['bin/sh', 'bin/bash', 'usr/bin/sh', 'usr/bin/bash', 'usr/bin/env'];

/** Static tools of the target, which need nothing of a root filesystem. */
export function toolbox(inputs: PlanInputs, parts: ToolboxParts): Toolbox {
  const links = programPaths.map((path) => {
    const up = '../'.repeat(path.split('/').length - 1);
    return `ln -s ${up}tools/bin/${path.replace(/.*\//, '')} /root/${path}`;
  });
  const action = buildAction(inputs, {
    name: `toolbox-${inputs.target.name}/assemble`,
    description: `static tools for building on ${inputs.target.name}`,
    tools: parts.base,
    inputs: {
      '/programs/bash': parts.bash,
      '/programs/busybox': parts.busybox,
    },
    env: baseEnvironment(inputs),
    commands: [
      shell(
        `mkdir -p bin /root/bin /root/usr/bin
        cp /programs/bash/bin/bash bin/bash
        cp /programs/busybox/bin/busybox bin/busybox
        find /programs/busybox -type l | while read -r path; do
          name=\${path##*/}
          case ' bash ${compilerCommands} ' in *" $name "*) continue ;; esac
          if [ ! -L "bin/$name" ]; then ln -s busybox "bin/$name"; fi
        done
        ${links.join('\n')}`,
        { cwd: '/out' },
      ),
    ],
    outputs: { out: '/out', root: '/root' },
    weight: 1,
  });
  return { action, tools: output(action, 'out'), root: output(action, 'root') };
}
