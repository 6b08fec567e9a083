import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import workers from 'node:worker_threads';
import { answers } from '../../src/core/foreign-programs.ts';

function refuse(): never {
  throw new Error(
    'This test starts a process or a thread. Tests that do so stand in files named *.process.test.ts.',
  );
}

// Pure tests share one process, module by module, and all of them take seconds.
const starters = ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const;
for (const name of starters) Object.assign(childProcess, { [name]: refuse });
Object.assign(workers, { Worker: refuse });
syncBuiltinESMExports();
// Plans are those of a machine that runs programs of i686 too, whatever this one does.
answers.set('i686', true);
