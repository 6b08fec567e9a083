import { count } from '../core/count.ts';
import type { Failure, FailureReason, Fault } from '../core/failure.ts';

/** The variant of `Failure` with this reason. */
type Of<Reason extends FailureReason> = Extract<Failure, { reason: Reason }>;

/** First line: what failed and where. Further lines: why, and what to do next. */
type Rendering<Reason extends FailureReason> = (failure: Of<Reason>) => readonly string[];

/** One entry for each reason: a new variant of `Failure` does not compile until it has an entry here. */
const renderings: { readonly [Reason in FailureReason]: Rendering<Reason> } = {
  'wrong-use': (it) => [it.what, it.hint],
  'unsupported-version': (it) => [
    `${it.arch} cannot be built with ${it.source} ${it.version}: ${it.why}`,
    it.others.length === 0
      ? `sources.lock pins no version of ${it.source} that supports it.`
      : `Choose another one with --${it.source}: ${it.others.join(', ')}.`,
  ],
  'bad-option': (it) => [`${`${it.option} ${it.value}`.trim()}: ${it.why}`, it.hint],
  'already-exists': (it) => [`there is ${it.what} already: ${it.path}`, it.hint],
  'unreadable-user-file': (it) =>
    it.code === 'ENOENT'
      ? [`${it.what} ${it.path} does not exist`, it.hint]
      : [`${it.what} ${it.path} cannot be read (${it.code})`, it.hint],
  'unfit-user-file': (it) => [`${it.what}: ${it.path} ${it.why}`, it.hint],
  'changed-since-plan': (it) => [`${it.what} changed after the plan was made`, 'Run the command again.'],
  'unusable-toolchain': (it) => [`the toolchain ${it.prefix} ${it.why}`, it.hint],
  'unknown-name': (it) => [
    `there is no ${it.kind} named '${it.name}'`,
    it.nearest.length > 0 ? `Did you mean ${oneOf(it.nearest)}?` : '',
    it.listing ?? known(it.kind, it.known),
  ],
  'bad-input': (it) => [
    `${it.file} has ${count(it.faults.length, 'fault')}`,
    ...it.faults.map((fault) => faultLine(it.file, fault)),
    'Fix the file and run the command again; nothing was built.',
  ],
  'bad-definitions': (it) => [
    `the definitions have ${count(it.faults.length, 'fault')}`,
    ...it.faults.map((fault) => faultLine(fault.file, fault)),
    'Fix them and run the command again; nothing was built.',
  ],
  'plan-fault': (it) => [
    `the plan contradicts itself in ${count(it.faults.length, 'place')}`,
    ...it.faults,
    'Fix the stage that defines the named action (in stages/); nothing was built.',
  ],
  'never-run': (it) => [
    `action ${it.action} has never run with the store ${it.store}`,
    'A build that needs it runs it; --store DIR names another store.',
  ],
  'not-recorded': (it) =>
    it.action === undefined
      ? [
          'no action of this plan has a record of its commands',
          'Build with --record; use --record --again to record what is already built.',
        ]
      : [
          `the latest run of ${it.action} was not recorded`,
          `To record it, run: bootstrap ARCH --only-action ${it.action} --record --again`,
        ],
  'missing-program': (it) => [
    `${it.program} is missing; it is needed for ${it.purpose}`,
    `Install it; on Debian: apt-get install ${it.debianPackage}`,
  ],
  'namespaces-refused': (it) => [
    'this system does not allow the namespaces in which actions run',
    ...lines(it.detail),
    `Allow them with: ${it.remedy}`,
  ],
  'uncompilable-helper': (it) => [
    `the helper program that sets up sandboxes does not compile with ${it.compiler}`,
    ...lines(it.detail),
    'It needs a compiler and a static C library for this machine, on Debian: apt-get install gcc libc6-dev',
  ],
  'no-room': (it) => [
    `no space left at ${it.path}`,
    ...lines(it.detail),
    'Free some space, or choose another place (--store DIR for the store, --out DIR for products).',
    'Then run the command again: it resumes where it left off.',
  ],
  unwritable: (it) => [
    `cannot write to ${it.path}`,
    ...lines(it.detail),
    'Make it writable, or choose another place (--out DIR for products, --store DIR for the store).',
  ],
  'foreign-product': (it) => [
    `a product belongs at ${it.path}, but bootstrap did not make the ${it.kind} that is there`,
    'It was left as it is. Move it, or choose another place with --out DIR.',
  ],
  'no-store': (it) => [
    `there is no store at ${it.path}`,
    'A build creates one; use --store DIR to name another place.',
  ],
  'unpinned-sources': (it) => [
    `${count(it.chunks.length, 'source')} not pinned: ${few(it.chunks)}`,
    'Run `bootstrap system fetch` with --pin: it fetches them, and remembers what they are.',
  ],
  'source-unavailable': (it) => [
    `could not fetch source ${it.source}${it.offline ? ': --offline is set' : ''}`,
    ...it.attempts.map((attempt) => `${attempt.origin}: ${attempt.why}`),
    it.offline
      ? 'Run `bootstrap fetch` once with network access, or omit --offline.'
      : (it.hint ??
        'Check the network and run the command again, or name a mirror that has the file with --mirror URL.'),
  ],
  'wrong-hash': (it) => [
    `source ${it.source} has the wrong hash and was discarded`,
    `from      ${it.origin}`,
    `expected  ${it.expected}`,
    `got       ${it.actual}`,
    'The file at this origin was changed or is damaged. Try another origin with --mirror URL; change sources.lock only if you know why.',
  ],
  'wrong-tree': (it) => [
    `source ${it.source} does not unpack to the pinned tree and was refused`,
    `from      ${it.origin}`,
    `expected  ${it.expected}`,
    `got       ${it.actual}`,
    `To build with this variant anyway: --accept-variant ${bareName(it.source)} (the manifest will name it).`,
  ],
  'hostile-archive': (it) => [
    `${it.archive} was refused: ${it.why}`,
    `entry     ${it.entry}`,
    'Nothing was unpacked. This is the archive that sources.lock pins: pin another one there.',
  ],
  'bad-archive': (it) => [
    `${it.archive} cannot be unpacked`,
    ...lines(it.why),
    'This is the archive that sources.lock pins, so fetching it again does not help: pin another one there.',
  ],
  'patch-failed': (it) => [
    `${it.patch}:${it.line}: does not apply to source ${it.source}`,
    ...lines(it.why),
    'Patches are applied without fuzz: rewrite the hunk against the pinned version.',
  ],
  'action-failed': (it) => [
    `action ${it.action} failed with exit code ${it.exitCode}${signalText(it.exitCode)}`,
    ...(it.lastLines.length > 0 ? ['last lines of its output:', ...it.lastLines.map(quoted)] : []),
    `log       ${it.log}`,
    `To see its script and the whole log: bootstrap log ${it.action}`,
    ...(it.kept === true ? ['For a shell in what it has written: bootstrap system shell SYSTEM CHUNK'] : []),
  ],
  'missing-output': (it) => [
    `action ${it.action} succeeded, but its output '${it.output}' is not there`,
    `expected  ${it.path}`,
    `log       ${it.log}`,
    'Its stage names a directory that its commands do not create; fix one of the two.',
  ],
  'unreadable-output': (it) => [`${it.path}, made by an action, ${it.why}`, it.hint],
  'clashing-inputs': (it) => [
    `action ${it.action} cannot be given its inputs: ${it.file} below ${it.path} differs between two of them`,
    ...it.refs.map((ref) => `from      ${ref}`),
    'Let only one of them provide the file, or mount them at different paths.',
  ],
  'damaged-tree': (it) => [
    `the store's tree ${it.digest} was damaged and has been moved aside`,
    ...lines(it.detail),
    'Run the command again to rebuild it. If this happens repeatedly, check the disk.',
  ],
  'unfit-tree': (it) => [
    `${it.path} cannot be kept in the store`,
    ...lines(it.why),
    'Trees hold directories, regular files and symbolic links; make the action that creates it remove it.',
  ],
  'not-ready': (it) => [
    `${it.action} cannot begin yet, because what it reads is not there. These come first:`,
    ...it.first.map((name) => `  ${name}`),
    'Build it first. If it fails, what it has written is kept for a shell.',
  ],
  'kept-in-use': (it) => [
    `there is a shell already in what ${it.action} left when it failed`,
    'Wait until it has ended.',
  ],
  'not-allowed': (it) => [
    it.kind === 'action'
      ? `action ${it.name} would have to run, but is not allowed to`
      : `source ${it.name} would have to be fetched, but this is not allowed`,
  ],
  'inputs-gone': (it) => [
    `${it.action} did not start: trees that it reads are missing or damaged`,
    ...it.trees.map((tree) => `  ${tree}`),
  ],
  'no-executor': (it) => [
    `nothing here runs programs of ${it.machine}, which ${count(it.actions.length, 'action')} of the plan ${it.actions.length === 1 ? 'needs' : 'need'}: ${few(it.actions)}`,
    `Executors: ${it.executors.join(', ')}`,
  ],
  'backend-unreachable': (it) => [
    `${it.backend} cannot be reached`,
    ...lines(it.detail),
    'Run the command again once it responds: finished work is kept.',
  ],
  'emulator-failed': (it) => [
    'the emulator did not do what was requested',
    ...lines(it.detail),
    ...it.lastLines.map(quoted),
  ],
  'guest-failed': (it) => [
    `guest ${it.guest} ${it.what}`,
    ...(it.lastLines.length > 0 ? ['last lines of its console:', ...it.lastLines.map(quoted)] : []),
    it.hint,
  ],
  'guest-not-running': (it) => [
    `no guest named ${it.guest} is running`,
    `Start one with: bootstrap start ${it.arch ?? 'ARCH'}`,
  ],
  'guest-running': (it) => [
    `a guest named ${it.guest} is already running (process ${String(it.process)}${it.elsewhere ? ', in another container' : ''})`,
    `Stop it with: bootstrap stop ${it.guest}. Or give this one another name with --name NAME.`,
  ],
  'guest-elsewhere': (it) => [
    `guest ${it.guest} runs in another container`,
    'Run `bootstrap exec` in that container.',
  ],
  'bad-guest-name': (it) => [
    `'${it.name}' cannot be the name of a guest`,
    'It may contain letters, digits, dots, dashes and underscores, and must begin with a letter or digit.',
  ],
  'unsafe-guest-directory': (it) => [
    `${it.path} should hold the keys of guests, but it ${it.why}`,
    'Move it away, or choose another store with --store DIR.',
  ],
  'native-build-refused': (it) => [
    `${it.control}: ${it.why}`,
    it.lastLine === '' ? 'Nothing was booted.' : it.lastLine,
  ],
  'no-image': (it) => [
    `there is no image for ${it.arch} in ${it.directory}: it has no ${it.missing}`,
    `Make one with: ${['bootstrap image', it.arch, ...it.options].join(' ')}`,
  ],
  'bad-share': (it) => [`${it.path}: ${it.why}`, it.hint],
  'unfit-tarball': (it) => [
    `${it.tarball} cannot be unpacked into a share: ${it.why}`,
    it.entry === '' ? '' : `entry     ${it.entry}`,
    'Nothing from it was left in the share.',
  ],
  'bad-tarball-name': (it) => [
    `the format of ${it.tarball} cannot be determined from its name`,
    'Name it .tar, .tar.gz or .tgz.',
  ],
  'tarball-in-share': (it) => [`${it.tarball} is inside the share itself`, 'Name a file outside it.'],
  interrupted: (it) => [`stopped by ${it.signal}; run the same command again to resume`],
};

