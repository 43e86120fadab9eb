import { fastOptimalSize, FastSize } from '../src/detectors/optimal-size-fast.js';
import { planTrade, type TradePlan } from '../src/detectors/spatial-plan.js';
import { exactLimits } from '../src/detectors/spatial-parameters.js';
import { spatialMarket, spatialRoutes, type SpatialRoute } from '../src/detectors/spatial-route.js';
import { WholePlanner } from '../src/detectors/whole-plan.js';
import { BOARD_DEPTH, QuoteBoard } from '../src/market/quote-board.js';
import {
  instrument,
  ladder,
  NOW_MS,
  PARAMETERS,
  publish,
  quietMarkets,
  quote,
  type Markets,
} from './detector-markets.js';
import type { Series } from './harness.js';
import { pairsSeries } from './pairs.js';
import { cointegrationSeries, triangularSeries } from './triangular.js';

export interface DetectorSize {
  readonly assets: number;
  readonly exchanges: number;
  readonly updates: number;
}

const FULL_SIZE: DetectorSize = { assets: 1_000, exchanges: 8, updates: 50_000 };

export function detectorSeries(size: DetectorSize = FULL_SIZE): Series[] {
  return [
    quietSeries(size),
    edgeSeries({ ...size, exchanges: 2 }),
    edgeSeries(size),
    planSeries(),
    triangularSeries({ markets: 400, updates: Math.min(size.updates, 20_000) }),
    cointegrationSeries(),
    pairsSeries({ windowBars: Math.min(size.updates, 1_000), bars: Math.min(size.updates, 300) }),
  ];
}

interface Update {
  readonly market: number;
  readonly bid: number;
  readonly ask: number;
}

/** Best quotes that wander within ±0.5 bp, so that a look is made but nothing is found. Fixed by the index. */
function updatesOf({ slots }: Markets, count: number): Update[] {
  return Array.from({ length: count }, (_, i) => {
    const mid = 100 + (((i * 7919) % 101) - 50) / 10_000;
    return { market: (i * 104_729) % slots.length, bid: mid - 0.01, ask: mid + 0.01 };
  });
}

/** The usual way to write it: an object per quote, every exchange of the asset compared in both directions, fees each time. */
class ObjectScan {
  private readonly quotes = new Map<string, Map<string, { bid: number; ask: number }>>();
  private readonly ids: readonly (readonly [base: string, exchange: string])[];

  constructor({ instruments }: Markets) {
    this.ids = instruments.map(({ base, exchange }) => [base, exchange] as const);
    for (const { base, exchange } of instruments) {
      const known = this.quotes.get(base) ?? new Map<string, { bid: number; ask: number }>();
      this.quotes.set(base, known.set(exchange, { bid: 99.99, ask: 100.01 }));
    }
  }

  /** Number of directed pairs of the asset whose gross edge reaches the reporting floor. */
  update({ market, bid, ask }: Update): number {
    const [base, exchange] = this.ids[market]!;
    const quotes = this.quotes.get(base)!;
    quotes.set(exchange, { bid, ask });
    let edges = 0;
    for (const [buyOn, buy] of quotes) {
      for (const [sellOn, sell] of quotes) {
        if (buyOn === sellOn) continue;
        const grossBps = (sell.bid / buy.ask - 1) * 1e4;
        if (grossBps >= PARAMETERS.reportFloorBps) edges++;
      }
    }
    return edges;
  }
}

function quietSeries(size: DetectorSize): Series {
  const markets = quietMarkets(size.assets, size.exchanges);
  const updates = updatesOf(markets, size.updates);
  const scan = new ObjectScan(markets);
  const { board, detector, slots } = markets;
  return {
    title: 'detectors: spatial re-evaluation of one update, no edge (goal: 100 ns)',
    input: `${size.assets} assets × ${size.exchanges} exchanges, ${detector.routeCount} directed routes, synthetic quotes`,
    unit: 'update',
    candidates: [
      {
        name: 'objects in maps, all pairs of the asset',
        units: updates.length,
        run: () => {
          let edges = updates.length;
          for (const update of updates) edges += scan.update(update);
          return edges;
        },
      },
      {
        name: 'SpatialDetector.onSlotDirty',
        units: updates.length,
        run: () => {
          let effects = updates.length;
          for (const { market, bid, ask } of updates) {
            const slot = slots[market]!;
            quote(board, slot, bid, ask);
            effects += detector.onSlotDirty(slot, NOW_MS, NOW_MS).length;
          }
          return effects;
        },
      },
    ],
    check: () => checkQuiet(size),
  };
}

