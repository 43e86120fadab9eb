import type {
  BookSnapshotRow,
  SpreadRow,
  TickRows,
  TickTable,
  TickTradeRow,
} from '../../ports/tick-store.js';
import { microsOf } from '../tick-border.js';

/**
 * How rows travel into and out of the tables of migrations/clickhouse. In as TabSeparated text: the engine's parser is fast, the
 * embedded engine takes no binary format, and a float's shortest text reads back as the same float. Out as JSON arrays.
 */

type Cells = readonly unknown[];
export type QueryParams = Readonly<Record<string, string | number>>;

export interface TableShape<R> {
  /** In the order of `encode`; the batch id comes after them. */
  readonly columns: readonly string[];
  /** In the order of `decode`. */
  readonly selected: string;
  /** The order of tick-order.ts in SQL. */
  readonly orderBy: string;
  /** A whole row in front of its batch id, tab at the end. */
  readonly encode: (row: R) => string;
  readonly decode: (cells: Cells) => R;
  /** Rows with equal numbers go to one partition, in which an insert is atomic. */
  readonly partitionOf: (row: R) => number;
  /** Finds a row by the primary key, for a batch that may have been stored before. */
  readonly keyOf: (row: R) => { readonly where: string; readonly params: QueryParams };
  /** `>= from and < to`, both in microseconds. */
  readonly within: (fromMicros: number, toMicros: number) => { where: string; params: QueryParams };
  /** Of the time that a row is filed under, in microseconds. */
  readonly timeMicros: string;
  readonly timeColumn: string;
}

const DAY_MICROS = 86_400_000_000;

/** Unix seconds with six decimals, as DateTime64(6) reads them. */
function timeText(timeMs: number): string {
  const micros = microsOf(timeMs);
  const rest = micros % 1_000_000;
  return `${(micros - rest) / 1_000_000}.${String(rest).padStart(6, '0')}`;
}

/** The shortest text of a float that reads back the same; `String` alone would drop the sign of −0. */
function floatText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Text in a TabSeparated cell; NUL never comes here. */
function escaped(text: string): string {
  return /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (one) => ESCAPES[one] ?? one) : text;
}

const msOf = (micros: unknown): number => Number(micros) / 1_000;

function withinTimes(column: string): TableShape<never>['within'] {
  return (from, to) => ({
    where: `${column} >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND ${column} < fromUnixTimestamp64Micro({to:Int64}, 'UTC')`,
    params: { from, to },
  });
}

function keyOfMarket(row: BookSnapshotRow | TickTradeRow): { where: string; params: QueryParams } {
  return {
    where: `instrument = {key:String} AND receive_time = fromUnixTimestamp64Micro({at:Int64}, 'UTC')`,
    params: { key: row.instrument, at: microsOf(row.receiveTimeMs) },
  };
}

const books: TableShape<BookSnapshotRow> = {
  columns: [
    'exchange',
    'instrument',
    'receive_time',
    'exchange_time',
    'epoch',
    'sequence',
    'bid_prices',
    'bid_sizes',
    'ask_prices',
    'ask_sizes',
  ],
  selected:
    'exchange, instrument, toUnixTimestamp64Micro(receive_time), toUnixTimestamp64Micro(exchange_time), epoch, sequence, ' +
    'bid_prices, bid_sizes, ask_prices, ask_sizes',
  orderBy: 'receive_time, instrument, epoch, sequence',
  encode: (row) =>
    `${row.exchange}\t${row.instrument}\t${timeText(row.receiveTimeMs)}\t${timeText(row.exchangeTimeMs)}\t` +
    // Prices and sizes are above 0, so that no sign can be lost.
    `${row.epoch}\t${row.sequence}\t[${row.bidPrices.join()}]\t[${row.bidSizes.join()}]\t` +
    `[${row.askPrices.join()}]\t[${row.askSizes.join()}]\t`,
  decode: (cells) => ({
    exchange: cells[0] as string,
    instrument: cells[1] as string,
    exchangeTimeMs: msOf(cells[3]),
    receiveTimeMs: msOf(cells[2]),
    epoch: Number(cells[4]),
    sequence: Number(cells[5]),
    bidPrices: cells[6] as number[],
    bidSizes: cells[7] as number[],
    askPrices: cells[8] as number[],
    askSizes: cells[9] as number[],
  }),
  partitionOf: (row) => Math.floor(microsOf(row.receiveTimeMs) / DAY_MICROS),
  keyOf: keyOfMarket,
  within: withinTimes('receive_time'),
  timeMicros: 'toUnixTimestamp64Micro(receive_time)',
  timeColumn: 'receive_time',
};

