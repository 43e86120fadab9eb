import t from 'tap';
import type { Connector } from '../../src/connectors/base.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import type { FeedRequest } from '../../src/connectors/feed-effects.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { okx } from '../../src/connectors/okx.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';

/** Short hand-written streams, one rule of an exchange each. */

const WALL = 1_790_000_000_000;

class Rig {
  readonly board = new QuoteBoard(4);
  readonly sent: string[] = [];
  readonly requests: FeedRequest[] = [];
  readonly reconnects: string[] = [];
  readonly states: string[] = [];
  readonly failures: string[] = [];
  readonly feed: MarketFeed;
  readonly symbol: string;
  nowMs = 0;

  constructor(connector: Connector, symbol: string) {
    this.symbol = symbol;
    this.feed = new MarketFeed({
      connector,
      instruments: [{ id: `${connector.exchange}:BTC-USDT`, symbol }],
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: (request) => this.requests.push(request),
        reconnect: (reason) => this.reconnects.push(reason),
        instrumentState: () => undefined,
        status: (instrument, state) => this.states.push(`${instrument === null ? 'all' : 'one'} ${state}`),
        trade: () => undefined,
        fail: (error) => this.failures.push(error.message),
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 9,
    });
    this.feed.opened(WALL, 0);
  }

  give(...frames: object[]): void {
    for (const frame of frames)
      this.feed.frame(Buffer.from(JSON.stringify(frame)), WALL + ++this.nowMs, this.nowMs);
    this.feed.flush();
  }

  answer(body: object): void {
    const request = this.requests.shift()!;
    this.feed.httpAnswer(
      request.id,
      200,
      {},
      Buffer.from(JSON.stringify(body)),
      WALL + this.nowMs,
      this.nowMs,
    );
    this.feed.flush();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.feed.tick(WALL + this.nowMs, this.nowMs);
  }

  get trusted(): boolean {
    const trusted = this.feed.follow(this.symbol)!.depth.trusted;
    if ((this.board.trust[0] === TRUST_OK) !== trusted)
      throw new Error('board and book disagree about trust');
    return trusted;
  }

  top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }
}

const okxBook = (
  action: string,
  bids: string[][],
  asks: string[][],
  seqId: number,
  prevSeqId: number,
  extra = {},
) => ({
  arg: { channel: 'books', instId: 'BTC-USDT' },
  action,
  data: [{ asks, bids, ts: String(WALL + seqId), seqId, prevSeqId, ...extra }],
});
const okxQuote = (bid: string, ask: string, seqId: number) => ({
  arg: { channel: 'bbo-tbt', instId: 'BTC-USDT' },
  data: [{ bids: [[bid, '1', '0', '1']], asks: [[ask, '1', '0', '1']], ts: String(WALL + seqId), seqId }],
});
const SNAPSHOT = okxBook(
  'snapshot',
  [
    ['100', '5'],
    ['99', '6'],
  ],
  [
    ['101', '7'],
    ['102', '8'],
  ],
  10,
  -1,
);

