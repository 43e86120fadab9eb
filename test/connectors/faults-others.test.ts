import t from 'tap';
import type { Capture } from '../../src/conformance/wire/capture-file.js';
import { bitget } from '../../src/connectors/bitget.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { gate } from '../../src/connectors/gate.js';
import { kucoin } from '../../src/connectors/kucoin.js';
import { upbit } from '../../src/connectors/upbit.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { wireFolder } from '../shared-data.js';
import { prove } from './damage-proof.js';
import { captureOf, DAMAGE, levelRows, type Scenario } from './damaged-stream.js';

const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';
const RUNS = 30;

const byNumber = (symbol: string, book: OrderBook) => `${symbol} ${book.sequence}`;
const byTime = (symbol: string, _book: OrderBook, timeMs: number) => `${symbol} ${timeMs}`;
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const COINS = ['AVAX', 'CULT', 'EOS', 'GOG', 'HOT', 'STG', 'SUN', 'VVS'];

// Bitget: a chain of numbers today, a checksum in every frame before.

const BITGET_V2 = 'derived/bitget-v2-seq-from-cryptofeed-20220407-v1-spot.jsonl';

t.test('Bitget: no damage gives a wrong trusted book, and every book heals', { skip }, async (t) => {
  const scenario: Scenario = {
    capture: await captureOf(folder!, BITGET_V2, 451),
    connector: () => bitget(),
    symbols: COINS.map((coin) => `${coin}USDT`),
    writeSnapshot: (instId, book, timeMs) =>
      json({
        action: 'snapshot',
        arg: { instType: 'SPOT', channel: 'books', instId },
        data: [
          {
            asks: levelRows(book, 'ask'),
            bids: levelRows(book, 'bid'),
            ts: String(timeMs),
            seq: book.sequence,
            pseq: 0,
          },
        ],
      }),
    keyOf: byNumber,
    levels: Infinity,
  };
  await prove(t, scenario, RUNS);
});

/** How each number of a market is spelled: a checksum is over the text, zeros at the end included. */
function spellings({ frames }: Capture): (symbol: string, number: number) => string {
  const texts = new Map<string, string>();
  for (const frame of frames) {
    const text = frame.toString();
    const symbol = /"channel":"books","instId":"(\w+)"/.exec(text)?.[1];
    if (symbol === undefined) continue;
    for (const [, number] of text.matchAll(/"(\d+(?:\.\d+)?)"/g))
      texts.set(`${symbol} ${Number(number)}`, number!);
  }
  return (symbol, number) => texts.get(`${symbol} ${number}`) ?? String(number);
}

t.test('Bitget: a checksum alone keeps the best 25 levels true', { skip }, async (t) => {
  const capture = await captureOf(
    folder!,
    'bitget/cryptofeed-20220407-v1-spot-books-candle-trade-ticker.jsonl',
    684,
  );
  const spelled = spellings(capture);
  const rows = (symbol: string, book: OrderBook, side: 'bid' | 'ask') =>
    levelRows(book, side).map(([price, size]) => [
      spelled(symbol, Number(price)),
      spelled(symbol, Number(size)),
    ]);
  const scenario: Scenario = {
    capture,
    connector: () => bitget(),
    symbols: COINS.map((coin) => `${coin}USDT`),
    writeSnapshot: (instId, book, timeMs) =>
      json({
        action: 'snapshot',
        arg: { instType: 'sp', channel: 'books', instId },
        data: [{ asks: rows(instId, book, 'ask'), bids: rows(instId, book, 'bid'), ts: String(timeMs - 1) }],
      }),
    keyOf: byTime,
    levels: 25,
    kinds: [...DAMAGE, 'flip'],
  };
  await prove(t, scenario, RUNS);
});

// Gate: diffs on a REST book, as captured.

