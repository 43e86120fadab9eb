import fc from 'fast-check';
import t from 'tap';
import { fundingBetween, inventoryCost, transferCost } from '../../src/detectors/amortisation.js';
import { krwEdges, premiumOf } from '../../src/detectors/krw-premium.js';
import { cycleSize, type DepthLeg } from '../../src/detectors/triangular/cycle-depth.js';
import { fillCycle, type FillLeg } from '../../src/detectors/triangular/cycle-fill.js';
import { enumerateCycles } from '../../src/detectors/triangular/cycle-graph.js';
import { CycleRates } from '../../src/detectors/triangular/cycle-rates.js';
import { Decimal, ONE, ZERO } from '../../src/market/decimal.js';
import { buyFactor, sellFactor, type Fee } from '../../src/market/fees.js';
import { roundToBand } from '../../src/market/tick-bands.js';

const d = (text: string): Decimal => new Decimal(text);
const fee = (rate: string, mode: Fee['mode'] = 'received'): Fee => ({ rate: d(rate), mode, discount: ZERO });

const ASSETS = ['A', 'B', 'C', 'D', 'E'];
const markets = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...ASSETS), fc.constantFrom(...ASSETS)).filter(([base, quote]) => base !== quote),
  { maxLength: 12, selector: ([base, quote]) => [base, quote].sort().join() },
);

t.test('every closed walk is enumerated once, under one name', async (t) => {
  fc.assert(
    fc.property(markets, fc.constantFrom(3, 4), (pairs, length) => {
      const listed = pairs.map(([base, quote]) => ({ base, quote }));
      const found = enumerateCycles(listed, length).map(({ assets }) => assets.join('>'));
      const linked = (a: string, b: string) => pairs.some((pair) => pair.includes(a) && pair.includes(b));
      const walks = tuples(length).filter(
        (walk) =>
          walk.every((asset, at) => linked(asset, walk[(at + 1) % length]!)) &&
          walk[0] === [...walk].sort()[0],
      );
      return JSON.stringify([...found].sort()) === JSON.stringify(walks.map((walk) => walk.join('>')).sort());
    }),
  );
  const twice = [
    { base: 'B', quote: 'A' },
    { base: 'B', quote: 'A' },
    { base: 'C', quote: 'A' },
    { base: 'C', quote: 'B' },
  ];
  t.equal(enumerateCycles(twice, 3).length, 4, 'two markets of one pair are two ways');
  t.strictSame(enumerateCycles([], 3), []);
});

/** All sequences of different assets. */
function tuples(length: number): string[][] {
  if (length === 0) return [[]];
  return tuples(length - 1).flatMap((head) =>
    ASSETS.filter((asset) => !head.includes(asset)).map((asset) => [...head, asset]),
  );
}

t.test(
  'what an update reports does not depend on the order of updates, and misses nothing above the limit',
  async () => {
    const quotes = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300 })), {
      minLength: 12,
      maxLength: 12,
    });
    fc.assert(
      fc.property(markets, quotes, fc.integer({ min: 0, max: 11 }), (pairs, prices, last) => {
        const cycles = enumerateCycles(
          pairs.map(([base, quote]) => ({ base, quote })),
          3,
        );
        const fees = pairs.map(() => ({ sell: 0.999, keep: 0.999, numerator: 1 }));
        const [forwards, backwards] = [new CycleRates(cycles, fees), new CycleRates(cycles, fees)];
        const buffer = new Int32Array(cycles.length);
        const order = pairs.map((_, at) => at);
        const feed = (rates: CycleRates, at: number) =>
          rates.update(at, prices[at]![0] / 100, prices[at]![1] / 100, buffer);
        for (const at of order) feed(forwards, at);
        for (const at of [...order].reverse()) feed(backwards, at);
        if (cycles.some((_, at) => forwards.rateOf(at) !== backwards.rateOf(at))) return false;
        if (pairs.length === 0) return true;
        const market = last % pairs.length;
        const reported = new Set(buffer.slice(0, feed(forwards, market)));
        return cycles.every(
          (cycle, at) =>
            reported.has(at) ===
            (cycle.legs.some((leg) => leg.market === market) && forwards.rateOf(at) > 1 - 4e-16),
        );
      }),
    );
  },
);

