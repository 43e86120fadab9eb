import { QuoteBoard } from '../market/quote-board.js';
import { binance } from './binance.js';
import { bybit } from './bybit.js';
import type { FeedEffects } from './feed-effects.js';
import { MarketFeed } from './market-feed.js';
import { okx } from './okx.js';
import { RateLimiter } from './rate-limiter.js';

/**
 * The first full book of a cold process costs several times what later ones cost, since the engine compiles on the way; with
 * several exchanges connecting at once that adds up on the event loop. A start has time to spend while its database opens:
 * here it reads frames made for the purpose until what all decoders share is compiled. Pure computation on a board of its own.
 */

const LEVELS = 200;
const ROUNDS = 12;
const TIME_MS = 1_790_000_000_000;

type Levels = readonly (readonly string[])[];

const side = (sign: 1 | -1, round: number): Levels =>
  Array.from({ length: LEVELS }, (_, i) => [
    (30_000 + sign * (i + 1) * 0.1).toFixed(1),
    (0.01 + i * 0.001 + round * 0.000_01).toFixed(5),
    '0',
    '3',
  ]);

const pairs = (levels: Levels): Levels => levels.map(([price = '', size = '']) => [price, size]);
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Every other frame is an update; a checksum that is not 0 has texts noted and compared, and a book found wrong is refused. */
function okxFrame(round: number): Buffer {
  const isSnapshot = round % 2 === 0;
  const book = { asks: side(1, round), bids: side(-1, round), ts: String(TIME_MS + round) };
  const numbers = { checksum: round % 4 === 0 ? 1 : 0, prevSeqId: isSnapshot ? -1 : round, seqId: round + 1 };
  const arg = { channel: 'books', instId: 'BTC-USDT' };
  return json({ arg, action: isSnapshot ? 'snapshot' : 'update', data: [{ ...book, ...numbers }] });
}

function bybitFrame(round: number): Buffer {
  const isSnapshot = round % 2 === 0;
  const data = {
    s: 'BTCUSDT',
    b: pairs(side(-1, round)),
    a: pairs(side(1, round)),
    u: round + 1,
    seq: round + 1,
  };
  const type = isSnapshot ? 'snapshot' : 'delta';
  return json({ topic: 'orderbook.200.BTCUSDT', type, ts: TIME_MS + round, data, cts: TIME_MS + round });
}

function binanceFrame(round: number): Buffer {
  const [b, a] = [pairs(side(-1, round)), pairs(side(1, round))];
  const data = { e: 'depthUpdate', E: TIME_MS, s: 'BTCUSDT', U: round + 1, u: round + 1, b, a };
  return json({ stream: 'btcusdt@depth@100ms', data });
}

const NO_EFFECTS: FeedEffects = {
  send: () => undefined,
  request: () => undefined,
  reconnect: () => undefined,
  status: () => undefined,
  instrumentState: () => undefined,
  trade: () => undefined,
  fail: () => undefined,
};

/** Takes some 40 ms of the caller's thread. Returns how many frames were refused as malformed: none, or this file is out of date. */
export function warmUpDecoders(): number {
  const board = new QuoteBoard(4);
  const feeds = [
    { connector: okx(), symbol: 'BTC-USDT', frame: okxFrame },
    { connector: bybit(), symbol: 'BTCUSDT', frame: bybitFrame },
    { connector: binance(), symbol: 'BTCUSDT', frame: binanceFrame },
  ].map(({ connector, symbol, frame }) => {
    const feed = new MarketFeed({
      connector,
      instruments: [{ id: `${connector.exchange}:BTC-USDT`, symbol }],
      board,
      effects: NO_EFFECTS,
      limiter: new RateLimiter([]),
      random: () => 0.5,
      epoch: 1,
    });
    feed.opened(TIME_MS, 0);
    return { feed, frame };
  });
  for (let round = 0; round < ROUNDS; round++)
    for (const { feed, frame } of feeds) {
      feed.frame(frame(round), TIME_MS, round);
      feed.flush();
    }
  return feeds.reduce((sum, { feed }) => sum + Number(feed.summary(ROUNDS)['invalid']), 0);
}
