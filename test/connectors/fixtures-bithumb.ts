/** Hand-written frames of Bithumb, as it spells them: microseconds, four decimals, live prices of size 0. */

export const SYMBOL = 'KRW-ETH';
export const T = 1_790_133_505_546;
export const MICROS = '1790133505546514';

/** One book frame; sides of different length are padded, as the exchange does. */
export function book(
  bids: readonly (readonly [string, string])[],
  asks: readonly (readonly [string, string])[],
  at: number | string = MICROS,
  { stream = 'REALTIME', symbol = SYMBOL } = {},
): string {
  const units = Array.from({ length: Math.max(bids.length, asks.length) }, (_, i) => {
    const [ask, askSize] = asks[i] ?? ['0', '0'];
    const [bid, bidSize] = bids[i] ?? ['0', '0'];
    return `{"ask_price":${ask},"bid_price":${bid},"ask_size":${askSize},"bid_size":${bidSize}}`;
  });
  return `{"type":"orderbook","code":"${symbol}","total_ask_size":1,"total_bid_size":1,"orderbook_units":[${units.join(',')}],"level":1,"timestamp":${at},"stream_type":"${stream}"}`;
}

/** The second ask is alive with a size that four decimals do not show. */
export const SNAPSHOT = book(
  [
    ['3714000', '3.012'],
    ['3713000', '15.399'],
  ],
  [
    ['3715000', '8.4592'],
    ['3716000', '0'],
    ['3717000', '4.1755'],
  ],
  MICROS,
  { stream: 'SNAPSHOT' },
);

export const BOOKS: readonly string[] = [
  SNAPSHOT,
  book([['3714000', '3']], [['3715000', '8.4592']], '1790133505627050'),
  book([['3713000', '1.5']], [['3714000', '0.25']], '1790133505727051'),
];

export function trade(
  id: string,
  { stream = 'REALTIME', price = '3714000', volume = '0.0009', side = 'BID', at = String(T) } = {},
): string {
  return `{"type":"trade","code":"${SYMBOL}","trade_price":${price},"trade_volume":${volume},"ask_bid":"${side}","trade_date":"2026-09-23","trade_time":"12:18:33","trade_timestamp":${at},"sequential_id":${id},"timestamp":${T + 300},"stream_type":"${stream}"}`;
}
export const TRADE = trade('1079953210371761700');
export const TRADE_HISTORY = trade('1079953210371761600', { stream: 'SNAPSHOT' });

export function ticker(
  more: { state?: string; suspended?: boolean; delisting?: string | null; warning?: string } = {},
): string {
  const { state = 'ACTIVE', suspended = false, delisting = '', warning = 'NONE' } = more;
  return JSON.stringify({
    type: 'ticker',
    code: SYMBOL,
    trade_price: 3_714_000,
    trade_timestamp: T,
    market_state: state,
    is_trading_suspended: suspended,
    delisting_date: delisting,
    market_warning: warning,
    timestamp: T,
    stream_type: 'REALTIME',
  });
}

export const SIMPLE_BOOK = `{"ty":"orderbook","cd":"${SYMBOL}","tas":0.1823,"tbs":6.9593,"obu":[{"ap":3715000,"bp":3714000,"as":0.0892,"bs":0.0084},{"ap":3716000,"bp":3713000,"as":0.0087,"bs":0.0213}],"lv":1,"tms":1790133505827052,"st":"REALTIME"}`;
export const SIMPLE_TRADE = `{"ty":"trade","cd":"${SYMBOL}","tp":3714000,"tv":0.0009,"ab":"ASK","td":"2026-09-23","ttm":"12:18:33","ttms":${T},"sid":1079953210371761701,"tms":${T},"st":"REALTIME"}`;

export const STATUS = '{"status":"UP"}';
export const REFUSAL = '{"error":{"name":"WRONG_FORMAT","message":"wrong"}}';
/** Of the socket that must not be used any more. */
export const FOREIGN = '{"type":"orderbookdepth","content":{"list":[],"datetime":"1622591012656250"}}';

export const MARKETS = JSON.stringify([
  { market: 'KRW-BTC', korean_name: '', english_name: 'Bitcoin', market_warning: 'NONE' },
  { market: 'KRW-XRP', market_warning: 'CAUTION' },
  { market: 'BTC-ETH', market_warning: 'NONE' },
  { market: 'KRW-SOL', market_warning: 'NONE' },
  { market: 'KRW-DOGE', market_warning: 'NONE' },
  { market: 'KRW-ADA', market_warning: 'NONE' },
  { market: 'KRW-ETH', market_warning: 7 },
  { market: 'EUR-BTC', market_warning: 'NONE' },
]);

const rows = (market: string, prices: readonly (readonly [number, number])[]) => ({
  market,
  timestamp: T,
  orderbook_units: prices.map(([ask, bid]) => ({ ask_price: ask, bid_price: bid, ask_size: 1, bid_size: 0 })),
  level: 1,
});

/** BTC few and on the band's step; XRP many, all on a coarser step than its band; SOL few, and finer than its band. */
export const BOOKS_OF_MARKETS = JSON.stringify([
  rows('KRW-BTC', [[116_208_000, 116_204_000]]),
  rows(
    'KRW-XRP',
    Array.from({ length: 15 }, (_, i) => [3_255 + 5 * i, 3_250 - 5 * i] as const),
  ),
  rows('BTC-ETH', [[0.03201234, 0.03201111]]),
  rows('KRW-SOL', [
    [205_150, 205_100],
    [205_210, 0],
  ]),
  rows('KRW-DOGE', [[0, 0]]),
  rows('KRW-ETH', [[3_715_000, 3_714_000]]),
  rows('EUR-BTC', [[1, 1]]),
]);
export const REST_BOOK = `[{"market":"${SYMBOL}","timestamp":${T},"total_ask_size":1,"total_bid_size":1,"orderbook_units":[{"ask_price":3715000,"bid_price":3714000,"ask_size":1.5,"bid_size":0}],"level":1}]`;
/** With HTTP 200. */
export const REST_ERROR = '{"error":{"name":404,"message":"Code not found"}}';
