import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { FeedEffects } from '../../src/connectors/feed-effects.js';
import { FRAME_LIMITS } from '../../src/connectors/frame-parser.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { warmUpDecoders } from '../../src/connectors/warm-up.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { TradePrint } from '../../src/messages/feed.js';
import { onProcessorMs } from '../runtime/on-processor.js';
import { KUCOIN_SAMPLES } from './fixtures-kucoin.js';
import { SAMPLES, type FieldKind, type SampleExchange } from './frames.js';

/** Wrong everywhere: JSON text put in place of a field. */
const DEEP = `${'['.repeat(60)}${']'.repeat(60)}`;
const ANYWHERE = [
  'NaN',
  'Infinity',
  'null',
  '[]',
  '{}',
  '[[5]]',
  '{"__proto__":{"length":1}}',
  DEEP,
  '1e400',
  '-1',
  '""',
];
const TEXT_NUMBER = [
  '"NaN"',
  '"1e400"',
  '"1e3"',
  '"-1"',
  '"-0"',
  '"+1"',
  '"0x10"',
  '" 1"',
  '"1,5"',
  '".5"',
  '"5."',
  '"Infinity"',
  '"٣"',
  '5',
  'true',
  `"${'9'.repeat(60)}"`,
];
const WRONG: Readonly<Record<FieldKind, readonly string[]>> = {
  price: [...ANYWHERE, ...TEXT_NUMBER, '"0"', '"0.00"'],
  positive: [...ANYWHERE, ...TEXT_NUMBER, '"0"', '"0.00"'],
  size: [...ANYWHERE, ...TEXT_NUMBER],
  counter: [...ANYWHERE, '1.5', '"5"', 'true', '12345678901234567890', '1e20'],
  sequence: [...ANYWHERE, '1.5', '"x"', '"-5"', '"05"', '"1e5"', 'true', '1e20', `"${'9'.repeat(30)}"`],
  previous: [
    ...ANYWHERE.filter((text) => text !== '-1'),
    '1.5',
    '"5"',
    'true',
    '12345678901234567890',
    '1e20',
  ],
  time: [...ANYWHERE, '1.5', '"5"', 'true', '12345678901234567890', '1e300'],
  timeText: [...ANYWHERE, '5', '"1.5"', '"-1"', '"1e5"', '"99999999999999999999"', 'true'],
  nanoseconds: [
    ...ANYWHERE,
    '5',
    '1790000000000',
    '"1.5"',
    '"-1"',
    '"1e18"',
    '"0790000000000000000"',
    '12345678901234567890',
    'true',
  ],
  counterText: [...ANYWHERE, '5', '"-1"', '"1.5"', '"1e3"', '"05"', '"99999999999999999"', 'true'],
  id: [...ANYWHERE, '1.5', 'true', `"${'x'.repeat(65)}"`, '"two words"'],
  word: [...ANYWHERE, '5', 'true'],
  symbol: [...ANYWHERE, '5', 'true', `"${'X'.repeat(65)}"`],
  list: ANYWHERE.filter((text) => text !== '[]').concat(
    '5',
    '"x"',
    '[5]',
    '[null]',
    '[["1"]]',
    '[["1","2"],"x"]',
    'true',
  ),
  object: ANYWHERE.filter((text) => !text.startsWith('{')).concat('5', '"x"', 'true'),
  flag: [...ANYWHERE, '5', '"true"'],
  // Some answers spell it as text.
  verdict: [...ANYWHERE, '5', '"maybe"'],
  checksum: [...ANYWHERE.filter((text) => text !== '-1'), '1.5', '"5"', '4294967296'],
};

function newFeed(sample: SampleExchange): { feed: MarketFeed; board: QuoteBoard; trades: TradePrint[] } {
  const trades: TradePrint[] = [];
  const effects: FeedEffects = {
    send: () => undefined,
    request: () => undefined,
    reconnect: () => undefined,
    instrumentState: () => undefined,
    status: () => undefined,
    trade: (print) => trades.push(print),
    fail: () => undefined,
  };
  const board = new QuoteBoard(4);
  const connector = sample.connector();
  const feed = new MarketFeed({
    connector,
    instruments: [{ id: `${sample.name}:BTC-USDT`, symbol: sample.symbol }],
    board,
    effects,
    limiter: new RateLimiter([]),
    random: () => 0.5,
    epoch: 1,
  });
  feed.opened(1_790_000_000_000, 0);
  return { feed, board, trades };
}

/** The frame's JSON with the value at `path` replaced by raw text. */
function withRaw(frame: object, path: string, raw: string): Buffer {
  const copy = structuredClone(frame) as Record<string, unknown>;
  const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
  let at = copy;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[keys.at(-1)!] = '@RAW@';
  return Buffer.from(JSON.stringify(copy).replace('"@RAW@"', () => raw));
}

const counted = (feed: MarketFeed) =>
  feed.summary(0) as { invalid: number; lastError: string; foreign: number; control: number };