t.test('Gate: no damage gives a wrong trusted book, and REST snapshots heal it', { skip }, async (t) => {
  const rows = (book: OrderBook, side: 'bid' | 'ask') => levelRows(book, side).map(([p, s]) => ({ p, s }));
  const scenario: Scenario = {
    capture: await captureOf(folder!, 'gate/cryptofeed-20230524-v4-futures-obupdate-mixed.jsonl', 450),
    connector: () => gate({ bookChannel: 'futures.order_book_update' }),
    // The others have too few frames, or none after their snapshot.
    symbols: ['OMG_USDT', 'PHB_USDT', 'RDNT_USDT', 'WOO_USDT', 'QUICK_USDT'],
    writeSnapshot: (_symbol, book, timeMs) =>
      json({
        id: book.sequence,
        current: timeMs / 1000,
        update: timeMs / 1000,
        asks: rows(book, 'ask'),
        bids: rows(book, 'bid'),
      }),
    keyOf: byNumber,
    levels: Infinity,
  };
  await prove(t, scenario, RUNS);
});

// Where no capture can be rebuilt, Bitget's prices in the envelopes of the others.

/** One frame of a book, whoever spells it. */
interface Change {
  readonly coin: string;
  readonly isSnapshot: boolean;
  /** Numbers that it covers. */
  readonly first: number;
  readonly last: number;
  readonly timeMs: number;
  readonly bids: readonly (readonly string[])[];
  readonly asks: readonly (readonly string[])[];
}
type Envelope = (change: Change) => string;

interface BitgetFrame {
  readonly action: string;
  readonly arg: { readonly instId: string };
  readonly data: readonly [
    { asks: string[][]; bids: string[][]; ts: string; seq: number | string; pseq: number | string },
  ];
}

function changesOf({ frames }: Capture): Change[] {
  return frames.flatMap((frame) => {
    const { action, arg, data } = JSON.parse(frame.toString()) as Partial<BitgetFrame>;
    if (action === undefined || data === undefined) return [];
    const [{ asks, bids, ts, seq, pseq }] = data;
    const isSnapshot = action === 'snapshot';
    const last = Number(seq);
    const coin = arg!.instId.replace('USDT', '');
    return [
      { coin, isSnapshot, first: isSnapshot ? last : Number(pseq) + 1, last, timeMs: Number(ts), bids, asks },
    ];
  });
}

const snapshotOf = (coin: string, book: OrderBook, timeMs: number): Change => ({
  coin,
  isSnapshot: true,
  first: book.sequence,
  last: book.sequence,
  timeMs,
  bids: levelRows(book, 'bid'),
  asks: levelRows(book, 'ask'),
});

const kucoinPro: Envelope = ({ coin, isSnapshot, first, last, timeMs, bids, asks }) =>
  JSON.stringify({
    T: 'obu.SPOT',
    dp: 'increment@10ms',
    t: isSnapshot ? 'snapshot' : 'delta',
    P: 0,
    d: { a: asks, b: bids, s: `${coin}-USDT`, C: last, M: '@', O: first },
  }).replace('"@"', `${timeMs}000000`);

const kucoinClassic: Envelope = ({ coin, isSnapshot, first, last, timeMs, bids, asks }) => {
  if (isSnapshot)
    return JSON.stringify({ code: '200000', data: { time: timeMs, sequence: String(last), bids, asks } });
  const numbered = (rows: Change['bids']) => rows.map(([price, size]) => [price, size, String(last)]);
  return JSON.stringify({
    type: 'message',
    topic: `/market/level2:${coin}-USDT`,
    subject: 'trade.l2update',
    data: {
      changes: { asks: numbered(asks), bids: numbered(bids) },
      sequenceEnd: last,
      sequenceStart: first,
      symbol: `${coin}-USDT`,
      time: timeMs,
    },
  });
};

const gateBooks: Envelope = ({ coin, isSnapshot, first, last, timeMs, bids: b, asks: a }) =>
  JSON.stringify({
    channel: 'spot.obu',
    result: {
      t: timeMs,
      ...(isSnapshot && { full: true }),
      s: `ob.${coin}_USDT.400`,
      u: last,
      ...(!isSnapshot && { U: first }),
      b,
      a,
    },
    time_ms: timeMs,
    event: 'update',
  });

const derivedOf = async (envelope: Envelope): Promise<Capture> => {
  const capture = await captureOf(folder!, BITGET_V2, 451);
  const frames = changesOf(capture).map((change) => Buffer.from(envelope(change)));
  return { ...capture, frames, timesMs: frames.map((_, index) => index) };
};

