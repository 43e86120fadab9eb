import { Decimal } from '../market/decimal.js';
import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { ExposureBook } from './exposure.js';

export type ExchangeValue = { readonly value: Decimal } | { readonly unpriced: AssetId };

/** Everything that is or may come to be at an exchange, in the reporting currency; or the asset whose price is missing. */
export function valueAt(exposure: ExposureBook, exchange: ExchangeId): ExchangeValue {
  let value = new Decimal(0);
  for (const { asset, amount } of exposure.worstAt(exchange)) {
    const mark = exposure.markOf(asset);
    if (mark === null && !amount.isZero()) return { unpriced: asset };
    if (mark !== null) value = value.plus(amount.times(mark));
  }
  return { value };
}
