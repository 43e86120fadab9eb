import { displayText, plainText } from './exact-units.js';
import { topOf, type Ladder, type LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { EngineTrade } from './matching-engine.js';

/** Bybit v5 spot frames as text: `ts` before `type`, numbers as strings without trailing zeros (PROTOCOLS §5). */
type Sides = Pick<Ladder, 'bids' | 'asks'>;

export type TickDirection = 'PlusTick' | 'ZeroPlusTick' | 'MinusTick' | 'ZeroMinusTick';

/** [["price","size"], …]; size "0" removes the level. */
export function bybitLevels(listing: Listing, side: LadderSide): string {
  let out = '';
  for (let i = 0; i < side.prices.length; i++) {
    const price = plainText(listing.tick, side.prices[i]!);
    out += `${i === 0 ? '' : ','}["${price}","${plainText(listing.lot, side.lots[i]!)}"]`;
  }
  return `[${out}]`;
}

export interface BookStamp {
  readonly tsMs: number;
  readonly engineMs: number;
  readonly updateId: number;
  readonly sequence: number;
}

export function bybitBook(
  listing: Listing,
  topic: string,
  type: 'snapshot' | 'delta',
  sides: Sides,
  stamp: BookStamp,
): string {
  const book = `"b":${bybitLevels(listing, sides.bids)},"a":${bybitLevels(listing, sides.asks)}`;
  const data = `{"s":"${listing.symbol}",${book},"u":${stamp.updateId},"seq":${stamp.sequence}}`;
  return `{"topic":"${topic}","ts":${stamp.tsMs},"type":"${type}","data":${data},"cts":${stamp.engineMs}}`;
}

/** The best `depth` levels of both sides. */
export function topSides(ladder: Ladder, depth: number): Sides {
  return { bids: topOf(ladder.bids, depth), asks: topOf(ladder.asks, depth) };
}

/** One entry of a `publicTrade` frame. */
export function bybitTrade(
  listing: Listing,
  trade: EngineTrade,
  id: string,
  direction: TickDirection,
  sequence: number,
  tradeMs: number,
): string {
  const side = trade.takerSide === 'buy' ? 'Buy' : 'Sell';
  const size = plainText(listing.lot, trade.lots);
  const head = `"T":${tradeMs},"s":"${listing.symbol}","S":"${side}","v":"${size}"`;
  const price = `"p":"${plainText(listing.tick, trade.priceTicks)}","L":"${direction}"`;
  return `{${head},${price},"i":"${id}","BT":false,"RPI":false,"seq":${sequence}}`;
}

export function bybitTrades(topic: string, tsMs: number, entries: readonly string[]): string {
  return `{"topic":"${topic}","type":"snapshot","ts":${tsMs},"data":[${entries.join(',')}]}`;
}

/** Spot tickers are snapshots. The "24 h" figures run from the start of the world. */
export function bybitTicker(market: SimulatedMarket, topic: string, tsMs: number, sequence: number): string {
  const { listing, statistics } = market;
  const price = (ticks: number) => plainText(listing.tick, ticks);
  const change = statistics.lastTicks / statistics.openTicks - 1;
  const data = {
    symbol: listing.symbol,
    lastPrice: price(statistics.lastTicks),
    highPrice24h: price(statistics.highTicks),
    lowPrice24h: price(statistics.lowTicks),
    prevPrice24h: price(statistics.openTicks),
    volume24h: plainText(listing.lot, statistics.volumeLots),
    turnover24h: displayText(statistics.turnover, 6),
    price24hPcnt: displayText(change, 4),
    usdIndexPrice: price(statistics.lastTicks),
  };
  const head = `"topic":"${topic}","ts":${tsMs},"type":"snapshot","cs":${sequence}`;
  return `{${head},"data":${JSON.stringify(data)}}`;
}

/** The direction of a price after the one before. */
export function tickDirection(ticks: number, before: number, last: TickDirection): TickDirection {
  if (ticks > before) return 'PlusTick';
  if (ticks < before) return 'MinusTick';
  return last === 'PlusTick' || last === 'ZeroPlusTick' ? 'ZeroPlusTick' : 'ZeroMinusTick';
}
