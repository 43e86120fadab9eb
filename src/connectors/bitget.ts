import {
  BestQuoteEvent,
  BookEvent,
  emptyHeader,
  inChunks,
  setHeader,
  type Connector,
  type ControlKind,
  type Endpoints,
  type FrameCategory,
  type FrameHeader,
  type FrameSink,
  type SubscriptionScope,
  type TradeEvent,
} from './base.js';
import { BITGET_ORDERS } from './bitget-orders.js';
import { bitgetRest, EXCHANGE, FEES } from './bitget-rest.js';
import {
  bitgetCapabilities,
  namesOf,
  type BitgetApi,
  type BitgetBookChannel,
  type BitgetNames,
} from './bitget-terms.js';
import { BitgetScanner, type BitgetMemory } from './bitget-scan.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { withScanner } from './scan/scan-front.js';

/**
 * Bitget public spot socket (PROTOCOLS §10). Books `books`: snapshot, then updates chained by `pseq` = last `seq` [P]; a `pseq`
 * of 0 on an update is a restart of the server and does not chain. Best quotes `books1`, trades. The checksum is absent, 0 or
 * real [P]: it is never required, and always verified when it is not 0. The classic v2 and the unified v3 socket say the
 * same under other names; what came before (v1: no numbers, a checksum in every frame) is still read in recordings.
 */

export interface BitgetOptions {
  readonly endpoints?: Partial<Endpoints>;
  readonly api?: BitgetApi;
  readonly bookChannel?: BitgetBookChannel;
  /** `all` also reads futures, for recordings: their symbols are those of spot markets. */
  readonly markets?: 'spot' | 'all';
}

/** A new connector. It holds reusable buffers: one per feed. */
export function bitget(options: BitgetOptions = {}): Connector {
  const api = options.api ?? 'v2';
  const depth = options.bookChannel ?? 'books';
  const capabilities = bitgetCapabilities(api, depth);
  const { bestQuote, trades } = capabilities.channels;
  const markets = options.markets ?? 'spot';
  const memory: BitgetMemory = { numbered: false };
  const decoder = new BitgetDecoder(markets, memory);
  const instTypes = markets === 'all' ? [...SPOT_TYPES, ...FUTURES_TYPES] : SPOT_TYPES;
  const channelsOf = (scope: SubscriptionScope) =>
    scope === 'depth' ? [depth] : [depth, bestQuote!, trades];
  const argument = (channel: string, symbol: string) =>
    api === 'v2'
      ? { instType: 'SPOT', channel, instId: symbol }
      : { instType: 'spot', topic: channel, symbol };
  const request = (op: string, symbols: readonly string[], scope: SubscriptionScope) => {
    const args = symbols.flatMap((symbol) => channelsOf(scope).map((channel) => argument(channel, symbol)));
    return inChunks(args, capabilities.limits.topicsPerRequest).map((chunk) =>
      JSON.stringify({ op, args: chunk }),
    );
  };
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints: {
      websocketUrl: `wss://ws.bitget.com/${api}/ws/public`,
      restUrl: 'https://api.bitget.com',
      // Orders of classic accounts only.
      ...(api === 'v2' && { privateUrl: 'wss://ws.bitget.com/v2/ws/private' }),
      ...options.endpoints,
    },
    fees: FEES,
    header: decoder.header,
    subscribe: (symbols, scope) => request('subscribe', symbols, scope),
    unsubscribe: (symbols, scope) => request('unsubscribe', symbols, scope),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: bitgetRest((row, path, symbol) => decoder.readBook(row, path, namesOf(false), depth, symbol, true)),
    ...(api === 'v2' && { orders: BITGET_ORDERS }),
  };
  return withScanner(connector, new BitgetScanner(decoder.header, memory, instTypes));
}

const BOOK_CHANNELS: readonly string[] = ['books', 'books5', 'books15', 'books50'];

function categoryOf(channel: string, names: BitgetNames): FrameCategory {
  if (channel === 'books1') return 'bestQuote';
  if (BOOK_CHANNELS.includes(channel)) return 'book';
  return channel === names.trades ? 'trade' : 'foreign';
}

/** Futures have the same symbols as spot markets; only the type tells them apart. v1 called spot `SP` and answered `sp`. */
const SPOT_TYPES: readonly string[] = ['SPOT', 'spot', 'sp', 'SP'];
/** Read in recordings only. */
const FUTURES_TYPES: readonly string[] = ['USDT-FUTURES', 'USDC-FUTURES', 'COIN-FUTURES', 'usdt-futures'];

function isSpot(instType: string): boolean {
  return SPOT_TYPES.includes(instType);
}

class BitgetDecoder {
  readonly header = emptyHeader();
  private readonly bookEvent = new BookEvent();
  private readonly quote = new BestQuoteEvent();
  private readonly memory: BitgetMemory;
  private readonly markets: 'spot' | 'all';

