import fc from 'fast-check';
import type { Connector } from '../../src/connectors/base.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';

/** Frames as each exchange prints them today, byte for byte in its order of keys, with random content. */
export interface ScanShape {
  readonly exchange: string;
  readonly connector: () => Connector;
  readonly symbols: readonly string[];
  /** Frames that the scanner must read itself. */
  readonly frames: fc.Arbitrary<string>;
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

const oneOf = (symbols: readonly string[], frames: (symbol: string) => fc.Arbitrary<string>) =>
  fc.oneof(...symbols.map(frames));

export const SCAN_SHAPES: readonly ScanShape[] = [
  {
    exchange: 'binance',
    connector: () => binance(),
    symbols: ['BTCUSDT', '1000SATSUSDT'],
    frames: oneOf(['BTCUSDT', '1000SATSUSDT'], binanceFrames),
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
];
