/** A file to pack; its parent directories are added. */
export interface PackedFile {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

/**
 * An archive as the kernel unpacks it into an initramfs ("newc" cpio), everything owned by root. The kernel accepts
 * several archives in sequence, each compressed or not.
 */
export function packCpio(files: ReadonlyMap<string, PackedFile>): Uint8Array {
  const parts: Uint8Array[] = [];
  const made = new Set<string>();
  let inode = 1;
  const add = (name: string, mode: number, bytes: Uint8Array): void => {
    const encoded = new TextEncoder().encode(`${name}\0`);
    // Inode, mode, uid, gid, number of links, time, size, two device numbers twice, length of the name, checksum.
    const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, encoded.length, 0];
    inode += 1;
    const header = new TextEncoder().encode(
      `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
    );
    parts.push(header, encoded, padding(header.length + encoded.length), bytes, padding(bytes.length));
  };
  for (const [name, { bytes, executable }] of files) {
    const directories = name.split('/').slice(0, -1);
    directories.forEach((_, index) => {
      const directory = directories.slice(0, index + 1).join('/');
      if (!made.has(directory)) add(directory, 0o040755, new Uint8Array());
      made.add(directory);
    });
    add(name, executable ? 0o100755 : 0o100644, bytes);
  }
  add('TRAILER!!!', 0, new Uint8Array());
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    archive.set(part, place);
    place += part.length;
  }
  return archive;
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