t.test('KuCoin: no damage gives a wrong trusted book, and every book heals', { skip }, async (t) => {
  const scenario: Scenario = {
    capture: await derivedOf(kucoinPro),
    connector: () => kucoin(),
    symbols: COINS.map((coin) => `${coin}-USDT`),
    writeSnapshot: (symbol, book, timeMs) =>
      Buffer.from(kucoinPro(snapshotOf(symbol.replace('-USDT', ''), book, timeMs))),
    keyOf: byNumber,
    levels: Infinity,
  };
  await prove(t, scenario, RUNS);
});

t.test('KuCoin: the deltas of `level2` heal from REST snapshots', { skip }, async (t) => {
  const source = await captureOf(folder!, BITGET_V2, 451);
  const changes = changesOf(source);
  const frames = changes
    .filter(({ isSnapshot }) => !isSnapshot)
    .map((change) => Buffer.from(kucoinClassic(change)));
  const answers = changes
    .filter(({ isSnapshot }) => isSnapshot)
    .map((change) => ({
      symbol: `${change.coin}-USDT`,
      body: Buffer.from(kucoinClassic(change)),
      beforeFrame: 0,
    }));
  const scenario: Scenario = {
    capture: { ...source, frames, timesMs: frames.map((_, index) => index), answers },
    connector: () => kucoin({ bookChannel: 'level2' }),
    symbols: COINS.map((coin) => `${coin}-USDT`),
    writeSnapshot: (symbol, book, timeMs) =>
      Buffer.from(kucoinClassic(snapshotOf(symbol.replace('-USDT', ''), book, timeMs))),
    keyOf: byNumber,
    levels: Infinity,
  };
  await prove(t, scenario, RUNS);
});

t.test('Gate: the books of `spot.obu` heal by themselves', { skip }, async (t) => {
  const scenario: Scenario = {
    capture: await derivedOf(gateBooks),
    connector: () => gate(),
    symbols: COINS.map((coin) => `${coin}_USDT`),
    writeSnapshot: (symbol, book, timeMs) =>
      Buffer.from(gateBooks(snapshotOf(symbol.replace('_USDT', ''), book, timeMs))),
    keyOf: byNumber,
    levels: Infinity,
  };
  await prove(t, scenario, RUNS);
});

// Upbit and Bithumb: whole books. A lost frame cannot be seen; what is shown must have been true at its time.

const MARKETS = ['KRW-LAMB', 'KRW-WAVES', 'BTC-XTZ', 'BTC-ITAM', 'BTC-PAX'];

function wholeBook(code: string, book: OrderBook, timestamp: number): Buffer {
  const [asks, bids] = [levelRows(book, 'ask'), levelRows(book, 'bid')];
  const orderbook_units = Array.from({ length: Math.max(asks.length, bids.length) }, (_, i) => ({
    ask_price: Number(asks[i]?.[0] ?? 0),
    bid_price: Number(bids[i]?.[0] ?? 0),
    ask_size: Number(asks[i]?.[1] ?? 0),
    bid_size: Number(bids[i]?.[1] ?? 0),
  }));
  return json({ type: 'orderbook', code, timestamp, orderbook_units, stream_type: 'SNAPSHOT' });
}

const WHOLE = [
  ['Upbit', 'upbit/cryptofeed-20210417-simple-orderbook-trade.jsonl', () => upbit()],
  ['Upbit in long names', 'derived/upbit-default-from-cryptofeed-20210417.jsonl', () => upbit()],
  ['Bithumb', 'derived/bithumb-v1ws-from-upbit-cryptofeed-20210417.jsonl', () => bithumb()],
] as const;

for (const [name, file, connector] of WHOLE)
  t.test(`${name}: whatever is damaged, a trusted book was true at its time`, { skip }, async (t) => {
    const capture = await captureOf(folder!, file, 449);
    const scenario: Scenario = {
      // Prints would take most of the damage.
      capture: { ...capture, frames: capture.frames.filter((frame) => frame.includes('orderbook')) },
      connector,
      symbols: MARKETS,
      writeSnapshot: (symbol, book, timeMs) => wholeBook(symbol, book, timeMs - 1),
      keyOf: byTime,
      levels: Infinity,
    };
    await prove(t, scenario, RUNS);
  });