/** The message of a failure for people: the first line without indentation, the rest indented. No trailing newline. */
export function failureText(failure: Failure): string {
  const [first = '', ...rest] = rendering(failure)(failure);
  return [first, ...rest.filter((line) => line !== '').map((line) => `  ${line}`)].join('\n');
}

/** Pairs a failure with the entry for its reason, a relation that the compiler cannot infer. */
function rendering(failure: Failure): Rendering<FailureReason> {
  return renderings[failure.reason] as unknown as Rendering<FailureReason>;
}

/** `a`, `a or b`, `a, b or c`. */
function oneOf(names: readonly string[]): string {
  const [last = '', ...others] = [...names].reverse();
  return others.length === 0 ? last : `${others.reverse().join(', ')} or ${last}`;
}

function known(kind: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.length > 24 ? [...names.slice(0, 24), `… (${names.length} in all)`] : names;
  return `Known ${kind} names: ${shown.join(', ')}`;
}

function faultLine(file: string, fault: Fault): string {
  const place = fault.line === undefined ? file : `${file}:${fault.line}`;
  return fault.field === '' ? `${place}: ${fault.message}` : `${place}: ${fault.field}: ${fault.message}`;
}

function few(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}

function quoted(line: string): string {
  return `| ${line}`;
}

/** `gcc 14.2.0` and `gcc@14.2.0` name the source `gcc`. */
function bareName(source: string): string {
  return source.split(/[ @]/, 1)[0] ?? source;
}

const signalNames: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  6: 'SIGABRT',
  9: 'SIGKILL: perhaps the machine ran out of memory',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

function signalText(exitCode: number): string {
  const name = signalNames[exitCode - 128];
  return name === undefined ? '' : ` (${name})`;
}
