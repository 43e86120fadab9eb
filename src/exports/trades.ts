import { assetsOf } from '../execution/ledger.js';
import { Decimal, toText } from '../market/decimal.js';
import type { Fill } from '../messages/order.js';
import { isWithin, type Period, type ZonedTime } from './period.js';
import type { ExportRow } from './table.js';

export const TRADE_COLUMNS = [
  'time',
  'day',
  'exchange',
  'base',
  'quote',
  'side',
  'quantity',
  'price',
  'notional',
  'fee',
  'fee_asset',
  'liquidity',
  'trade_id',
  'client_order_id',
  'arbitrage_id',
] as const;

/** One row for each fill, in the order they were booked; `fee` is negative for a rebate. */
export function tradeRow(fill: Fill, zone: ZonedTime): ExportRow {
  const { base, quote } = assetsOf(fill.instrument);
  return {
    time: zone.textOf(fill.exchangeTimeMs),
    day: zone.dayOf(fill.exchangeTimeMs),
    exchange: fill.exchange,
    base,
    quote,
    side: fill.side,
    quantity: fill.quantity,
    price: fill.price,
    // As the ledger booked it, so it fits.
    notional: toText(new Decimal(fill.price).times(fill.quantity)),
    fee: fill.fee,
    fee_asset: fill.feeAsset,
    liquidity: fill.liquidity,
    trade_id: fill.tradeId,
    client_order_id: fill.clientOrderId,
    arbitrage_id: fill.arbitrageId,
  };
}

export async function* tradeRows(
  fills: AsyncIterable<Fill>,
  zone: ZonedTime,
  period: Period,
): AsyncGenerator<ExportRow> {
  for await (const fill of fills)
    if (isWithin(period, zone.dayOf(fill.exchangeTimeMs))) yield tradeRow(fill, zone);
}
