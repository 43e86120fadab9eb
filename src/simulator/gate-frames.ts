import { displayText, plainText } from './exact-units.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';

/** Gate v4 frames as text: numbers are strings without trailing zeros, levels are [price, size] (PROTOCOLS §9). */
type Sides = Pick<Ladder, 'bids' | 'asks'>;

/** Size "0" removes the level. `order` gives the places of the levels, since deltas are not sorted. */
export function gateLevels(
  listing: Listing,
  side: LadderSide,
  order: readonly number[] | null = null,
): string {
  const level = (at: number) => {
    const price = plainText(listing.tick, side.prices[at]!);
    return `["${price}","${plainText(listing.lot, side.lots[at]!)}"]`;
  };
  return `[${(order ?? side.prices.map((_, at) => at)).map(level).join(',')}]`;
}

/** What the frames of `spot.obu` and `spot.order_book_update` say about the book. */
export interface GateBook {
  readonly sides: Sides;
  readonly bidOrder: readonly number[] | null;
  readonly askOrder: readonly number[] | null;
  /** Null in a whole book. */
  readonly first: number | null;
  readonly last: number;
  /** The book's time and the time of sending. */
  readonly bookMs: number;
  readonly sentMs: number;
}

/** `spot.obu`: the members of the envelope come last, `full` only when it is true. */
export function gateObu(listing: Listing, levels: number, book: GateBook): string {
  const full = book.first === null ? ',"full":true' : '';
  const first = book.first === null ? '' : `,"U":${book.first}`;
  const head = `"t":${book.bookMs}${full},"s":"ob.${listing.symbol}.${levels}","u":${book.last}${first}`;
  return `{"channel":"spot.obu","result":{${head},${bothSides(listing, book)}},"time_ms":${book.sentMs},"event":"update"}`;
}

/** `spot.order_book_update`. */
export function gateDiff(listing: Listing, book: GateBook): string {
  const seconds = Math.floor(book.bookMs / 1_000);
  const head = `"t":${book.bookMs},"e":"depthUpdate","E":${seconds},"s":"${listing.symbol}"`;
  const range = `"U":${book.first ?? book.last},"u":${book.last}`;
  return update('spot.order_book_update', book.sentMs, `{${head},${range},${bothSides(listing, book)}}`);
}

function bothSides(listing: Listing, { sides, bidOrder, askOrder }: GateBook): string {
  return `"b":${gateLevels(listing, sides.bids, bidOrder)},"a":${gateLevels(listing, sides.asks, askOrder)}`;
}

/** `spot.order_book`: whole snapshots of few levels. */
export function gateSnapshot(
  listing: Listing,
  sides: Sides,
  id: number,
  bookMs: number,
  sentMs: number,
): string {
  const head = `"t":${bookMs},"lastUpdateId":${id},"s":"${listing.symbol}"`;
  const levels = `"bids":${gateLevels(listing, sides.bids)},"asks":${gateLevels(listing, sides.asks)}`;
  return update('spot.order_book', sentMs, `{${head},${levels}}`);
}

/** `spot.book_ticker`; an empty side has no price and size 0. */
export function gateQuote(
  listing: Listing,
  { bids, asks }: Sides,
  id: number,
  bookMs: number,
  sentMs: number,
): string {
  const price = (side: LadderSide) =>
    side.prices.length === 0 ? '' : plainText(listing.tick, side.prices[0]!);
  const size = (side: LadderSide) => (side.lots.length === 0 ? '0' : plainText(listing.lot, side.lots[0]!));
  const bid = `"b":"${price(bids)}","B":"${size(bids)}"`;
  const ask = `"a":"${price(asks)}","A":"${size(asks)}"`;
  return update(
    'spot.book_ticker',
    sentMs,
    `{"t":${bookMs},"u":${id},"s":"${listing.symbol}",${bid},${ask}}`,
  );
}

/** `spot.trades`: `id` counts over all markets, `id_market` within one; times have a fraction of a millisecond. */
export function gateTrade(
  listing: Listing,
  fills: AggregatedFills,
  id: number,
  tradeMs: number,
  sentMs: number,
): string {
  const { first, last } = fills;
  const time = `"create_time":${Math.floor(tradeMs / 1_000)},"create_time_ms":"${tradeMs}.${last.id % 1_000}"`;
  const amount = `"amount":"${plainText(listing.lot, fills.lots)}"`;
  const what = `"side":"${last.takerSide}","currency_pair":"${listing.symbol}",${amount}`;
  const price = `"price":"${plainText(listing.tick, last.priceTicks)}","range":"${first.id}-${last.id}"`;
  return update('spot.trades', sentMs, `{"id":${id},"id_market":${last.id},${time},${what},${price}}`);
}

/** `spot.tickers`. The "24 h" figures run from the start of the world. Both sides must have a level. */
export function gateTicker(market: SimulatedMarket, sentMs: number): string {
  const { listing, statistics } = market;
  const { bids, asks } = market.ladder();
  const price = (ticks: number) => plainText(listing.tick, ticks);
  const result = {
    currency_pair: listing.symbol,
    last: price(statistics.lastTicks),
    lowest_ask: price(asks.prices[0]!),
    highest_bid: price(bids.prices[0]!),
    change_percentage: displayText((statistics.lastTicks / statistics.openTicks - 1) * 100, 4),
    base_volume: plainText(listing.lot, statistics.volumeLots),
    quote_volume: displayText(statistics.turnover, 6),
    high_24h: price(statistics.highTicks),
    low_24h: price(statistics.lowTicks),
  };
  return update('spot.tickers', sentMs, JSON.stringify(result));
}

function update(channel: string, sentMs: number, result: string): string {
  const time = `"time":${Math.floor(sentMs / 1_000)},"time_ms":${sentMs}`;
  return `{${time},"channel":"${channel}","event":"update","result":${result}}`;
}
