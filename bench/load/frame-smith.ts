/**
 * Books of made-up markets in the wire form of each exchange, for load: a snapshot, then changes that follow one another by the
 * exchange's own rule. Prices walk near 100 and never cross; the stamp of each frame is the moment at which it was due.
 */

export const LOAD_EXCHANGES = [
  'binance',
  'okx',
  'bybit',
  'upbit',
  'bithumb',
  'kucoin',
  'gate',
  'bitget',
] as const;
export type LoadExchange = (typeof LOAD_EXCHANGES)[number];

/** Levels per side in a change, and in a book. */
const CHANGED = 4;
const KEPT = 20;

export interface FrameSmith {
  /** The exchange's own name of market number `index`. */
  symbol(index: number): string;
  readonly binary: boolean;
  /** What a client gets first on its socket; null where the snapshot comes over REST. */
  snapshot(market: LoadMarket, stampMs: number): string | null;
  /** The next frame of a market. */
  change(market: LoadMarket, stampMs: number): string;
  /** The REST snapshot; null where there is none. */
  rest(market: LoadMarket, stampMs: number): string | null;
}

/** One made-up market at one exchange: what its next frame must continue. */
export class LoadMarket {
  readonly symbol: string;
  sequence = 1_000;
  private step = 0;

  constructor(symbol: string) {
    this.symbol = symbol;
  }

  /** `count` levels of one side, best first, as [price, size] texts; sizes differ from frame to frame. */
  levels(side: 'bid' | 'ask', count: number, from = 0): [string, string][] {
    const sign = side === 'bid' ? -1 : 1;
    return Array.from({ length: count }, (_, at) => {
      const ticks = (from + at + 1) * sign;
      return [(100 + ticks / 100).toFixed(2), (1 + ((this.step * 7 + at * 13) % 97) / 10).toFixed(4)];
    });
  }

  /** Four levels that wander over the nearest twenty. */
  changed(side: 'bid' | 'ask'): [string, string][] {
    return this.levels(side, CHANGED, (this.step * 3) % (KEPT - CHANGED));
  }

  whole(side: 'bid' | 'ask'): [string, string][] {
    return this.levels(side, KEPT);
  }

  /** The numbers of the next frame. */
  advance(): { readonly previous: number; readonly next: number } {
    this.step++;
    const previous = this.sequence;
    this.sequence += 1;
    return { previous, next: this.sequence };
  }
}

const json = (value: unknown): string => JSON.stringify(value);
const base = (index: number): string => `A${String(index).padStart(3, '0')}`;
const forOkx = (levels: [string, string][]) => levels.map(([price, size]) => [price, size, '0', '1']);

/** The parts of Upbit's and Bithumb's whole book; numbers, not texts. */
function wholeBook(market: LoadMarket) {
  const bids = market.whole('bid');
  const units = market.whole('ask').map(([askPrice, askSize], at) => ({
    ask_price: Number(askPrice),
    bid_price: Number(bids[at]![0]),
    ask_size: Number(askSize),
    bid_size: Number(bids[at]![1]),
  }));
  const total = (side: 'ask_size' | 'bid_size') =>
    Number(units.reduce((sum, one) => sum + one[side], 0).toFixed(4));
  return {
    head: { type: 'orderbook', code: market.symbol },
    totals: { total_ask_size: total('ask_size'), total_bid_size: total('bid_size') },
    orderbook_units: units.slice(0, 15),
  };
}

const binance: FrameSmith = {
  symbol: (index) => `${base(index)}USDT`,
  binary: false,
  snapshot: () => null,
  change(market, E) {
    const { next } = market.advance();
    const s = market.symbol;
    const data = {
      e: 'depthUpdate',
      E,
      s,
      U: next,
      u: next,
      b: market.changed('bid'),
      a: market.changed('ask'),
    };
    return json({ stream: `${s.toLowerCase()}@depth@100ms`, data });
  },
  rest: (market) =>
    json({ lastUpdateId: market.sequence, bids: market.whole('bid'), asks: market.whole('ask') }),
};

const okx: FrameSmith = {
  symbol: (index) => `${base(index)}-USDT`,
  binary: false,
  snapshot: (market, stampMs) => okxFrame(market, stampMs, 'snapshot', -1),
  change: (market, stampMs) => okxFrame(market, stampMs, 'update', market.advance().previous),
  rest: () => null,
};

function okxFrame(market: LoadMarket, stampMs: number, action: string, prevSeqId: number): string {
  const side = (name: 'bid' | 'ask') =>
    forOkx(action === 'snapshot' ? market.whole(name) : market.changed(name));
  const row = { asks: side('ask'), bids: side('bid'), ts: String(stampMs), checksum: 0 };
  const data = [{ ...row, seqId: market.sequence, prevSeqId }];
  return json({ arg: { channel: 'books', instId: market.symbol }, action, data });
}

