import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { errorText } from '../../src/messages/errors.js';
import { bookTop, type BookTop } from '../../src/messages/feed.js';
import { InProcessStore } from '../../src/storage/prices/in-process-store.js';
import { problemOf } from '../../src/storage/prices/price-border.js';
import { addressHazards, parseRedisUrl } from '../../src/storage/redis/redis-url.js';
import { RedisStore } from '../../src/storage/redis/redis-store.js';
import { SeededRandom } from '../../src/runtime/platform/random.js';
import { available, skipOrFail, startRedis, type RedisSettings } from '../servers/redis.js';
import { findBinary, type ServerControl } from '../servers/server-process.js';
import { testPorts, type LogLine } from './ports.js';
import {
  bookOf,
  eventually,
  fillBody,
  LONG_TTL_MS,
  MAX_ENTRIES,
  newInstrument,
  priceContract,
  tradeIdsOf,
} from './prices-contract.js';

t.setTimeout(1_200_000);

t.test('in process', async (t) => {
  priceContract((name, body) => void t.test(name, body), {
    open: async (ttlMs) => {
      const { clock, timers } = testPorts();
      const store = new InProcessStore({ clock, timers, ttlMs, maxEntries: MAX_ENTRIES });
      return { store, other: store };
    },
  });

  t.test('memory is bounded, whoever asks', async (t) => {
    const { clock, timers } = testPorts();
    const store = new InProcessStore({ clock, timers, ttlMs: LONG_TTL_MS, maxEntries: 10 });
    const first = bookOf(newInstrument());
    await store.prices.put([first]);
    for (let round = 0; round < 5; round++)
      await store.prices.put(Array.from({ length: 1_024 }, () => bookOf(newInstrument())));
    t.equal(await store.prices.book(first.instrument), null, 'beyond the bound the oldest goes');
    const full = { code: 'ARB_STORE_UNAVAILABLE' };
    for (let group = 0; group < 16; group++)
      await store.events.readGroup('fills', { group: `g-${group}`, member: 'm', claimAfterMs: 0 }, 1);
    await t.rejects(
      store.events.readGroup('fills', { group: 'one-more', member: 'm', claimAfterMs: 0 }, 1),
      full,
    );
    for (let reader = 0; reader < 64; reader++) await store.prices.subscribe([], () => undefined);
    await t.rejects(
      store.prices.subscribe([], () => undefined),
      full,
    );
    await store.close();
  });
});

t.test('a book is taken exactly when its schema takes it', async (t) => {
  const good = bookOf(newInstrument());
  const odd = fc.oneof(
    fc.double(),
    fc.constantFrom(0, -0, NaN, Infinity, 1e300, 2 ** 53, 8.64e15, 8.64e15 + 2, '1', null),
    fc.integer(),
  );
  const levels = fc.array(fc.tuple(odd, odd), { maxLength: 60 });
  const spoilt = fc.record(
    {
      instrument: fc.constantFrom('okx:A-B', 'okx:A', 'OKX:A-B', '', `okx:${'A'.repeat(33)}-B`, 'okx:A-B\n'),
      epoch: odd,
      sequence: odd,
      trusted: fc.constantFrom(true, false, 1, null),
      exchangeTimeMs: odd,
      receiveTimeMs: odd,
      bids: levels,
      asks: levels,
    },
    { requiredKeys: [] },
  );
  let refused = 0;
  fc.assert(
    fc.property(spoilt, (change) => {
      const book = { ...good, ...change } as BookTop;
      const isTaken = bookTop.safeParse(book).success;
      if (!isTaken) refused++;
      return (problemOf(book) === null) === isTaken;
    }),
    { numRuns: 2_000, seed: 7 },
  );
  t.ok(refused > 100 && refused < 2_000, `${refused} of 2000 were refused by both`);
});

