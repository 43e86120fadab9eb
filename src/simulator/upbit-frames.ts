import { plainText } from './exact-units.js';
import { dayAndTime, eightPlaces, javaText, sumText } from './korean-numbers.js';
import type { Ladder, LadderSide } from './ladder.js';
import type { SimulatedMarket } from './market.js';
import type { MarketNotice, StreamType } from './whole-book-face.js';
import type { AggregatedFills } from './trade-aggregation.js';

/** Upbit's frames as text (PROTOCOLS §6), in both formats: DEFAULT as captured in 2026, SIMPLE with its short names. */

const BOOK_LEVELS = 30;

/** Slots of price 0 and size 0 fill a side that is shorter than the other, or than 30 levels. */
export function upbitBook(
  market: SimulatedMarket,
  ladder: Ladder,
  stampMs: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const { tick, lot, symbol } = market.listing;
  // Seen: DEFAULT prints prices as Java doubles and sizes padded, SIMPLE the other way round.
  const price = (ticks: number) => spelled(plainText(tick, ticks), !isSimple);
  const size = (lots: number) => (isSimple ? javaText(plainText(lot, lots)) : eightPlaces(lot, lots));
  const names = isSimple ? ['ap', 'bp', 'as', 'bs'] : ['ask_price', 'bid_price', 'ask_size', 'bid_size'];
  const units: string[] = [];
  for (let i = 0; i < BOOK_LEVELS; i++) {
    const [ask, askLots] = slot(ladder.asks, i);
    const [bid, bidLots] = slot(ladder.bids, i);
    const values = [price(ask), price(bid), size(askLots), size(bidLots)];
    units.push(`{${names.map((name, at) => `"${name}":${values[at]!}`).join(',')}}`);
  }
  const asks = sumText(lot, ladder.asks.lots.slice(0, BOOK_LEVELS));
  const bids = sumText(lot, ladder.bids.lots.slice(0, BOOK_LEVELS));
  const list = units.join(',');
  return isSimple
    ? `{"ty":"orderbook","cd":"${symbol}","tms":${stampMs},"tas":${asks},"tbs":${bids},"obu":[${list}],"st":"${stream}","lv":0}`
    : `{"type":"orderbook","code":"${symbol}","timestamp":${stampMs},"total_ask_size":${asks},"total_bid_size":${bids},"orderbook_units":[${list}],"stream_type":"${stream}","level":0}`;
}

const slot = (side: LadderSide, i: number): readonly [number, number] => [
  side.prices[i] ?? 0,
  side.lots[i] ?? 0,
];

const spelled = (plain: string, isJava: boolean): string => (isJava ? javaText(plain) : plain);

const DEFAULT_TRADE = [
  ...['type', 'code', 'timestamp', 'trade_date', 'trade_time', 'trade_timestamp', 'trade_price'],
  ...['trade_volume', 'ask_bid', 'prev_closing_price', 'change', 'change_price', 'sequential_id'],
  ...['best_ask_price', 'best_ask_size', 'best_bid_price', 'best_bid_size', 'stream_type'],
];
const SIMPLE_TRADE = [
  ...['ty', 'cd', 'tms', 'td', 'ttm', 'ttms', 'tp', 'tv', 'ab', 'pcp', 'c', 'cp', 'sid'],
  ...['bap', 'bas', 'bbp', 'bbs', 'st'],
];

/** `sequential_id` is the time with four more digits, hence beyond 2^53. */
export function upbitTrade(
  market: SimulatedMarket,
  fills: AggregatedFills,
  stampMs: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const { tick, lot, symbol } = market.listing;
  const { last } = fills;
  const { openTicks } = market.statistics;
  const { asks, bids } = market.ladder();
  const [date, time] = dayAndTime(stampMs);
  const values = [
    '"trade"',
    `"${symbol}"`,
    `${stampMs}`,
    `"${date}"`,
    `"${time}"`,
    `${stampMs}`,
    plainText(tick, last.priceTicks),
    plainText(lot, fills.lots),
    last.takerSide === 'buy' ? '"BID"' : '"ASK"',
    plainText(tick, openTicks),
    `"${changeWord(last.priceTicks - openTicks)}"`,
    plainText(tick, Math.abs(last.priceTicks - openTicks)),
    `${stampMs}${String(last.id % 10_000).padStart(4, '0')}`,
    plainText(tick, asks.prices[0] ?? 0),
    plainText(lot, asks.lots[0] ?? 0),
    plainText(tick, bids.prices[0] ?? 0),
    plainText(lot, bids.lots[0] ?? 0),
    `"${stream}"`,
  ];
  return objectText(isSimple ? SIMPLE_TRADE : DEFAULT_TRADE, values);
}

