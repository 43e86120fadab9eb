import { displayText, plainText } from './exact-units.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';

/** OKX's frames as text: numbers are strings without trailing zeros, levels are [price, size, "0", orders] (PROTOCOLS §4). */
type Sides = Pick<Ladder, 'bids' | 'asks'>;

/** A level that is gone has size "0" and no orders. */
export function okxLevels(listing: Listing, side: LadderSide): string {
  let out = '';
  for (let i = 0; i < side.prices.length; i++) {
    const price = plainText(listing.tick, side.prices[i]!);
    out += `${i === 0 ? '' : ','}["${price}","${plainText(listing.lot, side.lots[i]!)}","0","${side.orders[i]!}"]`;
  }
  return `[${out}]`;
}

function arg(channel: string, listing: Listing): string {
  return `"arg":{"channel":"${channel}","instId":"${listing.symbol}"}`;
}

function bothSides(listing: Listing, sides: Sides): string {
  return `"asks":${okxLevels(listing, sides.asks)},"bids":${okxLevels(listing, sides.bids)}`;
}

/**
 * Two forms of `books` are on the wire: with a dead checksum of 0 (since 2026-06-23) and `prevSeqId` −1 on snapshots, or, seen
 * 2026-09, with `instId` and neither checksum nor `prevSeqId` on snapshots (PROTOCOLS §4).
 */
export type OkxBookForm = 'checksum-zero' | 'without-checksum';

/** `books`: a snapshot or an update. */
export function okxBooks(
  listing: Listing,
  channel: string,
  action: 'snapshot' | 'update',
  sides: Sides,
  stampMs: number,
  prevSeqId: number,
  seqId: number,
  form: OkxBookForm,
): string {
  const previous = action === 'snapshot' ? '' : `,"prevSeqId":${prevSeqId}`;
  const tail =
    form === 'checksum-zero'
      ? `"ts":"${stampMs}","checksum":0,"prevSeqId":${prevSeqId},"seqId":${seqId}`
      : `"instId":"${listing.symbol}","ts":"${stampMs}","seqId":${seqId}${previous}`;
  return `{${arg(channel, listing)},"action":"${action}","data":[{${bothSides(listing, sides)},${tail}}]}`;
}

/** `books5`: whole snapshots, no action. */
export function okxBooks5(listing: Listing, sides: Sides, stampMs: number, seqId: number): string {
  const tail = `"instId":"${listing.symbol}","ts":"${stampMs}","seqId":${seqId}`;
  return `{${arg('books5', listing)},"data":[{${bothSides(listing, sides)},${tail}}]}`;
}

/** `bbo-tbt`: the best level of both sides. */
export function okxBest(listing: Listing, sides: Sides, stampMs: number, seqId: number): string {
  return `{${arg('bbo-tbt', listing)},"data":[{${bothSides(listing, sides)},"ts":"${stampMs}","seqId":${seqId}}]}`;
}

/** `trades`: fills of one taker order at one price; the id is that of the last fill. */
export function okxTrade(
  listing: Listing,
  fills: AggregatedFills,
  tradeId: number,
  stampMs: number,
  seqId: number,
): string {
  const { last } = fills;
  const price = plainText(listing.tick, last.priceTicks);
  const size = plainText(listing.lot, fills.lots);
  const head = `"instId":"${listing.symbol}","tradeId":"${tradeId}","px":"${price}","sz":"${size}"`;
  const tail = `"side":"${last.takerSide}","ts":"${stampMs}","count":"${fills.count}","source":"0","seqId":${seqId}`;
  return `{${arg('trades', listing)},"data":[{${head},${tail}}]}`;
}

/** `tickers`. The "24 h" figures run from the start of the world. Both sides must have a level. */
export function okxTicker(market: SimulatedMarket, stampMs: number): string {
  const { listing, statistics } = market;
  const { bids, asks } = market.ladder();
  const price = (ticks: number) => plainText(listing.tick, ticks);
  const size = (lots: number) => plainText(listing.lot, lots);
  const data = {
    instType: 'SPOT',
    instId: listing.symbol,
    last: price(statistics.lastTicks),
    lastSz: size(statistics.lastLots),
    askPx: price(asks.prices[0]!),
    askSz: size(asks.lots[0]!),
    bidPx: price(bids.prices[0]!),
    bidSz: size(bids.lots[0]!),
    open24h: price(statistics.openTicks),
    high24h: price(statistics.highTicks),
    low24h: price(statistics.lowTicks),
    sodUtc0: price(statistics.openTicks),
    sodUtc8: price(statistics.openTicks),
    volCcy24h: displayText(statistics.turnover, 6),
    vol24h: size(statistics.volumeLots),
    ts: `${stampMs}`,
  };
  return `{${arg('tickers', listing)},"data":[${JSON.stringify(data)}]}`;
}
