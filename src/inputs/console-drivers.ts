/** Kernel symbols with the console that each provides, without its number. */
export const consoleDrivers: readonly { readonly console: string; readonly symbol: string }[] = [
  { console: 'ttyAMA', symbol: 'SERIAL_AMBA_PL011_CONSOLE' },
  { console: 'ttyS', symbol: 'SERIAL_8250_CONSOLE' },
  { console: 'ttyS', symbol: 'SERIAL_PMACZILOG_TTYS' },
  { console: 'ttyGF', symbol: 'GOLDFISH_TTY' },
  { console: 'ttyUL', symbol: 'SERIAL_UARTLITE_CONSOLE' },
  { console: 'ttySC', symbol: 'SERIAL_SH_SCI_CONSOLE' },
  { console: 'ttysclp', symbol: 'SCLP_CONSOLE' },
  { console: 'hvc', symbol: 'HVC_CONSOLE' },
];