const trades: TableShape<TickTradeRow> = {
  columns: [
    'exchange',
    'instrument',
    'trade_id',
    'price',
    'quantity',
    'side',
    'receive_time',
    'exchange_time',
  ],
  selected:
    'exchange, instrument, trade_id, price, quantity, side, toUnixTimestamp64Micro(receive_time), toUnixTimestamp64Micro(exchange_time)',
  orderBy: 'receive_time, instrument, exchange_time, length(trade_id), trade_id',
  encode: (row) =>
    `${row.exchange}\t${row.instrument}\t${escaped(row.tradeId)}\t${row.price}\t${row.quantity}\t${row.side}\t` +
    `${timeText(row.receiveTimeMs)}\t${timeText(row.exchangeTimeMs)}\t`,
  decode: (cells) => ({
    exchange: cells[0] as string,
    instrument: cells[1] as string,
    tradeId: cells[2] as string,
    price: cells[3] as string,
    quantity: cells[4] as string,
    side: cells[5] as 'buy' | 'sell',
    exchangeTimeMs: msOf(cells[7]),
    receiveTimeMs: msOf(cells[6]),
  }),
  // Weeks begin on Mondays; 1970 began on a Thursday.
  partitionOf: (row) => Math.floor((microsOf(row.receiveTimeMs) / DAY_MICROS + 3) / 7),
  keyOf: keyOfMarket,
  within: withinTimes('receive_time'),
  timeMicros: 'toUnixTimestamp64Micro(receive_time)',
  timeColumn: 'receive_time',
};

function monthOf(row: SpreadRow): number {
  const second = new Date(row.secondMs);
  return second.getUTCFullYear() * 12 + second.getUTCMonth();
}

const spreads: TableShape<SpreadRow> = {
  columns: [
    'second',
    'pair',
    'base',
    'quote',
    'buy_exchange',
    'sell_exchange',
    'ask',
    'bid',
    'gross_bps',
    'max_gross_bps',
  ],
  selected:
    'toUnixTimestamp(second), pair, base, quote, buy_exchange, sell_exchange, ask, bid, gross_bps, max_gross_bps',
  orderBy: 'second, pair, buy_exchange, sell_exchange',
  encode: (row) =>
    `${row.secondMs / 1_000}\t${row.pair}\t${row.base}\t${row.quote}\t${row.buyExchange}\t${row.sellExchange}\t` +
    `${row.ask}\t${row.bid}\t${floatText(row.grossBps)}\t${floatText(row.maxGrossBps)}\t`,
  decode: (cells) => ({
    secondMs: Number(cells[0]) * 1_000,
    pair: cells[1] as string,
    base: cells[2] as string,
    quote: cells[3] as string,
    buyExchange: cells[4] as string,
    sellExchange: cells[5] as string,
    ask: cells[6] as number,
    bid: cells[7] as number,
    grossBps: cells[8] as number,
    maxGrossBps: cells[9] as number,
  }),
  partitionOf: monthOf,
  keyOf: (row) => ({
    where: `pair = {key:String} AND second = toDateTime({at:UInt32}, 'UTC')`,
    params: { key: row.pair, at: row.secondMs / 1_000 },
  }),
  within: (from, to) => ({
    where: `second >= toDateTime({from:UInt32}, 'UTC') AND second < toDateTime({to:UInt32}, 'UTC')`,
    params: { from: Math.ceil(from / 1_000_000), to: Math.ceil(to / 1_000_000) },
  }),
  timeMicros: 'toInt64(toUnixTimestamp(second)) * 1000000',
  timeColumn: 'second',
};

export const SHAPES: { readonly [T in TickTable]: TableShape<TickRows[T]> } = {
  orderbook_snapshots: books,
  tick_trades: trades,
  spread_history: spreads,
};
