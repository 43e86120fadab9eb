import type { EngineTrade } from './matching-engine.js';

/** Fills of one taker order at one price, as most exchanges publish them. */
export interface AggregatedFills {
  readonly first: EngineTrade;
  readonly last: EngineTrade;
  readonly lots: number;
  readonly count: number;
}

/** Joins neighbours of one taker order and one price; order is kept. */
export function aggregateFills(tape: readonly EngineTrade[]): AggregatedFills[] {
  const out: AggregatedFills[] = [];
  for (const trade of tape) {
    const open = out[out.length - 1];
    const joins =
      open !== undefined &&
      open.first.takerOrderId === trade.takerOrderId &&
      open.first.priceTicks === trade.priceTicks;
    if (joins) {
      const lots = open.lots + trade.lots;
      out[out.length - 1] = { first: open.first, last: trade, lots, count: open.count + 1 };
    } else {
      out.push({ first: trade, last: trade, lots: trade.lots, count: 1 });
    }
  }
  return out;
}
