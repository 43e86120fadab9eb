import { Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { AssetId, DecimalText } from '../messages/primitives.js';

type Holdings = BalancesChanged['holdings'];
export type Marks = ReadonlyMap<AssetId, Decimal>;
export type Baseline = ReadonlyMap<AssetId, Decimal>;

/** A holding with its price in the reporting currency; null while none is known. */
export interface MarkedHolding {
  readonly exchange: string;
  readonly asset: AssetId;
  readonly amount: DecimalText;
  readonly mark: DecimalText | null;
}

export interface Valuation {
  /** Sum of all holdings that have a price. */
  readonly equity: Decimal;
  /** Value of what is held beyond the baseline: the part that trading made, at today's prices. */
  readonly tradingValue: Decimal;
  readonly holdings: readonly MarkedHolding[];
  /** Assets without a price: the sums miss them. */
  readonly unmarked: readonly AssetId[];
}

/** Price between best bid and best ask as exact decimal, cut to twelve decimals; null unless both are there. */
export function midPrice(bid: number, ask: number): Decimal | null {
  if (!(bid > 0) || !(ask > 0)) return null;
  return new Decimal(bid).plus(ask).div(2).toDecimalPlaces(12, Decimal.ROUND_DOWN);
}

/**
 * Values holdings at marks. The baseline is held on purpose, so its revaluation is no result of trading (TRADING §1): the
 * trading value counts only what is held beyond it.
 */
export function valueHoldings(
  holdings: Holdings,
  marks: Marks,
  baseline: Baseline,
  currency: AssetId,
): Valuation {
  const markOf = (asset: AssetId) => (asset === currency ? new Decimal(1) : (marks.get(asset) ?? null));
  const totals = new Map<AssetId, Decimal>();
  let equity = ZERO;
  const marked = holdings.map(({ exchange, asset, amount }) => {
    const mark = markOf(asset);
    totals.set(asset, (totals.get(asset) ?? ZERO).plus(amount));
    if (mark !== null) equity = equity.plus(mark.times(amount));
    return { exchange, asset, amount, mark: mark === null ? null : toText(roundForMessage(mark, 'down')) };
  });
  let tradingValue = ZERO;
  for (const asset of new Set([...totals.keys(), ...baseline.keys()])) {
    const beyond = (totals.get(asset) ?? ZERO).minus(baseline.get(asset) ?? ZERO);
    tradingValue = tradingValue.plus(beyond.times(markOf(asset) ?? ZERO));
  }
  const unmarked = [...totals.keys()].filter((asset) => markOf(asset) === null);
  return { equity, tradingValue, holdings: marked, unmarked };
}

/** Result of a day: what trading is worth now against what it was worth when the day began. A fall of the market without a trade gives 0. */
export const dayNet = (now: Valuation, tradingValueAtDayStart: Decimal): Decimal =>
  now.tradingValue.minus(tradingValueAtDayStart);

/** Number of the day a moment belongs to, for a day that begins `boundaryOffsetMs` after midnight UTC (KST: −9 h). */
export const dayNumber = (nowMs: number, boundaryOffsetMs: number): number =>
  Math.floor((nowMs - boundaryOffsetMs) / 86_400_000);

export const moneyText = (amount: Decimal): DecimalText => toText(roundForMessage(amount, 'down'));
