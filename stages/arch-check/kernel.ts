import { renderMiniConfig, type WantedSymbol } from '../../src/inputs/kernel-config.ts';
import type { Action, Ref } from '../../src/plan/action.ts';
import { run, write } from '../../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from '../inputs.ts';

/** Names of the files in the outputs of the two actions below. */
export const kernelFactFiles = {
  /** The kernel's `ARCH=` values, one a line. */
  arches: 'arches',
  /** `NAME<tab>FILE:LINE<tab>DEPENDENCIES` for each symbol that the arch's Kconfig files define. */
  symbols: 'symbols',
  /** Paths of device tree sources. */
  deviceTrees: 'device-trees',
  /** `FILE: LINE` of each definition of COMMAND_LINE_SIZE. */
  commandLine: 'command-line',
  /** Makefiles of the arch and of its `boot` directory. */
  makefile: 'Makefile',
  bootMakefile: 'boot-Makefile',
  /** What make said of `allnoconfig`; its exit status. */
  log: 'log',
  status: 'status',
  /** Final configuration. */
  config: 'config',
} as const;

/** Lists what an arch of the kernel has: symbols, device trees, makefiles. */
export function kernelFacts(inputs: PlanInputs, name: string, arch: string, base: readonly Ref[]): Action {
  return buildAction(inputs, {
    name: `check-${name}/kernel-facts`,
    description: `what the kernel has for ARCH=${arch}`,
    tools: base,
    inputs: { '/src/linux': source(inputs, 'linux') },
    commands: [
      write('/build/symbols.awk', symbolsProgram),
      write('/build/facts.sh', factsScript),
      run(['sh', '-eu', '/build/facts.sh', arch], { cwd: '/src/linux' }),
    ],
    outputs: { out: '/out' },
    weight: 5,
  });
}

/**
 * The final configuration that kconfig makes of what an arch asks for. Without the target's compiler: one that
 * understands everything stands in for it, so that what the real one does not know shows when the kernel is built.
 */
export function kernelConfiguration(
  inputs: PlanInputs,
  question: { readonly name: string; readonly arch: string; readonly symbols: readonly WantedSymbol[] },
  base: readonly Ref[],
): Action {
  return buildAction(inputs, {
    name: `check-${question.name}/kernel-configuration`,
    description: `what kconfig makes of the symbols of ${question.name}`,
    tools: base,
    inputs: { '/': { kind: 'compiler' }, '/src/linux': source(inputs, 'linux') },
    env: { ...baseEnvironment(inputs), KCONFIG_ALLCONFIG: '/build/mini.config' },
    commands: [
      write('/build/mini.config', renderMiniConfig(question.symbols)),
      write('/build/cc', agreeableCompiler, 0o755),
      write('/build/ld', agreeableLinker, 0o755),
      run(['sh', '-eu', '-c', configureScript, 'sh', question.arch]),
    ],
    outputs: { out: '/out' },
    weight: 12,
  });
}

const factsScript = `arch=$1
for directory in arch/*/; do
  name=\${directory#arch/}
  [ ! -f "$directory/Kconfig" ] || printf '%s\\n' "\${name%/}"
done >/out/${kernelFactFiles.arches}
# Other names that the top makefile takes (ifeq ($(ARCH),NAME), and SRCARCH in the next line).
awk '
  /^ifeq \\(\\$\\(ARCH\\),/ { name = $0; sub(/^[^,]*,/, "", name); sub(/\\).*/, "", name); next }
  /SRCARCH *:=/ && name != "" { print name, $NF }
  { name = "" }
' Makefile >/build/other-names
sed 's/ .*//' /build/other-names >>/out/${kernelFactFiles.arches}
directory=$(awk -v name="$arch" '$1 == name { print $2; exit }' /build/other-names)
directory=arch/\${directory:-$arch}
: >/out/${kernelFactFiles.symbols}
[ -f "$directory/Kconfig" ] || exit 0

find . -name 'Kconfig*' -type f ! -path './arch/*' ! -path './scripts/kconfig/tests/*' | sed 's|^\\./||' | sort >/build/files
find "$directory" arch/Kconfig -name 'Kconfig*' -type f | sort >>/build/files
xargs awk -f /build/symbols.awk </build/files >/out/${kernelFactFiles.symbols}
find "$directory" -name '*.dts' | sort >/out/${kernelFactFiles.deviceTrees}
{
  grep -rnE '#[ ]*define[[:space:]]+COMMAND_LINE_SIZE' "$directory/include" || :
  grep -nHE '#[ ]*define[[:space:]]+COMMAND_LINE_SIZE' include/uapi/asm-generic/setup.h || :
} >/out/${kernelFactFiles.commandLine}
cp "$directory/Makefile" /out/${kernelFactFiles.makefile}
[ ! -f "$directory/boot/Makefile" ] || cp "$directory/boot/Makefile" /out/${kernelFactFiles.bootMakefile}
`;

/** awk program over Kconfig files; help texts are told by their indentation. */
const symbolsProgram = `function flush() {
  if (name != "") printf "%s\\t%s\\t%s\\n", name, place, needs
  name = ""
  needs = ""
}
function width(line) {
  match(line, /^[ \\t]*/)
  return RLENGTH
}
FNR == 1 { flush(); help = 0 }
help && (/^[ \\t]*$/ || width($0) > 0 && (indent == 0 || width($0) >= indent)) {
  if (indent == 0 && !/^[ \\t]*$/) indent = width($0)
  next
}
{ help = 0 }
/^[ \\t]*(config|menuconfig)[ \\t]+[A-Za-z0-9_]+/ {
  flush()
  name = $2
  place = FILENAME ":" FNR
  next
}
/^[ \\t]*(---help---|help)[ \\t]*$/ { help = 1; indent = 0; next }
/^[ \\t]*(if|endif|menu|endmenu|choice|endchoice|source|comment)/ { flush() }
/^[ \\t]*depends on / {
  line = $0
  sub(/^[ \\t]*depends on /, "", line)
  sub(/[ \\t]*#.*/, "", line)
  needs = needs == "" ? line : needs " && " line
}
END { flush() }
`;

const agreeableCompiler = `#!/bin/sh
# Questions about the version are answered, every other one with yes.
for word; do
  case $word in
    --version | -E | -print-* | -dump* | -Wa,--version) exec gcc "$@" ;;
  esac
done
exit 0
`;

const agreeableLinker = `#!/bin/sh
case \${1-} in
  --version) exec ld --version ;;
esac
exit 0
`;

const configureScript = `status=0
make -C /src/linux O=/build/linux "ARCH=$1" CC=/build/cc LD=/build/ld HOSTCC=gcc HOSTCXX=g++ HOSTLD=ld \\
  allnoconfig >/out/${kernelFactFiles.log} 2>&1 || status=$?
echo $status >/out/${kernelFactFiles.status}
[ ! -f linux/.config ] || cp linux/.config /out/${kernelFactFiles.config}
`;
