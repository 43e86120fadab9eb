import t from 'tap';
import { BridgedSpatialDetector } from '../../src/detectors/bridge/bridged-spatial.js';
import { DEFAULT_SPATIAL_PARAMETERS } from '../../src/detectors/spatial-parameters.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { Signal } from '../../src/messages/signal.js';
import { tradeOfSignal } from '../../src/modes/oracle-report.js';
import { plainText } from '../../src/simulator/exact-units.js';
import type { LadderSide } from '../../src/simulator/ladder.js';
import { DEFAULT_PAIRS, WON_PAIRS, type SimulatedExchange } from '../../src/simulator/listings.js';
import type { SimulatedMarket } from '../../src/simulator/market.js';
import { ORACLE_ASSUMPTIONS, type ExecutedTrade, type Plant } from '../../src/simulator/oracle.js';
import { BRIDGED_PLANTS, NO_PLANTS, type PlantSettings } from '../../src/simulator/plants.js';
import { SimulatedWorld } from '../../src/simulator/world.js';

/** A world in which coins are quoted in dollars and in won: what is planted between both, and whether the detector finds that and nothing else. */

t.setTimeout(400_000);
const START_MS = Date.UTC(2026, 10, 27);
const EXCHANGES = ['binance', 'okx', 'bybit', 'upbit', 'bithumb'] as const;
const WON = new Set<SimulatedExchange>(['upbit', 'bithumb']);
const COINS = DEFAULT_PAIRS.map((pair) => pair.replace('-USDT', ''));
const FEE = ORACLE_ASSUMPTIONS.takerFeeBps / 1e4;

// Frames are not read here, so that a stale plant would be none.
const PLANTS: PlantSettings = {
  ...BRIDGED_PLANTS,
  opening: [],
  weights: { ...BRIDGED_PLANTS.weights, stale: 0 },
};

const worldOf = (seed: number, plants: PlantSettings) =>
  new SimulatedWorld({
    seed,
    startMs: START_MS,
    exchanges: EXCHANGES,
    pairs: [...DEFAULT_PAIRS, ...WON_PAIRS],
    plants,
  });

const best = (world: SimulatedWorld, exchange: SimulatedExchange, pair: string, side: 'bids' | 'asks') => {
  const market = world.market(exchange, pair);
  return market.ladder()[side].prices[0]! * market.listing.tick.value;
};

interface Edge {
  readonly coin: string;
  readonly buy: SimulatedExchange;
  readonly sell: SimulatedExchange;
  /** After the fees of every leg, bps. */
  readonly netBps: number;
}

/** Every way to buy a coin on one exchange and to sell it on another, dollars in and out, at best prices. */
function edgesOf(world: SimulatedWorld): Edge[] {
  const cost = (exchange: SimulatedExchange, coin: string) =>
    WON.has(exchange)
      ? (best(world, exchange, `${coin}-KRW`, 'asks') * (1 + FEE)) /
        (best(world, exchange, 'USDT-KRW', 'bids') * (1 - FEE))
      : best(world, exchange, `${coin}-USDT`, 'asks') * (1 + FEE);
  const yielded = (exchange: SimulatedExchange, coin: string) =>
    WON.has(exchange)
      ? (best(world, exchange, `${coin}-KRW`, 'bids') * (1 - FEE)) /
        (best(world, exchange, 'USDT-KRW', 'asks') * (1 + FEE))
      : best(world, exchange, `${coin}-USDT`, 'bids') * (1 - FEE);
  return COINS.flatMap((coin) =>
    EXCHANGES.flatMap((buy) =>
      EXCHANGES.filter((sell) => sell !== buy && !(WON.has(buy) && WON.has(sell))).map((sell) => ({
        ...{ coin, buy, sell },
        netBps: (yielded(sell, coin) / cost(buy, coin) - 1) * 1e4,
      })),
    ),
  );
}

