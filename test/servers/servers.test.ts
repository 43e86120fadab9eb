import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import t from 'tap';
import * as nats from './nats.js';
import * as postgres from './postgres.js';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port), hostname);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

t.test('a private PostgreSQL keeps committed rows over a kill, and is gone after stop', async (t) => {
  if (postgres.skipOrFail(t, postgres.available())) return;
  const server = await postgres.startPostgres();
  t.teardown(() => server.stop());
  await query(server.url, 'CREATE TABLE kept (id int PRIMARY KEY)');
  await query(server.url, 'INSERT INTO kept VALUES (1), (2)');
  if (server.external) return;
  await server.kill();
  t.equal(await answers(server.url), false);
  await server.restart();
  t.strictSame(await query(server.url, 'SELECT id FROM kept ORDER BY id'), [{ id: 1 }, { id: 2 }]);
  await server.stop();
  t.equal(await answers(server.url), false);
  await server.stop();
});

t.test('a server does not outlive the test run that started it, even when that is killed', async (t) => {
  if (nats.skipOrFail(t, nats.available())) return;
  const entry = new URL('./nats.ts', import.meta.url).href;
  const script = `const { startNats } = await import(${JSON.stringify(entry)});
    console.log((await startNats()).url); setInterval(() => {}, 1000);`;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = line.toString().trim();
  t.equal(await answers(url), true);
  if (process.env['NATS_URL'] !== undefined) {
    child.kill('SIGKILL');
    return;
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  const deadline = Date.now() + 10_000;
  while ((await answers(url)) && Date.now() < deadline) await sleep(20);
  t.equal(await answers(url), false);
});

t.test('a missing server skips with its reason, and fails where CI is true', async (t) => {
  const told: string[] = [];
  const fake = {
    fail: (why: string) => told.push(`fail ${why}`),
    plan: (n: number, why: string) => told.push(`skip ${n} ${why}`),
  };
  const before = process.env['CI'];
  t.teardown(() => {
    if (before === undefined) delete process.env['CI'];
    else process.env['CI'] = before;
  });
  delete process.env['CI'];
  t.equal(nats.skipOrFail(fake as never, null), false);
  t.equal(nats.skipOrFail(fake as never, 'none here'), true);
  process.env['CI'] = 'true';
  t.equal(nats.skipOrFail(fake as never, 'none here'), true);
  t.strictSame(told, ['skip 0 none here', 'fail none here']);
});
