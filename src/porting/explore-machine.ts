import type { Failure } from '../core/failure.ts';
import { nearest } from '../core/nearest.ts';
import { failed, ok, type Result } from '../core/result.ts';
import { machineName, machineNames } from '../emulator/arguments.ts';
import { isOutOfMemory } from '../emulator/complaint.ts';
import { findLimit, type Taken } from '../emulator/limit.ts';
import { listFrom } from '../emulator/paused.ts';
import type { MachineFacts, NewArch } from './draft.ts';
import { plenty, startWith } from './emulator-findings.ts';

/** Inspects a machine of the emulator. Fails if it does not exist or does not start. */
export async function exploreMachine(program: string, told: NewArch): Promise<Result<MachineFacts, Failure>> {
  const machines = machineNames(await listFrom(program, ['-M', 'help']));
  if (!machines.includes(machineName(told.machine))) {
    const near = nearest(told.machine, machines);
    const hint = `${near.length > 0 ? `The nearest are ${near.join(', ')}` : `It has ${machines.join(' ')}`}; nothing was written.`;
    const why = `${told.emulator} has no such machine`;
    return failed({ reason: 'bad-option', option: '--machine', value: told.machine, why, hint });
  }
  const base = [
    ...['-M', told.machine, ...(told.cpu === undefined ? [] : ['-cpu', told.cpu])],
    ...['-nographic', '-nic', 'none', '-vga', 'none'],
  ];
  const withoutScreen = await startWith(program, base);
  // Some machines without a graphics card reject the option for having none.
  const args = withoutScreen.ok ? base : base.slice(0, -2);
  const started = withoutScreen.ok ? withoutScreen : await startWith(program, args);
  if (!started.ok) {
    const [option, value] = told.cpu === undefined ? ['--machine', told.machine] : ['--cpu', told.cpu];
    const why = `${told.emulator} does not start: ${started.failure}`;
    const hint = 'Change --machine or --cpu, or install what it needs; nothing was written.';
    return failed({ reason: 'bad-option', option, value, why, hint });
  }
  // A machine that has both channel I/O and PCI is meant to use channel I/O.
  let virtio: MachineFacts['virtio'];
  for (const bus of ['ccw', 'pci', 'device'] as const) {
    const attached = await startWith(program, [...args, '-device', `virtio-rng-${bus}`]);
    if (!attached.ok) continue;
    virtio = bus;
    break;
  }
  const tryMemory = async (memory: number): Promise<Taken> => {
    const taken = await startWith(program, [...args, '-m', String(memory)]);
    if (taken.ok) return 'taken';
    return isOutOfMemory(taken.failure) ? 'too much for this host' : 'refused';
  };
  const limited = (await tryMemory(plenty)) === 'refused';
  const memoryLimit = limited ? await findLimit(1, plenty, tryMemory) : undefined;
  return ok({
    devices: started.value.devices,
    ...(virtio === undefined ? {} : { virtio }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  });
}
