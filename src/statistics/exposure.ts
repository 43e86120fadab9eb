import { Decimal, ZERO } from '../market/decimal.js';
import type { AssetId } from '../messages/primitives.js';

/** Exposure of a set of positions, exactly as the reference defines it (§3, Exposure). */

export interface MarkedPosition {
  readonly asset: AssetId;
  /** Signed amount. */
  readonly quantity: Decimal;
  /** Price of one unit in the reporting currency. */
  readonly mark: Decimal;
}

export interface ExposureSnapshot {
  /** Sum of |quantity × mark|. */
  readonly gross: Decimal;
  readonly net: Decimal;
  readonly long: Decimal;
  readonly short: Decimal;
  /** Gross over equity; null without equity. */
  readonly grossLeverage: Decimal | null;
  readonly netLeverage: Decimal | null;
  readonly netByAsset: ReadonlyMap<AssetId, Decimal>;
  /** Largest |net of an asset| over gross; null without positions. */
  readonly maxAssetConcentration: Decimal | null;
}

export function exposureSnapshot(positions: readonly MarkedPosition[], equity: Decimal): ExposureSnapshot {
  let [long, short] = [ZERO, ZERO];
  const netByAsset = new Map<AssetId, Decimal>();
  for (const { asset, quantity, mark } of positions) {
    const value = quantity.times(mark);
    if (value.gt(0)) long = long.plus(value);
    else short = short.minus(value);
    netByAsset.set(asset, (netByAsset.get(asset) ?? ZERO).plus(value));
  }
  const gross = long.plus(short);
  const net = long.minus(short);
  const over = (value: Decimal) => (equity.gt(0) ? value.div(equity) : null);
  const largest = Decimal.max(0, ...[...netByAsset.values()].map((value) => value.abs()));
  return {
    gross,
    net,
    long,
    short,
    grossLeverage: over(gross),
    netLeverage: over(net),
    netByAsset,
    maxAssetConcentration: gross.isZero() ? null : largest.div(gross),
  };
}

export interface MarketTime {
  /** Share of the horizon in which at least one position was open. */
  readonly timeInMarket: Decimal;
  /** Most positions open at once. */
  readonly maxConcurrent: number;
  /** Mean length of a position; null without any. */
  readonly avgHolding: Decimal | null;
}

/** Of positions open in [from, to); one that closes where another opens is not open beside it. `horizon` > 0, same unit. */
export function timeInMarket(
  intervals: readonly (readonly [from: number, to: number])[],
  horizon: number,
): MarketTime {
  const edges = intervals
    .flatMap(([from, to]) => [
      { at: from, change: 1 },
      { at: to, change: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.change - b.change);
  let [open, most, covered, sinceAt] = [0, 0, 0, 0];
  for (const { at, change } of edges) {
    if (open > 0) covered += at - sinceAt;
    sinceAt = at;
    open += change;
    most = Math.max(most, open);
  }
  const held = intervals.reduce((sum, [from, to]) => sum + to - from, 0);
  return {
    timeInMarket: new Decimal(covered).div(horizon),
    maxConcurrent: most,
    avgHolding: intervals.length === 0 ? null : new Decimal(held).div(intervals.length),
  };
}
