import fc from 'fast-check';
import t from 'tap';
import { dailyPerformance as rowOf, SHARPE_DAYS } from '../../src/execution/portfolio-day.js';
import { Decimal } from '../../src/market/decimal.js';
import {
  dailyPerformance,
  dayStartMs,
  nextDay,
  previousDay,
  utcDay,
  utcDayOf,
  type DailyPerformance,
  type DayFacts,
  type EquityMark,
} from '../../src/messages/performance.js';
import { dailyMarks, drawdownOf, returnsMetrics, returnsOf } from '../../src/statistics/returns.js';

const DAY = '2026-03-01';
const HOUR = 3_600_000;

interface Held {
  readonly [asset: string]: readonly [
    amount: string | number | Decimal,
    mark: string | number | Decimal | null,
  ];
}

const text = (value: string | number | Decimal): string => new Decimal(value).toFixed();

/** A mark whose equity is the sum of what is held. */
function mark(
  atMs: number,
  held: Held,
  baseline: Record<string, string | number | Decimal> = {},
): EquityMark {
  const holdings = Object.entries(held).map(([asset, [amount, price]]) => ({
    asset,
    amount: text(amount),
    mark: price === null ? null : text(price),
  }));
  const equity = holdings.reduce(
    (sum, one) => sum.plus(new Decimal(one.amount).times(one.mark ?? 0)),
    new Decimal(0),
  );
  return {
    atMs,
    equity: equity.toFixed(),
    holdings,
    baseline: Object.entries(baseline).map(([asset, amount]) => ({
      asset,
      amount: text(amount),
      mark: held[asset]?.[1] === undefined || held[asset][1] === null ? null : text(held[asset][1]),
    })),
  };
}

function factsOf(change: Partial<DayFacts>): DayFacts {
  return {
    day: DAY,
    currency: 'USDT',
    before: null,
    first: null,
    last: null,
    closed: [],
    flows: [],
    ...change,
  };
}

/** Rows of consecutive days from a list of facts without their days. */
function chain(days: readonly Partial<DayFacts>[], from = DAY): DailyPerformance[] {
  const rows: DailyPerformance[] = [];
  let day = from;
  for (const facts of days) {
    const row = rowOf(factsOf({ ...facts, day }), rows);
    if (row !== null) rows.unshift(dailyPerformance.parse(row));
    day = nextDay(day);
  }
  return rows;
}

t.test('a market that falls by 30 % without a trade is no loss, no drawdown and no return', async (t) => {
  const baseline = { BTC: '2', USDT: '1000' };
  const before = mark(dayStartMs(DAY) - 1, { BTC: ['2', '100'], USDT: ['1000', '1'] }, baseline);
  const last = mark(dayStartMs(DAY) + HOUR, { BTC: ['2', '70'], USDT: ['1000', '1'] }, baseline);
  t.match(rowOf(factsOf({ before, first: last, last }), []), {
    openingEquity: '1200',
    closingEquity: '1140',
    tradingNet: '0',
    flows: '0',
    revaluation: '-60',
    dayReturn: '0',
    index: '1',
    drawdown: '0',
    carried: false,
  });
});

t.test('trades, flows and the revaluation of the baseline are told apart to the last digit', async (t) => {
  const baseline = { BTC: '2', USDT: '1000' };
  const before = mark(dayStartMs(DAY) - 1, { BTC: ['2', '100'], USDT: ['1000', '1'] }, baseline);
  // Sold 0.5 BTC at 110, of which 5 went in fees; 300 USDT and 1 BTC were deposited; BTC closes at 90.
  const last = mark(dayStartMs(DAY) + HOUR, { BTC: ['2.5', '90'], USDT: ['1350', '1'] }, baseline);
  const flows = [
    { asset: 'USDT', amount: '300' },
    { asset: 'BTC', amount: '1' },
  ];
  const row = rowOf(factsOf({ before, last, flows }), [])!;
  // Cash +50, and half a bitcoin less than held on purpose, at 90.
  t.match(row, {
    flows: '390',
    tradingNet: '5',
    revaluation: '-20',
    dayReturn: new Decimal(5).div(1200).toFixed(20, 1),
  });

  const sold = mark(dayStartMs(DAY) + HOUR, { USDT: ['1220', '1'] }, { BTC: '2', USDT: '1000' });
  const unknown = rowOf(factsOf({ before, last: sold }), [])!;
  t.match(unknown, { tradingNet: null, revaluation: null, dayReturn: null, unmarked: ['BTC'], index: '1' });
  const priced = { ...sold, baseline: [{ asset: 'BTC', amount: '2', mark: '105' }] };
  t.match(
    rowOf(factsOf({ before, last: priced }), []),
    { tradingNet: '10', revaluation: '10' },
    'an asset that is all sold keeps the price of what is held on purpose',
  );
  const silent = ({ baseline: _, ...rest }: EquityMark): EquityMark => rest;
  t.match(
    rowOf(factsOf({ before: silent(before), last: silent(last), flows }), []),
    { tradingNet: null, dayReturn: null, unmarked: [] },
    'without a baseline a moved market would pass for trading',
  );
  t.match(rowOf(factsOf({ before: silent(before), last, flows }), []), { tradingNet: '5' });
  const otherFile = { ...last, baseline: [{ asset: 'BTC', amount: '99', mark: '90' }] };
  t.match(
    rowOf(factsOf({ before, last: otherFile, flows }), []),
    { tradingNet: '5' },
    'a baseline that was configured anew during the day is no result of trading',
  );
});

