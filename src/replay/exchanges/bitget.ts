import {
  asList,
  asObject,
  asText,
  CONTROL,
  levelsOf,
  NOTHING_ASKED,
  objectOf,
  splitSymbol,
} from '../protocol.js';
import type { Argument, ClientRequest, FrameFacts, Json, ReplayProtocol } from '../protocol.js';
import type { RebuiltBook } from '../rebuilt-book.js';

/**
 * Bitget's public sockets (docs: Depth Channel of v2 and of the unified v3; PROTOCOLS §10). Snapshots come over the socket. v1
 * recordings are served on the path of v2, whose envelope is the same.
 */
export const bitgetReplay: ReplayProtocol = {
  exchange: 'bitget',
  snapshots: 'socket',
  isSocketPath: (path) => /^\/(?:v[23]\/ws\/public|spot\/v1\/stream)$/.test(path),
  argumentsOfUrl: () => [],
  read,
  readClient,
  shape: (text) => text,
  snapshotFrame,
  question: (url) => {
    if (url.pathname === '/api/v2/public/time') return { kind: 'time' };
    if (url.pathname === '/api/v2/spot/public/symbols') return { kind: 'instruments' };
    if (url.pathname !== '/api/v2/spot/market/orderbook') return { kind: 'unknown' };
    const limit = Number(url.searchParams.get('limit') ?? '100');
    return { kind: 'depth', symbol: url.searchParams.get('symbol') ?? '', limit };
  },
  timeAnswer: (nowMs) => envelope({ serverTime: String(Math.floor(nowMs)) }, nowMs),
  instrumentsAnswer: (symbols) =>
    envelope(
      symbols.flatMap((facts) => {
        const { symbol, priceDecimals, sizeDecimals } = facts;
        // v1 called markets BTCUSDT_SPBL in its lists only; on the socket the name has no separator.
        const { base, quote } = facts.base === null ? splitSymbol(symbol) : facts;
        return base === null || quote === null
          ? []
          : [symbolRow(symbol, base, quote, priceDecimals, sizeDecimals)];
      }),
      0,
    ),
  readDepth: () => null,
  depthAnswer: (book, limit, timeMs) =>
    envelope(
      { asks: book.topAsks(limit), bids: book.topBids(limit), ts: String(Math.floor(timeMs)) },
      timeMs,
    ),
  answers: (recordedUrl, question) =>
    question.kind === 'instruments' && recordedUrl.includes('/api/v2/spot/public/symbols'),
};

const envelope = (data: Json | readonly Json[], timeMs: number): string =>
  JSON.stringify({ code: '00000', msg: 'success', requestTime: Math.floor(timeMs), data });

const symbolRow = (
  symbol: string,
  baseCoin: string,
  quoteCoin: string,
  pricePrecision: number,
  quantityPrecision: number,
): Json => ({
  symbol,
  baseCoin,
  quoteCoin,
  minTradeAmount: '0',
  maxTradeAmount: '10000000000',
  takerFeeRate: '0.001',
  makerFeeRate: '0.001',
  pricePrecision: String(pricePrecision),
  quantityPrecision: String(quantityPrecision),
  quotePrecision: '8',
  minTradeUSDT: '1',
  status: 'online',
});

/** `channel` and `instId` of v1 and v2, `topic` and `symbol` of v3. */
const argumentOf = (value: unknown): Argument => {
  const arg = asObject(value);
  return {
    channel: asText(arg['channel']) || asText(arg['topic']),
    symbol: asText(arg['instId']) || asText(arg['symbol']),
  };
};

function read(text: string): FrameFacts {
  const whole = objectOf(text);
  if (whole === null) return CONTROL;
  const { channel, symbol } = argumentOf(whole['arg']);
  if (typeof whole['event'] === 'string')
    return {
      kind: whole['event'] === 'subscribe' ? 'ack' : 'control',
      symbol: symbol || null,
      channel,
      book: null,
    };
  if (symbol === '') return CONTROL;
  if (!channel.startsWith('books')) return { kind: 'data', symbol, channel, book: null };
  const data = asObject(asList(whole['data'])[0]);
  const book = {
    key: `${channel}:${symbol}`,
    snapshot: whole['action'] === 'snapshot',
    bids: levelsOf(data['bids'] ?? data['b']),
    asks: levelsOf(data['asks'] ?? data['a']),
    follows: counterOf(data['pseq']),
    sequence: counterOf(data['seq']),
    timeMs: Number(asText(data['ts'])) || null,
  };
  return { kind: 'book', symbol, channel, book };
}

/** A number up to 2^53, also in quotes; a larger one cannot be told exactly here. */
function counterOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

function readClient(text: string): ClientRequest {
  if (text === 'ping') return { kind: 'ping', arguments: [], answers: [{ argument: null, text: 'pong' }] };
  const request = objectOf(text);
  const op = request?.['op'];
  if (request === null || (op !== 'subscribe' && op !== 'unsubscribe')) return NOTHING_ASKED;
  const args = asList(request['args']);
  const answers = args.map((arg) => ({
    argument: argumentOf(arg),
    text: JSON.stringify({ event: op, arg }),
  }));
  return { kind: op, arguments: args.map(argumentOf), answers };
}

/** In the envelope of v2, which every connector for Bitget reads. */
function snapshotFrame(book: RebuiltBook, timeMs: number): string {
  const ts = Math.floor(book.timeMs ?? timeMs);
  const data = {
    asks: book.topAsks(500),
    bids: book.topBids(500),
    // 0 on the wire as well; a non-zero one would have to be right.
    checksum: 0,
    ts: String(ts),
    ...(book.sequence === null ? {} : { seq: book.sequence, pseq: 0 }),
  };
  const arg = { instType: 'SPOT', channel: book.channel, instId: book.symbol };
  return JSON.stringify({ action: 'snapshot', arg, data: [data], ts });
}
