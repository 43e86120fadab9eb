import fc from 'fast-check';
import type { Connector } from '../../src/connectors/base.js';
import { binance } from '../../src/connectors/binance.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { bitget } from '../../src/connectors/bitget.js';
import { bybit } from '../../src/connectors/bybit.js';
import { gate } from '../../src/connectors/gate.js';
import { kucoin } from '../../src/connectors/kucoin.js';
import { okx } from '../../src/connectors/okx.js';
import { upbit } from '../../src/connectors/upbit.js';

/** Frames as each exchange prints them today, byte for byte in its order of keys, with random content. */
export interface ScanShape {
  readonly exchange: string;
  readonly connector: () => Connector;
  readonly symbols: readonly string[];
  /** Frames that the scanner must read itself. */
  readonly frames: fc.Arbitrary<string>;
  /** REST answers with a book that the scanner must read itself, and the connectors that ask for them. */
  readonly books?: readonly { readonly connector: () => Connector; readonly bodies: fc.Arbitrary<string> }[];
  /** Recordings that are played through both decoders when they are present. */
  readonly captures: readonly { readonly file: string; readonly connector: () => Connector }[];
}

const digits = (min: number, max: number) => fc.integer({ min, max }).map(String);
const fraction = fc.stringMatching(/^\d{1,8}$/);
/** As printed: `0.50000000`, `12`, `104325.1`. */
export const decimal = fc.oneof(
  digits(0, 999_999),
  fc.tuple(digits(0, 999_999), fraction).map(([whole, rest]) => `${whole}.${rest}`),
  fc.tuple(digits(1_000_000, 2_147_483_647), fraction).map(([whole, rest]) => `${whole}.${rest.slice(0, 5)}`),
  // Padded beyond sixteen digits, yet exact.
  digits(100_000_000, 2_000_000_000).map((whole) => `${whole}.00000000`),
);
export const price = decimal.filter((text) => Number(text) > 0);
const id = fc.integer({ min: 1, max: 999_999_999_999_999 });
const time = fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 });
const rows = (columns: string) =>
  fc
    .array(fc.tuple(price, decimal), { maxLength: 70 })
    .map((levels) => `[${levels.map(([p, s]) => `["${p}","${s}"${columns}]`).join()}]`);

const binanceFrames = (symbol: string) => {
  const stream = (name: string, data: string) =>
    `{"stream":"${symbol.toLowerCase()}@${name}","data":{${data}}}`;
  return fc.oneof(
    fc
      .tuple(fc.constantFrom('depth@100ms', 'depth'), time, id, fc.nat(500), rows(''), rows(''))
      .filter(([, , first, more]) => first + more <= 999_999_999_999_999)
      .map(([name, at, first, more, bids, asks]) =>
        stream(
          name,
          `"e":"depthUpdate","E":${at},"s":"${symbol}","U":${first},"u":${first + more},"b":${bids},"a":${asks}`,
        ),
      ),
    fc
      .tuple(id, price, decimal, price, decimal)
      .map(([u, bid, bidSize, ask, askSize]) =>
        stream(
          'bookTicker',
          `"u":${u},"s":"${symbol}","b":"${bid}","B":"${bidSize}","a":"${ask}","A":"${askSize}"`,
        ),
      ),
    fc
      .tuple(time, fc.bigInt({ min: 1n, max: 10n ** 30n }), price, price, fc.boolean())
      .map(([at, trade, p, q, m]) =>
        stream(
          'trade',
          `"e":"trade","E":${at},"s":"${symbol}","t":${trade},"p":"${p}","q":"${q}","T":${at},"m":${m},"M":true`,
        ),
      ),
  );
};

