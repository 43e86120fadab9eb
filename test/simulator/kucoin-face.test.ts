import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { FaceHttpResponse } from '../../src/simulator/face-protocol.js';
import type { LadderSide } from '../../src/simulator/ladder.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { DEFAULT_PLANTS } from '../../src/simulator/plants.js';
import { wireFolder } from '../shared-data.js';
import {
  MemoryTransport,
  memoryExchanges,
  open,
  subscribeBooks,
  type Connection,
  type MemoryExchanges,
} from './memory-client.js';
import { applyFrame, bookOf, sorted, type NaiveBook } from './naive-book.js';

/** The protocol of KuCoin's two sockets and its REST calls, as a client that knows nothing of ArBot sees it. */

type Json = Record<string, unknown>;
const parse = (text: string) => JSON.parse(text) as Json;

const world = (options: Parameters<typeof memoryExchanges>[0] = {}) =>
  memoryExchanges({ seed: 5, exchanges: ['kucoin'], ...options });

function get(exchanges: MemoryExchanges, url: string, method = 'GET'): FaceHttpResponse & { json: Json } {
  const answer = exchanges.faces.kucoin.handleHttp({ method, url });
  return { ...answer, json: parse(answer.body) };
}

function ticket(exchanges: MemoryExchanges): string {
  const { json } = get(exchanges, '/api/v1/bullet-public', 'POST');
  return (json['data'] as { token: string }).token;
}

function classic(exchanges: MemoryExchanges): Connection {
  return open(exchanges.faces.kucoin, `/?token=${encodeURIComponent(ticket(exchanges))}&connectId=1`);
}

const subscribe = (topic: string) => ({
  id: 7,
  type: 'subscribe',
  topic,
  privateChannel: false,
  response: true,
});
const pro = (channel: string, symbol: string, depth?: string) => ({
  id: `${channel}${depth ?? ''}`,
  action: 'subscribe',
  channel,
  tradeType: 'SPOT',
  symbol,
  ...(depth !== undefined && { depth }),
});

function engineSide(market: SimulatedMarket, side: LadderSide): [number, number][] {
  const { tick, lot } = market.listing;
  const exact = (count: number, step: { units: number; decimals: number }) =>
    Number(`${count * step.units}e-${step.decimals}`);
  return side.prices.map((price, i) => [exact(price, tick), exact(side.lots[i]!, lot)]);
}

function sameBook(t: Test, book: NaiveBook, market: SimulatedMarket, where: string, depth = Infinity): void {
  const { bids, asks } = market.ladder();
  t.same(sorted(book.bids, true), engineSide(market, bids).slice(0, depth), `${where}: bids`);
  t.same(sorted(book.asks, false), engineSide(market, asks).slice(0, depth), `${where}: asks`);
}

t.test('the Pro book of every pair is the engine’s, also for whoever comes later', async (t) => {
  const exchanges = world({ plants: { ...DEFAULT_PLANTS, firstAfterMs: 2_000 } });
  const { faces, run, world: markets } = exchanges;
  const early = open(faces.kucoin);
  subscribeBooks('kucoin', early, markets.pairs);
  run(1_500);
  const late = open(faces.kucoin);
  subscribeBooks('kucoin', late, markets.pairs);
  const readers = [early, late].map((connection) => ({ connection, books: new Map<string, NaiveBook>() }));
  for (let round = 0; round < 20; round++) {
    run(500);
    for (const { connection, books } of readers) {
      for (const frame of connection.transport.take()) applyFrame('kucoin', books, frame);
      for (const pair of markets.pairs) {
        sameBook(t, bookOf(books, pair), markets.market('kucoin', pair), `${pair} round ${round}`);
        t.equal(bookOf(books, pair).gaps, 0, `${pair}: O is always last C + 1`);
      }
    }
  }
  t.ok(early.transport.binary > 100, 'every frame of this socket is binary');
});

/** As the exchange's page says it: skip what the snapshot has, by the number of each change. */
class Level2Reader {
  readonly bids = new Map<string, string>();
  readonly asks = new Map<string, string>();
  last = -1;
  gaps = 0;
  skipped = 0;
  straddled = 0;
  zeros = 0;

  load(data: Json): void {
    this.last = Number(data['sequence']);
    for (const side of ['bids', 'asks'] as const)
      for (const [price, size] of data[side] as string[][]) this[side].set(price!, size!);
  }

