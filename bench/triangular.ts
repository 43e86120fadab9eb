import { enumerateCycles, type CycleMarket } from '../src/detectors/triangular/cycle-graph.js';
import { CycleRates } from '../src/detectors/triangular/cycle-rates.js';
import { TriangularDetector } from '../src/detectors/triangular/triangular.js';
import { DEFAULT_TRIANGULAR_PARAMETERS } from '../src/detectors/triangular/triangular-parameters.js';
import { QuoteBoard } from '../src/market/quote-board.js';
import { engleGranger } from '../src/statistics/engle-granger.js';
import { johansen } from '../src/statistics/johansen.js';
import { instrument, ladder, NOW_MS, publish, quote } from './detector-markets.js';
import type { Series } from './harness.js';

/** Triangular and statistical detection: one update against what open bots do, and one pair's test. */

const FEE = 0.00075;
const HUBS = ['USDT', 'BTC', 'ETH', 'BNB'];
const WORTH: Readonly<Record<string, number>> = { USDT: 1, BTC: 60_000, ETH: 3_000, BNB: 600 };

export interface TriangularSize {
  readonly markets: number;
  readonly updates: number;
}

interface Quoted extends CycleMarket {
  readonly mid: number;
}

/** The hubs among each other, and coins quoted in one to three hubs, until there are so many markets. */
function marketsOf(count: number): Quoted[] {
  const markets: Quoted[] = [];
  const add = (base: string, quote: string, worth: number) =>
    markets.length < count && markets.push({ base, quote, mid: worth / WORTH[quote]! });
  for (const [at, quote] of HUBS.entries())
    for (const base of HUBS.slice(at + 1)) add(base, quote, WORTH[base]!);
  for (let coin = 0; markets.length < count; coin++) {
    const worth = 0.5 + ((coin * 7919) % 997) / 10;
    for (const quote of HUBS.slice(0, 1 + (coin % 3))) add(`C${coin}`, quote, worth);
  }
  return markets;
}

interface Update {
  readonly market: number;
  readonly bid: number;
  readonly ask: number;
}

/** Half of all updates on a tenth of the markets, as on an exchange; prices within 2 bp of par, so that fees eat every cycle. */
function updatesOf(markets: readonly Quoted[], count: number): Update[] {
  const busy = Math.ceil(markets.length / 10);
  return Array.from({ length: count }, (_, i) => {
    const market = i % 2 === 0 ? (i * 104_729) % busy : (i * 104_729) % markets.length;
    const mid = markets[market]!.mid * (1 + (((i * 7919) % 101) - 50) / 500_000);
    return { market, bid: mid * 0.99995, ask: mid * 1.00005 };
  });
}

/** The usual way: after each update a whole Bellman-Ford pass over logarithms, which knows no cycle length and no market that changed. */
class BellmanFord {
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  private readonly weight: Float64Array;
  private readonly distance: Float64Array;

  constructor(markets: readonly Quoted[]) {
    const names = [...new Set(markets.flatMap(({ base, quote }) => [base, quote]))];
    const index = new Map(names.map((name, at) => [name, at]));
    this.from = Int32Array.from(markets.flatMap(({ base, quote }) => [index.get(base)!, index.get(quote)!]));
    this.to = Int32Array.from(markets.flatMap(({ base, quote }) => [index.get(quote)!, index.get(base)!]));
    this.weight = new Float64Array(2 * markets.length);
    this.distance = new Float64Array(names.length);
    for (const [market, { mid }] of markets.entries()) this.set({ market, bid: mid, ask: mid });
  }

  /** 1 when some cycle of any length earns. */
  update(update: Update): number {
    this.set(update);
    const { from, to, weight, distance } = this;
    distance.fill(0);
    for (let pass = 0; pass < distance.length; pass++) {
      let hasChanged = false;
      for (let edge = 0; edge < weight.length; edge++) {
        const through = distance[from[edge]!]! + weight[edge]!;
        if (through < distance[to[edge]!]! - 1e-12) {
          distance[to[edge]!] = through;
          hasChanged = true;
        }
      }
      if (!hasChanged) return 0;
    }
    return 1;
  }

