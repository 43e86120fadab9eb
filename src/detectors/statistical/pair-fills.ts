import { Decimal, ZERO } from '../../market/decimal.js';
import type { Instrument } from '../../market/instrument.js';
import type { Fill, LegResult } from '../../messages/order.js';
import type { PairPosition } from '../../messages/pair-positions.js';
import type { Traded } from './pair-answers.js';
import { basesOf } from './pair-watch.js';

/**
 * What the orders of an arbitrage have moved, by their fills: base of both markets wherever it was traded, so that what was taken back or hedged elsewhere
 * counts too. Null while the end of an order is not known. A fee in a third coin moves neither.
 */
export function tradedBy(
  results: readonly (LegResult | null)[],
  position: Pick<PairPosition, 'first' | 'second'>,
  instruments: ReadonlyMap<string, Instrument>,
): Traded | null {
  const fills = new Map<string, Fill>();
  for (const result of results) {
    if (result === null || result.status === 'unknown') return null;
    for (const fill of result.fills) fills.set(`${fill.instrument} ${fill.tradeId}`, fill);
  }
  const [first, second] = basesOf(position);
  const moved = new Map<string, Decimal>();
  const add = (asset: string, amount: Decimal) =>
    void moved.set(asset, (moved.get(asset) ?? ZERO).plus(amount));
  const quoteAsset = quoteOf(position.first);
  for (const fill of fills.values()) {
    const instrument = instruments.get(fill.instrument);
    const [base, quote] = fill.instrument.slice(fill.instrument.indexOf(':') + 1).split('-') as [
      string,
      string,
    ];
    const sign = fill.side === 'buy' ? 1 : -1;
    const units = new Decimal(instrument?.unitMultiplier ?? 1);
    const quantity = new Decimal(fill.quantity);
    add(base, quantity.times(units).times(sign));
    add(quote, quantity.times(fill.price).times(-sign));
    add(fill.feeAsset, new Decimal(fill.fee).times(fill.feeAsset === base ? units : 1).negated());
  }
  const of = (asset: string) => moved.get(asset) ?? ZERO;
  return { first: of(first!), second: of(second!), quote: of(quoteAsset) };
}

const quoteOf = (instrument: string): string => instrument.slice(instrument.lastIndexOf('-') + 1);
