import { Decimal, roundToTick } from './decimal.js';
import type { Side } from '../messages/primitives.js';
import { invariant } from '../messages/errors.js';

/** A tick that depends on the price, as won markets have it: from each bound on, its tick. */
export interface TickBand {
  /** Inclusive. */
  readonly from: Decimal;
  readonly tick: Decimal;
}

/** The tick of a price, by the highest bound that is not above it. Bands in any order. Throws ARB_INVARIANT below the lowest bound. */
export function tickAt(price: Decimal, bands: readonly TickBand[]): Decimal {
  let found: TickBand | null = null;
  for (const band of bands)
    if (price.greaterThanOrEqualTo(band.from) && (found === null || band.from.greaterThan(found.from)))
      found = band;
  invariant(found !== null, `no tick is known at price ${price.toFixed()}`);
  return found.tick;
}

/** Buys down, sells up, so that a bound never becomes worse; the band is that of the price before rounding. */
export const roundToBand = (price: Decimal, bands: readonly TickBand[], side: Side): Decimal =>
  roundToTick(price, tickAt(price, bands), side);
