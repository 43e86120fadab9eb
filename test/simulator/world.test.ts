import t from 'tap';
import type { LevelText } from '../../src/messages/primitives.js';
import { DEFAULT_EXCHANGES, type SimulatedExchange } from '../../src/simulator/listings.js';
import { ORACLE_ASSUMPTIONS, type Plant } from '../../src/simulator/oracle.js';
import { DEFAULT_PLANTS, WATCHED_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import { MAX_TIED_STEP_BPS, type PriceTie } from '../../src/simulator/price-ties.js';
import { NATURAL_GROSS_BOUND_BPS, PriceWorld } from '../../src/simulator/price-world.js';
import { Prng } from '../../src/simulator/prng.js';
import { halfLifeOf } from '../../src/statistics/half-life.js';
import { standardDeviation } from '../../src/statistics/regression.js';
import { memoryExchanges, open, START_MS, subscribeBooks, type MemoryExchanges } from './memory-client.js';
import { applyBinanceSnapshot, applyFrame, bookOf, sorted, type NaiveBook } from './naive-book.js';

t.test('one seed gives one stream of words, and a saved state continues it', (t) => {
  const first = Prng.of(1, 'x');
  const again = Prng.of(1, 'x');
  const words = Array.from({ length: 100 }, () => first.word());
  t.same(
    words,
    Array.from({ length: 100 }, () => again.word()),
  );
  const resumed = new Prng(first.state);
  t.equal(resumed.word(), first.word());
  t.not(Prng.of(2, 'x').word(), Prng.of(1, 'x').word());
  t.not(Prng.of(1, 'y').word(), Prng.of(1, 'x').word());
  const many = Array.from({ length: 20_000 }, () => first.normal());
  const mean = many.reduce((sum, x) => sum + x, 0) / many.length;
  const variance = many.reduce((sum, x) => sum + x * x, 0) / many.length;
  t.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04, `mean ${mean}, variance ${variance}`);
  t.end();
});

/** Everything all three exchanges send on every channel in 40 s with plants, as one text. */
function everyFrame(seed: number): string {
  const exchanges = memoryExchanges({ seed, plants: { ...DEFAULT_PLANTS, firstAfterMs: 1_000 } });
  const { binance, okx, bybit } = exchanges.faces;
  const channels = ['depth', 'depth@100ms', 'depth5@100ms', 'bookTicker', 'trade', 'aggTrade'];
  const one = open(binance, `/stream?streams=${channels.map((c) => `btcusdt@${c}`).join('/')}`);
  const two = open(okx);
  two.send({
    op: 'subscribe',
    args: ['books', 'books5', 'bbo-tbt', 'trades', 'tickers'].map((channel) => ({
      channel,
      instId: 'ETH-USDT',
    })),
  });
  const three = open(bybit);
  const topics = ['orderbook.1', 'orderbook.50', 'orderbook.200', 'publicTrade', 'tickers'];
  three.send({ op: 'subscribe', args: topics.map((topic) => `${topic}.XRPUSDT`) });
  exchanges.run(40_000);
  return [one, two, three].flatMap(({ transport }) => transport.frames).join('\n');
}

t.test('two worlds of one seed send byte-equal frames, another seed sends others', (t) => {
  const first = everyFrame(11);
  t.ok(first.length > 500_000, `${first.length} bytes`);
  t.ok(first === everyFrame(11), 'byte-equal');
  t.not(first === everyFrame(12), true);
  t.end();
});

t.test('without plants no edge between two exchanges comes near the fees', (t) => {
  const { world, run } = memoryExchanges({ seed: 3 });
  let widest = Number.NEGATIVE_INFINITY;
  let thinnest = Number.POSITIVE_INFINITY;
  const before = new Map<string, { bid: number; ask: number }>();
  for (let step = 0; step < 6_000; step++) {
    run(world.stepMs);
    for (const pair of world.pairs) {
      const now = world.exchanges.map((exchange) => {
        const market = world.market(exchange, pair);
        const { bids, asks } = market.ladder();
        thinnest = Math.min(thinnest, bids.prices.length, asks.prices.length);
        const tick = market.listing.tick.value;
        return { key: `${exchange}${pair}`, bid: bids.prices[0]! * tick, ask: asks.prices[0]! * tick };
      });
      // A reader may be one step behind on either side.
      const seen = [...now, ...now.flatMap(({ key }) => before.get(key) ?? [])];
      for (const a of seen) for (const b of seen) widest = Math.max(widest, (a.bid / b.ask - 1) * 10_000);
      for (const quote of now) before.set(quote.key, quote);
    }
  }
  t.ok(widest < NATURAL_GROSS_BOUND_BPS, `widest natural edge ${widest.toFixed(2)} bps in 10 minutes`);
  t.ok(widest > -NATURAL_GROSS_BOUND_BPS, 'the markets do move against each other');
  t.ok(thinnest >= 20, `at least ${thinnest} levels on each side`);
  t.end();
});