  take(data: Json): void {
    const [start, end] = [Number(data['sequenceStart']), Number(data['sequenceEnd'])];
    if (end <= this.last) return;
    if (start > this.last + 1) this.gaps++;
    if (start <= this.last) this.straddled++;
    for (const side of ['bids', 'asks'] as const) {
      for (const [price, size, sequence] of (data['changes'] as Record<string, string[][]>)[side]!) {
        if (Number(sequence) <= this.last) this.skipped++;
        else if (price === '0') this.zeros++;
        else if (Number(size) === 0) this[side].delete(price!);
        else this[side].set(price!, size!);
      }
    }
    this.last = end;
  }
}

t.test('level2 is bridged onto a snapshot that lies inside a frame', async (t) => {
  const exchanges = world({ pairs: ['BTC-USDT'] });
  const { faces, run, world: markets } = exchanges;
  faces.kucoin.level2PeriodMs = 700;
  const client = classic(exchanges);
  client.send(subscribe('/market/level2:BTC-USDT'));
  let straddled = 0;
  let skipped = 0;
  for (let round = 0; round < 6; round++) {
    run(1_100);
    const reader = new Level2Reader();
    reader.load(get(exchanges, '/api/v1/market/orderbook/level2_100?symbol=BTC-USDT').json['data'] as Json);
    run(2_100);
    for (const frame of client.transport.take().map(parse)) {
      if (frame['subject'] === 'trade.l2update') reader.take(frame['data'] as Json);
    }
    faces.kucoin.level2PeriodMs = 0;
    run(100);
    for (const frame of client.transport.take().map(parse)) reader.take(frame['data'] as Json);
    faces.kucoin.level2PeriodMs = 700;
    const market = markets.market('kucoin', 'BTC-USDT');
    t.same(sorted(reader.bids, true), engineSide(market, market.ladder().bids), `bids of round ${round}`);
    t.same(sorted(reader.asks, false), engineSide(market, market.ladder().asks), `asks of round ${round}`);
    t.equal(reader.gaps, 0);
    straddled += reader.straddled;
    skipped += reader.skipped;
  }
  t.ok(
    straddled > 2 && skipped > 5,
    `${straddled} frames straddled a snapshot, ${skipped} changes were in it`,
  );
  t.equal(client.transport.binary, 0, 'the classic socket sends text');
});

t.test('whole books and best quotes of both sockets show the top of the engine’s book', async (t) => {
  const exchanges = world({ pairs: ['ETH-USDT'] });
  const { faces, run, world: markets } = exchanges;
  const market = markets.market('kucoin', 'ETH-USDT');
  const old = classic(exchanges);
  for (const topic of [
    '/spotMarket/level2Depth5',
    '/spotMarket/level2Depth50',
    '/spotMarket/level1',
    '/market/ticker',
  ])
    old.send(subscribe(`${topic}:ETH-USDT`));
  const now = open(faces.kucoin);
  for (const depth of ['1', '5', '50']) now.send(pro('obu', 'ETH-USDT', depth));
  const numbers = (levels: unknown) => (levels as string[][]).map((level) => level.map(Number));
  const seen: Record<string, number> = {};
  for (let step = 0; step < 60; step++) {
    run(100);
    const { bids, asks } = market.ladder();
    const top = (depth: number) => [bids, asks].map((side) => engineSide(market, side).slice(0, depth));
    for (const { topic, data } of old.transport.take().map(parse) as { topic?: string; data: Json }[]) {
      if (topic === undefined) continue;
      seen[topic] = (seen[topic] ?? 0) + 1;
      if (topic.includes('Depth'))
        t.same([data['bids'], data['asks']].map(numbers), top(topic.includes('50') ? 50 : 5), topic);
      else if (topic.includes('level1'))
        t.same(
          [data['bids'], data['asks']].map((level) => [(level as string[]).map(Number)]),
          top(1),
          topic,
        );
      else
        t.same(
          [Number(data['bestBid']), Number(data['bestAskSize'])],
          [top(1)[0]![0]![0], top(1)[1]![0]![1]],
        );
    }
    for (const { dp, t: kind, d } of now.transport.take().map(parse) as {
      dp?: string;
      t: string;
      d: Json;
    }[]) {
      if (dp === undefined) continue;
      seen[dp] = (seen[dp] ?? 0) + 1;
      t.equal(kind, 'snapshot');
      t.equal(d['O'], d['C']);
      t.same([d['b'], d['a']].map(numbers), top(Number(dp)), `obu ${dp}`);
    }
  }
  t.equal(seen['/spotMarket/level2Depth50:ETH-USDT'], 60, 'every 100 ms, changed or not');
  t.equal(seen['50'], 60);
  t.ok(
    seen['1']! > 10 && seen['/spotMarket/level1:ETH-USDT'] === seen['1'],
    'best quotes only when they change',
  );
});

