import { assetsOf } from '../../market/leg-assets.js';
import { Decimal, ZERO } from '../../market/decimal.js';
import type { Fill } from '../../messages/order.js';
import type { AssetId } from '../../messages/primitives.js';
import type { Order } from '../order.js';

/** What fills have changed of each asset, fees included, wherever it is held. */
export type AssetChanges = ReadonlyMap<AssetId, Decimal>;

export function changesOf(fills: readonly Fill[]): Map<AssetId, Decimal> {
  const changes = new Map<AssetId, Decimal>();
  const add = (asset: AssetId, amount: Decimal): void =>
    void changes.set(asset, (changes.get(asset) ?? ZERO).plus(amount));
  for (const { instrument, side, price, quantity, fee, feeAsset } of fills) {
    const { base, quote } = assetsOf(instrument);
    const worth = new Decimal(price).times(quantity);
    add(base, side === 'buy' ? new Decimal(quantity) : new Decimal(quantity).negated());
    add(quote, side === 'buy' ? worth.negated() : worth);
    add(feeAsset, new Decimal(fee).negated());
  }
  return changes;
}

export const fillsOf = (orders: readonly Order[]): Fill[] => orders.flatMap((order) => order.fills);

export const isFilled = (orders: readonly Order[]): boolean =>
  orders.some(({ filledBase }) => filledBase.gt(0));

/** What was traded forward on a planned leg's market, less what was taken back there. */
export function netFilled(
  orders: readonly Order[],
  leg: { readonly instrument: { readonly id: string }; readonly side: 'buy' | 'sell' },
): Decimal {
  return orders
    .filter(({ submit }) => submit.instrument === leg.instrument.id)
    .reduce(
      (sum, { submit, filledBase }) =>
        submit.side === leg.side ? sum.plus(filledBase) : sum.minus(filledBase),
      ZERO,
    );
}
