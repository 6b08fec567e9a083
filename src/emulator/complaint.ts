/** What an emulator reports as wrong, as far as its message tells. */
export type Complaint =
  | { readonly about: 'machine' | 'cpu' | 'memory' | 'other'; readonly text: string }
  /** A device that does not exist, or for which the machine has no bus. */
  | { readonly about: 'device'; readonly device: string; readonly text: string }
  /** A firmware file that is not installed. `option` is the argument that requests it, if there is one. */
  | { readonly about: 'firmware'; readonly file: string; readonly option?: string; readonly text: string }
  /** A board that does not start without a kernel. */
  | { readonly about: 'kernel'; readonly text: string };

/** Debian packages of firmware, by file name. The last contains the emulator's own small files. */
const firmwarePackages: readonly (readonly [RegExp, string])[] = [
  [/^(efi|pxe)-.*\.rom$/, 'ipxe-qemu'],
  [/^(vga)?bios.*\.bin$/, 'seabios'],
  [/^openbios/, 'openbios-ppc'],
  [/^slof/, 'qemu-slof'],
  [/^opensbi/, 'opensbi'],
  [/^skiboot/, 'qemu-skiboot'],
  [/^u-boot/, 'u-boot-qemu'],
  [/./, 'qemu-system-data'],
];

/** Debian package that contains a firmware file. */
export function firmwarePackage(file: string): string {
  return firmwarePackages.find(([pattern]) => pattern.test(file))?.[1] ?? 'qemu-system-data';
}

/** Parses what an emulator printed before it exited. */
export function readComplaint(said: string): Complaint {
  const lines = said
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/\bwarning:|^qemu: module |^ALSA /.test(line));
  // Nearly always the one relevant line, preceded by the program's name.
  const text = (lines[0] ?? said).replace(/^\S*qemu-system-[a-z0-9_]+: /, '');
  const whole = lines.join('\n');
  if (/no -kernel|-kernel argument|[Kk]ernel image must be specified/.test(whole))
    return { about: 'kernel', text };
  const firmware = /['"]?([\w.+-]+\.(?:bin|rom|img|lid|fd|elf)|openbios-\w+)['"]?/.exec(whole);
  if (firmware !== null && /load|find|bootloader|romfile|bios|firmware/i.test(whole)) {
    const option = /^(-\S+ \S+):/.exec(text)?.[1];
    return { about: 'firmware', file: firmware[1] ?? '', text, ...(option === undefined ? {} : { option }) };
  }
  if (/machine type|machine '.*' does not exist|Unsupported machine/i.test(text))
    return { about: 'machine', text };
  if (/CPU model|CPU type|Invalid CPU|-cpu/.test(text)) return { about: 'cpu', text };
  const device =
    /'([\w.-]+)' is not a valid device model name/.exec(text) ??
    /bus found for device '([\w.-]+)'/.exec(text) ??
    /[Uu]nsupported NIC(?: model)?:? '?([\w.-]+)/.exec(whole) ??
    /-(?:device|nic) (?:user,model=)?([\w.-]+)[^:]*: /.exec(text);
  if (device !== null)
    return { about: 'device', device: device[1] ?? '', text: lines.map(withoutProgram).join('\n') };
  if (/memory|RAM\b/i.test(text)) return { about: 'memory', text };
  return { about: 'other', text };
}

function withoutProgram(line: string): string {
  return line.replace(/^\S*qemu-system-[a-z0-9_]+: /, '');
}

/** Whether an emulator could not start because the host has too little memory, which says nothing about the machine. */
export function isOutOfMemory(said: string): boolean {
  return /[Cc]annot allocate memory|cannot set up guest memory|out of memory/.test(said);
}
