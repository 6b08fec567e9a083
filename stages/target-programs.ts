import type { Action, Ref } from '../src/plan/action.ts';
import { run, shell, write, type ActionSpec } from '../src/plan/builder.ts';
import { baseEnvironment, buildAction, type PlanInputs, source } from './inputs.ts';
import { commandPrefix, compilerVariables, machineTrees, type Toolchain } from './toolchain.ts';

/** What the programs of the root filesystem are built with. */
export interface TargetTools {
  /** The stage-1 compiler for the target, as tool trees. */
  readonly crossTools: readonly Ref[];
  /** Compiles instead of `crossTools`. */
  readonly toolchain?: Toolchain | undefined;
  /** Shell, make and utilities of the build machine. bash is among them: toybox's scripts want it. */
  readonly base: readonly Ref[];
}

/** What the actions have in common: the machine's compiler is there for the generators that they run. */
function targetAction(
  inputs: PlanInputs,
  using: TargetTools,
  program: string,
  spec: Pick<ActionSpec, 'commands' | 'env' | 'weight'>,
): Action {
  return buildAction(inputs, {
    name: `root-filesystem-${inputs.target.name}/${program}`,
    description: `${program} for ${inputs.target.name}, static`,
    tools: [...using.base, ...using.crossTools],
    inputs: { '/': machineTrees(using.toolchain), '/src': { writable: [source(inputs, program)] } },
    outputs: { out: '/out' },
    ...spec,
    env: { ...baseEnvironment(inputs), ...spec.env },
  });
}

/**
 * Beyond busybox's defaults. Its SHA acceleration compiles for Intel's processors alone, and its `tc` not with
 * headers of newer kernels.
 */
const busyboxSymbols = {
  STATIC: 'y',
  SHA1_HWACCEL: 'n',
  SHA256_HWACCEL: 'n',
  TC: 'n',
} as const;

/** busybox with all of its commands as links to it. */
export function targetBusybox(inputs: PlanInputs, using: TargetTools): Action {
  const edits = Object.entries(busyboxSymbols).map(([name, value]) => {
    const line = value === 'n' ? `# CONFIG_${name} is not set` : `CONFIG_${name}=${value}`;
    return `s/^\\(# \\)\\{0,1\\}CONFIG_${name}[ =].*/${line}/`;
  });
  const cross = `CROSS_COMPILE=${commandPrefix(inputs.target, using.toolchain)}`;
  return targetAction(inputs, using, 'busybox', {
    commands: [
      run(['make', 'defconfig'], { cwd: '/src' }),
      run(['sed', '-i', ...edits.flatMap((edit) => ['-e', edit]), '.config'], { cwd: '/src' }),
      shell(`yes '' | make oldconfig`, { cwd: '/src' }),
      run(['make', cross, 'busybox', 'busybox.links'], { cwd: '/src' }),
      run(['make', cross, 'install', 'CONFIG_PREFIX=/out'], { cwd: '/src' }),
      // A name by which kernels of the 1990s started an init.
      run(['rm', '/out/linuxrc']),
    ],
    weight: 45,
  });
}

/** Commands of toybox that call crypt(), which not every C library has. busybox has its own, and these commands too. */
const cryptCommands = ['LOGIN', 'MKPASSWD', 'PASSWD', 'SU'];

const withoutCrypt = run(
  [
    'sed',
    '-i',
    ...cryptCommands.flatMap((name) => ['-e', `s/^CONFIG_${name}=y$/# CONFIG_${name} is not set/`]),
    '.config',
  ],
  { cwd: '/src' },
);

/** toybox with all of its finished commands as links to it. */
export function targetToybox(inputs: PlanInputs, using: TargetTools): Action {
  return targetAction(inputs, using, 'toybox', {
    env: {
      CC: 'gcc',
      HOSTCC: 'gcc',
      CROSS_COMPILE: commandPrefix(inputs.target, using.toolchain),
      LDFLAGS: '-static',
      PREFIX: '/out',
      // Its script knows no jobserver.
      CPUS: '1',
    },
    commands: [
      run(['make', 'defconfig'], { cwd: '/src' }),
      ...(using.toolchain === undefined ? [] : [withoutCrypt]),
      run(['make', 'toybox'], { cwd: '/src' }),
      run(['make', 'install'], { cwd: '/src' }),
    ],
    weight: 40,
  });
}

/** What bash's configure would find out by running programs of the target. */
const bashAnswers = {
  bash_cv_dev_fd: 'standard',
  bash_cv_dev_stdin: 'present',
  bash_cv_dup2_broken: 'no',
  bash_cv_fnmatch_equiv_fallback: 'no',
  bash_cv_func_sigsetjmp: 'present',
  bash_cv_func_snprintf: 'yes',
  bash_cv_func_strcoll_broken: 'no',
  bash_cv_func_vsnprintf: 'yes',
  bash_cv_getcwd_malloc: 'yes',
  // Its own getenv and putenv would meet those of a static libc.
  bash_cv_getenv_redef: 'no',
  bash_cv_job_control_missing: 'present',
  bash_cv_mail_dir: '/var/mail',
  bash_cv_must_reinstall_sighandlers: 'no',
  bash_cv_opendir_not_robust: 'no',
  bash_cv_pgrp_pipe: 'no',
  bash_cv_printf_a_format: 'yes',
  bash_cv_sys_named_pipes: 'present',
  bash_cv_ulimit_maxfds: 'yes',
  bash_cv_unusable_rtsigs: 'no',
  bash_cv_wcontinued_broken: 'no',
  bash_cv_wexitstatus_offset: '8',
} as const;