/** What a careful trader does with nothing but the frames; it shares no code with the simulator. */
interface Seen {
  readonly plant: Plant;
  readonly reasons: Set<string>;
  firstLook: { readonly asks: [number, number][]; readonly bids: [number, number][] } | null;
}

const MINIMUM: Readonly<Record<SimulatedExchange, (pair: string) => { quantity: number; notional: number }>> =
  {
    binance: () => ({ quantity: 0, notional: 5 }),
    bybit: () => ({ quantity: 0, notional: 5 }),
    gate: () => ({ quantity: 0, notional: 3 }),
    bitget: () => ({ quantity: 0, notional: 1 }),
    kucoin: () => ({ quantity: 0, notional: 0.1 }),
    upbit: () => ({ quantity: 0, notional: 5_000 }),
    bithumb: () => ({ quantity: 0, notional: 5_000 }),
    okx: (pair) => ({
      quantity:
        { 'BTC-USDT': 0.00001, 'ETH-USDT': 0.0001, 'SOL-USDT': 0.01, 'XRP-USDT': 1, 'DOGE-USDT': 10 }[pair] ??
        0,
      notional: 0,
    }),
  };

/** The best prices of one book, looked up once per change. */
interface Top {
  readonly ask: readonly [number, number];
  readonly bid: readonly [number, number];
  readonly atMs: number;
}

function topOf(book: NaiveBook): Top {
  let [ask, bid] = [Number.POSITIVE_INFINITY, 0];
  let [askSize, bidSize] = ['0', '0'];
  for (const [price, size] of book.asks) if (Number(price) < ask) [ask, askSize] = [Number(price), size];
  for (const [price, size] of book.bids) if (Number(price) > bid) [bid, bidSize] = [Number(price), size];
  return { ask: [ask, Number(askSize)], bid: [bid, Number(bidSize)], atMs: book.exchangeTimeMs };
}

function decide(pair: string, buy: [SimulatedExchange, Top], sell: [SimulatedExchange, Top], now: number) {
  const [ask, bid] = [buy[1].ask, sell[1].bid];
  const grossBps = (bid[0] / ask[0] - 1) * 10_000;
  if (grossBps < 6) return null;
  if ([buy[1], sell[1]].some((top) => top.bid[0] >= top.ask[0])) return 'book_not_trusted';
  if (now - Math.min(buy[1].atMs, sell[1].atMs) > 1_200) return 'book_age';
  if (grossBps > 500) return 'too_good_to_be_true';
  const netBps = grossBps - 2 * ORACLE_ASSUMPTIONS.takerFeeBps;
  if (netBps < 6) return 'net_edge';
  const quantity = Math.min(ask[1], bid[1], 1_000 / ask[0]);
  const below = [buy[0], sell[0]].some((exchange) => {
    const minimum = MINIMUM[exchange](pair);
    return quantity < minimum.quantity || quantity * ask[0] < minimum.notional;
  });
  if (below) return 'order_below_minimum';
  return (quantity * ask[0] * netBps) / 10_000 < 0.4 ? 'profit_below_minimum' : 'execute';
}

function symbolOf(exchange: SimulatedExchange, pair: string): string {
  return exchange === 'okx' ? pair : pair.replace('-', '');
}

/** Books of all exchanges, rebuilt from frames as they come. */
function feeds(exchanges: MemoryExchanges) {
  const pairs = exchanges.world.pairs;
  return DEFAULT_EXCHANGES.map((exchange) => {
    const face = exchanges.faces[exchange];
    const connection = open(face);
    const books = new Map<string, NaiveBook>();
    subscribeBooks(
      exchange,
      connection,
      pairs.map((pair) => symbolOf(exchange, pair)),
    );
    if (exchange === 'binance') {
      for (const pair of pairs) {
        const url = `/api/v3/depth?symbol=${symbolOf(exchange, pair)}&limit=1000`;
        applyBinanceSnapshot(
          bookOf(books, symbolOf(exchange, pair)),
          face.handleHttp({ method: 'GET', url }).body,
        );
      }
    }
    return { exchange, connection, books };
  });
}

