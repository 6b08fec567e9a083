import { InvalidArgumentError, type Command } from 'commander';
import { inStore } from './options.ts';
import type { Session } from './session.ts';

/** `bootstrap store …`: what one does with the store beside building in it. */
export function storeCommands(
  command: (name: string, summary: string) => Command,
  session: Session,
  done: (code: number) => void,
): void {
  const store = command('store', 'say what takes room in the store, check it, and remove what is not needed');
  const own = (name: string, summary: string): Command =>
    inStore(store.command(name).summary(summary).description(summary).copyInheritedSettings(store));

  own('gc', 'remove what was not used for long, or until the store is small enough')
    .option('--older-than <TIME>', 'what was not used for this long: 12h, 30d, 8w', time)
    .option('--max-size <SIZE>', 'until the store takes no more than this: 500M, 20G', size)
    .option('--dry-run', 'say what would go, and remove nothing')
    .addHelpText('after', gcHelp)
    .action(async (options: { store?: string; olderThan?: number; maxSize?: number; dryRun?: boolean }) => {
      const { storeGcCommand } = await import('./store-command.ts');
      done(await storeGcCommand(session, options));
    });
  own('du', 'say what takes room, by kind and by stage')
    .option('--json', 'as JSON, by action too')
    .action(async (options: { store?: string; json?: boolean }) => {
      const { storeDuCommand } = await import('./store-command.ts');
      done(await storeDuCommand(session, options.store, options.json ?? false));
    });
  own('verify', 'read every tree, blob, result and archive in full, and report damage')
    .option('--repair', 'throw away what is damaged, so that it is made or fetched again')
    .action(async (options: { store?: string; repair?: boolean }) => {
      const { storeVerifyCommand } = await import('./store-command.ts');
      done(await storeVerifyCommand(session, options.store, options.repair ?? false));
    });
  own('limit', 'say or set how much room the store may take after a build')
    .argument('[SIZE]', '20G, or `none` (default: say what it is)', (text) =>
      text === 'none' ? text : size(text),
    )
    .action(async (limit: number | 'none' | undefined, options: { store?: string }) => {
      const { storeLimitCommand } = await import('./store-command.ts');
      done(await storeLimitCommand(session, options.store, limit));
    });
}

const gcHelp = `
With neither option the store's limit holds (\`bootstrap store limit\`); where it has none, scratch outputs alone go. What
a running build or a product in its output directory needs stays. docs/store.md tells more.
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