t.test('trades are the same on both sockets, with ids and times beyond 2^53', async (t) => {
  const exchanges = world({ pairs: ['BTC-USDT'] });
  const old = classic(exchanges);
  old.send(subscribe('/market/match:BTC-USDT'));
  const now = open(exchanges.faces.kucoin);
  now.send(pro('trade', 'BTC-USDT'));
  for (let i = 0; i < 6; i++) {
    exchanges.run(10_000);
    for (const connection of [old, now]) connection.heartbeat();
  }
  const ours = old.transport
    .take()
    .map(parse)
    .filter(({ subject }) => subject === 'trade.l3match');
  const theirs = now.transport.take().filter((text) => text.includes('trade.SPOT'));
  t.ok(ours.length > 20, `${ours.length} trades`);
  t.same(
    ours.map(({ data }) => (data as Json)['tradeId']),
    theirs.map((text) => /"ti":"(\d+)"/.exec(text)![1]),
  );
  const { time, tradeId } = ours[0]!['data'] as { time: string; tradeId: string };
  t.ok(BigInt(tradeId) > 2n ** 53n && /^\d{19}$/.test(time));
  t.equal(Number(time.slice(0, -6)) > exchanges.world.nowMs - 60_000, true);
});

t.test(
  'the classic socket wants a valid ticket, greets first, and acknowledges what it never serves',
  async (t) => {
    const exchanges = world();
    const { faces, run } = exchanges;
    const face = faces.kucoin;
    const stranger = new MemoryTransport();
    face.onConnect(stranger, '/?token=made-up&connectId=1');
    t.match(parse(stranger.frames[0]!), { type: 'error', code: 401, data: 'token is invalid' });
    t.equal(stranger.closedWith, 1000);
    const client = classic(exchanges);
    t.match(parse(client.transport.take()[0]!), { type: 'welcome' });
    const answer = (message: unknown) => {
      client.send(message);
      return parse(client.transport.take()[0]!);
    };
    t.same(
      answer(subscribe('/market/level2:NO-SUCH,BTC-USDT')),
      { id: '7', type: 'ack' },
      'ids come back as text',
    );
    run(300);
    const topics = new Set(client.transport.take().map((text) => parse(text)['topic']));
    t.same([...topics], ['/market/level2:BTC-USDT'], 'the unknown symbol is silent');
    t.same(answer(subscribe('/market/level9:BTC-USDT')), {
      id: '7',
      type: 'error',
      code: 404,
      data: 'topic does not exist',
    });
    t.match(answer('not json'), { type: 'error', code: 400 });
    t.match(answer({ id: 'x', type: 'fly' }), { id: 'x', type: 'error', code: 403 });
    t.match(answer({ id: 'p', type: 'ping' }), { id: 'p', type: 'pong' });
    const many = Array.from({ length: 101 }, (_, i) => `S${i}-USDT`).join();
    t.match(answer(subscribe(`/market/match:${many}`)), { type: 'error', code: 509 });
    t.same(answer({ ...subscribe('/market/level2:BTC-USDT'), type: 'unsubscribe' }), {
      id: '7',
      type: 'ack',
    });
    run(1_000);
    t.same(client.transport.take(), [], 'silent after unsubscribe');
    face.welcomeDelayMs = 500;
    const early = classic(exchanges);
    early.send(subscribe('/market/match:BTC-USDT'));
    t.same(early.transport.take(), [], 'what is sent before the welcome does not count');
    run(600);
    t.match(parse(early.transport.take()[0]!), { type: 'welcome' });
    face.welcomeDelayMs = 0;
    face.rejectTokens = true;
    t.equal(classic(exchanges).transport.closedWith, 1000, 'a ticket that is not taken any more');
  },
);