t.test('arbitrages are counted by outcome; only those in the reporting currency are summed', async (t) => {
  const before = mark(dayStartMs(DAY) - 1, { USDT: ['1000', '1'] });
  const one = { arbitrages: 2, realisedNet: '1.5', fees: '0.25' };
  const closed = [
    { ...one, outcome: 'completed', quote: 'USDT' },
    { ...one, outcome: 'flagged', quote: 'USDT', realisedNet: '-0.00000000000000000001' },
    { ...one, outcome: 'completed', quote: 'KRW', realisedNet: '90000' },
  ] as const;
  t.match(rowOf(factsOf({ before, closed }), []), {
    carried: true,
    closingEquity: '1000',
    arbitrages: { completed: 4, partial: 0, unwound: 0, failed: 0, flagged: 2 },
    unconverted: 2,
    realisedNet: '1.49999999999999999999',
    fees: '0.5',
  });
  t.equal(rowOf(factsOf({}), []), null, 'nothing is said before the first mark');
  const late = chain([{ before }], '2026-03-05');
  t.throws(() => rowOf(factsOf({ before, day: '2026-03-07' }), late), {
    code: 'ARB_INVARIANT',
    message: /2026-03-07/,
  });
});

t.test('days are those of the calendar', async (t) => {
  for (const day of ['2026-02-29', '2026-13-01', '2026-1-1', '1969-12-31', '', 'today'])
    t.notOk(utcDay.safeParse(day).success, day);
  t.equal(nextDay('2028-02-28'), '2028-02-29');
  t.equal(previousDay('2026-01-01'), '2025-12-31');
  t.equal(utcDayOf(dayStartMs(DAY)), DAY);
  t.equal(utcDayOf(dayStartMs(DAY) - 0.001), previousDay(DAY));
});

const money = fc.integer({ min: -50_000, max: 50_000 }).map((cents) => new Decimal(cents).div(100));

t.test(
  'over any run of days the parts of the change sum up, and the curve is the one of the reference',
  async (t) => {
    const day = fc.record({
      hasMark: fc.boolean(),
      profit: money,
      flow: fc.oneof(fc.constant(new Decimal(0)), money),
      price: fc.integer({ min: 50, max: 150 }),
    });
    fc.assert(
      fc.property(fc.array(day, { minLength: 1, maxLength: 25 }), (days) => {
        const baseline = { BTC: '3', USDT: '10000' };
        let [cash, now] = [new Decimal(100_000), dayStartMs(DAY) - HOUR];
        let known = mark(now, { BTC: ['3', '100'], USDT: [cash, '1'] }, baseline);
        let waiting = new Decimal(0);
        const returns: Decimal[] = [];
        const facts = days.map(({ hasMark, profit, flow, price }): Partial<DayFacts> => {
          now += 24 * HOUR;
          const before = known;
          cash = cash.plus(profit).plus(flow);
          waiting = waiting.plus(flow);
          if (!hasMark) {
            returns.push(new Decimal(0));
            return { before };
          }
          known = mark(now, { BTC: ['3', price], USDT: [cash, '1'] }, baseline);
          const flows = waiting.isZero() ? [] : [{ asset: 'USDT', amount: waiting.toFixed() }];
          const net = cash.minus(before.holdings[1]!.amount).minus(waiting);
          returns.push(net.div(before.equity));
          waiting = new Decimal(0);
          return { before, first: known, last: known, flows };
        });
        const rows = chain(facts).reverse();
        rows.forEach((row, at) => {
          const parts = [row.flows!, row.tradingNet!, row.revaluation!];
          const sum = parts.reduce((total, part) => total.plus(part), new Decimal(row.openingEquity));
          if (!sum.eq(row.closingEquity))
            throw new Error(`${row.day} leaves ${sum.minus(row.closingEquity).toFixed()}`);
          if (rows[at + 1] !== undefined && rows[at + 1]!.openingEquity !== row.closingEquity)
            throw new Error('a gap');
          if (new Decimal(row.dayReturn!).minus(returns[at]!).abs().gt('1e-19')) throw new Error('return');
        });
        const made = rows.reduce((sum, row) => sum.plus(row.tradingNet!), new Decimal(0));
        const profits = days.slice(0, days.findLastIndex(({ hasMark }) => hasMark) + 1);
        if (!made.eq(profits.reduce((sum, { profit }) => sum.plus(profit), new Decimal(0))))
          throw new Error('net');
        // The index is an equity series that moves by trading alone: every definition of reference §3 holds on it.
        const curve = [new Decimal(1), ...rows.map(({ index }) => new Decimal(index))];
        const metrics = returnsMetrics({
          equity: curve,
          periodsPerYear: 365,
          riskFreeAnnual: new Decimal(0),
          marAnnual: new Decimal(0),
        });
        const last = rows.at(-1)!;
        const close = (a: string | null, b: Decimal | null) =>
          a === null || b === null
            ? a === b
            : new Decimal(a).minus(b).abs().lte(b.abs().times('1e-9').plus('1e-12'));
        const deepest = rows.reduce((least, row) => Decimal.min(least, row.drawdown), new Decimal(0));
        if (!close(deepest.toFixed(), metrics.maxDrawdown)) throw new Error('drawdown');
        // Rounding of the twentieth digit makes equal returns differ there, and only there.
        const varied = metrics.stdev !== null && metrics.stdev.gt('1e-15');
        if ((varied || last.sharpe === null) && !close(last.sharpe, varied ? metrics.sharpe : null))
          throw new Error('sharpe');
        return last.sharpeDays === days.length;
      }),
    );
    t.pass();
  },
);

