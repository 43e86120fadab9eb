import {
  asCount,
  asList,
  asObject,
  asText,
  CONTROL,
  levelsOf,
  NOTHING_ASKED,
  objectOf,
} from '../protocol.js';
import type { Argument, ClientRequest, FrameFacts, Json, ReplayProtocol } from '../protocol.js';
import type { TextLevel } from '../book-change.js';

/**
 * Gate v4 (gate.com/docs/developers/apiv4/ws; PROTOCOLS §9). Diffs of `order_book_update` go on from a REST book; books of
 * `spot.obu` begin on the socket, so that a late client gets one there. Old recordings are of futures, whose levels are `{p,s}`.
 */
export const gateReplay: ReplayProtocol = {
  exchange: 'gate',
  snapshots: 'rest',
  isSocketPath: (path) => path === '/ws/v4/' || path.startsWith('/v4/ws/'),
  argumentsOfUrl: () => [],
  read,
  readClient,
  shape: (text) => text,
  snapshotFrame: (book, timeMs) => {
    if (!book.key.startsWith('ob.')) return null;
    const sentMs = Math.floor(timeMs);
    const result = {
      t: Math.floor(book.timeMs ?? timeMs),
      full: true,
      s: book.key,
      u: book.sequence ?? 0,
      b: book.topBids(),
      a: book.topAsks(),
    };
    return JSON.stringify({ channel: 'spot.obu', result, time_ms: sentMs, event: 'update' });
  },
  question: (url) => {
    if (url.pathname === '/api/v4/spot/time') return { kind: 'time' };
    if (/^\/api\/v4\/(?:spot\/currency_pairs|futures\/usdt\/contracts)$/.test(url.pathname))
      return { kind: 'instruments' };
    if (!DEPTH.test(url.pathname)) return { kind: 'unknown' };
    return { kind: 'depth', symbol: symbolOf(url), limit: Number(url.searchParams.get('limit') ?? '10') };
  },
  timeAnswer: (nowMs) => JSON.stringify({ server_time: Math.floor(nowMs) }),
  instrumentsAnswer: (symbols) =>
    JSON.stringify(
      symbols.flatMap(({ symbol, base, quote, priceDecimals, sizeDecimals }) =>
        base === null || quote === null
          ? []
          : [
              {
                id: symbol,
                base,
                quote,
                fee: '0.2',
                min_quote_amount: '3',
                amount_precision: sizeDecimals,
                precision: priceDecimals,
                trade_status: 'tradable',
              },
            ],
      ),
    ),
  readDepth: (body) => {
    const whole = objectOf(body);
    const sequence = asCount(whole?.['id']);
    if (whole === null || sequence === null) return null;
    const [bids, asks] = [bothForms(whole['bids']), bothForms(whole['asks'])];
    return { key: '', snapshot: true, bids, asks, follows: null, sequence, timeMs: null };
  },
  depthAnswer: (book, limit, timeMs) =>
    JSON.stringify({
      id: book.sequence ?? 0,
      current: Math.floor(timeMs),
      update: Math.floor(book.timeMs ?? timeMs),
      asks: book.topAsks(limit),
      bids: book.topBids(limit),
    }),
  answers: (recordedUrl, question) => {
    const url = URL.canParse(recordedUrl) ? new URL(recordedUrl) : null;
    if (url === null) return false;
    if (question.kind === 'instruments') return url.pathname === '/api/v4/spot/currency_pairs';
    return question.kind === 'depth' && DEPTH.test(url.pathname) && symbolOf(url) === question.symbol;
  },
};

const DEPTH = /^\/api\/v4\/(?:spot|futures\/usdt)\/order_book$/;

const symbolOf = (url: URL): string =>
  url.searchParams.get('currency_pair') ?? url.searchParams.get('contract') ?? '';

/** `[["1","2"], …]` or `[{"p":"1","s":2}, …]`. */
function bothForms(value: unknown): TextLevel[] {
  const contracts = asList(value).flatMap((entry): TextLevel[] => {
    const { p, s } = Array.isArray(entry) ? { p: null, s: null } : asObject(entry);
    return typeof p === 'string' && (typeof s === 'number' || typeof s === 'string') ? [[p, String(s)]] : [];
  });
  return contracts.length > 0 ? contracts : levelsOf(value);
}

/** `ob.BTC_USDT.400` → channel spot.obu.400; `["BTC_USDT","100ms"]` and lists of pairs by their own channel. */
function argumentsOf(channel: string, payload: readonly unknown[]): Argument[] {
  if (channel !== 'spot.obu') {
    const pairs = channel.endsWith('order_book_update') ? payload.slice(0, 1) : payload;
    return pairs.map((symbol) => ({ channel, symbol: asText(symbol) }));
  }
  return payload.map((topic) => {
    const [, symbol = '', levels = ''] = /^ob\.([^.]+)\.(\d+)$/.exec(asText(topic)) ?? [];
    return { channel: `spot.obu.${levels}`, symbol };
  });
}

function read(text: string): FrameFacts {
  const whole = objectOf(text);
  const channel = asText(whole?.['channel']);
  if (whole === null || channel === '') return CONTROL;
  if (whole['event'] === 'subscribe') return ackOf(channel, asList(whole['payload']));
  if (whole['event'] !== 'update') return CONTROL;
  const result = asObject(whole['result']);
  if (channel === 'spot.obu') return obuFacts(result);
  const symbol = asText(result['s']) || asText(result['currency_pair']);
  if (symbol === '') return CONTROL;
  if (!channel.endsWith('.order_book_update')) return { kind: 'data', symbol, channel, book: null };
  return { kind: 'book', symbol, channel, book: { ...changeOf(result), key: symbol } };
}

function ackOf(channel: string, payload: readonly unknown[]): FrameFacts {
  const [argument] = argumentsOf(channel, payload);
  return { kind: 'ack', symbol: argument?.symbol ?? null, channel: argument?.channel ?? channel, book: null };
}

function obuFacts(result: Json): FrameFacts {
  const key = asText(result['s']);
  const [argument] = argumentsOf('spot.obu', [key]);
  if (argument === undefined || argument.symbol === '') return CONTROL;
  return { kind: 'book', ...argument, book: { ...changeOf(result), key } };
}

function changeOf(result: Json) {
  const first = asCount(result['U']);
  return {
    snapshot: result['full'] === true,
    bids: bothForms(result['b']),
    asks: bothForms(result['a']),
    follows: first === null ? null : first - 1,
    sequence: asCount(result['u']),
    timeMs: asCount(result['t']),
  };
}

function readClient(text: string): ClientRequest {
  const request = objectOf(text);
  if (request === null) return NOTHING_ASKED;
  const { channel, event, payload, id } = request;
  if (channel === 'spot.ping') {
    const pong = JSON.stringify({ channel: 'spot.pong', event: '', result: null });
    return { kind: 'ping', arguments: [], answers: [{ argument: null, text: pong }] };
  }
  if (event !== 'subscribe' && event !== 'unsubscribe') return NOTHING_ASKED;
  const args = argumentsOf(asText(channel), asList(payload));
  const answer = JSON.stringify({ id, channel, event, payload, result: { status: 'success' } });
  return { kind: event, arguments: args, answers: [{ argument: args[0] ?? null, text: answer }] };
}
