import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { WON_PAIRS, WON_PER_USDT, type SimulatedExchange } from '../../src/simulator/listings.js';
import type { LadderSide } from '../../src/simulator/ladder.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { ORACLE_ASSUMPTIONS, type Plant } from '../../src/simulator/oracle.js';
import { DEFAULT_PLANTS, NO_PLANTS } from '../../src/simulator/plants.js';
import { NATURAL_GROSS_BOUND_BPS } from '../../src/simulator/price-world.js';
import { SimulatedWorld } from '../../src/simulator/world.js';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, open, START_MS, subscribeBooks, type MemoryExchanges } from './memory-client.js';

/** Upbit and Bithumb: the protocol of their faces, and the won markets of the world behind them. */

type Json = Record<string, unknown>;
const KOREAN = ['upbit', 'bithumb'] as const;
type Korean = (typeof KOREAN)[number];

const world = (options: Partial<ConstructorParameters<typeof SimulatedWorld>[0]> = {}) =>
  memoryExchanges({ exchanges: [...KOREAN], pairs: WON_PAIRS, ...options });

/** A book rebuilt from frames alone: the newest frame, without padding and without sizes of 0. */
interface SeenBook {
  asks: [number, number][];
  bids: [number, number][];
  atMs: number;
}

function seenIn(text: string): { symbol: string; book: SeenBook } | null {
  const frame = JSON.parse(text) as Json;
  if (frame['type'] !== 'orderbook') return null;
  const units = frame['orderbook_units'] as Record<string, number>[];
  const side = (name: string) =>
    units
      .map((unit): [number, number] => [unit[`${name}_price`]!, unit[`${name}_size`]!])
      .filter(([price, size]) => price > 0 && size > 0);
  const stamp = frame['timestamp'] as number;
  const atMs = stamp > 1e14 ? stamp / 1_000 : stamp;
  return { symbol: frame['code'] as string, book: { asks: side('ask'), bids: side('bid'), atMs } };
}

function engineSide(market: SimulatedMarket, side: LadderSide, depth: number): [number, number][] {
  const { tick, lot } = market.listing;
  const exact = (count: number, step: { units: number; decimals: number }) =>
    Number(`${count * step.units}e-${step.decimals}`);
  return side.prices
    .slice(0, depth)
    .map((price, i): [number, number] => [exact(price, tick), exact(side.lots[i]!, lot)]);
}

const symbolOf = (pair: string) => pair.split('-').reverse().join('-');
const ask = (type: string, codes: readonly string[], more: Json = {}) => ({ type, codes, ...more });

function get(exchanges: MemoryExchanges, exchange: Korean, url: string, method = 'GET') {
  const answer = exchanges.faces[exchange].handleHttp({ method, url });
  return { ...answer, json: JSON.parse(answer.body) as unknown };
}

