/**
 * What the cross compiler behind a guest is worth: GNU make's own build in the guest, with distcc and without, and where the
 * time goes that is left. Everything in one run of one guest, on two cores of this machine; only the ratios are somebody
 * else's too.
 *
 *     ./bootstrap ARCH && node src/start/run.mjs bench/distcc.ts [ARCH]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { place } from '../src/core/place.ts';

const { repository } = place();
const [arch = 'armv5l'] = process.argv.slice(2);

/** What the guest does. It leaves lines of WAY STEP SECONDS. */
const init = `#!/bin/sh
set -eu
cd /home
tar -czf make.tar.gz -C /mnt/sources make
now() { cut -d ' ' -f 1 /proc/uptime; }
# measure WAY STEP COMMAND...
measure() {
  echo "$1 $2"
  from=$(now)
  ( shift 2; "$@" ) >log 2>&1 || { tail -n 20 log; exit 1; }
  echo "$from $(now)" | awk -v what="$1 $2" '{ print what, $2 - $1 }' >>/upload/times
}
unpack() {
  rm -rf make
  tar -xzf make.tar.gz
  # The release as distributions ship it lacks its manual, of which configure and make want to see something.
  mkdir -p make/doc
  echo 'all check install:' >make/doc/Makefile.in
  : >make/doc/make.1
  touch -r make/configure make/doc/Makefile.in make/doc/make.1
}
configure() { cd make && ./configure --disable-nls --disable-dependency-tracking --without-guile; }
compile() { cd make && make -j "$jobs" "$@"; }
# Some of the sources again, with warnings: what the server's compiler complains about is compiled in the guest once more.
warned='src/main.c src/read.c src/job.c src/function.c src/implicit.c src/variable.c'
warn() { cd make && touch $warned && make -j "$jobs" CFLAGS='-g -O2 -Wall -Wextra'; }
jobs=\${DISTCC_HOSTS##*/}
accelerated=$PATH
alone=\${PATH#/toolchain/distcc:}
[ "$accelerated" != "$alone" ]

# So that no way finds the compiler's programs in memory and the other does not.
echo 'int main(void) { return 0; }' >warm.c
for PATH in "$alone" "$accelerated"; do gcc -c -O2 -g warm.c && gcc warm.o -o warm && ar cr warm.a warm.o; done

for way in without with; do
  case $way in
    with) PATH=$accelerated ;;
    without) PATH=$alone ;;
  esac
  measure $way unpack unpack
  measure $way configure configure
  measure $way compile compile
  measure $way check make/make --version
  measure $way warn warn
  grep -c warning: log | sed "s/^/$way warnings /" >>/upload/times
done

# Parts of the compile step: what make and the shell do by themselves, and with the preprocessor.
cat >nothing <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in -o) : >"$2" ;; esac
  shift
done
END
cat >preprocessor <<'END'
#!/bin/sh
case " $* " in
  *' -c '*) exec gcc -E "$@" ;;
  *) exec /home/nothing "$@" ;;
esac
END
chmod +x nothing preprocessor
PATH=$alone
for part in nothing preprocessor; do
  unpack
  ( configure >/dev/null 2>&1 )
  measure part $part compile CC=/home/$part
done
unpack
( configure ) >/dev/null 2>&1
( compile ) >/dev/null 2>&1
rm make/make
measure part link compile
`;

const directory = mkdtempSync(join(tmpdir(), 'bench-distcc-'));
const upload = join(directory, 'results');
const times = new Map<string, number>();
try {
  const control = join(directory, 'gnu-make');
  mkdirSync(control);
  writeFileSync(join(control, 'control.json'), '{ "sources": ["make"] }\n');
  writeFileSync(join(control, 'init'), init, { mode: 0o755 });
  const cores = availableParallelism();
  const onTwoCores = cores > 2 ? ['taskset', '-c', '0,1'] : [];
  const [program = '', ...argv] = [
    ...onTwoCores,
    ...['./bootstrap', 'native-build', arch, control, '--upload', upload],
  ];
  const { status } = spawnSync(program, argv, { cwd: repository, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    const measured = existsSync(join(upload, 'times')) ? readFileSync(join(upload, 'times'), 'utf8') : '';
    throw new Error(`the guest's build ended with ${String(status)}; it measured\n${measured}`);
  }
  if (cores < 2) console.log('This machine has one core: the cross compiler and the emulator take turns.');
  for (const line of readFileSync(join(upload, 'times'), 'utf8').trim().split('\n')) {
    const [way = '', step = '', seconds] = line.split(' ');
    times.set(`${way} ${step}`, Number(seconds));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function time(name: string): number {
  const found = times.get(name);
  if (found === undefined) throw new Error(`the guest did not measure ${name}`);
  return found;
}
const steps = ['unpack', 'configure', 'compile'] as const;
const whole = (way: string) => steps.reduce((sum, step) => sum + time(`${way} ${step}`), 0);

function compare(name: string, without: number, withDistcc: number): void {
  const seconds = `${without.toFixed(1)} s without, ${withDistcc.toFixed(1)} s with`;
  console.log(
    `${name.padEnd(10)} ${(without / withDistcc).toFixed(1).padStart(5)} times as fast (${seconds} here)`,
  );
}
console.log(`GNU make in a guest of ${arch}:`);
for (const step of steps) compare(step, time(`without ${step}`), time(`with ${step}`));
compare('whole', whole('without'), whole('with'));
if (time('without warnings') !== time('with warnings')) {
  throw new Error(
    `${time('without warnings')} warnings without distcc, and ${time('with warnings')} with it`,
  );
}
console.log(`Six of its files with -Wall -Wextra, and ${time('without warnings')} lines of warnings:`);
compare('warn', time('without warn'), time('with warn'));

const compile = time('with compile');
const own = time('part nothing');
const preprocessing = time('part preprocessor') - own;
const linking = time('part link');
const parts = {
  'make and the shell': own,
  preprocessing,
  linking,
  'distcc, the network, and waiting for the other core': compile - own - preprocessing - linking,
};
console.log('Of the compile step with distcc:');
for (const [name, seconds] of Object.entries(parts)) {
  console.log(`${((100 * seconds) / compile).toFixed(0).padStart(4)} %  ${name}`);
}
