/** A text file of every root, or one made for this root. */
export interface RootText {
  readonly text: string;
  readonly executable: boolean;
}

/** Where the files lie that every root has. */
export const baseDirectory = '/etc';

/** Files in every root that its trees do not bring, so that programs find its only user. */
const baseFiles: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/build:/bin/sh\n',
  group: 'root:x:0:\n',
  hosts: '127.0.0.1 localhost bootstrap\n',
};

/** Those files by path, each name with this before it. */
export function baseFilesIn(prefix: string): Readonly<Record<string, RootText>> {
  return Object.fromEntries(
    Object.entries(baseFiles).map(([name, text]) => [`${prefix}${name}`, { text, executable: false }]),
  );
}
