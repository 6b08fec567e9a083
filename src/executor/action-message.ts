import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { digest, digestParts, isDigest, type Digest } from '../core/digest.ts';
import type { Platform } from '../plan/action.ts';
import { compareNames } from '../store/directory-message.ts';
import { onlyField, readFields, readText, type Field } from '../store/message-fields.ts';

/*
 * The messages of the Remote Execution API for actions and their results, as far as we write and read them: in order of
 * field number, default values omitted, so that equal contents have equal digests. Fields that we do not need are
 * skipped.
 */

/** The message `Action`: everything that a result depends on. */
export interface ActionMessage {
  /** Digest of a `CommandMessage`. */
  readonly command: Digest;
  /** Digest of the root's `Directory`. */
  readonly inputRoot: Digest;
  readonly platform: Platform;
}

/** The message `Command`. */
export interface CommandMessage {
  /** The first is the path of a program. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Directories that become outputs, relative to the root. */
  readonly outputPaths: readonly string[];
}

/** An `OutputDirectory` of an `ActionResult`. */
export interface OutputDirectory {
  /** As in the command. */
  readonly path: string;
  /** Digest of a `Tree` message. */
  readonly tree: Digest;
  /** Digest of the `Directory` at its root, if whoever made this said so. */
  readonly root?: Digest;
}

/** The message `ActionResult`. */
export interface ActionResultMessage {
  /** A path that the command names and that is missing here was not made. */
  readonly outputDirectories: readonly OutputDirectory[];
  readonly exitCode: number;
  /** Undefined: it printed nothing. */
  readonly stdout?: Digest;
  /** What it printed, if whoever made this put it in here. */
  readonly printed?: Uint8Array;
}

/** Platform property with the processors whose programs an action needs beside the first one's, with spaces between them. */
const alsoRunsName = 'also-runs';
/** Platform property of actions whose root has to be a machine's. */
const superuserName = 'superuser';

export function encodeAction({ command, inputRoot, platform }: ActionMessage): Uint8Array {
  const writer = new BinaryWriter();
  writeDigest(writer, 1, command);
  writeDigest(writer, 2, inputRoot);
  writer.tag(10, WireType.LengthDelimited).fork();
  // Property names from the API's platform lexicon, in order of name.
  writePair(writer, 1, 'ISA', platform.cpu);
  writePair(writer, 1, 'OSFamily', platform.os);
  // None of the lexicon says that a worker runs programs of a second processor as well.
  if (platform.alsoRuns !== undefined) writePair(writer, 1, alsoRunsName, platform.alsoRuns.join(' '));
  if (platform.superuser === true) writePair(writer, 1, superuserName, 'true');
  writer.join();
  return writer.finish();
}

/** Undefined: the bytes are not such a message. */
export function decodeAction(bytes: Uint8Array): ActionMessage | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const command = digestIn(fields, 1);
  const inputRoot = digestIn(fields, 2);
  const platform = onlyChunk(fields, 10);
  const properties = platform === undefined ? undefined : pairsIn(platform, 1);
  const cpu = properties?.get('ISA');
  if (command === undefined || inputRoot === undefined || cpu === undefined) return undefined;
  if (properties?.get('OSFamily') !== 'linux') return undefined;
  const alsoRuns = properties?.get(alsoRunsName)?.split(' ');
  return {
    command,
    inputRoot,
    platform: {
      os: 'linux',
      cpu,
      ...(alsoRuns === undefined ? {} : { alsoRuns }),
      ...(properties?.get(superuserName) === 'true' ? { superuser: true } : {}),
    },
  };
}

export function encodeCommand({ argv, environment, outputPaths }: CommandMessage): Uint8Array {
  const writer = new BinaryWriter();
  for (const word of argv) writer.tag(1, WireType.LengthDelimited).string(word);
  const names = Object.keys(environment).sort(compareNames);
  for (const name of names) writePair(writer, 2, name, environment[name] ?? '');
  for (const path of [...new Set(outputPaths)].sort(compareNames)) {
    writer.tag(7, WireType.LengthDelimited).string(path);
  }
  return writer.finish();
}

