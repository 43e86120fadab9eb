import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import t from 'tap';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import { available, skipOrFail, startRedis } from '../servers/redis.js';
import { ArbotProcess, getJson, until } from './node-process.js';

/** A node as a user runs it, with a Redis that is flushed, stands still and is killed under it. */

t.setTimeout(1_400_000);

/** Of a machine that has much else to do; nothing is judged by its speed. */
const PATIENCE_MS = 600_000;

const repository = resolve(import.meta.dirname, '../..');

interface Health {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly detail: string }[];
}

async function configured(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-prices-'));
  const trading = pathToFileURL(join(repository, 'trading.config.ts')).pathname;
  await writeFile(join(folder, 'trading.config.ts'), `export { default } from ${JSON.stringify(trading)};\n`);
  await writeFile(
    join(folder, 'cluster.config.ts'),
    `export default {
      name: 'shown',
      nodes: [{ name: 'local', region: 'x', roles: ['feeds', 'detectors', 'trade', 'recorder'], dataFolder: 'data' }],
      stores: { trades: { kind: 'memory' }, prices: { kind: 'redis', urlEnv: 'SOME_REDIS' } } };\n`,
  );
  return folder;
}

/** The value of a series, summed over its labels. */
async function metric(url: string, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${url}metrics`)).text();
  const lines = text.split('\n').filter((line) => pattern.test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

t.test('a node trades everything it should while Redis is flushed, stands still and is killed', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startRedis();
  t.teardown(() => server.stop());
  if (server.external) return t.plan(0, 'the server of REDIS_URL is not ours to break');
  const folder = await configured();
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const args = ['--config', folder, '--data', join(folder, 'data'), '--port', '0'];
  const node = new ArbotProcess(['start', ...args, '--speed', '10', '--seed', 'friday'], {
    SOME_REDIS: server.url,
  });
  t.teardown(() => node.kill());
  const url = await node.url(PATIENCE_MS);
  t.match(
    node.stdout,
    /^stores {2}trades: memory.* · prices: (redis|valkey).* at 127\.0\.0\.1:\d+\/0 · ticks: .+ · bus: in-process$/m,
    'the start line names the stores',
  );

  const client = new Redis(server.url);
  client.on('error', () => undefined);
  t.teardown(() => client.disconnect());
  const quoted = (
    await until(
      () => client.keys('shown:simulated:quote:*'),
      (keys) => keys.length > 0,
      PATIENCE_MS,
    )
  )[0]!;
  t.match(await client.hgetall(quoted), {
    exchange: /./,
    instrument: /-/,
    bid: /^\d/,
    receiveTimeMs: /^\d{13}/,
  });
  await until(
    () => client.xlen('shown:simulated:stream:fills'),
    (length) => length >= 2,
    PATIENCE_MS,
  );
  t.ok((await client.xlen('shown:simulated:stream:signals')) > 0);

  const health = () => getJson<Health>(`${url}healthz`);
  const isAway = ({ checks }: Health) => checks.some(({ detail }) => detail.startsWith('away'));
  const isBack = ({ checks }: Health) => checks.some(({ detail }) => detail === 'connected');
  const newest = async () => (await getJson<ArbitrageClosed[]>(`${url}api/trades?limit=1`))[0];
  /** Until another arbitrage was opened and closed. */
  const tradesOn = async (whatRedisDoes: string) => {
    const sinceMs = (await newest())?.closedAtMs ?? 0;
    await until(newest, (closed) => closed !== undefined && closed.openedAtMs > sinceMs, PATIENCE_MS);
    t.equal((await health()).ok, true, `it trades on and is well while Redis ${whatRedisDoes}`);
  };
  for (let round = 0; round < 2; round++) {
    await client.flushall();
    await tradesOn('was flushed');
    await until(
      () => client.exists(quoted),
      (found) => found === 1,
      PATIENCE_MS,
    );
    server.pause();
    await until(health, isAway, PATIENCE_MS);
    await tradesOn('stands still');
    server.resume();
    await until(health, isBack, PATIENCE_MS);
    await server.kill();
    await until(health, isAway, PATIENCE_MS);
    await tradesOn('is killed');
    await server.restart();
    await until(health, isBack, PATIENCE_MS);
    await until(
      () => client.exists(quoted),
      (found) => found === 1,
      PATIENCE_MS,
    );
  }
  const reconnects = () => metric(url, /^arbot_prices_reconnects_total/);
  t.equal((await until(reconnects, (count) => count >= 2, PATIENCE_MS)) >= 2, true, 'it was connected again');
  t.ok((await metric(url, /^arbot_prices_published_total\{what="books",result="written"/)) > 0);
  t.equal(await metric(url, /^arbot_actor_crashes_total\{/), 0, 'no actor crashed for it');

  node.kill('SIGINT');
  t.equal(await node.exit(), 130, node.stderr.slice(-2_000));
  const oracle = /planted opportunities traded (\d+), missed (\d+), wrongly traded (\d+)/.exec(node.stdout);
  // What is missed says how fast the machine is; test/actors shows on virtual time that Redis costs none.
  t.comment(oracle?.[0] ?? 'no verdict');
  t.ok(Number(oracle?.[1]) >= 6, `one for each of what befell Redis: ${oracle?.[0]}`);
  t.equal(oracle?.[3], '0', `nothing else was traded: ${oracle?.[0]}`);
  t.notMatch(
    node.stdout + node.stderr,
    new RegExp(new URL(server.url).password),
    'the password is in no output',
  );
});
