/**
 * How many characters are typed at once. qemu 7.2 drops what SuperH's serial port gets beyond the 16 bytes of its FIFO:
 * sh_serial_can_receive() in hw/char/sh_serial.c counts from where it writes next, not what waits to be read.
 */
const pieceLength = 8;

/** How long to wait for an echo, in milliseconds, before the next piece is typed anyway. */
const echoLimit = 2000;

export interface Typist {
  /** To be called with everything that the console says: it is taken for the echo, as far as it goes. */
  heard(chunk: string): void;
  /** Types no more. */
  stop(): void;
}

/** Types on a console as a person would: a few characters, and more when those have appeared. */
export function startTyping(text: string, write: (piece: string) => void): Typist {
  let rest = text;
  let awaited = 0;
  let timer: NodeJS.Timeout | undefined;
  const next = (): void => {
    clearTimeout(timer);
    const piece = rest.slice(0, pieceLength);
    rest = rest.slice(pieceLength);
    if (piece === '') return;
    awaited = piece.length;
    timer = setTimeout(next, echoLimit);
    write(piece);
  };
  next();
  return {
    heard(chunk) {
      awaited -= chunk.length;
      if (awaited <= 0) next();
    },
    stop() {
      rest = '';
      clearTimeout(timer);
    },
  };
}
