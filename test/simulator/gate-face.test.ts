import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WebSocket } from 'ws';
import { findRecordings } from '../../src/replay/recording.js';
import { describe } from '../../src/replay/describe.js';
import { startReplayServer } from '../../src/replay/replay-server.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { KeptLog } from '../runtime/harness.js';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, open, type Connection } from './memory-client.js';

type Json = Record<string, unknown>;
const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';

const exchanges = (seed = 7, pairs = ['BTC-USDT', 'ETH-USDT']) =>
  memoryExchanges({ seed, exchanges: ['gate'], pairs });

/** Sends a request of the present time and gives what came back. */
function asker(all: ReturnType<typeof exchanges>, client: Connection) {
  return (channel: string, payload: unknown, more: Json = {}): Json[] => {
    client.send({ time: Math.floor(all.world.nowMs / 1000), channel, event: 'subscribe', payload, ...more });
    return client.transport.take().map((text) => JSON.parse(text) as Json);
  };
}

const kinds = (frames: readonly Json[]) =>
  frames.map(
    ({ channel, event, error }) => `${String(channel)} ${error === undefined ? String(event) : 'error'}`,
  );

t.test('subscriptions, their answers and their errors', async (t) => {
  const all = exchanges();
  const client = open(all.faces.gate);
  const ask = asker(all, client);
  t.same(kinds(ask('spot.obu', ['ob.BTC_USDT.400'])).sort(), ['spot.obu subscribe', 'spot.obu update']);
  t.match(
    ask('spot.obu', ['ob.BTC_USDT.400']),
    [{ error: { code: 2 }, result: { status: 'fail' } }],
    'twice',
  );
  t.match(
    ask('spot.obu', ['ob.NOPE_USDT.400']),
    [{ result: { status: 'success' } }],
    'acknowledged, never served',
  );
  t.match(ask('spot.obu', ['ob.ETH_USDT.400', 'ob.BTC_USDT.50']), [{ result: { status: 'success' } }]);
  t.match(ask('spot.obu', ['ob.ETH_USDT.20']), [{ error: { code: 2 } }]);
  t.match(ask('spot.trades', ['NOPE_USDT']), [{ error: { message: 'unknown currency pair: NOPE_USDT' } }]);
  t.match(ask('spot.order_book_update', ['BTC_USDT', '7ms']), [{ error: { message: /interval/ } }]);
  t.match(ask('spot.order_book', ['BTC_USDT', '7', '100ms']), [{ error: { message: /level/ } }]);
  t.match(ask('spot.nothing', ['BTC_USDT']), [{ error: { message: 'Unknown channel spot.nothing' } }]);
  t.match(ask('spot.trades', 'BTC_USDT'), [{ error: { code: 2 } }]);
  t.match(ask('spot.trades', ['BTC_USDT'], { event: 'love' }), [{ error: { code: 2 } }]);
  t.match(ask('spot.trades', ['BTC_USDT'], { time: 5 }), [{ error: { code: 1 } }], 'a time of another day');
  t.match(ask('spot.trades', ['BTC_USDT'], { id: 77 }), [{ id: 77, result: { status: 'success' } }]);
  t.match(ask('spot.ping', undefined), [{ channel: 'spot.pong', event: '', result: null }]);
  client.send('{nonsense');
  t.same(client.transport.take(), [], 'what is not JSON gets no answer');
  all.run(400);
  const symbols = client.transport.take().filter((text) => text.includes('spot.obu'));
  t.ok(symbols.length > 0 && symbols.every((text) => text.includes('ob.BTC_USDT.400')));
  ask('spot.obu', ['ob.BTC_USDT.400'], { event: 'unsubscribe' });
  all.run(1000);
  t.notOk(
    client.transport.take().some((text) => text.includes('spot.obu')),
    'silent after unsubscribe',
  );
  t.match(all.faces.gate.onConnect(client.transport, '/ws/v3/'), { status: 404 });
});

