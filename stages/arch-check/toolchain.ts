import type { Action, Ref } from '../../src/plan/action.ts';
import { output, run, write } from '../../src/plan/builder.ts';
import { buildAction, type PlanInputs, source } from '../inputs.ts';

/** What the sources of a toolchain are asked about. */
export interface ToolchainQuestion {
  /** Of the arch. */
  readonly name: string;
  readonly triple: string;
  /** gcc's configure switches, as in a descriptor. */
  readonly configure: readonly string[];
}

/** Name of the file in the action's output: lines `KEY=VALUE`, of which a key may have several. */
export const toolchainReport = 'report';

/**
 * The files of gcc, binutils and musl that answer, the same for every question: so that only the first one has to read the
 * whole of gcc, which takes far longer than the answer.
 */
export function toolchainFiles(inputs: PlanInputs, base: readonly Ref[]): Action {
  return buildAction(inputs, {
    name: 'check/toolchain-files',
    description: 'what of gcc, binutils and musl knows triples',
    tools: base,
    inputs: {
      '/src/gcc': source(inputs, 'gcc'),
      '/src/binutils': source(inputs, 'binutils'),
      '/src/musl': source(inputs, 'musl'),
    },
    commands: [run(['sh', '-euc', filesScript])],
    outputs: { out: '/out' },
    weight: 3,
  });
}

/** config.gcc looks which files of gcc/config there are, and reads some. */
const filesScript = `mkdir -p /out/gcc/gcc /out/binutils/bfd
cp /src/gcc/config.sub /out/gcc/
cp /src/gcc/gcc/config.gcc /out/gcc/gcc/
cp -R /src/gcc/gcc/config /out/gcc/gcc/
cp /src/binutils/bfd/config.bfd /src/binutils/bfd/elf*.c /out/binutils/bfd/
cp -R /src/musl /out/
`;

/**
 * Asks gcc, binutils and musl what they make of a triple, with their own scripts and nothing built. The answer is a
 * report, whatever it says: that a triple is wrong fails no action.
 */
export function toolchainFacts(
  inputs: PlanInputs,
  question: ToolchainQuestion,
  files: Action,
  base: readonly Ref[],
): Action {
  return buildAction(inputs, {
    name: `check-${question.name}/toolchain`,
    description: `what gcc, binutils and musl make of ${question.triple}`,
    tools: base,
    inputs: { '/': { kind: 'compiler' }, '/src': output(files, 'out') },
    commands: [
      write('/build/gcc.sh', gccScript),
      write('/build/binutils.sh', binutilsScript),
      write('/build/cc', preprocessorScript, 0o755),
      write('/build/toolchain.sh', reportScript),
      run(['sh', '/build/toolchain.sh', question.triple, ...question.configure], {
        stdout: `/out/${toolchainReport}`,
      }),
    ],
    outputs: { out: '/out' },
    weight: 3,
  });
}

/**
 * `gcc.sh CANONICAL SWITCH…`: reads config.gcc as gcc's configure does, and prints gcc's name for the processor. What
 * config.gcc has against triple or switches goes to standard error, with an exit code.
 */
const gccScript = `set -f
target=$1
target_alias=$1
target_noncanonical=$1
shift
# As every compiler of ours is configured.
enable_multilib=no
enable_tls=yes
enable_gnu_indirect_function=no
# What gcc's configure itself takes these for.
with_multilib_list=default
with_multilib_generator=default
for switch; do
  name=\${switch#--}
  value=yes
  case $name in
    *=*)
      value=\${name#*=}
      name=\${name%%=*}
      ;;
  esac
  case $name in
    disable-*)
      name=enable-\${name#disable-}
      value=no
      ;;
    without-*)
      name=with-\${name#without-}
      value=no
      ;;
  esac
  name=$(printf '%s\\n' "$name" | sed 's/-/_/g')
  eval "$name=\\$value"
done
target_cpu=\${target%%-*}
target_vendor=\${target#*-}
target_vendor=\${target_vendor%%-*}
target_os=\${target#*-*-}
srcdir=/src/gcc/gcc
AWK=awk
gnu_ld=yes
gas=yes
enable_threads=\${enable_threads:-posix}
said=$(. $srcdir/config.gcc >/build/gcc-output 2>&1 && printf '%s\\n' "$cpu_type" >/build/gcc-processor) || :
if [ ! -s /build/gcc-processor ]; then
  cat /build/gcc-output >&2
  exit 1
fi
cat /build/gcc-processor
`;

/** `binutils.sh CANONICAL`: prints binutils' name for the object files of a target. */
const binutilsScript = `targ=$1
targ_defvec=
. /src/binutils/bfd/config.bfd >&2
printf '%s\\n' "$targ_defvec"
`;

