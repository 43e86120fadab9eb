import type { OrderReference, OrderReport, TradeReport } from './order-entry.js';
import { sumOf } from './order-fields.js';

/** One order among the rows of a list. */

export interface NamedRow {
  readonly exchangeOrderId: string;
  readonly clientOrderId: string | null;
}

/** Whether a row is of the order that was asked for: by the exchange's own id where it is known. */
export const isNamed =
  ({ exchangeOrderId, clientOrderId }: OrderReference) =>
  (one: NamedRow): boolean =>
    exchangeOrderId === null ? one.clientOrderId === clientOrderId : one.exchangeOrderId === exchangeOrderId;

/**
 * An IOC order by its fills alone: one that neither look-up nor list of orders has any more has ended, with what it has filled.
 * Null where none of the trades is of it.
 */
export function orderByFills(all: readonly TradeReport[], reference: OrderReference): OrderReport | null {
  const trades = all.filter(isNamed(reference));
  const [first] = trades;
  if (first === undefined) return null;
  const filledQuantity = sumOf(trades.map(({ quantity }) => quantity));
  const { exchangeOrderId, symbol, side } = first;
  return {
    ...{ clientOrderId: first.clientOrderId ?? '', exchangeOrderId, symbol, side },
    ...{ status: 'ended', statusWord: 'by its fills' },
    ...{ quantity: filledQuantity, filledQuantity, trades },
    updatedAtMs: Math.max(...trades.map(({ timeMs }) => timeMs)),
  };
}
