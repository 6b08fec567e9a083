import type { Failure, Fault } from '../core/failure.ts';
import { failed, ok, type Result } from '../core/result.ts';
import type { WantedSymbol } from './kernel-config.ts';

const form = 'CONFIG_NAME=VALUE or # CONFIG_NAME is not set';
const value = /^(?:[ymn]|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*")$/;

/**
 * Reads further kernel symbols in the format of a `.config`: values, "is not set", comments and empty lines. Sorted
 * by name, so that the order in the file does not affect any digest. Fails with `bad-input`, which names all malformed lines.
 */
export function parseKernelFragment(text: string, file: string): Result<readonly WantedSymbol[], Failure> {
  const symbols = new Map<string, WantedSymbol & { readonly line: number }>();
  const faults: Fault[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    const read = readLine(raw.trimEnd());
    if (read === undefined) continue;
    const known = typeof read === 'string' ? undefined : symbols.get(read.name);
    if (typeof read === 'string') faults.push({ field: '', line, message: read });
    else if (known !== undefined && known.value !== read.value) {
      const message = `gives CONFIG_${read.name} another value than line ${known.line}`;
      faults.push({ field: '', line, message });
    } else symbols.set(read.name, { ...read, line });
  }
  if (faults.length > 0) return failed({ reason: 'bad-input', file, faults });
  return ok(
    [...symbols.values()]
      .map(({ name, value: wanted }) => ({ name, value: wanted }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

/** A symbol, a fault of the line, or nothing. */
function readLine(line: string): WantedSymbol | string | undefined {
  if (line === '') return undefined;
  const unset = /^# CONFIG_(\w+) is not set$/.exec(line);
  if (unset?.[1] !== undefined) return { name: unset[1], value: 'n' };
  if (line.startsWith('#') && !/^#\s*CONFIG_/.test(line)) return undefined;
  const [, name, given] = /^CONFIG_(\w+)=(.*)$/.exec(line) ?? [];
  if (name === undefined || given === undefined) {
    const bare = /^(\w+)(?:=.*)?$/.exec(line)?.[1];
    const meant = bare === undefined || bare.startsWith('CONFIG_') ? '' : `; is it CONFIG_${bare}?`;
    return `must be ${form}, is ${line}${meant}`;
  }
  if (!value.test(given))
    return `CONFIG_${name} must be y, n, m, a number or a "text", is ${given === '' ? 'nothing' : given}`;
  return { name, value: given };
}