t.test('nothing is worth trading between dollars and won unless it is planted', (t) => {
  let largest = -Infinity;
  for (const seed of [1, 2]) {
    const world = worldOf(seed, NO_PLANTS);
    for (let step = 1; step <= 1_000; step++) {
      world.advanceTo(START_MS + step * 100);
      if (step % 3 !== 0) continue;
      for (const { netBps } of edgesOf(world)) largest = Math.max(largest, netBps);
    }
  }
  t.ok(largest < -10, `the best edge costs ${-largest} bps`);
  t.end();
});

t.test(
  'a planted edge exists between exactly two markets, as large as it says, through the rate too',
  (t) => {
    const world = worldOf(7, PLANTS);
    let bridged = 0;
    let looks = 0;
    for (let step = 1; step <= 4_000; step++) {
      world.advanceTo(START_MS + step * 100);
      const active = world.oracle.all().filter(({ state, kind }) => state === 'active' && kind === 'true');
      if (active.length === 0 || step % 2 !== 0) continue;
      const edges = edgesOf(world);
      for (const plant of active) {
        const coin = plant.pair.slice(0, plant.pair.indexOf('-'));
        const isIt = ({ buy, sell }: Edge) => buy === plant.buyExchange && sell === plant.sellExchange;
        const own = edges.filter((edge) => edge.coin === coin);
        for (const edge of own.filter((edge) => !isIt(edge)))
          if (edge.netBps > 0)
            t.fail(
              `${plant.id} ${plant.pair}: ${edge.buy} → ${edge.sell} earns ${edge.netBps} bps beside it`,
            );
        if (plant.bridge === undefined) continue;
        looks++;
        const net = own.find(isIt)!.netBps;
        if (net < 30 || plant.planted!.grossBps > ORACLE_ASSUMPTIONS.tooGoodBps.atLeast)
          t.fail(`${plant.id} ${plant.pair} earns ${net} bps of ${plant.planted!.grossBps}`);
      }
    }
    const plants = world.oracle.all();
    for (const plant of plants.filter(({ bridge, planted }) => bridge !== undefined && planted !== null)) {
      bridged++;
      t.ok(WON.has(plant.bridge!.exchange as SimulatedExchange) && plant.pair.endsWith('-USDT'));
      if (plant.kind === 'eaten_by_fees')
        t.ok(plant.planted!.grossBps < 25, `${plant.planted!.grossBps} bps`);
      if (plant.kind === 'too_good') t.ok(plant.planted!.grossBps > ORACLE_ASSUMPTIONS.tooGoodBps.atMost);
    }
    t.ok(bridged > 15 && looks > 100, `${bridged} bridged plants, ${looks} looks`);
    t.ok(
      plants.some(({ pair }) => pair.endsWith('-KRW')),
      'and some between the won exchanges',
    );
    t.notOk(
      plants.some(({ pair }) => pair === 'USDT-KRW'),
      'the rate has none of its own',
    );
    t.end();
  },
);

t.test('without the setting every world is as it was: one quote currency at a time', (t) => {
  const { bridged: _, ...settings } = PLANTS;
  const world = worldOf(3, settings);
  world.advanceTo(START_MS + 120_000);
  t.ok(world.oracle.all().length > 20);
  t.notOk(world.oracle.all().some(({ bridge }) => bridge !== undefined));
  t.ok(world.oracle.all().some(({ pair }) => pair === 'USDT-KRW'));
  t.end();
});

// --- the detector reads the books of such a world

function instrumentOf({ listing }: SimulatedMarket): Instrument {
  const { exchange, pair, base, quote, symbol, tick, lot, minLots, minNotional } = listing;
  return {
    id: `${exchange}:${pair}`,
    ...{ exchange, pair, base, quote, symbol },
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: tick.text,
    lotSize: lot.text,
    minQuantity: plainText(lot, minLots),
    maxQuantity: null,
    minNotional: String(minNotional),
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: WON.has(exchange) ? 'quote' : 'received',
  };
}