/** bash, `/out/bin/bash` and nothing else. */
export function targetBash(inputs: PlanInputs, using: TargetTools): Action {
  const { triple } = using.toolchain ?? inputs.target;
  const prefix = commandPrefix(inputs.target, using.toolchain);
  return targetAction(inputs, using, 'bash', {
    env: {
      ...bashAnswers,
      ...compilerVariables(using.toolchain),
      CC_FOR_BUILD: 'gcc',
      // lib/termcap calls write() undeclared, which is an error since gcc 14.
      CFLAGS: '-Os -Wno-error=implicit-function-declaration',
    },
    commands: [
      // The original measures a pipe of the build machine, which may be small that day.
      write('/src/builtins/psize.sh', 'echo "#define PIPESIZE 65536"\n', 0o755),
      run([
        '/src/configure',
        `--build=${inputs.build.cpu}-buildmachine-linux-gnu`,
        `--host=${triple}`,
        '--prefix=/usr',
        '--enable-static-link',
        '--without-bash-malloc',
        '--disable-nls',
      ]),
      run(['make', 'bash']),
      run(['mkdir', '-p', '/out/bin']),
      run([`${prefix}strip`, '-o', '/out/bin/bash', 'bash']),
    ],
    weight: 60,
  });
}

/**
 * dropbear is the guest's end of the command channel: keys only, one kind of each, and it forwards nothing. Its sizes
 * are for commands as long as Linux takes them, for quick streams, and for many who come at once from one address, as
 * everybody does through the emulator's network.
 */
const dropbearOptions = {
  INETD_MODE: 0,
  DROPBEAR_REEXEC: 0,
  DROPBEAR_SMALL_CODE: 0,
  DROPBEAR_SVR_LOCALTCPFWD: 0,
  DROPBEAR_SVR_REMOTETCPFWD: 0,
  DROPBEAR_SVR_LOCALSTREAMFWD: 0,
  DROPBEAR_SVR_AGENTFWD: 0,
  DROPBEAR_SFTPSERVER: 0,
  DROPBEAR_SVR_PASSWORD_AUTH: 0,
  DROPBEAR_SVR_PUBKEY_OPTIONS: 0,
  DROPBEAR_RSA: 0,
  DROPBEAR_ECDSA: 0,
  DROPBEAR_SK_KEYS: 0,
  DROPBEAR_DELAY_HOSTKEY: 0,
  DROPBEAR_DH_GROUP14_SHA256: 0,
  DROPBEAR_ECDH: 0,
  DROPBEAR_SNTRUP761: 0,
  DROPBEAR_MLKEM768: 0,
  DROPBEAR_AES128: 0,
  DROPBEAR_USER_ALGO_LIST: 0,
  DO_MOTD: 0,
  DEFAULT_RECV_WINDOW: 262144,
  MAX_CMD_LEN: 131072,
  RECV_MAX_PAYLOAD_LEN: 139264,
  MAX_UNAUTH_PER_IP: 64,
  MAX_UNAUTH_CLIENTS: 64,
  AUTH_TIMEOUT: 120,
  DROPBEAR_PIDFILE: '"/run/dropbear.pid"',
} as const;

/** dropbear's server, `/out/usr/sbin/dropbear`. */
export function targetDropbear(inputs: PlanInputs, using: TargetTools): Action {
  const { triple } = using.toolchain ?? inputs.target;
  const prefix = commandPrefix(inputs.target, using.toolchain);
  const options = Object.entries(dropbearOptions).map(([name, value]) => `#define ${name} ${value}\n`);
  return targetAction(inputs, using, 'dropbear', {
    env: { ...compilerVariables(using.toolchain), CFLAGS: '-O2' },
    commands: [
      write('/build/localoptions.h', options.join('')),
      run([
        '/src/configure',
        `--build=${inputs.build.cpu}-buildmachine-linux-gnu`,
        `--host=${triple}`,
        '--prefix=/usr',
        '--enable-static',
        '--enable-bundled-libtom',
        // Position-independent static programs are not for every target.
        '--disable-harden',
        '--disable-zlib',
        '--disable-shadow',
        '--disable-syslog',
        '--disable-lastlog',
        '--disable-utmp',
        '--disable-utmpx',
        '--disable-wtmp',
        '--disable-wtmpx',
        '--disable-loginfunc',
        '--disable-pututline',
        '--disable-pututxline',
      ]),
      run(['make', 'PROGRAMS=dropbear']),
      run(['mkdir', '-p', '/out/usr/sbin']),
      run([`${prefix}strip`, '-o', '/out/usr/sbin/dropbear', 'dropbear']),
    ],
    weight: 40,
  });
}
