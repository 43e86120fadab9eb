import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, open, type Connection, type MemoryExchanges } from './memory-client.js';
import { applyFrame, bookOf, sorted, type NaiveBook } from './naive-book.js';

type Json = Record<string, unknown>;
const folder = wireFolder();
const skip = folder === null ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;

const V2 = '/v2/ws/public';
const V3 = '/v3/ws/public';
const CHANNELS = {
  [V2]: ['books', 'books1', 'books15', 'trade', 'ticker'],
  [V3]: ['books', 'books1', 'publicTrade'],
};
const argument = (path: typeof V2 | typeof V3, channel: string, symbol = 'BTCUSDT') =>
  path === V2 ? { instType: 'SPOT', channel, instId: symbol } : { instType: 'spot', topic: channel, symbol };

function bitgetOnly(seed = 2): MemoryExchanges {
  return memoryExchanges({ seed, exchanges: ['bitget'] });
}

/** Each channel for a minute, as a client gets it that comes when there is history. */
function sent(exchanges: MemoryExchanges, path: typeof V2 | typeof V3): Json[] {
  exchanges.run(5_000);
  const client = open(exchanges.faces.bitget, path);
  client.send({ op: 'subscribe', args: CHANNELS[path].map((channel) => argument(path, channel)) });
  client.send({ op: 'subscribe', args: [argument(path, 'books', 'NOPEUSDT')] });
  exchanges.run(60_000);
  return client.transport.take().map((text) => JSON.parse(text) as Json);
}

/** Keys in their order with the types below them; the first element stands for an array, two texts are a level. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : [shape(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.entries(value).map(([key, item]) => [key, shape(item)]);
}

function lines(file: string): Json[] {
  return readFileSync(join(folder ?? '', file), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Json);
}

/** First frame that has all parts and no empty list. */
function find(frames: readonly Json[], ...parts: readonly string[]): Json {
  const found = frames.find((frame) => {
    const text = JSON.stringify(frame);
    return parts.every((part) => text.includes(part)) && !text.includes('[]');
  });
  if (found === undefined) throw new Error(`no frame with ${parts.join(', ')}`);
  return found;
}

t.test('frames have the keys, the order and the types of captured ones', { skip }, async (t) => {
  const recent = lines('bitget/observatory-202609-trimmed.jsonl');
  const older = lines('bitget/tardis-mapper-bitget.jsonl');
  const exchanges = bitgetOnly();
  const ours = sent(exchanges, V2);
  const same = (mine: Json, real: Json, name: string) => t.same(shape(mine), shape(real), name);
  same(find(ours, '"subscribe"', '"arg"'), find(recent, '"subscribe"', '"arg"'), 'acknowledgement');
  same(find(ours, '"error"'), find(recent, '"error"'), 'refusal');
  for (const action of ['"snapshot"', '"update"'])
    same(find(ours, action, '"books"'), find(recent, action, '"books"'), `books ${action}`);
  for (const action of ['"snapshot"', '"update"'])
    same(find(ours, action, '"trade"'), find(older, action, '"trade"'), `trade ${action}`);
  const scripts = lines('bitget/jkorf-subscription-scripts.ndjson') as { file?: string; script?: string }[];
  const script = scripts.find(({ file }) => file!.endsWith('Spot/Ticker.txt'))!.script!;
  const ticker = JSON.parse(script.split('\n= \n')[1]!) as Json;
  same(find(ours, '"data"', '"ticker"'), ticker, 'ticker');
  exchanges.faces.bitget.bookForm = 'checksum';
  const checked = sent(exchanges, V2);
  for (const [channel, action] of [
    ['"books"', '"snapshot"'],
    ['"books1"', '"snapshot"'],
    ['"books15"', '"snapshot"'],
  ] as const)
    same(find(checked, channel, action), find(older, channel, action), `${channel} of 2024`);
  const unified = older.filter((frame) => JSON.stringify(frame).includes('"topic"'));
  const ofV3 = sent(exchanges, V3);
  for (const [channel, action] of [
    ['"books"', '"snapshot"'],
    ['"books"', '"update"'],
    ['"books1"', '"snapshot"'],
    ['"publicTrade"', '"snapshot"'],
    ['"publicTrade"', '"update"'],
  ] as const)
    same(find(ofV3, channel, action), find(unified, channel, action), `v3 ${channel} ${action}`);
});