t.test('addresses', async (t) => {
  t.match(parseRedisUrl('redis://127.0.0.1'), {
    host: '127.0.0.1',
    port: 6379,
    password: null,
    database: 0,
    tls: false,
  });
  const full = parseRedisUrl('rediss://arbot:p%40ss%3A%2F@cache.example:6380/3');
  t.match(full, {
    host: 'cache.example',
    port: 6380,
    username: 'arbot',
    password: 'p@ss:/',
    database: 3,
    tls: true,
  });
  t.equal(full.location, 'cache.example:6380/3', 'nothing secret is shown');
  t.match(parseRedisUrl('redis://:x@[::1]:7000'), { host: '::1', port: 7000, location: '[::1]:7000/0' });
  for (const url of [
    '',
    'hunter2',
    'http://:hunter2@host',
    'redis://',
    'redis://:hunter2@host/x',
    'redis://h/1?hunter2=1',
  ])
    t.throws(
      () => parseRedisUrl(url),
      { code: 'ARB_CONFIG_INVALID', message: /^(?!.*hunter2)/ },
      'refused without being repeated',
    );
  t.same(addressHazards(full), []);
  t.same(addressHazards(parseRedisUrl('redis://localhost')), [], 'loopback needs neither');
  t.match(addressHazards(parseRedisUrl('redis://cache.example')), [/no password/, /no TLS/]);
});

const page = readFileSync(new URL('../../docs/prices.md', import.meta.url), 'utf8');

async function plainPending(t: Test, url: string): Promise<number> {
  const [count] = (await plain(t, url).xpending('arbot:simulated:stream:fills', 'tax')) as [number];
  return count;
}

let prefixes = 0;

interface Opened {
  readonly store: RedisStore;
  readonly lines: readonly LogLine[];
  readonly prefix: string;
}

async function open(
  t: Test,
  url: string,
  change: { ttlMs?: number; prefix?: string; callTimeoutMs?: number; isAway?: boolean } = {},
): Promise<Opened> {
  const { log, timers, clock, lines } = testPorts();
  const prefix = change.prefix ?? `test-${process.pid}-${++prefixes}:`;
  const store = await RedisStore.open({
    url,
    log,
    timers,
    clock,
    // Whether a machine is slow is not what these tests ask.
    callTimeoutMs: change.callTimeoutMs ?? 60_000,
    random: new SeededRandom('redis'),
    prefix,
    ttlMs: change.ttlMs ?? LONG_TTL_MS,
    maxEntries: MAX_ENTRIES,
  });
  t.teardown(() => store.close());
  if (change.isAway !== true) await eventually('it is connected', () => store.isUp());
  return { store, lines, prefix };
}

async function privateServer(t: Test, settings: RedisSettings = {}): Promise<ServerControl | null> {
  if (skipOrFail(t, available())) return null;
  const server = await startRedis(settings);
  t.teardown(() => server.stop());
  if (!server.external) return server;
  t.plan(0, 'the server of REDIS_URL is not ours to break');
  return null;
}

function plain(t: Test, url: string): Redis {
  const client = new Redis(url, { lazyConnect: false });
  client.on('error', () => undefined);
  t.teardown(() => client.disconnect());
  return client;
}

/** True when the promise was rejected as unavailable before anything else could happen. */
async function isRejectedAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let code = '';
  promise.catch((error: { code?: string }) => (code = error.code ?? 'none'));
  await nextTurn();
  return code === 'ARB_STORE_UNAVAILABLE';
}

const unhandled: unknown[] = [];
process.on('unhandledRejection', (error) => unhandled.push(error));