const okxFrames = (symbol: string) => {
  const arg = (channel: string) => `{"arg":{"channel":"${channel}","instId":"${symbol}"}`;
  const okxRows = rows(',"0","4"');
  const best = fc
    .option(fc.tuple(price, decimal))
    .map((level) => (level === null ? '[]' : `[["${level[0]}","${level[1]}","0","3"]]`));
  const tradeRow = fc
    .tuple(id, price, price, fc.constantFrom('buy', 'sell'), time, fc.boolean())
    .map(([trade, px, sz, side, at, isNew]) => {
      const tail = isNew ? `,"count":"1","source":"0","seqId":${trade}` : '';
      return `{"instId":"${symbol}","tradeId":"${trade}","px":"${px}","sz":"${sz}","side":"${side}","ts":"${at}"${tail}}`;
    });
  return fc.oneof(
    fc
      .tuple(
        fc.constantFrom('books', 'books-l2-tbt', 'books50-l2-tbt'),
        okxRows,
        okxRows,
        time,
        id,
        fc.nat(3),
      )
      .map(([channel, asks, bids, at, seq, form]) => {
        const levels = `"asks":${asks},"bids":${bids}`;
        const tails = [
          `"ts":"${at}","checksum":0,"prevSeqId":-1,"seqId":${seq}`,
          `"ts":"${at}","checksum":0,"prevSeqId":${seq - 1},"seqId":${seq}`,
          `"instId":"${symbol}","ts":"${at}","seqId":${seq},"prevSeqId":${seq}`,
          `"instId":"${symbol}","ts":"${at}","seqId":${seq}`,
        ];
        const action = form === 1 || form === 2 ? 'update' : 'snapshot';
        return `${arg(channel)},"action":"${action}","data":[{${levels},${tails[form]!}}]}`;
      }),
    fc
      .tuple(best, best, time, fc.option(id))
      .map(
        ([asks, bids, at, seq]) =>
          `${arg('bbo-tbt')},"data":[{"asks":${asks},"bids":${bids},"ts":"${at}"${seq === null ? '' : `,"seqId":${seq}`}}]}`,
      ),
    fc
      .array(tradeRow, { minLength: 1, maxLength: 5 })
      .map((list) => `${arg('trades')},"data":[${list.join()}]}`),
  );
};

const bybitFrames = (symbol: string) => {
  const tradeRow = fc
    .tuple(time, fc.constantFrom('Buy', 'Sell'), price, price, fc.uuid(), fc.boolean(), id)
    .map(
      ([at, side, v, p, trade, flag, seq]) =>
        `{"T":${at},"s":"${symbol}","S":"${side}","v":"${v}","p":"${p}","L":"PlusTick","i":"${trade}","BT":${flag},"RPI":false,"seq":${seq}}`,
    );
  return fc.oneof(
    fc
      .record({
        depth: fc.constantFrom(1, 50),
        at: time,
        type: fc.constantFrom('snapshot', 'delta'),
        bids: rows(''),
        asks: rows(''),
        u: id,
        spot: fc.boolean(),
      })
      .map(({ depth, at, type, bids, asks, u, spot }) => {
        const head = spot ? `"ts":${at},"type":"${type}"` : `"type":"${type}","ts":${at}`;
        const data = `{"s":"${symbol}","b":${bids},"a":${asks},"u":${u},"seq":${u}}`;
        return `{"topic":"orderbook.${depth}.${symbol}",${head},"data":${data},"cts":${at}}`;
      }),
    fc
      .tuple(time, fc.array(tradeRow, { minLength: 1, maxLength: 5 }))
      .map(
        ([at, list]) =>
          `{"topic":"publicTrade.${symbol}","type":"snapshot","ts":${at},"data":[${list.join()}]}`,
      ),
  );
};

const bitgetFrames = (symbol: string) => {
  const best = fc
    .option(fc.tuple(price, decimal))
    .map((level) => (level === null ? '[]' : `[["${level[0]}","${level[1]}"]]`));
  const push = (unified: boolean, action: string, channel: string, data: string, at: number) => {
    const names = unified
      ? `"instType":"spot","topic":"${channel}","symbol":"${symbol}"`
      : `"instType":"SPOT","channel":"${channel}","instId":"${symbol}"`;
    return `{"action":"${action}","arg":{${names}},"data":[{${data}}],"ts":${at}}`;
  };
  const book = (unified: boolean, asks: string, bids: string, at: number, seq: number) =>
    unified
      ? `"a":${asks},"b":${bids},"checksum":0,"seq":${seq},"pseq":${seq - 1},"ts":"${at}","maxdepth":"1000"`
      : `"asks":${asks},"bids":${bids},"ts":"${at}","seq":${seq},"pseq":${seq - 1}`;
  return fc.oneof(
    // Snapshots are left to the JSON decoder on purpose: their digits are kept for checksums of updates.
    fc
      .tuple(fc.boolean(), rows(''), rows(''), time, id)
      .map(([unified, asks, bids, at, seq]) =>
        push(unified, 'update', 'books', book(unified, asks, bids, at, seq), at),
      ),
    fc
      .tuple(fc.boolean(), best, best, time, id)
      .map(([unified, asks, bids, at, seq]) =>
        push(unified, 'snapshot', 'books1', book(unified, asks, bids, at, seq), at),
      ),
  );
};

