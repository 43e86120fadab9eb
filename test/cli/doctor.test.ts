import { createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import pg from 'pg';
import t, { type Test } from 'tap';
import { keyFindings } from '../../src/cli/doctor.js';
import { factsOf, look, storeFindings } from '../../src/cli/doctor-stores.js';
import type { Finding } from '../../src/cli/finding.js';
import { clusterSchema, type ClusterConfigInput } from '../../src/config/cluster.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { accountFindings } from '../../src/cli/doctor-accounts.js';
import type { HttpClient, HttpRequest } from '../../src/ports/network.js';
import { SAMPLES } from '../messages/samples.js';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import * as clickhouse from '../servers/clickhouse.js';
import * as nats from '../servers/nats.js';
import * as postgres from '../servers/postgres.js';
import * as redis from '../servers/redis.js';

t.setTimeout(600_000);

async function examine(
  cluster: Partial<ClusterConfigInput>,
  environment: Record<string, string> = {},
): Promise<Map<string, Finding>> {
  const nodes = [{ name: 'a', region: 'x', roles: ['feeds', 'detectors', 'trade', 'recorder'] as const }];
  const found = await storeFindings({
    cluster: clusterSchema.parse({ nodes, ...cluster }),
    environment,
    clock: new SystemClock(),
    timers: new SystemTimers(),
  });
  return new Map(found.map((finding) => [finding.name, finding]));
}

const redisAt = (url: string) =>
  examine({ stores: { prices: { kind: 'redis', urlEnv: 'REDIS_URL' } } }, { REDIS_URL: url });

t.test('what is embedded is named, with what it is not meant for', async (t) => {
  const found = await examine({});
  t.match([...found.keys()], ['trades', 'ticks', 'prices', 'bus']);
  t.match(found.get('trades'), {
    state: 'ok',
    detail: /^pglite \d+\.\d+\.\d+, embedded, unsafe for LIVE: .*fsync/,
  });
  t.match(
    found.get('ticks'),
    chdbMissing() === null
      ? { state: 'ok', detail: /^chdb \d+\.\d+\.\d+, embedded$/ }
      : { state: 'warn', detail: /^none, .*chdb/ },
  );
  t.match(found.get('prices'), { state: 'ok', detail: 'in-process, embedded' });
  t.match(found.get('bus'), { state: 'ok', detail: 'in-process, embedded' });
  const memory = await examine({ stores: { trades: { kind: 'memory' } } });
  t.match(memory.get('trades'), { detail: /memory, embedded, unsafe for LIVE: everything is forgotten/ });
});

t.test('PostgreSQL: version, latency, and the settings of the server itself', async (t) => {
  if (postgres.skipOrFail(t, postgres.available())) return;
  const server = await postgres.startPostgres();
  t.teardown(() => server.stop());
  const ask = (url: string) =>
    examine({ stores: { trades: { kind: 'postgres', urlEnv: 'PG_URL' } } }, { PG_URL: url });
  const { state, detail } = (await ask(server.url)).get('trades')!;
  t.match(
    detail,
    /^postgresql \d+\S*.* at [^,]+:\d+\/\w+, \d+\.\d ms, fsync (on|off), synchronous_commit \w+, full_page_writes on/,
  );
  t.notMatch(detail, new URL(server.url).password);
  if (!server.external) {
    t.equal(state, 'warn');
    t.match(detail, /unsafe for LIVE: fsync is off/, 'test servers run without');
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await client.query('alter role current_user set synchronous_commit = off');
    await client.end();
    t.match((await ask(server.url)).get('trades'), {
      detail: /synchronous_commit off.*synchronous_commit is off/,
    });
    const wrong = new URL(server.url);
    wrong.password = 'hunter2-hunter2';
    const refused = (await ask(wrong.href)).get('trades')!;
    t.match(refused, { state: 'bad', detail: /password/ });
    t.notMatch(refused.detail, /hunter2/);
  }
  t.match((await ask('hunter2')).get('trades'), { state: 'bad', detail: /^(?!.*hunter2)/ });
});

t.test('ClickHouse: version, latency, and what is unsafe', async (t) => {
  if (clickhouse.skipOrFail(t, clickhouse.available())) return;
  const control = await clickhouse.startClickHouse();
  t.teardown(() => control.stop());
  const { url, user, password } = control.server;
  const ticks = {
    kind: 'clickhouse',
    urlEnv: 'URL_OF',
    userEnv: 'USER_OF',
    passwordEnv: 'PASSWORD_OF',
  } as const;
  const ask = async (environment: Record<string, string>) =>
    (await examine({ stores: { ticks } }, environment)).get('ticks')!;
  const right = { URL_OF: url, USER_OF: user ?? '', PASSWORD_OF: password ?? '' };
  t.match(await ask(right), {
    state: 'ok',
    detail: /^clickhouse \d+\.\S+ at https?:\/\/[^,]+, \d+\.\d ms, fsync_after_insert \d$/,
  });
  t.match(await ask({ ...right, PASSWORD_OF: 'hunter2-hunter2' }), {
    state: 'bad',
    detail: /^(?!.*hunter2).*Authentication/,
  });
  t.match(await ask({ ...right, URL_OF: 'hunter2' }), { state: 'bad', detail: /^(?!.*hunter2).*no http/ });
  t.match(await ask({ URL_OF: url, USER_OF: 'x' }), { state: 'bad', detail: /PASSWORD_OF is not set/ });
});

t.test('Redis: version, latency, settings, and who could read along', async (t) => {
  if (redis.skipOrFail(t, redis.available())) return;
  const server = await redis.startRedis();
  t.teardown(() => server.stop());
  const { state, detail } = (await redisAt(server.url)).get('prices')!;
  t.match(detail, /^(redis|valkey) \d\S* at \S+\/0, \d+\.\d ms, appendonly \w+, appendfsync \w+/);
  t.notMatch(detail, new URL(server.url).password);
  t.match((await redisAt('redis://:hunter2@127.0.0.1:1')).get('prices'), {
    state: 'bad',
    detail: /ECONNREFUSED/,
  });
  t.match((await examine({ stores: { prices: { kind: 'redis', urlEnv: 'REDIS_URL' } } })).get('prices'), {
    state: 'bad',
    detail: 'REDIS_URL is not set',
  });
  if (server.external) return;
  t.equal(state, 'warn');
  t.match(detail, /appendonly is no: a restart forgets the event streams/);
  t.notMatch(detail, /unsafe/, 'a password on loopback is enough');
  const wrong = new URL(server.url);
  wrong.password = 'hunter2-hunter2';
  t.match((await redisAt(wrong.href)).get('prices'), { state: 'bad', detail: /^(?!.*hunter2).*WRONGPASS/ });
  const client = new Redis(server.url);
  await client.config('SET', 'appendonly', 'yes');
  await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
  t.match((await redisAt(server.url)).get('prices'), { state: 'warn', detail: /allkeys-lru: streams go/ });
  await client.config('SET', 'maxmemory-policy', 'volatile-ttl');
  t.match((await redisAt(server.url)).get('prices'), { state: 'ok', detail: /appendonly yes/ });
  client.disconnect();
});

t.test('NATS: version, and whether anybody may speak', async (t) => {
  if (nats.skipOrFail(t, nats.available())) return;
  const server = await nats.startNats();
  t.teardown(() => server.stop());
  const { hostname, port } = new URL(server.url);
  const found = await examine({ bus: { kind: 'nats', urls: [`nats://${hostname}:${port}`] } });
  const { detail } = found.get('bus')!;
  t.match(detail, /^nats \d+\.\d+\.\d+ at [^,]+:\d+, \d+\.\d ms, auth \w+, tls \w+/);
  if (!server.external) t.match(detail, /unsafe for LIVE: no password$/, 'on loopback TLS is not asked for');
});

/** A server of one's own words. */
async function speaking(t: Test, words: string): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(words);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test('what answers otherwise than NATS is not taken for it', async (t) => {
  const asked = async (words: string) => {
    const urls = [await speaking(t, words)];
    return (
      await examine({ bus: { kind: 'nats', urls, userEnv: 'NATS_USER', passwordEnv: 'NATS_PASSWORD' } })
    ).get('bus');
  };
  t.match(await asked('SSH-2.0-OpenSSH\n'), { state: 'bad', detail: /not as NATS does/ });
  t.match(await asked('x'.repeat(100_000)), { state: 'bad', detail: /not as NATS does/ });
  t.match(await asked('INFO {"version":7}\n'), { state: 'bad', detail: /not as NATS does/ });
  t.match(await asked('INFO {version}\n'), { state: 'bad', detail: /not as NATS does/ });
  t.match(await asked('INFO {"version":"2.12.1","auth_required":true,"tls_required":true}\r\n'), {
    state: 'ok',
    detail: /^nats 2\.12\.1 .*auth required, tls required$/,
  });
});

t.test('a store behind a port is asked through it', async (t) => {
  const store = {
    describe: async () => ({
      name: 'ticks',
      engine: 'chdb 3.4.0',
      location: '/data',
      unsafeForLive: ['no fsync'],
    }),
    ping: async () => 1.25,
  };
  t.match(await look('ticks', () => factsOf(store)), {
    name: 'ticks',
    state: 'warn',
    detail: 'chdb 3.4.0 at /data, 1.3 ms, unsafe for LIVE: no fsync',
  });
  const away = { ...store, ping: () => Promise.reject(new Error('does not answer')) };
  t.match(await look('ticks', () => factsOf(away)), { state: 'bad', detail: 'does not answer' });
});

t.test('each signed account of a running node is a finding, by its own word', async (t) => {
  const at = { url: 'http://127.0.0.1:1/', token: 'secret' };
  const asked: HttpRequest[] = [];
  const answering = (status: number, body: unknown): HttpClient => ({
    request: (request) => {
      asked.push(request);
      return Promise.resolve({ status, headers: {}, body: Buffer.from(JSON.stringify(body)) });
    },
  });
  const ready = { ...SAMPLES.gatewayStatus, phase: 'ready' as const, reasons: [], unexplained: [] };
  const halted = { ...ready, exchange: 'okx', phase: 'halted' as const, emptyAtMs: 1, equalAtMs: null };
  const found = await accountFindings(at, answering(200, [ready, SAMPLES.gatewayStatus, halted]));
  t.match(asked[0], { url: 'http://127.0.0.1:1/api/accounts', headers: { authorization: 'Bearer secret' } });
  t.match(found, [
    { name: 'account binance', state: 'ok', detail: /^ready; .*room for 12 orders$/ },
    {
      state: 'warn',
      detail: /reconciling; balances are not compared yet; XRP differs by -12.5: arbot ledger adopt; 1 /,
    },
    { name: 'account okx', state: 'warn', detail: /halted; no order open, balances not proven/ },
  ]);
  t.same(await accountFindings(at, { request: () => Promise.reject(new Error('refused')) }), [], 'none runs');
  t.same(await accountFindings(at, answering(404, {})), [], 'something else runs there');
  await t.rejects(accountFindings(at, answering(200, [{ exchange: 'binance' }])), /phase/);
  await t.rejects(accountFindings(at, answering(500, {})), /answered 500/);
});

t.test('nodes that may trade together need one key of approvals', (t) => {
  const names = (traders: readonly string[]) =>
    ['a', 'b', 'c'].map((name) => ({
      ...{ name, region: 'x' },
      roles: [
        'feeds' as const,
        'detectors' as const,
        'recorder' as const,
        ...(traders.includes(name) ? ['trade' as const] : []),
      ],
    }));
  const found = (traders: readonly string[], key?: string) => {
    const bus = { kind: 'nats' as const, urls: ['nats://10.0.0.1:4222'] };
    const stores = { trades: { kind: 'postgres' as const, urlEnv: 'PG_URL' } };
    const cluster = clusterSchema.parse({ nodes: names(traders), bus, stores });
    const config = { cluster, node: cluster.nodes[0]! } as Parameters<typeof keyFindings>[0]['config'];
    return keyFindings({ config, environment: key === undefined ? {} : { ARBOT_VERDICT_KEY_HEX: key } });
  };
  t.match(found(['a', 'b']), [{ state: 'bad', detail: /must be the same on a, b/ }]);
  t.match(found(['a', 'b'], 'f'.repeat(64)), [{ state: 'ok' }]);
  t.strictSame(found(['a']), [], 'who trades alone makes its own');
  t.strictSame(found(['b', 'c']), [], 'who does not trade needs none');
  t.end();
});
