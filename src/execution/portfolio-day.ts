import { Decimal, ONE, roundForMessage, toText, ZERO } from '../market/decimal.js';
import { invariant } from '../messages/errors.js';
import {
  dayStartMs,
  previousDay,
  type ClosedTotals,
  type DailyPerformance,
  type DayFacts,
  type EquityMark,
  type Outcome,
} from '../messages/performance.js';
import type { AssetId, DecimalText } from '../messages/primitives.js';
import { deviationOf, sharpe } from '../statistics/returns.js';
import { moneyText } from './portfolio.js';

/**
 * The row of one UTC day, a function of its facts and of the rows before it, so that working it out again gives the same row.
 * What is held on purpose is no result of trading (TRADING §1): its revaluation and what came from outside stay out of net,
 * return, drawdown and Sharpe ratio. Sharpe as reference §3: last mark per day, carried forward over days without one, P = 365.
 */

const DAYS_A_YEAR = 365;
/** Returns that the Sharpe ratio looks back on. */
export const SHARPE_DAYS = 365;
/** Stored returns are cut at the twentieth digit; what varies less than this does not vary. */
const LEAST_DEVIATION = '1e-18';

type Amounts = Map<AssetId, Decimal>;

function add(amounts: Amounts, asset: AssetId, amount: Decimal | DecimalText): void {
  amounts.set(asset, (amounts.get(asset) ?? ZERO).plus(amount));
}

/** Amounts held beyond the baseline of the opening, which counts for the whole day: a changed file is no result of trading. */
function beyond(mark: EquityMark, baseline: NonNullable<EquityMark['baseline']>): Amounts {
  const amounts: Amounts = new Map();
  for (const { asset, amount } of mark.holdings) add(amounts, asset, amount);
  for (const { asset, amount } of baseline) add(amounts, asset, new Decimal(amount).negated());
  return amounts;
}

function marksOf(mark: EquityMark, currency: AssetId): ReadonlyMap<AssetId, Decimal> {
  const marks = new Map<AssetId, Decimal>([[currency, ONE]]);
  for (const one of [...(mark.baseline ?? []), ...mark.holdings])
    if (one.mark !== null) marks.set(one.asset, new Decimal(one.mark));
  return marks;
}

interface Worth {
  readonly value: Decimal;
  readonly unmarked: readonly AssetId[];
}

function worthOf(amounts: Amounts, marks: ReadonlyMap<AssetId, Decimal>): Worth {
  let value = ZERO;
  const unmarked: AssetId[] = [];
  for (const [asset, amount] of amounts) {
    const mark = marks.get(asset);
    if (mark !== undefined) value = value.plus(mark.times(amount));
    else if (!amount.isZero()) unmarked.push(asset);
  }
  return { value, unmarked };
}

interface Change {
  readonly flows: DecimalText | null;
  readonly tradingNet: DecimalText | null;
  readonly revaluation: DecimalText | null;
  readonly unmarked: AssetId[];
}

/** The change of equity in its three parts. What came from outside is held on purpose from then on. */
function changeOf(opening: EquityMark, closing: EquityMark, facts: DayFacts): Change {
  const baseline = opening.baseline ?? closing.baseline;
  // Between snapshots of earlier versions nobody knows what was held on purpose, and a moved market must not pass for trading.
  if (baseline === undefined) return { flows: null, tradingNet: null, revaluation: null, unmarked: [] };
  const atClosing = marksOf(closing, facts.currency);
  const inflow: Amounts = new Map();
  for (const { asset, amount } of facts.flows) add(inflow, asset, amount);
  const held = beyond(closing, baseline);
  for (const [asset, amount] of inflow) add(held, asset, amount.negated());
  const after = worthOf(held, atClosing);
  const before = worthOf(beyond(opening, baseline), marksOf(opening, facts.currency));
  const moved = worthOf(inflow, atClosing);
  const unmarked = [...new Set([...after.unmarked, ...before.unmarked, ...moved.unmarked])].sort();
  if (unmarked.length > 0) return { flows: null, tradingNet: null, revaluation: null, unmarked };
  const [flows, tradingNet] = [moneyText(moved.value), moneyText(after.value.minus(before.value))];
  const rest = new Decimal(closing.equity).minus(opening.equity).minus(flows).minus(tradingNet);
  return { flows, tradingNet, revaluation: toText(rest), unmarked };
}