const DEFAULT_TICKER = [
  ...['type', 'code', 'opening_price', 'high_price', 'low_price', 'trade_price', 'prev_closing_price'],
  ...['acc_trade_price', 'change', 'change_price', 'signed_change_price', 'change_rate'],
  ...['signed_change_rate', 'ask_bid', 'trade_volume', 'acc_trade_volume', 'trade_date', 'trade_time'],
  ...['trade_timestamp', 'acc_ask_volume', 'acc_bid_volume', 'highest_52_week_price'],
  ...['highest_52_week_date', 'lowest_52_week_price', 'lowest_52_week_date', 'market_state'],
  ...['is_trading_suspended', 'delisting_date', 'market_warning', 'timestamp', 'acc_trade_price_24h'],
  ...['acc_trade_volume_24h', 'stream_type'],
];
const SIMPLE_TICKER = [
  ...['ty', 'cd', 'op', 'hp', 'lp', 'tp', 'pcp', 'atp', 'c', 'cp', 'scp', 'cr', 'scr', 'ab', 'tv', 'atv'],
  ...['tdt', 'ttm', 'ttms', 'aav', 'abv', 'h52wp', 'h52wdt', 'l52wp', 'l52wdt', 'ms', 'its', 'dd', 'mw'],
  ...['tms', 'atp24h', 'atv24h', 'st'],
];

/** Figures of a day or a year run from the start of the world. */
export function upbitTicker(
  market: SimulatedMarket,
  notice: MarketNotice,
  stampMs: number,
  stream: StreamType,
  isSimple: boolean,
): string {
  const { tick, lot, symbol } = market.listing;
  const stats = market.statistics;
  const price = (ticks: number) => plainText(tick, ticks);
  const change = stats.lastTicks - stats.openTicks;
  const sign = change < 0 ? '-' : '';
  const rate = (Math.abs(change) / stats.openTicks).toFixed(10);
  const [date, time] = dayAndTime(stampMs);
  const volume = plainText(lot, stats.volumeLots);
  const turnover = stats.turnover.toFixed(8);
  const values = [
    '"ticker"',
    `"${symbol}"`,
    price(stats.openTicks),
    price(stats.highTicks),
    price(stats.lowTicks),
    price(stats.lastTicks),
    price(stats.openTicks),
    turnover,
    `"${changeWord(change)}"`,
    price(Math.abs(change)),
    `${sign}${price(Math.abs(change))}`,
    rate,
    `${sign}${rate}`,
    '"BID"',
    plainText(lot, stats.lastLots),
    volume,
    `"${date.replaceAll('-', '')}"`,
    `"${time.replaceAll(':', '')}"`,
    `${stampMs}`,
    volume,
    volume,
    price(stats.highTicks),
    `"${date}"`,
    price(stats.lowTicks),
    `"${date}"`,
    `"${notice.state}"`,
    `${notice.suspended}`,
    notice.delisting === '' ? 'null' : `"${notice.delisting}"`,
    `"${notice.warning}"`,
    `${stampMs}`,
    turnover,
    volume,
    `"${stream}"`,
  ];
  return objectText(isSimple ? SIMPLE_TICKER : DEFAULT_TICKER, values);
}

export function changeWord(ticks: number): string {
  return ticks === 0 ? 'EVEN' : ticks > 0 ? 'RISE' : 'FALL';
}

/** An object of values that are JSON already. */
export function objectText(names: readonly string[], values: readonly string[]): string {
  return `{${names.map((name, i) => `"${name}":${values[i]!}`).join(',')}}`;
}
