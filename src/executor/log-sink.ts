import { createWriteStream, type WriteStream } from 'node:fs';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { LineCutter } from './lines.ts';

/** Receives what an action leaves apart from its outputs: its output text, and how it was run. */
export interface LogSink {
  /** Path of the log, for users. */
  readonly place: string;
  /** Writes a small text beside the log. */
  keep(name: 'script' | 'environment', text: string): Promise<void>;
  /** Copies a file beside the log, atomically. Throws if the file does not exist. */
  keepFile(name: string, file: string): Promise<void>;
  /** Output as it arrives, in pieces of any size. */
  write(bytes: Uint8Array): void;
  /** Ends the log. Fails with `no-room` if it could not be written; every call returns the first result. */
  close(): Promise<Result<void, Failure>>;
}

/**
 * A log as a file `log` in a directory that is created once something is put there, with `script` and `environment`
 * beside it.
 *
 * @param onLine called with each complete line of output
 */
export function openLogDirectory(directory: string, onLine: (line: string) => void): LogSink {
  return new LogDirectory(directory, onLine);
}

class LogDirectory implements LogSink {
  readonly place: string;
  readonly #directory: string;
  readonly #lines: LineCutter;
  /** Opened at the first output, so that an action which does not start leaves the previous log. */
  #stream: WriteStream | undefined;
  #fault: Error | undefined;
  #closed: Promise<Result<void, Failure>> | undefined;

  constructor(directory: string, onLine: (line: string) => void) {
    this.place = join(directory, 'log');
    this.#directory = directory;
    this.#lines = new LineCutter(onLine);
  }

  async keep(name: 'script' | 'environment', text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await writeFile(join(this.#directory, name), text, name === 'script' ? { mode: 0o755 } : {});
    this.#open();
  }

  async keepFile(name: string, file: string): Promise<void> {
    const place = join(this.#directory, name);
    await copyFile(file, `${place}.part`);
    await rename(`${place}.part`, place);
  }

  write(bytes: Uint8Array): void {
    this.#open().write(bytes);
    this.#lines.push(bytes);
  }

  #open(): WriteStream {
    if (this.#stream === undefined) {
      this.#stream = createWriteStream(this.place);
      this.#stream.on('error', (error) => {
        this.#fault = error;
      });
    }
    return this.#stream;
  }

  close(): Promise<Result<void, Failure>> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<Result<void, Failure>> {
    this.#lines.end();
    if (this.#stream === undefined) return ok(undefined);
    this.#stream.end();
    await finished(this.#stream).catch(() => undefined);
    if (this.#fault === undefined) return ok(undefined);
    const detail = `the log could not be written: ${this.#fault.message}`;
    return failed({ reason: 'no-room', path: this.place, detail });
  }
}
