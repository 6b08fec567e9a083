/** Results of others by way of nginx, with WebDAV: as it comes, and with certificates on both sides. */
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository, runProgram } from '../real/built.ts';

const work = mkdtempSync(path.join(tmpdir(), 'bootstrap-nginx-'));
const files = path.join(work, 'files');
const place = (...parts: readonly string[]): string => path.join(work, ...parts);
let ports: readonly number[] = [];
let server: ReturnType<typeof spawn> | undefined;
let writer = '';

/** Two actions that take a minute: the shell and make that everything else is built with. */
const wanted = ['armv5l', '--host', 'i686', '--only-action', 'host-tools/make'];

beforeAll(async () => {
  ports = [await freePort(), await freePort()];
  for (const name of ['files', 'tmp', 'keys']) mkdirSync(place(name));
  makeCertificates();
  writeFileSync(place('nginx.conf'), configuration());
  const [program, ...argv] = ['nginx', '-e', place('errors'), '-c', place('nginx.conf'), '-g', 'daemon off;'];
  server = spawn(program, argv, { stdio: 'inherit' });
  while (!existsSync(place('pid')) && server.exitCode === null) await sleep(50);
  expect(server.exitCode).toBe(null);
  const { said } = await build('writer', `http://127.0.0.1:${String(ports[0])}/`, ['--cache-write']);
  expect(said).toContain('2 actions run');
  writer = results('writer');
});

afterAll(() => {
  server?.kill();
  rmSync(work, { recursive: true, force: true });
});

/** Builds with an empty store and the cache. */
async function build(store: string, url: string, options: readonly string[]) {
  const argv = [...wanted, '--store', place(store), '--cache', url, ...options];
  const { exitCode, stdout, stderr } = await runProgram([`${repository}/bootstrap`, ...argv]);
  expect(exitCode).toBe(0);
  return { said: stdout + stderr };
}

/** Keys and the trees that they stand for. */
function results(store: string): string {
  const directory = place(store, 'results');
  const trees = readdirSync(directory)
    .sort()
    .map((name) => [
      name,
      (JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as { outputs: unknown }).outputs,
    ]);
  return JSON.stringify(trees);
}

test('a second machine makes and fetches nothing', async () => {
  const { said } = await build('second', `http://127.0.0.1:${String(ports[0])}/`, ['--offline']);
  expect(said).toContain('nothing to do');
  expect(results('second')).toBe(writer);
});

test('who the server does not know gets nothing, which is said', async () => {
  const url = `https://127.0.0.1:${String(ports[1])}/`;
  const unknown = await runProgram([
    `${repository}/bootstrap`,
    ...[...wanted, '--store', place('unknown'), '--cache', url, '--offline'],
  ]);
  expect(unknown.stderr).toContain('a certificate of an authority that is not known here');
  const noCertificate = await runProgram([
    `${repository}/bootstrap`,
    ...[...wanted, '--store', place('none'), '--cache', url, '--cache-ca', place('keys/ca.pem'), '--offline'],
  ]);
  expect(noCertificate.stderr).toContain('wants a client certificate (400)');
});

test('who it knows gets everything', async () => {
  const { said } = await build('known', `https://127.0.0.1:${String(ports[1])}/`, [
    ...['--cache-ca', place('keys/ca.pem'), '--offline'],
    ...['--cache-cert', place('keys/client.pem'), '--cache-key', place('keys/client.key')],
  ]);
  expect(said).toContain('nothing to do');
  expect(results('known')).toBe(writer);
});

test('files that are damaged on the server are made here', async () => {
  const directory = path.join(files, 'cas');
  for (const name of readdirSync(directory)) {
    const file = path.join(directory, name);
    const bytes = readFileSync(file);
    writeFileSync(
      file,
      bytes.map((byte) => byte ^ 1),
    );
  }
  // Another action, which reads the trees of the first two.
  const argv = ['armv5l', '--host', 'i686', '--only-action', 'host-tools/m4', '--store', place('damaged')];
  const { exitCode, stderr } = await runProgram([
    `${repository}/bootstrap`,
    ...[...argv, '--cache', `http://127.0.0.1:${String(ports[0])}/`],
  ]);
  expect(exitCode).toBe(0);
  expect(stderr).toContain('are not what');
  expect(JSON.parse(results('damaged'))).toEqual(expect.arrayContaining(JSON.parse(writer) as unknown[]));
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function makeCertificates(): void {
  const openssl = (...argv: readonly string[]): void => {
    const { status, stderr } = spawnSync('openssl', argv, { cwd: place('keys'), encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.anything()]);
  };
  const fresh = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2');
  writeFileSync(place('keys/names'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of ['server', 'client']) {
    openssl('req', ...fresh, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = [
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'names',
    ];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
  }
}

/** The one of docs/scaling.md, twice, with everything in a directory of its own. */
function configuration(): string {
  const location = 'location / { dav_methods PUT; create_full_put_path on; }';
  const [open, closed] = ports.map((port) => `listen 127.0.0.1:${String(port)}`);
  const keys = `ssl_certificate ${place('keys/server.pem')}; ssl_certificate_key ${place('keys/server.key')};
    ssl_client_certificate ${place('keys/ca.pem')}; ssl_verify_client on;`;
  const user = process.getuid?.() === 0 ? 'user root;\n' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${user}pid ${place('pid')};
events {}
http {
  access_log off;
  client_max_body_size 0;
  ${temporary.map((kind) => `${kind}_temp_path ${place('tmp', kind)};`).join(' ')}
  root ${files};
  server { ${open ?? ''}; ${location} }
  server { ${closed ?? ''} ssl; ${keys} ${location} }
}
`;
}
