import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import t from 'tap';
import { available, skipOrFail, startRedis } from '../servers/redis.js';
import { ArbotProcess, getJson, until } from './node-process.js';

/** A node as a user runs it, with a Redis that is flushed, stands still and is killed under it. */

t.setTimeout(900_000);

const repository = resolve(import.meta.dirname, '../..');
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

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
  const node = new ArbotProcess(['start', ...args, '--speed', '10', '--minutes', '4', '--seed', 'friday'], {
    SOME_REDIS: server.url,
  });
  t.teardown(() => node.kill());
  const url = await node.url(240_000);
  t.match(
    node.stdout,
    /^stores {2}trades: memory.* · prices: (redis|valkey).* at 127\.0\.0\.1:\d+\/0 · bus: in-process$/m,
    'the start line names the stores',
  );

  const client = new Redis(server.url);
  client.on('error', () => undefined);
  t.teardown(() => client.disconnect());
  const quoted = (
    await until(
      () => client.keys('shown:simulated:quote:*'),
      (keys) => keys.length > 0,
      120_000,
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
    240_000,
  );
  t.ok((await client.xlen('shown:simulated:stream:signals')) > 0);

  const health = () => getJson<Health>(`${url}healthz`);
  for (let round = 0; round < 2; round++) {
    await client.flushall();
    await until(
      () => client.exists(quoted),
      (found) => found === 1,
      120_000,
    );
    server.pause();
    await until(health, ({ checks }) => checks.some(({ detail }) => detail.startsWith('away')), 120_000);
    t.equal((await health()).ok, true, 'the node is well without it');
    server.resume();
    await until(health, ({ checks }) => checks.some(({ detail }) => detail === 'connected'), 120_000);
    await server.kill();
    await until(health, ({ checks }) => checks.some(({ detail }) => detail.startsWith('away')), 120_000);
    await sleep(500);
    await server.restart();
    await until(health, ({ checks }) => checks.some(({ detail }) => detail === 'connected'), 120_000);
    await until(
      () => client.exists(quoted),
      (found) => found === 1,
      120_000,
    );
  }
  t.ok((await metric(url, /^arbot_prices_reconnects_total/)) >= 4);
  t.ok((await metric(url, /^arbot_prices_published_total\{what="books",result="written"/)) > 0);
  t.equal(await metric(url, /^arbot_actor_crashes_total\{/), 0, 'no actor crashed for it');

  t.equal(await node.exit(), 0, node.stderr.slice(-2_000));
  const oracle = /planted opportunities traded (\d+), missed (\d+), wrongly traded (\d+)/.exec(node.stdout);
  t.ok(Number(oracle?.[1]) >= 8, `enough was planted and traded: ${oracle?.[0]}`);
  t.equal(oracle?.[2], '0', `nothing was missed: ${oracle?.[0]}`);
  t.equal(oracle?.[3], '0', `nothing else was traded: ${oracle?.[0]}`);
  t.notMatch(
    node.stdout + node.stderr,
    new RegExp(new URL(server.url).password),
    'the password is in no output',
  );
});
