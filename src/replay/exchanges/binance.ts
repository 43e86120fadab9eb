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

/** Binance spot (binance-spot-api-docs: web-socket-streams, rest-api; PROTOCOLS §3). Snapshots come over REST. */
export const binanceReplay: ReplayProtocol = {
  exchange: 'binance',
  snapshots: 'rest',
  isSocketPath: (path) => path === '/ws' || path.startsWith('/ws/') || path === '/stream',
  argumentsOfUrl: (url) => {
    const raw = url.pathname.startsWith('/ws/')
      ? url.pathname.slice(4)
      : (url.searchParams.get('streams') ?? '');
    return raw.split('/').filter(Boolean).map(argumentOf);
  },
  read,
  readClient,
  shape,
  snapshotFrame: () => null,
  question: (url) => {
    if (/^\/api\/v\d\/time$/.test(url.pathname)) return { kind: 'time' };
    if (/^\/api\/v\d\/exchangeInfo$/.test(url.pathname)) return { kind: 'instruments' };
    if (!/^\/api\/v\d\/depth$/.test(url.pathname)) return { kind: 'unknown' };
    const limit = Number(url.searchParams.get('limit') ?? '100');
    return { kind: 'depth', symbol: url.searchParams.get('symbol') ?? '', limit };
  },
  timeAnswer: (nowMs) => JSON.stringify({ serverTime: Math.floor(nowMs) }),
  instrumentsAnswer: (symbols) =>
    JSON.stringify({
      timezone: 'UTC',
      serverTime: 0,
      rateLimits: [],
      exchangeFilters: [],
      symbols: symbols.flatMap(({ symbol, base, quote, priceDecimals, sizeDecimals }) =>
        base === null || quote === null
          ? []
          : [
              {
                symbol,
                status: 'TRADING',
                baseAsset: base,
                baseAssetPrecision: 8,
                quoteAsset: quote,
                quotePrecision: 8,
                quoteAssetPrecision: 8,
                orderTypes: ['LIMIT', 'LIMIT_MAKER', 'MARKET'],
                isSpotTradingAllowed: true,
                isMarginTradingAllowed: false,
                filters: filtersOf(stepOf(priceDecimals), stepOf(sizeDecimals)),
                permissions: [],
                permissionSets: [['SPOT']],
              },
            ],
      ),
    }),
  readDepth: (body) => {
    const whole = objectOf(body);
    const sequence = asCount(whole?.['lastUpdateId']);
    if (whole === null || sequence === null) return null;
    const [bids, asks] = [levelsOf(whole['bids']), levelsOf(whole['asks'])];
    return { key: '', snapshot: true, bids, asks, follows: null, sequence, timeMs: null };
  },
  depthAnswer: (book, limit) =>
    JSON.stringify({
      lastUpdateId: book.sequence ?? 0,
      bids: book.topBids(limit),
      asks: book.topAsks(limit),
    }),
  answers: (recordedUrl, question, symbols) => {
    if (question.kind === 'instruments') return recordedUrl.includes('/exchangeInfo');
    if (question.kind !== 'depth' || !recordedUrl.includes('/depth')) return false;
    const named = /[?&]symbol=([A-Za-z0-9]+)/.exec(recordedUrl)?.[1];
    // A capture of a single symbol may leave its name out.
    return named === undefined
      ? symbols.length === 1 && symbols[0] === question.symbol
      : named === question.symbol;
  },
};

const filtersOf = (tickSize: string, stepSize: string): Json[] => [
  { filterType: 'PRICE_FILTER', minPrice: tickSize, maxPrice: '1000000', tickSize },
  { filterType: 'LOT_SIZE', minQty: stepSize, maxQty: '9000000', stepSize },
  // The exchange's usual start-up default (PROTOCOLS §11.2).
  {
    filterType: 'NOTIONAL',
    minNotional: '5',
    applyMinToMarket: true,
    maxNotional: '9000000',
    applyMaxToMarket: false,
    avgPriceMins: 5,
  },
];

/** `btcusdt@depth@100ms` → symbol BTCUSDT, channel depth@100ms. */
function argumentOf(stream: string): Argument {
  const at = stream.indexOf('@');
  return at < 0
    ? { symbol: '', channel: stream }
    : { symbol: stream.slice(0, at).toUpperCase(), channel: stream.slice(at + 1) };
}

function read(text: string): FrameFacts {
  const whole = objectOf(text);
  if (whole === null) return CONTROL;
  if ('result' in whole && 'id' in whole) return { ...CONTROL, kind: 'ack' };
  const stream = asText(whole['stream']);
  const data = stream === '' ? whole : asObject(whole['data']);
  const symbol = asText(data['s']);
  if (symbol === '') return CONTROL;
  const named = stream === '' ? null : argumentOf(stream).channel;
  if (data['e'] !== 'depthUpdate')
    return { kind: 'data', symbol, channel: named ?? eventOf(data), book: null };
  const book = {
    key: symbol,
    snapshot: false,
    bids: levelsOf(data['b']),
    asks: levelsOf(data['a']),
    follows: typeof data['U'] === 'number' ? data['U'] - 1 : null,
    sequence: asCount(data['u']),
    timeMs: asCount(data['E']),
  };
  return { kind: 'book', symbol, channel: named ?? 'depth@100ms', book };
}

const eventOf = (data: Json): string => (typeof data['e'] === 'string' ? data['e'] : 'bookTicker');

function readClient(text: string): ClientRequest {
  const request = objectOf(text);
  const method = asText(request?.['method']);
  if (request === null || !['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS'].includes(method))
    return NOTHING_ASKED;
  const answer = { argument: null, text: JSON.stringify({ result: null, id: request['id'] ?? null }) };
  const kind = method === 'SUBSCRIBE' ? 'subscribe' : method === 'UNSUBSCRIBE' ? 'unsubscribe' : 'other';
  return {
    kind,
    arguments: asList(request['params']).map((one) => argumentOf(asText(one))),
    answers: [answer],
  };
}

/** `/ws` sends events alone, `/stream` wraps them in {stream, data}; a capture has one of both forms. */
function shape(text: string, url: URL): string {
  const wrapped = text.startsWith('{"stream":');
  if (url.pathname === '/stream') {
    if (wrapped) return text;
    const { symbol, channel } = read(text);
    return symbol === null ? text : `{"stream":"${symbol.toLowerCase()}@${channel ?? ''}","data":${text}}`;
  }
  const data = wrapped ? text.indexOf('"data":') : -1;
  return data < 0 ? text : text.slice(data + '"data":'.length, text.lastIndexOf('}'));
}
