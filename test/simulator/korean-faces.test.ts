import t from 'tap';
import { WON_PAIRS, WON_PER_USDT, type SimulatedExchange } from '../../src/simulator/listings.js';
import type { LadderSide } from '../../src/simulator/ladder.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { ORACLE_ASSUMPTIONS, type Plant } from '../../src/simulator/oracle.js';
import { DEFAULT_PLANTS, NO_PLANTS } from '../../src/simulator/plants.js';
import { NATURAL_GROSS_BOUND_BPS } from '../../src/simulator/price-world.js';
import { SimulatedWorld } from '../../src/simulator/world.js';
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