/** Both must find the same edges where there are some, and none in the quiet stream. */
function checkQuiet(size: DetectorSize): void {
  const markets = quietMarkets(Math.min(size.assets, 50), size.exchanges);
  const scan = new ObjectScan(markets);
  for (const [index, update] of updatesOf(markets, 2_000).entries()) {
    // Every tenth update dislocates one market by 10 bps, the next one on it brings it back.
    const shifted = index % 10 === 0 ? { ...update, bid: update.bid + 0.1, ask: update.ask + 0.1 } : update;
    const slot = markets.slots[shifted.market]!;
    quote(markets.board, slot, shifted.bid, shifted.ask);
    markets.detector.onSlotDirty(slot, NOW_MS, NOW_MS);
    const expected = scan.update(shifted);
    // Lives exist only on the asset that was just touched, so that all open ones are its own.
    const open = markets.detector.openLives;
    if (open !== expected)
      throw new Error(`update ${index}: ${open} edges open, ${expected} by the plain scan`);
    if (expected === 0) continue;
    quote(markets.board, slot, update.bid, update.ask);
    markets.detector.onSlotDirty(slot, NOW_MS, NOW_MS);
    scan.update(update);
  }
  if (markets.detector.openLives !== 0) throw new Error('an edge stayed open after its quotes came back');
}

/** One market stays dislocated by 60 bps: every update is looked at, walked in float64, and found to be no news. */
function edgeSeries(size: DetectorSize): Series {
  const markets = quietMarkets(Math.min(size.assets, 100), size.exchanges);
  const { board, detector, slots } = markets;
  const slot = slots[0]!;
  const count = Math.min(size.updates, 5_000);
  publish(board, slot, ladder(100.6, -0.01, 10), ladder(100.62, 0.01, 10));
  const first = detector.onSlotDirty(slot, NOW_MS, NOW_MS);
  for (const effect of first) {
    if (effect.kind === 'signal') {
      detector.markRefused(effect.signal.opportunityId, 'TEST', 'offered again only for more profit', NOW_MS);
    }
  }
  const open = detector.openLives;
  const pass = (dirty: number, bid: number) => {
    let effects = 0;
    for (let i = 0; i < count; i++) {
      quote(board, dirty, bid + (i % 3) * 0.0001, bid + 0.02 + (i % 3) * 0.0001);
      effects += detector.onSlotDirty(dirty, NOW_MS, NOW_MS).length;
    }
    return effects + detector.openLives;
  };
  return {
    title:
      open === 1
        ? 'detectors: one update with edge and sizing over 10 × 10 levels (goal: 2 µs)'
        : 'detectors: update while several edges stand',
    input: `${size.exchanges} exchanges, one dislocated by 60 bps: ${open} open lives, refused once, 10 levels per side`,
    unit: 'update',
    candidates: [
      { name: 'update of a quiet asset', units: count, run: () => pass(slots[markets.exchanges]!, 99.99) },
      { name: `update of the market with ${open} edges`, units: count, run: () => pass(slot, 100.6) },
    ],
    check: () => {
      const signals = first.filter(({ kind }) => kind === 'signal').length;
      if (open !== size.exchanges - 1 || signals !== open) {
        throw new Error(`${open} lives and ${signals} signals where ${size.exchanges - 1} edges stand`);
      }
      if (pass(slot, 100.6) !== open) throw new Error('an unchanged edge caused effects');
    },
  };
}

interface Planned {
  readonly route: SpatialRoute;
  readonly board: QuoteBoard;
  readonly levels: number;
  readonly planner: WholePlanner;
  /** What the float64 walk would trade. */
  readonly size: number;
}

