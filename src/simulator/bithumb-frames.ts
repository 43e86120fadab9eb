import { plainText } from './exact-units.js';
import { dayAndTime, sumText } from './korean-numbers.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { AggregatedFills } from './trade-aggregation.js';
import { objectText } from './upbit-frames.js';
import type { MarketNotice, StreamType } from './whole-book-face.js';

/** Bithumb's frames as text (PROTOCOLS §7): the grammar of Upbit in another order of members, books in microseconds. */

const BOOK_LEVELS = 15;
/** Some books show a price whose rest is below what four decimals tell. */
const DUST_EVERY = 3;
/** First id of a market's trades: far beyond 2^53. */
const FIRST_TRADE_ID = 1_080_000_000_000_000_000n;

interface Slot {
  readonly ticks: number;
  readonly lots: number;
}

export function bithumbBook(
  market: SimulatedMarket,
  ladder: Ladder,
  stampMicros: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const { tick, lot, symbol } = market.listing;
  const hasDust = ladder.updateId % DUST_EVERY === 0;
  const asks = slots(ladder.asks, hasDust ? 1 : 0);
  const bids = slots(ladder.bids, hasDust ? -1 : 0);
  const names = isSimple ? ['ap', 'bp', 'as', 'bs'] : ['ask_price', 'bid_price', 'ask_size', 'bid_size'];
  const units = asks.map((ask, i) => {
    const bid = bids[i]!;
    return objectText(names, [
      plainText(tick, ask.ticks),
      plainText(tick, bid.ticks),
      plainText(lot, ask.lots),
      plainText(lot, bid.lots),
    ]);
  });
  const total = (side: readonly Slot[]) =>
    sumText(
      lot,
      side.map(({ lots }) => lots),
    );
  const list = `[${units.join(',')}]`;
  return isSimple
    ? `{"ty":"orderbook","cd":"${symbol}","tas":${total(asks)},"tbs":${total(bids)},"obu":${list},"lv":1,"tms":${stampMicros},"st":"${stream}"}`
    : `{"type":"orderbook","code":"${symbol}","total_ask_size":${total(asks)},"total_bid_size":${total(bids)},"orderbook_units":${list},"level":1,"timestamp":${stampMicros},"stream_type":"${stream}"}`;
}

/** Always 15 slots: short sides end in price 0 and size 0. `step` ≠ 0 puts a price of size 0 behind the best where it is free. */
function slots(side: LadderSide, step: number): Slot[] {
  const out: Slot[] = side.prices.map((ticks, i) => ({ ticks, lots: side.lots[i]! }));
  const behind = (side.prices[0] ?? 0) + step;
  if (step !== 0 && behind > 0 && side.prices.length > 0 && side.prices[1] !== behind)
    out.splice(1, 0, { ticks: behind, lots: 0 });
  while (out.length < BOOK_LEVELS) out.push({ ticks: 0, lots: 0 });
  return out.slice(0, BOOK_LEVELS);
}

const DEFAULT_TRADE = [
  ...['type', 'code', 'trade_price', 'trade_volume', 'ask_bid', 'trade_date', 'trade_time'],
  ...['trade_timestamp', 'sequential_id', 'timestamp', 'stream_type'],
];
const SIMPLE_TRADE = ['ty', 'cd', 'tp', 'tv', 'ab', 'td', 'ttm', 'ttms', 'sid', 'tms', 'st'];

export function bithumbTrade(
  market: SimulatedMarket,
  fills: AggregatedFills,
  stampMs: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const { tick, lot, symbol } = market.listing;
  const { last } = fills;
  const [date, time] = dayAndTime(stampMs);
  return objectText(isSimple ? SIMPLE_TRADE : DEFAULT_TRADE, [
    '"trade"',
    `"${symbol}"`,
    plainText(tick, last.priceTicks),
    plainText(lot, fills.lots),
    last.takerSide === 'buy' ? '"BID"' : '"ASK"',
    `"${date}"`,
    `"${time}"`,
    `${stampMs}`,
    `${FIRST_TRADE_ID + BigInt(last.id)}`,
    `${stampMs}`,
    `"${stream}"`,
  ]);
}

const DEFAULT_TICKER = [
  ...['type', 'code', 'trade_price', 'trade_date', 'trade_time', 'trade_timestamp', 'market_state'],
  ...['is_trading_suspended', 'delisting_date', 'market_warning', 'timestamp', 'stream_type'],
];
const SIMPLE_TICKER = ['ty', 'cd', 'tp', 'tdt', 'ttm', 'ttms', 'ms', 'its', 'dd', 'mw', 'tms', 'st'];

/** The members that a capture shows; the real frame has more figures of the day. */
export function bithumbTicker(
  market: SimulatedMarket,
  notice: MarketNotice,
  stampMs: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const [date, time] = dayAndTime(stampMs);
  return objectText(isSimple ? SIMPLE_TICKER : DEFAULT_TICKER, [
    '"ticker"',
    `"${market.listing.symbol}"`,
    plainText(market.listing.tick, market.statistics.lastTicks),
    `"${date.replaceAll('-', '')}"`,
    `"${time.replaceAll(':', '')}"`,
    `${stampMs}`,
    `"${notice.state}"`,
    `${notice.suspended}`,
    `"${notice.delisting}"`,
    `"${notice.warning}"`,
    `${stampMs}`,
    `"${stream}"`,
  ]);
}