  constructor(markets: 'spot' | 'all', memory: BitgetMemory) {
    this.markets = markets;
    this.memory = memory;
  }

  decode(data: Buffer, sink: FrameSink): FrameHeader {
    setHeader(this.header, 'foreign', '', '', '');
    if (isPong(data)) {
      setHeader(this.header, 'control', '', '', 'pong');
      sink.control({ kind: 'pong', channel: '', symbol: '', code: '', message: '' });
      return this.header;
    }
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) return this.control(frame, sink);
    // REST-like answers and the old `table` protocol have no `arg`.
    if (!Object.hasOwn(frame, 'arg')) return this.header;
    const arg = f.fieldsAt(frame, 'arg', '');
    const names = namesOf(Object.hasOwn(arg, 'topic'));
    const channel = f.textAt(arg, names.channel, 'arg.');
    const category = this.isOurs(f.textAt(arg, 'instType', 'arg.')) ? categoryOf(channel, names) : 'foreign';
    if (category === 'foreign') {
      const symbol = f.member(arg, names.symbol);
      return setHeader(this.header, 'foreign', channel, typeof symbol === 'string' ? symbol : '', '');
    }
    setHeader(this.header, category, channel, '', '');
    const symbol = f.symbolAt(arg, names.symbol, 'arg.');
    this.header.symbol = symbol;
    const snapshot = this.readAction(frame);
    if (category === 'book') this.readBooks(frame, names, snapshot, sink);
    else if (category === 'bestQuote') this.readQuotes(frame, names, sink);
    // The first frame of the channel is history, newest first: no new prints [P].
    else if (!snapshot) readTrades(frame, names, this.header, sink);
    return this.header;
  }

  private isOurs(instType: string): boolean {
    return this.markets === 'all' || isSpot(instType);
  }

  private readAction(frame: f.Fields): boolean {
    const action = f.textAt(frame, 'action', '');
    if (action !== 'snapshot' && action !== 'update')
      throw new FrameError('action', "'snapshot' or 'update'", action);
    this.header.detail = action;
    return action === 'snapshot';
  }

  private readBooks(frame: f.Fields, names: BitgetNames, snapshot: boolean, sink: FrameSink): void {
    const { channel, symbol } = this.header;
    const rows = f.listAt(frame, 'data', '', 16);
    if (rows.length !== 1) throw new FrameError('data', 'an array of one book', rows);
    const row = f.asFields(rows[0], 'data[0]');
    const event = this.readBook(row, 'data[0].', names, channel, symbol, snapshot);
    if (!Number.isNaN(event.last)) this.memory.numbered = true;
    sink.book(event);
  }

  /** Fills the event from one book object, on the socket or in a REST answer. */
  readBook(
    row: f.Fields,
    path: string,
    names: BitgetNames,
    channel: string,
    symbol: string,
    snapshot: boolean,
  ): BookEvent {
    const event = this.bookEvent;
    event.symbol = symbol;
    event.channel = channel;
    event.snapshot = snapshot;
    event.exchangeTimeMs = f.timeTextAt(row, 'ts', path);
    event.checksum = checksumOf(row, path);
    const sequence = digitsAt(row, 'seq', path);
    event.last = linkOf(sequence);
    event.first = event.last;
    event.previous = linkOf(digitsAt(row, 'pseq', path));
    // Without a number and without a checksum an update proves nothing: it could hide a lost one.
    if (!snapshot && sequence === null && event.checksum === 0)
      throw new FrameError(`${path}seq`, 'a whole number from 0', undefined);
    if (!snapshot && sequence !== null && Number.isNaN(event.previous))
      throw new FrameError(`${path}pseq`, 'a whole number from 0', undefined);
    event.order = sequence === null ? event.exchangeTimeMs : Number(sequence);
    event.bidRows = f.levelsAt(row, names.bids, path, event.bids);
    event.askRows = f.levelsAt(row, names.asks, path, event.asks);
    return event;
  }

  private readQuotes(frame: f.Fields, names: BitgetNames, sink: FrameSink): void {
    for (const [index, value] of f.listAt(frame, 'data', '', 16).entries()) {
      const path = `data[${index}].`;
      const row = f.asFields(value, `data[${index}]`);
      const { bids, asks } = this.bookEvent;
      f.levelsAt(row, names.bids, path, bids);
      f.levelsAt(row, names.asks, path, asks);
      if (bids.count > 1) throw new FrameError(path + names.bids, 'at most one level', row[names.bids]);
      if (asks.count > 1) throw new FrameError(path + names.asks, 'at most one level', row[names.asks]);
      const quote = this.quote;
      quote.symbol = this.header.symbol;
      quote.channel = this.header.channel;
      quote.exchangeTimeMs = f.timeTextAt(row, 'ts', path);
      const sequence = digitsAt(row, 'seq', path);
      // One counter runs over all channels of a market [P]. A quote that cannot be compared is never laid over a book.
      quote.order = sequence === null || !this.memory.numbered ? NaN : Number(sequence);
      quote.bid = bids.count > 0 ? bids.prices[0]! : 0;
      quote.bidSize = bids.count > 0 ? bids.sizes[0]! : 0;
      quote.ask = asks.count > 0 ? asks.prices[0]! : 0;
      quote.askSize = asks.count > 0 ? asks.sizes[0]! : 0;
      sink.bestQuote(quote);
    }
  }

  private control(frame: f.Fields, sink: FrameSink): FrameHeader {
    const event = f.textAt(frame, 'event', '');
    const { channel, symbol, instType } = argumentOf(frame);
    setHeader(this.header, 'control', channel, symbol, event);
    const kind = CONTROL_KINDS.get(event);
    if (kind === undefined) return this.header;
    const code = f.member(frame, 'code');
    if (kind !== 'refused') f.fieldsAt(frame, 'arg', '');
    else if (typeof code !== 'number' && typeof code !== 'string')
      throw new FrameError('code', 'a code', code);
    // An unsubscription that fails says nothing about the next subscription.
    const names = this.isOurs(instType) && (kind !== 'refused' || shortText(frame, 'op') !== 'unsubscribe');
    sink.control({
      kind,
      channel: this.header.channel,
      symbol: names ? symbol : '',
      code: typeof code === 'number' || typeof code === 'string' ? String(code).slice(0, 32) : '',
      message: shortText(frame, 'msg'),
    });
    return this.header;
  }
}

