import type { PremiumRow } from '../messages/premium.js';
import type { Alert } from './alert.js';
import { alertOf } from './from-trading.js';

/** From when a premium is told, bps of either sign. */
export interface PremiumBounds {
  /** Against the executable rate. */
  readonly usdtBps: number;
  /** Against a bank's rate; absent = that is not told. */
  readonly fxBps?: number | undefined;
}

/** Below this share of its bound, what was told is over: a premium that wavers is told once. */
const OVER = 0.8;

type Measure = 'usdt' | 'fx';

/** Premiums that pass a bound, coin by coin and apart for both rates; told when they do and when they are back. */
export class PremiumWatch {
  private readonly bounds: PremiumBounds;
  private readonly high = new Set<string>();

  constructor(bounds: PremiumBounds) {
    this.bounds = bounds;
  }

  /** What is measured now; of a coin that is not there nothing is known, and nothing is told. */
  take(rows: readonly PremiumRow[], atMs: number): Alert[] {
    return rows.flatMap((row) => [
      ...this.look(row, { measure: 'usdt', bps: row.vsUsdtBps, bound: this.bounds.usdtBps }, atMs),
      ...(row.vsFxBps === null || this.bounds.fxBps === undefined
        ? []
        : this.look(row, { measure: 'fx', bps: row.vsFxBps, bound: this.bounds.fxBps }, atMs)),
    ]);
  }

  private look(
    row: PremiumRow,
    { measure, bps, bound }: { readonly measure: Measure; readonly bps: number; readonly bound: number },
    atMs: number,
  ): Alert[] {
    const key = `${row.instrument} ${measure}`;
    const wasHigh = this.high.has(key);
    const size = Math.abs(bps);
    if (!wasHigh && size >= bound) {
      this.high.add(key);
      return [alertFor(row, { measure, bps, says: 'high' }, atMs)];
    }
    if (wasHigh && size < bound * OVER) {
      this.high.delete(key);
      return [alertFor(row, { measure, bps, says: 'over' }, atMs)];
    }
    return [];
  }
}

function alertFor(
  row: PremiumRow,
  { measure, bps, says }: { readonly measure: Measure; readonly bps: number; readonly says: 'high' | 'over' },
  atMs: number,
): Alert {
  const { instrument, exchange, asset, currency } = row;
  const against =
    measure === 'usdt' ? `the executable rate of ${exchange}` : "a bank's rate, which is not tradable";
  const executable = `with fees ${row.sellLocalBps.toFixed(1)} bps to sell there, ${row.buyLocalBps.toFixed(1)} bps to buy`;
  const now = `${bps >= 0 ? '+' : ''}${(bps / 100).toFixed(2)} % against ${against}`;
  return alertOf({
    id: `premium:${instrument}:${measure}:${says}:${atMs}`,
    event: 'premium',
    severity: says === 'high' ? 'warning' : 'info',
    subject: `${exchange} ${asset} ${measure} ${says}`,
    text: `${asset} in ${currency} on ${exchange}: ${now}${says === 'over' ? ' again' : ''}; ${executable}`,
    atMs,
  });
}