t.test(
  'books: whole first, deltas without a hole and unsorted, some empty; quotes count with them',
  async (t) => {
    const all = exchanges(9, ['BTC-USDT']);
    const client = open(all.faces.gate);
    const ask = asker(all, client);
    ask('spot.order_book_update', ['BTC_USDT', '100ms']);
    ask('spot.book_ticker', ['BTC_USDT']);
    const first = ask('spot.obu', ['ob.BTC_USDT.50']).find(({ event }) => event === 'update')!;
    let last = (first['result'] as Json)['u'] as number;
    t.equal((first['result'] as Json)['full'], true);
    let [unsorted, deltas, checked, lastDiff] = [0, 0, 0, NaN];
    const quotes = new Map<number, string>();
    const tops = new Map<number, string>();
    const sides = [new Map<string, string>(), new Map<string, string>()];
    const take = ({ b, a }: Json) => {
      for (const [index, rows] of [b, a].entries())
        for (const [price, size] of rows as [string, string][])
          if (size === '0') sides[index]!.delete(price);
          else sides[index]!.set(price, size);
    };
    take(first['result'] as Json);
    for (let second = 0; second < 30; second++) {
      all.run(1000);
      for (const text of client.transport.take()) {
        const { channel, result } = JSON.parse(text) as { channel: string; result: Json };
        if (channel === 'spot.book_ticker')
          quotes.set(Number(result['u']), [result['b'], result['B'], result['a'], result['A']].join());
        if (channel === 'spot.order_book_update') {
          if (!Number.isNaN(lastDiff)) t.ok(Number(result['U']) <= lastDiff + 1, 'diffs have no hole');
          lastDiff = Number(result['u']);
        }
        if (channel !== 'spot.obu') continue;
        t.equal(result['U'], last + 1);
        last = Number(result['u']);
        take(result);
        deltas++;
        const prices = (result['b'] as string[][]).map(([price]) => Number(price));
        if (prices.some((price, i) => i > 0 && price > prices[i - 1]!)) unsorted++;
        const [bid, ask_] = [
          Math.max(...[...sides[0]!.keys()].map(Number)),
          Math.min(...[...sides[1]!.keys()].map(Number)),
        ];
        tops.set(last, [bid, sides[0]!.get(String(bid)), ask_, sides[1]!.get(String(ask_))].join());
      }
    }
    for (const [u, top] of tops) {
      const quote = quotes.get(u);
      if (quote === undefined) continue;
      checked++;
      t.equal(top, quote, `best prices at ${u}`);
    }
    t.ok(
      deltas > 50 && unsorted > 5 && checked > 10,
      `${deltas} deltas, ${unsorted} unsorted, ${checked} quotes`,
    );
  },
);

t.test('lines that are not used are closed, and pings keep them', async (t) => {
  const all = exchanges();
  const unused = open(all.faces.gate);
  const pinged = open(all.faces.gate);
  const unserved = open(all.faces.gate);
  asker(all, unserved)('spot.obu', ['ob.NOPE_USDT.400']);
  for (let i = 0; i < 4; i++) {
    all.run(8000);
    all.faces.gate.onClientPing(pinged.id, Buffer.from('x'));
  }
  t.equal(unused.transport.closedWith, 1006, 'after 30 s without a subscription');
  t.equal(unserved.transport.closedWith, null);
  for (let i = 0; i < 4; i++) {
    all.run(8000);
    all.faces.gate.onClientPing(pinged.id, Buffer.from('x'));
  }
  t.equal(unserved.transport.closedWith, 1006, 'after 60 s that carried nothing');
  t.equal(pinged.transport.closedWith, null);
});

