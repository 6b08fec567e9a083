import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuNames, machineName, machineNames, trialArguments, type Trial } from '../emulator/arguments.ts';
import { firmwarePackage, isOutOfMemory, readComplaint } from '../emulator/complaint.ts';
import { findLimit, type Taken } from '../emulator/limit.ts';
import { listFrom, lookAtMachine, type PausedMachine } from '../emulator/paused.ts';
import { emulatorVersion } from '../emulator/version.ts';
import { failed, type Result } from '../core/result.ts';
import type { Arch } from '../inputs/arch.ts';
import { nearest } from '../core/nearest.ts';
import { finding, type Finding } from './finding.ts';

/** MiB to request from a machine without a limit. */
export const plenty = 2048;

/** An arch's emulator on this machine. */
export interface Emulator {
  /** Absolute path of the program. */
  readonly program: string;
  /** Directory of a built image, for its kernel. Undefined: none is built. */
  readonly image?: string;
}

/** Checks whether the machine exists, starts, and accepts what the descriptor attaches. Nothing is run in it. */
export async function emulatorFindings(arch: Arch, emulator: Emulator): Promise<readonly Finding[]> {
  const wanted = arch.emulator;
  const version = await emulatorVersion(emulator.program);
  const findings = [finding.ok('emulator.program', wanted.program, `version ${version}`)];
  const machines = machineNames(await listFrom(emulator.program, ['-M', 'help']));
  const name = machineName(wanted.machine);
  if (!machines.includes(name)) {
    const near = nearest(name, machines);
    const known = near.length > 0 ? `the nearest are ${near.join(', ')}` : `it has ${machines.join(' ')}`;
    const message = `${wanted.program} ${version} has no such machine; ${known}`;
    return [...findings, finding.fault('emulator.machine', wanted.machine, message)];
  }
  const trials = new Trials(arch, emulator);
  const base = await trials.start({ memory: wanted.memory.preset });
  if (!base.ok) return [...findings, await complaintFinding(arch, emulator, base.failure)];
  // Only a warning of the emulator, which starts a machine without a network card.
  if (/was not created|has no peer/.test(base.value.said)) {
    const message =
      'the machine attaches no card for `-nic` and starts without a network; set emulator.networkBy to "device"';
    return [...findings, finding.fault('emulator.network', wanted.network, message)];
  }
  findings.push(
    finding.ok(
      'emulator.machine',
      wanted.machine,
      `starts paused with its network and ${String(wanted.memory.preset)} MiB${trials.note}`,
    ),
  );
  findings.push(...(await attachmentFindings(arch, emulator, trials)));
  findings.push(...(await memoryFindings(arch, trials)));
  findings.push(...(await processorFindings(arch, trials)));
  return findings;
}

/** Starts a machine repeatedly; without a kernel if there is none. */
class Trials {
  /** How the start differed from that by run-emulator.sh, for messages; empty if it did not. */
  note = '';
  readonly #arch: Arch;
  readonly #emulator: Emulator;
  /** Some boards cannot be started without a kernel, unless nothing can ever run in them. */
  #inert: readonly string[] = [];

  constructor(arch: Arch, emulator: Emulator) {
    this.#arch = arch;
    this.#emulator = emulator;
    if (emulator.image === undefined) this.note = ' (without a kernel: none is built)';
  }