t.test('a reader of frames alone finds exactly what the oracle says, over ten minutes', (t) => {
  const exchanges = memoryExchanges({ seed: 5, plants: { ...DEFAULT_PLANTS, quietMs: [3_000, 8_000] } });
  const { world } = exchanges;
  const all = feeds(exchanges);
  const executed: { pair: string; buyExchange: string; sellExchange: string; atMs: number }[] = [];
  const held = new Set<string>();
  const seen = new Map<string, Seen>();
  for (let step = 0; step < 6_000; step++) {
    exchanges.run(world.stepMs);
    const changed = new Set<string>();
    for (const feed of all) {
      if (step % 200 === 0) feed.connection.heartbeat();
      for (const frame of feed.connection.transport.take()) {
        if (frame === 'pong') continue;
        const symbol = applyFrame(feed.exchange, feed.books, frame);
        if (symbol !== null) changed.add(symbol.replace('-', ''));
      }
    }
    for (const pair of world.pairs) {
      if (!changed.has(pair.replace('-', ''))) continue;
      const tops = all.map((feed) => topOf(bookOf(feed.books, symbolOf(feed.exchange, pair))));
      const plant = world.oracle.all().findLast((candidate) => candidate.pair === pair);
      for (const [i, buy] of all.entries()) {
        for (const [j, sell] of all.entries()) {
          if (i === j) continue;
          const key = `${pair}/${buy.exchange}/${sell.exchange}`;
          const decision = decide(pair, [buy.exchange, tops[i]!], [sell.exchange, tops[j]!], world.nowMs);
          if (decision !== null && plant !== undefined && world.nowMs < plant.endMs) {
            const note = seen.get(plant.id) ?? { plant, reasons: new Set<string>(), firstLook: null };
            note.reasons.add(decision);
            if (decision === 'execute') {
              note.firstLook ??= {
                asks: sorted(bookOf(buy.books, symbolOf(buy.exchange, pair)).asks, false),
                bids: sorted(bookOf(sell.books, symbolOf(sell.exchange, pair)).bids, true),
              };
            }
            seen.set(plant.id, note);
          }
          if (decision !== 'execute') held.delete(key);
          else if (!held.has(key)) {
            held.add(key);
            executed.push({
              pair,
              buyExchange: buy.exchange,
              sellExchange: sell.exchange,
              atMs: world.nowMs,
            });
          }
        }
      }
    }
  }
  const verdict = world.oracle.judge(executed);
  t.same(verdict.wrong, [], 'nothing was executed that should not be');
  t.same(verdict.missed, [], 'nothing was missed');
  t.ok(verdict.matched.length > 60, `${verdict.matched.length} true plants executed`);
  t.equal(verdict.matched.length, executed.length);
  const over = world.oracle.all().filter((plant) => plant.state === 'over');
  for (const plant of over) {
    const note = seen.get(plant.id);
    if (plant.expected.decision === 'refuse') {
      t.ok(
        note?.reasons.has(plant.expected.reason),
        `${plant.id} ${plant.kind}: ${[...(note?.reasons ?? [])].join()}`,
      );
      continue;
    }
    const look = note?.firstLook;
    const numbers = (levels: readonly LevelText[]) =>
      levels.map(([price, size]) => [Number(price), Number(size)]);
    t.same(
      look?.asks.slice(0, 8),
      numbers(plant.planted!.asks).slice(0, 8),
      `${plant.id} asks at first look`,
    );
    t.same(
      look?.bids.slice(0, 8),
      numbers(plant.planted!.bids).slice(0, 8),
      `${plant.id} bids at first look`,
    );
    t.ok(plant.planted!.grossBps >= 40 && plant.planted!.grossBps <= 150, `${plant.planted!.grossBps} bps`);
    t.ok(Number(plant.planted!.quantity) * Number(plant.planted!.asks[0]![0]) > 800, 'enough depth');
  }
  const kinds = new Map<string, number>();
  for (const plant of over) kinds.set(plant.kind, (kinds.get(plant.kind) ?? 0) + 1);
  t.equal(kinds.size, 7, `every kind was planted: ${JSON.stringify([...kinds])}`);
  t.ok(
    all.every((feed) => [...feed.books.values()].every((book) => book.gaps === 0)),
    'no sequence gap',
  );
  t.end();
});

