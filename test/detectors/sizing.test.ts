import t from 'tap';
import fc from 'fast-check';
import { Decimal } from '../../src/market/decimal.js';
import type { Fee } from '../../src/market/fees.js';
import { walkDepth, type Level } from '../../src/detectors/depth.js';
import { optimalSize, type SizeQuery } from '../../src/detectors/optimal-size.js';
import {
  bestNetReturn,
  FastSize,
  fastOptimalSize,
  fastTermsOf,
} from '../../src/detectors/optimal-size-fast.js';
import { effectiveAsk, effectiveBid, isProfitable, spreadOf } from '../../src/detectors/spread.js';
import {
  DEFAULT_SPATIAL_PARAMETERS,
  exactLimits,
  routeCosts,
  type SpatialParameters,
} from '../../src/detectors/spatial-parameters.js';
import { planTrade } from '../../src/detectors/spatial-plan.js';
import { spatialMarket, spatialRoutes, withFastTerms } from '../../src/detectors/spatial-route.js';
import { WholePlanner } from '../../src/detectors/whole-plan.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard } from '../../src/market/quote-board.js';
import { instrument } from '../risk/fixtures.js';
import { edgeTermsOf, objectiveOf, priceSize, profitOf } from '../../src/detectors/two-books.js';

const d = (value: number | string) => new Decimal(value);

const fee = fc
  .record({
    rate: fc.constantFrom('0', '0.0004', '0.00075', '0.001', '0.0025'),
    mode: fc.constantFrom('quote' as const, 'received' as const, 'third' as const),
    discount: fc.constantFrom('0', '0.25'),
  })
  .map(({ rate, mode, discount }): Fee => ({ rate: d(rate), mode, discount: d(discount) }));

/** Up to seven levels walking away from a price in tenths; sizes in thousandths, sometimes 0. */
const side = (away: 1 | -1) =>
  fc
    .tuple(
      fc.integer({ min: 9_950, max: 10_050 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 5_000 })), {
        maxLength: 7,
      }),
    )
    .map(([start, steps]): Level[] => {
      let price = start;
      return steps.map(([step, size]) => {
        price += away * step;
        return [d(price).div(10), d(size).div(1_000)];
      });
    });

const optional = (arb: fc.Arbitrary<Decimal>) => fc.oneof(fc.constant(null), arb);
const query = fc
  .record({
    asks: side(1),
    bids: side(-1),
    feeBuy: fee,
    feeSell: fee,
    costRate: fc.constantFrom('0', '0.0001', '-0.0001').map(d),
    hurdle: fc.constantFrom('0', '0', '0.0005').map(d),
    maxQuote: optional(fc.integer({ min: 1, max: 9_000 }).map(d)),
    maxBase: optional(fc.integer({ min: 1, max: 9_000 }).map((n) => d(n).div(1_000))),
    lot: fc.constantFrom('0.001', '0.05', '0.5', '1').map(d),
    minNotionalBuy: fc.constantFrom('0', '5', '700').map(d),
    minNotionalSell: fc.constantFrom('0', '5', '900').map(d),
    minBase: fc.constantFrom('0', '0.3').map(d),
    fixedCost: fc.constantFrom('0', '0.05').map(d),
  })
  .map((x): SizeQuery & { lot: Decimal } => x);

t.test('property: no other size beats the continuous optimum, and none smaller equals it', async (t) => {
  let trades = 0;
  fc.assert(
    fc.property(
      query,
      fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { maxLength: 12 }),
      (q, shares) => {
        const terms = edgeTermsOf(q);
        const { size } = optimalSize(q).continuous;
        const best = objectiveOf(size, terms);
        if (best.isNegative()) return false;
        if (size.q.greaterThan(0)) trades++;
        return shares.every((share) => {
          const other = priceSize(q, terms, size.q.times(share));
          if (other === null) return true;
          const gain = objectiveOf(other, terms).minus(best);
          if (other.q.lessThan(size.q)) return gain.isNegative();
          // A larger size may only be better where a balance forbids it.
          return !gain.greaterThan(0) || isOverBudget(q, other.q, other.asked);
        });
      },
    ),
    { numRuns: 400 },
  );
  t.ok(trades > 8, `${trades} trades were judged`);
});