function closedIn(totals: readonly ClosedTotals[], currency: AssetId) {
  const arbitrages: Record<Outcome, number> = {
    completed: 0,
    partial: 0,
    unwound: 0,
    failed: 0,
    flagged: 0,
  };
  let [realisedNet, fees, unconverted] = [ZERO, ZERO, 0];
  for (const one of totals) {
    arbitrages[one.outcome] += one.arbitrages;
    if (one.quote === currency) {
      realisedNet = realisedNet.plus(one.realisedNet);
      fees = fees.plus(one.fees);
    } else unconverted += one.arbitrages;
  }
  return { realisedNet: toText(realisedNet), fees: toText(fees), arbitrages, unconverted };
}

/** A day that opens with a mark of its own was not whole: the grid of reference §3 begins with its close. */
const isWhole = (row: Pick<DailyPerformance, 'day' | 'openingAtMs'>): boolean =>
  row.openingAtMs < dayStartMs(row.day);

/** `earlier` newest first; the row before the day leads unless there is none. */
function curveOf(
  row: Pick<DailyPerformance, 'day' | 'openingAtMs' | 'dayReturn'>,
  earlier: readonly DailyPerformance[],
): Pick<DailyPerformance, 'index' | 'peakIndex' | 'drawdown' | 'sharpe' | 'sharpeDays'> {
  const before = earlier[0];
  const index = roundForMessage(new Decimal(before?.index ?? 1).times(ONE.plus(row.dayReturn ?? 0)), 'down');
  const peak = Decimal.max(before?.peakIndex ?? 1, index);
  const returns = [row, ...earlier]
    .slice(0, SHARPE_DAYS)
    .flatMap((one) => (isWhole(one) && one.dayReturn !== null ? [new Decimal(one.dayReturn)] : []));
  const varies = deviationOf(returns)?.gt(LEAST_DEVIATION) === true;
  const ratio = varies ? sharpe(returns, DAYS_A_YEAR) : null;
  return {
    index: toText(index),
    peakIndex: toText(peak),
    drawdown: peak.isZero() ? '0' : moneyText(index.div(peak).minus(1)),
    sharpe: ratio === null ? null : moneyText(ratio),
    sharpeDays: returns.length,
  };
}

/**
 * Null when no mark was ever taken up to the end of the day. `earlier` are the rows of the days before, newest first and without
 * a gap, at most SHARPE_DAYS − 1 of them.
 */
export function dailyPerformance(
  facts: DayFacts,
  earlier: readonly DailyPerformance[],
): DailyPerformance | null {
  const { day, currency, before, first, last } = facts;
  const opening = before ?? first;
  const closing = last ?? before;
  if (opening === null || closing === null) return null;
  const newest = earlier[0];
  invariant(newest === undefined || newest.day === previousDay(day), `the row before ${day} is missing`);
  const change = changeOf(opening, closing, facts);
  const openingEquity = new Decimal(opening.equity);
  const dayReturn =
    change.tradingNet === null || !openingEquity.gt(0)
      ? null
      : moneyText(new Decimal(change.tradingNet).div(openingEquity));
  const row = { day, openingAtMs: opening.atMs, dayReturn };
  return {
    ...row,
    currency,
    carried: last === null,
    closingAtMs: closing.atMs,
    openingEquity: opening.equity,
    closingEquity: closing.equity,
    ...change,
    ...closedIn(facts.closed, currency),
    ...curveOf(row, earlier),
  };
}