t.test('OKX', async (t) => {
  t.test('a chain is trusted; keep-alives and one restart of the numbers belong to it', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT, okxBook('update', [['100', '4']], [], 15, 10), okxBook('update', [], [], 15, 15));
    t.ok(rig.trusted);
    t.same(rig.top(), [100, 4, 101, 7]);
    rig.give(okxBook('update', [['100', '3']], [], 3, 15), okxBook('update', [['100', '2']], [], 4, 3));
    t.ok(rig.trusted, 'maintenance counts anew from a small number');
    t.same(rig.top(), [100, 2, 101, 7]);
    t.same(rig.feed.follow('BTC-USDT')!.depth.counters.keepAlive, 1);
  });
  t.test('a lost restart of the numbers is a gap, not a row of old frames', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(
      SNAPSHOT,
      okxBook('update', [['100', '4']], [], 1000, 10),
      okxBook('update', [['100', '2']], [], 4, 3),
    );
    t.notOk(rig.trusted);
  });
  t.test('a gap distrusts at once, subscribes anew, and a late frame or a snapshot heals it', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    const subscribed = rig.sent.length;
    rig.give(SNAPSHOT, okxBook('update', [['100', '3']], [], 30, 20));
    t.notOk(rig.trusted);
    t.same(
      rig.sent.slice(subscribed).map((frame) => (JSON.parse(frame) as { op: string }).op),
      ['unsubscribe', 'subscribe'],
    );
    rig.give(okxBook('update', [['100', '4']], [], 20, 10));
    t.ok(rig.trusted, 'the missing frame closes the chain');
    t.same(rig.top(), [100, 3, 101, 7]);
    rig.give(okxBook('update', [], [], 50, 40), okxBook('snapshot', [['90', '1']], [['91', '1']], 60, -1));
    t.same([rig.trusted, ...rig.top()], [true, 90, 1, 91, 1]);
  });
  t.test('levels come in any order, and of a repeated price the last one holds', async (t) => {
    const asks = ['103', '101', '102', '101'].map((price, i) => [price, String(i + 1)]);
    const bids = ['98', '100', '99', '100'].map((price, i) => [price, String(i + 1)]);
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(okxBook('snapshot', bids, asks, 10, -1));
    t.same(rig.top(), [100, 4, 101, 4]);
    const { book } = rig.feed.follow('BTC-USDT')!.depth;
    t.same([book.bidCount, book.price('bid', 2), book.askCount, book.price('ask', 2)], [3, 98, 3, 103]);
  });
  t.test('an old snapshot that comes again does not turn the book back', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT, okxBook('update', [['100', '4']], [], 15, 10), SNAPSHOT);
    t.same([rig.trusted, ...rig.top()], [true, 100, 4, 101, 7]);
  });
  t.test('a non-zero checksum is verified over the text as sent, a zero or absent one never', async (t) => {
    const bids = [
      ['100.0', '5.00'],
      ['99', '6'],
    ];
    const asks = [
      ['101.50', '7'],
      ['102', '8'],
    ];
    const rig = new Rig(okx(), 'BTC-USDT');
    // CRC32 of 100.0:5.00:101.50:7:99:6:102:8, from an independent implementation.
    rig.give(okxBook('snapshot', bids, asks, 10, -1, { checksum: crcOf('100.0:5.00:101.50:7:99:6:102:8') }));
    t.ok(rig.trusted);
    rig.give(okxBook('update', [['99', '0']], [], 11, 10, { checksum: crcOf('100.0:5.00:101.50:7:102:8') }));
    t.ok(rig.trusted);
    rig.give(
      okxBook('update', [['98', '1']], [], 12, 11, { checksum: 0 }),
      okxBook('update', [['97', '1']], [], 13, 12),
    );
    t.ok(rig.trusted);
    rig.give(okxBook('update', [['96', '1']], [], 14, 13, { checksum: 12345 }));
    t.notOk(rig.trusted);
    t.equal(rig.feed.follow('BTC-USDT')!.depth.counters.checksumBad, 1);
  });
  t.test('a crossed or locked book is never trusted', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT, okxBook('update', [['101', '1']], [], 11, 10));
    t.notOk(rig.trusted);
  });
  t.test(
    'a newer best quote trims and tops the published book; an older or one-sided one does not',
    async (t) => {
      const rig = new Rig(okx(), 'BTC-USDT');
      rig.give(SNAPSHOT, okxQuote('99.5', '101', 12));
      t.same(rig.top(), [99.5, 1, 101, 1]);
      t.same([...rig.board.bidPrices.subarray(0, 2), rig.board.bidLevels[0]], [99.5, 99, 2]);
      rig.give(okxQuote('100.5', '102', 13));
      t.same([rig.top(), rig.board.bidLevels[0], rig.board.askLevels[0]], [[100.5, 1, 102, 1], 3, 1]);
      rig.give(okxQuote('98', '103', 11));
      t.same(rig.top(), [100.5, 1, 102, 1], 'older than the one held');
      rig.give(okxBook('update', [['100', '4']], [], 20, 10));
      t.same(rig.top(), [100, 4, 101, 7], 'the book is newer than every quote');
      rig.give({
        arg: { channel: 'bbo-tbt', instId: 'BTC-USDT' },
        data: [{ bids: [], asks: [['90', '1']], ts: String(WALL + 21), seqId: 21 }],
      });
      t.same(rig.top(), [100, 4, 101, 7], 'one-sided');
    },
  );
  t.test('losing the connection distrusts every book, and silence is noticed', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT);
    rig.wait(6000);
    t.equal(rig.states.at(-1), 'all stale');
    rig.wait(12_000);
    t.match(rig.reconnects, ['connected, but no market data']);
    rig.feed.closed('gone', rig.nowMs);
    t.notOk(rig.trusted);
    t.equal(rig.states.at(-1), 'all disconnected');
  });
  t.test('a book that fell silent is distrusted on the board too, until it is served again', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT);
    t.ok(rig.trusted);
    for (let i = 0; i < 4; i++) rig.wait(20_000);
    t.notOk(rig.trusted, 'subscribed again after 75 s without a frame');
    rig.give(okxBook('snapshot', [['100', '5']], [['101', '7']], 20, -1));
    t.ok(rig.trusted);
  });
  t.test('a refused quote channel leaves the book alone; a feed of refused books is not live', async (t) => {
    const refusal = (channel: string) => ({
      event: 'error',
      code: '60018',
      msg: 'wrong channel',
      arg: { channel, instId: 'BTC-USDT' },
    });
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT, refusal('bbo-tbt'));
    t.match(rig.feed.summary(rig.nowMs), { state: 'live', refused: 1, symbols: [{ state: 'live' }] });
    const empty = new Rig(okx(), 'BTC-USDT');
    empty.give(refusal('books'));
    empty.wait(250);
    t.match(empty.feed.summary(empty.nowMs), { state: 'stale', symbols: [{ state: 'stale' }] });
    empty.give(SNAPSHOT);
    t.match(empty.feed.summary(empty.nowMs), { state: 'live', symbols: [{ state: 'live' }] });
    empty.give(okxBook('update', [['100', '1']], [], 30, 25));
    empty.wait(1);
    empty.wait(60_000);
    t.ok(empty.sent.length > rig.sent.length, 'and it heals like any other book');
  });
  t.test('an older source neither overwrites nor revives the books of a newer one', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    rig.give(SNAPSHOT);
    rig.board.epoch[0] = 10;
    const aliveMs = rig.board.aliveMonotonicMs[0];
    rig.give(okxQuote('100.5', '100.7', 11), okxBook('update', [['100', '1']], [], 12, 10));
    t.same(rig.top(), [100, 5, 101, 7], 'the top is as the newer source left it');
    t.equal(rig.board.aliveMonotonicMs[0], aliveMs);
    rig.feed.closed('lost', ++rig.nowMs);
    t.equal(rig.board.trust[0], TRUST_OK, 'and its trust is its own');
  });
  t.test('storms of bad frames cost the connection, repeated storms the feed', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    for (let i = 0; i < 20; i++) rig.give({ arg: 5 });
    t.equal(rig.reconnects.length, 1);
    for (let i = 0; i < 80; i++) rig.give({ arg: 5 });
    t.equal(rig.failures.length, 1);
    t.match(rig.failures[0], /too many bad frames, last: arg is not an object/);
  });
  t.test('a snapshot that never fits crashes the feed in the end', async (t) => {
    const rig = new Rig(okx(), 'BTC-USDT');
    for (let i = 0; i < 40 && rig.failures.length === 0; i++) {
      rig.give(okxBook('snapshot', [['100', '5']], [['99', '7']], 10 + i, -1));
      rig.wait(1000);
    }
    t.match(rig.failures[0], /does not heal/);
  });
});