  async start(
    trial: Omit<Trial, 'image'>,
    more: readonly string[] = [],
  ): Promise<Result<PausedMachine, string>> {
    const { program, image } = this.#emulator;
    const args = [
      ...trialArguments(this.#arch, { ...trial, ...(image === undefined ? {} : { image }) }),
      ...more,
    ];
    const started = await lookAtMachine(program, [...args, ...this.#inert]);
    if (started.ok || image !== undefined || this.#inert.length > 0) return started;
    const { about } = readComplaint(started.failure);
    if (about !== 'kernel' && about !== 'firmware') return started;
    const inert = ['-accel', 'qtest'];
    const again = await lookAtMachine(program, [...args, ...inert]);
    // The message without a processor is no clearer.
    if (!again.ok) return about === 'firmware' ? started : again;
    this.#inert = inert;
    this.note = ` (without a kernel, and so without firmware${about === 'firmware' ? `; without a kernel it says: ${started.failure}` : ''})`;
    return again;
  }

  async tryMemory(memory: number): Promise<Taken> {
    const started = await this.start({ memory });
    if (started.ok) return 'taken';
    return isOutOfMemory(started.failure) ? 'too much for this host' : 'refused';
  }
}

/** Why a machine does not start, with the field at fault. */
async function complaintFinding(arch: Arch, { program }: Emulator, said: string): Promise<Finding> {
  const { emulator } = arch;
  const complaint = readComplaint(said);
  const { text } = complaint;
  switch (complaint.about) {
    case 'machine':
      return finding.fault('emulator.machine', emulator.machine, text);
    case 'cpu': {
      const known = cpuNames(await listFrom(program, ['-M', machineName(emulator.machine), '-cpu', 'help']));
      const near = nearest(emulator.cpu ?? '', known);
      const hint =
        near.length > 0
          ? `; the nearest are ${near.join(', ')}`
          : `; ${emulator.program} -cpu help lists them`;
      return finding.fault('emulator.cpu', emulator.cpu ?? '', `${text}${hint}`);
    }
    case 'memory': {
      const { preset } = emulator.memory;
      return finding.fault(
        'emulator.memory.preset',
        String(preset),
        `the machine does not accept it: ${text}`,
      );
    }
    case 'firmware': {
      const wanted = `needs the firmware ${complaint.file}; on Debian: apt-get install ${firmwarePackage(complaint.file)}`;
      if (complaint.option === undefined)
        return finding.missing('emulator.machine', emulator.machine, wanted);
      const { field, value } = fieldOf(arch, complaint.option);
      const device = /(?:model=|-device )([\w-]+)/.exec(complaint.option)?.[1] ?? emulator.network;
      const without = `\nor avoid it: '-global', '${device}.romfile=' in emulator.arguments`;
      return finding.missing(field, value, complaint.file.endsWith('.rom') ? `${wanted}${without}` : wanted);
    }
    case 'device': {
      const { field, value } = fieldOf(arch, complaint.device);
      if (field === 'emulator.network') {
        const args = ['-M', machineName(emulator.machine), '-nic', 'user,model=help'];
        const known = (await listFrom(program, args))
          .split('\n')
          .slice(1)
          .filter((line) => line !== '');
        const near = nearest(value, known);
        const list = near.length > 0 ? `the nearest are ${near.join(', ')}` : `it accepts ${known.join(' ')}`;
        return finding.fault(field, value, `the machine does not accept it: ${text}; ${list}`);
      }
      const buses = ['pci', 'device', 'ccw'].filter((bus) => bus !== emulator.virtio);
      const hint = field === 'emulator.virtio' ? `\n${buses.join(' or ')} may be right` : '';
      return finding.fault(field, value, `the machine does not accept ${complaint.device}: ${text}${hint}`);
    }
    case 'kernel':
    case 'other': {
      const { field, value } = fieldOf(arch, text);
      return finding.fault(field, value, `the emulator says: ${text}`);
    }
  }
}

/** The field to which a part of a message refers. */
function fieldOf({ emulator }: Arch, text: string): { readonly field: string; readonly value: string } {
  const index = emulator.arguments.findIndex(
    (argument) => !argument.startsWith('-') && text.includes(argument),
  );
  if (text.includes(emulator.network)) return { field: 'emulator.network', value: emulator.network };
  if (/virtio-(blk|9p|rng)-/.test(text)) return { field: 'emulator.virtio', value: emulator.virtio };
  if (index >= 0)
    return { field: `emulator.arguments[${String(index)}]`, value: emulator.arguments[index] ?? '' };
  return { field: 'emulator.arguments', value: emulator.arguments.join(' ') };
}

async function attachmentFindings(
  arch: Arch,
  emulator: Emulator,
  trials: Trials,
): Promise<readonly Finding[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'attached-'));
  try {
    const disk = path.join(directory, 'disk');
    const blank = await open(disk, 'wx');
    await blank.truncate(1024 ** 2);
    await blank.close();
    const memory = arch.emulator.memory.preset;
    const started = await trials.start({ memory, attach: { disk, directory } });
    if (!started.ok) return [await complaintFinding(arch, emulator, started.failure)];
    const { virtio } = arch.emulator;
    return [
      finding.ok(
        'emulator.virtio',
        virtio,
        `disks and folders attach (virtio-blk-${virtio}, virtio-9p-${virtio})`,
      ),
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function memoryFindings(arch: Arch, trials: Trials): Promise<readonly Finding[]> {
  const { preset, limit } = arch.emulator.memory;
  const tryMemory = (memory: number): Promise<Taken> => trials.tryMemory(memory);
  if (limit === undefined) {
    const taken = preset >= plenty ? 'taken' : await tryMemory(plenty);
    if (taken === 'taken')
      return [finding.ok('emulator.memory', '', `no limit, and ${String(plenty)} MiB are accepted`)];
    if (taken === 'too much for this host') return [];
    const most = await findLimit(preset, plenty, tryMemory);
    return [
      finding.fault(
        'emulator.memory.limit',
        '',
        `the machine supports at most ${String(most)} MiB; write limit: ${String(most)}`,
      ),
    ];
  }
  const value = String(limit);
  const atLimit = limit === preset ? 'taken' : await tryMemory(limit);
  if (atLimit === 'refused') {
    const most = await findLimit(preset, limit, tryMemory);
    return [
      finding.fault(
        'emulator.memory.limit',
        value,
        `the machine supports at most ${String(most)} MiB; write ${String(most)}`,
      ),
    ];
  }
  if (atLimit !== 'taken') return [];
  const above = await tryMemory(limit + 1);
  return above === 'refused'
    ? [finding.ok('emulator.memory.limit', value, 'the machine refuses one MiB more')]
    : [
        finding.note(
          'emulator.memory.limit',
          value,
          'the machine itself supports more: the limit is that of the kernel or the board',
        ),
      ];
}

/** For an arch that has no machine yet: whether one with this bus starts. */
export async function startWith(
  program: string,
  args: readonly string[],
): Promise<Result<PausedMachine, string>> {
  const started = await lookAtMachine(program, args);
  if (started.ok) return started;
  const { about } = readComplaint(started.failure);
  if (about !== 'kernel' && about !== 'firmware') return failed(started.failure);
  const again = await lookAtMachine(program, [...args, '-accel', 'qtest']);
  return again.ok || about === 'kernel' ? again : failed(started.failure);
}

async function processorFindings({ emulator }: Arch, trials: Trials): Promise<readonly Finding[]> {
  const { processors, memory } = emulator;
  if (processors === undefined) return [];
  const field = 'emulator.processors';
  const started = await trials.start({ memory: memory.preset }, ['-smp', String(processors)]);
  if (started.ok) return [finding.ok(field, String(processors), 'the machine accepts so many')];
  return [
    finding.fault(
      field,
      String(processors),
      `the machine does not accept so many: ${started.failure.trim()}`,
    ),
  ];
}