t.test('a buffer that is too small is filled and no more; an empty side ends its direction', async (t) => {
  const triangle = [
    { base: 'BTC', quote: 'USDT' },
    { base: 'ETH', quote: 'BTC' },
    { base: 'ETH', quote: 'USDT' },
  ];
  const cycles = enumerateCycles(triangle, 3);
  const free = triangle.map(() => ({ sell: 1, keep: 1, numerator: 1 }));
  const rates = new CycleRates(cycles, free);
  t.equal(rates.count, 2);
  const one = new Int32Array(1);
  rates.update(0, 60_000, 60_000, one);
  rates.update(1, 0.05, 0.05, one);
  t.equal(rates.update(2, 3_000, 3_000, one), 1, 'both are exactly 1: candidates that decimals refuse');
  t.equal(rates.update(2, 3_030, 3_030.5, new Int32Array(2)), 1);
  t.equal(rates.update(2, NaN, 3_030.5, new Int32Array(2)), 0);
  t.equal(new CycleRates([], []).count, 0);
});

/** What an amount becomes when it walks the books leg by leg; null when a book is too short. */
function walked(legs: readonly DepthLeg[], amount: Decimal): Decimal | null {
  let held = amount;
  for (const { side, levels, fee } of legs) {
    let received = ZERO;
    const { numerator, keep } = buyFactor(fee);
    for (const [price, size] of levels) {
      const unit = side === 'sell' ? ONE : price.times(fee.mode === 'received' ? ONE : numerator);
      const base = Decimal.min(size, held.div(unit));
      received = received.plus(side === 'sell' ? base.times(price).times(sellFactor(fee)) : base.times(keep));
      held = held.minus(base.times(unit));
    }
    if (held.greaterThan('1e-40')) return null;
    held = received;
  }
  return held;
}

const level = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 50 }));
const leg = (side: 'buy' | 'sell', price: number, step: number): fc.Arbitrary<DepthLeg> =>
  fc
    .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.constantFrom('received', 'quote', 'third'))
    .map(([levels, mode]) => {
      let at = 0;
      const priced = levels.map(([move, size]) => {
        at += move;
        return [
          d(String(price))
            .times(side === 'buy' ? 10_000 + at * step : 10_000 - at * step)
            .div(10_000),
          d(String(size)).div(10),
        ] as const;
      });
      return { side, levels: priced, fee: fee('0.001', mode) };
    });
const triangle = fc.tuple(leg('buy', 100, 3), leg('buy', 0.05, 3), leg('sell', 5.2, 3));

t.test(
  'no other amount around a cycle earns more than the one reported, and the report adds up',
  async () => {
    fc.assert(
      fc.property(
        triangle,
        fc.option(fc.integer({ min: 1, max: 400 })),
        fc.integer({ min: 1, max: 1_000 }),
        (legs, most, tried) => {
          const found = cycleSize(legs, most === null ? null : d(String(most)));
          const profitOf = (amount: Decimal) => walked(legs, amount)?.minus(amount) ?? null;
          const own = profitOf(found.start)!;
          const near = (a: Decimal, b: Decimal) => a.minus(b).abs().lessThan('1e-40');
          const sum = Decimal.sum(0, ...found.segments.map(([, amount]) => amount));
          if (!near(own, found.profit) || !near(sum, found.start) || own.isNegative()) return false;
          if (most !== null && found.start.greaterThan(most)) return false;
          const others = [tried / 1_000, 0.5, 0.99, 1.01, 1.5].map((share) =>
            found.start.isZero() ? d(String(share)) : found.start.times(share),
          );
          return others.every((amount) => {
            if (most !== null && amount.greaterThan(most)) return true;
            const profit = profitOf(amount);
            return profit === null || profit.lessThanOrEqualTo(own.plus('1e-40'));
          });
        },
      ),
      { numRuns: 300 },
    );
  },
);

