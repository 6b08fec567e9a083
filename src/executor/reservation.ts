import type { Reservation } from './executor.ts';

/** Room that is given back once, however often it is released. */
export function reservation(giveBack: () => void): Reservation {
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      giveBack();
    },
  };
}