t.test('plants of one pair never overlap and keep their quiet time', (t) => {
  const { world, run } = memoryExchanges({ seed: 9, plants: DEFAULT_PLANTS });
  run(400_000);
  const gaps: number[] = [];
  for (const pair of world.pairs) {
    const plants = world.oracle.all().filter((plant) => plant.pair === pair);
    for (const [i, plant] of plants.entries()) {
      const next = plants[i + 1];
      if (next !== undefined) gaps.push(next.announcedAtMs - plant.endMs);
    }
  }
  t.ok(gaps.length > 30, `${gaps.length} gaps`);
  t.ok(Math.min(...gaps) >= DEFAULT_PLANTS.quietMs[0], `shortest ${Math.min(...gaps)} ms`);
  t.end();
});

t.test('a watched world opens with edges to trade and to refuse within seconds, then chance goes on', (t) => {
  const settings = { ...WATCHED_PLANTS, firstAfterMs: 60_000 };
  const { world, run } = memoryExchanges({ seed: 9, plants: settings });
  run(14_000);
  const opening = [...world.oracle.all()];
  t.same(
    opening.map(({ kind, pair, startMs }) => [kind, pair, startMs - START_MS]),
    [
      ['true', world.pairs[0], 3_000],
      ['eaten_by_fees', world.pairs[1], 3_500],
      ['true', world.pairs[2], 6_500],
      ['too_good', world.pairs[3], 8_000],
    ],
  );
  t.ok(
    opening.every(({ startMs, endMs }) => endMs - startMs === settings.durationMs[1]),
    'long enough for a reader that starts slowly',
  );
  t.ok(
    opening.every(({ state, planted }) => state === 'over' && planted !== null),
    'staged and judged like any other',
  );
  run(120_000);
  const later = world.oracle.all().slice(opening.length);
  t.equal(new Set(later.map(({ pair }) => pair)).size, world.pairs.length, 'every pair has its own schedule');
  const same = (plants: PlantSettings) => {
    const one = memoryExchanges({ seed: 9, plants });
    one.run(60_000);
    return one.world.oracle.all().map(({ kind, startMs, endMs }) => [kind, startMs, endMs]);
  };
  t.same(
    same({ ...DEFAULT_PLANTS, opening: [] }),
    same(DEFAULT_PLANTS),
    'without an opening nothing is drawn for it',
  );
  t.end();
});

t.test('the judge tells matches, misses, duplicates, wrong directions and trades on nothing apart', (t) => {
  const { world, run } = memoryExchanges({ seed: 21, plants: DEFAULT_PLANTS });
  run(120_000);
  const plants = world.oracle.all().filter((plant) => plant.state === 'over');
  const [good, other] = plants.filter((plant) => plant.kind === 'true');
  const bad = plants.find((plant) => plant.kind !== 'true');
  if (good === undefined || other === undefined || bad === undefined) {
    throw new Error('the seed planted too little');
  }
  const on = (plant: Plant, shiftMs = 100) => ({
    pair: plant.pair,
    buyExchange: plant.buyExchange,
    sellExchange: plant.sellExchange,
    atMs: plant.startMs + shiftMs,
  });
  const verdict = world.oracle.judge([
    on(good),
    on(good, 200),
    on(bad),
    { ...on(other), buyExchange: other.sellExchange, sellExchange: other.buyExchange },
    { ...on(good), atMs: START_MS + 50 },
  ]);
  t.same(
    verdict.matched.map(({ plantId }) => plantId),
    [good.id],
  );
  t.same(
    verdict.wrong.map(({ reason, plantId }) => [reason, plantId]).sort(),
    [
      ['duplicate', good.id],
      ['false_plant', bad.id],
      ['no_plant', null],
      ['no_plant', other.id],
    ].sort(),
  );
  t.ok(verdict.missed.some((plant) => plant.id === other.id));
  t.notOk(verdict.missed.some((plant) => plant.id === good.id));
  const narrow = world.oracle.judge([], { fromMs: good.startMs, untilMs: good.startMs + 1 });
  t.same(narrow.missed, [], 'a plant that had not ended in the window is not missed');
  const json = JSON.parse(JSON.stringify(world.oracle.toJson())) as {
    plants: unknown[];
    assumptions: unknown;
  };
  t.equal(json.plants.length, world.oracle.all().length);
  t.same(json.assumptions, ORACLE_ASSUMPTIONS);
  t.end();
});

