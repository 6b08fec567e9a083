import { link, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Digest } from '../core/digest.ts';
import type { Failure } from '../core/failure.ts';
import { catchFailures } from '../core/fault.ts';
import { findProgram, machinePath } from '../core/host-programs.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { shortageAt } from '../core/room.ts';
import { actionEnvironment, renderEnvironment } from '../executor/environment.ts';
import type {
  EnterRequest,
  ExecuteRequest,
  Execution,
  Executor,
  Reservation,
  RoomRequest,
} from '../executor/executor.ts';
import { inputRoot, type InputRoot, type Listings } from '../executor/input-root.ts';
import { inputTree } from '../executor/input-tree.ts';
import { ListingCache } from '../executor/listings.ts';
import { renderScript } from '../executor/script.ts';
import { signalName, treesOf, verifyInputs } from '../executor/verify-inputs.ts';
import {
  attachmentArguments,
  attachments,
  emulatorArguments,
  imageFiles,
  kernelCommandLine,
} from '../image/emulator.ts';
import type { Arch } from '../inputs/arch.ts';
import type { Platform } from '../plan/action.ts';
import type { BoundRecipe } from '../plan/bound.ts';
import { digestBytes } from '../store/directory-message.ts';
import { unpackInThread } from '../sources/unpack-thread.ts';
import type { Store } from '../store/store.ts';
import { compileServerEnvironment, compileServerOption } from './compile-server.ts';
import {
  contentsOf,
  diskEntries,
  splitTools,
  toolEntries,
  writeScratchDisk,
  writeSquashfs,
} from './disks.ts';
import { GuestRoom, type GuestSize } from './guest-room.ts';
import { keepScratch, keptScratch, makePlaces, statusIn, type Places } from './guest-places.ts';
import { attachEmulator, openResult, runEmulator } from './guest-process.ts';
import { resultNames, type GuestTask } from './guest-script.ts';

export interface GuestExecutorOptions {
  readonly store: Store;
  /** What the guests are. */
  readonly arch: Arch;
  /** GNU name of their processor, as platforms have it. */
  readonly cpu: string;
  /** GNU names of other processors whose programs they run. Undefined: none. */
  readonly alsoRuns?: readonly string[];
  /** Directory with kernel and initramfs of the arch, as `bootstrap image` makes it. */
  readonly image: string;
  /** Path of mksquashfs 4.6 or later. */
  readonly mksquashfs: string;
  /** Path of mke2fs. */
  readonly mke2fs: string;
  /** How many guests of one processor there may be at once; one of several counts as so many. */
  readonly guests: number;
  /** MiB of memory for all guests together. */
  readonly memory: number;
  /** How many compilations each guest may ask its compile server for at once. */
  readonly jobs: number;
  /** The guests' time when an action starts, in seconds since 1970. */
  readonly epochSeconds: number;
  /** An action that says nothing for so long, in milliseconds, hangs. Undefined: 90 minutes; linking can take half an hour. */
  readonly longestSilence?: number;
}

/** Size of a scratch disk; what an action does not write takes no room. */
const scratchBytes = 16 * 2 ** 30;

const defaultSilence = 90 * 60 * 1000;

/** Exit code of an action that was ended because it took too long, as `timeout` has it. */
const timedOut = 124;

/** More than what any action makes. */
const outputLimits = { totalBytes: 16 * 2 ** 30, fileBytes: 4 * 2 ** 30, entries: 1_000_000 } as const;

/**
 * Runs each action in an emulated machine of its own, which is started for it and ends with it. The machine gets its input root on a
 * read-only disk, a scratch disk, and a directory of this machine for what it leaves; it has no network.
 */
export function createGuestExecutor(options: GuestExecutorOptions): Executor {
  return new GuestExecutor(options);
}

class GuestExecutor implements Executor {
  readonly name: string;
  readonly #options: GuestExecutorOptions;
  readonly #listings: ListingCache;
  readonly #room: GuestRoom;
  readonly #toolDisks = new Map<string, Promise<string>>();
  #toolScratch: ReturnType<Store['makeScratch']> | undefined;
  #emulator = '';