function isOverBudget(q: SizeQuery, base: Decimal, asked: Decimal): boolean {
  const { numerator, keep } = edgeTermsOf(q);
  const overQuote = q.maxQuote !== null && asked.times(numerator).greaterThan(q.maxQuote.times(keep));
  return overQuote || (q.maxBase !== null && base.greaterThan(q.maxBase));
}

t.test('property: no admissible size on the lattice beats the lattice answer', async (t) => {
  let trades = 0;
  fc.assert(
    fc.property(query, (q) => {
      const terms = edgeTermsOf(q);
      const { lattice } = optimalSize(q);
      if (lattice === null) return false;
      const answer = objectiveOf(lattice.size, terms);
      const trading = lattice.obstacle === null;
      if (trading) trades++;
      if (trading && !profitOf(lattice.size, terms).minus(q.fixedCost).equals(lattice.profitAfterFixed))
        return false;
      for (let n = 1; n <= 400; n++) {
        const base = q.lot.times(n);
        const other = priceSize(q, terms, base);
        if (other === null) break;
        const tooSmall =
          base.lessThan(q.minBase ?? 0) ||
          other.asked.lessThan(q.minNotionalBuy.times(terms.keep)) ||
          other.bid.lessThan(q.minNotionalSell);
        if (tooSmall || isOverBudget(q, base, other.asked)) {
          if (trading && base.equals(lattice.size.q)) return false;
          continue;
        }
        const value = objectiveOf(other, terms);
        if (trading && (value.greaterThan(answer) || (value.equals(answer) && base.lessThan(lattice.size.q))))
          return false;
        // Where nothing trades, nothing may have been worth trading.
        const worth = value.greaterThan(0) && profitOf(other, terms).greaterThan(q.fixedCost);
        if (!trading && worth && !q.hurdle?.greaterThan(0)) return false;
      }
      return true;
    }),
    { numRuns: 250 },
  );
  t.ok(trades > 8, `${trades} trades were judged`);
});

t.test('property: the float64 walk agrees with the exact one', async (t) => {
  const out = new FastSize();
  let trades = 0;
  fc.assert(
    fc.property(query, fc.constantFrom(1, 1_000), fc.constantFrom(1, 1_000), (drawn, askUnits, bidUnits) => {
      const q = { ...drawn, hurdle: d(0) };
      const terms = fastTermsOf(
        edgeTermsOf(q),
        { ask: askUnits, bid: bidUnits },
        { maxQuote: q.maxQuote?.toNumber() ?? Infinity, maxBase: q.maxBase?.toNumber() ?? Infinity },
      );
      const [asks, bids] = [arrays(q.asks, askUnits, 3), arrays(q.bids, bidUnits, 5)];
      fastOptimalSize(asks, 3, q.asks.length, bids, 5, q.bids.length, terms, out);
      const { size, profit, spend, receive } = optimalSize(q).continuous;
      if (size.q.greaterThan(0)) trades++;
      const [ask, bid] = [q.asks[0]?.[0], q.bids[0]?.[0]];
      if (ask !== undefined && bid !== undefined) {
        const net = bestNetReturn(ask.toNumber() * askUnits, bid.toNumber() * bidUnits, terms);
        const exact = effectiveBid(bid, q.feeSell).div(
          effectiveAsk(ask, q.feeBuy).plus(ask.times(q.costRate ?? 0)),
        );
        t.ok(Math.abs(net + 1 - exact.toNumber()) < 1e-12);
      }
      // An edge of exactly zero may round either way: the profit is then the same, the size is not.
      const close = (a: number, b: Decimal) =>
        Math.abs(a - b.toNumber()) <= 1e-9 * Math.max(1, Math.abs(b.toNumber()));
      if (!close(out.profit, profit)) return false;
      return (
        hasZeroEdge(q) || (close(out.q, size.q) && close(out.spend, spend) && close(out.receive, receive))
      );
    }),
    { numRuns: 1_500 },
  );
  t.ok(trades > 8, `${trades} trades were judged`);
});

function arrays(levels: readonly Level[], units: number, at: number) {
  const prices = new Float64Array(16);
  const sizes = new Float64Array(16);
  levels.forEach(([price, size], i) => {
    prices[at + i] = price.toNumber() * units;
    sizes[at + i] = size.toNumber() / units;
  });
  return { prices, sizes };
}

