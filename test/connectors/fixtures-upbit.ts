/** Hand-written frames of Upbit, as it spells them; the text matters, since JSON.stringify would not print `1.16539E8`. */

export const SYMBOL = 'KRW-BTC';
export const T = 1_790_000_000_000;

export interface Level {
  readonly price: string;
  readonly size: string;
}
const levels = (rows: readonly (readonly [string, string])[]): Level[] =>
  rows.map(([price, size]) => ({ price, size }));

/** One book frame; sides of different length are padded, as the exchange does. */
export function book(
  bids: readonly (readonly [string, string])[],
  asks: readonly (readonly [string, string])[],
  at: number | string = T,
  { stream = 'REALTIME', symbol = SYMBOL, level = '0' } = {},
): string {
  const [bid, ask] = [levels(bids), levels(asks)];
  const units = Array.from({ length: Math.max(bid.length, ask.length) }, (_, i) => {
    const a = ask[i] ?? { price: '0', size: '0' };
    const b = bid[i] ?? { price: '0', size: '0' };
    return `{"ask_price":${a.price},"bid_price":${b.price},"ask_size":${a.size},"bid_size":${b.size}}`;
  });
  return `{"type":"orderbook","code":"${symbol}","timestamp":${at},"total_ask_size":1,"total_bid_size":1,"orderbook_units":[${units.join(',')}],"stream_type":"${stream}","level":${level}}`;
}

export const SNAPSHOT = book(
  [
    ['1.16538E8', '0.08120946'],
    ['1.16537E8', '0.01129382'],
  ],
  [
    ['1.16539E8', '0.02054761'],
    ['1.16542E8', '7.720E-4'],
  ],
  T,
  { stream: 'SNAPSHOT' },
);

/** Whole books follow one another; there is no delta. */
export const BOOKS: readonly string[] = [
  SNAPSHOT,
  book([['116538000', '0.07']], [['116539000', '0.02054761']], T + 100),
  book([['116537000', '0.07']], [['116538000', '0.5']], T + 200),
];

export function trade(
  id: string,
  { stream = 'REALTIME', price = '116538000', volume = '5.673e-05', side = 'BID', at = String(T) } = {},
): string {
  return `{"type":"trade","code":"${SYMBOL}","timestamp":${T + 5},"trade_date":"2026-09-21","trade_time":"14:13:20","trade_timestamp":${at},"trade_price":${price},"trade_volume":${volume},"ask_bid":"${side}","prev_closing_price":116000000,"change":"RISE","change_price":538000,"sequential_id":${id},"best_ask_price":116539000,"best_ask_size":0.1,"best_bid_price":116538000,"best_bid_size":0.2,"stream_type":"${stream}"}`;
}
export const TRADE = trade('17866130914490000');
/** The last print before the subscription: not a new one. */
export const TRADE_HISTORY = trade('17866130860480000', { stream: 'SNAPSHOT' });

export function ticker(
  more: { state?: string; suspended?: boolean; delisting?: string | null; warning?: string } = {},
): string {
  const { state = 'ACTIVE', suspended = false, delisting = null, warning = 'NONE' } = more;
  const rest = { market_state: state, is_trading_suspended: suspended, delisting_date: delisting };
  const tail = JSON.stringify({ ...rest, market_warning: warning, timestamp: T, stream_type: 'REALTIME' });
  return `{"type":"ticker","code":"${SYMBOL}","trade_price":1.16538E8,"trade_timestamp":${T},${tail.slice(1)}`;
}

/** The short names of the other format. */
export const SIMPLE_BOOK = `{"ty":"orderbook","cd":"${SYMBOL}","tms":${T + 300},"tas":0.5,"tbs":2.2,"obu":[{"ap":116606000,"bp":116534000,"as":0.06288509,"bs":7.9276E-4},{"ap":116609000,"bp":116521000,"as":5.0E-4,"bs":0.01624318}],"st":"REALTIME","lv":0}`;
export const SIMPLE_TRADE = `{"ty":"trade","cd":"${SYMBOL}","tms":${T},"td":"2026-09-21","ttm":"14:13:20","ttms":${T},"tp":126.0,"tv":47.97601199,"ab":"ASK","pcp":123.00000000,"c":"RISE","cp":3.00000000,"sid":1618678262000004,"st":"REALTIME"}`;

export const STATUS = '{"status":"UP"}';
export const REFUSAL = '{"error":{"name":"NO_TICKET","message":"no ticket"}}';
export const FOREIGN = `{"type":"candle.1m","code":"${SYMBOL}","opening_price":1,"stream_type":"REALTIME"}`;

export const MARKETS = JSON.stringify([
  {
    market: 'KRW-BTC',
    korean_name: '',
    english_name: 'Bitcoin',
    market_event: { warning: false, caution: { PRICE_FLUCTUATIONS: true } },
  },
  { market: 'KRW-TON', market_event: { warning: false, caution: {} } },
  { market: 'BTC-ETH', market_event: { warning: true, caution: {} } },
  { market: 'USDT-XRP', market_event: { warning: false, caution: {} } },
  { market: 'KRW-SOL', market_event: { warning: false, caution: {} } },
  { market: 'EUR-BTC', market_event: { warning: false, caution: {} } },
  { market: 'KRW-DOGE', market_event: { warning: 'no' } },
  { market: 'x' },
  7,
]);
export const TICKS =
  '[{"market":"KRW-BTC","quote_currency":"KRW","tick_size":1000,"supported_levels":["0"]},{"market":"KRW-TON","tick_size":"1"},{"market":"BTC-ETH","quote_currency":"BTC","tick_size":1.0E-8},{"market":"USDT-XRP","tick_size":0.001},{"market":"KRW-SOL","tick_size":-1},{"market":"EUR-BTC","tick_size":1},{"market":"KRW-DOGE","tick_size":1}]';
export const REST_BOOK = `[{"market":"KRW-BTC","timestamp":${T},"total_ask_size":10.37591054,"total_bid_size":9.49577219,"orderbook_units":[{"ask_price":148520000,"bid_price":148490000,"ask_size":0.0134662,"bid_size":0.04296774}],"level":10000}]`;