const CONTROL_KINDS: ReadonlyMap<string, ControlKind> = new Map([
  ['subscribe', 'subscribed'],
  ['unsubscribe', 'unsubscribed'],
  ['error', 'refused'],
]);

function shortText(fields: f.Fields, key: string): string {
  const value = f.member(fields, key);
  return typeof value === 'string' ? value.slice(0, 256) : '';
}

/** What an answer is about, as far as it says it. */
function argumentOf(frame: f.Fields): { channel: string; symbol: string; instType: string } {
  const arg = f.member(frame, 'arg');
  if (!f.isFields(arg)) return { channel: '', symbol: '', instType: 'SPOT' };
  const names = namesOf(Object.hasOwn(arg, 'topic'));
  const at = (key: string) => shortText(arg, key);
  return { channel: at(names.channel), symbol: at(names.symbol), instType: at('instType') };
}

function isPong(data: Buffer): boolean {
  return data.length === 4 && data.toString('latin1') === 'pong';
}

/** Digits of a counter that is sent as a number or as text, beyond 2^53 on some products [P]; null where it is absent. */
function digitsAt(row: f.Fields, key: string, path: string): string | null {
  const value = f.member(row, key);
  if (value === undefined) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  if (typeof value === 'string' && /^(?:0|[1-9]\d{0,19})$/.test(value)) return value;
  throw new FrameError(path + key, 'a whole number from 0', value);
}

/**
 * The counter as a number that is equal only where the counters are: itself up to 2^53, beyond it the lowest 53 bits. Two
 * counters of one chain that agree in those are 9 × 10^15 steps apart or the same.
 */
function linkOf(digits: string | null): number {
  if (digits === null) return NaN;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : Number(BigInt.asUintN(53, BigInt(digits)));
}

/** Signed 32 bits; 0 or absent = none. */
function checksumOf(row: f.Fields, path: string): number {
  const value = f.member(row, 'checksum');
  if (value === undefined) return 0;
  if (typeof value !== 'number' || (value | 0) !== value)
    throw new FrameError(`${path}checksum`, 'a signed 32-bit number', value);
  return value;
}

function readTrades(frame: f.Fields, names: BitgetNames, header: FrameHeader, sink: FrameSink): void {
  const { channel, symbol } = header;
  const trades = f.listAt(frame, 'data', '', 1000).map((value, index) => {
    const row = Array.isArray(value) ? oldTrade(value) : f.asFields(value, `data[${index}]`);
    return readTrade(row, `data[${index}].`, Array.isArray(value) ? namesOf(false) : names, channel, symbol);
  });
  for (const trade of trades) sink.trade(trade);
}

/** v1: `[time, price, size, side]`; there the time stands for the id. */
function oldTrade(row: readonly unknown[]): f.Fields {
  const [ts, price, size, side] = row;
  return { ts, price, size, side, tradeId: ts };
}

function readTrade(
  row: f.Fields,
  path: string,
  { trade }: BitgetNames,
  channel: string,
  symbol: string,
): TradeEvent {
  const side = f.member(row, trade.side);
  if (side !== 'buy' && side !== 'sell') throw new FrameError(path + trade.side, "'buy' or 'sell'", side);
  return {
    symbol,
    channel,
    tradeId: f.idAt(row, trade.id, path),
    price: f.positiveTextAt(row, trade.price, path),
    quantity: f.positiveTextAt(row, trade.quantity, path),
    side,
    exchangeTimeMs: f.timeTextAt(row, trade.time, path),
  };
}
