import t from 'tap';
import type { Capture } from '../../src/conformance/wire/capture-file.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';
import { wireFolder } from '../shared-data.js';
import { prove } from './damage-proof.js';
import { captureOf, DAMAGE, levelRows } from './damaged-stream.js';

const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';

/** Nine of ten frames are best quotes; most are left out, so that faults meet the book. */
function depthAmongQuotes(capture: Capture): Capture {
  const frames = capture.frames.filter((frame, index) => index % 20 === 0 || frame.includes('@depth'));
  return { ...capture, frames, timesMs: capture.timesMs.slice(0, frames.length) };
}

t.test(
  'OKX: no damage gives a wrong trusted book where frames are numbered, and every book heals',
  { skip },
  async (t) => {
    const capture = await captureOf(
      folder!,
      'derived/okx-seqid-from-cryptofeed-20220513-v5-books-mixed.jsonl',
      414,
    );
    await prove(
      t,
      {
        capture,
        connector: () => okx(),
        symbols: ['BTC-USDT', 'UNI-USD-SWAP', 'BTC-USD-220527'],
        writeSnapshot: (instId, book, timeMs) =>
          Buffer.from(
            JSON.stringify({
              arg: { channel: 'books', instId },
              action: 'snapshot',
              data: [
                {
                  asks: levelRows(book, 'ask'),
                  bids: levelRows(book, 'bid'),
                  ts: String(timeMs),
                  checksum: 0,
                  seqId: book.sequence,
                  prevSeqId: -1,
                },
              ],
            }),
          ),
        keyOf: (symbol, book) => `${symbol} ${book.sequence}`,
        levels: Infinity,
      },
      40,
    );
  },
);

t.test('OKX: a checksum alone keeps the best 25 levels true', { skip }, async (t) => {
  const capture = await captureOf(folder!, 'okx/cryptofeed-20220513-v5-books-mixed.jsonl', 410);
  await prove(
    t,
    {
      capture,
      connector: () => okx(),
      symbols: ['BTC-USDT', 'UNI-USD-SWAP', 'BTC-USD-220527'],
      writeSnapshot: (instId, book, timeMs) =>
        Buffer.from(
          JSON.stringify({
            arg: { channel: 'books', instId },
            action: 'snapshot',
            data: [{ asks: levelRows(book, 'ask'), bids: levelRows(book, 'bid'), ts: String(timeMs - 1) }],
          }),
        ),
      keyOf: (symbol, _book, timeMs) => `${symbol} ${timeMs}`,
      levels: 25,
      kinds: [...DAMAGE, 'flip'],
    },
    40,
  );
});

t.test('Bybit: no damage gives a wrong trusted book, and every book heals', { skip }, async (t) => {
  const file = 'bybit/cryptofeed-20260809-v5-linear-ob200-trade-ticker-kline.jsonl';
  await prove(
    t,
    {
      capture: await captureOf(folder!, file, 700),
      connector: () => bybit({ depth: 200, category: 'linear' }),
      symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'DOGEUSDT'],
      writeSnapshot: (symbol, book, timeMs) =>
        Buffer.from(
          JSON.stringify({
            topic: `orderbook.200.${symbol}`,
            type: 'snapshot',
            ts: timeMs,
            data: {
              s: symbol,
              b: levelRows(book, 'bid'),
              a: levelRows(book, 'ask'),
              u: book.sequence,
              seq: 9e12 + timeMs - 1.78e12,
            },
          }),
        ),
      keyOf: (symbol, book) => `${symbol} ${book.sequence}`,
      levels: Infinity,
    },
    40,
  );
});

t.test('Binance: no damage gives a wrong trusted book, and REST snapshots heal it', { skip }, async (t) => {
  const file = 'binance/hftbacktest-20240808-spot-ethusdt-first12000.jsonl';
  await prove(
    t,
    {
      capture: depthAmongQuotes(await captureOf(folder!, file, 5000)),
      connector: () => binance(),
      symbols: ['ETHUSDT'],
      writeSnapshot: (_symbol, book) =>
        Buffer.from(
          JSON.stringify({
            lastUpdateId: book.sequence,
            bids: levelRows(book, 'bid'),
            asks: levelRows(book, 'ask'),
          }),
        ),
      keyOf: (symbol, book) => `${symbol} ${book.sequence}`,
      levels: Infinity,
    },
    40,
  );
});
