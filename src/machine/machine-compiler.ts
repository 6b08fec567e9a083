import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { findProgram } from '../core/host-programs.ts';
import { askProgram, MachineFiles } from './machine-files.ts';

/** Where to look for the machine's programs; the first match wins. */
export const programDirectories: readonly string[] = ['/usr/local/bin', '/usr/bin', '/bin'];

/** Programs of the compiler chain with the Debian package that provides each. */
export const compilerPrograms: Readonly<Record<string, string>> = {
  gcc: 'gcc',
  'g++': 'g++',
  cc: 'gcc',
  ld: 'binutils',
  as: 'binutils',
  ar: 'binutils',
  nm: 'binutils',
  ranlib: 'binutils',
  objdump: 'binutils',
  objcopy: 'binutils',
  strip: 'binutils',
  readelf: 'binutils',
};

const ownPrograms = ['cc1', 'cc1plus', 'collect2', 'lto-wrapper'];

/** Files that gcc finds by itself, with the Debian package of those without which nothing can be linked. */
export const linkedFiles: Readonly<Record<string, string | undefined>> = {
  'liblto_plugin.so': undefined,
  'crt1.o': 'libc6-dev',
  'crti.o': 'libc6-dev',
  'crtn.o': 'libc6-dev',
  'Scrt1.o': undefined,
  'rcrt1.o': undefined,
  'gcrt1.o': undefined,
  'crtbegin.o': 'gcc',
  'crtbeginS.o': undefined,
  'crtbeginT.o': 'gcc',
  'crtend.o': 'gcc',
  'crtendS.o': undefined,
  'crtfastmath.o': undefined,
  'libgcc.a': 'gcc',
  'libgcc_eh.a': 'gcc',
  'libgcc_s.so': undefined,
  'libgcc_s.so.1': undefined,
  'libatomic.a': undefined,
  'libatomic.so': undefined,
  'libstdc++.a': 'g++',
  'libstdc++.so': 'g++',
  'libsupc++.a': undefined,
  'libc.a': 'libc6-dev',
  'libc.so': 'libc6-dev',
  'libc_nonshared.a': undefined,
  'libm.a': 'libc6-dev',
  'libm.so': 'libc6-dev',
  'libmvec.a': undefined,
  'libmvec.so': undefined,
  'libpthread.a': undefined,
  'libpthread.so': undefined,
  'librt.a': undefined,
  'librt.so': undefined,
  'libdl.a': undefined,
  'libdl.so': undefined,
  'libutil.a': undefined,
  'libutil.so': undefined,
  'libresolv.a': undefined,
  'libresolv.so': undefined,
};

/** The names of libc and the kernel in an include directory, for machines without a list of which file belongs to which package. */
const knownHeaders = new Set(
  (
    'a.out aio aliases alloca ar argp argz arpa asm asm-generic assert bits byteswap complex cpio ctype dirent dlfcn drm ' +
    'elf endian envz err errno error execinfo fcntl features features-time64 fenv fmtmsg fnmatch fpu_control fstab fts ' +
    'ftw gconv getopt glob gnu gnu-versions grp gshadow iconv ieee754 ifaddrs inttypes langinfo lastlog libgen libintl ' +
    'limits link linux locale malloc math mcheck memory misc mntent monetary mqueue mtd net netash netatalk netax25 netdb ' +
    'neteconet netinet netipx netiucv netpacket netrom netrose nfs nl_types nss obstack paths poll printf proc_service ' +
    'protocols pthread pty pwd rdma re_comp regex regexp resolv rpc sched scsi search semaphore setjmp sgtty shadow signal ' +
    'sound spawn stab stdc-predef stdint stdio stdio_ext stdlib string strings sys syscall sysexits syslog tar termio ' +
    'termios tgmath thread_db threads time ttyent uchar ucontext ulimit unistd utime utmp utmpx values video wait wchar ' +
    'wctype wordexp xen'
  ).split(' '),
);

function missing(program: string, purpose: string, debianPackage: string): Result<never, Failure> {
  return failed({ reason: 'missing-program', program, purpose, debianPackage });
}

