import { Header } from 'tar';

/** One entry of an archive made by hand, well-formed or not. */
export interface Entry {
  readonly path: string;
  readonly type?:
    'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO' | 'ExtendedHeader';
  readonly body?: string | Uint8Array;
  readonly linkpath?: string;
  readonly mode?: number;
  /** Size in the header, where it is to differ from the body's. */
  readonly size?: number;
}

/** A tar archive with exactly these entries, names unchecked. Long names need a `pax` entry before them. */
export function tarBytes(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]);
}

/** An extended header that gives the next entry this path or other fields. */
export function pax(fields: Readonly<Record<string, string>>): Entry {
  const body = Object.entries(fields).map(([name, value]) => {
    const rest = Buffer.byteLength(` ${name}=${value}\n`);
    const digits = [1, 2, 3, 4].find((count) => String(rest + count).length === count) ?? 0;
    return `${String(rest + digits)} ${name}=${value}\n`;
  });
  return { path: 'PaxHeader/x', type: 'ExtendedHeader', body: body.join('') };
}

function blocks(entry: Entry): Buffer[] {
  const body = Buffer.from(entry.body ?? '');
  const header = Buffer.alloc(512);
  new Header({
    path: entry.path,
    type: entry.type ?? 'File',
    mode: entry.mode ?? 0o644,
    size: entry.size ?? body.length,
    ...(entry.linkpath === undefined ? {} : { linkpath: entry.linkpath }),
    mtime: new Date(0),
  }).encode(header);
  return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
}