t.test('a jump in time and steps that leave late make the plants of that time void', (t) => {
  const { world, run, faces } = memoryExchanges({ seed: 21, plants: DEFAULT_PLANTS });
  const clients = DEFAULT_EXCHANGES.map((exchange) => open(faces[exchange]));
  const active = () => world.oracle.all().filter((plant) => plant.state === 'active');
  while (active().length === 0) run(100);
  const jumped = active()[0]!;
  world.jumpTo(world.nowMs + 3_600_000);
  t.equal(jumped.state, 'void');
  run(100);
  t.ok(
    clients.every(({ transport }) => transport.closedWith === null),
    'nobody is closed for a pause that was not theirs',
  );
  t.same(world.oracle.judge([]).missed.includes(jumped), false);
  run(5_000);
  for (const exchange of world.exchanges) {
    const { bids, asks } = world.market(exchange, jumped.pair).ladder();
    t.ok(bids.prices[0]! < asks.prices[0]! && bids.prices.length >= 20, `${exchange} quotes again`);
  }
  while (active().length === 0) run(100);
  const late = active()[0]!;
  world.advanceTo(late.endMs + 2_000, true);
  t.equal(late.state, 'void');
  t.throws(() => memoryExchanges({ stepMs: 7 }), { code: 'ARB_CONFIG_INVALID' });
  t.throws(() => memoryExchanges({ pairs: ['ABC-USDT'] }), { code: 'ARB_CONFIG_INVALID' });
  t.end();
});

t.test('tied prices return to each other with their half-life, and nothing else is moved by them', (t) => {
  const tie = { y: 'DOGE-USDT', x: 'XRP-USDT', beta: 1, halfLifeMs: 30_000, deviationBps: 15 };
  const pairs = ['BTC-USDT', 'XRP-USDT', 'ETH-USDT', 'DOGE-USDT'];
  const world = (ties: readonly PriceTie[]) =>
    new PriceWorld(7, DEFAULT_EXCHANGES, pairs, { ties, stepMs: 100 });
  const [tied, free] = [world([tie]), world([])];
  const spreads: number[] = [];
  let worst = 0;
  let before = tied.fair('binance', 'DOGE-USDT');
  for (let step = 0; step < 60_000; step++) {
    tied.step();
    free.step();
    const price = tied.fair('binance', 'DOGE-USDT');
    worst = Math.max(worst, Math.abs(price / before - 1) * 10_000);
    before = price;
    if (step % 10 === 9) spreads.push(Math.log(price) - Math.log(tied.fair('binance', 'XRP-USDT')));
  }
  for (const pair of ['BTC-USDT', 'ETH-USDT'])
    for (const exchange of DEFAULT_EXCHANGES)
      t.equal(tied.fair(exchange, pair), free.fair(exchange, pair), `${pair} on ${exchange} is what it was`);
  t.ok(worst <= MAX_TIED_STEP_BPS + 1.5, `${worst.toFixed(2)} bps in one step`);
  const found = halfLifeOf(Float64Array.from(spreads));
  t.equal(found.status, 'ok');
  if (found.status !== 'ok') return void t.end();
  t.ok(found.halfLifeAr1! > 15 && found.halfLifeAr1! < 45, `half-life ${found.halfLifeAr1} s, planted 30`);
  const deviation = standardDeviation(Float64Array.from(spreads), 1) * 10_000;
  t.ok(deviation > 10 && deviation < 20, `deviation ${deviation} bps, planted 15`);
  t.throws(() => memoryExchanges({ ties: [{ ...tie, x: 'ABC-USDT' }] }), { code: 'ARB_CONFIG_INVALID' });
  t.throws(() => memoryExchanges({ ties: [tie, tie] }), { code: 'ARB_CONFIG_INVALID' });
  t.end();
});

t.test('the oracle knows what is tied, and from which side a spread returns', (t) => {
  const { world } = memoryExchanges({
    ties: [{ y: 'DOGE-USDT', x: 'XRP-USDT', beta: 1, halfLifeMs: 60_000, deviationBps: 20 }],
  });
  world.advanceTo(world.nowMs + 60_000);
  const spreadBps = world.spreadBps('DOGE-USDT')!;
  t.ok(spreadBps !== 0);
  t.equal(world.spreadBps('XRP-USDT'), null);
  const entry = (first: string, second: string, direction: 'long' | 'short') => ({
    first,
    second,
    direction,
    spreadBps: 12,
  });
  const verdict = world.oracle.judgePairs([
    entry('DOGE-USDT', 'XRP-USDT', 'short'),
    entry('XRP-USDT', 'DOGE-USDT', 'long'),
    entry('DOGE-USDT', 'XRP-USDT', 'long'),
    entry('BTC-USDT', 'ETH-USDT', 'long'),
  ]);
  t.same([verdict.right.length, verdict.wrongSide.length, verdict.untied.length], [2, 1, 1]);
  t.equal(world.oracle.toJson().ties.length, 1);
  t.end();
});
