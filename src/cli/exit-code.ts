import type { Failure, FailureReason } from '../core/failure.ts';

/** 1: it failed. 2: incorrect usage or bad input, to be fixed by the user. From 129 on: ended by a signal. */
export type ExitCode = 0 | 1 | 2 | 129 | 130 | 143;

/** One entry for each reason: a new variant of `Failure` does not compile until it has an entry here. */
const exitCodes: Readonly<Record<Exclude<FailureReason, 'interrupted'>, 1 | 2>> = {
  'wrong-use': 2,
  'unsupported-version': 2,
  'bad-option': 2,
  'already-exists': 2,
  'unreadable-user-file': 2,
  'unfit-user-file': 2,
  'changed-since-plan': 2,
  'unusable-toolchain': 2,
  'unknown-name': 2,
  'bad-input': 2,
  'bad-definitions': 2,
  'plan-fault': 2,
  'never-run': 2,
  'not-ready': 2,
  'kept-in-use': 2,
  'not-recorded': 2,
  'missing-program': 1,
  'namespaces-refused': 1,
  'uncompilable-helper': 1,
  'no-room': 1,
  unwritable: 2,
  'foreign-product': 2,
  'no-store': 2,
  'unpinned-sources': 2,
  'source-unavailable': 1,
  'wrong-hash': 1,
  'wrong-tree': 1,
  'hostile-archive': 1,
  'bad-archive': 1,
  'patch-failed': 2,
  'action-failed': 1,
  'missing-output': 1,
  'unreadable-output': 1,
  'clashing-inputs': 1,
  'damaged-tree': 1,
  'unfit-tree': 1,
  'not-allowed': 1,
  'inputs-gone': 1,
  'no-executor': 1,
  'backend-unreachable': 1,
  'emulator-failed': 1,
  'guest-failed': 1,
  'guest-not-running': 2,
  'guest-running': 2,
  'guest-elsewhere': 2,
  'bad-guest-name': 2,
  'unsafe-guest-directory': 2,
  'native-build-refused': 2,
  'no-image': 2,
  'bad-share': 2,
  'unfit-tarball': 2,
  'bad-tarball-name': 2,
  'tarball-in-share': 2,
};

/** The exit codes that shells report for a process ended by such a signal. */
const signalCodes: Readonly<Record<string, 129 | 130 | 143>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** Exit code of a run that ended with this failure. */
export function exitCodeOf(failure: Failure): Exclude<ExitCode, 0> {
  if (failure.reason !== 'interrupted') return exitCodes[failure.reason];
  return signalCodes[failure.signal] ?? 1;
}

/** Exit code of a run that ended with these failures: an interruption by the user takes precedence, otherwise the first one counts. */
export function exitCodeOfAll(failures: readonly Failure[]): Exclude<ExitCode, 0> {
  const decisive = failures.find(({ reason }) => reason === 'interrupted') ?? failures[0];
  if (decisive === undefined) throw new Error('something failed for no reason');
  return exitCodeOf(decisive);
}
