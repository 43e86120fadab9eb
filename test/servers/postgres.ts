import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, rmSync, writeFileSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { controlOf, externalServer } from './nats.js';
import {
  findBinary,
  freePort,
  postgresFolders,
  preparedUrl,
  ServerProcess,
  temporaryFolder,
  unprivilegedUser,
  type ServerControl,
  type ServerUser,
} from './server-process.js';

export { skipOrFail } from './server-process.js';

const run = promisify(execFile);

/** Null when tests can have a PostgreSQL server, else why not. */
export function available(): string | null {
  if (preparedUrl('PG_URL') !== null || binaries() !== null) return null;
  return 'no PostgreSQL: set PG_URL, or install postgresql';
}

const LOOPBACK = '127.0.0.1';

/**
 * A database of its own in the server of PG_URL, else a private server on a free loopback port, never run as root. `durable`:
 * with fsync, as in production. With `address` always a private server, which listens there and lets that network in.
 */
export async function startPostgres({ durable = false, address = LOOPBACK } = {}): Promise<ServerControl> {
  const url = address === LOOPBACK ? preparedUrl('PG_URL') : null;
  if (url !== null) return privateDatabase(url);
  const found = binaries();
  if (found === null) throw new Error('neither initdb nor postgres found');
  const user = unprivilegedUser();
  const folder = temporaryFolder(user);
  const password = randomBytes(12).toString('hex');
  try {
    await initialise(found.initdb, folder, user, password);
    if (address !== LOOPBACK)
      appendFileSync(join(folder, 'data/pg_hba.conf'), `host all all ${address}/24 scram-sha-256\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const port = await freePort();
  const serverUrl = `postgres://arbot:${password}@${address}:${port}/postgres`;
  const server = new ServerProcess({
    command: found.postgres,
    args: serverArguments(folder, { port, durable, address }),
    folder,
    user,
    // Fast shutdown: open sessions are ended, the data is written.
    stopSignal: 'SIGINT',
    ready: () => answers(serverUrl),
  });
  await server.start();
  return controlOf(server, serverUrl);
}

function binaries(): { initdb: string; postgres: string } | null {
  const folders = postgresFolders();
  const [initdb, postgres] = [findBinary('initdb', folders), findBinary('postgres', folders)];
  return initdb === null || postgres === null ? null : { initdb, postgres };
}

async function initialise(
  initdb: string,
  folder: string,
  user: ServerUser | null,
  password: string,
): Promise<void> {
  const account = user === null ? {} : { uid: user.uid, gid: user.gid };
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== null) chownSync(passwordFile, user.uid, user.gid);
  const args = [
    '-D',
    join(folder, 'data'),
    '-U',
    'arbot',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
  ];
  await run(initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-sync'], { cwd: folder, ...account });
  rmSync(passwordFile);
}

/** Usually without fsync: these tests kill processes, not machines, and the operating system keeps what was written. */
function serverArguments(
  folder: string,
  { port, durable, address }: { port: number; durable: boolean; address: string },
): string[] {
  const settings = {
    listen_addresses: address,
    port: String(port),
    unix_socket_directories: folder,
    fsync: durable ? 'on' : 'off',
    max_connections: '40',
    shared_buffers: '16MB',
    max_wal_size: '64MB',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', join(folder, 'data'), ...flags];
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A server that ends the session while it starts up reports it here as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function privateDatabase(serverUrl: string): Promise<ServerControl> {
  const name = `arbot_test_${randomBytes(6).toString('hex')}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return externalServer(url.href, 'PG_URL', () =>
    query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  );
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
