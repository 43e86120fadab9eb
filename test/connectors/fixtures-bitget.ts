import { bitget } from '../../src/connectors/bitget.js';
import type { SampleExchange, SampleFrame } from './frames.js';

/** Hand-written frames of Bitget, one per kind. Numbers count on from frame to frame, so that they also make a stream. */

export const T = 1_790_000_000_000;

type Levels = readonly (readonly string[])[];

export interface BookParts {
  readonly channel?: string;
  readonly symbol?: string;
  readonly instType?: string;
  readonly bids?: Levels;
  readonly asks?: Levels;
  /** Written into the book object after the levels: seq, pseq, checksum. */
  readonly more?: object;
  readonly atMs?: number;
}

/** One frame of a v2 book channel. */
export function book(action: 'snapshot' | 'update', parts: BookParts): object {
  const { channel = 'books', symbol = 'BTCUSDT', instType = 'SPOT', atMs = T } = parts;
  const data = { asks: parts.asks ?? [], bids: parts.bids ?? [], ts: String(atMs), ...parts.more };
  return { action, arg: { instType, channel, instId: symbol }, data: [data], ts: atMs + 2 };
}

/** As `book`, on the unified socket. */
export function unifiedBook(action: 'snapshot' | 'update', parts: BookParts): object {
  const { channel = 'books', symbol = 'BTCUSDT', instType = 'spot', atMs = T } = parts;
  const data = { a: parts.asks ?? [], b: parts.bids ?? [], ...parts.more, ts: String(atMs) };
  return { action, arg: { instType, topic: channel, symbol }, data: [data], ts: atMs + 2 };
}

export const snapshot = book('snapshot', {
  bids: [
    ['100', '5'],
    ['99', '6'],
  ],
  asks: [
    ['101', '7'],
    ['102', '8'],
  ],
  more: { seq: 10, pseq: 0 },
});
/** Follow the snapshot one after the other. */
export const updates = [
  book('update', { bids: [['100', '4']], more: { seq: 15, pseq: 10 }, atMs: T + 100 }),
  book('update', { asks: [['101', '0']], more: { seq: 16, pseq: 15 }, atMs: T + 200 }),
  book('update', { bids: [['100.5', '1']], more: { seq: 20, pseq: 16 }, atMs: T + 300 }),
] as const;

export const bestQuote = (bid: string, ask: string, seq: number): object =>
  book('snapshot', {
    channel: 'books1',
    bids: [[bid, '1']],
    asks: [[ask, '2']],
    more: { seq, pseq: 0 },
    atMs: T + seq,
  });

const prints = (action: 'snapshot' | 'update', ids: readonly string[]) => ({
  action,
  arg: { instType: 'SPOT', channel: 'trade', instId: 'BTCUSDT' },
  data: ids.map((tradeId) => ({ ts: String(T), price: '100.5', size: '2', side: 'buy', tradeId })),
  ts: T + 3,
});
/** What was traded before the subscription, newest first. */
export const tradeHistory = prints('snapshot', ['1235671058980749319', '1235671058980749318']);
export const trade = prints('update', ['1235671058980749320']);
export const unifiedTrade = {
  action: 'update',
  arg: { instType: 'spot', topic: 'publicTrade', symbol: 'BTCUSDT' },
  data: [
    {
      i: '1432912488536195072',
      p: '100.5',
      v: '2',
      S: 'sell',
      T: String(T),
      L: '1432912488536195073',
      isRPI: 'no',
    },
  ],
  ts: T + 2,
};
/** Before 2023: an array without an id. */
export const oldTrade = {
  action: 'update',
  arg: { instType: 'sp', channel: 'trade', instId: 'BTCUSDT' },
  data: [[String(T), '100.5', '2', 'sell']],
};

const arg = { instType: 'SPOT', channel: 'books', instId: 'BTCUSDT' };
export const acknowledgement = { event: 'subscribe', arg };
export const unsubscribed = { event: 'unsubscribe', arg };
export const refusal = {
  event: 'error',
  arg,
  code: 30001,
  msg: "instType:SPOT,channel:books,instId:BTCUSDT,precision:null doesn't exist",
  op: 'subscribe',
};
export const paramError = { event: 'error', code: 30016, msg: 'Param error', op: 'subscribe' };
/** The same symbol on the futures market. */
export const futuresBook = book('snapshot', {
  instType: 'USDT-FUTURES',
  bids: [['90', '1']],
  asks: [['91', '1']],
  more: { seq: 99, pseq: 0 },
});
export const foreign = {
  action: 'snapshot',
  arg: { instType: 'SPOT', channel: 'ticker', instId: 'BTCUSDT' },
  data: [{ instId: 'BTCUSDT', lastPr: '100' }],
  ts: T,
};

