import { failed, ok, type Result } from '../core/result.ts';
import { nameParts } from './entry-name.ts';

/** One line of a hunk, without its first character. Text is latin1: one character per byte. */
export interface HunkLine {
  readonly kind: 'keep' | 'add' | 'remove';
  /** Includes the newline, unless the patch says that the file ends without one. */
  readonly text: string;
}

export interface Hunk {
  /** 1-based line of the hunk's header in the patch. */
  readonly line: number;
  /** 0-based index of the first line of the old file that it covers. */
  readonly start: number;
  readonly lines: readonly HunkLine[];
}

/** What a patch does to one file. */
export interface FilePatch {
  /** 1-based line of its `---` in the patch. */
  readonly line: number;
  readonly kind: 'change' | 'create' | 'delete';
  /** Path in the tree. */
  readonly path: string;
  /** Set by git's `new mode` and `new file mode`, which must be 100644 or 100755. */
  readonly executable?: boolean;
  readonly hunks: readonly Hunk[];
}

/** A line of the patch and what is wrong with it. */
export interface PatchFault {
  readonly line: number;
  readonly why: string;
}

/**
 * Parses a unified diff. Text around the parts of a diff is ignored; git's renames, copies and binary parts, which have
 * no lines to compare, are refused. The first component (`a/`, `b/`) of each name is removed.
 */
export function parsePatch(text: string): Result<readonly FilePatch[], PatchFault> {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const files: FilePatch[] = [];
  /** Modes of the next file according to git's header, and the line. */
  let modes: Modes | undefined;
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? '';
    if (line.startsWith('diff --git ')) {
      if (modes !== undefined) return failed({ line: modes.line, why: onlyModes });
      const read = readModes(lines, at + 1);
      if (!read.ok) return read;
      modes = read.value;
    }
    if (/^(?:rename|copy) (?:from|to) |^GIT binary patch|^Binary files /.test(line)) {
      return failed({ line: at + 1, why: 'renames, copies and binary parts are not supported' });
    }
    if (!line.startsWith('--- ') || !(lines[at + 1] ?? '').startsWith('+++ ')) {
      if (/^@@ -\d/.test(line)) return failed({ line: at + 1, why: 'a hunk without file names before it' });
      at += 1;
      continue;
    }
    const file = parseFile(lines, at);
    if (!file.ok) return file;
    const executable = modes?.executable;
    files.push({ ...file.value.patch, ...(executable === undefined ? {} : { executable }) });
    modes = undefined;
    at = file.value.next;
  }
  if (modes !== undefined) return failed({ line: modes.line, why: onlyModes });
  if (files.length === 0) return failed({ line: 1, why: 'it contains no unified diff' });
  return ok(files);
}

interface Modes {
  /** 1-based line of the first of them. */
  readonly line: number;
  readonly executable: boolean | undefined;
}

const onlyModes = 'a change of mode, or an empty file, without lines to compare is not supported';

/** The mode lines of a git header; undefined if it has none. */
function readModes(lines: readonly string[], begin: number): Result<Modes | undefined, PatchFault> {
  let modes: Modes | undefined;
  for (let at = begin; at < lines.length && !/^(?:---|diff) /.test(lines[at] ?? ''); at += 1) {
    const match = /^(old|new|new file|deleted file) mode (\d+)$/.exec((lines[at] ?? '').trimEnd());
    if (match === null) continue;
    const [, whose, mode = ''] = match;
    if (mode !== '100644' && mode !== '100755') {
      const kind = mode === '120000' ? ' (a link)' : mode === '160000' ? ' (a submodule)' : '';
      const why = `mode ${mode}${kind} is not supported: patches may only contain regular files, 100644 or 100755`;
      return failed({ line: at + 1, why });
    }
    const executable = whose === 'new' || whose === 'new file' ? mode === '100755' : modes?.executable;
    modes = { line: modes?.line ?? at + 1, executable };
  }
  return ok(modes);
}