const bybit: FrameSmith = {
  symbol: (index) => `${base(index)}USDT`,
  binary: false,
  snapshot: (market, stampMs) => bybitFrame(market, stampMs, 'snapshot'),
  change(market, stampMs) {
    market.advance();
    return bybitFrame(market, stampMs, 'delta');
  },
  rest: () => null,
};

function bybitFrame(market: LoadMarket, ts: number, type: 'snapshot' | 'delta'): string {
  const side = (name: 'bid' | 'ask') => (type === 'snapshot' ? market.whole(name) : market.changed(name));
  const { symbol: s, sequence: u } = market;
  const data = { s, b: side('bid'), a: side('ask'), u, seq: u };
  return json({ topic: `orderbook.50.${s}`, ts, type, data, cts: ts });
}

const upbit: FrameSmith = {
  symbol: (index) => `KRW-${base(index)}`,
  binary: true,
  snapshot: (market, stampMs) => upbitFrame(market, stampMs, 'SNAPSHOT'),
  change(market, stampMs) {
    market.advance();
    return upbitFrame(market, stampMs, 'REALTIME');
  },
  rest: () => null,
};

function upbitFrame(market: LoadMarket, timestamp: number, stream_type: string): string {
  const { head, totals, orderbook_units } = wholeBook(market);
  return json({ ...head, timestamp, ...totals, orderbook_units, stream_type, level: 0 });
}

const bithumb: FrameSmith = {
  ...upbit,
  snapshot: (market, stampMs) => bithumbFrame(market, stampMs, 'SNAPSHOT'),
  change(market, stampMs) {
    market.advance();
    return bithumbFrame(market, stampMs, 'REALTIME');
  },
};

/** Stamps are microseconds. */
function bithumbFrame(market: LoadMarket, stampMs: number, stream_type: string): string {
  const { head, totals, orderbook_units } = wholeBook(market);
  return json({ ...head, ...totals, orderbook_units, level: 1, timestamp: stampMs * 1_000, stream_type });
}

const gate: FrameSmith = {
  symbol: (index) => `${base(index)}_USDT`,
  binary: false,
  snapshot: (market, stampMs) => gateFrame(market, stampMs, true),
  change(market, stampMs) {
    market.advance();
    return gateFrame(market, stampMs, false);
  },
  rest: () => null,
};

function gateFrame(market: LoadMarket, t: number, full: boolean): string {
  const u = market.sequence;
  const side = (name: 'bid' | 'ask') => (full ? market.whole(name) : market.changed(name));
  const numbers = full ? { u } : { U: u, u };
  const s = `ob.${market.symbol}.400`;
  const result = { t, ...(full && { full }), s, ...numbers, b: side('bid'), a: side('ask') };
  return json({ channel: 'spot.obu', result, time_ms: t, event: 'update' });
}

const bitget: FrameSmith = {
  symbol: (index) => `${base(index)}USDT`,
  binary: false,
  snapshot: (market, stampMs) => bitgetFrame(market, stampMs, 'snapshot', 0),
  change: (market, stampMs) => bitgetFrame(market, stampMs, 'update', market.advance().previous),
  rest: () => null,
};

function bitgetFrame(market: LoadMarket, ts: number, action: string, pseq: number): string {
  const side = (name: 'bid' | 'ask') => (action === 'snapshot' ? market.whole(name) : market.changed(name));
  const row = { asks: side('ask'), bids: side('bid'), ts: String(ts), seq: market.sequence, pseq };
  const arg = { instType: 'SPOT', channel: 'books', instId: market.symbol };
  return json({ action, arg, data: [row], ts });
}

/** The unified socket, whose snapshot comes on the socket. Nanosecond stamps exceed 2^53 and are written as digits. */
const kucoin: FrameSmith = {
  symbol: (index) => `${base(index)}-USDT`,
  binary: true,
  snapshot: (market, stampMs) => kucoinFrame(market, stampMs, 'snapshot'),
  change(market, stampMs) {
    market.advance();
    return kucoinFrame(market, stampMs, 'delta');
  },
  rest: () => null,
};

function kucoinFrame(market: LoadMarket, stampMs: number, t: string): string {
  const { symbol, sequence } = market;
  const side = (name: 'bid' | 'ask') => json(t === 'snapshot' ? market.whole(name) : market.changed(name));
  const time = `${stampMs}000000`;
  const sides = `"a":${side('ask')},"b":${side('bid')}`;
  const [name, last] = [`"s":"${symbol}"`, `"C":${sequence}`];
  const middle = t === 'snapshot' ? `${name},${last}` : `${last},${name}`;
  const data = `${sides},${middle},"M":${time},"O":${sequence}`;
  return `{"T":"obu.SPOT", "dp":"increment@10ms", "t":"${t}", "P":${time}, "d":{${data}}}`;
}

export const SMITHS: Readonly<Record<LoadExchange, FrameSmith>> = {
  binance,
  okx,
  bybit,
  upbit,
  bithumb,
  kucoin,
  gate,
  bitget,
};