t.test('the Pro socket needs no ticket and words its refusals as captured', async (t) => {
  const { faces, run } = world();
  const client = open(faces.kucoin);
  t.match(parse(client.transport.take()[0]!), { message: 'welcome', pingInterval: 18_000 });
  const answer = (message: unknown) => {
    client.send(message);
    return client.transport.take().map(parse);
  };
  t.same(answer(pro('obu', 'NO-SUCH', 'increment@10ms')), [{ id: 'obuincrement@10ms', result: true }]);
  t.same(answer(pro('obu', 'BTC-USDT', '20')), [
    { id: 'obu20', result: false, message: 'invalid request data' },
  ]);
  t.match(answer({ ...pro('obu', '', '1'), symbols: ['BTC-USDT'] }), [
    { result: false, reason: 'symbols are not supported for topic obu' },
  ]);
  t.match(answer({ ...pro('obu', 'XBTUSDTM', '1'), tradeType: 'FUTURES' }), [{ result: false }]);
  t.match(answer(pro('nope', 'BTC-USDT')), [{ result: false }]);
  t.same(answer('not json'), [], 'no reply to what is no request');
  const [ack, first] = answer(pro('obu', 'BTC-USDT', 'increment@10ms'));
  t.match([ack, first], [{ result: true }, { T: 'obu.SPOT', t: 'snapshot' }]);
  t.same(answer(pro('obu', 'BTC-USDT', 'increment@10ms')).length, 1, 'subscribed twice: no second snapshot');
  client.send({ id: 'p32', type: 'ping' });
  t.match(client.transport.take()[0], /^\{"type":"pong","id":"p32","ts":\d{13}000000\}$/);
  client.send({ id: 'p33', type: 'ping' });
  t.equal(client.transport.closedWith, 1006, 'more than one ping a second');
  const idle = open(faces.kucoin);
  const listening = open(faces.kucoin);
  subscribeBooks('kucoin', listening, ['BTC-USDT']);
  run(61_000);
  t.equal(idle.transport.closedWith, 1006, 'nothing subscribed and nothing said for a minute');
  t.equal(listening.transport.closedWith, null, 'a subscription keeps it open');
  for (let i = 0; i < 301; i++) listening.send(pro('trade', 'BTC-USDT'));
  t.equal(listening.transport.closedWith, 1008, 'more than 300 messages in ten seconds');
});

t.test('silence, age and numbers of connections have their limits', async (t) => {
  const exchanges = world({ pairs: ['BTC-USDT'] });
  const { faces, run } = exchanges;
  const busy = classic(exchanges);
  busy.send(subscribe('/market/match:BTC-USDT'));
  const mute = classic(exchanges);
  run(61_000);
  t.equal(busy.transport.closedWith, 1000, 'a client that only listens is closed with Bye');
  t.match(mute.transport.take().map(parse), [
    { type: 'welcome' },
    { type: 'error', code: 400, data: 'ping timeout' },
  ]);
  const kept = classic(exchanges);
  for (let second = 0; second < 120; second += 20) {
    run(20_000);
    kept.heartbeat();
  }
  t.equal(kept.transport.closedWith, null);
  faces.kucoin.onJump(0);
  for (let i = 0; i < 40; i++) kept.send({ id: 'p', type: 'ping' });
  t.equal(kept.transport.closedWith, null);
  for (let i = 0; i < 61; i++) kept.send({ id: 'p', type: 'ping' });
  t.equal(kept.transport.closedWith, 1008, 'more than 100 messages in ten seconds');
  for (let i = 0; i < 30; i++) {
    const opened = faces.kucoin.onConnect(new MemoryTransport(), '/?token=x');
    if (typeof opened !== 'number') t.fail(`connection ${i} was refused`);
  }
  t.match(faces.kucoin.onConnect(new MemoryTransport(), '/?token=x'), { status: 429 }, 'thirty a minute');
  t.match(faces.kucoin.onConnect(new MemoryTransport(), '/nowhere'), { status: 404 });
});

