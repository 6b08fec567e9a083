import { InvalidArgumentError, type Command } from 'commander';
import { inStore } from './options.ts';
import type { Session } from './session.ts';

/** `bootstrap store …`: what one does with the store beside building in it. */
export function storeCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const store = command(
    'store',
    'show what takes up space in the store, verify it, and remove what is not needed',
  );
  const own = (name: string, summary: string): Command =>
    inStore(store.command(name).summary(summary).description(summary).copyInheritedSettings(store));

  own('gc', 'remove what has not been used for a while, or until the store is small enough')
    .option('--older-than <TIME>', 'remove what has not been used for this long: 12h, 30d, 8w', time)
    .option('--max-size <SIZE>', 'remove until the store is no larger than this: 500M, 20G', size)
    .option('--dry-run', 'print what would be removed, without removing it')
    .addHelpText('after', gcHelp)
    .action(async (options: { store?: string; olderThan?: number; maxSize?: number; dryRun?: boolean }) => {
      const { storeGcCommand } = await import('./store-command.ts');
      done(await storeGcCommand(session, options));
    });
  own('du', 'show what takes up space, by kind and by stage')
    .option('--json', 'print JSON, which also has every action')
    .action(async (options: { store?: string; json?: boolean }) => {
      const { storeDuCommand } = await import('./store-command.ts');
      done(await storeDuCommand(session, options.store, options.json ?? false));
    });
  own('verify', 'read every tree, blob, result and archive in full, and report damage')
    .option('--repair', 'discard what is damaged, so that it is rebuilt or fetched again')
    .action(async (options: { store?: string; repair?: boolean }) => {
      const { storeVerifyCommand } = await import('./store-command.ts');
      done(await storeVerifyCommand(session, options.store, options.repair ?? false));
    });
  own('limit', 'show or set how much space the store may take after a build')
    .argument('[SIZE]', '20G, or `none` (default: show the limit)', (text) =>
      text === 'none' ? text : size(text),
    )
    .action(async (limit: number | 'none' | undefined, options: { store?: string }) => {
      const { storeLimitCommand } = await import('./store-command.ts');
      done(await storeLimitCommand(session, options.store, limit));
    });
}

const gcHelp = `
Without either option, the store's limit applies (\`bootstrap store limit\`); if there is none, only scratch outputs are
removed. Whatever a running build or a product in its output directory needs is kept. See docs/store.md.
`;

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const hours: Readonly<Record<string, number>> = { h: 1, d: 24, w: 7 * 24 };

/** Bytes of `500M`, `20G`, `1.5T`; units are powers of 1,024. */
export function size(text: string): number {
  const [, number = '', unit = ''] = /^([0-9]{1,6}(?:\.[0-9]{1,3})?)([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It must be a size such as 500M, 20G or 1.5T.');
  return Math.round(Number(number) * (units[unit.toUpperCase()] ?? 1));
}

/** Milliseconds of `12h`, `30d`, `8w`. */
export function time(text: string): number {
  const [, number = '', unit = ''] = /^([0-9]{1,5})([hdw])$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It must be a time such as 12h, 30d or 8w.');
  return Number(number) * (hours[unit] ?? 1) * 3_600_000;
}