/** Price first on the socket, size first in answers; sizes in quotes since 2026. */
const contracts = fc
  .tuple(fc.array(fc.tuple(price, fc.nat()), { maxLength: 20 }), fc.nat(2))
  .map(([levels, form]) => {
    const row = (p: string, s: number) =>
      [`{"p":"${p}","s":${s}}`, `{"s":${s},"p":"${p}"}`, `{"p":"${p}","s":"${s}"}`][form]!;
    return `[${levels.map(([p, s]) => row(p, s)).join()}]`;
  });

const gateBooks = fc
  .tuple(time, id, rows(''), rows(''))
  .map(([at, n, asks, bids]) => `{"id":${n},"current":${at},"update":${at},"asks":${asks},"bids":${bids}}`);
const gateContracts = fc
  .tuple(time, id, contracts, contracts)
  .map(
    ([at, n, asks, bids]) =>
      `{"current":${at / 1000},"update":${at / 1000},"asks":${asks},"bids":${bids},"id":${n}}`,
  );
const binanceBooks = fc
  .tuple(id, rows(''), rows(''))
  .map(([n, bids, asks]) => `{"lastUpdateId":${n},"bids":${bids},"asks":${asks}}`);

const gateFrames = (symbol: string) => {
  const update = (channel: string, at: number, result: string) =>
    `{"time":${Math.floor(at / 1000)},"time_ms":${at},"channel":"${channel}","event":"update","result":{${result}}}`;
  return fc.oneof(
    fc
      .tuple(time, id, fc.nat(3), fc.constantFrom(50, 400), rows(''), rows(''))
      .map(([at, u, back, levels, b, a]) => {
        const first = back === 0 ? '"full":true,' : '';
        const number = back === 0 ? '' : `"U":${Math.max(1, u - back)},`;
        const sides = back === 3 ? `"a":${a}` : `"b":${b},"a":${a}`;
        const result = `"t":${at},${first}"s":"ob.${symbol}.${levels}","u":${u},${number}${sides}`;
        return `{"channel":"spot.obu","result":{${result}},"time_ms":${at},"event":"update"}`;
      }),
    fc
      .tuple(time, id, rows(''), rows(''))
      .map(([at, u, b, a]) =>
        update(
          'spot.order_book_update',
          at,
          `"t":${at},"e":"depthUpdate","E":${Math.floor(at / 1000)},"s":"${symbol}","U":${u},"u":${u},"b":${b},"a":${a}`,
        ),
      ),
    fc
      .tuple(time, id, contracts, contracts)
      .map(([at, u, b, a]) =>
        update(
          'futures.order_book_update',
          at,
          `"U":${u},"a":${a},"b":${b},"s":"${symbol}","t":${at},"u":${u}`,
        ),
      ),
    fc
      .tuple(time, id, price, decimal, price, decimal)
      .map(([at, u, b, bidSize, a, askSize]) =>
        update(
          'spot.book_ticker',
          at,
          `"t":${at},"u":${u},"s":"${symbol}","b":"${b}","B":"${bidSize}","a":"${a}","A":"${askSize}"`,
        ),
      ),
  );
};

const kucoinFrames = (symbol: string) => {
  const ns = time.map((ms) => `${ms}123456`);
  const best = fc
    .option(fc.tuple(price, decimal))
    .map((level) => (level === null ? '' : `["${level[0]}","${level[1]}"]`));
  const pro = (depth: string, kind: string, at: string, data: string) =>
    `{"T":"obu.SPOT", "dp":"${depth}", "t":"${kind}", "P":${at}, "d":{${data}}}`;
  const message = (topic: string, subject: string, data: string) =>
    `{"type":"message","topic":"${topic}:${symbol}","subject":"${subject}","data":{${data}}}`;
  const changes = fc
    .array(fc.tuple(fc.oneof(price, fc.constant('0')), decimal, id), { maxLength: 20 })
    .map((list) => `[${list.map(([p, s, n]) => `["${p}","${s}","${n}"]`).join()}]`);
  return fc.oneof(
    fc.tuple(ns, id, fc.nat(3), rows(''), rows('')).map(([at, last, back, asks, bids]) => {
      const [first, levels] = [Math.max(1, last - back), `"a":${asks},"b":${bids}`];
      return back === 0
        ? pro('increment@10ms', 'snapshot', at, `${levels},"s":"${symbol}","C":${last},"M":${at},"O":${last}`)
        : pro('increment@10ms', 'delta', at, `${levels},"C":${last},"s":"${symbol}","M":${at},"O":${first}`);
    }),
    fc
      .tuple(ns, id, best, best)
      .map(([at, n, ask, bid]) =>
        pro('1', 'snapshot', at, `"a":[${ask}],"b":[${bid}],"s":"${symbol}","C":${n},"M":${at},"O":${n}`),
      ),
    fc.tuple(time, id, fc.nat(9), changes, changes).map(([at, end, back, asks, bids]) => {
      const range = `"sequenceEnd":${end},"sequenceStart":${Math.max(1, end - back)}`;
      const data = `"changes":{"asks":${asks},"bids":${bids}},${range},"symbol":"${symbol}"`;
      // Frames before 2022 have no time.
      return message('/market/level2', 'trade.l2update', back === 0 ? data : `${data},"time":${at}`);
    }),
    fc
      .tuple(time, fc.constantFrom('5', '50'), rows(''), rows(''))
      .map(([at, depth, asks, bids]) =>
        message(
          `/spotMarket/level2Depth${depth}`,
          'level2',
          `"asks":${asks},"bids":${bids},"timestamp":${at}`,
        ),
      ),
    fc
      .tuple(time, best, best)
      .map(([at, ask, bid]) =>
        message(
          '/spotMarket/level1',
          'level1',
          `"asks":${ask || '[]'},"bids":${bid || '[]'},"timestamp":${at}`,
        ),
      ),
  );
};

