import {
  asCount,
  asList,
  asObject,
  asText,
  CONTROL,
  levelsOf,
  NOTHING_ASKED,
  objectOf,
  stepOf,
} from '../protocol.js';
import type { Argument, ClientRequest, FrameFacts, ReplayProtocol } from '../protocol.js';
import type { RebuiltBook } from '../rebuilt-book.js';

/** Bybit v5 public socket (docs: WebSocket orderbook, connect; PROTOCOLS §5). Snapshots come over the socket. */
export const bybitReplay: ReplayProtocol = {
  exchange: 'bybit',
  snapshots: 'socket',
  isSocketPath: (path) => path.startsWith('/v5/public/'),
  argumentsOfUrl: () => [],
  read,
  readClient,
  shape: (text) => text,
  snapshotFrame: (book, timeMs) =>
    JSON.stringify({
      topic: book.key,
      type: 'snapshot',
      ts: Math.floor(book.timeMs ?? timeMs),
      data: {
        s: book.symbol,
        b: book.topBids(),
        a: book.topAsks(),
        u: book.sequence ?? 1,
        seq: book.crossSequence ?? 0,
      },
      cts: Math.floor(book.timeMs ?? timeMs),
    }),
  question: (url) => {
    if (url.pathname === '/v5/market/time') return { kind: 'time' };
    if (url.pathname === '/v5/market/instruments-info') return { kind: 'instruments' };
    if (url.pathname !== '/v5/market/orderbook') return { kind: 'unknown' };
    const limit = Number(url.searchParams.get('limit') ?? '1');
    return { kind: 'depth', symbol: url.searchParams.get('symbol') ?? '', limit };
  },
  timeAnswer: (nowMs) =>
    envelope(
      { timeSecond: String(Math.floor(nowMs / 1_000)), timeNano: `${Math.floor(nowMs)}000000` },
      nowMs,
    ),
  instrumentsAnswer: (symbols) =>
    envelope({ category: 'spot', list: symbols.flatMap(instrumentOf), nextPageCursor: '' }, 0),
  readDepth: () => null,
  depthAnswer: (book: RebuiltBook, limit, timeMs) =>
    envelope(
      {
        s: book.symbol,
        b: book.topBids(limit),
        a: book.topAsks(limit),
        ts: Math.floor(book.timeMs ?? timeMs),
        u: book.sequence ?? 1,
        seq: book.crossSequence ?? 0,
        cts: Math.floor(book.timeMs ?? timeMs),
      },
      timeMs,
    ),
  answers: (recordedUrl, question) =>
    question.kind === 'instruments' &&
    recordedUrl.includes('/market/instruments-info') &&
    recordedUrl.includes('category=spot'),
};

const envelope = (result: object, timeMs: number): string =>
  JSON.stringify({ retCode: 0, retMsg: 'OK', result, retExtInfo: {}, time: Math.floor(timeMs) });

function instrumentOf(facts: Parameters<ReplayProtocol['instrumentsAnswer']>[0][number]): object[] {
  if (facts.base === null || facts.quote === null) return [];
  const lot = stepOf(facts.sizeDecimals);
  return [
    {
      symbol: facts.symbol,
      baseCoin: facts.base,
      quoteCoin: facts.quote,
      innovation: '0',
      status: 'Trading',
      marginTrading: 'none',
      lotSizeFilter: {
        basePrecision: lot,
        quotePrecision: '0.00000001',
        minOrderQty: lot,
        maxOrderQty: '9000000',
        minOrderAmt: '5',
        maxOrderAmt: '9000000',
      },
      priceFilter: { tickSize: stepOf(facts.priceDecimals) },
    },
  ];
}

/** `orderbook.50.BTCUSDT` → symbol BTCUSDT, channel orderbook.50. */
function argumentOf(topic: string): Argument {
  const at = topic.lastIndexOf('.');
  return { channel: at < 0 ? topic : topic.slice(0, at), symbol: at < 0 ? '' : topic.slice(at + 1) };
}

function read(text: string): FrameFacts {
  const whole = objectOf(text);
  if (whole === null) return CONTROL;
  if (whole['op'] === 'subscribe') return { ...CONTROL, kind: 'ack' };
  const topic = asText(whole['topic']);
  const { channel, symbol } = argumentOf(topic);
  if (symbol === '') return CONTROL;
  if (!channel.startsWith('orderbook')) return { kind: 'data', symbol, channel, book: null };
  const data = asObject(whole['data']);
  const sequence = asCount(data['u']);
  const book = {
    key: topic,
    snapshot: whole['type'] === 'snapshot' || sequence === 1,
    bids: levelsOf(data['b']),
    asks: levelsOf(data['a']),
    follows: sequence === null ? null : sequence - 1,
    sequence,
    crossSequence: asCount(data['seq']) ?? undefined,
    timeMs: asCount(whole['ts']),
  };
  return { kind: 'book', symbol, channel, book };
}

function readClient(text: string): ClientRequest {
  const request = objectOf(text);
  const op = request?.['op'];
  if (request === null) return NOTHING_ASKED;
  const id = asText(request['req_id']);
  const answer = (message: string): string =>
    JSON.stringify({ success: true, ret_msg: message, conn_id: 'replay', req_id: id, op });
  if (op === 'ping')
    return { kind: 'ping', arguments: [], answers: [{ argument: null, text: answer('pong') }] };
  if (op !== 'subscribe' && op !== 'unsubscribe') return NOTHING_ASKED;
  const args = asList(request['args']).map((topic) => argumentOf(asText(topic)));
  return {
    kind: op,
    arguments: args,
    answers: [{ argument: null, text: answer(op === 'subscribe' ? op : '') }],
  };
}
