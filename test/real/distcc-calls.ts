/**
 * Calls of a compiler, and which of them a server of distcc compiles. Each leaves the same files and the same answers as
 * the compiler alone.
 *
 * - `remote`: compiled by the server, and by nobody else.
 * - `local`: compiled here; the server compiled nothing.
 * - `again`: the server compiled it, and the compiler ran here as well, most often because the server had something to say.
 */
export type Way = 'remote' | 'local' | 'again';

/** Files that the calls find in the directory, `sub/` among its directories. */
export const sources: Readonly<Record<string, string>> = {
  'x.c': `#include <stdio.h>
#include <string.h>
#include "sub/x.h"
#ifndef TIMES
#define TIMES 3
#endif
static const char *here = __FILE__;
int x(int n) { printf("%s %d\\n", here, n * TIMES * SUB); return (int) strlen(here); }
`,
  'sub/x.h': '#define SUB 7\nint x(int n);\n',
  'sub/y.c': '#include "x.h"\nint y(int n) { return x(n) + __LINE__; }\n',
  'x.cc': `#include <string>
#include <vector>
namespace { struct Hidden { std::string name; }; }
std::vector<std::string> x(const std::string &s) { Hidden hidden{s}; return {hidden.name, R"(# 1 "no line)"}; }
`,
  'main.c': 'int main(void) { return 0; }\n',
  'a.s': '\t.globl a\na:\n',
  'a.S': '#define A a\n\t.globl A\nA:\n',
  'bad.c': 'int f(void) { return undeclared; }\n',
  'warning.c': '#warning a word of the preprocessor\nint f(void) { int unused; return 0; }\n',
  'error.c': '#error first\nint f(void) { return undeclared; }\n',
  'missing.c': '#include <nowhere.h>\nint f(void) { return undeclared; }\n',
  'fall.c': `int fall(int n) { switch (n) { case 1: n = 5; /* fall through */ case 2: n++; } return n; }\n`,
  'falls.c': `int fall(int n) { switch (n) { case 1: n = 5; case 2: n++; } return n; }\n`,
  'null.c': '#include <stddef.h>\nint f(void) { int i = NULL; return i; }\n',
  'null.cc': '#include <cstddef>\nint f() { int i = NULL; return i; }\n',
  'macros.c': '#define BOTH x = 1; y = 2\nint x, y;\nvoid f(int n) { if (n) BOTH; }\n',
  'unused.c': '#define UNUSED 1\nint f(void) { return 0; }\n',
  'quiet.c': 'int f(int n) { int m = n; if (m) m++; return m; }\n',
  'indented.c': `int a, b;
void f(int n)
{
\tif (n)
\t\ta++;
\t\tb++;
        if (n)
\t  a++;
          b++;
}
`,
  'one-line.c': 'int a, b;\nvoid f(int n)\n{\n  if (n) a++; b++;\n}\n',
  'else.c': 'int a;\nvoid f(int n)\n{\n  if (n) {\n    a++;\n  } else\n    a--;\n    a = 2;\n}\n',
  'semicolon.c': 'int a;\nvoid f(int n)\n{\n  while (n--);\n    a++;\n}\n',
  'each.c': `#define EACH(n) for (int i = 0; i < (n); i++)
int a, b;
void f(int n)
{
  EACH (n)
    a++;
    b++;
}
`,
  'macro.c': `#define STEP(n) \\
  do { \\
    if (n) \\
      a++; \\
      b++; \\
  } while (0)
int a, b;
void f(int n) { STEP(n); }
`,
  'tidy.c': `int a, b;
int g(int first,
      int second);
#define DO(x) do { x; } while (0)
int f(int n)
{
  if (n == 1)
    a++;
  else if (n == 2)
    a--;
  else
    b--;
  for (int i = 0; i < n; i++)
    if (i)
      a += g(i,
             n);
  while (n-- > 3)
    ;
  do
    a++;
  while (a < 10);
  switch (n) {
  case 1: a++; b++; break;
  default:
    if (a) b++;
  }
  DO(a++);
  if (a) return 'x' + "y;{"[0];
  return b;
}
`,
  'embedded.c': '__asm__(".section .rodata\\n.incbin \\"data\\"\\n.text");\nint f(void) { return 0; }\n',
  'included.c': '__asm__(".include \\"a.s\\"");\nint f(void) { return 0; }\n',
  'date.c': 'const char *when = __DATE__ __TIME__;\n',
  'stamp.c': 'const char *when = __TIMESTAMP__;\n',
  'base.c': '#include "base.h"\n',
  'base.h': 'const char *base = __BASE_FILE__;\n',
  'counter.c':
    '#define NAME_(n) f##n\n#define NAME(n) NAME_(n)\nint NAME(__LINE__)(void) { return __COUNTER__ + __COUNTER__; }\n',
  'counted.c': '#if __COUNTER__ == 0\nint f(void) { return 0; }\n#endif\n',
  'pushed.c': `#define M 3
#pragma push_macro("M")
#undef M
#define M 4
#pragma pop_macro("M")
int f(void) { return M; }
`,
  'optimize.c': '#pragma GCC optimize ("O2")\n#ifdef __OPTIMIZE__\nint f(void) { return 1; }\n#endif\n',
  'line.c': '#line 70 "grammar.y"\nint f(void) { return __LINE__; }\n',
  'once.c': '#pragma once\nint f(void) { return 0; }\n',
  'message.c': '#pragma message "by the compiler"\nint f(void) { return 0; }\n',
  'poisoned.c': '#include "poison.h"\nint bad(void) { return 0; }\n',
  'poison.h': '# pragma GCC poison bad\n',
  'renamed.c': '#pragma redefine_extname f g\nint f(void) { return __LINE__; }\n',
  'parallel.c':
    'int f(void) { int n = 0;\n#pragma omp parallel for reduction(+:n)\nfor (int i = 0; i < 9; i++) n += i;\nreturn n; }\n',
  'trigraph.c': 'char f(void) { return "??="[0]; }\n',
  'latin.c': 'const char *latin = "\xe9";\n',
  'pre.h': '#define PRE 1\nint pre(void);\n',
  'pre.c': '#include "pre.h"\nint f(void) { return pre() + PRE; }\n',
  'module.cc': 'export module m;\nexport int f() { return 42; }\n',
  'use.cc': 'import m;\nint g() { return f(); }\n',
  'x.cppm': 'export module other;\n',
  data: 'data\n',
  file: '-c x.c\n',
  specs: '*cc1_options:\n+ -g\n\n',
};