for (const sample of [...SAMPLES, ...KUCOIN_SAMPLES]) {
  t.test(`${sample.name}: every field of every frame kind refuses malformed values by name`, async (t) => {
    const { feed, board, trades } = newFeed(sample);
    const unnamed: string[] = [];
    let tried = 0;
    for (const { name, frame, fields } of sample.frames) {
      for (const [path, kind] of Object.entries(fields)) {
        for (const raw of WRONG[kind]) {
          const before = counted(feed).invalid;
          const tradesBefore = trades.length;
          feed.frame(withRaw(frame, path, raw), 1_790_000_000_000, tried++);
          const { invalid, lastError } = counted(feed);
          const named = lastError.startsWith(path) || lastError.startsWith('frame is not');
          if (invalid !== before + 1 || !named || lastError.length > 300)
            unnamed.push(`${name} ${path} = ${raw.slice(0, 40)}: ${lastError}`);
          if (trades.length !== tradesBefore) unnamed.push(`${name} ${path} = ${raw}: a trade came out`);
        }
      }
    }
    t.same(unnamed, [], `${tried} bad frames were counted and named`);
    t.equal(board.trust[0], 0, 'no bad frame made a book usable');
    t.ok(feed.follow(sample.symbol)!.depth.book.bidCount <= 1, 'no level of a bad frame stayed in the book');
    const before = counted(feed).invalid;
    for (const { frame } of sample.frames)
      feed.frame(Buffer.from(JSON.stringify(frame)), 1_790_000_000_000, tried++);
    t.equal(counted(feed).invalid, before, 'the feed still reads good frames');
    t.equal(trades.length, 1, 'and gives their trade');
  });

  t.test(`${sample.name}: truncated, damaged and random bytes never throw`, async (t) => {
    const { feed } = newFeed(sample);
    let cuts = 0;
    for (const { frame } of sample.frames) {
      const whole = Buffer.from(JSON.stringify(frame));
      for (let length = 0; length < whole.length; length++) feed.frame(whole.subarray(0, length), 1, cuts++);
    }
    t.equal(counted(feed).invalid, cuts, 'every truncation was refused');
    const good = sample.frames.map(({ frame }) => JSON.stringify(frame));
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(), fc.integer({ min: 0, max: 255 }), (text, at, byte) => {
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte;
        feed.frame(bytes, 1, 1);
      }),
      { numRuns: 1500 },
    );
    fc.assert(
      fc.property(fc.json(), (json) => feed.frame(Buffer.from(json), 1, 1)),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => feed.frame(Buffer.from(bytes), 1, 1)),
      { numRuns: 500 },
    );
    t.equal(
      feed.follow(sample.symbol)!.depth.book.isCrossed && feed.follow(sample.symbol)!.depth.trusted,
      false,
      'no crossed book is trusted',
    );
  });
}

t.test('oversized and hostile frames are refused before they can stall the loop', async (t) => {
  const { feed } = newFeed(SAMPLES[0]!);
  const mega = FRAME_LIMITS.maxBytes;
  const hostile: Record<string, Buffer> = {
    'one byte too many': Buffer.alloc(mega + 1, 0x20),
    'a tower of brackets': Buffer.alloc(mega, '['),
    'a million digits': Buffer.alloc(mega, '9'),
    'an endless string': Buffer.alloc(mega, '"x'),
    'too many levels': Buffer.from(
      `{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1790000000000,"s":"BTCUSDT","U":1,"u":2,"b":[${Array(24_000).fill('["1","1"]').join()}],"a":[]}}`,
    ),
  };
  for (const [name, data] of Object.entries(hostile)) {
    const before = counted(feed).invalid;
    const started = performance.now();
    feed.frame(data, 1, 1);
    const took = performance.now() - started;
    t.equal(counted(feed).invalid, before + 1, `${name} (${took.toFixed(1)} ms)`);
    t.ok(took < 2000, 'within a generous bound');
  }
  t.equal(({} as Record<string, unknown>)['length'], undefined, 'the prototype of objects is untouched');
});

t.test('decoders are warm before the first book comes', async (t) => {
  t.equal(warmUpDecoders(), 0, 'the frames made for it are well-formed');
  const first = async (how: 'cold' | 'warm'): Promise<number | null> => {
    const script = fileURLToPath(new URL('first-frame.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, how]);
    const { levels, ms } = JSON.parse(stdout) as { levels: number; ms: number | null };
    t.equal(levels, 7_800, `${how}: the whole book was read`);
    return ms;
  };
  const cold = [await first('cold'), await first('cold')].map(Number);
  const warm = [await first('warm'), await first('warm')].map(Number);
  if (onProcessorMs() === null) return t.comment('the time of a thread is not known here');
  t.comment(
    `the largest legal book as the first of a process: ${String(cold)} ms cold, ${String(warm)} ms warm`,
  );
  t.ok(Math.min(...warm) < Math.max(...cold), 'warm is cheaper');
});