t.test('REST answers have the keys and types of recorded ones', { skip }, async (t) => {
  const { faces } = bitgetOnly();
  const rows = lines('rest/jkorf-bitget-rest-endpoints.ndjson') as { file?: string; text?: string }[];
  for (const [name, url] of [
    ['GetSymbols.txt', '/api/v2/spot/public/symbols'],
    ['GetAssets.txt', '/api/v2/spot/public/coins'],
    ['GetOrderBook.txt', '/api/v2/spot/market/orderbook?symbol=BTCUSDT&limit=5'],
    ['GetServerTime.txt', '/api/v2/public/time'],
  ] as const) {
    const { text } = rows.find(({ file }) => file!.endsWith(`/ExchangeData/${name}`))!;
    const real = JSON.parse(text!.slice(text!.indexOf('{'))) as unknown;
    const ours = JSON.parse(faces.bitget.handleHttp({ method: 'GET', url }).body) as unknown;
    t.same(shape(ours), shape(real), name);
  }
});

t.test('the book rebuilt from the frames is the engine’s, for early and late clients', async (t) => {
  const exchanges = bitgetOnly(4);
  const { faces, world, run } = exchanges;
  const symbols = world.marketsOf('bitget').map(({ listing }) => listing.symbol);
  const clients: { books: Map<string, NaiveBook>; connection: Connection }[] = [];
  for (let i = 0; i < 2; i++) {
    const connection = open(faces.bitget, V2);
    connection.send({ op: 'subscribe', args: symbols.map((symbol) => argument(V2, 'books', symbol)) });
    clients.push({ books: new Map(), connection });
    run(700);
  }
  for (let round = 0; round < 20; round++) {
    run(1000);
    for (const { books, connection } of clients) {
      connection.heartbeat();
      for (const frame of connection.transport.take().filter((text) => text !== 'pong'))
        applyFrame('bitget', books, frame);
      for (const market of world.marketsOf('bitget')) {
        const book = bookOf(books, market.listing.symbol);
        const { bids, asks } = market.ladder();
        t.equal(book.gaps, 0);
        t.equal(sorted(book.bids, true).length, bids.prices.length);
        t.equal(
          sorted(book.asks, false)[0]![0],
          Number(`${asks.prices[0]! * market.listing.tick.units}e-${market.listing.tick.decimals}`),
        );
      }
    }
  }
});

t.test('subscriptions: acknowledged, refused, silent, repeated, ended', async (t) => {
  const { faces, run } = bitgetOnly();
  const face = faces.bitget;
  const client = open(face, V2);
  const answers = (message: unknown) => {
    client.send(message);
    return client.transport.take().map((text) => JSON.parse(text) as Json);
  };
  t.match(answers({ op: 'subscribe', args: [argument(V2, 'books')] }), [
    { event: 'subscribe', arg: { instId: 'BTCUSDT' } },
    { action: 'snapshot', data: [{ pseq: 0 }] },
  ]);
  t.match(answers({ op: 'subscribe', args: [argument(V2, 'nonsense')] }), [
    { event: 'error', code: 30001, op: 'subscribe', arg: { channel: 'nonsense' } },
  ]);
  for (const bad of ['{', '[]', { op: 'dance', args: [1] }, { op: 'subscribe', args: [] }, 'x'.repeat(5000)])
    t.match(answers(bad), [{ event: 'error', code: 30016 }]);
  run(1000);
  const futures = { instType: 'USDT-FUTURES', channel: 'books', instId: 'ETHUSDT' };
  client.transport.take();
  t.match(answers({ op: 'subscribe', args: [futures] }), [{ event: 'subscribe', arg: futures }]);
  face.silentSymbols.add('XRPUSDT');
  t.equal(answers({ op: 'subscribe', args: [argument(V2, 'books', 'XRPUSDT')] }).length, 1);
  answers({ op: 'unsubscribe', args: [argument(V2, 'books')] });
  run(3000);
  t.same(client.transport.take(), [], 'neither what was silent nor what was ended is served');
});