/** Java prints doubles from 10^7 and below 10^-3 with an exponent. */
const javaDouble = fc
  .tuple(digits(1, 9), fraction, fc.constantFrom('', '', 'E7', 'E8', 'E-4', 'e-05', 'E+9'))
  .map(([whole, rest, exponent]) => `${whole}.${rest}${exponent}`);
const amount = fc.oneof(decimal, javaDouble);

/** `isBithumb`: other order of keys, times in µs, a level that names the grouping of prices. */
const wonFrames = (isBithumb: boolean) => (symbol: string) =>
  fc
    .tuple(
      fc.boolean(),
      fc.array(fc.tuple(amount, amount, amount, amount), { maxLength: 30 }),
      time,
      fc.constantFrom('SNAPSHOT', 'REALTIME'),
      amount,
    )
    .map(([isLong, units, at, stream, total]) => {
      const n = isLong
        ? [
            'type',
            'code',
            'timestamp',
            'total_ask_size',
            'total_bid_size',
            'orderbook_units',
            'stream_type',
            'level',
          ]
        : ['ty', 'cd', 'tms', 'tas', 'tbs', 'obu', 'st', 'lv'];
      const unit = isLong ? ['ask_price', 'bid_price', 'ask_size', 'bid_size'] : ['ap', 'bp', 'as', 'bs'];
      const list = units
        .map((values) => `{${values.map((value, i) => `"${unit[i]!}":${value}`).join()}}`)
        .join();
      const head = `"${n[0]!}":"orderbook","${n[1]!}":"${symbol}"`;
      const totals = `"${n[3]!}":${total},"${n[4]!}":${total}`;
      return isBithumb
        ? `{${head},${totals},"${n[5]!}":[${list}],"${n[7]!}":1,"${n[2]!}":${at}123,"${n[6]!}":"${stream}"}`
        : `{${head},"${n[2]!}":${at},${totals},"${n[5]!}":[${list}],"${n[6]!}":"${stream}","${n[7]!}":0}`;
    });

const oneOf = (symbols: readonly string[], frames: (symbol: string) => fc.Arbitrary<string>) =>
  fc.oneof(...symbols.map(frames));