function hasZeroEdge(q: SizeQuery): boolean {
  const terms = edgeTermsOf(q);
  const { numerator, keep, yieldFactor, costRate } = terms;
  return q.asks.some(([ask]) =>
    q.bids.some(([bid]) =>
      bid
        .times(yieldFactor)
        .times(keep)
        .minus(ask.times(numerator.plus(costRate.times(keep))))
        .abs()
        .lessThan('1e-9'),
    ),
  );
}

const often = <T>(usual: fc.Arbitrary<T>, rare: T, weight = 12): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: usual, weight }, { arbitrary: fc.constant(rare), weight: 1 });

const rules = fc.record({
  tickSize: fc.constantFrom('0.1', '0.05', '0.25', '1'),
  lotSize: fc.constantFrom('0.001', '0.002', '0.025', '0.001', '0.0005'),
  minQuantity: fc.constantFrom('0', '0.004', '1'),
  maxQuantity: fc.constantFrom(null, '2.5', '9'),
  minNotional: fc.constantFrom('0', '5', '120.5'),
  takerFeeRate: fc.constantFrom('0', '0.0004', '0.00075', '0.001', '0.0025'),
  feeMode: fc.constantFrom('quote' as const, 'received' as const, 'third' as const),
  feeDiscount: fc.constantFrom('0', '0.25'),
  unitMultiplier: often(fc.constant('1'), '1000'),
});

/** Up to twenty levels from a price in tenths outwards; sizes in thousandths, with an odd digit now and then. */
const boardSide = (away: 1 | -1, from: number) =>
  fc
    .tuple(
      fc.integer({ min: from, max: from + 150 }),
      fc.array(
        fc.tuple(
          fc.integer({ min: 1, max: 20 }),
          fc.integer({ min: 1, max: 3_000 }),
          often(fc.constant(0), 0.0001, 100),
        ),
        { minLength: 1, maxLength: 20 },
      ),
    )
    .map(([start, steps]) => {
      let price = start;
      return steps.map(([step, size, odd]): [number, number] => {
        price += away * step;
        return [price / 10, size / 1_000 + odd];
      });
    });

t.test('property: the plan in whole numbers is the plan in decimals, text by text', async (t) => {
  const counts = { trades: 0, planned: 0 };
  const world = fc.record({
    buy: rules,
    sell: rules,
    asks: boardSide(1, 9_900),
    bids: boardSide(-1, 10_050),
    maxNotional: fc.constantFrom('120', '900.5', '5000', '1000000'),
    minNetProfit: fc.constantFrom('0', '0.5'),
    bps: fc.constantFrom(0, 0.5, 3),
    credit: fc.constantFrom(0, 2, -1),
  });
  fc.assert(
    fc.property(world, (w) => {
      const board = new QuoteBoard(2);
      const parameters: SpatialParameters = {
        ...DEFAULT_SPATIAL_PARAMETERS,
        limits: new Map([['USDT', { minNetProfit: w.minNetProfit, maxNotional: w.maxNotional }]]),
        latencyDecayBps: w.bps,
      };
      const markets = [w.buy, w.sell].map((changes, i) => {
        const one = instrument(['alpha', 'beta'][i]!, 'BTC', changes);
        return spatialMarket(one, board.slotOf(one.id));
      });
      show(board, 0, [], w.asks);
      show(board, 1, w.bids, []);
      const listed = spatialRoutes(markets, exactLimits(parameters), parameters).find(
        ({ buy }) => buy.slot === 0,
      )!;
      const bps = { latencyDecay: w.bps, transfer: parameters.transferCostBps, inventory: w.credit };
      const route = withFastTerms({ ...listed, costs: routeCosts(bps) });
      const [asks, bids] = [
        { prices: board.askPrices, sizes: board.askSizes },
        { prices: board.bidPrices, sizes: board.bidSizes },
      ];
      const fast = new FastSize();
      fastOptimalSize(asks, 0, w.asks.length, bids, BOARD_DEPTH, w.bids.length, route.fast, fast);
      const exact = planTrade(route, board, parameters);
      const plan = new WholePlanner(board, parameters).plan(route, fast.q);
      if (exact.kind === 'trade') counts.trades++;
      if (plan === null) return;
      counts.planned++;
      t.strictSame(asTexts(plan), asTexts(exact));
    }),
    { numRuns: 600 },
  );
  t.ok(counts.trades > 60, `${counts.trades} trades were judged`);
  t.ok(counts.planned > counts.trades / 2, `${counts.planned} of ${counts.trades} in whole numbers`);
});