  constructor(options: GuestExecutorOptions) {
    this.name = `guests of ${options.arch.name}`;
    this.#options = options;
    this.#listings = new ListingCache(options.store);
    const { memory, guests: processors } = options;
    this.#room = new GuestRoom(options.arch.emulator, { memory, processors });
  }

  supports({ os, cpu, alsoRuns = [] }: Platform): boolean {
    const own = this.#options;
    return os === 'linux' && cpu === own.cpu && alsoRuns.every((other) => own.alsoRuns?.includes(other));
  }

  async check(): Promise<Result<void, Failure>> {
    const { arch, image } = this.#options;
    const { program, debianPackage } = arch.emulator;
    const found = await findProgram(program, machinePath);
    if (found === undefined) {
      const purpose = `actions that run on ${arch.name}`;
      return failed({ reason: 'missing-program', program, purpose, debianPackage });
    }
    this.#emulator = found;
    for (const missing of [imageFiles.kernel, imageFiles.initramfs]) {
      const there = await stat(join(image, missing)).catch(() => undefined);
      if (there?.isFile() !== true)
        return failed({ reason: 'no-image', arch: arch.name, directory: image, missing, options: [] });
    }
    return ok(undefined);
  }

  tryReserve(request: RoomRequest): Reservation | undefined {
    return this.#room.tryReserve(request);
  }

  onRoom(listener: () => void): () => void {
    return this.#room.onRoom(listener);
  }

  async close(): Promise<void> {
    this.#toolDisks.clear();
    const scratch = await this.#toolScratch;
    this.#toolScratch = undefined;
    await scratch?.release();
  }

  execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    return catchFailures(this.#options.store.root, () => this.#execute(request));
  }