function bookOf({
  listing,
  ladder,
}: {
  listing: SimulatedMarket['listing'];
  ladder: Record<'bids' | 'asks', LadderSide>;
}) {
  const { tick, lot } = listing;
  const exact = (count: number, step: typeof tick) => Number(`${count * step.units}e-${step.decimals}`);
  const book = new OrderBook();
  ladder.bids.prices.forEach((price, i) => book.setBid(exact(price, tick), exact(ladder.bids.lots[i]!, lot)));
  ladder.asks.prices.forEach((price, i) => book.setAsk(exact(price, tick), exact(ladder.asks.lots[i]!, lot)));
  return book;
}

/** Runs a detector on the world's own books; what it offers and a gate would believe is traded at once. */
function traded(seed: number, kind: 'leg' | 'inventory', ms: number) {
  const world = worldOf(seed, PLANTS);
  const markets = EXCHANGES.flatMap((exchange) => world.marketsOf(exchange));
  const instruments = markets.map(instrumentOf);
  const board = new QuoteBoard(128);
  let ids = 0;
  const detector = new BridgedSpatialDetector({
    ...{ instruments, board, nextId: (prefix: string) => `${prefix}-${++ids}` },
    parameters: {
      ...DEFAULT_SPATIAL_PARAMETERS,
      minNetBps: 5,
      bridge: { kind, dollar: 'USDT' },
      limits: new Map([
        ['USDT', { minNetProfit: '0.5', maxNotional: '5000', minNotional: '10' }],
        ['KRW', { minNetProfit: '700', maxNotional: '6900000', minNotional: '14000' }],
      ]),
    },
  });
  const seen = new Map<SimulatedMarket, number>();
  const trades: ExecutedTrade[] = [];
  const signals: Signal[] = [];
  for (let nowMs = START_MS + 100; nowMs <= START_MS + ms; nowMs += 100) {
    world.advanceTo(nowMs);
    const dirty = markets.filter((market) => seen.get(market) !== market.updateId);
    for (const market of markets) board.markAlive(board.slotOf(instrumentOf(market).id), nowMs);
    for (const market of dirty) {
      seen.set(market, market.updateId);
      const { exchange, pair } = market.listing;
      const book = bookOf({ listing: market.listing, ladder: market.ladder() });
      board.publish(board.slotOf(`${exchange}:${pair}`), book, 1, nowMs, nowMs, nowMs);
    }
    for (const market of dirty) {
      const { exchange, pair } = market.listing;
      for (const effect of detector.onSlotDirty(board.slotOf(`${exchange}:${pair}`), nowMs, nowMs)) {
        if (effect.kind !== 'signal') continue;
        const { signal } = effect;
        if (signal.grossBps >= 500) {
          detector.markRefused(signal.opportunityId, 'TOO_GOOD', '', nowMs);
          continue;
        }
        signals.push(signal);
        trades.push({ ...tradeOfSignal(signal), atMs: nowMs });
        detector.markExecuted(signal.opportunityId, nowMs);
      }
    }
  }
  return { world, trades, signals };
}

const words = (plants: readonly Plant[]) =>
  plants.map(
    ({ id, kind, pair, buyExchange, sellExchange }) => `${id} ${kind} ${pair} ${buyExchange} ${sellExchange}`,
  );

for (const kind of ['leg', 'inventory'] as const)
  t.test(`the detector finds every true plant once and no other edge, with bridge ${kind}`, (t) => {
    const { world, trades, signals } = traded(kind === 'leg' ? 11 : 12, kind, 180_000);
    const verdict = world.oracle.judge(trades);
    t.same(words(verdict.missed), [], 'none is missed');
    t.same(verdict.wrong, [], 'none is invented');
    const bridged = verdict.matched.filter(
      ({ plantId }) => world.oracle.all().find(({ id }) => id === plantId)?.bridge !== undefined,
    );
    t.ok(bridged.length > 5, `${bridged.length} of ${verdict.matched.length} lead through the rate`);
    const shapes = new Set(signals.map((signal) => `${signal.shape ?? 'two-sided'} ${signal.legs.length}`));
    t.same([...shapes].sort(), kind === 'leg' ? ['cycle 3', 'two-sided 2'] : ['two-sided 2']);
    t.ok(
      signals.some(({ quote }) => quote === 'KRW'),
      'and the won exchanges trade with each other',
    );
    t.end();
  });