t.test('every book frame is the whole book of the engine, without padding and sizes of 0', (t) => {
  // A stale plant delays frames, so that they are of a former book.
  const weights = { ...DEFAULT_PLANTS.weights, stale: 0 };
  const exchanges = world({ seed: 4, plants: { ...DEFAULT_PLANTS, firstAfterMs: 2_000, weights } });
  const feeds = KOREAN.map((exchange) => {
    const connection = open(exchanges.faces[exchange]);
    subscribeBooks(exchange, connection, WON_PAIRS.map(symbolOf));
    return { exchange, connection, books: new Map<string, SeenBook>() };
  });
  let padded = 0;
  let dust = 0;
  for (let step = 0; step < 300; step++) {
    for (const { exchange, connection, books } of feeds) {
      if (step % 100 === 0) connection.heartbeat();
      for (const text of connection.transport.take()) {
        const seen = seenIn(text)!;
        books.set(seen.symbol, seen.book);
        if (/_price":0[,}]/.test(text)) padded++;
        if (exchange === 'bithumb' && /_size":0[,}]/.test(text)) dust++;
      }
      for (const pair of WON_PAIRS) {
        const market = exchanges.world.market(exchange, pair);
        const { asks, bids } = market.ladder();
        const book = books.get(symbolOf(pair))!;
        const depth = Math.min(book.asks.length, book.bids.length);
        if (depth < (exchange === 'upbit' ? 28 : 13)) t.fail(`${exchange} ${pair}: ${depth} levels`);
        const same =
          JSON.stringify([engineSide(market, asks, depth), engineSide(market, bids, depth)]) ===
          JSON.stringify([book.asks.slice(0, depth), book.bids.slice(0, depth)]);
        if (!same) t.fail(`${exchange} ${pair} at step ${step}`);
      }
    }
    exchanges.run(100);
  }
  t.ok(padded > 10, `${padded} frames with padding`);
  t.ok(dust > 10, `${dust} frames with a live price of size 0`);
  t.end();
});

t.test('won prices are the dollar prices of the same world times a moving rate', (t) => {
  const mixed = new SimulatedWorld({
    seed: 3,
    startMs: START_MS,
    exchanges: ['binance', 'okx', 'upbit', 'bithumb'],
    pairs: ['BTC-USDT', 'XRP-USDT', 'BTC-KRW', 'XRP-KRW', 'DOGE-KRW', 'USDT-KRW'],
    plants: NO_PLANTS,
  });
  const mid = (exchange: SimulatedExchange, pair: string) => {
    const market = mixed.market(exchange, pair);
    const { asks, bids } = market.ladder();
    return ((asks.prices[0]! + bids.prices[0]!) / 2) * market.listing.tick.value;
  };
  const rates: number[] = [];
  for (let minute = 0; minute < 30; minute++) {
    mixed.advanceTo(mixed.nowMs + 60_000);
    const rate = mixed.wonPerUsdt;
    rates.push(rate);
    const implied = mid('upbit', 'BTC-KRW') / mid('binance', 'BTC-USDT');
    t.ok(
      Math.abs(implied / rate - 1) < 0.001,
      `BTC implies ${implied.toFixed(2)}, the rate is ${rate.toFixed(2)}`,
    );
    const usdt = mid('bithumb', 'USDT-KRW');
    t.ok(Math.abs(usdt / rate - 1) < 0.001, 'and USDT is quoted at it');
  }
  t.ok(Math.max(...rates) / Math.min(...rates) > 1.0001, 'it moves');
  t.ok(rates.every((rate) => Math.abs(rate / WON_PER_USDT - 1) < 0.03));
  t.same(mixed.exchangesOf('BTC-KRW'), ['upbit', 'bithumb']);
  t.same(mixed.exchangesOf('BTC-USDT'), ['binance', 'okx']);
  t.same(
    mixed.marketsOf('upbit').map(({ listing }) => listing.symbol),
    ['KRW-BTC', 'KRW-XRP', 'KRW-DOGE', 'KRW-USDT'],
  );
  t.throws(() => new SimulatedWorld({ seed: 1, startMs: 0, exchanges: ['okx'], pairs: ['BTC-KRW'] }), {
    code: 'ARB_CONFIG_INVALID',
    message: /none of okx lists BTC-KRW/,
  });
  t.throws(
    () => new SimulatedWorld({ seed: 1, startMs: 0, pairs: ['EUR-KRW'] }),
    /EUR-KRW cannot be simulated/,
  );
  t.end();
});

t.test('won pairs shift no dollar price of a world', (t) => {
  const prices = (pairs: readonly string[]) => {
    const one = new SimulatedWorld({
      seed: 8,
      startMs: START_MS,
      exchanges: ['binance', 'okx', 'upbit'],
      pairs,
    });
    one.advanceTo(START_MS + 60_000);
    return one.market('binance', 'BTC-USDT').ladder();
  };
  t.same(prices(['BTC-USDT', 'BTC-KRW', 'USDT-KRW']), prices(['BTC-USDT']));
  t.end();
});

t.test('without plants no edge between won markets comes near the fees', (t) => {
  const { world: one, run } = world({ seed: 3, plants: NO_PLANTS });
  let widest = Number.NEGATIVE_INFINITY;
  const before = new Map<string, { bid: number; ask: number }>();
  for (let step = 0; step < 6_000; step++) {
    run(one.stepMs);
    for (const pair of one.pairs) {
      const now = one.exchanges.map((exchange) => {
        const market = one.market(exchange, pair);
        const { bids, asks } = market.ladder();
        const tick = market.listing.tick.value;
        return { key: `${exchange}${pair}`, bid: bids.prices[0]! * tick, ask: asks.prices[0]! * tick };
      });
      const seen = [...now, ...now.flatMap(({ key }) => before.get(key) ?? [])];
      for (const a of seen) for (const b of seen) widest = Math.max(widest, (a.bid / b.ask - 1) * 10_000);
      for (const quote of now) before.set(quote.key, quote);
    }
  }
  t.ok(widest < NATURAL_GROSS_BOUND_BPS, `widest natural edge ${widest.toFixed(2)} bps in 10 minutes`);
  t.end();
});

/** What a careful trader decides about one direction by frames alone; amounts in won. */
function decide(buy: SeenBook, sell: SeenBook, nowMs: number): string | null {
  const [bestAsk, bestBid] = [buy.asks[0], sell.bids[0]];
  if (bestAsk === undefined || bestBid === undefined) return null;
  const grossBps = (bestBid[0] / bestAsk[0] - 1) * 10_000;
  if (grossBps < 4) return null;
  const crossed = [buy, sell].some(({ asks, bids }) => bids[0]![0] >= asks[0]![0]);
  if (crossed) return 'book_not_trusted';
  if (Math.max(nowMs - buy.atMs, nowMs - sell.atMs) > 1_000) return 'book_age';
  if (grossBps > 500) return 'too_good_to_be_true';
  const netBps = grossBps - 2 * ORACLE_ASSUMPTIONS.takerFeeBps;
  if (netBps < 5) return 'net_edge';
  const notional = Math.min(bestAsk[1], bestBid[1]) * bestAsk[0];
  if (notional < 5_000) return 'order_below_minimum';
  return (notional * netBps) / 10_000 < 0.4 * WON_PER_USDT ? 'profit_below_minimum' : 'execute';
}

t.test('a reader of won books alone finds exactly what the oracle says, over ten minutes', (t) => {
  const exchanges = world({ seed: 6, plants: { ...DEFAULT_PLANTS, quietMs: [3_000, 8_000] } });
  const { world: one } = exchanges;
  const feeds = KOREAN.map((exchange) => {
    const connection = open(exchanges.faces[exchange]);
    subscribeBooks(exchange, connection, WON_PAIRS.map(symbolOf));
    return { exchange, connection, books: new Map<string, SeenBook>() };
  });
  const executed: { pair: string; buyExchange: string; sellExchange: string; atMs: number }[] = [];
  const held = new Set<string>();
  const reasons = new Map<string, { plant: Plant; seen: Set<string> }>();
  for (let step = 0; step < 6_000; step++) {
    exchanges.run(one.stepMs);
    const changed = new Set<string>();
    for (const { connection, books } of feeds) {
      if (step % 200 === 0) connection.heartbeat();
      for (const text of connection.transport.take()) {
        const seen = seenIn(text)!;
        books.set(seen.symbol, seen.book);
        changed.add(seen.symbol);
      }
    }
    for (const pair of one.pairs.filter((candidate) => changed.has(symbolOf(candidate)))) {
      const plant = one.oracle.all().findLast((candidate) => candidate.pair === pair);
      for (const [buy, sell] of [feeds, [...feeds].reverse()] as const) {
        const key = `${pair}/${buy!.exchange}`;
        const decision = decide(buy!.books.get(symbolOf(pair))!, sell!.books.get(symbolOf(pair))!, one.nowMs);
        if (decision !== null && plant !== undefined && one.nowMs < plant.endMs) {
          const note = reasons.get(plant.id) ?? { plant, seen: new Set<string>() };
          note.seen.add(decision);
          reasons.set(plant.id, note);
        }
        if (decision !== 'execute') held.delete(key);
        else if (!held.has(key)) {
          held.add(key);
          const direction = { buyExchange: buy!.exchange, sellExchange: sell!.exchange };
          executed.push({ pair, ...direction, atMs: one.nowMs });
        }
      }
    }
  }
  const verdict = one.oracle.judge(executed);
  t.same(verdict.wrong, [], 'nothing was executed that should not be');
  t.same(verdict.missed, [], 'nothing was missed');
  t.ok(verdict.matched.length > 60, `${verdict.matched.length} true plants executed`);
  const unseen: string[] = [];
  const over = one.oracle.all().filter((plant) => plant.state === 'over');
  for (const plant of over) {
    const seen = reasons.get(plant.id)?.seen ?? new Set<string>();
    if (plant.expected.decision === 'refuse' && !seen.has(plant.expected.reason))
      unseen.push(`${plant.pair} ${plant.kind}: ${[...seen].join()}`);
    if (plant.kind !== 'true') continue;
    const { grossBps } = plant.planted!;
    if (!(grossBps >= 40 && grossBps <= 190)) unseen.push(`${plant.pair} ${grossBps} bps`);
  }
  // Half a tick of DOGE is 20 bps: what fees would eat does not show there, and a slow book may look the same.
  t.same(
    unseen.filter((text) => !text.startsWith('DOGE-KRW eaten_by_fees') && !text.startsWith('DOGE-KRW stale')),
    [],
  );
  t.equal(new Set(over.map(({ kind }) => kind)).size, 7, 'every kind was planted');
  t.ok(new Set(over.map(({ pair }) => pair)).size === 6, 'on every pair');
  t.end();
});

t.test('a request replaces the one before, strange codes are ignored, and errors end the connection', (t) => {
  for (const exchange of KOREAN) {
    const exchanges = world({ plants: NO_PLANTS });
    const { faces, run } = exchanges;
    const client = open(faces[exchange]);
    const codesOf = () => new Set(client.transport.take().map((text) => (JSON.parse(text) as Json)['code']));
    client.send([{ ticket: 'a' }, ask('orderbook', ['KRW-BTC', 'krw-xrp', 'KRW-NONE', 7 as never])]);
    t.same([...codesOf()], ['KRW-BTC'], 'its snapshot at once, of what is listed');
    client.send([
      { ticket: 'b' },
      ask('orderbook', ['KRW-ETH']),
      ask('trade', ['KRW-ETH']),
      ask('ticker', ['KRW-ETH']),
    ]);
    run(20_000);
    const frames = client.transport.take().map((text) => JSON.parse(text) as Json);
    t.same([...new Set(frames.map((frame) => frame['code']))], ['KRW-ETH'], 'nothing of the former list');
    const kinds = new Set(frames.map((frame) => `${String(frame['type'])} ${String(frame['stream_type'])}`));
    for (const type of ['orderbook', 'trade', 'ticker']) t.ok(kinds.has(`${type} REALTIME`), type);
    t.ok(kinds.has('orderbook SNAPSHOT') && kinds.has('ticker SNAPSHOT'));
    const only =
      exchange === 'upbit' ? ['is_only_realtime', 'is_only_snapshot'] : ['isOnlyRealtime', 'isOnlySnapshot'];
    const other = exchange === 'upbit' ? 'isOnlyRealtime' : 'is_only_realtime';
    run(1_000);
    client.transport.take();
    client.send([{ ticket: 'c' }, ask('orderbook', ['KRW-ETH'], { [only[0]!]: true })]);
    t.same(client.transport.take(), [], 'no snapshot');
    client.send([{ ticket: 'd' }, ask('orderbook', ['KRW-ETH'], { [other]: true })]);
    t.equal(client.transport.take().length, 1, 'the other spelling is ignored');
    client.send([{ ticket: 'e' }, ask('orderbook', ['KRW-ETH'], { [only[1]!]: true })]);
    run(1_000);
    t.equal(client.transport.take().length, 1, 'nothing after the snapshot');
    run(3_000);
    client.send([{ ticket: 'f' }, ask('orderbook', ['KRW-ETH']), { format: 'SIMPLE_LIST' }]);
    t.match(JSON.parse(client.transport.take()[0]!), [{ ty: 'orderbook', cd: 'KRW-ETH', st: 'SNAPSHOT' }]);
    for (const [request, name] of [
      ['{', 'WRONG_FORMAT'],
      ['{}', 'WRONG_FORMAT'],
      ['[7]', 'WRONG_FORMAT'],
      [[ask('orderbook', ['KRW-BTC'])], 'NO_TICKET'],
      [[{ ticket: 'x' }], 'NO_TYPE'],
      [[{ ticket: 'x' }, { codes: [] }], 'NO_TYPE'],
      [[{ ticket: 'x' }, ask('nope', ['KRW-BTC'])], 'INVALID_PARAM'],
      [[{ ticket: 'x' }, ask('orderbook', [])], 'NO_CODES'],
      [[{ ticket: 'x' }, ask('orderbook', ['KRW-BTC']), { format: 'XML' }], 'WRONG_FORMAT'],
    ] as const) {
      run(1_000);
      const bad = open(faces[exchange]);
      bad.send(request);
      t.equal(((JSON.parse(bad.transport.take()[0]!) as Json)['error'] as Json)['name'], name);
      t.equal(bad.transport.closedWith, 1000, `${name} ends the connection`);
    }
  }
  t.end();
});

t.test('PING, the idle end, and the limits of messages and connections', (t) => {
  for (const exchange of KOREAN) {
    const { faces, run } = world({ plants: NO_PLANTS });
    const face = faces[exchange];
    const asks = open(face);
    const silent = open(face);
    const pings = open(face);
    silent.send([{ ticket: 'a' }, ask('orderbook', ['KRW-BTC'])]);
    asks.send('PING');
    t.same(asks.transport.take(), ['{"status":"UP"}']);
    for (let i = 0; i < 5; i++) {
      run(10_050);
      t.same(asks.transport.take(), ['{"status":"UP"}'], 'once more every ten seconds');
      pings.heartbeat();
    }
    t.equal(silent.transport.closedWith, null);
    run(10_000);
    t.equal(silent.transport.closedWith, 1006, 'frames do not keep it alive, only words of the client do');
    t.equal(pings.transport.closedWith, null);
    t.ok(pings.transport.pongs.length === 5);
    const limit = exchange === 'upbit' ? 5 : 10;
    run(2_000);
    for (let i = 0; i < limit; i++) open(face);
    t.throws(() => open(face), /429/, `${limit} connections a second`);
    t.equal((face.onConnect(asks.transport, '/elsewhere') as { status: number }).status, 404);
    if (exchange === 'bithumb') continue;
    run(2_000);
    const noisy = open(face);
    for (let i = 0; i < 5; i++) noisy.send('PING');
    t.equal(noisy.transport.closedWith, null);
    noisy.send('PING');
    t.equal(noisy.transport.closedWith, 1008, 'the sixth message within a second');
  }
  t.end();
});

t.test('notices of a market reach its ticker and the list of markets', (t) => {
  const exchanges = world({ plants: NO_PLANTS });
  for (const exchange of KOREAN) {
    const client = open(exchanges.faces[exchange]);
    client.send([{ ticket: 'a' }, ask('ticker', ['KRW-SOL'])]);
    client.transport.take();
    exchanges.faces[exchange].setNotice('KRW-SOL', {
      warning: 'CAUTION',
      delisting: '2027-01-01',
      suspended: true,
    });
    exchanges.run(100);
    const frame = JSON.parse(client.transport.take()[0]!) as Json;
    t.match(frame, { delisting_date: '2027-01-01', is_trading_suspended: true, market_warning: 'CAUTION' });
  }
  const listed = (exchange: Korean, url: string) =>
    (get(exchanges, exchange, url).json as Json[]).find((row) => row['market'] === 'KRW-SOL');
  t.match(listed('upbit', '/v1/market/all?is_details=true'), { market_event: { warning: true } });
  t.match(listed('bithumb', '/v1/market/all?isDetails=true'), { market_warning: 'CAUTION' });
  t.notOk('market_event' in listed('upbit', '/v1/market/all')!);
  t.end();
});

t.test('REST: books, ticks, the clock of the header, errors, limits and bans', (t) => {
  const exchanges = world({ plants: NO_PLANTS });
  const { run, world: one } = exchanges;
  t.same(get(exchanges, 'upbit', '/v1/orderbook/instruments?markets=KRW-USDT,KRW-SOL').json, [
    { market: 'KRW-USDT', quote_currency: 'KRW', tick_size: 0.5, supported_levels: ['0'] },
    { market: 'KRW-SOL', quote_currency: 'KRW', tick_size: 100, supported_levels: ['0'] },
  ]);
  const units = (exchange: Korean, markets: string) =>
    (
      get(exchanges, exchange, `/v1/orderbook?markets=${markets}`).json as { orderbook_units: unknown[] }[]
    ).map((row) => row.orderbook_units.length);
  t.same(units('bithumb', 'KRW-BTC,KRW-ETH'), [15, 15], 'fewer levels for several');
  t.ok(units('bithumb', 'KRW-BTC')[0]! > 25 && units('upbit', 'KRW-BTC,KRW-ETH')[1]! > 25);
  for (const exchange of KOREAN) {
    const bad = get(exchanges, exchange, '/v1/orderbook?markets=KRW-BTC,KRW-NONE');
    t.equal(bad.status, exchange === 'upbit' ? 404 : 200, 'Bithumb says 200');
    t.match(bad.json, { error: { name: 404 } });
    const { headers } = get(exchanges, exchange, '/v1/orderbook?markets=KRW-BTC');
    t.equal(Date.parse(headers['date']!), Math.floor(one.nowMs / 1_000) * 1_000);
    t.match(get(exchanges, exchange, '/v1/none').json, { error: {} });
    t.match(get(exchanges, exchange, '/v1/market/all', 'POST').json, { error: {} });
    exchanges.faces[exchange].faults.addHttp({ status: 503, count: 1 });
    t.equal(get(exchanges, exchange, '/v1/market/all').status, 503);
    exchanges.faces[exchange].faults.addHttp({ status: 429, retryAfterSeconds: 3, count: 1 });
    t.equal(get(exchanges, exchange, '/v1/market/all').headers['retry-after'], '3');
  }
  run(1_000);
  const call = () => get(exchanges, 'upbit', '/v1/market/all');
  t.match(call().headers['remaining-req'], /^group=market; min=1800; sec=9$/);
  for (let i = 0; i < 9; i++) call();
  t.equal(call().status, 429);
  for (let i = 0; i < 9; i++) call();
  t.equal(call().status, 418, 'whoever goes on is banned');
  t.ok(Number(call().headers['retry-after']) > 0);
  run(11_000);
  t.equal(call().status, 200);
  for (let i = 0; i < 150; i++) get(exchanges, 'bithumb', '/v1/market/all');
  t.equal(get(exchanges, 'bithumb', '/v1/market/all').status, 429);
  t.end();
});

const folder = wireFolder();

/** Keys in their order with their types; the first element stands for an array, a long number and its text are one. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, item]) =>
    key === 'sequential_id' || key === 'delisting_date' ? key : [key, shape(item)],
  );
}

t.test(
  'every frame kind has the members, the order and the types of captured ones',
  { skip: folder === null && 'the captured frames are not here (ARBOT_WIRE_DIR)' },
  (t) => {
    const lines = (file: string) =>
      readFileSync(join(folder!, file), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Json);
    const scripts = lines('upbit/jkorf-subscription-scripts.ndjson') as { file: string; script: string }[];
    const script = scripts.find(({ file }) => file.endsWith('Tickers.txt'))!.script;
    const captured: Readonly<Record<Korean, Json[]>> = {
      upbit: [
        ...lines('upbit/ccxt-static-20260813-trimmed.jsonl'),
        ...lines('upbit/observatory-202609-trimmed.jsonl'),
        JSON.parse(script.slice(script.indexOf('= ') + 2)) as Json,
      ],
      bithumb: lines('bithumb/observatory-202609-trimmed.jsonl'),
    };
    for (const exchange of KOREAN) {
      const { faces, run } = world({ plants: NO_PLANTS });
      const client = open(faces[exchange]);
      const all = (format: string) => [
        { ticket: 'a' },
        ...['orderbook', 'trade', 'ticker'].map((type) => ask(type, ['KRW-BTC'])),
        { format },
      ];
      client.send(all('DEFAULT'));
      run(30_000);
      client.send('PING');
      client.send(all('SIMPLE'));
      run(1_000);
      client.send([]);
      const ours = client.transport.take().map((text) => JSON.parse(text) as Json);
      const find = (frames: readonly Json[], key: string, word?: string) =>
        frames.find((frame) => Object.hasOwn(frame, key) && (word === undefined || frame[key] === word));
      for (const [key, word] of [
        ['type', 'orderbook'],
        ['type', 'trade'],
        ['type', 'ticker'],
        ['ty', 'orderbook'],
        ['status', 'UP'],
        ['error', undefined],
      ] as const) {
        const [mine, real] = [find(ours, key, word), find(captured[exchange], key, word)];
        // The publisher trimmed the end of Bithumb's SIMPLE frame.
        const cut = exchange === 'bithumb' && key === 'ty' ? Object.keys(real!).length : undefined;
        t.same((shape(mine) as unknown[]).slice(0, cut), shape(real), `${exchange} ${key} ${word ?? ''}`);
      }
    }
    t.end();
  },
);
