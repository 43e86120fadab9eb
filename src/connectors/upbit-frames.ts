import type { InstrumentState } from '../market/instrument.js';
import {
  BookEvent,
  emptyHeader,
  setHeader,
  type FrameCategory,
  type FrameHeader,
  type FrameSink,
} from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { microsecondsAt, numberPriceAt, numberSizeAt, numberTextAt } from './number-fields.js';

/**
 * The frames that Upbit and Bithumb share (PROTOCOLS §6, §7): whole books, trades, tickers, `{"status":"UP"}` and errors, in the
 * formats DEFAULT and SIMPLE. The frames are binary and hold JSON. Nothing is acknowledged; an error precedes the end of the
 * connection [P].
 */

/** The names of the members in one format. */
interface Names {
  readonly type: string;
  readonly code: string;
  readonly stream: string;
  readonly level: string;
  readonly time: string;
  readonly units: string;
  readonly askPrice: string;
  readonly bidPrice: string;
  readonly askSize: string;
  readonly bidSize: string;
  readonly tradeId: string;
  readonly tradePrice: string;
  readonly tradeVolume: string;
  readonly takerSide: string;
  readonly tradeTime: string;
  readonly marketState: string;
  readonly suspended: string;
  readonly delisting: string;
  readonly warning: string;
}

const DEFAULT: Names = {
  type: 'type',
  code: 'code',
  stream: 'stream_type',
  level: 'level',
  time: 'timestamp',
  units: 'orderbook_units',
  askPrice: 'ask_price',
  bidPrice: 'bid_price',
  askSize: 'ask_size',
  bidSize: 'bid_size',
  tradeId: 'sequential_id',
  tradePrice: 'trade_price',
  tradeVolume: 'trade_volume',
  takerSide: 'ask_bid',
  tradeTime: 'trade_timestamp',
  marketState: 'market_state',
  suspended: 'is_trading_suspended',
  delisting: 'delisting_date',
  warning: 'market_warning',
};

const SIMPLE: Names = {
  type: 'ty',
  code: 'cd',
  stream: 'st',
  level: 'lv',
  time: 'tms',
  units: 'obu',
  askPrice: 'ap',
  bidPrice: 'bp',
  askSize: 'as',
  bidSize: 'bs',
  tradeId: 'sid',
  tradePrice: 'tp',
  tradeVolume: 'tv',
  takerSide: 'ab',
  tradeTime: 'ttms',
  marketState: 'ms',
  suspended: 'its',
  delisting: 'dd',
  warning: 'mw',
};

export const CHANNELS = { depth: 'orderbook', bestQuote: null, trades: 'trade' } as const;
/** Carries the state of the market beside prices. */
export const NOTICE_CHANNEL = 'ticker';

const CATEGORIES = new Map<string, FrameCategory>([
  [CHANNELS.depth, 'book'],
  [CHANNELS.trades, 'trade'],
  [NOTICE_CHANNEL, 'notice'],
]);

/** Far above the 30 levels of today, and what a frame of the largest size could hold. */
export const MAX_LEVELS = 500;

export interface UpbitDialect {
  /** The grouping of prices that is none: 0 on Upbit; Bithumb names it differently from market to market. null = not checked. */
  readonly ungrouped: number | null;
}

export class UpbitFrames {
  readonly header = emptyHeader();
  private readonly dialect: UpbitDialect;
  private readonly event = new BookEvent(MAX_LEVELS);

  constructor(dialect: UpbitDialect) {
    this.dialect = dialect;
  }

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'error')) return this.refusal(frame, sink);
    const names = Object.hasOwn(frame, DEFAULT.type) ? DEFAULT : SIMPLE;
    if (!Object.hasOwn(frame, names.type)) return this.status(frame, sink);
    const channel = f.textAt(frame, names.type, '');
    const category = CATEGORIES.get(channel) ?? 'foreign';
    setHeader(this.header, category, channel, '', '');
    if (category === 'foreign') return this.header;
    const symbol = f.symbolAt(frame, names.code, '');
    this.header.symbol = symbol;
    this.header.detail = streamOf(frame, names);
    if (category === 'book') sink.book(this.book(frame, names, symbol));
    else if (category === 'trade') readTrade(frame, names, this.header, sink);
    else readNotice(frame, names, symbol, sink);
    return this.header;
  }

  private book(frame: f.Fields, names: Names, symbol: string): BookEvent {
    const { ungrouped } = this.dialect;
    const level = f.member(frame, names.level);
    if (ungrouped !== null && level !== undefined && level !== ungrouped)
      throw new FrameError(names.level, `${ungrouped}: prices as they are`, level);
    return this.fill(frame, names, symbol, '');
  }

  /** One object of a REST answer; its level may be the tick, whatever the socket says. */
  readAnswer(row: f.Fields, path: string, symbol: string): BookEvent {
    if (f.symbolAt(row, 'market', path) !== symbol)
      throw new FrameError(`${path}market`, 'the market asked for', f.member(row, 'market'));
    return this.fill(row, DEFAULT, symbol, path);
  }

  /** Every frame is the whole book; padding with price 0 and levels of size 0 hold nothing [P]. */
  private fill(row: f.Fields, names: Names, symbol: string, path: string): BookEvent {
    const event = this.event;
    event.symbol = symbol;
    event.channel = CHANNELS.depth;
    event.snapshot = true;
    // No number is sent; the stamp orders the frames, and equal stamps repeat one book.
    event.order = microsecondsAt(row, names.time, path);
    event.exchangeTimeMs = event.order / 1000;
    event.bids.clear();
    event.asks.clear();
    const units = f.listAt(row, names.units, path, MAX_LEVELS);
    for (let i = 0; i < units.length; i++) this.addUnit(units[i], names, `${path}${names.units}[${i}]`);
    return event;
  }

  private addUnit(value: unknown, names: Names, at: string): void {
    const { bids, asks } = this.event;
    const unit = f.asFields(value, at);
    const path = `${at}.`;
    const ask = numberPriceAt(unit, names.askPrice, path, true);
    const bid = numberPriceAt(unit, names.bidPrice, path, true);
    const askSize = numberSizeAt(unit, names.askSize, path);
    const bidSize = numberSizeAt(unit, names.bidSize, path);
    if (ask > 0 && askSize > 0) asks.add(ask, askSize);
    if (bid > 0 && bidSize > 0) bids.add(bid, bidSize);
  }

  /** `{"status":"UP"}` answers `PING`, once or every ten seconds. Other status words are of protocols that are gone. */
  private status(frame: f.Fields, sink: FrameSink): FrameHeader {
    if (f.member(frame, 'status') !== 'UP') return this.header;
    setHeader(this.header, 'control', '', '', 'status');
    sink.control({ kind: 'pong', channel: '', symbol: '', code: '', message: '' });
    return this.header;
  }

  /** `{"error":{"name","message"}}`: names no market, and the connection ends after it. */
  private refusal(frame: f.Fields, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'control', '', '', 'error');
    const error = f.fieldsAt(frame, 'error', '');
    const message = f.member(error, 'message');
    sink.control({
      kind: 'refused',
      channel: '',
      symbol: '',
      code: f.textAt(error, 'name', 'error.'),
      message: typeof message === 'string' ? message.slice(0, 256) : '',
    });
    return this.header;
  }
}