export const symbolRow = {
  symbol: 'BTCUSDT',
  baseCoin: 'BTC',
  quoteCoin: 'USDT',
  minTradeAmount: '0',
  maxTradeAmount: '10000000000',
  takerFeeRate: '0.002',
  makerFeeRate: '0.002',
  pricePrecision: '2',
  quantityPrecision: '6',
  quotePrecision: '8',
  status: 'online',
  minTradeUSDT: '1',
  buyLimitPriceRatio: '0.02',
  sellLimitPriceRatio: '0.02',
};
export const chainRow = {
  chain: 'BTC',
  needTag: 'false',
  withdrawable: 'true',
  rechargeable: 'false',
  withdrawFee: '0.0005',
  extraWithdrawFee: '0',
  depositConfirm: '1',
  withdrawConfirm: '2',
  minDepositAmount: '0.0001',
  minWithdrawAmount: '0.001',
};
export const coinRow = { coinId: '1', coin: 'BTC', transfer: 'true', chains: [chainRow], areaCoin: 'no' };
export const envelope = (data: unknown) => ({ code: '00000', msg: 'success', requestTime: T, data });

const V2_LEVELS = {
  'data[0].asks': 'list',
  'data[0].bids': 'list',
  'data[0].asks[0][0]': 'price',
  'data[0].asks[0][1]': 'size',
  'data[0].bids[0][0]': 'price',
  'data[0].bids[0][1]': 'size',
  'data[0].ts': 'timeText',
} as const;
const V3_LEVELS = {
  'data[0].a': 'list',
  'data[0].b': 'list',
  'data[0].a[0][0]': 'price',
  'data[0].a[0][1]': 'size',
  'data[0].b[0][0]': 'price',
  'data[0].b[0][1]': 'size',
  'data[0].ts': 'timeText',
} as const;
const LINKS = { 'data[0].seq': 'sequence', 'data[0].pseq': 'sequence' } as const;
const one = { bids: [['100.5', '2']], asks: [['101.5', '3']] };

const FRAMES: readonly SampleFrame[] = [
  {
    name: 'snapshot',
    frame: book('snapshot', { ...one, more: { checksum: 0, seq: 10, pseq: 0 } }),
    fields: {
      arg: 'object',
      'arg.instType': 'word',
      'arg.channel': 'word',
      'arg.instId': 'symbol',
      action: 'word',
      data: 'list',
      'data[0].checksum': 'checksum',
      ...V2_LEVELS,
      ...LINKS,
    },
  },
  {
    name: 'update',
    frame: book('update', { ...one, more: { checksum: 0, seq: 12, pseq: 10 } }),
    fields: { action: 'word', data: 'list', 'data[0].checksum': 'checksum', ...V2_LEVELS, ...LINKS },
  },
  {
    name: 'best quote',
    frame: book('snapshot', { ...one, channel: 'books1', more: { seq: 13, pseq: 0 } }),
    fields: { action: 'word', data: 'list', 'data[0].seq': 'sequence', ...V2_LEVELS },
  },
  {
    name: 'trade',
    frame: trade,
    fields: {
      action: 'word',
      data: 'list',
      'data[0].ts': 'timeText',
      'data[0].price': 'positive',
      'data[0].size': 'positive',
      'data[0].side': 'word',
      'data[0].tradeId': 'id',
    },
  },
  { name: 'answer', frame: acknowledgement, fields: { event: 'word', arg: 'object' } },
];

const UNIFIED: readonly SampleFrame[] = [
  {
    name: 'snapshot',
    frame: unifiedBook('snapshot', { ...one, more: { checksum: 0, seq: 10, pseq: 0 } }),
    fields: {
      arg: 'object',
      'arg.instType': 'word',
      'arg.topic': 'word',
      'arg.symbol': 'symbol',
      action: 'word',
      data: 'list',
      'data[0].checksum': 'checksum',
      ...V3_LEVELS,
      ...LINKS,
    },
  },
  {
    name: 'update',
    frame: unifiedBook('update', { ...one, more: { checksum: 0, seq: 12, pseq: 10 } }),
    fields: { action: 'word', data: 'list', ...V3_LEVELS, ...LINKS },
  },
  {
    name: 'best quote',
    frame: unifiedBook('snapshot', { ...one, channel: 'books1', more: { checksum: 0, seq: 13, pseq: 0 } }),
    fields: { data: 'list', 'data[0].seq': 'sequence', ...V3_LEVELS },
  },
  {
    name: 'trade',
    frame: unifiedTrade,
    fields: {
      data: 'list',
      'data[0].i': 'id',
      'data[0].p': 'positive',
      'data[0].v': 'positive',
      'data[0].S': 'word',
      'data[0].T': 'timeText',
    },
  },
];

export const BITGET_SAMPLES: readonly SampleExchange[] = [
  { name: 'bitget', connector: () => bitget(), symbol: 'BTCUSDT', frames: FRAMES },
  { name: 'bitget v3', connector: () => bitget({ api: 'v3' }), symbol: 'BTCUSDT', frames: UNIFIED },
];
