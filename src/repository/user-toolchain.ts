import { basename } from 'node:path';
import type { Toolchain } from '../../stages/toolchain.ts';
import type { Failure } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { MachineFiles } from '../machine/machine-files.ts';
import { tryToolchain } from '../machine/toolchain-trial.ts';
import { listToolchain, locateToolchain } from '../machine/toolchain.ts';
import type { Arch } from '../inputs/arch.ts';
import { fittingTriples, toolchainFaults } from '../inputs/toolchain-fit.ts';
import { errorCode } from '../core/fault.ts';

/** `--toolchain`, and the user's working directory. */
export interface ToolchainRequest {
  /** What precedes `gcc` in the names of its programs, as the user wrote it. */
  readonly prefix: string;
  readonly cwd: string;
  /** The user's PATH. */
  readonly searchPath: string;
}

/** A toolchain of this machine: what a plan says about it, and its files. */
export interface UserToolchain {
  readonly description: Toolchain;
  readonly files: MachineFiles;
}

/**
 * Finds a toolchain, tests whether it suits an arch, and lists and digests its files; the store is not used. Fails
 * with `unusable-toolchain` or `unreadable-user-file`.
 */
export async function findToolchain(
  request: ToolchainRequest,
  arch: Arch,
): Promise<Result<UserToolchain, Failure>> {
  const { prefix } = request;
  const located = await locateToolchain(prefix, request);
  if (!located.ok) return located;
  const tried = await tryToolchain(located.value);
  if (!tried.ok) return tried;
  const { triple, version, interpreter } = tried.value;
  const faults = toolchainFaults(arch, tried.value);
  if (faults.length > 0) {
    return failed({
      reason: 'unusable-toolchain',
      prefix,
      why: `(${triple}) does not build for ${arch.name}: ${faults.join('; ')}`,
      hint: `Name one for ${fittingTriples(arch)}, or one with the same processor, word size, byte order and ABI.`,
    });
  }
  return readableFiles(prefix, async () => {
    const files = await listToolchain(located.value);
    const description: Toolchain = {
      name: basename(`${prefix}gcc`),
      command: located.value.command,
      triple,
      version,
      digest: await files.digest(),
      musl: interpreter === `/lib/${arch.musl.loader}`,
    };
    return { description, files };
  });
}

/** Unreadable files of a toolchain are not bugs of ours. */
async function readableFiles<Value>(
  prefix: string,
  work: () => Promise<Value>,
): Promise<Result<Value, Failure>> {
  try {
    return ok(await work());
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined || !(error instanceof Error)) throw error;
    const file = 'path' in error ? String(error.path) : prefix;
    return failed({
      reason: 'unreadable-user-file',
      what: `a file of the toolchain ${prefix}:`,
      path: file,
      code,
      hint: 'A build uses all of its files: make them readable.',
    });
  }
}
