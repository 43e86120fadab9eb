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
  step = 0;

  constructor(symbol: string) {
    this.symbol = symbol;
  }

  /** The numbers of the next frame. */
  advance(): { readonly previous: number; readonly next: number } {
    this.step++;
    const previous = this.sequence;
    this.sequence += 1;
    return { previous, next: this.sequence };
  }
}

type Side = 'bid' | 'ask';
const SIZES = 97;

/** `count` levels of one side, best first, as [price, size]; sizes differ from step to step. */
function levelsAt(side: Side, step: number, count: number, from = 0): [string, string][] {
  const sign = side === 'bid' ? -1 : 1;
  return Array.from({ length: count }, (_, at) => {
    const ticks = (from + at + 1) * sign;
    return [(100 + ticks / 100).toFixed(2), (1 + ((step * 7 + at * 13) % SIZES) / 10).toFixed(4)];
  });
}

/** Texts by step: they repeat, and building them anew would cost the sender more than sending. */
function repeating(period: number, make: (step: number) => string): (step: number) => string {
  const made = new Map<number, string>();
  return (step) => {
    const at = step % period;
    let text = made.get(at);
    if (text === undefined) made.set(at, (text = make(at)));
    return text;
  };
}

const CHANGE_PERIOD = SIZES * (KEPT - CHANGED);
const json = (value: unknown): string => JSON.stringify(value);
const withCounts = (levels: [string, string][]) => levels.map(([price, size]) => [price, size, '0', '1']);

/** Four levels that wander over the nearest twenty, and the whole side; `shape` is the exchange's form of a level. */
function sidesOf(shape: (levels: [string, string][]) => unknown = (levels) => levels) {
  const changed = (side: Side) =>
    repeating(CHANGE_PERIOD, (step) =>
      json(shape(levelsAt(side, step, CHANGED, (step * 3) % (KEPT - CHANGED)))),
    );
  const whole = (side: Side) => repeating(SIZES, (step) => json(shape(levelsAt(side, step, KEPT))));
  const [bidChange, askChange, bidWhole, askWhole] = [
    changed('bid'),
    changed('ask'),
    whole('bid'),
    whole('ask'),
  ];
  return {
    changes: ({ step }: LoadMarket) => ({ bids: bidChange(step), asks: askChange(step) }),
    wholes: ({ step }: LoadMarket) => ({ bids: bidWhole(step), asks: askWhole(step) }),
  };
}

const PAIRS = sidesOf();
const COUNTED = sidesOf(withCounts);
const base = (index: number): string => `A${String(index).padStart(3, '0')}`;

/** Upbit's and Bithumb's whole book without its stamps; numbers, not texts. */
const units = repeating(SIZES, (step) => {
  const bids = levelsAt('bid', step, 15);
  const rows = levelsAt('ask', step, 15).map(([askPrice, askSize], at) => ({
    ask_price: Number(askPrice),
    bid_price: Number(bids[at]![0]),
    ask_size: Number(askSize),
    bid_size: Number(bids[at]![1]),
  }));
  const total = (side: 'ask_size' | 'bid_size') =>
    Number(rows.reduce((sum, row) => sum + row[side], 0).toFixed(4));
  const totals = `"total_ask_size":${total('ask_size')},"total_bid_size":${total('bid_size')}`;
  return `${totals},"orderbook_units":${json(rows)}`;
});

const binance: FrameSmith = {
  symbol: (index) => `${base(index)}USDT`,
  binary: false,
  snapshot: () => null,
  change(market, stampMs) {
    const { next } = market.advance();
    const { symbol } = market;
    const { bids, asks } = PAIRS.changes(market);
    const data = `"e":"depthUpdate","E":${stampMs},"s":"${symbol}","U":${next},"u":${next},"b":${bids},"a":${asks}`;
    return `{"stream":"${symbol.toLowerCase()}@depth@100ms","data":{${data}}}`;
  },
  rest(market) {
    const { bids, asks } = PAIRS.wholes(market);
    return `{"lastUpdateId":${market.sequence},"bids":${bids},"asks":${asks}}`;
  },
};