t.test('the rates of a cycle fall, and what ends it is told', async (t) => {
  const legs: DepthLeg[] = [
    { side: 'buy', levels: [[d('100'), d('1')]], fee: fee('0') },
    { side: 'buy', levels: [[d('0.05'), d('1000')]], fee: fee('0') },
    {
      side: 'sell',
      levels: [
        [d('5.2'), d('10')],
        [d('5.1'), d('0')],
        [d('4.9'), d('100')],
      ],
      fee: fee('0'),
    },
  ];
  const found = cycleSize(legs, null);
  t.equal(found.bindingConstraint, 'edge');
  t.equal(found.start.toFixed(), '50');
  t.equal(found.profit.toFixed(), '2');
  t.equal(found.returnBps?.toFixed(), '400');
  t.equal(cycleSize(legs, d('20')).bindingConstraint, 'balance');
  t.equal(cycleSize(legs, d('50')).start.toFixed(), '50');
  t.equal(cycleSize(legs, ZERO).profit.toFixed(), '0');
  const deep = cycleSize([legs[0]!, legs[1]!, { ...legs[2]!, levels: [[d('5.2'), d('1000')]] }], null);
  t.strictSame([deep.bindingConstraint, deep.start.toFixed()], ['depth', '100']);
  const even = cycleSize([legs[0]!, legs[1]!, { ...legs[2]!, levels: [[d('5'), d('100')]] }], null);
  t.strictSame([even.start.toFixed(), even.returnBps], ['0', null], 'exactly even is no edge');
});

t.test(
  'a traded cycle loses nothing: what is spent, received and left over adds up at every leg',
  async (t) => {
    const amount = fc.integer({ min: 1, max: 2_000_000 }).map((cents) => d(String(cents)).div(100));
    const lot = fc.constantFrom('0.001', '0.01', '0.00001');
    const mode = fc.constantFrom<Fee['mode']>('received', 'quote');
    fc.assert(
      fc.property(amount, fc.array(fc.tuple(lot, mode), { minLength: 3, maxLength: 3 }), (start, terms) => {
        const sides = ['buy', 'buy', 'sell'] as const;
        const prices = ['60000', '0.05', '3030.5'];
        const legs: FillLeg[] = sides.map((side, at) => ({
          ...{ side, price: d(prices[at]!), lot: d(terms[at]![0]), fee: fee('0.001', terms[at]![1]) },
          ...{ minNotional: ZERO, receivedDecimals: null },
        }));
        const fill = fillCycle(legs, start, [ONE, d('60000'), d('3030.5')]);
        const whole = fill.steps.every((step, at) => {
          const held = at === 0 ? start : fill.steps[at - 1]!.received;
          return (
            step.used.plus(step.dust).equals(held) &&
            step.qty.mod(legs[at]!.lot).isZero() &&
            !step.dust.isNegative()
          );
        });
        if (!whole || fill.result === null) return whole && fill.reason === 'LOT_SIZE';
        const { profitMarked, profitRealised, final, spentStart } = fill.result;
        return (
          profitRealised.equals(final.minus(spentStart)) && profitMarked.greaterThanOrEqualTo(profitRealised)
        );
      }),
    );
    const refused = fillCycle(
      [
        {
          side: 'sell',
          price: d('10'),
          lot: d('0.1'),
          fee: fee('0'),
          minNotional: d('50'),
          receivedDecimals: null,
        },
      ],
      d('4.99'),
      [ONE],
    );
    t.match(refused, { rejectedLeg: 0, reason: 'MIN_NOTIONAL', result: null });
  },
);