/**
 * Stands in for the target's compiler while musl's configure looks around: only what the preprocessor knows by itself
 * counts there, and that is in the environment's MACROS.
 */
const preprocessorScript = `#!/bin/sh
file=
for word; do
  case $word in
    -dumpmachine)
      printf '%s\\n' "$TRIPLE"
      exit
      ;;
    *.c) file=$word ;;
  esac
done
[ -n "$file" ] || exit 0
# Headers are left out: what they say of long double is no part of the question. The macros are words.
sed '/^#include/d' "$file" | gcc -undef -E $MACROS -x c -o /dev/null -
`;

const reportScript = `set -u
triple=$1
shift
# First line of what a program had to say.
first() {
  grep -v '^ *$' "$1" | grep -v '^Valid --with' | head -n 1
}
if canonical=$(sh /src/gcc/config.sub "$triple" 2>/build/said); then
  echo "canonical=$canonical"
else
  echo "config.sub=$(first /build/said)"
  exit 0
fi
if processor=$(sh /build/gcc.sh "$canonical" "$@" 2>/build/said); then
  echo "gcc.processor=$processor"
else
  echo "gcc.says=$(first /build/said)"
  grep '^Valid --with' /build/said | sed 's/^/gcc.says=/'
fi

vector=$(sh /build/binutils.sh "$canonical" 2>/build/said) || vector=
byte_order=little
if [ -n "$vector" ]; then
  echo "binutils.vector=$vector"
  # One source file serves both widths of some processors.
  either=$(printf '%s\\n' "$vector" | sed 's/_elf32_/_elf(32|NN)_/; s/_elf64_/_elf(64|NN)_/')
  defined=$(grep -hE "define[[:space:]]+TARGET_(BIG|LITTLE)_SYM[[:space:]]+$either\\$" /src/binutils/bfd/elf*.c | head -n 1)
  case $defined in
    *TARGET_BIG_SYM*) byte_order=big ;;
  esac
  echo "byte-order=$byte_order"
  case $vector in
    *_elf32_*) echo bits=32 ;;
    *_elf64_*) echo bits=64 ;;
  esac
else
  echo "binutils.says=$(first /build/said)"
fi

# What a compiler so configured would define, of what musl's configure asks about.
case $byte_order in
  big) macros='-D__ARMEB__ -D__AARCH64EB__ -D__BIG_ENDIAN__' ;;
  *) macros='-D_MIPSEL -D__MICROBLAZEEL__ -D__LITTLE_ENDIAN__ -D_CALL_ELF=2' ;;
esac
float=hard
isa=1
fpu='-D__HAVE_68881__ -D__SH4__'
for switch; do
  case $switch in
    --with-float=*) float=\${switch#*=} ;;
    --with-abi=elfv2) macros="$macros -D_CALL_ELF=2" ;;
    --with-abi=64) macros="$macros -D_ABI64=3 -D_MIPS_SIM=3" ;;
    --with-abi=ilp32 | --with-abi=lp64) float=soft ;;
    --with-abi=ilp32f | --with-abi=lp64f) macros="$macros -D__riscv_float_abi_single" ;;
    --with-arch=*r6) isa=6 ;;
    --with-cpu=54*) fpu=-D__mcffpu__ ;;
    --with-cpu=52* | --with-cpu=53* | --with-cpu=m4-nofpu) fpu= ;;
  esac
done
case $triple in
  *hf) macros="$macros -D__ARM_PCS_VFP" ;;
esac
case $float in
  soft) macros="$macros -D__mips_soft_float -D_SOFT_FLOAT -D__riscv_float_abi_soft -D__loongarch_soft_float" ;;
  *) macros="$macros $fpu" ;;
esac
mkdir -p /build/musl
cd /build/musl || exit 1
if TRIPLE=$triple MACROS="$macros -D__mips_isa_rev=$isa" /src/musl/configure "--target=$triple" CC=/build/cc \\
  --disable-wrapper >/build/configured 2>/build/said; then
  architecture=$(sed -n 's/^ARCH = //p' config.mak)
  echo "musl.arch=$architecture"
  echo "musl.loader=ld-musl-$architecture$(sed -n 's/^SUBARCH = //p' config.mak).so.1"
else
  echo "musl.says=$(tail -n 1 /build/configured | sed 's/^.*error: //')"
fi
for directory in /src/musl/arch/*/; do
  name=\${directory%/}
  [ "\${name##*/}" = generic ] || echo "musl.known=\${name##*/}"
done
exit 0
`;
