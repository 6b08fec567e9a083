import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { findProgram } from '../core/host-programs.ts';
import { addHeaders, linkedFiles } from './machine-compiler.ts';
import { askProgram, MachineFiles } from './machine-files.ts';

/** The programs of a toolchain that are needed to build a kernel and the programs of a root filesystem. */
const programs = ['gcc', 'ld', 'as', 'ar', 'nm', 'objcopy', 'objdump', 'ranlib', 'readelf', 'strip'] as const;

/** Programs that gcc searches for by itself, most of them without its prefix. */
const ownPrograms = ['cc1', 'collect2', 'lto-wrapper', 'as', 'ld', 'ar', 'nm', 'ranlib', 'strip'];

/** Files that gcc finds by itself, in addition to those of any gcc. */
const furtherFiles = ['libcrypt.a', 'libcrypt.so', 'libssp_nonshared.a'];

/** Directories whose programs belong to many packages: of a toolchain in one of them, only what it reports when queried is taken. */
const sharedPlaces = ['/', '/usr', '/usr/local'];

/** The path in a sandbox of a toolchain that has a directory to itself. */
const ownPlace = 'toolchain';

/** Wrappers that are installed under a compiler's name and call it. */
const wrappers = ['ccache', 'distcc', 'icecc', 'sccache'];

/** An external toolchain of this machine: where its programs are. */
export interface LocatedToolchain {
  /** As the user wrote it. */
  readonly prefix: string;
  /** Absolute path of each program. */
  readonly programs: Readonly<Record<(typeof programs)[number], string>>;
  /** The directory that holds all of it; undefined if it shares its directory with others. */
  readonly top?: string;
  /** What precedes `gcc` in a sandbox: with a path if the toolchain has a directory of its own. */
  readonly command: string;
}

function refusal(prefix: string, why: string, hint: string): Result<never, Failure> {
  return failed({ reason: 'unusable-toolchain', prefix, why, hint });
}

/**
 * Finds the programs that `prefix` denotes: a path with the beginning of their names, or only the latter, which is looked
 * for in `searchPath`. Fails with `unusable-toolchain`.
 */
export async function locateToolchain(
  prefix: string,
  from: { readonly cwd: string; readonly searchPath: string },
): Promise<Result<LocatedToolchain, Failure>> {
  const name = basename(`${prefix}gcc`).slice(0, -'gcc'.length);
  const directories = prefix.includes('/')
    ? [dirname(resolve(from.cwd, `${prefix}gcc`))]
    : from.searchPath.split(':').filter(isAbsolute);
  const found = new Map<string, string>();
  for (const program of programs) {
    const path = await findCompiler(`${name}${program}`, directories);
    if (path === undefined) return missing(prefix, name, program, { ...from, directories });
    found.set(program, path);
  }
  const gcc = found.get('gcc') ?? '';
  const located = { prefix, programs: Object.fromEntries(found) as LocatedToolchain['programs'] };
  if (!/^[A-Za-z0-9._+-]*$/.test(name)) {
    return refusal(
      prefix,
      `has program names that cannot be passed to make`,
      'Only letters, digits and . _ + - may precede gcc; the directory may have any name.',
    );
  }
  const home = await homeOf(gcc, name);
  if (sharedPlaces.includes(home.top)) return ok({ ...located, command: name });
  const libgcc = (await askProgram(gcc, ['-print-libgcc-file-name']))?.trim() ?? '';
  const inside = await realpath(libgcc).then(
    (path) => path.startsWith(`${home.top}/`),
    // A compiler that does not run is reported when it is tried.
    () => true,
  );
  if (!inside) {
    return refusal(
      prefix,
      `is not self-contained: ${gcc} uses parts from outside ${home.top}`,
      `${libgcc} is one of them. Name the programs where they were installed, not links or wrappers.`,
    );
  }
  return ok({ ...located, top: home.top, command: `/${ownPlace}/${home.directory}/${home.name}` });
}

/** The parent of the directory of a program's name, or of the file's directory if the name is only a link to it. */
async function homeOf(
  gcc: string,
  name: string,
): Promise<{ readonly top: string; readonly directory: string; readonly name: string }> {
  const directory = await realpath(dirname(gcc));
  const file = await realpath(gcc);
  const top = dirname(directory);
  if (sharedPlaces.includes(top) ? sharedPlaces.includes(dirname(dirname(file))) : file.startsWith(`${top}/`))
    return { top, directory: basename(directory), name };
  const real = dirname(file);
  const realName = basename(file).endsWith('gcc') ? basename(file).slice(0, -'gcc'.length) : name;
  return { top: dirname(real), directory: basename(real), name: realName };
}

/** The first program of this name that is not merely a wrapper for another. */
async function findCompiler(name: string, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const path = await findProgram(name, [directory]);
    if (path === undefined || !(await stat(path)).isFile()) continue;
    if (!wrappers.includes(basename(await realpath(path)))) return path;
  }
  return undefined;
}