/** Shell commands, by what becomes of them. */
export const calls: Readonly<Record<Way, readonly string[]>> = {
  remote: [
    'gcc -c x.c',
    'gcc -O2 -c x.c -o there.o',
    'gcc -c -osub/there.o x.c',
    'gcc -c x.c -o no-suffix',
    'gcc -O2 -Wall -Wextra -Werror -c x.c',
    'gcc -O2 -Wall -Wextra -c fall.c',
    'gcc -Wall -Wextra -Werror -c tidy.c',
    'gcc -Wall -Wmissing-prototypes -Wno-missing-prototypes -c sub/y.c',
    'gcc -g -gno-record-gcc-switches -O2 -c sub/y.c -o y.o',
    'gcc -ggdb -gz -gno-record-gcc-switches -c x.c',
    'gcc -DTIMES=4 -D NAME=bad.c -UNAME -c x.c',
    'gcc -D TIMES=there.o -U TIMES -Isub -I sub -iquote sub -isystem sub -idirafter sub -c sub/y.c',
    'gcc -include sub/x.h -c sub/y.c',
    'gcc -includesub/x.h -imacros sub/x.h -c sub/y.c',
    'gcc -S x.c',
    'gcc -S x.c -o x.asm',
    'gcc -MD -c x.c',
    'gcc -MMD -MP -c x.c -o sub/there.o',
    'gcc -MD -MF dependencies -MT target -c x.c',
    "gcc -MD -MFdependencies -MQ 't$' -c sub/y.c",
    'gcc -MD -c sub/y.c',
    'gcc -MMD -c x.c -o without-suffix',
    'gcc -MMD -c x.c -o two.suffixes.o',
    'gcc -Wp,-MD,dependencies -c x.c -o sub/there.o',
    'gcc -Wp,-MMD,dependencies,-DTIMES=2,-UTIMES -c x.c',
    'gcc -Wa,--noexecstack,-W -c x.c',
    'gcc -c x.c -lm -L. -Wl,-s -s -static -pie',
    'gcc -std=gnu11 --std=c11 -pedantic -ansi -c counter.c',
    'gcc -pipe -pthread -fPIC -fvisibility=hidden -fno-common -ffunction-sections -c x.c',
    'gcc -fstack-protector-strong -fno-omit-frame-pointer -ftrivial-auto-var-init=zero -c x.c',
    'gcc -fsanitize=undefined -fsanitize-recover=all -c x.c',
    'gcc --param max-inline-insns-single=9 --param=ssp-buffer-size=4 -c x.c',
    'gcc -ffile-prefix-map=$PWD=/build -fdebug-prefix-map=$PWD=. -g -gno-record-gcc-switches -c x.c',
    'gcc -fmacro-prefix-map=x.=y. -c x.c',
    'gcc -frandom-seed=x -c x.c',
    'gcc -mtune=generic -march=x86-64 -c x.c',
    'gcc -fno-diagnostics-show-caret -fdiagnostics-color=always -c x.c',
    'gcc -fno-profile-arcs -fno-lto -fno-openmp -fmax-errors=3 -c x.c',
    'gcc -c line.c',
    'gcc -Wall -c counter.c',
    'gcc -trigraphs -c trigraph.c',
    'gcc -c latin.c',
    'gcc -fexec-charset=latin1 -c x.c',
    'g++ -O2 -Wall -Wextra -c x.cc',
    'g++ -std=c++20 -fno-exceptions -fno-rtti -c x.cc',
    'c++ -g -gno-record-gcc-switches -frandom-seed=x -MD -c x.cc',
    'g++ -c x.c',
    'cc -w -c falls.c',
    'touch x.o && chmod 600 x.o && gcc -c x.c',
    'echo old >x.o && chmod 400 x.o && gcc -c x.c',
    'umask 077; gcc -c x.c',
    'gcc -c x.c; gcc -O2 -c x.c',
  ],
  again: [
    'gcc -c bad.c',
    'gcc -c x.c; gcc -### -c x.c',
    'echo old >bad.o; gcc -c bad.c',
    'gcc -Wall -Wextra -c falls.c',
    'gcc -Wextra -Werror -c falls.c',
    'gcc -Wextra -Werror -c falls.c; gcc -Wextra -Werror -fmax-errors=1 -c bad.c',
    'gcc -Wextra -fdiagnostics-color=always -c falls.c',
    'gcc -fmax-errors=1 -fno-diagnostics-show-caret -c bad.c',
    'gcc -MD -Wextra -c falls.c',
    'gcc -MD -c bad.c',
    'gcc -c null.c',
    'g++ -c null.cc',
    'gcc -Wall -c macros.c',
    'gcc -Wtrigraphs -c trigraph.c',
    'gcc -ansi -pedantic -c tidy.c',
    'gcc -S bad.c',
  ],
  local: [
    // What the preprocessor says.
    'gcc -c warning.c',
    'gcc -Wall -c warning.c',
    'gcc -Werror -c warning.c',
    'gcc -c error.c',
    'gcc -c missing.c',
    'gcc -MD -c missing.c',
    'gcc -Wunused-macros -c unused.c',
    'gcc -c once.c',
    'gcc -c counted.c',
    'gcc -c nofile.c',
    'gcc -march=none -c quiet.c',
    // What the compiler looks for in the source itself.
    ...['indented', 'one-line', 'else', 'semicolon', 'each', 'macro'].map((name) => `gcc -Wall -c ${name}.c`),
    'gcc -Wmisleading-indentation -Werror -c indented.c',
    // What the server does not have, or has another of.
    'gcc -c embedded.c',
    'gcc -c included.c',
    'SOURCE_DATE_EPOCH=1 gcc -c date.c',
    'touch -d @1 stamp.c; gcc -c stamp.c',
    'gcc -c base.c',
    'gcc -c pushed.c',
    'gcc -c message.c',
    'gcc -c poisoned.c',
    'gcc -c renamed.c',
    'gcc -c optimize.c',
    'gcc -O2 -fopenmp -c parallel.c',
    'gcc -fopenmp-simd -c parallel.c',
    'gcc -finput-charset=latin1 -c latin.c',
    'gcc -march=native -c x.c',
    'gcc -mtune=native -c x.c',
    'echo "#error of mine" >x.h; gcc pre.h; rm pre.h; echo "#define PRE 2" >pre.h; gcc -c pre.c; rm *.gch',
    'gcc pre.h -o pre.h.gch; gcc -include pre.h -c x.c; gcc -Winvalid-pch -O2 -c pre.c; rm *.gch',
    'gcc -c pre.h; gcc -x c-header pre.h -o other.gch; rm *.gch',
    // What does not compile, or says something.
    'echo old >x.o; gcc -### -c x.c',
    'gcc',
    'gcc --version',
    'gcc -v',
    'gcc -v --version',
    'gcc --help',
    'gcc --help=warnings >/dev/null',
    'gcc --target-help >/dev/null',
    'gcc -dumpversion; gcc -dumpmachine; gcc -dumpfullversion',
    'gcc -print-prog-name=cc1; gcc -print-search-dirs; gcc --print-file-name=libc.a; gcc -print-multi-lib; gcc -print-sysroot',
    'gcc -E x.c >expanded',
    'gcc -E x.c -o expanded; gcc -E -dM x.c -o macros; gcc -E -P -C main.c',
    'gcc -M x.c; gcc -MM x.c; gcc -MM -MG missing.c; gcc -M -MF dependencies x.c',
    'gcc -dM -c main.c; gcc -dD -c main.c; gcc -dA -S main.c',
    'gcc -H -c main.c',
    'gcc -C -c main.c; gcc -CC -c main.c; gcc -P -c main.c',
    'gcc -fsyntax-only -c x.c; gcc -fsyntax-only x.c',
    'gcc -c x.c -o /dev/null',
    'gcc -S x.c -o -',
    'gcc -c x.c -o nowhere/x.o',
    'ln -s elsewhere x.o; gcc -c x.c',
    'echo old >x.o; ln x.o second; gcc -c x.c',
    'mkdir x.o; gcc -c x.c',
    'gcc main.c -o main && ./main',
    'gcc main.c x.c -o main',
    'gcc -c main.c x.c',
    'gcc -c x.c a.s',
    'gcc -S x.c a.s',
    'gcc -c x.c -o',
    'gcc -c x.c -o x.o -o y.o',
    'gcc -c x.c -D',
    'gcc -c',
    'gcc -c <x.c -',
    'gcc -x c -c - <x.c',
    'gcc -x c -c x.c',
    'gcc -xc -c x.c',
    'gcc --language=c -c x.c',
    'gcc -E x.c -o x.i; gcc -c x.i',
    'gcc -c a.s; gcc -c a.S; gcc -x assembler-with-cpp -c a.s',
    'gcc -no-such-option -c x.c',
    'gcc -S -MD x.c',
    // What takes a file, or writes further ones.
    'gcc @file',
    'gcc @file -O2',
    'gcc -specs=specs -c x.c; gcc -specs specs -c x.c; gcc --specs=specs -c x.c',
    'gcc -wrapper /usr/bin/env -c x.c',
    'gcc -B. -c x.c; gcc -B . -c x.c; gcc --prefix=. -c x.c',
    'gcc -fplugin=none -c x.c; gcc -fplugin-arg-none-x=y -c x.c',
    'gcc -save-temps -c x.c',
    'gcc -save-temps=obj -c x.c -o sub/there.o; gcc --save-temps -c x.c',
    'gcc -fdump-tree-optimized -c x.c',
    'gcc -fdump-rtl-final=dump -dumpbase base -dumpdir sub/ -c x.c; gcc --dumpbase base2 -fdump-tree-gimple -c x.c; rm dump',
    'gcc -da -c main.c; gcc -dP -S main.c; gcc --dump=a -c x.c; rm *.c.*',
    'gcc -fdump-passes -c main.c 2>/dev/null; gcc -fdump-final-insns=dump -c main.c',
    'gcc -fstack-usage -c x.c',
    'gcc -fcallgraph-info -c x.c; gcc -fcallgraph-info=su,da -c x.c',
    'gcc -fopt-info-all=report -O2 -c x.c; gcc -O2 -fopt-info -c x.c',
    'gcc -fsave-optimization-record -O2 -c main.c; rm -f *.json.gz',
    'gcc -fdiagnostics-format=json -c falls.c',
    'gcc -fdiagnostics-format=json-file -Wextra -c falls.c; gcc -fdiagnostics-format=sarif-file -Wextra -c falls.c; rm -f *.sarif',
    'gcc -fdiagnostics-add-output=sarif:file=report -Wextra -c falls.c',
    'gcc -fdiagnostics-generate-patch -c bad.c',
    'gcc -g3 -c x.c; gcc -ggdb3 -c x.c -o y.o',
    'gcc -g -gsplit-dwarf -c x.c -o sub/there.o',
    'gcc --coverage -c main.c; gcc -fprofile-arcs -ftest-coverage -c main.c -o other.o; gcc -fprofile-generate=sub -c main.c; ls; rm *.gcno *.o',
    'gcc -fprofile-use -c x.c; gcc -fbranch-probabilities -c x.c; gcc -fauto-profile=none -c x.c',
    'gcc -fverbose-asm -S main.c',
    'gcc -frecord-gcc-switches -c x.c',
    'gcc -fcompare-debug -c x.c',
    'gcc -aux-info prototypes -c x.c; gcc -aux-info=more -c x.c',
    'gcc -flto -frandom-seed=x -O2 -c x.c; gcc -flto=auto -frandom-seed=x -c x.c',
    'gcc -fworking-directory -g -gno-record-gcc-switches -c x.c; gcc -fno-working-directory -g -gno-record-gcc-switches -c x.c',
    'gcc -fpreprocessed -c main.c; gcc -fdirectives-only -c main.c',
    'gcc -Wa,-adhln=listing -c main.c; gcc -Wa,--MD,dependencies -c x.c; rm dependencies; gcc -Xassembler -W -c x.c',
    'gcc -Wp,-M -c x.c; gcc -Wp,-dM -c main.c; gcc -Xpreprocessor -DTIMES=1 -c x.c',
    'gcc --output=there.o -c x.c; gcc --compile x.c; gcc --define-macro=TIMES=2 --include-directory=sub -c sub/y.c',
    'DEPENDENCIES_OUTPUT=dependencies gcc -c x.c -o there.o',
    'SUNPRO_DEPENDENCIES=dependencies gcc -c x.c -o there.o',
    'g++ -std=c++20 -fmodules-ts -c module.cc; g++ -std=c++20 -fmodules-ts -c use.cc; ls gcm.cache; rm -r gcm.cache',
    'g++ -std=c++20 -fmodules-ts -x c++-system-header string_view; rm -r gcm.cache',
    'g++ -std=c++20 -fmodules-ts -fmodule-header sub/x.h; rm -r gcm.cache; g++ -fmodule-mapper=none -c x.cc',
    'g++ -std=c++20 -fmodules -c x.cppm; g++ -std=c++20 -c x.cppm',
    'g++ -fdump-lang-class -c x.cc; rm *.class',
  ],
};