/** Lists the machine's compiler chain and C library: everything that is used when C or C++ is compiled, and nothing else. */
export async function listCompiler(
  directories: readonly string[] = programDirectories,
): Promise<Result<MachineFiles, Failure>> {
  const purpose = 'compiling the first tools';
  const files = new MachineFiles();
  for (const [name, debianPackage] of Object.entries(compilerPrograms)) {
    const path = await findProgram(name, directories);
    if (path === undefined) return missing(name, purpose, debianPackage);
    await files.addProgram(name, path);
  }
  const gcc = (await findProgram('gcc', directories)) ?? 'gcc';
  const gxx = (await findProgram('g++', directories)) ?? 'g++';

  for (const program of ownPrograms) {
    const path = (await askProgram(gxx, [`-print-prog-name=${program}`]))?.trim() ?? '';
    if (!(path.startsWith('/') && (await files.add(path))) && program !== 'lto-wrapper') {
      return missing(program, purpose, program === 'cc1plus' ? 'g++' : 'gcc');
    }
  }
  for (const [file, debianPackage] of Object.entries(linkedFiles)) {
    const path = (await askProgram(gxx, [`-print-file-name=${file}`]))?.trim() ?? '';
    // gcc prints the bare name of a file that it does not find.
    const found = path.startsWith('/') && (await files.add(path));
    if (!found && debianPackage !== undefined) return missing(file, purpose, debianPackage);
  }

  const own = await realpath(dirname((await askProgram(gcc, ['-print-libgcc-file-name']))?.trim() ?? '/'));
  const searched = (await askProgram(gxx, ['-v', '-E', '-x', 'c++', '/dev/null'])) ?? '';
  const [, list = ''] =
    /#include <\.\.\.> search starts here:\n(.*?)End of search list/s.exec(searched) ?? [];
  const shared: string[] = [];
  for (const line of list.split('\n').filter((text) => text.startsWith(' '))) {
    const directory = await realpath(line.trim()).catch(() => undefined);
    if (directory === undefined || directory.startsWith('/usr/local/')) continue;
    if (directory.startsWith(`${own}/`) || directory.includes('/c++/')) await files.addDirectory(directory);
    else shared.push(directory);
  }
  await addHeaders(files, shared);
  if (!files.has('usr/include/stdio.h')) return missing('stdio.h', purpose, 'libc6-dev');
  if (!files.has('usr/include/linux/version.h')) return missing('linux/version.h', purpose, 'linux-libc-dev');
  return ok(files);
}

/**
 * Adds libc's and the kernel's headers from directories that also hold headers of other packages.
 *
 * @param probes one header of each
 */
export async function addHeaders(
  files: MachineFiles,
  directories: readonly string[],
  probes: readonly string[] = ['/usr/include/stdio.h', '/usr/include/linux/version.h'],
): Promise<void> {
  const owned = await listOwned(directories, probes);
  if (owned !== undefined) {
    for (const path of owned) await files.add(path);
    return;
  }
  for (const directory of directories) {
    files.watched.add(directory);
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (!knownHeaders.has(basename(entry.name, '.h'))) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await files.addDirectory(path);
      else await files.add(path);
    }
  }
}

/** Headers of the packages that own the probes; undefined if dpkg does not know. */
async function listOwned(
  directories: readonly string[],
  probes: readonly string[],
): Promise<readonly string[] | undefined> {
  const dpkg = await findProgram('dpkg-query', ['/usr/bin']);
  if (dpkg === undefined) return undefined;
  const owners = await askProgram(dpkg, ['--search', ...probes]);
  const packages = [...(owners ?? '').matchAll(/^(\S+): \//gm)].map(([, name = '']) => name);
  if (packages.length < probes.length) return undefined;
  const listed = await askProgram(dpkg, ['--listfiles', ...new Set(packages)]);
  return listed
    ?.split('\n')
    .filter((path) => directories.some((directory) => path.startsWith(`${directory}/`)));
}