/** `SNAPSHOT` or `REALTIME`; '' where the exchange leaves it out. */
function streamOf(frame: f.Fields, names: Names): string {
  const stream = f.member(frame, names.stream);
  if (stream === undefined) return '';
  if (stream === 'SNAPSHOT' || stream === 'REALTIME') return stream;
  throw new FrameError(names.stream, "'SNAPSHOT' or 'REALTIME'", stream);
}

/** The print that comes with a subscription was made before it: history, checked and not told. */
function readTrade(frame: f.Fields, names: Names, header: FrameHeader, sink: FrameSink): void {
  const { channel, symbol, detail } = header;
  const taker = f.member(frame, names.takerSide);
  if (taker !== 'ASK' && taker !== 'BID') throw new FrameError(names.takerSide, "'ASK' or 'BID'", taker);
  const trade = {
    symbol,
    channel,
    tradeId: f.idAt(frame, names.tradeId, ''),
    price: numberTextAt(frame, names.tradePrice, ''),
    quantity: numberTextAt(frame, names.tradeVolume, ''),
    side: taker === 'BID' ? 'buy' : 'sell',
    exchangeTimeMs: microsecondsAt(frame, names.tradeTime, '') / 1000,
  } as const;
  if (detail !== 'SNAPSHOT') sink.trade(trade);
}

const STATES: Readonly<Record<string, InstrumentState>> = {
  ACTIVE: 'trading',
  PREVIEW: 'halted',
  PREDELISTING: 'delisting',
  DELISTED: 'halted',
};

/** The worst of what a ticker says about its market; a field that an exchange drops says nothing. */
function readNotice(frame: f.Fields, names: Names, symbol: string, sink: FrameSink): void {
  const word = optionalText(frame, names.marketState);
  const delisting = optionalText(frame, names.delisting);
  const warning = optionalText(frame, names.warning);
  const isSuspended = Object.hasOwn(frame, names.suspended) && f.booleanAt(frame, names.suspended, '');
  const tell = (state: InstrumentState, reason: string) => sink.instrumentState({ symbol, state, reason });
  const state = Object.hasOwn(STATES, word) ? STATES[word]! : 'unknown';
  if (isSuspended) tell('halted', `${names.suspended} is true`);
  else if (word !== '' && state !== 'trading') tell(state, word);
  else if (delisting !== '') tell('delisting', delisting);
  else if (warning !== '' && warning !== 'NONE') tell('warning', warning);
  else if (word !== '') tell(state, word);
}

/** '' where it is absent, null or empty: all three are on the wire. */
function optionalText(fields: f.Fields, key: string): string {
  const value = f.member(fields, key);
  if (value === undefined || value === null || value === '') return '';
  return f.textAt(fields, key, '');
}

/** One request: the whole list of subscriptions of its connection, which it replaces. */
export interface UpbitRequest {
  readonly ticket: string;
  readonly symbols: readonly string[];
  readonly channels: readonly string[];
  /** Spelling of the option that leaves out the print before the subscription; null = it is sent. */
  readonly realtimeOnly: string | null;
}

export function requestText({ ticket, symbols, channels, realtimeOnly }: UpbitRequest): string {
  const parts = channels.map((type) => ({
    type,
    codes: symbols,
    ...(type === CHANNELS.trades && realtimeOnly !== null && { [realtimeOnly]: true }),
  }));
  return JSON.stringify([{ ticket }, ...parts, { format: 'DEFAULT' }]);
}
