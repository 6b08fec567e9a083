import { describe, expect, test } from 'vitest';
import { digest } from '../../src/core/digest.ts';
import type { Failure, FailureReason } from '../../src/core/failure.ts';
import { failureText } from '../../src/report/failure-text.ts';

interface Sample {
  readonly failure: Failure;
  readonly text: readonly string[];
}

/** The exact text for one failure of each reason. */
const samples: { readonly [Reason in FailureReason]: Sample & { failure: { reason: Reason } } } = {
  'unsupported-version': {
    failure: {
      reason: 'unsupported-version',
      arch: 'sh4',
      source: 'gcc',
      version: '16.2.0',
      why: 'it miscompiles musl',
      others: ['14.2.0', '15.3.0'],
    },
    text: [
      'sh4 cannot be built with gcc 16.2.0: it miscompiles musl',
      '  Choose another one with --gcc: 14.2.0, 15.3.0.',
    ],
  },
  'wrong-use': {
    failure: { reason: 'wrong-use', what: 'there is no image', hint: 'Make one.' },
    text: ['there is no image', '  Make one.'],
  },
  'bad-option': {
    failure: {
      reason: 'bad-option',
      option: '--triple',
      value: 'arm-linux-gnu',
      why: 'must be PROCESSOR-linux-musl[ABI]',
      hint: 'Nothing was written.',
    },
    text: ['--triple arm-linux-gnu: must be PROCESSOR-linux-musl[ABI]', '  Nothing was written.'],
  },
  'already-exists': {
    failure: { reason: 'already-exists', what: 'a file', path: '/a/x.ts', hint: 'It was not changed.' },
    text: ['there is a file already: /a/x.ts', '  It was not changed.'],
  },
  'unreadable-user-file': {
    failure: {
      reason: 'unreadable-user-file',
      what: 'the kernel configuration',
      path: '/k',
      code: 'EACCES',
      hint: 'Make it readable for you.',
    },
    text: ['the kernel configuration /k cannot be read (EACCES)', '  Make it readable for you.'],
  },
  'unfit-user-file': {
    failure: {
      reason: 'unfit-user-file',
      what: 'the overlay',
      path: '/o/etc',
      why: 'is a file, but the root filesystem has a directory there',
      hint: 'An overlay adds to directories but cannot replace them.',
    },
    text: [
      'the overlay: /o/etc is a file, but the root filesystem has a directory there',
      '  An overlay adds to directories but cannot replace them.',
    ],
  },
  'changed-since-plan': {
    failure: { reason: 'changed-since-plan', what: 'the overlay' },
    text: ['the overlay changed after the plan was made', '  Run the command again.'],
  },
  'unusable-toolchain': {
    failure: {
      reason: 'unusable-toolchain',
      prefix: 'arm-linux-gnueabi-',
      why: 'cannot link a static program',
      hint: 'Install its static libraries.',
    },
    text: [
      'the toolchain arm-linux-gnueabi- cannot link a static program',
      '  Install its static libraries.',
    ],
  },
  'unknown-name': {
    failure: {
      reason: 'unknown-name',
      kind: 'arch',
      name: 'armv5',
      nearest: ['armv5l', 'armv7l'],
      known: ['armv5l', 'armv7l', 'i686'],
    },
    text: [
      "there is no arch named 'armv5'",
      '  Did you mean armv5l or armv7l?',
      '  Known arch names: armv5l, armv7l, i686',
    ],
  },
  'bad-input': {
    failure: {
      reason: 'bad-input',
      file: 'sources.lock',
      faults: [
        { field: 'sources[0].tree', line: 7, message: 'must be a digest' },
        { field: '', message: 'must be an object' },
      ],
    },
    text: [
      'sources.lock has 2 faults',
      '  sources.lock:7: sources[0].tree: must be a digest',
      '  sources.lock: must be an object',
      '  Fix the file and run the command again; nothing was built.',
    ],
  },
  'bad-definitions': {
    failure: {
      reason: 'bad-definitions',
      faults: [
        { file: 'strata/core.morph', field: 'chunks[0].ref', line: 7, message: 'is missing' },
        { file: 'DEFAULTS', field: '', message: 'does not exist' },
      ],
    },
    text: [
      'the definitions have 2 faults',
      '  strata/core.morph:7: chunks[0].ref: is missing',
      '  DEFAULTS: does not exist',
      '  Fix them and run the command again; nothing was built.',
    ],
  },
  'plan-fault': {
    failure: { reason: 'plan-fault', faults: ['kernel-armv5l/build: there is no action a/b'] },
    text: [
      'the plan contradicts itself in 1 place',
      '  kernel-armv5l/build: there is no action a/b',
      '  Fix the stage that defines the named action (in stages/); nothing was built.',
    ],
  },
  'not-ready': {
    failure: { reason: 'not-ready', action: 'chunk-x/a', first: ['chunk-x/b', 'zlib 1.3.1'] },
    text: [
      'chunk-x/a cannot begin yet, because what it reads is not there. These come first:',
      '    chunk-x/b',
      '    zlib 1.3.1',
      '  Build it first. If it fails, what it has written is kept for a shell.',
    ],
  },
  'kept-in-use': {
    failure: { reason: 'kept-in-use', action: 'chunk-x/a' },
    text: ['there is a shell already in what chunk-x/a left when it failed', '  Wait until it has ended.'],
  },
  'never-run': {
    failure: { reason: 'never-run', action: 'host-tools/make', store: '/store' },
    text: [
      'action host-tools/make has never run with the store /store',
      '  A build that needs it runs it; --store DIR names another store.',
    ],
  },
  'not-recorded': {
    failure: { reason: 'not-recorded', action: 'host-tools/make' },
    text: [
      'the latest run of host-tools/make was not recorded',
      '  To record it, run: bootstrap ARCH --only-action host-tools/make --record --again',
    ],
  },
  'missing-program': {
    failure: {
      reason: 'missing-program',
      program: 'g++',
      purpose: 'compiling the first tools',
      debianPackage: 'g++',
    },
    text: [
      'g++ is missing; it is needed for compiling the first tools',
      '  Install it; on Debian: apt-get install g++',
    ],
  },
  'namespaces-refused': {
    failure: {
      reason: 'namespaces-refused',
      detail: 'unshare: Operation not permitted',
      remedy: 'sysctl user.max_user_namespaces=15000',
    },
    text: [
      'this system does not allow the namespaces in which actions run',
      '  unshare: Operation not permitted',
      '  Allow them with: sysctl user.max_user_namespaces=15000',
    ],
  },
  'uncompilable-helper': {
    failure: {
      reason: 'uncompilable-helper',
      compiler: '/usr/bin/gcc',
      detail: 'ld: cannot find -lc\ncollect2: error: ld returned 1 exit status',
    },
    text: [
      'the helper program that sets up sandboxes does not compile with /usr/bin/gcc',
      '  ld: cannot find -lc',
      '  collect2: error: ld returned 1 exit status',
      '  It needs a compiler and a static C library for this machine, on Debian: apt-get install gcc libc6-dev',
    ],
  },
  'no-room': {
    failure: { reason: 'no-room', path: '/store/trees', detail: 'ENOSPC: no space left on device' },
    text: [
      'no space left at /store/trees',
      '  ENOSPC: no space left on device',
      '  Free some space, or choose another place (--store DIR for the store, --out DIR for products).',
      '  Then run the command again: it resumes where it left off.',
    ],
  },
  unwritable: {
    failure: { reason: 'unwritable', path: '/out', detail: 'EACCES: permission denied' },
    text: [
      'cannot write to /out',
      '  EACCES: permission denied',
      '  Make it writable, or choose another place (--out DIR for products, --store DIR for the store).',
    ],
  },
  'foreign-product': {
    failure: { reason: 'foreign-product', path: '/out/armv5l/system-image-armv5l', kind: 'directory' },
    text: [
      'a product belongs at /out/armv5l/system-image-armv5l, but bootstrap did not make the directory that is there',
      '  It was left as it is. Move it, or choose another place with --out DIR.',
    ],
  },
  'no-store': {
    failure: { reason: 'no-store', path: '/home/me/store' },
    text: [
      'there is no store at /home/me/store',
      '  A build creates one; use --store DIR to name another place.',
    ],
  },
  'unpinned-sources': {
    failure: { reason: 'unpinned-sources', chunks: ['a/a', 'b/b', 'c/c', 'd/d'] },
    text: [
      '4 sources not pinned: a/a, b/b, c/c and 1 more',
      '  Run `bootstrap system fetch` with --pin: it fetches them, and remembers what they are.',
    ],
  },
  'source-unavailable': {
    failure: {
      reason: 'source-unavailable',
      source: 'gcc 14.2.0',
      attempts: [{ origin: 'https://ftp.gnu.org/gcc.tar.xz', why: 'answered 404' }],
      offline: false,
    },
    text: [
      'could not fetch source gcc 14.2.0',
      '  https://ftp.gnu.org/gcc.tar.xz: answered 404',
      '  Check the network and run the command again, or name a mirror that has the file with --mirror URL.',
    ],
  },
  'wrong-hash': {
    failure: {
      reason: 'wrong-hash',
      source: 'musl 1.2.5',
      origin: 'https://musl.libc.org/m.tar.gz',
      expected: 'aa',
      actual: 'bb',
    },
    text: [
      'source musl 1.2.5 has the wrong hash and was discarded',
      '  from      https://musl.libc.org/m.tar.gz',
      '  expected  aa',
      '  got       bb',
      '  The file at this origin was changed or is damaged. Try another origin with --mirror URL; change sources.lock only if you know why.',
    ],
  },
  'wrong-tree': {
    failure: {
      reason: 'wrong-tree',
      source: 'musl 1.2.5',
      origin: 'debian musl',
      expected: 'aa-1',
      actual: 'bb-1',
    },
    text: [
      'source musl 1.2.5 does not unpack to the pinned tree and was refused',
      '  from      debian musl',
      '  expected  aa-1',
      '  got       bb-1',
      '  To build with this variant anyway: --accept-variant musl (the manifest will name it).',
    ],
  },
  'hostile-archive': {
    failure: {
      reason: 'hostile-archive',
      archive: 'x.tar',
      entry: '../../etc/passwd',
      why: 'the entry leaves the tree',
    },
    text: [
      'x.tar was refused: the entry leaves the tree',
      '  entry     ../../etc/passwd',
      '  Nothing was unpacked. This is the archive that sources.lock pins: pin another one there.',
    ],
  },
  'bad-archive': {
    failure: { reason: 'bad-archive', archive: 'x.tar.gz', why: 'unexpected end of file' },
    text: [
      'x.tar.gz cannot be unpacked',
      '  unexpected end of file',
      '  This is the archive that sources.lock pins, so fetching it again does not help: pin another one there.',
    ],
  },
  'patch-failed': {
    failure: {
      reason: 'patch-failed',
      source: 'gcc 14.2.0',
      patch: 'patches/gcc/14.2.0/0001-x.patch',
      line: 12,
      why: 'no such lines in gcc/Makefile.in',
    },
    text: [
      'patches/gcc/14.2.0/0001-x.patch:12: does not apply to source gcc 14.2.0',
      '  no such lines in gcc/Makefile.in',
      '  Patches are applied without fuzz: rewrite the hunk against the pinned version.',
    ],
  },
  'action-failed': {
    failure: {
      reason: 'action-failed',
      action: 'kernel-armv5l/build',
      exitCode: 139,
      log: '/store/logs/k/log',
      lastLines: ['CC init/main.o', 'Segmentation fault'],
      kept: true,
    },
    text: [
      'action kernel-armv5l/build failed with exit code 139 (SIGSEGV)',
      '  last lines of its output:',
      '  | CC init/main.o',
      '  | Segmentation fault',
      '  log       /store/logs/k/log',
      '  To see its script and the whole log: bootstrap log kernel-armv5l/build',
      '  For a shell in what it has written: bootstrap system shell SYSTEM CHUNK',
    ],
  },
  'missing-output': {
    failure: {
      reason: 'missing-output',
      action: 'host-tools/m4',
      output: 'out',
      path: '/out',
      log: '/store/logs/k/log',
    },
    text: [
      "action host-tools/m4 succeeded, but its output 'out' is not there",
      '  expected  /out',
      '  log       /store/logs/k/log',
      '  Its stage names a directory that its commands do not create; fix one of the two.',
    ],
  },
  'unreadable-output': {
    failure: { reason: 'unreadable-output', path: '/t/log', why: 'is a symbolic link', hint: 'Fix it.' },
    text: ['/t/log, made by an action, is a symbolic link', '  Fix it.'],
  },
  'clashing-inputs': {
    failure: {
      reason: 'clashing-inputs',
      action: 'a/b',
      path: '/tools',
      file: 'bin/sed',
      refs: ['host-tools/busybox:out', 'host-tools/toybox:out'],
    },
    text: [
      'action a/b cannot be given its inputs: bin/sed below /tools differs between two of them',
      '  from      host-tools/busybox:out',
      '  from      host-tools/toybox:out',
      '  Let only one of them provide the file, or mount them at different paths.',
    ],
  },
  'damaged-tree': {
    failure: { reason: 'damaged-tree', digest: 'aa-1', detail: 'bin/sed has other content' },
    text: [
      "the store's tree aa-1 was damaged and has been moved aside",
      '  bin/sed has other content',
      '  Run the command again to rebuild it. If this happens repeatedly, check the disk.',
    ],
  },
  'unfit-tree': {
    failure: { reason: 'unfit-tree', path: '/out/pipe', why: 'it is a named pipe' },
    text: [
      '/out/pipe cannot be kept in the store',
      '  it is a named pipe',
      '  Trees hold directories, regular files and symbolic links; make the action that creates it remove it.',
    ],
  },
  'not-allowed': {
    failure: { reason: 'not-allowed', kind: 'action', name: 'kernel-armv5l/build' },
    text: ['action kernel-armv5l/build would have to run, but is not allowed to'],
  },
  'inputs-gone': {
    failure: { reason: 'inputs-gone', action: 'stage-1-armv5l/gcc', trees: [digest(`${'0'.repeat(64)}-9`)] },
    text: [
      'stage-1-armv5l/gcc did not start: trees that it reads are missing or damaged',
      `    ${'0'.repeat(64)}-9`,
    ],
  },
  'no-executor': {
    failure: {
      reason: 'no-executor',
      machine: 'linux/armv5l',
      actions: ['a/b', 'a/c', 'a/d', 'a/e'],
      executors: ['local sandbox'],
    },
    text: [
      'nothing here runs programs of linux/armv5l, which 4 actions of the plan need: a/b, a/c, a/d and 1 more',
      '  Executors: local sandbox',
    ],
  },
  'backend-unreachable': {
    failure: { reason: 'backend-unreachable', backend: 'local sandbox', detail: 'unshare: killed' },
    text: [
      'local sandbox cannot be reached',
      '  unshare: killed',
      '  Run the command again once it responds: finished work is kept.',
    ],
  },
  'emulator-failed': {
    failure: { reason: 'emulator-failed', detail: 'it ended with exit code 1', lastLines: ['qemu: no'] },
    text: ['the emulator did not do what was requested', '  it ended with exit code 1', '  | qemu: no'],
  },
  'guest-failed': {
    failure: {
      reason: 'guest-failed',
      guest: 'armv5l',
      what: 'has ended',
      lastLines: ['Kernel panic'],
      hint: 'Start it again.',
    },
    text: ['guest armv5l has ended', '  last lines of its console:', '  | Kernel panic', '  Start it again.'],
  },
  'guest-not-running': {
    failure: { reason: 'guest-not-running', guest: 'armv5l', arch: 'armv5l' },
    text: ['no guest named armv5l is running', '  Start one with: bootstrap start armv5l'],
  },
  'guest-running': {
    failure: { reason: 'guest-running', guest: 'builder', process: 12, elsewhere: true },
    text: [
      'a guest named builder is already running (process 12, in another container)',
      '  Stop it with: bootstrap stop builder. Or give this one another name with --name NAME.',
    ],
  },
  'guest-elsewhere': {
    failure: { reason: 'guest-elsewhere', guest: 'builder' },
    text: ['guest builder runs in another container', '  Run `bootstrap exec` in that container.'],
  },
  'bad-guest-name': {
    failure: { reason: 'bad-guest-name', name: 'a/b' },
    text: [
      "'a/b' cannot be the name of a guest",
      '  It may contain letters, digits, dots, dashes and underscores, and must begin with a letter or digit.',
    ],
  },
  'unsafe-guest-directory': {
    failure: { reason: 'unsafe-guest-directory', path: '/store/guests', why: 'is writable by others' },
    text: [
      '/store/guests should hold the keys of guests, but it is writable by others',
      '  Move it away, or choose another store with --store DIR.',
    ],
  },
  'native-build-refused': {
    failure: {
      reason: 'native-build-refused',
      control: 'zlib',
      why: 'the guest ended before init did, the emulator with code 2',
      lastLine: 'run-emulator.sh: QEMU_MEMORY=1G: must be a number of MiB',
    },
    text: [
      'zlib: the guest ended before init did, the emulator with code 2',
      '  run-emulator.sh: QEMU_MEMORY=1G: must be a number of MiB',
    ],
  },
  'no-image': {
    failure: {
      reason: 'no-image',
      arch: 'armv5l',
      directory: '/out/armv5l/system-image-armv5l',
      missing: 'run-emulator.sh',
      options: ['--with-native'],
    },
    text: [
      'there is no image for armv5l in /out/armv5l/system-image-armv5l: it has no run-emulator.sh',
      '  Make one with: bootstrap image armv5l --with-native',
    ],
  },
  'bad-share': {
    failure: { reason: 'bad-share', path: '/s/a', why: 'it is not a directory', hint: 'Name a directory.' },
    text: ['/s/a: it is not a directory', '  Name a directory.'],
  },
  'unfit-tarball': {
    failure: { reason: 'unfit-tarball', tarball: 'x.tar', entry: '/etc/passwd', why: 'an absolute path' },
    text: [
      'x.tar cannot be unpacked into a share: an absolute path',
      '  entry     /etc/passwd',
      '  Nothing from it was left in the share.',
    ],
  },
  'bad-tarball-name': {
    failure: { reason: 'bad-tarball-name', tarball: 'a.zip' },
    text: ['the format of a.zip cannot be determined from its name', '  Name it .tar, .tar.gz or .tgz.'],
  },
  'tarball-in-share': {
    failure: { reason: 'tarball-in-share', tarball: 'share/a.tar' },
    text: ['share/a.tar is inside the share itself', '  Name a file outside it.'],
  },
  interrupted: {
    failure: { reason: 'interrupted', signal: 'SIGINT' },
    text: ['stopped by SIGINT; run the same command again to resume'],
  },
};

