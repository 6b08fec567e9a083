import { failed, ok, type Result } from '../core/result.ts';
import { parsePatch, type FilePatch, type Hunk, type PatchFault } from './patch-parse.ts';

/** A file as a patch sees it. Text is latin1: one character per byte. */
export interface PatchedFile {
  readonly text: string;
  readonly executable: boolean;
}

/** Files of a tree changed by a patch; undefined: deleted. */
export type Changes = Map<string, PatchedFile | undefined>;

/**
 * Applies a unified diff, without fuzz and without searching: every context line must match, at the line that its hunk
 * names. Changes nothing if anything does not match.
 *
 * @param read returns a file of the tree by path; undefined if it does not exist; a reason if it must not be touched
 * @param before what earlier patches of the series have changed
 */
export async function applyPatch(
  patch: string,
  read: (path: string) => Promise<Result<PatchedFile | undefined, string>>,
  before: Changes = new Map(),
): Promise<Result<Changes, PatchFault>> {
  const parsed = parsePatch(patch);
  if (!parsed.ok) return parsed;
  const changes: Changes = new Map(before);
  for (const file of parsed.value) {
    const clash = clashOf(file.path, changes);
    if (clash !== undefined) return failed({ line: file.line, why: clash });
    const found = changes.has(file.path) ? ok(changes.get(file.path)) : await read(file.path);
    if (!found.ok) return failed({ line: file.line, why: `${file.path}: ${found.failure}` });
    const after = applyToFile(file, found.value);
    if (!after.ok) return after;
    changes.set(file.path, after.value);
  }
  return ok(changes);
}

/** A conflict between a file and a directory of the same name. Those in the tree are checked by `read`. */
function clashOf(path: string, changes: Changes): string | undefined {
  const parts = path.split('/');
  for (let count = 1; count < parts.length; count += 1) {
    const above = parts.slice(0, count).join('/');
    if (changes.get(above) !== undefined) return `${path}: ${above} is a file, not a directory`;
  }
  const below = [...changes].find(([other, file]) => file !== undefined && other.startsWith(`${path}/`));
  return below === undefined ? undefined : `${path} is a directory, with ${below[0]} in it`;
}

function applyToFile(
  patch: FilePatch,
  file: PatchedFile | undefined,
): Result<PatchedFile | undefined, PatchFault> {
  if (patch.kind === 'create' && file !== undefined) {
    return failed({ line: patch.line, why: `${patch.path} already exists` });
  }
  if (patch.kind !== 'create' && file === undefined) {
    return failed({ line: patch.line, why: `there is no ${patch.path}` });
  }
  const text = applyHunks(patch.hunks, file?.text ?? '', patch.path);
  if (!text.ok) return text;
  if (patch.kind === 'delete') {
    if (text.value !== '')
      return failed({ line: patch.line, why: `${patch.path} has more lines than are deleted` });
    return ok(undefined);
  }
  return ok({ text: text.value, executable: patch.executable ?? file?.executable ?? false });
}

function applyHunks(hunks: readonly Hunk[], text: string, path: string): Result<string, PatchFault> {
  const old = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const result: string[] = [];
  let done = 0;
  for (const hunk of hunks) {
    const fault = (why: string) => failed({ line: hunk.line, why });
    if (hunk.start < done) return fault('the hunk overlaps the one before it');
    if (hunk.start > old.length) return fault(`${path} has only ${String(old.length)} lines`);
    result.push(...old.slice(done, hunk.start));
    done = hunk.start;
    for (const line of hunk.lines) {
      if (line.kind === 'add') {
        result.push(line.text);
        continue;
      }
      const found = old[done];
      if (found !== line.text) {
        return fault(
          `line ${String(done + 1)} of ${path} is ${show(found)}, but the patch expects ${show(line.text)}`,
        );
      }
      if (line.kind === 'keep') result.push(found);
      done += 1;
    }
  }
  result.push(...old.slice(done));
  // Only the last line of a file may lack a newline.
  const open = result.findIndex((line, index) => index < result.length - 1 && !line.endsWith('\n'));
  if (open !== -1) {
    return failed({
      line: hunks.at(-1)?.line ?? 1,
      why: `line ${String(open + 1)} of ${path} would lack its newline`,
    });
  }
  return ok(result.join(''));
}

function show(line: string | undefined): string {
  if (line === undefined) return 'missing';
  const text = Buffer.from(line, 'latin1').toString('utf8');
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
