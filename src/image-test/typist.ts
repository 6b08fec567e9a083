/**
 * How many characters are typed at once. qemu 7.2 drops what SuperH's serial port receives beyond the 16 bytes of its
 * FIFO: sh_serial_can_receive() in hw/char/sh_serial.c counts from the write position instead of what is waiting to be
 * read.
 */
const pieceLength = 8;

/** How long to wait for an echo, in milliseconds, before the next piece is typed anyway. */
const echoLimit = 2000;

export interface Typist {
  /** To be called with all console output, which is matched against the expected echo. */
  heard(chunk: string): void;
  /** Stops typing. */
  stop(): void;
}

/** Types on a console as a person would: a few characters, then more once those have been echoed. */
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