t.test('the Sharpe ratio leaves the first part of a day out and looks back a year', async (t) => {
  const start = dayStartMs(DAY);
  const equities = Array.from({ length: SHARPE_DAYS + 10 }, (_, at) =>
    new Decimal(1000).plus(at * 3).plus((at * 7) % 5),
  );
  const facts = equities.map((equity, at): Partial<DayFacts> => {
    const own = mark(start + at * 24 * HOUR + HOUR, { USDT: [equity, '1'] });
    const earlier = equities[at - 1];
    return {
      before:
        earlier === undefined ? null : mark(start + (at - 1) * 24 * HOUR + HOUR, { USDT: [earlier, '1'] }),
      first: own,
      last: own,
    };
  });
  const rows = chain(facts);
  t.equal(rows.at(-1)?.sharpeDays, 0, 'the first day began when the node did');
  t.same(
    rows.slice(-3, -1).map(({ sharpe }) => sharpe === null),
    [false, true],
    'two returns are needed',
  );
  t.equal(rows[0]?.sharpeDays, SHARPE_DAYS);
  const whole = returnsMetrics({
    equity: equities.slice(-SHARPE_DAYS - 1),
    periodsPerYear: 365,
    riskFreeAnnual: new Decimal(0),
    marAnnual: new Decimal(0),
  });
  t.ok(whole.sharpe!.minus(rows[0]!.sharpe!).abs().lt('1e-9'), 'of the closes of the whole days');
});

t.test(
  'marks at any times are the last of their day, carried forward, and a drawdown is where it is deepest',
  async (t) => {
    const point = fc.tuple(fc.integer({ min: 0, max: 30 * 24 }), fc.integer({ min: 1, max: 1000 }));
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 60 }), (raw) => {
        const points = raw
          .sort((a, b) => a[0] - b[0])
          .map(([hour, equity]) => [hour * HOUR + 5 * 24 * HOUR, new Decimal(equity)] as const);
        const marks = dailyMarks(points);
        const firstDay = Math.floor(points[0]![0] / (24 * HOUR));
        marks.forEach((value, at) => {
          const until = points.filter(([ms]) => Math.floor(ms / (24 * HOUR)) <= firstDay + at);
          if (!value.eq(until.at(-1)![1])) throw new Error(`day ${at}`);
        });
        const fall = drawdownOf(marks);
        const naive = marks.map((value, at) => value.div(Decimal.max(...marks.slice(0, at + 1))).minus(1));
        if (!fall.share.eq(Decimal.min(...naive))) throw new Error('deepest');
        if (
          fall.troughIndex !== null &&
          !marks[fall.peakIndex!]!.eq(Decimal.max(...marks.slice(0, fall.troughIndex + 1)))
        )
          throw new Error('peak');
        return returnsOf(marks).length === marks.length - 1;
      }),
    );
    t.pass();
  },
);
