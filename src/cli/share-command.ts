import { createWriteStream } from 'node:fs';
import { access, constants, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { count } from '../report/failure-text.ts';
import { compressionOf, decompressed, type Compression } from '../sources/decompress.ts';
import { describeSystemError } from '../core/fault.ts';
import { packShare, type Packed } from '../virtfs/pack-share.ts';
import { unpackShare } from '../virtfs/unpack-share.ts';
import { catchInterrupts, type Interrupt } from './interrupt.ts';
import { explain, type ExitCode, type Session } from './session.ts';

/** `bootstrap share pack DIR TARBALL`: what the guest sees of a share, as a tarball. */
export async function sharePackCommand(
  session: Session,
  directory: string,
  tarball: string,
): Promise<ExitCode> {
  const share = path.resolve(session.cwd, directory);
  const file = path.resolve(session.cwd, tarball);
  const compressor = compressorFor(file);
  if (compressor === undefined) {
    return explain(session, {
      reason: 'wrong-use',
      what: `the form of ${tarball} cannot be told from its name`,
      hint: 'Name it .tar, .tar.gz or .tgz.',
    });
  }
  if (file.startsWith(`${share}/`)) {
    return explain(session, {
      reason: 'wrong-use',
      what: `${tarball} lies in the share itself`,
      hint: 'Name a file outside it.',
    });
  }
  const interrupt = listen(session);
  try {
    const packed = await writeTarball(share, file, compressor, interrupt.signal);
    if (!packed.ok) return explain(session, packed.failure);
    for (const socket of packed.value.sockets) {
      session.err(`bootstrap: left out the socket ${socket}, which no tarball can hold\n`);
    }
    session.out(`${tarball}: ${entryCount(packed.value.entries)}\n`);
    return 0;
  } finally {
    interrupt.release();
  }
}

/** `bootstrap share unpack TARBALL DIR`: a tarball as a directory to share with a guest. */
export async function shareUnpackCommand(
  session: Session,
  tarball: string,
  directory: string,
): Promise<ExitCode> {
  const file = path.resolve(session.cwd, tarball);
  const compression = await recognise(file, tarball);
  if (!compression.ok) return explain(session, compression.failure);
  const interrupt = listen(session);
  try {
    const unpacked = await unpackShare({
      tar: decompressed(file, compression.value),
      name: tarball,
      directory: path.resolve(session.cwd, directory),
      signal: interrupt.signal,
    });
    if (!unpacked.ok) return explain(session, unpacked.failure);
    const { entries, inexactTimes } = unpacked.value;
    if (inexactTimes > 0) {
      session.err(`bootstrap: ${count(inexactTimes, 'time')} could not be set to the nanosecond\n`);
    }
    session.out(`${directory}: ${entryCount(entries)}\n`);
    return 0;
  } finally {
    interrupt.release();
  }
}

function listen(session: Session): Interrupt {
  return catchInterrupts(
    (line) => {
      session.err(`${line}\n`);
    },
    () => undefined,
  );
}

function entryCount(number: number): string {
  return number === 1 ? '1 entry' : `${String(number)} entries`;
}

function compressorFor(file: string): (() => Transform) | undefined {
  if (/\.(tar\.gz|tgz)$/.test(file)) return createGzip;
  return file.endsWith('.tar') ? () => new PassThrough() : undefined;
}

/** Writes beside the file and renames, so that a tarball of that name is always whole. */
async function writeTarball(
  directory: string,
  file: string,
  compressor: () => Transform,
  signal: AbortSignal,
): Promise<Result<Packed, Failure>> {
  const partial = `${file}.partial-${String(process.pid)}`;
  const sink = compressor();
  const written = pipeline(sink, createWriteStream(partial, { flags: 'wx' })).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    const packed = await packShare({ directory, sink, signal }).catch(async (error: unknown) => {
      // What the file's stream ran into is the cause; the compressor only says that it was ended.
      throw (await written) ?? error;
    });
    if (!packed.ok) {
      sink.destroy();
      await written;
      return packed;
    }
    sink.end();
    const error = await written;
    if (error !== undefined) throw error;
    await rename(partial, file);
    return packed;
  } catch (error) {
    return failed(tarballFailure(error, file));
  } finally {
    await rm(partial, { force: true });
  }
}

async function recognise(file: string, tarball: string): Promise<Result<Compression, Failure>> {
  try {
    if ((await stat(file)).isDirectory()) {
      return failed(unfit(tarball, 'it is a directory'));
    }
    await access(file, constants.R_OK);
    const compression = await compressionOf(file);
    return compression === undefined
      ? failed(unfit(tarball, 'it is no tar archive, alone or in gzip, xz or bzip2'))
      : ok(compression);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return failed(unfit(tarball, 'there is no such file'));
    if (code === 'EACCES') return failed(unfit(tarball, 'you may not read it'));
    throw error;
  }
}

function unfit(tarball: string, why: string): Failure {
  return { reason: 'unfit-tarball', tarball, entry: '', why };
}

function tarballFailure(error: unknown, file: string): Failure {
  const known = describeSystemError(error, file);
  if (known !== undefined) return known;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') throw error;
  const why = code === 'EISDIR' ? 'it is a directory' : 'its directory is not there';
  return { reason: 'unwritable', path: file, detail: why };
}