function parseFile(
  lines: readonly string[],
  begin: number,
): Result<{ readonly patch: FilePatch; readonly next: number }, PatchFault> {
  const before = patchName(lines[begin] ?? '');
  const after = patchName(lines[begin + 1] ?? '');
  const line = begin + 1;
  if (!before.ok) return failed({ line, why: before.failure });
  if (!after.ok) return failed({ line: line + 1, why: after.failure });
  const path = after.value ?? before.value;
  if (path === undefined) return failed({ line, why: 'both names are /dev/null' });
  if (before.value !== undefined && before.value !== path) {
    return failed({ line, why: `the two names differ: ${before.value} and ${path}` });
  }
  const hunks: Hunk[] = [];
  let at = begin + 2;
  while (/^@@ -\d/.test(lines[at] ?? '')) {
    const hunk = parseHunk(lines, at);
    if (!hunk.ok) return hunk;
    hunks.push(hunk.value.hunk);
    at = hunk.value.next;
  }
  if (hunks.length === 0) return failed({ line, why: 'no hunk follows the file names' });
  const kind = before.value === undefined ? 'create' : after.value === undefined ? 'delete' : 'change';
  return ok({ patch: { line, kind, path, hunks }, next: at });
}

/** The path in a `---` or `+++` line; undefined for /dev/null. */
function patchName(line: string): Result<string | undefined, string> {
  const bytes = line.slice(4).split('\t')[0]?.trimEnd() ?? '';
  const name = Buffer.from(bytes, 'latin1').toString('utf8');
  if (name === '/dev/null') return ok(undefined);
  if (name.startsWith('"')) return failed('quoted names are not supported');
  const slash = name.indexOf('/');
  if (slash < 1) return failed(`the name ${JSON.stringify(name)} does not begin with a/ or b/`);
  const parts = nameParts(name);
  if (!parts.ok) return failed(`the name ${JSON.stringify(name)} is refused: ${parts.failure}`);
  const below = parts.value.slice(1);
  if (below.length === 0)
    return failed(`the name ${JSON.stringify(name)} has nothing after its first component`);
  return ok(below.join('/'));
}

const header = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

function parseHunk(
  lines: readonly string[],
  begin: number,
): Result<{ readonly hunk: Hunk; readonly next: number }, PatchFault> {
  const match = header.exec(lines[begin] ?? '');
  const line = begin + 1;
  if (match === null) return failed({ line, why: 'a malformed hunk header' });
  const oldStart = Number(match[1]);
  let oldLeft = Number(match[2] ?? 1);
  let newLeft = Number(match[4] ?? 1);
  const hasOld = oldLeft > 0;
  if (hasOld && oldStart === 0) return failed({ line, why: 'lines are counted from 1' });
  const found: HunkLine[] = [];
  let at = begin + 1;
  while (oldLeft > 0 || newLeft > 0) {
    const text = lines[at];
    if (text === undefined) return failed({ line, why: 'the hunk is cut off' });
    // Editors and mailers strip the space of an empty context line.
    const mark = text === '\n' ? ' ' : text[0];
    const kind = mark === ' ' ? 'keep' : mark === '+' ? 'add' : mark === '-' ? 'remove' : undefined;
    if (kind === undefined)
      return failed({ line: at + 1, why: 'a line of a hunk must begin with a space, + or -' });
    if (kind !== 'add') oldLeft -= 1;
    if (kind !== 'remove') newLeft -= 1;
    if (oldLeft < 0 || newLeft < 0)
      return failed({ line, why: 'the hunk does not match the line counts in its header' });
    at += 1;
    const open = (lines[at] ?? '').startsWith('\\ ');
    if (open) at += 1;
    const content = text === '\n' ? '\n' : text.slice(1);
    found.push({ kind, text: open && content.endsWith('\n') ? content.slice(0, -1) : content });
  }
  // A hunk without old lines names the line after which it inserts.
  return ok({ hunk: { line, start: hasOld ? oldStart - 1 : oldStart, lines: found }, next: at });
}