  private set({ market, bid, ask }: Update): void {
    this.weight[2 * market] = -Math.log(bid * (1 - FEE));
    this.weight[2 * market + 1] = -Math.log((1 - FEE) / ask);
  }
}

function ratesOf(markets: readonly Quoted[]): CycleRates {
  const fee = { sell: 1 - FEE, keep: 1 - FEE, numerator: 1 };
  const rates = new CycleRates(
    enumerateCycles(markets, 3),
    markets.map(() => fee),
  );
  const nothing = new Int32Array(0);
  for (const [market, { mid }] of markets.entries()) rates.update(market, mid, mid, nothing);
  return rates;
}

interface Watched {
  readonly board: QuoteBoard;
  readonly detector: TriangularDetector;
  readonly slots: Int32Array;
}

/** The whole detector over the same markets: books on a board, ages, lives. Only cycles that begin and end with USDT are its business. */
function watched(markets: readonly Quoted[]): Watched {
  const board = new QuoteBoard(markets.length);
  const instruments = markets.map(({ base, quote: other }) => {
    const pair = `${base}-${other}`;
    const known = { pair, id: `binance:${pair}`, symbol: base + other, quote: other, minNotional: '0' };
    return {
      ...instrument('binance', base),
      ...known,
      tickSize: '0.00000001',
      takerFeeRate: `${FEE}`,
      feeMode: 'received' as const,
    };
  });
  const slots = Int32Array.from(instruments, ({ id }) => board.slotOf(id));
  for (const [at, { mid }] of markets.entries()) publish(board, slots[at]!, scaled(mid, -1), scaled(mid, 1));
  let ids = 0;
  const detector = new TriangularDetector({
    instruments,
    board,
    parameters: {
      ...DEFAULT_TRIANGULAR_PARAMETERS,
      limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000' }]]),
    },
    nextId: (prefix) => `${prefix}-${++ids}`,
  });
  return { board, detector, slots };
}

/** Ten levels of half a basis point and more from the price. */
const scaled = (mid: number, sign: number) =>
  ladder(100, sign * 0.01, 10).map(
    ([price, size]) => [Number(((price / 100) * mid * (1 + sign * 0.00005)).toPrecision(12)), size] as const,
  );

/** One update in ten thousand moves ETH against BTC so far that a cycle earns, and the next one moves it back: a life begins, is sized, offered and ends. */
const EDGE_EVERY = 10_000;
const EDGE_MARKET = 3;

function withEdges(updates: readonly Update[], markets: readonly Quoted[]): Update[] {
  const at = (share: number): Update => {
    const mid = markets[EDGE_MARKET]!.mid * share;
    return { market: EDGE_MARKET, bid: mid * 0.99995, ask: mid * 1.00005 };
  };
  return updates.map((update, i) => {
    const place = i % EDGE_EVERY;
    return place === 77 ? at(1.006) : place === 78 ? at(1) : update;
  });
}

/** Number of effects, after all updates; the quotes are written as a feed would. */
function watch({ board, detector, slots }: Watched, updates: readonly Update[]): number {
  let effects = updates.length;
  for (const { market, bid, ask } of updates) {
    const slot = slots[market]!;
    quote(board, slot, bid, ask);
    effects += detector.onSlotDirty(slot, NOW_MS, NOW_MS).length;
  }
  return effects;
}

const FULL: TriangularSize = { markets: 400, updates: 20_000 };