async function missing(
  prefix: string,
  name: string,
  program: string,
  from: { readonly cwd: string; readonly directories: readonly string[] },
): Promise<Result<never, Failure>> {
  const { cwd, directories } = from;
  const where = prefix.includes('/') ? `in ${directories[0] ?? ''}` : 'in PATH';
  const why = `does not exist: there is no ${name}${program} ${where}`;
  const meant = await nearPrefix(prefix, cwd, directories);
  const debian = debianPackage(name, program);
  if (program === 'gcc' && meant !== undefined) {
    return refusal(
      prefix,
      why,
      `Give what precedes \`gcc\` in the names of its programs. Did you mean ${meant}?`,
    );
  }
  return refusal(
    prefix,
    why,
    debian === undefined
      ? 'Give what precedes `gcc` in the names of its programs, with the directory if that is not in PATH.'
      : `Install it; on Debian: apt-get install ${debian}`,
  );
}

/** The most likely intention: with the dash, without `gcc`, or a compiler in the directory of that name. */
async function nearPrefix(
  prefix: string,
  cwd: string,
  directories: readonly string[],
): Promise<string | undefined> {
  for (const meant of [`${prefix}-`, prefix.replace(/gcc$/, '')]) {
    const places = meant.includes('/') ? [dirname(resolve(cwd, `${meant}gcc`))] : directories;
    if (meant !== prefix && (await findCompiler(basename(`${meant}gcc`), places)) !== undefined) return meant;
  }
  for (const directory of [prefix, join(prefix, 'bin')]) {
    const names = await readdir(resolve(cwd, directory)).catch(() => []);
    const [shortest] = names.filter((name) => name.endsWith('-gcc')).sort((a, b) => a.length - b.length);
    if (shortest !== undefined) return join(directory, shortest.slice(0, -'gcc'.length));
  }
  return undefined;
}

/** The Debian package of a program, if the toolchain's name looks like one of Debian's. */
function debianPackage(name: string, program: string): string | undefined {
  if (!/^[a-z0-9_]+-linux-gnu[a-z0-9_]*-$/.test(name)) return undefined;
  const triple = name.slice(0, -1).replaceAll('_', '-');
  return `${program === 'gcc' ? 'gcc' : 'binutils'}-${triple}`;
}

/**
 * Lists everything of a toolchain that is used when C is compiled and linked, with the libraries that its programs
 * load: its whole directory, or what it finds when it is queried.
 */
export async function listToolchain(toolchain: LocatedToolchain): Promise<MachineFiles> {
  const { top } = toolchain;
  if (top !== undefined) {
    const files = new MachineFiles({ from: top, to: ownPlace });
    await files.addDirectory(top);
    return files;
  }
  const { gcc } = toolchain.programs;
  const files = new MachineFiles();
  for (const [name, path] of Object.entries(toolchain.programs)) {
    await files.addProgram(`${toolchain.command}${name}`, path);
  }
  const answers = [
    ...ownPrograms.map((name) => `-print-prog-name=${name}`),
    ...[...Object.keys(linkedFiles), ...furtherFiles].map((name) => `-print-file-name=${name}`),
  ];
  for (const question of answers) {
    const path = (await askProgram(gcc, [question]))?.trim() ?? '';
    // gcc prints the bare name of a file that it does not find.
    if (path.startsWith('/')) await files.add(path);
  }
  await addSearchedHeaders(files, gcc);
  return files;
}

/** The headers of gcc itself, and those in the directories in which it finds the headers of libc and the kernel. */
async function addSearchedHeaders(files: MachineFiles, gcc: string): Promise<void> {
  const own = await realpath(dirname((await askProgram(gcc, ['-print-libgcc-file-name']))?.trim() ?? '/'));
  const shared: string[] = [];
  for (const directory of await searchedDirectories(gcc)) {
    if (directory.startsWith(`${own}/`)) await files.addDirectory(directory);
    else shared.push(directory);
  }
  const probes: string[] = [];
  for (const header of ['stdio.h', 'linux/version.h', 'asm/unistd.h']) {
    for (const directory of shared) {
      const there = await stat(join(directory, header)).catch(() => undefined);
      if (there === undefined) continue;
      probes.push(join(directory, header));
      break;
    }
  }
  const used = shared.filter((directory) => probes.some((probe) => probe.startsWith(`${directory}/`)));
  await addHeaders(files, used, probes);
}

/** Where gcc looks for C headers, in its order. */
async function searchedDirectories(gcc: string): Promise<readonly string[]> {
  const searched = (await askProgram(gcc, ['-v', '-E', '-x', 'c', '/dev/null'])) ?? '';
  const [, list = ''] =
    /#include <\.\.\.> search starts here:\n(.*?)End of search list/s.exec(searched) ?? [];
  const found: string[] = [];
  for (const line of list.split('\n').filter((text) => text.startsWith(' '))) {
    const directory = await realpath(line.trim()).catch(() => undefined);
    if (directory !== undefined) found.push(directory);
  }
  return found;
}
