/** What a made-up ELF file says of itself. */
export interface ElfSketch {
  readonly bits: 32 | 64;
  readonly byteOrder: 'little' | 'big';
  readonly machine: number;
  /** Dynamic loader; undefined: an object without program headers. */
  readonly interpreter?: string;
}

/** Header of an ELF file, with the one program header that names a loader. */
export function elfFile({ bits, byteOrder, machine, interpreter }: ElfSketch): Buffer {
  const wide = bits === 64;
  const [headerSize, segmentSize] = wide ? [64, 56] : [52, 32];
  const text = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const file = Buffer.concat([Buffer.alloc(headerSize + segmentSize), text]);
  const put = (value: number, at: number, width: number): void => {
    for (let index = 0; index < width; index += 1) {
      const place = byteOrder === 'little' ? index : width - 1 - index;
      file[at + place] = Math.floor(value / 256 ** index) % 256;
    }
  };
  const word = wide ? 8 : 4;
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, byteOrder === 'little' ? 1 : 2, 1]);
  put(machine, 18, 2);
  if (interpreter === undefined) return file;
  put(headerSize, wide ? 32 : 28, word);
  put(segmentSize, wide ? 54 : 42, 2);
  put(1, wide ? 56 : 44, 2);
  put(3, headerSize, 4);
  put(headerSize + segmentSize, headerSize + (wide ? 8 : 4), word);
  put(text.length, headerSize + (wide ? 32 : 16), word);
  return file;
}
