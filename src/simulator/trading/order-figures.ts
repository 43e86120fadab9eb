import { atomsText, truncated, type Atoms } from './atoms.js';
import type { DeskTransfer, OrderView } from './desk-types.js';

const ONE: Atoms = 10n ** 18n;
/** An average is no price of a trade: it is cut, and nothing may be booked from it. */
const AVERAGE_PLACES = 12;

/** Average price of what was filled so far; null when nothing was. */
export function averagePriceText({ filled, filledQuote }: OrderView): string | null {
  return filled === 0n ? null : atomsText(truncated((filledQuote * ONE) / filled, AVERAGE_PLACES));
}

/** Splits what left the account into what was sent and the network's fee: a hundredth, cut to 8 places. */
export function withdrawalParts({ amount }: DeskTransfer): { readonly sent: Atoms; readonly fee: Atoms } {
  const fee = truncated(-amount / 100n, 8);
  return { sent: -amount - fee, fee };
}
