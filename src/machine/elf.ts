import { open } from 'node:fs/promises';

/** The properties of an ELF file that we need. */
export interface ElfFacts {
  readonly bits: 32 | 64;
  readonly byteOrder: 'little' | 'big';
  /** Number of the processor family (`e_machine`). */
  readonly machine: number;
  /** Dynamic loader that it needs; undefined for objects, static programs and most shared libraries. */
  readonly interpreter?: string;
  /** Whether it names shared libraries. */
  readonly dynamic: boolean;
}

const interpreterSegment = 3;
const dynamicSegment = 2;

/** Reads the header and program headers of an ELF file. Undefined for anything else. */
export async function readElf(path: string): Promise<ElfFacts | undefined> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(64);
    const { bytesRead } = await file.read(header, 0, 64, 0);
    if (bytesRead < 52 || header.readUInt32BE(0) !== 0x7f454c46) return undefined;
    const wide = header[4] === 2;
    const little = header[5] === 1;
    const short = (bytes: Buffer, at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
    const word = (bytes: Buffer, at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    const long = (bytes: Buffer, at: number) =>
      Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    const start = wide ? long(header, 32) : word(header, 28);
    const size = short(header, wide ? 54 : 42);
    const count = short(header, wide ? 56 : 44);
    const table = Buffer.alloc(size * count);
    if ((await file.read(table, 0, table.length, start)).bytesRead < table.length) return undefined;
    let interpreter: string | undefined;
    let dynamic = false;
    for (let at = 0; at < table.length; at += size) {
      const type = word(table, at);
      if (type === dynamicSegment) dynamic = true;
      if (type !== interpreterSegment) continue;
      const offset = wide ? long(table, at + 8) : word(table, at + 4);
      const length = wide ? long(table, at + 32) : word(table, at + 16);
      const text = Buffer.alloc(Math.min(length, 4096));
      await file.read(text, 0, text.length, offset);
      interpreter = text.toString('latin1').replace(/\0.*$/s, '');
    }
    return {
      bits: wide ? 64 : 32,
      byteOrder: little ? 'little' : 'big',
      machine: short(header, 18),
      dynamic,
      ...(interpreter === undefined ? {} : { interpreter }),
    };
  } finally {
    await file.close();
  }
}
