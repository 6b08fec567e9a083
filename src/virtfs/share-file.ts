import { createWriteStream } from 'node:fs';
import { access, constants, rename, rm, stat } from 'node:fs/promises';
import { PassThrough, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { describeSystemError } from '../core/fault.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { compressionOf, decompressed, type Compression } from '../sources/decompress.ts';
import { packShare, type Packed } from './pack-share.ts';
import { unpackShare, type Unpacked } from './unpack-share.ts';

/** A share and a tarball as files on this machine. */
export interface ShareFiles {
  /** Absolute. */
  readonly directory: string;
  /** Absolute. */
  readonly tarball: string;
  /** The tarball as the user named it, for messages. */
  readonly tarballName: string;
  readonly signal?: AbortSignal;
}

/**
 * Packs a share into a tarball, compressed according to its name. The file is written under a temporary name and
 * renamed, so that a tarball of that name is always complete. Fails with `bad-tarball-name` if the name has no known
 * suffix, or with `tarball-in-share`.
 */
export async function packShareFile({
  directory,
  tarball,
  tarballName,
  signal,
}: ShareFiles): Promise<Result<Packed, Failure>> {
  const compressor = compressorFor(tarball);
  if (compressor === undefined) return failed({ reason: 'bad-tarball-name', tarball: tarballName });
  if (tarball.startsWith(`${directory}/`))
    return failed({ reason: 'tarball-in-share', tarball: tarballName });
  return writeTarball(directory, tarball, compressor, signal);
}

/** Unpacks a tarball, uncompressed or in gzip, xz or bzip2, into a directory that a guest can share. */
export async function unpackShareFile({
  directory,
  tarball,
  tarballName,
  signal,
}: ShareFiles): Promise<Result<Unpacked, Failure>> {
  const compression = await recognise(tarball, tarballName);
  if (!compression.ok) return compression;
  return unpackShare({
    tar: decompressed(tarball, compression.value),
    name: tarballName,
    directory,
    ...(signal === undefined ? {} : { signal }),
  });
}

function compressorFor(file: string): (() => Transform) | undefined {
  if (/\.(tar\.gz|tgz)$/.test(file)) return createGzip;
  return file.endsWith('.tar') ? () => new PassThrough() : undefined;
}

async function writeTarball(
  directory: string,
  file: string,
  compressor: () => Transform,
  signal: AbortSignal | undefined,
): Promise<Result<Packed, Failure>> {
  const partial = `${file}.partial-${String(process.pid)}`;
  const sink = compressor();
  const written = pipeline(sink, createWriteStream(partial, { flags: 'wx' })).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    const packed = await packShare({
      directory,
      sink,
      ...(signal === undefined ? {} : { signal }),
    }).catch(async (error: unknown) => {
      // The error of the file's stream is the cause; the compressor only reports that it was destroyed.
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
      ? failed(unfit(tarball, 'it is not a tar archive, plain or compressed with gzip, xz or bzip2'))
      : ok(compression);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return failed(unfit(tarball, 'there is no such file'));
    if (code === 'EACCES') return failed(unfit(tarball, 'you do not have permission to read it'));
    throw error;
  }
}

function unfit(tarball: string, why: string): Failure {
  return { reason: 'unfit-tarball', tarball, entry: '', why };
}

function tarballFailure(error: unknown, file: string): Failure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') {
    const why = code === 'EISDIR' ? 'it is a directory' : 'its directory does not exist';
    return { reason: 'unwritable', path: file, detail: why };
  }
  const known = describeSystemError(error, file);
  if (known === undefined) throw error;
  return known;
}
