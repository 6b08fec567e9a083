import { listGuests, processId, type Guest } from '../guest/state.ts';
import { openGuests } from './guests.ts';
import type { ExitCode } from './exit-code.ts';
import { explain, type Session } from './session.ts';

/** `bootstrap ps`: the guests in the background. */
export async function psCommand(
  session: Session,
  options: { readonly json: boolean; readonly store?: string },
): Promise<ExitCode> {
  const state = await openGuests(session, options.store);
  if (!state.ok) return explain(session, state.failure);
  const rows = (await listGuests(state.value)).map(row);
  session.out(options.json ? `${JSON.stringify(rows, undefined, 2)}\n` : table(rows));
  return 0;
}

function row(guest: Guest) {
  const { name, arch, state, port, since, image } = guest;
  return { name, arch, state, pid: processId(guest), port, since, image };
}

function table(rows: readonly ReturnType<typeof row>[]): string {
  if (rows.length === 0) return 'no guest is running\n';
  const columns = ['name', 'arch', 'state', 'pid', 'port', 'since', 'image'] as const;
  const lines = [
    columns.map((column) => column.toUpperCase()),
    ...rows.map((it) => columns.map((column) => String(it[column]))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