export function triangularSeries(size: TriangularSize = FULL): Series {
  const markets = marketsOf(size.markets);
  const [updates, rates, slow] = [
    updatesOf(markets, size.updates),
    ratesOf(markets),
    new BellmanFord(markets),
  ];
  const found = new Int32Array(256);
  const whole = watched(markets);
  const mixed = withEdges(updates, markets);
  const edge = mixed.slice(77, 79);
  // A whole pass is so slow that fewer are timed.
  const few = updates.filter((_, at) => at % 50 === 0);
  return {
    title: 'detectors: triangular, one update (goal: 0.5 µs)',
    input: `${markets.length} markets, ${rates.count} directed cycles of 3 (${whole.detector.cycleCount} through USDT), half of ${updates.length} updates on a tenth of the markets, synthetic`,
    unit: 'update',
    candidates: [
      {
        name: 'Bellman-Ford over all markets',
        units: few.length,
        run: () => few.reduce((sum, update) => sum + slow.update(update), few.length),
      },
      {
        name: 'CycleRates.update',
        units: updates.length,
        run: () => {
          let sum = updates.length;
          for (const { market, bid, ask } of updates) sum += rates.update(market, bid, ask, found);
          return sum;
        },
      },
      {
        name: 'TriangularDetector.onSlotDirty, nothing earns',
        units: updates.length,
        run: () => watch(whole, updates),
      },
      {
        name: `the same, lives in 1 of ${EDGE_EVERY} updates`,
        units: mixed.length,
        run: () => watch(whole, mixed),
      },
      {
        name: 'an edge opens, is sized exactly, offered, and closes',
        units: 2,
        run: () => watch(whole, edge),
      },
    ],
    check: () => checkCycles(size),
    notes: () => [
      'Bellman-Ford finds cycles of any length and says only that there is one; CycleRates names every one of 3.',
    ],
  };
}

/** A dislocated market makes both find something, and quiet ones nothing. */
function checkCycles({ markets: count }: TriangularSize): void {
  const markets = marketsOf(count);
  const [rates, slow] = [ratesOf(markets), new BellmanFord(markets)];
  const found = new Int32Array(256);
  for (const update of updatesOf(markets, 200))
    if (rates.update(update.market, update.bid, update.ask, found) !== 0 || slow.update(update) !== 0)
      throw new Error('a cycle in a quiet market');
  const far = { market: 1, bid: markets[1]!.mid * 1.02, ask: markets[1]!.mid * 1.021 };
  if (rates.update(far.market, far.bid, far.ask, found) === 0 || slow.update(far) === 0)
    throw new Error('a dislocated market makes no cycle');
  const whole = watched(markets);
  const updates = updatesOf(markets, 200);
  if (watch(whole, updates) !== updates.length) throw new Error('a life in a quiet market');
  const effects = watch(whole, withEdges(updates, markets)) - updates.length;
  if (effects === 0 || whole.detector.openLives !== 0)
    throw new Error(`${effects} effects of an edge, ${whole.detector.openLives} lives left`);
}

const POINTS = 1_000;

/** A walk and a series tied to it, from a fixed congruential sequence. */
function pair(): readonly [Float64Array, Float64Array] {
  let state = 12_345;
  const noise = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32 - 0.5;
  let [level, rest] = [0, 0];
  const x = Float64Array.from({ length: POINTS }, () => (level += noise()));
  const y = x.map((value) => 2 * value + (rest = 0.8 * rest + noise()));
  return [y, x];
}

export function cointegrationSeries(): Series {
  const [y, x] = pair();
  const test = (trend: 'c', maxLag: number | null, autolag: 'AIC' | null) => () => {
    const found = engleGranger(y, [x], { trend, maxLag, autolag });
    return found.status === 'ok' ? -found.statistic : 0;
  };
  return {
    title: 'detectors: cointegration of one pair (goal: 2 ms for Engle-Granger)',
    input: `${POINTS} points, synthetic`,
    unit: 'pair',
    candidates: [
      { name: 'Engle-Granger, one lag', units: 1, run: test('c', 1, null) },
      { name: 'Engle-Granger, lags by AIC', units: 1, run: test('c', null, 'AIC') },
      {
        name: 'Johansen, one lag',
        units: 1,
        run: () => {
          const found = johansen([y, x], 0, 1);
          return found.status === 'ok' ? found.eigenvalues[0]! : 0;
        },
      },
    ],
    check: () => {
      const found = engleGranger(y, [x], { trend: 'c', maxLag: null, autolag: 'AIC' });
      if (found.status !== 'ok' || !(found.pValue < 0.05)) throw new Error('the planted pair is not found');
    },
  };
}
