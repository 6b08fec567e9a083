/** A device of the emulator that indicates what a kernel for its machine needs. */
export interface KnownDevice {
  /** Name in the emulator's device tree (`info qtree`). */
  readonly model: RegExp;
  /** The guest's name for it, if it is a console. */
  readonly console?: string;
  readonly symbols: readonly string[];
}

/** Devices in the order in which they are considered as console. */
export const knownDevices: readonly KnownDevice[] = [
  { model: /^pl011$/, console: 'ttyAMA0', symbols: ['SERIAL_AMBA_PL011', 'SERIAL_AMBA_PL011_CONSOLE'] },
  { model: /^goldfish_tty$/, console: 'ttyGF0', symbols: ['GOLDFISH', 'GOLDFISH_TTY'] },
  {
    model: /^xlnx\.xps-uartlite$/,
    console: 'ttyUL0',
    symbols: ['SERIAL_UARTLITE', 'SERIAL_UARTLITE_CONSOLE'],
  },
  { model: /^sclpconsole$/, console: 'ttysclp0', symbols: ['SCLP_TTY', 'SCLP_CONSOLE'] },
  { model: /^spapr-vty$/, console: 'hvc0', symbols: ['HVC_CONSOLE'] },
  {
    model: /^escc$/,
    console: 'ttyS0',
    symbols: ['SERIAL_PMACZILOG', 'SERIAL_PMACZILOG_TTYS', 'SERIAL_PMACZILOG_CONSOLE'],
  },
  { model: /^sh-serial$/, console: 'ttySC1', symbols: ['SERIAL_SH_SCI', 'SERIAL_SH_SCI_CONSOLE'] },
  { model: /^isa-serial$/, console: 'ttyS0', symbols: ['SERIAL_8250', 'SERIAL_8250_CONSOLE'] },
  {
    model: /^serial(-mm)?$/,
    console: 'ttyS0',
    symbols: ['SERIAL_8250', 'SERIAL_8250_CONSOLE', 'SERIAL_OF_PLATFORM'],
  },
  { model: /^gpex-pcihost$/, symbols: ['PCI_HOST_GENERIC'] },
  { model: /^virtio-mmio$/, symbols: ['VIRTIO_MMIO'] },
  { model: /^pl031$/, symbols: ['RTC_DRV_PL031'] },
  { model: /^goldfish_rtc$/, symbols: ['GOLDFISH', 'RTC_DRV_GOLDFISH'] },
  { model: /^mc146818rtc$/, symbols: ['RTC_DRV_CMOS'] },
];