t.test('moving inventory back has a price per trade, and a size below which no edge pays it', async (t) => {
  const terms = {
    ...{ quantity: d('0.5'), ask: d('60000'), bid: d('60180'), feeBuy: d('0.0005'), feeSell: d('0.0005') },
    ...{
      withdrawFeeBase: d('0.0002'),
      withdrawFeeQuote: ONE,
      tradesPerRebalance: d('10'),
      referencePrice: d('60000'),
    },
  };
  const cost = inventoryCost(terms);
  t.equal(cost.rebalanceCost.toFixed(), '13');
  const atBreakEven = inventoryCost({ ...terms, quantity: cost.breakEvenQuantity! });
  t.ok(atBreakEven.perTrade.abs().lessThan('1e-60'));
  t.strictSame(
    [inventoryCost({ ...terms, bid: d('60000') }).breakEvenQuantity, cost.breakEvenTrades],
    [null, 1],
  );
  const transfer = transferCost({ ...terms, withdrawFeeBase: d('0.0002') });
  t.ok(
    transferCost({ ...terms, bid: transfer.breakEvenBid! })
      .profit.abs()
      .lessThan('1e-60'),
  );
  t.ok(
    transferCost({ ...terms, quantity: transfer.breakEvenQuantity! })
      .profit.abs()
      .lessThan('1e-60'),
  );
  t.equal(transferCost({ ...terms, quantity: d('0.0001') }).breakEvenBid, null, 'nothing arrives');
  const position = { openMs: 0, closeMs: 20, notional: d('100'), side: 'long' as const };
  const payments = [0, 10, 20, 30].map((atMs) => ({ atMs, rate: d('0.01') }));
  t.strictSame(fundingBetween(payments, position).charged, [10, 20]);
  t.equal(fundingBetween(payments, position).amount.toFixed(), '-2');
  t.equal(fundingBetween(payments, { ...position, side: 'short' }).amount.toFixed(), '2');
});

t.test("a premium against a bank's rate is shown, and only the executable book makes an edge", async (t) => {
  const quote = (bid: string, ask: string) => ({ bid: d(bid), ask: d(ask) });
  const books = {
    krw: quote('90700000', '90750000'),
    usdt: quote('64990', '65000'),
    krwUsdt: quote('1396', '1397'),
  };
  const none = { krw: fee('0', 'quote'), usdt: fee('0'), krwUsdt: fee('0', 'quote') };
  const premium = premiumOf(books, d('1360'));
  t.ok(premium.vsFx!.greaterThan('0.02') && premium.vsUsdt.isNegative());
  const whole = premium.vsUsdt.plus(1).times(premium.usdt!.plus(1)).minus(premium.vsFx!.plus(1));
  t.ok(whole.abs().lessThan('1e-60'), '(1 + fx) = (1 + usdt)(1 + usdtPremium)');
  const edges = krwEdges(books, none);
  t.ok(edges.sellKoreaBps.isNegative() && edges.buyKoreaBps.isNegative());
  const even = krwEdges({ ...books, krw: quote(edges.breakEvenKrwBid.toFixed(), '1e9') }, none);
  t.equal(even.sellKoreaBps.toFixed(), '0');
  t.strictSame([premiumOf(books, null).vsFx, premiumOf(books, null).usdt], [null, null]);
});

t.test('a tick that depends on the price is taken from the band of the unrounded price', async (t) => {
  const bands = [
    { from: d('1000'), tick: d('1') },
    { from: d('0'), tick: d('0.1') },
    { from: d('10000'), tick: d('10') },
  ];
  t.equal(roundToBand(d('9999.99'), bands, 'buy').toFixed(), '9999');
  t.equal(roundToBand(d('9999.99'), bands, 'sell').toFixed(), '10000');
  t.equal(roundToBand(d('10005'), bands, 'buy').toFixed(), '10000');
  t.throws(() => roundToBand(d('-1'), bands, 'buy'), { code: 'ARB_INVARIANT' });
});
