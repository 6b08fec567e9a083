import { PassThrough, Readable, type Writable } from 'node:stream';
import type { Failure } from '../core/failure.ts';
import { ok, type Result } from '../core/result.ts';
import { executeInGuest, type ExecutionEnd } from '../guest/execute.ts';
import type { Guest, GuestState } from '../guest/state.ts';
import { archiveNames } from '../system/package-archive.ts';

/** A running guest. */
export interface ReachedGuest {
  readonly state: GuestState;
  readonly guest: Guest;
}

/** A package that a guest has. */
export interface GuestPackage {
  readonly id: string;
  readonly version: string;
  /** Checksum of its manifest. */
  readonly manifest: string;
}

/** What target/chunk/package.sh runs. */
const programs = 'awk cat chmod chown cp find grep head mkdir mv rm rmdir sed sh sha256sum sort tar tr';

/**
 * Unpacks an archive from standard input and runs the program in it, by a busybox that needs nothing of the system: that of the
 * command channel in a system of the user's, otherwise the image's.
 */
const runArchive = `for busybox in /run/busybox /bin/busybox; do if [ -x "$busybox" ]; then break; fi; done
umask 077
place=/tmp/packages.$$
"$busybox" mkdir "$place" "$place/bin" || exit
trap '"$busybox" rm -rf "$place"' EXIT
for name in ${programs}; do "$busybox" ln -s "$busybox" "$place/bin/$name"; done
PATH=$place/bin
export PATH
tar -x -C "$place" && sh "$place/${archiveNames.program}" "$@"`;

/** Runs `target/chunk/package.sh` in a guest with these words, where `CHUNKS` is the directory of packages of the archive. */
export function runPackageProgram(
  { state, guest }: ReachedGuest,
  archive: AsyncIterable<Uint8Array>,
  words: readonly string[],
  output: { readonly stdout: Writable; readonly stderr: Writable },
): Promise<Result<ExecutionEnd, Failure>> {
  const script = words.includes('CHUNKS') ? `set -- install "/tmp/packages.$$/${archiveNames.chunks}"\n` : '';
  return executeInGuest(state, guest, {
    command: { argv: ['/bin/sh', '-c', `${script}${runArchive}`, 'sh', ...words], directory: '/' },
    streams: { stdin: Readable.from(archive), stdout: output.stdout, stderr: output.stderr },
    calledOff: new Promise(() => undefined),
    onStart: () => undefined,
  });
}

/** What a guest has. */
export async function guestPackages(
  reached: ReachedGuest,
  archive: AsyncIterable<Uint8Array>,
  stderr: Writable,
): Promise<Result<readonly GuestPackage[], Failure>> {
  const stdout = new PassThrough();
  const pieces: Buffer[] = [];
  stdout.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = await runPackageProgram(reached, archive, ['list'], { stdout, stderr });
  if (!ended.ok) return ended;
  const lines = Buffer.concat(pieces).toString().split('\n');
  return ok(
    lines.flatMap((line) => {
      const [id, version, manifest] = line.split(' ');
      return id === undefined || version === undefined || manifest === undefined
        ? []
        : [{ id, version, manifest }];
    }),
  );
}