t.test('REST: envelopes, rules of markets, networks, the pool of weights, keys', async (t) => {
  const exchanges = world();
  const { faces, run, world: markets } = exchanges;
  const call = (url: string, method?: string) => get(exchanges, url, method);
  t.same(call('/api/v1/timestamp').json, { code: '200000', data: markets.nowMs });
  t.match(call('/api/v1/bullet-public', 'POST').json['data'], {
    instanceServers: [{ pingInterval: 18_000, pingTimeout: 10_000 }],
  });
  t.equal(call('/api/v1/bullet-public').status, 405);
  const listed = call('/api/v2/symbols').json['data'] as Json[];
  t.match(listed[0], {
    symbol: 'BTC-USDT',
    priceIncrement: '0.1',
    baseIncrement: '0.00000001',
    minFunds: '0.1',
  });
  faces.kucoin.halted.add('BTC-USDT');
  t.match(call('/api/v2/symbols').json['data'], [{ enableTrading: false }, { enableTrading: true }]);
  const client = classic(exchanges);
  client.send(subscribe('/market/snapshot:BTC-USDT'));
  run(2_100);
  const said = client.transport.take().map(parse).at(-1) as { data: { data: Json } };
  t.match(said.data.data, { symbol: 'BTC-USDT', trading: false });
  t.match(call('/api/v1/market/orderbook/level2_20?symbol=XRP-USDT').json['data'], { sequence: /^\d{11}$/ });
  t.match(call('/api/v1/market/orderbook/level2_20?symbol=NO').json['data'], { bids: [], asks: [] });
  t.match(call('/api/v3/market/orderbook/level2?symbol=BTC-USDT'), { status: 400, json: { code: '400001' } });
  t.match(call('/api/v3/currencies').json['data'], [{ currency: 'BTC', chains: [{ chainId: 'btc' }] }]);
  t.equal(call('/constructor').status, 404);
  let last = call('/api/v1/timestamp');
  for (let i = 0; i < 700 && last.status === 200; i++) last = call('/api/v1/timestamp');
  t.match(last, { status: 429, json: { code: '429000' } });
  const waitMs = Number(last.headers['gw-ratelimit-reset']);
  t.ok(waitMs > 0 && waitMs <= 30_000);
  run(waitMs + 100);
  t.equal(call('/api/v1/timestamp').status, 200);
  faces.kucoin.faults.addHttp({ status: 429, retryAfterSeconds: 3, count: 1 });
  t.match(call('/api/v1/timestamp').headers, { 'gw-ratelimit-reset': '3000' });
  faces.kucoin.faults.clockSkewMs = 5_000;
  t.equal(call('/api/v1/timestamp').json['data'], markets.nowMs + 5_000);
  faces.kucoin.maintenance = true;
  t.equal(call('/api/v1/timestamp').status, 503);
  t.match(faces.kucoin.onConnect(new MemoryTransport(), '/'), { status: 503 });
});

t.test('frame faults hit the frames of the channel and symbol they name', async (t) => {
  const { faces, run } = world({ pairs: ['BTC-USDT'] });
  const client = open(faces.kucoin);
  subscribeBooks('kucoin', client, ['BTC-USDT']);
  client.send(pro('obu', 'BTC-USDT', '1'));
  run(500);
  client.transport.take();
  faces.kucoin.faults.add({ kind: 'mute', channel: 'obu/increment@10ms' });
  run(3_000);
  const depths = new Set(client.transport.take().map((text) => parse(text)['dp']));
  t.same([...depths], ['1'], 'the book is mute, the best quote goes on');
  faces.kucoin.faults.clear();
  faces.kucoin.faults.makeHalfOpen(client.id);
  run(1_000);
  client.heartbeat();
  t.same(client.transport.take(), [], 'half-open');
});

const folder = wireFolder();
const skip = folder === null ? 'the captured frames are not here (ARBOT_WIRE_DIR)' : false;