t.test('redis', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startRedis();
  t.teardown(() => server.stop());
  priceContract((name, body) => void t.test(name, body), {
    open: async (ttlMs) => {
      const { store, prefix } = await open(t, server.url, { ttlMs });
      return { store, other: (await open(t, server.url, { ttlMs, prefix })).store };
    },
  });

  t.test('clusters on one server stay apart', async (t) => {
    const [one, two] = [await open(t, server.url), await open(t, server.url)];
    const book = bookOf(newInstrument());
    const heard: unknown[] = [];
    await two.store.prices.subscribe([], (quote) => heard.push(quote));
    await one.store.prices.put([book]);
    await one.store.events.append([{ stream: 'fills', body: fillBody('x') }]);
    t.equal(await two.store.prices.book(book.instrument), null);
    t.same(await two.store.events.read('fills', '0', 10), []);
    await two.store.prices.put([bookOf(newInstrument())]);
    await eventually('its own is heard', () => heard.length > 0);
    t.equal(heard.length, 1);
  });

  t.test('what other programs write is left out, counted and replaced', async (t) => {
    const { store, prefix, lines } = await open(t, server.url);
    const client = plain(t, server.url);
    const instruments = Array.from({ length: 8 }, () => newInstrument());
    await store.prices.put(instruments.map((instrument) => bookOf(instrument)));
    const [typed, rubbish, text, other, nan, huge, half, good] = instruments as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    await client.set(`${prefix}quote:${typed}`, 'a string');
    await client.del(`${prefix}book:${typed}`);
    await client.lpush(`${prefix}book:${typed}`, 'a list');
    await client.set(`${prefix}book:${rubbish}`, '{"instrument":');
    await client.set(`${prefix}book:${text}`, '"text"');
    await client.set(`${prefix}book:${other}`, JSON.stringify(bookOf(newInstrument())));
    await client.hset(`${prefix}quote:${other}`, 'instrument', newInstrument());
    await client.hset(`${prefix}quote:${nan}`, 'bid', 'NaN');
    await client.set(`${prefix}book:${huge}`, ' '.repeat(100_000));
    await client.hset(`${prefix}quote:${half}`, 'bidSize', '');
    for (const bad of [typed, rubbish, text, other, huge]) t.equal(await store.prices.book(bad), null, bad);
    const left = (await store.prices.quotes([typed, other, nan, half, good])).map(
      ({ instrument }) => instrument,
    );
    t.same(left, [good], 'one that is wrong costs no other');
    t.equal(store.state().invalid, 9);
    t.equal(lines.filter(({ level }) => level === 'warn').length, 1, 'the first is told, all are counted');

    const eternal = newInstrument();
    await client.hset(`${prefix}quote:${eternal}`, 'receiveTimeMs', '9e15');
    t.equal(await store.prices.put([...instruments, eternal].map((id) => bookOf(id))), 9, 'all are replaced');
    t.equal((await store.prices.quotes([...instruments, eternal])).length, 9);

    const heard: unknown[] = [];
    await store.prices.subscribe([], (quote) => heard.push(quote));
    await client.publish(`${prefix}prices:${good}`, '{"bid":1}');
    await client.publish(`${prefix}prices:gossip`, '1');
    await store.prices.put([bookOf(good)]);
    await eventually('the true one is heard', () => heard.length > 0);
    t.match(heard, [{ instrument: good, bid: 30_000 }]);
  });

  t.test('entries of other programs are left out, and no member of a group meets them twice', async (t) => {
    const { store, prefix } = await open(t, server.url);
    const client = plain(t, server.url);
    const key = `${prefix}stream:fills`;
    await client.xadd(key, '*', 'greeting', 'hello');
    await client.xadd(key, '*', 'body', '{"kind":"fill"}');
    await store.events.append([{ stream: 'fills', body: fillBody('true') }]);
    t.same(tradeIdsOf(await store.events.read('fills', '0', 10)), ['true']);
    const reader = { group: 'g', member: 'm', claimAfterMs: 0 };
    t.same(tradeIdsOf(await store.events.readGroup('fills', reader, 10)), ['true']);
    t.same((await client.xpending(key, 'g'))[0], 1, 'only what can be read is pending');
    t.equal(store.state().invalid, 4);
    await client.del(key);
    await store.events.append([{ stream: 'fills', body: fillBody('later') }]);
    t.same(
      tradeIdsOf(await store.events.readGroup('fills', reader, 10)),
      ['later'],
      'a group that is gone is made again',
    );
    await client.set(key, 'not a stream');
    await t.rejects(store.events.append([{ stream: 'fills', body: fillBody('x') }]), {
      code: 'ARB_STORE_CONFLICT',
    });
    await t.rejects(store.events.read('fills', '0', 1), { code: 'ARB_STORE_CONFLICT' });
  });

  t.test('a user with the rights that docs/prices.md names can do everything', async (t) => {
    if (server.external) return t.plan(0, 'users of the server of REDIS_URL are not ours to make');
    const client = plain(t, server.url);
    const [, rights = ''] = /needs\n`(~[^`]+)`/.exec(page) ?? [];
    t.match(rights, /^~arbot:\* /);
    await client.call(
      'ACL',
      'SETUSER',
      'limited',
      'reset',
      'on',
      '>s3cret-s3cret',
      ...rights.split(' '),
      '&arbot:paper:prices:*',
    );
    const limited = new URL(server.url);
    limited.username = 'limited';
    limited.password = 's3cret-s3cret';
    const { store } = await open(t, limited.href, { prefix: 'arbot:paper:' });
    t.match(await store.describe(), { name: 'prices', engine: /^(redis|valkey) \d/, unsafeForLive: [] });
    const book = bookOf(newInstrument());
    const heard: unknown[] = [];
    await store.prices.subscribe([], (quote) => heard.push(quote));
    t.equal(await store.prices.put([book]), 1);
    t.strictSame(await store.prices.book(book.instrument), book);
    t.equal((await store.prices.quotes([book.instrument])).length, 1);
    await store.events.append([{ stream: 'fills', body: fillBody('x') }]);
    const given = await store.events.readGroup('fills', { group: 'g', member: 'm', claimAfterMs: 0 }, 5);
    t.equal(
      await store.events.acknowledge(
        'fills',
        'g',
        given.map(({ id }) => id),
      ),
      1,
    );
    t.equal(await store.events.length('fills'), 1);
    t.ok((await store.ping()) >= 0);
    await eventually('it hears', () => heard.length > 0);
  });

  t.test('the examples of docs/prices.md read what a node writes', async (t) => {
    const { store } = await open(t, server.url, { prefix: 'arbot:simulated:' });
    await store.prices.put([bookOf('okx:BTC-USDT')]);
    await store.events.append([{ stream: 'fills', body: fillBody('of-the-page') }]);
    const [, script = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, NODE_OPTIONS: '', REDIS_URL: server.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.on('data', (data: Buffer) => (shown += data.toString()));
    await eventually('the fill is shown', () => shown.includes("tradeId: 'of-the-page'"));
    await eventually('and acknowledged', async () => (await plainPending(t, server.url)) === 0);
    child.kill('SIGKILL');
    const cli = findBinary('redis-cli');
    if (cli === null) return;
    const { port, password } = new URL(server.url);
    const lines = page.split('\n').filter((line) => /^redis-cli (?!PSUBSCRIBE)/.test(line));
    t.equal(lines.length, 4);
    for (const line of lines) {
      const words = line
        .split(' ')
        .slice(1)
        .map((word) => word.replaceAll("'", ''));
      const env = { ...process.env, REDISCLI_AUTH: password };
      const { status, stdout } = spawnSync(cli, ['-h', '127.0.0.1', '-p', port, ...words], { env });
      t.equal(status, 0);
      t.match(stdout.toString(), /okx:BTC-USDT|of-the-page|BUSYGROUP|^\n$/, line);
    }
  });
});

t.test('a server that was flushed is filled again by what comes next', async (t) => {
  const server = await privateServer(t);
  if (server === null) return;
  const { store } = await open(t, server.url);
  const client = plain(t, server.url);
  const book = bookOf(newInstrument());
  const reader = { group: 'g', member: 'm', claimAfterMs: 0 };
  await store.prices.put([book]);
  await store.events.append([{ stream: 'fills', body: fillBody('before') }]);
  const [before] = await store.events.readGroup('fills', reader, 10);
  await client.flushall();
  await client.script('FLUSH');
  t.equal(await store.prices.book(book.instrument), null);
  t.equal(await store.prices.put([book]), 1);
  t.strictSame(await store.prices.book(book.instrument), book);
  await store.events.append([{ stream: 'fills', body: fillBody('after') }]);
  t.same(
    tradeIdsOf(await store.events.read('fills', before!.id, 10)),
    ['after'],
    'a reader’s position still holds',
  );
  t.same(tradeIdsOf(await store.events.readGroup('fills', reader, 10)), ['after']);
});

t.test('while the server is killed every call is rejected at once, and afterwards all goes on', async (t) => {
  const server = await privateServer(t, { durable: true });
  if (server === null) return;
  const { store, lines } = await open(t, server.url);
  const heard: number[] = [];
  await store.prices.subscribe([], ({ receiveTimeMs }) => heard.push(receiveTimeMs));
  await store.events.append([{ stream: 'fills', body: fillBody('kept') }]);
  for (let round = 1; round <= 3; round++) {
    const underWay = Array.from({ length: 50 }, () => store.prices.put([bookOf(newInstrument())]));
    const settled = Promise.allSettled(underWay);
    await server.kill();
    await eventually('it is noticed', () => !store.isUp());
    const reasons = (await settled).flatMap((one) =>
      one.status === 'rejected' ? [one.reason as { code: string }] : [],
    );
    t.ok(
      reasons.every(({ code }) => code === 'ARB_STORE_UNAVAILABLE'),
      'what was under way is answered or unknown',
    );
    t.ok(await isRejectedAtOnce(store.prices.put([bookOf(newInstrument())])));
    t.ok(await isRejectedAtOnce(store.prices.book(newInstrument())));
    t.ok(await isRejectedAtOnce(store.events.append([{ stream: 'fills', body: fillBody('lost') }])));
    t.ok(await isRejectedAtOnce(store.events.read('fills', '0', 1)));
    t.ok(await isRejectedAtOnce(store.ping()));
    t.match(await store.describe(), { engine: 'redis, away' });
    t.match(store.state(), { connected: false, lastError: /./ });
    await server.restart();
    await eventually('it is there again', () => store.isUp());
    t.equal(store.state().reconnects, round);
    const time = 1_800_000_000_000 + round;
    await eventually('subscribers hear again', async () => {
      await store.prices.put([bookOf(newInstrument(), { receiveTimeMs: time })]);
      return heard.includes(time);
    });
  }
  t.same(
    tradeIdsOf(await store.events.read('fills', '0', 10)),
    ['kept'],
    'acknowledged entries survive, unsent ones were never queued',
  );
  const away = lines.filter(({ message }) => message.startsWith('redis is away'));
  t.ok(
    away.length >= 3 && away.length <= 6,
    `an absence is told once per connection, not at each try: ${away.length}`,
  );
});

t.test('a server that stands still is given up, without a queue in front of it', async (t) => {
  const server = await privateServer(t);
  if (server === null) return;
  const { store } = await open(t, server.url, { callTimeoutMs: 500 });
  server.pause();
  const calls = Array.from({ length: 300 }, () => store.prices.put([bookOf(newInstrument())]));
  const refusedAtDoor = await Promise.all(calls.slice(256).map((call) => isRejectedAtOnce(call)));
  t.ok(refusedAtDoor.every(Boolean), 'beyond the bound they are rejected at the door');
  const results = await Promise.allSettled(calls);
  t.ok(
    results.every(
      (one) => one.status === 'rejected' && (one.reason as { code: string }).code === 'ARB_STORE_UNAVAILABLE',
    ),
    'the others when their time is over',
  );
  await eventually('the connection is given up', () => !store.isUp());
  t.ok(await isRejectedAtOnce(store.prices.put([bookOf(newInstrument())])));
  server.resume();
  await eventually('it is there again', () => store.isUp());
  await eventually('and takes books', () =>
    store.prices.put([bookOf(newInstrument())]).then(
      () => true,
      () => false,
    ),
  );
});

t.test('a wrong password and an absent server are no reason not to start', async (t) => {
  const server = await privateServer(t);
  if (server === null) return;
  const wrong = new URL(server.url);
  wrong.password = 'hunter2-hunter2';
  const refused = await open(t, wrong.href, { isAway: true });
  await eventually('the server has refused', () => refused.store.state().lastError !== null);
  t.equal(refused.store.isUp(), false);
  t.match(refused.store.state().lastError, /WRONGPASS/);
  await t.rejects(refused.store.ping(), { code: 'ARB_STORE_UNAVAILABLE', message: /WRONGPASS/ });
  await t.rejects(
    refused.store.prices.subscribe([], () => undefined),
    { code: 'ARB_STORE_UNAVAILABLE' },
  );
  const absent = await open(t, 'redis://:hunter2-hunter2@127.0.0.1:1', { isAway: true });
  await eventually('nobody has answered', () => absent.store.state().lastError !== null);
  t.match(await absent.store.describe(), { engine: 'redis, away', location: '127.0.0.1:1/0' });
  t.match(absent.store.state().lastError, /ECONNREFUSED/);
  const told = JSON.stringify([
    ...refused.lines,
    ...absent.lines,
    refused.store.state(),
    await refused.store.describe(),
  ]);
  t.notMatch(told, /hunter2/);
  await t.rejects(RedisStore.open({ url: 'hunter2' } as never), { code: 'ARB_CONFIG_INVALID' });
});

t.test('nothing was rejected where nobody listens', async (t) => {
  await sleep(50);
  t.same(unhandled.map(errorText), []);
});