/** Undefined: the bytes are not such a message. */
export function decodeCommand(bytes: Uint8Array): CommandMessage | undefined {
  const argv = textsIn(bytes, 1);
  const environment = pairsIn(bytes, 2);
  const outputPaths = textsIn(bytes, 7);
  if (argv === undefined || environment === undefined || outputPaths === undefined) return undefined;
  // A path that leads out of the root would make another file an output.
  const unsafe = (path: string) => path.split('/').some((name) => ['', '.', '..'].includes(name));
  if (argv.length === 0 || outputPaths.some(unsafe)) return undefined;
  return { argv, environment: Object.fromEntries(environment), outputPaths };
}

export function encodeActionResult(result: ActionResultMessage): Uint8Array {
  const writer = new BinaryWriter();
  for (const { path, tree, root } of result.outputDirectories) {
    writer.tag(3, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(path);
    writeDigest(writer, 3, tree);
    if (root !== undefined) writeDigest(writer, 5, root);
    writer.join();
  }
  if (result.exitCode !== 0) writer.tag(4, WireType.Varint).int32(result.exitCode);
  if (result.printed !== undefined) writer.tag(5, WireType.LengthDelimited).bytes(result.printed);
  if (result.stdout !== undefined) writeDigest(writer, 6, result.stdout);
  return writer.finish();
}

/** Undefined: the bytes are not such a message. */
export function decodeActionResult(bytes: Uint8Array): ActionResultMessage | undefined {
  const fields = readFields(bytes);
  if (fields === undefined) return undefined;
  const outputDirectories: OutputDirectory[] = [];
  for (const { number, chunk } of fields) {
    if (number !== 3) continue;
    const inner = chunk === undefined ? undefined : readFields(chunk);
    const tree = inner === undefined ? undefined : digestIn(inner, 3);
    const path = chunk === undefined ? undefined : (textsIn(chunk, 1)?.[0] ?? '');
    if (inner === undefined || tree === undefined || path === undefined) return undefined;
    const root = digestIn(inner, 5);
    outputDirectories.push({ path, tree, ...(root === undefined ? {} : { root }) });
  }
  const code = onlyField(fields, 4);
  if (code === false) return undefined;
  const exitCode = Number(BigInt.asIntN(32, code?.varint ?? 0n));
  const stdout = digestIn(fields, 6);
  const printed = onlyChunk(fields, 5);
  return {
    outputDirectories,
    exitCode,
    ...(stdout === undefined ? {} : { stdout }),
    ...(printed === undefined ? {} : { printed }),
  };
}

function writeDigest(writer: BinaryWriter, field: number, value: Digest): void {
  const { hash, size } = digestParts(value);
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(hash);
  if (size > 0) writer.tag(2, WireType.Varint).int64(size);
  writer.join();
}

/** Writes a message with a name and a value. */
function writePair(writer: BinaryWriter, field: number, name: string, value: string): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(name);
  if (value !== '') writer.tag(2, WireType.LengthDelimited).string(value);
  writer.join();
}

function onlyChunk(fields: readonly Field[], number: number): Uint8Array | undefined {
  const field = onlyField(fields, number);
  return field === false ? undefined : field?.chunk;
}

function digestIn(fields: readonly Field[], number: number): Digest | undefined {
  const chunk = onlyChunk(fields, number);
  const inner = chunk === undefined ? undefined : readFields(chunk);
  if (inner === undefined) return undefined;
  const hash = onlyChunk(inner, 1);
  const size = onlyField(inner, 2);
  if (hash === undefined || size === false) return undefined;
  const text = `${readText(hash) ?? ''}-${String(size?.varint ?? 0n)}`;
  return isDigest(text) ? digest(text) : undefined;
}

/** All strings of a repeated field; undefined if one is malformed. */
function textsIn(bytes: Uint8Array, number: number): readonly string[] | undefined {
  const texts: string[] = [];
  for (const field of readFields(bytes) ?? [{ number, chunk: undefined }]) {
    if (field.number !== number) continue;
    const text = field.chunk === undefined ? undefined : readText(field.chunk);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

/** All name-value pairs of a repeated field; undefined if one is malformed. */
function pairsIn(bytes: Uint8Array, number: number): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  for (const field of readFields(bytes) ?? [{ number, chunk: undefined }]) {
    if (field.number !== number) continue;
    const name = field.chunk === undefined ? undefined : textsIn(field.chunk, 1)?.[0];
    const value = field.chunk === undefined ? undefined : textsIn(field.chunk, 2);
    if (name === undefined || value === undefined) return undefined;
    pairs.set(name, value[0] ?? '');
  }
  return pairs;
}
