import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { elfFile, type ElfSketch } from '../machine/elf-file.ts';

/** A cross compiler that compiles nothing: what it would make lies ready. */
export interface FakeToolchain {
  /** Default: `arm-thing-linux-gnueabi`. */
  readonly triple?: string;
  /** Of objects. Default: 32-bit ARM, little endian. */
  readonly makes?: ElfSketch;
  /** Loader of dynamic programs. Default: one of glibc. */
  readonly interpreter?: string;
  /** Shell text that is run before everything else. */
  readonly first?: string;
  /** Programs that it does not have. */
  readonly without?: readonly string[];
  /** Where its libgcc is. Default: in it. */
  readonly libgcc?: string;
  /** What precedes the names of its programs. Default: `thing-`. */
  readonly name?: string;
}

const programs = ['gcc', 'ld', 'as', 'ar', 'nm', 'objcopy', 'objdump', 'ranlib', 'readelf', 'strip'];

/** Writes one with `bin/` and `lib/`, and gives the prefix of its programs. */
export function writeFakeToolchain(top: string, toolchain: FakeToolchain = {}): string {
  const {
    triple = 'arm-thing-linux-gnueabi',
    interpreter = '/lib/ld-linux.so.3',
    name = 'thing-',
  } = toolchain;
  const makes = toolchain.makes ?? { bits: 32, byteOrder: 'little', machine: 40 };
  mkdirSync(path.join(top, 'bin'), { recursive: true });
  mkdirSync(path.join(top, 'lib'));
  writeFileSync(path.join(top, 'lib/object'), elfFile(makes));
  writeFileSync(path.join(top, 'lib/program'), elfFile({ ...makes, interpreter }));
  writeFileSync(path.join(top, 'lib/libgcc.a'), '!<arch>\n');
  const gcc = `#!/bin/sh
top=$(dirname "$(readlink -f "$0")")/..
${toolchain.first ?? ''}
case $1 in
  -dumpmachine) echo ${triple} ;;
  --version) echo "${name}gcc (a fake) 1.0"; echo 'no warranty' ;;
  -print-libgcc-file-name) echo "${toolchain.libgcc ?? '$top/lib/libgcc.a'}" ;;
  -c) cp "$top/lib/object" "$3" ;;
  -static) cp "$top/lib/object" "$3" ;;
  -o) cp "$top/lib/program" "$2" ;;
  *) exit 1 ;;
esac
`;
  for (const program of programs) {
    if (toolchain.without?.includes(program)) continue;
    const file = path.join(top, 'bin', `${name}${program}`);
    writeFileSync(file, program === 'gcc' ? gcc : '#!/bin/sh\n');
    chmodSync(file, 0o755);
  }
  return path.join(top, 'bin', name);
}