  async #execute(request: ExecuteRequest): Promise<Result<Execution, Failure>> {
    const { store } = this.#options;
    const { recipe, log, signal } = request;
    if (isAborted(signal)) return failed({ reason: 'interrupted', signal: signalName(signal) });
    const verified = await verifyInputs(store, request);
    if (!verified.ok) return verified;
    const size = this.#room.sizeOf(request.reservation);
    const environment = this.#environmentOf(recipe, size);
    const scratch = await store.makeScratch('guest');
    try {
      const written = await this.#writeDisks(request, scratch.path, { environment });
      if (!written.ok) return written;
      const disks = written.value;
      await request.onStart?.();
      await log.keep('script', renderScript(recipe.commands));
      await log.keep('environment', renderEnvironment(environment));
      const started = performance.now();
      let guest = await this.#runGuest(request, join(scratch.path, 'first'), disks, size);
      if (guest.exitCode === undefined && !isAborted(signal)) {
        // A machine may die for reasons of its own; one that dies twice has its reason in the action.
        log.write(Buffer.from('+ the guest ended without a result: once more, in another one\n'));
        guest = await this.#runGuest(request, join(scratch.path, 'second'), disks, size);
      }
      const wallSeconds = (performance.now() - started) / 1000;
      const logged = await log.close();
      if (isAborted(signal)) return failed({ reason: 'interrupted', signal: signalName(signal) });
      if (!logged.ok) return logged;
      const { exitCode, places } = guest;
      const shortage = exitCode === 0 ? undefined : shortageAt(store.root);
      if (shortage !== undefined) return failed({ reason: 'no-room', path: store.root, detail: shortage });
      if (exitCode === undefined) return await this.#died(places.console);
      if (exitCode !== 0) {
        if (request.keep !== undefined) await keepScratch(places, request.keep);
        return ok({ exitCode, outputs: {}, wallSeconds });
      }
      const taken = await this.#takeOutputs(request, places);
      return taken.ok ? ok({ exitCode, outputs: taken.value, wallSeconds }) : taken;
    } finally {
      await scratch.release();
    }
  }

  enter(request: EnterRequest): Promise<Result<number, Failure>> {
    return catchFailures(this.#options.store.root, () => this.#enter(request));
  }

  async #enter({ left, terminal, ...request }: EnterRequest): Promise<Result<number, Failure>> {
    const { store, mke2fs } = this.#options;
    const verified = await verifyInputs(store, request);
    if (!verified.ok) return verified;
    const { recipe, reservation, signal } = request;
    const size = this.#room.sizeOf(reservation);
    const environment = { ...this.#environmentOf(recipe, size), TERM: terminal.type };
    const scratch = await store.makeScratch('shell');
    try {
      const written = await this.#writeDisks(request, scratch.path, { environment, shell: true });
      if (!written.ok) return written;
      const places = await makePlaces(join(scratch.path, 'guest'));
      if (left === undefined) await writeScratchDisk(mke2fs, places.scratch, scratchBytes);
      else await link(join(left, keptScratch), places.scratch);
      const network = await this.#networkFor(recipe, places);
      const argv = this.#commandLine(places, written.value, size, network);
      await attachEmulator({ argv, temporary: places.temporary, terminal, signal });
      const exitCode = await statusIn(places.results);
      if (isAborted(signal)) return failed({ reason: 'interrupted', signal: signalName(signal) });
      if (exitCode !== undefined) return ok(exitCode);
      const detail = 'the emulator ended before the shell did';
      return failed({ reason: 'backend-unreachable', backend: this.name, detail });
    } finally {
      await scratch.release();
    }
  }

  #environmentOf(
    recipe: BoundRecipe,
    { processors }: Pick<GuestSize, 'processors'>,
  ): Readonly<Record<string, string>> {
    return {
      ...actionEnvironment(recipe, undefined),
      // There is no jobserver in a guest: its processors are its own.
      ...(processors === 1 || 'MAKEFLAGS' in recipe.env ? {} : { MAKEFLAGS: `-j${String(processors)}` }),
      ...(recipe.compileServer === undefined ? {} : compileServerEnvironment(this.#options.jobs)),
    };
  }

  /** Writes the disks that a guest may only read. Fails for a recipe that contradicts itself. */
  async #writeDisks(
    { name, recipe }: Pick<ExecuteRequest, 'name' | 'recipe'>,
    directory: string,
    task: Pick<GuestTask, 'environment' | 'shell'>,
  ): Promise<Result<ActionDisks, Failure>> {
    const { store, mksquashfs, epochSeconds } = this.#options;
    const listings = await this.#listings.load(treesOf(recipe));
    const root = inputRoot(name, recipe, listings);
    if (!root.ok) return root;
    const split = splitTools(root.value);
    const tree = inputTree(split?.rest ?? root.value, listings);
    const whole: GuestTask = {
      ...task,
      outputs: Object.values(recipe.outputs),
      network: recipe.compileServer !== undefined,
      tools: split !== undefined,
      seconds: epochSeconds,
    };
    const disk = join(directory, 'disk.squashfs');
    const contents = contentsOf(recipe, tree, listings, store);
    await writeSquashfs(mksquashfs, diskEntries(whole, tree, contents), epochSeconds, disk);
    return ok({
      disk,
      tools: split === undefined ? undefined : await this.#toolDisk(recipe, split.tools, listings),
    });
  }

  /** Options of a guest's network, at whose end there is the action's compile server, or nothing. */
  async #networkFor({ compileServer }: BoundRecipe, places: Places): Promise<string> {
    if (compileServer === undefined) return '';
    return compileServerOption({
      directory: this.#options.store.treePath(compileServer.digest),
      scratch: places.temporary,
      unshare: process.geteuid?.() === 0 ? await findProgram('unshare', machinePath) : undefined,
    });
  }

  /** Runs an action in one guest. The exit code is undefined if that ended without saying one. */
  async #runGuest(
    { log, recipe, signal }: ExecuteRequest,
    directory: string,
    disks: ActionDisks,
    size: GuestSize,
  ): Promise<{ readonly exitCode: number | undefined; readonly places: Places }> {
    const places = await makePlaces(directory);
    const network = await this.#networkFor(recipe, places);
    await writeScratchDisk(this.#options.mke2fs, places.scratch, scratchBytes);
    const end = await runEmulator({
      argv: this.#commandLine(places, disks, size, network),
      temporary: places.temporary,
      console: places.console,
      log: join(places.results, resultNames.log),
      longestSilence: this.#options.longestSilence ?? defaultSilence,
      onLog: (bytes) => {
        log.write(bytes);
      },
      signal,
    });
    if (end === 'ended') return { exitCode: await statusIn(places.results), places };
    log.write(Buffer.from('+ it has printed nothing for very long: the guest was ended\n'));
    return { exitCode: timedOut, places };
  }

  /** The disk with an action's tools; those of one run are packed once. */
  async #toolDisk(recipe: BoundRecipe, root: InputRoot, listings: Listings): Promise<string> {
    const { store, mksquashfs, epochSeconds } = this.#options;
    const name = digestBytes(Buffer.from(JSON.stringify(root.places)));
    const pack = async (): Promise<string> => {
      this.#toolScratch ??= store.makeScratch('tools of guests');
      const file = join((await this.#toolScratch).path, `${name}.squashfs`);
      const tree = inputTree(root, listings);
      const entries = toolEntries(tree, contentsOf(recipe, tree, listings, store));
      await writeSquashfs(mksquashfs, entries, epochSeconds, file);
      return file;
    };
    const packed = this.#toolDisks.get(name) ?? pack();
    this.#toolDisks.set(name, packed);
    // Tried again for the next action: a full disk may have been the reason.
    packed.catch(() => this.#toolDisks.delete(name));
    return packed;
  }

  #commandLine(
    places: Places,
    { disk, tools }: ActionDisks,
    { memory, processors }: GuestSize,
    network: string,
  ): readonly [string, ...string[]] {
    const { arch, image } = this.#options;
    const settings = {
      directory: image,
      memory: String(memory),
      commandLine: kernelCommandLine(arch),
      networkOptions: `,restrict=on${network}`,
    };
    const attached = { home: places.scratch, control: disk, upload: places.results };
    const toolDisk = { name: 'toolchain', kind: 'read-only disk' } as const;
    return [
      this.#emulator,
      ...emulatorArguments(arch, settings, false),
      ...(processors === 1 ? [] : ['-smp', String(processors)]),
      ...(tools === undefined ? [] : attachmentArguments(arch, toolDisk, tools)),
      ...attachments.flatMap((attachment) => {
        const place = attached[attachment.name as keyof typeof attached] as string | undefined;
        return place === undefined ? [] : attachmentArguments(arch, attachment, place, 'report');
      }),
    ];
  }

  async #died(console: string): Promise<Result<never, Failure>> {
    const handle = await openResult(console);
    const text = handle === undefined ? '' : await handle.readFile('utf8');
    await handle?.close();
    const lines = text.replaceAll('\r', '').trimEnd().split('\n').slice(-12);
    const detail = ['two guests ended without a result; the end of the console:', ...lines].join('\n');
    return failed({ reason: 'backend-unreachable', backend: this.name, detail });
  }

  /** Takes the trees of all outputs into the store. */
  async #takeOutputs(
    { name, recipe, log }: ExecuteRequest,
    { results, unpacked }: Places,
  ): Promise<Result<Execution['outputs'], Failure>> {
    const { store } = this.#options;
    await mkdir(unpacked);
    const read = await unpackInThread({
      archive: join(results, resultNames.outputs),
      name: `the outputs of ${name}`,
      into: unpacked,
      // As everywhere else, links are the action's own business: nobody here follows one.
      anyLinks: true,
      limits: outputLimits,
    });
    if (!read.ok) return read;
    const outputs: Record<string, Digest> = {};
    for (const [number, [output, path]] of Object.entries(recipe.outputs).entries()) {
      const directory = join(read.value, String(number));
      // An output directory exists from the start, so an empty one counts as not made.
      const made = await readdir(directory).catch(() => []);
      if (made.length === 0)
        return failed({ reason: 'missing-output', action: name, output, path, log: log.place });
      const adopted = await store.adoptTree(directory);
      if (!adopted.ok) return adopted;
      outputs[output] = adopted.value;
    }
    return ok(outputs);
  }
}

/** Disks that a guest may only read. */
interface ActionDisks {
  /** What its init works from, with the action's root. */
  readonly disk: string;
  readonly tools: string | undefined;
}

/** A question each time, since it changes while one waits. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
