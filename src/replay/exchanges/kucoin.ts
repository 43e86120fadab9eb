import type { BookChange, TextLevel } from '../book-change.js';
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

/**
 * KuCoin spot, both sockets (kucoin.com/docs-new; PROTOCOLS §8). Channels go by the last part of their topic, `level2`, and on the
 * Pro socket with their depth, `obu/increment@10ms`. `level2` takes its snapshots over REST, the others over the socket.
 */
export const kucoinReplay: ReplayProtocol = {
  exchange: 'kucoin',
  snapshots: 'both',
  isSocketPath: (path) => path === '/' || path === '/endpoint',
  argumentsOfUrl: () => [],
  greeting: (url) =>
    url.searchParams.has('token')
      ? '{"id":"replay","type":"welcome"}'
      : '{"sessionId":"replay","message":"welcome","pingInterval":18000}',
  read,
  readClient,
  shape: (text) => text,
  snapshotFrame,
  question: (url) => {
    const { pathname } = url;
    if (pathname === '/api/v1/bullet-public') return { kind: 'ticket' };
    if (pathname === '/api/v1/timestamp') return { kind: 'time' };
    if (pathname === '/api/v2/symbols') return { kind: 'instruments' };
    const depth = /^\/api\/v1\/market\/orderbook\/level2_(20|100)$/.exec(pathname);
    if (depth === null) return { kind: 'unknown' };
    return { kind: 'depth', symbol: url.searchParams.get('symbol') ?? '', limit: Number(depth[1]) };
  },
  ticketAnswer: () =>
    envelope({
      token: 'replay',
      instanceServers: [
        {
          endpoint: 'wss://ws-api-spot.kucoin.com/',
          encrypt: true,
          protocol: 'websocket',
          pingInterval: 18_000,
          pingTimeout: 10_000,
        },
      ],
    }),
  timeAnswer: (nowMs) => envelope(Math.floor(nowMs)),
  instrumentsAnswer: (symbols) => envelope(symbols.flatMap(instrumentOf)),
  readDepth: (body) => {
    const data = asObject(objectOf(body)?.['data']);
    const sequence = countOf(data['sequence']);
    if (sequence === null) return null;
    const [bids, asks] = [levelsOf(data['bids']), levelsOf(data['asks'])];
    return { key: '', snapshot: true, bids, asks, follows: null, sequence, timeMs: asCount(data['time']) };
  },
  depthAnswer: (book, limit, timeMs) =>
    envelope({
      time: Math.floor(book.timeMs ?? timeMs),
      sequence: String(book.sequence ?? 0),
      bids: book.topBids(limit),
      asks: book.topAsks(limit),
    }),
  answers: (recordedUrl, question) => {
    if (question.kind === 'instruments') return recordedUrl.includes('/api/v2/symbols');
    if (question.kind !== 'depth' || !recordedUrl.includes('/orderbook/level2')) return false;
    return /[?&]symbol=([^&]+)/.exec(recordedUrl)?.[1] === question.symbol;
  },
};

const envelope = (data: unknown): string => JSON.stringify({ code: '200000', data });

/** A count as a number or as its text. */
const countOf = (value: unknown): number | null =>
  asCount(typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value);

function instrumentOf(facts: Parameters<ReplayProtocol['instrumentsAnswer']>[0][number]): object[] {
  if (facts.base === null || facts.quote === null) return [];
  const lot = stepOf(facts.sizeDecimals);
  return [
    {
      symbol: facts.symbol,
      name: facts.symbol,
      baseCurrency: facts.base,
      quoteCurrency: facts.quote,
      feeCurrency: facts.quote,
      market: 'USDS',
      baseMinSize: lot,
      quoteMinSize: '0.1',
      baseMaxSize: '10000000000',
      quoteMaxSize: '99999999',
      baseIncrement: lot,
      quoteIncrement: '0.000001',
      priceIncrement: stepOf(facts.priceDecimals),
      priceLimitRate: '0.1',
      minFunds: '0.1',
      isMarginEnabled: false,
      enableTrading: true,
    },
  ];
}

function read(text: string): FrameFacts {
  // Nanoseconds lose their last digits here; only their milliseconds are used.
  const whole = objectOf(text);
  if (whole === null) return CONTROL;
  if (typeof whole['T'] === 'string') return readPro(whole);
  if (typeof whole['topic'] === 'string') return readClassic(whole);
  if (whole['type'] === 'welcome' || whole['message'] === 'welcome') return { ...CONTROL, kind: 'greeting' };
  const isAck = whole['type'] === 'ack' || whole['result'] === true;
  return isAck ? { ...CONTROL, kind: 'ack' } : CONTROL;
}