function show(
  board: QuoteBoard,
  slot: number,
  bids: readonly (readonly [number, number])[],
  asks: readonly (readonly [number, number])[],
): void {
  const book = new OrderBook();
  for (const [price, size] of bids) book.setBid(price, size);
  for (const [price, size] of asks) book.setAsk(price, size);
  board.publish(slot, book, 1, 1, 2, 3);
}

const asTexts = (plan: object): unknown => JSON.parse(JSON.stringify(plan));

t.test('property: a spread is profitable exactly when it exceeds its break-even', async () => {
  const price = fc.integer({ min: 1, max: 1_000_000 }).map((n) => d(n).div(1_000));
  fc.assert(
    fc.property(price, price, fee, fee, (ask, bid, feeBuy, feeSell) => {
      const spread = spreadOf(ask, feeBuy, bid, feeSell);
      const gap = spread.grossBps.minus(spread.breakEvenGrossBps);
      const decided = gap.abs().lessThan('1e-80') ? false : gap.greaterThan(0);
      return (
        spread.profitable === decided &&
        spread.profitable === isProfitable(ask, feeBuy, bid, feeSell) &&
        spread.netPerUnit.equals(spread.effBid.minus(spread.effAsk))
      );
    }),
    { numRuns: 1_000 },
  );
});

t.test('property: walking depth conserves base and quote and never beats the best price', async () => {
  fc.assert(
    fc.property(
      side(1),
      fc.constantFrom('base' as const, 'quote' as const),
      fc.integer({ min: 0, max: 9_000 }),
      (levels, amountIn, n) => {
        const amount = amountIn === 'base' ? d(n).div(1_000) : d(n);
        const walk = walkDepth({ side: 'buy', levels, bestOpposite: null, amountIn, amount });
        const whole = levels.reduce(
          (sum, [price, size]) => sum.plus(amountIn === 'base' ? size : size.times(price)),
          d(0),
        );
        const moved = amountIn === 'base' ? walk.filledBase : walk.quote;
        if (!moved.equals(Decimal.min(amount, whole))) return false;
        if (walk.complete !== amount.lessThanOrEqualTo(whole)) return false;
        if (walk.vwap === null) return moved.isZero() && walk.levelsTouched === 0;
        // The average is rounded at the hundredth digit.
        const average = walk.vwap.toSignificantDigits(80);
        return !average.lessThan(levels[0]![0]) && !average.greaterThan(walk.worstPrice!);
      },
    ),
    { numRuns: 600 },
  );
});

t.test('a hurdle and a cost rate both shrink the trade, but only the cost lowers the profit', async (t) => {
  const base: SizeQuery = {
    asks: [
      [d(100), d(1)],
      [d('100.5'), d(1)],
    ],
    bids: [[d(101), d(2)]],
    feeBuy: { rate: d(0), mode: 'quote', discount: d(0) },
    feeSell: { rate: d(0), mode: 'quote', discount: d(0) },
    maxQuote: null,
    maxBase: null,
    lot: d('0.1'),
    minNotionalBuy: d(0),
    minNotionalSell: d(0),
    fixedCost: d(0),
  };
  const run = (changes: Partial<SizeQuery>) => {
    const { lattice } = optimalSize({ ...base, ...changes });
    return [lattice?.size.q.toString(), lattice?.profitAfterFixed.toString(), lattice?.obstacle];
  };
  t.strictSame(run({}), ['2', '1.5', null]);
  t.strictSame(run({ hurdle: d('0.006') }), ['1', '1', null]);
  t.strictSame(run({ costRate: d('0.006') }), ['1', '0.4', null]);
  t.strictSame(run({ hurdle: d('0.1') }), ['0', '0', 'NO_EDGE']);
  t.strictSame(run({ lot: d(7) }), ['0', '0', 'LOT_SIZE']);
  t.strictSame(run({ minNotionalSell: d(1_000) }), ['0', '0', 'MIN_SIZE']);
  t.strictSame(run({ fixedCost: d('1.5') }), ['0', '0', 'FIXED_COST']);
});