t.test('limits: messages, requests an hour, books at once, pings, age, paths', async (t) => {
  const { faces, run } = bitgetOnly();
  const face = faces.bitget;
  const request = { op: 'subscribe', args: [argument(V2, 'books1')] };
  const hasty = open(face, V2);
  for (let i = 0; i < 11; i++) hasty.send(request);
  t.equal(hasty.transport.closedWith, 1008, 'more than ten messages in a second');
  const busy = open(face, V2);
  for (let i = 0; i < 241; i++) {
    run(200);
    if (i % 100 === 0) busy.send('ping');
    busy.send(request);
  }
  t.match(JSON.parse(busy.transport.take().at(-1)!), { event: 'error', code: 30006 });
  const many = { op: 'subscribe', args: Array.from({ length: 25 }, () => argument(V3, 'books')) };
  const greedy = open(face, V3);
  greedy.send(many);
  t.equal(greedy.transport.closedWith, 1006, 'v3 drops who asks for 25 books at once');
  const quiet = open(face, V2);
  quiet.send(request);
  const living = open(face, V2);
  for (let i = 0; i < 5; i++) {
    run(29_000);
    living.send('ping');
    t.same(living.transport.take(), ['pong']);
  }
  t.equal(quiet.transport.closedWith, 1006, 'closed without a ping, also while data flows');
  t.equal(living.transport.closedWith, null);
  t.throws(() => open(face, '/v1/ws/public'), /404/);
  face.onJump(24 * 3_600_000);
  run(100);
  t.equal(living.transport.closedWith, null, 'time that nobody lived does not count');
});

t.test('REST: errors in the body, limits, maintenance, states and networks', async (t) => {
  const { faces, run } = bitgetOnly();
  const face = faces.bitget;
  const get = (url: string, method = 'GET') => {
    const { status, headers, body } = face.handleHttp({ method, url });
    return { status, headers, json: JSON.parse(body) as { code: string; data: Json[] } };
  };
  t.match(get('/api/v2/spot/public/symbols?symbol=NOPE'), { status: 400, json: { code: '40034' } });
  t.match(get('/api/v2/spot/market/orderbook?symbol=BTCUSDT&limit=x'), {
    status: 400,
    json: { code: '40017' },
  });
  t.match(get('/api/v2/other'), { status: 404, json: { code: '40404' } });
  t.equal(get('/api/v2/public/time', 'POST').status, 404);
  face.setStatus('BTCUSDT', 'halt');
  t.match(get('/api/v2/spot/public/symbols?symbol=BTCUSDT').json.data, [
    { status: 'halt', takerFeeRate: '0.002', pricePrecision: '2', minTradeUSDT: '1' },
  ]);
  t.match(get('/api/v2/spot/public/symbols?symbol=SOLUSDT').json.data, [{ takerFeeRate: '0.001' }]);
  face.setChains('USDT', [{ chain: 'TRC20', withdrawable: false, rechargeable: true, withdrawFee: '1' }]);
  t.match(get('/api/v2/spot/public/coins?coin=USDT').json.data, [
    { chains: [{ chain: 'TRC20', withdrawable: 'false', rechargeable: 'true' }] },
  ]);
  const calls = Array.from({ length: 4 }, () => get('/api/v2/spot/public/coins').status);
  t.same(calls, [200, 200, 429, 429], 'three a second');
  run(1100);
  t.equal(get('/api/v2/spot/public/coins').status, 200);
  face.faults.addHttp({ status: 429, retryAfterSeconds: 7, count: 1 });
  t.match(get('/api/v2/public/time'), {
    status: 429,
    headers: { 'retry-after': '7' },
    json: { code: '429' },
  });
  const client = open(face, V2);
  face.setMaintenance(true);
  t.equal(client.transport.closedWith, 1006);
  t.match(get('/api/v2/public/time'), { status: 400, json: { code: '40200' } });
  t.throws(() => open(face, V2), /503/);
  face.setMaintenance(false);
  t.equal(get('/api/v2/public/time').status, 200);
});

t.test('a restart counts anew, numbers can be long, and clocks can be wrong', async (t) => {
  const { faces, run, world } = bitgetOnly();
  const face = faces.bitget;
  const client = open(face, V2);
  client.send({ op: 'subscribe', args: [argument(V2, 'books')] });
  run(500);
  client.transport.take();
  face.restartBooks();
  run(1000);
  const frames = client.transport
    .take()
    .map((text) => (JSON.parse(text) as { data: { seq: number; pseq: number }[] }).data[0]!);
  t.equal(frames[0]!.pseq, 0);
  t.ok(frames[0]!.seq < 1_000_000);
  t.ok(
    frames.slice(1).every(({ pseq }, i) => pseq === frames[i]!.seq),
    'and links on',
  );
  face.sequenceForm = 'text';
  face.faults.clockSkewMs = 5000;
  run(300);
  const skewed = client.transport.take().at(-1)!;
  t.match(skewed, /"seq":"13043145\d{11}"/);
  const { ts } = JSON.parse(skewed) as { ts: number };
  t.equal(ts, world.nowMs + 5000);
});
