import { crc32 } from 'node:zlib';
import { displayText, paddedText, plainText, type StepUnit } from './exact-units.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { Listing } from './listings.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';

/** Bitget's frames as text (PROTOCOLS §10). The classic socket is v2, the unified one v3; v2 pads its decimals, v3 does not. */

export type BitgetApi = 'v2' | 'v3';
type Sides = Pick<Ladder, 'bids' | 'asks'>;

/**
 * v2 books as seen in 2026 (`numbered`) and in 2024 (`checksum`: 0 on a snapshot, real on updates). Those of v3 have both.
 */
export type BitgetBookForm = 'numbered' | 'checksum';
/** How `seq` is sent: a plain number, a number beyond 2^53, or such a number in quotes. All three were seen on some product. */
export type BitgetSequenceForm = 'number' | 'long' | 'text';

/** Where a book frame stands. `seq` and `pseq` are digits. */
export interface BitgetStamp {
  readonly tsMs: number;
  readonly pushedMs: number;
  readonly seq: string;
  readonly pseq: string;
  readonly quoted: boolean;
  readonly checksum: number;
}

const CHECKSUM_LEVELS = 25;

function textOf(api: BitgetApi, step: StepUnit, count: number): string {
  return api === 'v2' ? paddedText(step, count, step.decimals) : plainText(step, count);
}

export function bitgetLevels(api: BitgetApi, listing: Listing, side: LadderSide): string {
  const levels = side.prices.map((price, i) => levelOf(api, listing, price, side.lots[i]!));
  return `[${levels.map(([price, size]) => `["${price}","${size}"]`).join(',')}]`;
}

/** A level that is gone has size 0. */
function levelOf(api: BitgetApi, { tick, lot }: Listing, price: number, lots: number): [string, string] {
  return [textOf(api, tick, price), lots === 0 ? '0' : textOf(api, lot, lots)];
}

/** Signed CRC32 over the best 25 levels of both sides, bid and ask in turn, spelled as sent. */
export function bitgetChecksum(api: BitgetApi, listing: Listing, { bids, asks }: Sides): number {
  const parts: string[] = [];
  for (let i = 0; i < CHECKSUM_LEVELS; i++) {
    for (const side of [bids, asks]) {
      if (i < side.prices.length) parts.push(...levelOf(api, listing, side.prices[i]!, side.lots[i]!));
    }
  }
  return crc32(parts.join(':')) | 0;
}

/** `arg` of pushes and answers. */
export function bitgetArg(api: BitgetApi, channel: string, symbol: string, instType?: string): string {
  return api === 'v2'
    ? `"arg":{"instType":"${instType ?? 'SPOT'}","channel":"${channel}","instId":"${symbol}"}`
    : `"arg":{"instType":"${instType ?? 'spot'}","topic":"${channel}","symbol":"${symbol}"}`;
}

function push(
  api: BitgetApi,
  action: string,
  channel: string,
  symbol: string,
  data: string,
  ts: number,
): string {
  return `{"action":"${action}",${bitgetArg(api, channel, symbol)},"data":[${data}],"ts":${ts}}`;
}

/** Any of the `books…` channels. */
export function bitgetBook(
  api: BitgetApi,
  form: BitgetBookForm,
  action: 'snapshot' | 'update',
  channel: string,
  listing: Listing,
  sides: Sides,
  stamp: BitgetStamp,
): string {
  const asks = bitgetLevels(api, listing, sides.asks);
  const bids = bitgetLevels(api, listing, sides.bids);
  const { tsMs, quoted, checksum } = stamp;
  const seq = quoted ? `"${stamp.seq}"` : stamp.seq;
  const pseq = quoted && stamp.pseq !== '0' ? `"${stamp.pseq}"` : stamp.pseq;
  const numbers = `"seq":${seq},"pseq":${pseq}`;
  const data =
    api === 'v3'
      ? `{"a":${asks},"b":${bids},"checksum":${checksum},${numbers},"ts":"${tsMs}"}`
      : form === 'numbered'
        ? `{"asks":${asks},"bids":${bids},"ts":"${tsMs}",${numbers}}`
        : `{"asks":${asks},"bids":${bids},"checksum":${checksum},"ts":"${tsMs}"}`;
  return push(api, action, channel, listing.symbol, data, stamp.pushedMs);
}

/** One print; ids are beyond 2^53. */
export function bitgetPrint(api: BitgetApi, listing: Listing, fills: AggregatedFills, tsMs: number): string {
  const { last } = fills;
  const price = textOf(api, listing.tick, last.priceTicks);
  const size = textOf(api, listing.lot, fills.lots);
  const id = String(1_235_671_058_980_000_000n + BigInt(last.id));
  return api === 'v2'
    ? `{"ts":"${tsMs}","price":"${price}","size":"${size}","side":"${last.takerSide}","tradeId":"${id}"}`
    : `{"i":"${id}","p":"${price}","v":"${size}","S":"${last.takerSide}","T":"${tsMs}","L":"${id}","isRPI":"no"}`;
}

/** `trade` and `publicTrade`: `snapshot` is history, newest first. */
export function bitgetTrades(
  api: BitgetApi,
  action: 'snapshot' | 'update',
  symbol: string,
  prints: readonly string[],
  pushedMs: number,
): string {
  return push(api, action, api === 'v2' ? 'trade' : 'publicTrade', symbol, prints.join(','), pushedMs);
}

/** `ticker` of v2. The "24 h" figures run from the start of the world. Both sides must have a level. */
export function bitgetTicker(market: SimulatedMarket, tsMs: number): string {
  const { listing, statistics } = market;
  const { bids, asks } = market.ladder();
  const price = (ticks: number) => plainText(listing.tick, ticks);
  const size = (lots: number) => plainText(listing.lot, lots);
  const change = displayText(statistics.lastTicks / statistics.openTicks - 1, 5);
  const data = {
    instId: listing.symbol,
    lastPr: price(statistics.lastTicks),
    open24h: price(statistics.openTicks),
    high24h: price(statistics.highTicks),
    low24h: price(statistics.lowTicks),
    change24h: change,
    bidPr: price(bids.prices[0]!),
    askPr: price(asks.prices[0]!),
    bidSz: size(bids.lots[0]!),
    askSz: size(asks.lots[0]!),
    baseVolume: size(statistics.volumeLots),
    quoteVolume: displayText(statistics.turnover, 6),
    openUtc: price(statistics.openTicks),
    changeUtc24h: change,
    ts: `${tsMs}`,
  };
  return push('v2', 'snapshot', 'ticker', listing.symbol, JSON.stringify(data), tsMs);
}
