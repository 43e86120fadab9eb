import type { DecimalText } from '../messages/primitives.js';
import type { AssetId } from '../messages/primitives.js';
import type { PlannedLeg } from '../messages/signal.js';
import { Decimal, ONE, ZERO } from './decimal.js';
import { assetsOf } from './leg-assets.js';

/** What one order changes, asset by asset, where all of it trades at one price; fees included. */
export interface PlannedFlow {
  readonly from: AssetId;
  readonly to: AssetId;
  readonly given: Decimal;
  readonly brought: Decimal;
}

type Terms = Pick<PlannedLeg, 'instrument' | 'side' | 'feeRate' | 'feeMode'>;

/** A fee in a third coin changes neither asset. */
export function plannedFlow(leg: Terms, quantity: Decimal, price: DecimalText | Decimal): PlannedFlow {
  const { base, quote } = assetsOf(leg.instrument);
  const worth = quantity.times(price);
  const kept = leg.feeMode === 'third' ? ONE : ONE.minus(leg.feeRate);
  if (leg.side === 'sell') return { from: base, to: quote, given: quantity, brought: worth.times(kept) };
  return leg.feeMode === 'received'
    ? { from: quote, to: base, given: worth, brought: quantity.times(kept) }
    : {
        from: quote,
        to: base,
        given: worth.plus(leg.feeMode === 'quote' ? worth.times(leg.feeRate) : 0),
        brought: quantity,
      };
}

/** What several orders change together, asset by asset, signed. */
export function netFlows(flows: readonly PlannedFlow[]): Map<AssetId, Decimal> {
  const sums = new Map<AssetId, Decimal>();
  const add = (asset: AssetId, amount: Decimal): void =>
    void sums.set(asset, (sums.get(asset) ?? ZERO).plus(amount));
  for (const { from, to, given, brought } of flows) {
    add(from, given.negated());
    add(to, brought);
  }
  return sums;
}