function readPro(whole: Json): FrameFacts {
  const data = asObject(whole['d']);
  const symbol = asText(data['s']);
  const depth = asText(whole['dp']);
  const name = asText(whole['T']).replace(/\.\w+$/, '');
  const channel = depth === '' ? name : `${name}/${depth}`;
  if (symbol === '') return CONTROL;
  if (channel !== 'obu/increment@10ms') return { kind: 'data', symbol, channel, book: null };
  const first = asCount(data['O']);
  const engineNs = data['M'];
  const book = {
    key: `obu:${symbol}`,
    snapshot: whole['t'] === 'snapshot',
    bids: levelsOf(data['b']),
    asks: levelsOf(data['a']),
    follows: first === null ? null : first - 1,
    sequence: asCount(data['C']),
    timeMs: typeof engineNs === 'number' ? Math.floor(engineNs / 1e6) : null,
  };
  return { kind: 'book', symbol, channel, book };
}

function readClassic(whole: Json): FrameFacts {
  const { channel, symbol } = argumentsOf(asText(whole['topic']))[0] ?? { channel: '', symbol: '' };
  const data = asObject(whole['data']);
  if (symbol === '') return CONTROL;
  if (channel === 'level2') return { kind: 'book', symbol, channel, book: changesOf(symbol, data) };
  if (channel !== 'level2Depth50') return { kind: 'data', symbol, channel, book: null };
  const [bids, asks] = [levelsOf(data['bids']), levelsOf(data['asks'])];
  const timeMs = asCount(data['timestamp']);
  const key = `level2Depth50:${symbol}`;
  return {
    kind: 'book',
    symbol,
    channel,
    book: { key, snapshot: true, bids, asks, follows: null, sequence: null, timeMs },
  };
}

/** Changes in the order in which they happened; price "0" changes nothing. */
function changesOf(symbol: string, data: Json): BookChange {
  const changes = asObject(data['changes']);
  const side = (key: string): TextLevel[] =>
    asList(changes[key])
      .flatMap((entry): TextLevel[] => {
        const [price, size, sequence] = asList(entry).map(asText);
        return price && size && price !== '0' ? [[price, size, countOf(sequence) ?? undefined]] : [];
      })
      .sort((a, b) => (a[2] ?? 0) - (b[2] ?? 0));
  const start = asCount(data['sequenceStart']);
  return {
    key: symbol,
    snapshot: false,
    bids: side('bids'),
    asks: side('asks'),
    follows: start === null ? null : start - 1,
    sequence: asCount(data['sequenceEnd']),
    timeMs: asCount(data['time']),
  };
}

/** `/market/level2:BTC-USDT,ETH-USDT` → channel level2 of both. */
function argumentsOf(topic: string): Argument[] {
  const [path = '', symbols = ''] = topic.split(':');
  const channel = path.slice(path.lastIndexOf('/') + 1);
  return symbols
    .split(',')
    .filter((symbol) => symbol !== '')
    .map((symbol) => ({ channel, symbol }));
}

function readClient(text: string): ClientRequest {
  const request = objectOf(text);
  if (request === null) return NOTHING_ASKED;
  const id = String((request['id'] as string | number | undefined) ?? '');
  if (request['type'] === 'ping') {
    return {
      kind: 'ping',
      arguments: [],
      answers: [{ argument: null, text: JSON.stringify({ id, type: 'pong' }) }],
    };
  }
  const action = asText(request['action']).toLowerCase();
  const kind = action === '' ? asText(request['type']) : action;
  if (kind !== 'subscribe' && kind !== 'unsubscribe') return NOTHING_ASKED;
  const answer = JSON.stringify(action === '' ? { id, type: 'ack' } : { id, result: true });
  return {
    kind,
    arguments: action === '' ? argumentsOf(asText(request['topic'])) : [proArgument(request)],
    answers: [{ argument: null, text: answer }],
  };
}

function proArgument(request: Json): Argument {
  const [channel, depth] = [asText(request['channel']), asText(request['depth'])];
  return { channel: depth === '' ? channel : `${channel}/${depth}`, symbol: asText(request['symbol']) };
}

function snapshotFrame(book: RebuiltBook, timeMs: number): string | null {
  const stampMs = Math.floor(book.timeMs ?? timeMs);
  if (book.channel === 'level2Depth50') {
    const data = { asks: book.topAsks(50), bids: book.topBids(50), timestamp: stampMs };
    const topic = `/spotMarket/level2Depth50:${book.symbol}`;
    return JSON.stringify({ type: 'message', topic, subject: 'level2', data });
  }
  if (book.channel !== 'obu/increment@10ms' || book.sequence === null) return null;
  const levels = `"a":${JSON.stringify(book.topAsks(500))},"b":${JSON.stringify(book.topBids(500))}`;
  const range = `"C":${book.sequence},"M":${stampMs}000000,"O":${book.sequence}`;
  const head = `"T":"obu.SPOT","dp":"increment@10ms","t":"snapshot","P":${Math.floor(timeMs)}000000`;
  return `{${head},"d":{${levels},"s":${JSON.stringify(book.symbol)},${range}}}`;
}
