import { paddedText } from './exact-units.js';
import type { Ladder, LadderDelta, LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { EngineTrade } from './matching-engine.js';
import type { AggregatedFills } from './trade-aggregation.js';

/** Binance's frames as text, byte for byte in its order of keys; prices and sizes have eight decimals (PROTOCOLS §3). */
const PLACES = 8;

function levels(listing: Listing, side: LadderSide): string {
  let out = '';
  for (let i = 0; i < side.prices.length; i++) {
    const price = paddedText(listing.tick, side.prices[i]!, PLACES);
    out += `${i === 0 ? '' : ','}["${price}","${paddedText(listing.lot, side.lots[i]!, PLACES)}"]`;
  }
  return `[${out}]`;
}

export function depthUpdate(
  listing: Listing,
  delta: LadderDelta,
  eventMs: number,
  firstId: number,
  lastId: number,
): string {
  const head = `{"e":"depthUpdate","E":${eventMs},"s":"${listing.symbol}","U":${firstId},"u":${lastId}`;
  return `${head},"b":${levels(listing, delta.bids)},"a":${levels(listing, delta.asks)}}`;
}

/** REST depth and the partial depth streams. */
export function depthSnapshot(
  listing: Listing,
  sides: Pick<Ladder, 'bids' | 'asks'>,
  lastUpdateId: number,
): string {
  return `{"lastUpdateId":${lastUpdateId},"bids":${levels(listing, sides.bids)},"asks":${levels(listing, sides.asks)}}`;
}

/** Both sides must have a level. */
export function bookTicker(listing: Listing, ladder: Ladder, updateId: number): string {
  const price = (side: LadderSide) => paddedText(listing.tick, side.prices[0]!, PLACES);
  const size = (side: LadderSide) => paddedText(listing.lot, side.lots[0]!, PLACES);
  const { bids, asks } = ladder;
  const bid = `"b":"${price(bids)}","B":"${size(bids)}"`;
  return `{"u":${updateId},"s":"${listing.symbol}",${bid},"a":"${price(asks)}","A":"${size(asks)}"}`;
}

export function trade(
  listing: Listing,
  print: EngineTrade,
  id: number,
  eventMs: number,
  tradeMs: number,
): string {
  const amount = priceAndQuantity(listing, print.priceTicks, print.lots);
  const head = `{"e":"trade","E":${eventMs},"s":"${listing.symbol}","t":${id},${amount}`;
  return `${head},"T":${tradeMs},"m":${print.takerSide === 'sell'},"M":true}`;
}

/** `id` counts aggregates, `firstTradeId` is the id of the first fill. */
export function aggTrade(
  listing: Listing,
  fills: AggregatedFills,
  id: number,
  firstTradeId: number,
  eventMs: number,
  tradeMs: number,
): string {
  const { first } = fills;
  const amount = priceAndQuantity(listing, first.priceTicks, fills.lots);
  const head = `{"e":"aggTrade","E":${eventMs},"s":"${listing.symbol}","a":${id},${amount}`;
  const range = `"f":${firstTradeId},"l":${firstTradeId + fills.count - 1}`;
  return `${head},${range},"T":${tradeMs},"m":${first.takerSide === 'sell'},"M":true}`;
}

function priceAndQuantity(listing: Listing, ticks: number, lots: number): string {
  return `"p":"${paddedText(listing.tick, ticks, PLACES)}","q":"${paddedText(listing.lot, lots, PLACES)}"`;
}