function lines(file: string): Json[] {
  return readFileSync(join(folder ?? '', file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parse);
}

/** Keys in their order and types; the first element stands for a list. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every((item) => typeof item === 'string')) return value.map(() => 'text');
    return value.length === 0 ? 'empty' : [shape(value[0])];
  }
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, item]) => [key, shape(item)]);
}
const unordered = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(unordered).sort((a, b) => (String(a) < String(b) ? -1 : 1)) : value;

t.test('every frame and answer has the keys and types of captured ones', { skip }, async (t) => {
  const exchanges = world({ pairs: ['BTC-USDT'] });
  const { faces, run } = exchanges;
  const old = classic(exchanges);
  for (const topic of [
    '/market/level2',
    '/spotMarket/level2Depth5',
    '/spotMarket/level1',
    '/market/ticker',
    '/market/match',
    '/market/snapshot',
  ])
    old.send(subscribe(`${topic}:BTC-USDT`));
  old.send(subscribe('/market/level9:BTC-USDT'));
  const now = open(faces.kucoin);
  now.send(pro('obu', 'BTC-USDT', 'increment@10ms'));
  now.send(pro('trade', 'BTC-USDT'));
  now.send(pro('obu', 'BTC-USDT', '20'));
  now.send({ id: 'p', type: 'ping' });
  for (let i = 0; i < 4; i++) {
    run(15_000);
    old.heartbeat();
    now.heartbeat();
  }
  const ours = [...old.transport.take(), ...now.transport.take()].map(parse);
  const zoo = lines('kucoin/crypto-msg-parser-frame-zoo.jsonl');
  const scripts = lines('kucoin/jkorf-subscription-scripts.ndjson') as { file: string; script: string }[];
  const recent = lines('kucoin/observatory-202609-uta-obu-trimmed.jsonl');
  const pushed = (name: string) =>
    parse(scripts.find(({ file }) => file.endsWith(name))!.script.split(/^=\s*$|^= ?(?=\{)/m)[1]!);
  const find = (frames: readonly Json[], ...parts: string[]): Json => {
    const fits = (frame: Json) => parts.every((part) => JSON.stringify(frame).includes(part));
    // A frame with changes on both sides says most; some captured ones have one side only.
    return frames.find((frame) => fits(frame) && !JSON.stringify(frame).includes('[]')) ?? frames.find(fits)!;
  };
  const same = (ours: unknown, real: unknown, name: string) => t.same(shape(ours), shape(real), name);
  const sides = (frame: Json) => frame['data'] as { changes: Json };
  const level2 = find(ours, 'l2update');
  const captured = zoo.find((frame) => JSON.stringify(frame).includes('RUNE-USDC'))!;
  t.same(shape({ ...sides(level2), changes: 0 }), shape({ ...sides(captured), changes: 0 }), 'level2');
  t.same(shape((sides(level2).changes['bids'] as unknown[])[0]), ['text', 'text', 'text'], 'a change');
  same(find(ours, 'level2Depth5'), find(zoo, '/spotMarket/level2Depth5:'), 'level2Depth5');
  same(find(ours, '/market/ticker'), find(zoo, '/market/ticker:BTC'), 'ticker');
  t.same(
    unordered(shape(find(ours, '/spotMarket/level1'))),
    unordered(shape(pushed('Spot/BestOffers.txt'))),
    'level1',
  );
  const match = lines('kucoin/tardis-mapper-kucoin.jsonl').find((frame) =>
    JSON.stringify(frame).includes('LMR-BTC'),
  )!;
  same(find(ours, 'l3match'), match, 'match');
  same(
    find(ours, 'trade.snapshot'),
    find(lines('kucoin/gocryptotrader-wsMarketSnapshot.jsonl'), 'snapshot'),
    'snapshot',
  );
  const welcome = lines('kucoin/tardis-mapper-kucoin.jsonl').find(({ type }) => type === 'welcome');
  same(
    ours.find(({ type }) => type === 'welcome'),
    welcome,
    'welcome',
  );
  same(
    ours.find(({ type }) => type === 'ack'),
    { id: '1', type: 'ack' },
    'acknowledgement',
  );
  same(find(ours, '404'), find(recent, '404'), 'error');
  for (const [name, ...parts] of [
    ['Pro welcome', 'sessionId'],
    ['Pro acknowledgement', '"result":true'],
    ['Pro refusal', '"result":false'],
    ['Pro pong', '"ts"', 'pong'],
    ['obu snapshot', '"obu.', '"snapshot"'],
  ] as const)
    same(find(ours, ...parts), find(recent, ...parts), name);
  const delta = (frames: Json[]) => {
    const { d, ...outer } = find(frames, '"obu.', '"delta"') as { d: Json };
    return [shape(outer), Object.keys(d)];
  };
  t.same(delta(ours), delta(recent), 'obu delta');
  t.same(
    unordered(shape(find(ours, 'trade.SPOT'))),
    unordered(shape(pushed('Unified/Trade.txt'))),
    'Pro trade',
  );
  const answers = lines('rest/jkorf-kucoin-rest-endpoints.ndjson') as { file: string; text: string }[];
  const recorded = (name: string) => {
    const { text } = answers.find(({ file }) => file.endsWith(name))!;
    return parse(text.slice(text.indexOf('{')));
  };
  const first = (answer: Json) => Object.entries((answer['data'] as Json[])[0]!);
  const missing = (url: string, name: string) => {
    const have = new Map(first(get(exchanges, url).json));
    return first(recorded(name)).filter(([key, value]) => typeof have.get(key) !== typeof value);
  };
  t.same(missing('/api/v2/symbols', 'GetSymbols.txt'), [], 'symbols have every recorded key');
  t.same(missing('/api/v3/currencies', 'GetAssets.txt'), [], 'currencies have every recorded key');
  t.same(
    unordered(shape(get(exchanges, '/api/v1/market/orderbook/level2_20?symbol=BTC-USDT').json)),
    unordered(shape(recorded('GetAggregatedPartialOrderBook.txt'))),
    'depth',
  );
});
