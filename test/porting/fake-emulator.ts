import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryDirectory } from '../cli/rig.ts';

/** A board as a faked emulator has it. */
export interface FakeBoard {
  /** Names of machines. */
  readonly machines: readonly string[];
  readonly cpus: readonly string[];
  /** MiB; more is refused. */
  readonly limit: number;
  readonly networks: readonly string[];
  /** Devices that attach. */
  readonly devices: readonly string[];
  /** Lines of its device tree. */
  readonly tree: readonly string[];
  /** Option ROM of virtio network cards that is not installed. */
  readonly missingRom?: string;
  /** Whether it warns that `-nic` has made no card, and goes on. */
  readonly noCard?: boolean;
}

export const fakeBoard: FakeBoard = {
  machines: ['versatilepb', 'vexpress-a9', 'virt'],
  cpus: ['arm926', 'arm1176', 'cortex-a57'],
  limit: 256,
  networks: ['smc91c111', 'virtio-net-pci'],
  devices: ['virtio-rng-pci', 'virtio-blk-pci', 'virtio-9p-pci'],
  tree: ['dev: pl011, id ""', 'dev: pl031, id ""', 'dev: versatile_pci_host, id ""'],
};

/** Puts an emulator that runs nothing into a directory of its own; gives that, for PATH. */
export function fakeEmulator(program: string, board: FakeBoard): string {
  const directory = path.join(temporaryDirectory(), 'bin');
  mkdirSync(directory);
  const script = `#!${process.execPath}
const board = ${JSON.stringify(board)};
${fakeProgram}`;
  writeFileSync(path.join(directory, program), script, { mode: 0o755 });
  return directory;
}

/** Speaks as much of the emulator's language as a look at a machine takes. */
const fakeProgram = `
const { createServer } = require('node:net');
const argv = process.argv.slice(2);
const say = (text) => process.stdout.write(text + '\\n');
const die = (text) => { process.stderr.write('qemu-system-fake: ' + text + '\\n'); process.exit(1); };
const all = (option) => argv.flatMap((word, index) => (word === option ? [argv[index + 1]] : []));
if (argv.includes('--version')) { say('QEMU emulator version 7.2.99 (fake)'); process.exit(0); }
if (all('-cpu').includes('help')) { say('Available CPUs:'); board.cpus.forEach((cpu) => say('  ' + cpu)); process.exit(0); }
const [machine] = all('-M');
if (machine === 'help') { say('Supported machines are:'); board.machines.forEach((name) => say(name.padEnd(20) + ' a board')); process.exit(0); }
if (all('-nic').includes('user,model=help')) { say('Supported NIC models:'); board.networks.forEach(say); process.exit(0); }
if (!board.machines.includes(machine.split(',')[0])) die('unsupported machine type');
for (const cpu of all('-cpu')) if (!board.cpus.includes(cpu)) die("unable to find CPU model '" + cpu + "'");
const memory = Number(all('-m')[0] ?? 128);
if (memory > board.limit) die(machine + ': memory size must not exceed ' + board.limit + 'MB');
for (const nic of all('-nic')) {
  const model = (/model=([^,]+)/.exec(nic) ?? [])[1];
  if (model === undefined) continue;
  if (!board.networks.includes(model)) die('Unsupported NIC model: ' + model);
  if (board.missingRom !== undefined && !all('-global').includes(model + '.romfile='))
    die('-nic ' + nic + ': failed to find romfile "' + board.missingRom + '"');
}
if (board.noCard) process.stderr.write('qemu-system-fake: warning: requested NIC (anonymous) was not created (not supported by this machine?)\\n');
for (const device of all('-device')) {
  const model = device.split(',')[0];
  if (!board.devices.includes(model)) die('-device ' + device + ": '" + model + "' is not a valid device model name");
}
const socket = all('-qmp')[0].replace(/^unix:([^,]*).*/, '$1');
createServer((client) => {
  client.write('{"QMP": {}}\\n');
  client.on('error', () => undefined).on('data', (text) => {
    for (const line of String(text).split('\\n').filter((part) => part !== '')) {
      const { execute, id } = JSON.parse(line);
      const answers = {
        'query-memory-size-summary': { 'base-memory': memory * 1024 * 1024 },
        'human-monitor-command': board.tree.join('\\n'),
      };
      client.write(JSON.stringify({ return: answers[execute] ?? {}, id }) + '\\n');
    }
  });
}).listen(socket);
`;