describe('failureText', () => {
  test.each(Object.entries(samples))('%s', (_, { failure, text }) => {
    expect(failureText(failure)).toBe(text.join('\n'));
  });

  test('says of a file that is not there that it does not exist', () => {
    const file = { what: 'the overlay', path: '/o', hint: 'Name a directory.' };
    expect(failureText({ reason: 'unreadable-user-file', code: 'ENOENT', ...file })).toBe(
      'the overlay /o does not exist\n  Name a directory.',
    );
  });

  test('says what to do offline', () => {
    const text = failureText({ reason: 'source-unavailable', source: 'm4', attempts: [], offline: true });
    expect(text).toBe(
      'could not fetch source m4: --offline is set\n  Run `bootstrap fetch` once with network access, or omit --offline.',
    );
  });

  test('joins what may have been meant', () => {
    const failure = { reason: 'unknown-name', kind: 'arch', name: 'x', known: ['a'] } as const;
    const meant = (nearest: readonly string[]) => failureText({ ...failure, nearest }).split('\n')[1];
    expect(meant(['a'])).toBe('  Did you mean a?');
    expect(meant(['a', 'b', 'c'])).toBe('  Did you mean a, b or c?');
  });

  test('says how to list names rather than listing them', () => {
    const failure = { reason: 'unknown-name', kind: 'action', name: 'x', nearest: [], known: ['a'] } as const;
    expect(failureText({ ...failure, listing: '`bootstrap plan` lists them.' })).toBe(
      "there is no action named 'x'\n  `bootstrap plan` lists them.",
    );
  });

  test('cuts a long list of known names', () => {
    const known = Array.from({ length: 60 }, (_, index) => `name-${index}`);
    const text = failureText({ reason: 'unknown-name', kind: 'action', name: 'x', nearest: [], known });
    expect(text.endsWith('name-23, … (60 in all)')).toBe(true);
  });
});