/** A route of two books with `levels` profitable levels each. */
function plannedRoute(levels: number): Planned {
  const board = new QuoteBoard(2);
  const instruments = [instrument('binance', 'BTC'), instrument('okx', 'BTC')];
  const markets = instruments.map((each) => spatialMarket(each, board.slotOf(each.id)));
  publish(board, 0, ladder(99.9, -0.01, levels), ladder(100, 0.01, levels));
  publish(board, 1, ladder(101.5, -0.01, levels), ladder(101.6, 0.01, levels));
  const route = spatialRoutes(markets, exactLimits(PARAMETERS), PARAMETERS).find(
    ({ buy }) => buy.instrument.exchange === 'binance',
  );
  if (route === undefined) throw new Error('no route between the two markets');
  const planned = { route, board, levels, planner: new WholePlanner(board, PARAMETERS), size: 0 };
  return { ...planned, size: walk(planned).q };
}

function planSeries(): Series {
  const [small, large] = [plannedRoute(3), plannedRoute(10)];
  const units = 20;
  const candidate = (planned: Planned) => ({
    name: `planTrade in decimals, ${planned.levels} × ${planned.levels} levels`,
    units,
    run: () => {
      let sum = 0;
      for (let i = 0; i < units; i++) sum += tradeOf(planned).netBps;
      return sum;
    },
  });
  const inUnits = (planned: Planned) => ({
    name: `the same plan in whole numbers, ${planned.levels} × ${planned.levels} levels`,
    units,
    run: () => {
      let sum = 0;
      for (let i = 0; i < units; i++) sum += unitsOf(planned).netBps;
      return sum;
    },
  });
  return {
    title: 'detectors: sizing an edge, and the plan of its orders',
    input:
      'two synthetic books 150 bps apart, fees 10 bps each, the whole depth pays; one plan per offered signal',
    unit: 'sizing',
    candidates: [
      {
        name: 'float64 walk, 10 × 10 levels',
        units: 20_000,
        run: () => {
          let sum = 0;
          for (let i = 0; i < 20_000; i++) sum += walk(large).profit;
          return sum;
        },
      },
      candidate(small),
      candidate(large),
      inUnits(small),
      inUnits(large),
    ],
    check: () => [small, large].forEach(checkPlan),
  };
}

function walk({ route, board, levels }: Planned): FastSize {
  const out = new FastSize();
  const asks = { prices: board.askPrices, sizes: board.askSizes };
  const bids = { prices: board.bidPrices, sizes: board.bidSizes };
  const [askAt, bidAt] = [route.buy.slot * BOARD_DEPTH, route.sell.slot * BOARD_DEPTH];
  fastOptimalSize(asks, askAt, levels, bids, bidAt, levels, route.fast, out);
  return out;
}

function tradeOf({ route, board }: Planned): TradePlan {
  const plan = planTrade(route, board, PARAMETERS);
  if (plan.kind !== 'trade') throw new Error(`no trade: ${plan.reason} ${plan.detail}`);
  return plan;
}

function unitsOf({ route, planner, size }: Planned): TradePlan {
  const plan = planner.plan(route, size);
  if (plan === null) throw new Error('no plan in whole numbers');
  return plan;
}

/** The exact plan and the float64 walk must agree: same size within one lot, same net within the value of that lot. */
function checkPlan(planned: Planned): void {
  const plan = tradeOf(planned);
  const fast = walk(planned);
  if (JSON.stringify(unitsOf(planned)) !== JSON.stringify(plan)) throw new Error('the two plans differ');
  const lot = planned.route.lot.toNumber();
  const away = fast.q - plan.quantity.toNumber();
  if (!(away > -1e-9 && away < lot + 1e-9))
    throw new Error(`sizes ${plan.quantity.toString()} and ${fast.q}`);
  if (!(Math.abs(fast.profit - plan.net.toNumber()) < lot * 2)) {
    throw new Error(`net ${plan.net.toString()} and ${fast.profit}`);
  }
}