export const SCAN_SHAPES: readonly ScanShape[] = [
  {
    exchange: 'binance',
    connector: () => binance(),
    symbols: ['BTCUSDT', '1000SATSUSDT'],
    frames: oneOf(['BTCUSDT', '1000SATSUSDT'], binanceFrames),
    books: [{ connector: () => binance(), bodies: binanceBooks }],
    captures: [
      { file: 'binance/cryptofeed-20210814-mixed4.jsonl', connector: () => binance() },
      { file: 'binance/hftbacktest-20240808-spot-ethusdt-first12000.jsonl', connector: () => binance() },
      { file: 'binance/crypto-msg-parser-frame-zoo.jsonl', connector: () => binance() },
    ],
  },
  {
    exchange: 'okx',
    connector: () => okx(),
    symbols: ['BTC-USDT', 'ETH-USDC'],
    frames: oneOf(['BTC-USDT', 'ETH-USDC'], okxFrames),
    captures: [
      { file: 'derived/okx-seqid-from-cryptofeed-20220513-v5-books-mixed.jsonl', connector: () => okx() },
      { file: 'okx/cryptofeed-20220513-v5-books-mixed.jsonl', connector: () => okx() },
      { file: 'okx/spec-202609-trimmed-seqid.jsonl', connector: () => okx() },
      { file: 'okx/crypto-msg-parser-frame-zoo.jsonl', connector: () => okx() },
    ],
  },
  {
    exchange: 'bybit',
    connector: () => bybit(),
    symbols: ['BTCUSDT', 'ETHUSDC'],
    frames: oneOf(['BTCUSDT', 'ETHUSDC'], bybitFrames),
    captures: [
      {
        file: 'bybit/cryptofeed-20260809-v5-linear-ob200-trade-ticker-kline.jsonl',
        connector: () => bybit({ depth: 200 }),
      },
      { file: 'bybit/cryptofeed-20250613-v5-spot-orderbook1.jsonl', connector: () => bybit() },
      { file: 'bybit/crypto-msg-parser-frame-zoo.jsonl', connector: () => bybit() },
    ],
  },
  {
    exchange: 'bitget',
    connector: () => bitget(),
    symbols: ['BTCUSDT', 'ETHUSDC'],
    frames: oneOf(['BTCUSDT', 'ETHUSDC'], bitgetFrames),
    captures: [
      { file: 'derived/bitget-v2-seq-from-cryptofeed-20220407-v1-spot.jsonl', connector: () => bitget() },
      {
        file: 'bitget/cryptofeed-20220407-v1-spot-books-candle-trade-ticker.jsonl',
        connector: () => bitget(),
      },
      { file: 'bitget/observatory-202609-trimmed.jsonl', connector: () => bitget({ markets: 'all' }) },
      { file: 'bitget/crypto-msg-parser-frame-zoo.jsonl', connector: () => bitget({ markets: 'all' }) },
    ],
  },
  {
    exchange: 'gate',
    connector: () => gate(),
    symbols: ['BTC_USDT', 'ETH_USDC'],
    frames: oneOf(['BTC_USDT', 'ETH_USDC'], gateFrames),
    books: [
      { connector: () => gate({ bookChannel: 'spot.order_book_update' }), bodies: gateBooks },
      { connector: () => gate({ bookChannel: 'futures.order_book_update' }), bodies: gateContracts },
    ],
    captures: [
      {
        file: 'gate/cryptofeed-20230524-v4-futures-obupdate-mixed.jsonl',
        connector: () => gate({ bookChannel: 'futures.order_book_update' }),
      },
      { file: 'gate/crypto-msg-parser-frame-zoo.jsonl', connector: () => gate() },
    ],
  },
  {
    exchange: 'kucoin',
    connector: () => kucoin(),
    symbols: ['BTC-USDT', 'ETH-USDC'],
    frames: oneOf(['BTC-USDT', 'ETH-USDC'], kucoinFrames),
    captures: [
      {
        file: 'kucoin/crypto-msg-parser-frame-zoo.jsonl',
        connector: () => kucoin({ bookChannel: 'level2' }),
      },
      { file: 'kucoin/observatory-202609-uta-obu-trimmed.jsonl', connector: () => kucoin() },
      {
        file: 'kucoin/gocryptotrader-wsHandleData.jsonl',
        connector: () => kucoin({ bookChannel: 'level2Depth50' }),
      },
    ],
  },
  {
    exchange: 'upbit',
    connector: () => upbit(),
    symbols: ['KRW-BTC', 'BTC-XTZ'],
    frames: oneOf(['KRW-BTC', 'BTC-XTZ'], wonFrames(false)),
    captures: [
      { file: 'upbit/cryptofeed-20210417-simple-orderbook-trade.jsonl', connector: () => upbit() },
      { file: 'derived/upbit-default-from-cryptofeed-20210417.jsonl', connector: () => upbit() },
      { file: 'upbit/observatory-202609-trimmed.jsonl', connector: () => upbit() },
    ],
  },
  {
    exchange: 'bithumb',
    connector: () => bithumb(),
    symbols: ['KRW-BTC', 'KRW-ETH'],
    frames: oneOf(['KRW-BTC', 'KRW-ETH'], wonFrames(true)),
    captures: [
      { file: 'bithumb/observatory-202609-trimmed.jsonl', connector: () => bithumb() },
      { file: 'derived/bithumb-v1ws-from-upbit-cryptofeed-20210417.jsonl', connector: () => bithumb() },
    ],
  },
];