t.test('Bybit', async (t) => {
  const book = (type: string, bid: string[], u: number, seq: number, depth = 50) => ({
    topic: `orderbook.${depth}.BTCUSDT`,
    ts: WALL + seq,
    type,
    data: { s: 'BTCUSDT', b: [bid], a: type === 'snapshot' ? [['101', '7']] : [], u, seq },
    cts: WALL + seq - 2,
  });
  t.test('deltas count by one; u = 1 and any snapshot replace the book', async (t) => {
    const rig = new Rig(bybit(), 'BTCUSDT');
    rig.give(book('snapshot', ['100', '5'], 7, 70), book('delta', ['100', '4'], 8, 75));
    t.same([rig.trusted, ...rig.top()], [true, 100, 4, 101, 7]);
    rig.give(book('delta', ['100', '9'], 8, 75));
    t.ok(rig.trusted, 'a duplicate changes nothing');
    rig.give({ ...book('snapshot', ['90', '1'], 1, 80), type: 'delta' });
    t.same([rig.trusted, ...rig.top()], [true, 90, 1, 101, 7], 'u = 1 is a snapshot whatever its type');
    rig.give(book('delta', ['90', '2'], 3, 90));
    t.notOk(rig.trusted, 'u jumped by two');
  });
  t.test('level 1 corrects the top by seq, also when it repeats itself', async (t) => {
    const rig = new Rig(bybit(), 'BTCUSDT');
    rig.give(book('snapshot', ['100', '5'], 7, 70), book('snapshot', ['100.5', '2'], 900, 71, 1));
    t.same(rig.top(), [100.5, 2, 101, 7]);
    rig.give(book('snapshot', ['100.5', '2'], 900, 71, 1), book('delta', ['100', '4'], 8, 75));
    t.same(rig.top(), [100, 4, 101, 7]);
  });
  t.test('where the depth has fallen behind its quote, the book is as old as the depth', async (t) => {
    const rig = new Rig(bybit(), 'BTCUSDT');
    const shownMs = () => rig.board.exchangeTimeMs[0]! - WALL;
    rig.give(book('snapshot', ['100', '5'], 7, 70), book('snapshot', ['100.5', '2'], 900, 1_000, 1));
    t.equal(shownMs(), 998, 'a quote that moved a moment before its depth');
    rig.give(book('snapshot', ['100.6', '2'], 901, 1_100, 1));
    t.same([shownMs(), rig.top()[0]], [68, 100.6], 'no word of it from the depth for more than a second');
    rig.give(book('delta', ['100.6', '2'], 8, 1_099));
    t.equal(shownMs(), 1_098);
    rig.give(book('snapshot', ['100.6', '2'], 901, 4_000, 1));
    t.equal(shownMs(), 3_998, 'a quote that says what the depth says is as good as a depth frame');
  });
  t.test('subscribes ten topics per request', async (t) => {
    const frames = bybit()
      .subscribe(['A', 'B', 'C', 'D', 'E'], 'all', 1, WALL)
      .map((frame) => JSON.parse(frame) as { args: string[] });
    t.same(
      frames.map(({ args }) => args.length),
      [10, 5],
    );
  });
});

