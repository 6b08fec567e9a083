import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** One field of an encoded protobuf message. */
export interface Field {
  readonly number: number;
  /** Bytes of a length-delimited field. */
  readonly chunk?: Uint8Array;
  /** Value of a number; fields of fixed width, which no message of ours has, have neither. */
  readonly varint?: bigint;
}

/** Splits a message into fields; undefined when the bytes are not a message. */
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

/** The only field with a number: undefined when it is not there, false when it is there more than once. */
export function onlyField(fields: readonly Field[], number: number): Field | undefined | false {
  let found: Field | undefined;
  for (const field of fields) {
    if (field.number !== number) continue;
    if (found !== undefined) return false;
    found = field;
  }
  return found;
}

/** Text of a string field; undefined when it is not UTF-8, or holds a zero byte, which no file system takes. */
export function readText(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString();
  if (text.includes('\0')) return undefined;
  // What is not UTF-8 becomes U+FFFD; only text that holds it needs the second look.
  if (text.includes('\ufffd') && !Buffer.from(text).equals(buffer)) return undefined;
  return text;
}
