import type { Action, Command, Ref } from '../../src/plan/action.ts';
import { run, shell, write } from '../../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from '../inputs.ts';
import { buildMachine, type Machine } from '../machine.ts';
import { hostTool } from './tool.ts';

/** Compilers that a guest calls by way of distcc, and that its server runs: each also with the target's triple before it. */
export const distccNames = ['gcc', 'g++', 'cc', 'c++'] as const;

type DistccProgram = 'distcc' | 'distccd';

/** distcc and its server, for the build machine. */
export function distcc(
  inputs: PlanInputs,
  tools: { readonly busybox: Action; readonly make: Action },
): Action {
  return hostTool(inputs, {
    name: 'distcc',
    description: 'distributed compilation, client and server',
    tools: [tools.busybox, tools.make],
    commands: [
      ...buildDistcc({
        triple: buildMachine(inputs.build).triple,
        cc: 'gcc -static',
        programs: ['distcc', 'distccd'],
      }),
      shell('strip distcc distccd\nmkdir /out/bin\ncp distcc distccd /out/bin'),
    ],
    provides: ['distcc', 'distccd'],
    weight: 15,
  });
}

/** The client or the server alone, for a machine that a compiler is made for: `/out/bin/PROGRAM`. */
export function distccProgram(
  inputs: PlanInputs,
  request: {
    readonly stage: string;
    readonly program: DistccProgram;
    readonly host: Machine;
    readonly base: readonly Ref[];
  },
): Action {
  const { stage, program, host, base } = request;
  return buildAction(inputs, {
    name: `${stage}/${program}`,
    description: `${program === 'distcc' ? 'client' : 'server'} of distributed compilation, for ${host.name}`,
    tools: [...base, ...host.tools],
    inputs: { '/src': source(inputs, 'distcc') },
    env: baseEnvironment(inputs),
    commands: [
      ...buildDistcc({ triple: host.triple, cc: host.cc, programs: [program] }),
      shell(`mkdir /out/bin\n${host.triple}-strip -o /out/bin/${program} ${program}`),
    ],
    outputs: { out: '/out' },
    weight: 15,
  });
}

/**
 * Makes `distcc` and `distccd` in `/build` of the source at `/src`. Releases as distributions ship them have no
 * configure script (making it wants perl), so that what it would find out stands here: true of glibc and of musl.
 *
 * The client cannot be given options in files (libiberty would read them): patches/distcc has it run such calls where it is.
 *
 * @param request.cc compiler with what it takes to link for the machine that runs them.
 * @param request.triple that machine's; the client looks for compilers named by it.
 */
function buildDistcc(request: {
  readonly triple: string;
  readonly cc: string;
  readonly programs: readonly DistccProgram[];
}): readonly Command[] {
  const objects = (names: string) =>
    `${names} ${both}`.split(' ').map((name) => `${name.replaceAll('/', '-')}.o`);
  const client = objects(clientOnly);
  const server = [...objects(serverOnly), 'getpwnam.o'];
  const rules = [
    `CC = ${request.cc}`,
    'CFLAGS = -O2 -D_GNU_SOURCE -DHAVE_CONFIG_H -DMINILZO_HAVE_CONFIG_H -I. -I/src/src -I/src/popt -I/src/lzo',
    `distcc: ${client.join(' ')}`,
    `distccd: ${server.join(' ')}`,
    'distcc distccd:\n\t$(CC) -o $@ $^',
    ...['src', 'popt', 'lzo'].map((part) => `${part}-%.o: /src/${part}/%.c\n\t$(CC) $(CFLAGS) -c -o $@ $<`),
  ];
  return [
    write('/build/config.h', configHeader(request.triple)),
    write('/build/getpwnam.c', getpwnam),
    write('/build/Makefile', rules.map((rule) => `${rule}\n`).join('')),
    run(['make', ...request.programs]),
  ];
}

/**
 * The server looks its user up. A static glibc would load the machine's name service modules for that, which crashes
 * where they are of another version.
 */
const getpwnam = `#include <pwd.h>
#include <stdio.h>
#include <string.h>

struct passwd *getpwnam(const char *name)
{
    struct passwd *found = 0;
    FILE *file = fopen("/etc/passwd", "re");

    if (!file)
        return 0;
    while ((found = fgetpwent(file)) && strcmp(found->pw_name, name))
        ;
    fclose(file);
    return found;
}
`;

const both =
  'src/arg src/argutil src/cleanup src/compress src/trace src/util src/io src/exec src/rpc src/tempfile src/bulk ' +
  'src/help src/filename src/options src/lock src/netutil src/pump src/sendfile src/safeguard src/snprintf ' +
  'src/timeval src/dotd src/hosts src/hostfile src/implicit src/loadfile lzo/minilzo';

const clientOnly =
  'src/backoff src/climasq src/clinet src/clirpc src/compile src/cpp src/source src/distcc src/remote src/ssh src/state ' +
  'src/strip src/timefile src/traceenv src/include_server_if src/where src/emaillog';

const serverOnly =
  'src/access src/confine src/daemon src/dopt src/dparent src/dsignal src/ncpus src/prefork src/stringmap src/serve ' +
  'src/setuid src/srvnet src/srvrpc src/state src/stats src/fix_debug_info popt/findme popt/popt popt/poptconfig ' +
  'popt/popthelp popt/poptparse';

const present =
  'ALLOCA_H ARPA_NAMESER_H ASPRINTF C99_VSNPRINTF CTYPE_H DECL_ASPRINTF DECL_SNPRINTF DECL_STRNDUP DECL_VASPRINTF ' +
  'DECL_VSNPRINTF ELF_H FLOAT_H FLOCK FNMATCH_H FSTATAT GETCWD GETEUID GETLINE GETLOADAVG GETPAGESIZE GETRUSAGE ' +
  'GETTIMEOFDAY GETUID HSTRERROR INET_NTOA INET_NTOP IN_ADDR_T IN_PORT_T LOCKF MEMCMP MEMCPY MEMMOVE MEMSET MKDTEMP ' +
  'MMAP NETINET_IN_H RESOLV_H SENDFILE SETGROUPS SETREUID SETSID SETUID SNPRINTF SOCKADDR_STORAGE SOCKETPAIR STDLIB_H ' +
  'STRERROR STRINGS_H STRING_H STRNDUP STRSEP STRSIGNAL SYS_MMAN_H SYS_RESOURCE_H SYS_SELECT_H SYS_SENDFILE_H ' +
  'SYS_SOCKET_H SYS_TYPES_H UNISTD_H VARARG_MACROS VASPRINTF VA_COPY VSNPRINTF WAIT3 WAIT4 WAITPID';

function configHeader(triple: string): string {
  const strings = {
    GNU_HOST: triple,
    LIBDIR: '/usr/lib',
    SYSCONFDIR: '/etc',
    PACKAGE: 'distcc',
    PACKAGE_VERSION: '3.4',
    PACKAGE_BUGREPORT: 'distcc@lists.samba.org',
  };
  return [
    ...present.split(' ').map((name) => `#define HAVE_${name} 1`),
    '#define RETSIGTYPE void',
    ...Object.entries(strings).map(([name, text]) => `#define ${name} "${text}"`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}