t.test('Binance', async (t) => {
  const diff = (U: number, u: number, bid: string[]) => ({
    stream: 'btcusdt@depth@100ms',
    data: { e: 'depthUpdate', E: WALL + u, s: 'BTCUSDT', U, u, b: [bid], a: [] },
  });
  const snapshot = (lastUpdateId: number) => ({ lastUpdateId, bids: [['100', '5']], asks: [['101', '7']] });
  const quote = (u: number, b: string) => ({
    stream: 'btcusdt@bookTicker',
    data: { u, s: 'BTCUSDT', b, B: '4', a: '101', A: '7' },
  });
  t.test('diffs wait for the REST snapshot, older ones are dropped, the first must bridge', async (t) => {
    const rig = new Rig(binance(), 'BTCUSDT');
    rig.give(diff(10, 12, ['100', '1']));
    t.equal(rig.requests.length, 1, 'asked for once diffs arrive');
    rig.give(diff(13, 15, ['100', '2']), diff(16, 18, ['100', '4']));
    rig.answer(snapshot(14));
    t.same([rig.trusted, ...rig.top()], [true, 100, 4, 101, 7]);
    t.match(rig.feed.follow('BTCUSDT')!.depth.counters, { framesBeforeSync: 1, bridgeOk: 1, sequenceOk: 1 });
  });
  t.test('a snapshot older than the first diff is fetched again', async (t) => {
    const rig = new Rig(binance(), 'BTCUSDT');
    rig.give(diff(10, 12, ['100', '1']));
    rig.answer(snapshot(5));
    t.notOk(rig.trusted);
    rig.wait(1000);
    rig.answer(snapshot(12));
    rig.give(diff(13, 13, ['100', '3']));
    t.same([rig.trusted, ...rig.top()], [true, 100, 3, 101, 7]);
  });
  t.test('a quote of the same number that differs proves the book wrong', async (t) => {
    const rig = new Rig(binance(), 'BTCUSDT');
    rig.give(diff(10, 12, ['100', '1']));
    rig.answer(snapshot(11));
    rig.give(diff(13, 13, ['100', '4']), quote(13, '100'));
    t.ok(rig.trusted);
    rig.give(quote(14, '100'), diff(14, 14, ['100', '9']));
    t.notOk(rig.trusted);
  });
  t.test('429 stops the snapshots until Retry-After, and failures are tried again', async (t) => {
    const rig = new Rig(binance(), 'BTCUSDT');
    rig.give(diff(10, 12, ['100', '1']));
    const { id } = rig.requests.shift()!;
    rig.feed.httpAnswer(id, 429, { 'retry-after': '5' }, Buffer.alloc(0), WALL, rig.nowMs);
    rig.wait(4000);
    t.equal(rig.requests.length, 0, 'no call during the pause');
    rig.wait(2000);
    t.equal(rig.requests.length, 1);
    rig.feed.httpFailed(rig.requests.shift()!.id, 'timeout', rig.nowMs);
    rig.wait(3000);
    t.equal(rig.requests.length, 1);
  });
  t.test('identifiers beyond 2^53 keep every digit', async (t) => {
    const ids: string[] = [];
    const text =
      '{"stream":"btcusdt@trade","data":{"e":"trade","E":1790000000000,"s":"BTCUSDT","t":9007199254740993,"p":"1","q":"1","T":1790000000000,"m":true}}';
    binance().decode(Buffer.from(text), {
      book: () => undefined,
      bestQuote: () => undefined,
      instrumentState: () => undefined,
      control: () => undefined,
      trade: ({ tradeId }) => ids.push(tradeId),
    });
    t.same(ids, ['9007199254740993']);
  });
  t.test('instruments carry exact rules, and a market without rules is refused by name', async (t) => {
    const filters = [
      { filterType: 'PRICE_FILTER', tickSize: '0.01000000' },
      { filterType: 'LOT_SIZE', minQty: '0.00001000', maxQty: '9000.00000000', stepSize: '0.00001000' },
      { filterType: 'NOTIONAL', minNotional: '5.00000000' },
    ];
    const market = {
      symbol: 'BTCUSDT',
      status: 'TRADING',
      baseAsset: 'BTC',
      quoteAsset: 'USDT',
      isSpotTradingAllowed: true,
    };
    const body = Buffer.from(
      JSON.stringify({
        symbols: [
          { ...market, filters },
          { ...market, symbol: 'ETHUSDT', filters: [] },
        ],
      }),
    );
    const { instruments, refused } = binance().rest.parseInstruments(body, (...names) =>
      curatedRegistry.resolveMarket(...names),
    );
    t.match(instruments, [
      {
        id: 'binance:BTC-USDT',
        tickSize: '0.01000000',
        minNotional: '5.00000000',
        state: 'trading',
        identityKnown: true,
      },
    ]);
    t.match(refused, [{ symbol: 'ETHUSDT', reason: /filters\.LOT_SIZE is not an object/ }]);
  });
});

t.test('the board holds no more than its depth after a quote is laid over a full book', async (t) => {
  const rig = new Rig(okx(), 'BTC-USDT');
  const levels = (from: number, step: number) =>
    Array.from({ length: 30 }, (_, i) => [String(from + i * step), '1']);
  rig.give(okxBook('snapshot', levels(100, -1), levels(101, 1), 10, -1), okxQuote('100.5', '100.7', 11));
  t.same([rig.board.bidLevels[0], rig.board.askLevels[0]], [BOARD_DEPTH, BOARD_DEPTH]);
  t.same(rig.top(), [100.5, 1, 100.7, 1]);
  t.equal(rig.board.bidPrices[BOARD_DEPTH - 1], 82, 'the worst level made room');
  t.equal(rig.board.bidPrices[BOARD_DEPTH], 0, 'and the next slot was not touched');
});

/** CRC-32 (IEEE 802.3), bit by bit, signed. */
function crcOf(text: string): number {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc | 0;
}