t.test('REST: markets and networks with their states, books, time, limits, errors', async (t) => {
  const all = exchanges();
  const { rest } = all.faces.gate;
  const get = (url: string, method = 'GET') => {
    const { status, headers, body } = all.faces.gate.handleHttp({ method, url });
    return { status, headers, json: JSON.parse(body) as Json & Json[] };
  };
  t.match(get('/api/v4/spot/time').json, { server_time: all.world.nowMs });
  t.match(get('/api/v4/spot/currency_pairs').json, [
    { id: 'BTC_USDT', precision: 1, amount_precision: 6, fee: '0.2', min_quote_amount: '3' },
    { id: 'ETH_USDT', precision: 2, amount_precision: 4, min_base_amount: '0.001' },
  ]);
  rest.pairs.set('BTC_USDT', { trade_status: 'sellable', delisting_time: 1_800_000_000 });
  rest.chains.set('USDT TRX', { withdraw_disabled: true });
  t.match(get('/api/v4/spot/currency_pairs').json[0], {
    trade_status: 'sellable',
    delisting_time: 1_800_000_000,
  });
  const usdt = get('/api/v4/spot/currencies').json.find(({ currency }) => currency === 'USDT')!;
  t.match(usdt['chains'], [
    { name: 'ETH', withdraw_disabled: false },
    { name: 'TRX', withdraw_disabled: true },
  ]);
  const book = get('/api/v4/spot/order_book?currency_pair=BTC_USDT&limit=3&with_id=true');
  t.equal((book.json['bids'] as unknown[]).length, 3);
  t.type(book.json['id'], 'number');
  t.equal(get('/api/v4/spot/order_book?currency_pair=BTC_USDT').json['id'], undefined, 'only when asked for');
  t.match(get('/api/v4/spot/order_book?currency_pair=NOPE'), {
    status: 400,
    json: { label: 'INVALID_CURRENCY_PAIR' },
  });
  t.match(get('/api/v4/spot/order_book?currency_pair=BTC_USDT&limit=101').json, {
    label: 'INVALID_PARAM_VALUE',
  });
  t.match(get('/api/v4/spot/order_book').json, { label: 'MISSING_REQUIRED_PARAM' });
  t.match(get('/api/v4/nothing'), { status: 404 });
  t.match(get('/api/v4/spot/time', 'POST'), { status: 405 });
  rest.bookAgeMs = 5000;
  all.run(1000);
  const url = '/api/v4/spot/order_book?currency_pair=ETH_USDT&with_id=true';
  const old = get(url).json['id'];
  all.run(2000);
  t.equal(get(url).json['id'], old, 'an old book');
  for (let call = 0; call < 199; call++) get('/api/v4/spot/currencies');
  t.match(get('/api/v4/spot/currencies'), {
    status: 429,
    json: { label: 'TOO_MANY_REQUESTS' },
    headers: { 'x-gate-ratelimit-requests-remain': '0', 'x-gate-ratelimit-limit': '200' },
  });
  all.faces.gate.faults.addHttp({ status: 429, retryAfterSeconds: 7, count: 1 });
  const banned = get('/api/v4/spot/time');
  t.equal(banned.status, 429);
  const until = Number(banned.headers['x-gate-ratelimit-reset-timestamp']);
  t.ok(until * 1000 >= all.world.nowMs + 6000, 'the header names the end of the ban');
  all.faces.gate.faults.addHttp({ status: 503, count: 1 });
  t.match(get('/api/v4/spot/time'), { status: 503, json: { label: 'SERVER_ERROR' } });
});

