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
import type { Argument, ClientRequest, FrameFacts, Json, ReplayProtocol } from '../protocol.js';
import type { RebuiltBook } from '../rebuilt-book.js';

/** OKX v5 public channel (docs: WebSocket, Order Book channel; PROTOCOLS §4). Snapshots come over the socket. */
export const okxReplay: ReplayProtocol = {
  exchange: 'okx',
  snapshots: 'socket',
  isSocketPath: (path) => path.startsWith('/ws/v5/'),
  argumentsOfUrl: () => [],
  read,
  readClient,
  shape: (text) => text,
  snapshotFrame,
  question: (url) => {
    if (url.pathname === '/api/v5/public/time') return { kind: 'time' };
    if (url.pathname === '/api/v5/public/instruments') return { kind: 'instruments' };
    if (url.pathname !== '/api/v5/market/books') return { kind: 'unknown' };
    const limit = Number(url.searchParams.get('sz') ?? '1');
    return { kind: 'depth', symbol: url.searchParams.get('instId') ?? '', limit };
  },
  timeAnswer: (nowMs) => envelope([{ ts: String(Math.floor(nowMs)) }]),
  instrumentsAnswer: (symbols) =>
    envelope(
      symbols.flatMap(({ symbol, base, quote, priceDecimals, sizeDecimals }) =>
        base === null || quote === null
          ? []
          : [
              {
                instType: 'SPOT',
                instId: symbol,
                baseCcy: base,
                quoteCcy: quote,
                tickSz: stepOf(priceDecimals),
                lotSz: stepOf(sizeDecimals),
                minSz: stepOf(sizeDecimals),
                maxLmtSz: '9999999999',
                maxMktSz: '1000000',
                state: 'live',
              },
            ],
      ),
    ),
  readDepth: () => null,
  depthAnswer: (book, limit, timeMs) =>
    envelope([
      {
        asks: book.topAsks(limit).map(fourFields),
        bids: book.topBids(limit).map(fourFields),
        ts: String(Math.floor(timeMs)),
        ...(book.sequence === null ? {} : { seqId: book.sequence }),
      },
    ]),
  answers: (recordedUrl, question) =>
    question.kind === 'instruments' &&
    recordedUrl.includes('/public/instruments') &&
    recordedUrl.includes('SPOT'),
};

const envelope = (data: readonly Json[]): string => JSON.stringify({ code: '0', msg: '', data });
/** [price, size, "0", order count]; a rebuilt book does not know the count. */
const fourFields = ([price, size]: readonly [string, string]): string[] => [price, size, '0', '1'];

const argumentOf = (value: unknown): Argument => {
  const arg = asObject(value);
  return { channel: asText(arg['channel']), symbol: asText(arg['instId']) };
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
  const data = asObject(asList(whole['data'])[0]);
  const action = whole['action'];
  if (action !== 'snapshot' && action !== 'update') return { kind: 'data', symbol, channel, book: null };
  const book = {
    key: `${channel}:${symbol}`,
    snapshot: action === 'snapshot',
    bids: levelsOf(data['bids']),
    asks: levelsOf(data['asks']),
    follows: asCount(data['prevSeqId']),
    sequence: asCount(data['seqId']),
    timeMs: Number(asText(data['ts'])) || null,
  };
  return { kind: 'book', symbol, channel, book };
}

function readClient(text: string): ClientRequest {
  if (text === 'ping') return { kind: 'ping', arguments: [], answers: [{ argument: null, text: 'pong' }] };
  const request = objectOf(text);
  const op = request?.['op'];
  if (request === null || (op !== 'subscribe' && op !== 'unsubscribe')) return NOTHING_ASKED;
  const args = asList(request['args']);
  const answers = args.map((arg) => ({
    argument: argumentOf(arg),
    text: JSON.stringify({ event: op, arg, connId: 'replay00' }),
  }));
  return { kind: op, arguments: args.map(argumentOf), answers };
}

function snapshotFrame(book: RebuiltBook, timeMs: number): string {
  const sequence = book.sequence === null ? {} : { prevSeqId: -1, seqId: book.sequence };
  const data = {
    asks: book.topAsks(400).map(fourFields),
    bids: book.topBids(400).map(fourFields),
    ts: String(Math.floor(book.timeMs ?? timeMs)),
    // Dead since 2026-06-23 and 0 on the wire; a non-zero one would have to be right.
    checksum: 0,
    ...sequence,
  };
  return JSON.stringify({
    arg: { channel: book.channel, instId: book.symbol },
    action: 'snapshot',
    data: [data],
  });
}
