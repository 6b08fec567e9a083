import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** One field of an encoded protobuf message. */
export interface Field {
  readonly number: number;
  /** Bytes of a length-delimited field. */
  readonly chunk?: Uint8Array;
  /** Value of a number; fixed-width fields, which none of our messages has, have neither. */
  readonly varint?: bigint;
}

/** Splits a message into fields; undefined if the bytes are not a message. */
export function readFields(bytes: Uint8Array): readonly Field[] | undefined {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === WireType.LengthDelimited) fields.push({ number, chunk: reader.bytes() });
      else if (type === WireType.Varint) fields.push({ number, varint: BigInt(reader.uint64()) });
      else {
        reader.skip(type, number);
        fields.push({ number });
      }
    }
  } catch {
    // The reader throws on any malformed input, and does nothing else that may fail.
    return undefined;
  }
  return fields;
}

/** The only field with a number: undefined if there is none, false if there are several. */
export function onlyField(fields: readonly Field[], number: number): Field | undefined | false {
  let found: Field | undefined;
  for (const field of fields) {
    if (field.number !== number) continue;
    if (found !== undefined) return false;
    found = field;
  }
  return found;
}

/** Text of a string field; undefined if it is not UTF-8, or contains a NUL byte, which no file system accepts. */
export function readText(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString();
  if (text.includes('\0')) return undefined;
  // Bytes that are not UTF-8 become U+FFFD; only text that contains it needs a second look.
  if (text.includes('\ufffd') && !Buffer.from(text).equals(buffer)) return undefined;
  return text;
}
