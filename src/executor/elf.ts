import { open } from 'node:fs/promises';

/** What an executable says of itself, as far as we ask. */
export interface ElfFacts {
  /** Dynamic loader that it wants; undefined for static programs and shared libraries. */
  readonly interpreter?: string;
  /** Whether it names shared libraries. */
  readonly dynamic: boolean;
}

const interpreterSegment = 3;
const dynamicSegment = 2;

/** Reads the program headers of an ELF file of 64 or 32 bits, little-endian. Undefined for anything else. */
export async function readElf(path: string): Promise<ElfFacts | undefined> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(64);
    const { bytesRead } = await file.read(header, 0, 64, 0);
    if (bytesRead < 52 || header.readUInt32BE(0) !== 0x7f454c46 || header[5] !== 1) return undefined;
    const wide = header[4] === 2;
    const start = wide ? Number(header.readBigUInt64LE(32)) : header.readUInt32LE(28);
    const size = header.readUInt16LE(wide ? 54 : 42);
    const count = header.readUInt16LE(wide ? 56 : 44);
    const table = Buffer.alloc(size * count);
    if ((await file.read(table, 0, table.length, start)).bytesRead < table.length) return undefined;
    let interpreter: string | undefined;
    let dynamic = false;
    for (let at = 0; at < table.length; at += size) {
      const type = table.readUInt32LE(at);
      if (type === dynamicSegment) dynamic = true;
      if (type !== interpreterSegment) continue;
      const offset = wide ? Number(table.readBigUInt64LE(at + 8)) : table.readUInt32LE(at + 4);
      const length = wide ? Number(table.readBigUInt64LE(at + 32)) : table.readUInt32LE(at + 16);
      const text = Buffer.alloc(Math.min(length, 4096));
      await file.read(text, 0, text.length, offset);
      interpreter = text.toString('latin1').replace(/\0.*$/s, '');
    }
    return { dynamic, ...(interpreter === undefined ? {} : { interpreter }) };
  } finally {
    await file.close();
  }
}