const okx: FrameSmith = {
  symbol: (index) => `${base(index)}-USDT`,
  binary: false,
  snapshot: (market, stampMs) => okxFrame(market, stampMs, 'snapshot', -1),
  change: (market, stampMs) => okxFrame(market, stampMs, 'update', market.advance().previous),
  rest: () => null,
};

function okxFrame(market: LoadMarket, stampMs: number, action: string, previous: number): string {
  const { bids, asks } = action === 'snapshot' ? COUNTED.wholes(market) : COUNTED.changes(market);
  const numbers = `"seqId":${market.sequence},"prevSeqId":${previous}`;
  const row = `{"asks":${asks},"bids":${bids},"ts":"${stampMs}","checksum":0,${numbers}}`;
  return `{"arg":{"channel":"books","instId":"${market.symbol}"},"action":"${action}","data":[${row}]}`;
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
  const { symbol: s, sequence: u } = market;
  const { bids, asks } = type === 'snapshot' ? PAIRS.wholes(market) : PAIRS.changes(market);
  const data = `{"s":"${s}","b":${bids},"a":${asks},"u":${u},"seq":${u}}`;
  return `{"topic":"orderbook.50.${s}","ts":${ts},"type":"${type}","data":${data},"cts":${ts}}`;
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

function upbitFrame({ symbol, step }: LoadMarket, stampMs: number, type: string): string {
  const head = `"type":"orderbook","code":"${symbol}","timestamp":${stampMs}`;
  return `{${head},${units(step)},"stream_type":"${type}","level":0}`;
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
function bithumbFrame({ symbol, step }: LoadMarket, stampMs: number, type: string): string {
  const tail = `"level":1,"timestamp":${stampMs}000,"stream_type":"${type}"`;
  return `{"type":"orderbook","code":"${symbol}",${units(step)},${tail}}`;
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

function gateFrame(market: LoadMarket, stampMs: number, isFull: boolean): string {
  const { symbol, sequence } = market;
  const { bids, asks } = isFull ? PAIRS.wholes(market) : PAIRS.changes(market);
  const full = isFull ? '"full":true,' : '';
  const numbers = isFull ? `"u":${sequence}` : `"U":${sequence},"u":${sequence}`;
  const result = `{"t":${stampMs},${full}"s":"ob.${symbol}.400",${numbers},"b":${bids},"a":${asks}}`;
  return `{"channel":"spot.obu","result":${result},"time_ms":${stampMs},"event":"update"}`;
}

const bitget: FrameSmith = {
  symbol: (index) => `${base(index)}USDT`,
  binary: false,
  snapshot: (market, stampMs) => bitgetFrame(market, stampMs, 'snapshot', 0),
  change: (market, stampMs) => bitgetFrame(market, stampMs, 'update', market.advance().previous),
  rest: () => null,
};

function bitgetFrame(market: LoadMarket, ts: number, action: string, pseq: number): string {
  const { symbol, sequence } = market;
  const { bids, asks } = action === 'snapshot' ? PAIRS.wholes(market) : PAIRS.changes(market);
  const row = `{"asks":${asks},"bids":${bids},"ts":"${ts}","seq":${sequence},"pseq":${pseq}}`;
  const arg = `{"instType":"SPOT","channel":"books","instId":"${symbol}"}`;
  return `{"action":"${action}","arg":${arg},"data":[${row}],"ts":${ts}}`;
}

/** The Pro socket, whose snapshot comes on the socket. Nanosecond stamps exceed 2^53 and are written as digits. */
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
  const { bids, asks } = t === 'snapshot' ? PAIRS.wholes(market) : PAIRS.changes(market);
  const time = `${stampMs}000000`;
  const [name, last] = [`"s":"${symbol}"`, `"C":${sequence}`];
  const middle = t === 'snapshot' ? `${name},${last}` : `${last},${name}`;
  const data = `"a":${asks},"b":${bids},${middle},"M":${time},"O":${sequence}`;
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