/** Keys in their order with the types of their values; the first element stands for a list. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])];
  if (typeof value === 'string') return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) ? 'number as text' : 'text';
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, item]) => [key, shape(item)]);
}

t.test('frames have the keys, the order and the number form of captured ones', { skip }, async (t) => {
  const captured = [
    'tardis-mapper-gate-io.jsonl',
    'crypto-msg-parser-frame-zoo.jsonl',
    'gocryptotrader-wsFutures.jsonl',
  ]
    .flatMap((file) => readFileSync(join(folder!, 'gate', file), 'utf8').split('\n'))
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Json);
  const all = exchanges(2, ['BTC-USDT']);
  const client = open(all.faces.gate);
  const ask = asker(all, client);
  const ours = [
    ...ask('spot.obu', ['ob.BTC_USDT.400']),
    ...ask('spot.book_ticker', ['BTC_USDT']),
    ...ask('spot.order_book_update', ['BTC_USDT', '100ms']),
    ...ask('spot.order_book', ['BTC_USDT', '20', '100ms']),
    ...ask('spot.trades', ['BTC_USDT']),
    ...ask('spot.tickers', ['BTC_USDT']),
    ...ask('spot.ping', undefined),
  ];
  all.run(20_000);
  ours.push(...client.transport.take().map((text) => JSON.parse(text) as Json));
  const find = (frames: readonly Json[], ...parts: readonly string[]): Json => {
    const found = frames.find((frame) => {
      const text = JSON.stringify(frame);
      return parts.every((part) => text.includes(part)) && !text.includes('[]');
    });
    if (found === undefined) throw new Error(`no frame with ${parts.join(', ')}`);
    return structuredClone(found);
  };
  const same = (name: string, ...parts: readonly string[]) =>
    t.same(shape(find(ours, ...parts)), shape(find(captured, ...parts)), name);
  same('answer', '"spot.obu"', '"subscribe"');
  same('whole book', '"spot.obu"', '"full"');
  same('delta', '"spot.obu"', '"U"');
  same('best quote', '"spot.book_ticker"', '"time_ms"', '"update"');
  // Captured in 2021 and 2022, before `time_ms` joined the envelope of these channels.
  for (const channel of ['"spot.order_book_update"', '"spot.order_book"', '"spot.tickers"']) {
    const frame = find(ours, channel, '"update"');
    delete frame['time_ms'];
    t.same(shape(frame), shape(find(captured, channel, '"event":"update"')), channel);
  }
  const trade = find(ours, '"spot.trades"', '"update"');
  for (const newer of ['id_market', 'range']) delete (trade['result'] as Json)[newer];
  t.same(shape(trade), shape(find(captured, '"spot.trades"', '"time_ms"', '"update"')), 'trade');
  const pong = find(ours, '"spot.pong"');
  const older = find(captured, 'futures.pong');
  t.same(
    Object.keys(older).every((key) => key in pong),
    true,
    'pong',
  );
});

t.test('REST answers have the keys of recorded ones', { skip }, async (t) => {
  const rows = readFileSync(join(folder!, 'rest', 'jkorf-gate-rest-endpoints.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { file: string; text: string });
  const { faces } = exchanges();
  for (const [name, url] of [
    ['GetSymbols', '/api/v4/spot/currency_pairs'],
    ['GetAssets', '/api/v4/spot/currencies'],
    ['GetOrderBook', '/api/v4/spot/order_book?currency_pair=BTC_USDT&with_id=true'],
  ] as const) {
    const { text } = rows.find(({ file }) => file.endsWith(`Spot/ExchangeData/${name}.txt`))!;
    const first = (value: unknown): Json => (Array.isArray(value) ? (value as Json[])[0]! : (value as Json));
    const real = first(JSON.parse(text.slice(text.search(/[[{]/))));
    const ours = first(JSON.parse(faces.gate.handleHttp({ method: 'GET', url }).body));
    for (const [key, value] of Object.entries(real)) {
      // Where there is no limit the exchange says null.
      if (ours[key] !== null) t.equal(typeof ours[key], typeof value, `${name}.${key}`);
      else t.equal(key, 'max_base_amount');
    }
  }
});

t.test('what the face sent replays, also for a client that comes late', async (t) => {
  const all = exchanges(4, ['BTC-USDT']);
  const client = open(all.faces.gate);
  const frames: string[] = [];
  client.send({
    time: Math.floor(all.world.nowMs / 1000),
    channel: 'spot.obu',
    event: 'subscribe',
    payload: ['ob.BTC_USDT.400'],
  });
  all.run(3000);
  frames.push(...client.transport.take());
  const name = 'gate-20260921';
  const at = (index: number) => ((1_790_000_000_000 + index) / 1000).toFixed(6);
  const path = t.testdir({
    [`${name}.jsonl`]: frames.map((one) => `${one}\n`).join(''),
    [`${name}.ts`]: frames.map((_, index) => `${at(index)}\n`).join(''),
  });
  const files = new LocalFiles();
  t.match(await describe(files, path), [
    {
      exchange: 'gate',
      symbols: [
        { symbol: 'BTC_USDT', base: 'BTC', quote: 'USDT', channels: ['spot.obu.400'], priceDecimals: 1 },
      ],
    },
  ]);
  const server = await startReplayServer({
    files,
    clock: new SystemClock(),
    timers: new SystemTimers(),
    log: new KeptLog(),
    recordings: await findRecordings(files, path),
    speed: 'max',
    settleMs: 10,
  });
  t.teardown(() => server.close());
  const { ws, rest } = server.endpoints['gate']!;
  const join_ = async () => {
    const socket = new WebSocket(`${ws}/ws/v4/`);
    const got: Json[] = [];
    socket.on('message', (data: Buffer) => got.push(JSON.parse(data.toString()) as Json));
    t.teardown(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(
      JSON.stringify({ time: 1, channel: 'spot.obu', event: 'subscribe', payload: ['ob.BTC_USDT.400'] }),
    );
    return { socket, got };
  };
  const early = await join_();
  await server.finished;
  while (early.got.length < frames.length)
    await new Promise((resolve) => early.socket.once('message', resolve));
  const late = await join_();
  while (!late.got.some(({ event }) => event === 'update'))
    await new Promise((resolve) => late.socket.once('message', resolve));
  const whole = late.got.find(({ event }) => event === 'update')!['result'] as Json;
  const last = (JSON.parse(frames.at(-1)!) as { result: Json }).result;
  t.same([whole['full'], whole['u']], [true, last['u']], 'a whole book of the last number');
  const pairs = (await (await fetch(`${rest}/api/v4/spot/currency_pairs`)).json()) as Json[];
  t.match(pairs, [{ id: 'BTC_USDT', precision: 1 }]);
  t.match(await (await fetch(`${rest}/api/v4/spot/time`)).json(), {
    server_time: 1_790_000_000_000 + frames.length - 1,
  });
});
