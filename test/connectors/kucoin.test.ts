import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type {
  BookEvent,
  Connector,
  ControlEvent,
  FrameSink,
  InstrumentStateEvent,
} from '../../src/connectors/base.js';
import type { Capture } from '../../src/conformance/wire/capture-file.js';
import { BookSync } from '../../src/connectors/book-sync.js';
import type { FeedRequest } from '../../src/connectors/feed-effects.js';
import { FrameError } from '../../src/connectors/frame-error.js';
import { kucoin, type KucoinBookChannel } from '../../src/connectors/kucoin.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { ArbotError } from '../../src/messages/errors.js';
import type { TradePrint } from '../../src/messages/feed.js';
import type { LadderSide } from '../../src/simulator/ladder.js';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, MemoryTransport, type MemoryExchanges } from '../simulator/memory-client.js';
import { levelRows, runDamaged, type Fault, type Scenario } from './damaged-stream.js';
import { ANSWERS, CLASSIC, depth50, level2, level2Snapshot, levelOne, obu, PRO } from './fixtures-kucoin.js';

const WALL = 1_790_000_000_000;
const BOOKS: readonly KucoinBookChannel[] = ['obu', 'level2Depth50', 'level2'];
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const lookup = (exchange: string, base: string, quote: string) =>
  curatedRegistry.resolveMarket(exchange, base, quote);

/** A feed whose exchange is the test. */
class Rig {
  readonly board = new QuoteBoard(4);
  readonly sent: string[] = [];
  readonly requests: FeedRequest[] = [];
  readonly trades: TradePrint[] = [];
  readonly states: string[] = [];
  readonly feed: MarketFeed;
  nowMs = 0;

  constructor(bookChannel: KucoinBookChannel) {
    const connector = kucoin({ bookChannel });
    this.feed = new MarketFeed({
      connector,
      instruments: [{ id: 'kucoin:BTC-USDT', symbol: 'BTC-USDT' }],
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: (request) => this.requests.push(request),
        reconnect: () => undefined,
        instrumentState: (_id, state, reason) => this.states.push(`${state}: ${reason}`),
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: (error) => {
          throw error;
        },
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 9,
    });
    this.feed.opened(WALL, 0);
    this.sent.length = 0;
  }

  give(...frames: unknown[]): this {
    for (const frame of frames) this.feed.frame(bytes(frame), WALL + ++this.nowMs, this.nowMs);
    this.feed.flush();
    return this;
  }

  /** Lets planned attempts become due, and answers the next one. */
  answer(body: unknown): this {
    for (let i = 0; i < 40 && this.requests.length === 0; i++) {
      this.nowMs += 250;
      this.feed.tick(WALL + this.nowMs, this.nowMs);
    }
    this.feed.httpAnswer(this.requests.shift()!.id, 200, {}, bytes(body), WALL + this.nowMs, this.nowMs);
    this.feed.flush();
    return this;
  }

  get depth(): BookSync {
    return this.feed.follow('BTC-USDT')!.depth;
  }

  get trusted(): boolean {
    const { trusted } = this.depth;
    if ((this.board.trust[0] === TRUST_OK) !== trusted)
      throw new Error('board and book disagree about trust');
    return trusted;
  }

  top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }

  count(name: string): unknown {
    return this.feed.summary(this.nowMs)[name];
  }
}

interface Heard {
  controls: ControlEvent[];
  states: InstrumentStateEvent[];
  books: { channel: string; snapshot: boolean; first: number; last: number; timeMs: number }[];
  quotes: { channel: string; order: number; bid: number; ask: number }[];
  trades: unknown[];
}

function hear(...frames: unknown[]): Heard & { categories: string[] } {
  const heard: Heard = { controls: [], states: [], books: [], quotes: [], trades: [] };
  const sink: FrameSink = {
    control: (event) => heard.controls.push(event),
    instrumentState: (event) => heard.states.push(event),
    book: ({ channel, snapshot, first, last, exchangeTimeMs: timeMs }) =>
      heard.books.push({ channel, snapshot, first, last, timeMs }),
    bestQuote: ({ channel, order, bid, ask }) => heard.quotes.push({ channel, order, bid, ask }),
    trade: (event) => heard.trades.push(event),
  };
  const connector = kucoin();
  return { ...heard, categories: frames.map((frame) => connector.decode(bytes(frame), sink).category) };
}

t.test('what is sent to subscribe', async (t) => {
  const pro = kucoin();
  const frames = pro
    .subscribe(['BTC-USDT', 'ETH-USDT'], 'all', 7, WALL)
    .map((text) => JSON.parse(text) as object);
  t.same(frames[0], {
    id: 's7.obu.depth.BTC-USDT',
    action: 'SUBSCRIBE',
    channel: 'obu',
    tradeType: 'SPOT',
    symbol: 'BTC-USDT',
    depth: 'increment@10ms',
  });
  t.match(frames, [
    {},
    { symbol: 'ETH-USDT', depth: 'increment@10ms' },
    { id: 's9.obu.quote.BTC-USDT', depth: '1' },
    { depth: '1' },
    { channel: 'trade', symbol: 'BTC-USDT' },
    { channel: 'trade', symbol: 'ETH-USDT' },
  ]);
  t.equal(frames.length, 6, 'one request each, books first');
  t.match(
    pro.unsubscribe(['BTC-USDT'], 'depth', 2, WALL).map((text) => JSON.parse(text) as object),
    [{ id: 'u2.obu.depth.BTC-USDT', action: 'UNSUBSCRIBE' }],
  );
  const symbols = Array.from({ length: 130 }, (_, i) => `S${i}-USDT`);
  const classic = kucoin({ bookChannel: 'level2Depth50' });
  const topics = classic
    .subscribe(symbols, 'all', 1, WALL)
    .map((text) => JSON.parse(text) as { id: string; topic: string });
  t.equal(topics.length, 8, 'four channels of at most a hundred symbols a request');
  t.equal(new Set(topics.map(({ id }) => id)).size, 8);
  t.ok(topics.every(({ topic }) => topic.split(':')[1]!.split(',').length <= 100));
  t.match(JSON.parse(classic.subscribe(['BTC-USDT'], 'depth', 3, WALL)[0]!), {
    id: 's3.level2Depth50.depth.BTC-USDT',
    type: 'subscribe',
    topic: '/spotMarket/level2Depth50:BTC-USDT',
    privateChannel: false,
    response: true,
  });
  const level2Topics = kucoin({ bookChannel: 'level2' }).subscribe(['BTC-USDT'], 'all', 1, WALL);
  t.equal(level2Topics.length, 3, 'real-time changes need no best quote');
});

t.test('what is declared holds for every book channel', async (t) => {
  for (const bookChannel of BOOKS) {
    const { capabilities, endpoints } = kucoin({ bookChannel });
    const { heartbeat, limits, channels, entrance } = capabilities;
    t.ok(heartbeat.deadAfterSilenceMs <= 10_000 && heartbeat.everyMs! < 18_000, bookChannel);
    t.ok(heartbeat.probeAfterSilenceMs >= 1000, 'never more than one ping a second');
    const real = bookChannel === 'obu' ? 600 : 300;
    const counted = channels.bestQuote === null ? 2 : 3;
    const own = bookChannel === 'obu' ? 3 : counted + 1;
    t.ok((limits.topicsPerConnection / counted) * own <= real, `${bookChannel}: topics fit on a connection`);
    t.equal(entrance.kind, bookChannel === 'obu' ? 'direct' : 'ticket');
    t.ok(capabilities.awaitsWelcome && endpoints.websocketUrl.startsWith('wss://'));
    const { pattern } = capabilities.orders.clientId;
    t.ok(
      pattern.test('a'.repeat(40)) &&
        !pattern.test('a'.repeat(41)) &&
        !pattern.test('a.b') &&
        !pattern.test(''),
    );
  }
});

t.test('the Pro book', async (t) => {
  t.test('a snapshot and the deltas that continue it are trusted', async (t) => {
    const rig = new Rig('obu').give(PRO.welcome, PRO.ack, PRO.snapshot);
    t.same([rig.trusted, ...rig.top()], [true, 100.5, 2, 101.5, 3]);
    rig.give(...PRO.deltas);
    t.same([rig.trusted, ...rig.top()], [true, 100.5, 1, 101.55, 2]);
    t.match(rig.depth.counters, { snapshots: 1, sequenceOk: 3, gaps: 0 });
    rig.give(obu('delta', 57, 60, [['100.5', '6']], []));
    t.same([rig.trusted, rig.top()[1]], [true, 6], 'a delta may begin before the end of the last one');
    rig.give(PRO.deltas[1]);
    t.same([rig.trusted, rig.top()[2]], [true, 101.55], 'an old delta changes nothing');
  });
  t.test('a gap distrusts at once and asks anew; the missing delta or a snapshot heals it', async (t) => {
    const rig = new Rig('obu').give(PRO.snapshot, PRO.deltas[0], PRO.deltas[2]);
    t.notOk(rig.trusted);
    t.same(
      rig.sent.map((text) => (JSON.parse(text) as { action: string }).action),
      ['UNSUBSCRIBE', 'SUBSCRIBE'],
      'twice subscribed would stay silent',
    );
    t.ok(rig.give(PRO.deltas[1]).trusted, 'the missing one came late');
    t.same(rig.top(), [100.5, 1, 101.55, 2]);
    rig.give(obu('delta', 70, 71, [], []));
    t.notOk(rig.trusted);
    t.ok(rig.give(obu('snapshot', 80, 80, [['90', '1']], [['91', '1']])).trusted);
    t.same(rig.top(), [90, 1, 91, 1]);
  });
  t.test('while two deltas are missing, one of them is not enough', async (t) => {
    const rig = new Rig('obu').give(PRO.snapshot);
    rig.give(obu('delta', 52, 52, [['100.5', '5']], []), obu('delta', 54, 54, [['100.5', '7']], []));
    rig.give(obu('delta', 51, 51, [['100.4', '1']], []));
    t.notOk(rig.trusted, '53 is known to be missing');
    t.ok(rig.give(obu('delta', 53, 53, [], [])).trusted);
    t.equal(rig.top()[1], 7);
  });
  t.test('a newer best quote is laid over the book, an older or one-sided one is not', async (t) => {
    const rig = new Rig('obu').give(PRO.snapshot, PRO.bestQuote);
    t.same(rig.top(), [100.5, 7, 101.6, 8], 'levels better than the quote are gone');
    rig.give(obu('snapshot', 55, 55, [['100.5', '9']], [['101.5', '9']], '1'));
    t.same(rig.top(), [100.5, 7, 101.6, 8]);
    rig.give(obu('snapshot', 61, 61, [], [['101.5', '9']], '1'), obu('delta', 51, 62, [], [['101.5', '4']]));
    t.same(rig.top(), [100.5, 2, 101.5, 4], 'the book is newer again');
    const twice = [
      ['1', '1'],
      ['2', '1'],
    ];
    rig.give(obu('snapshot', 70, 70, twice, [], '1'), obu('delta', 71, 72, [], [], '1'));
    t.equal(rig.count('invalid'), 2, 'a best quote has one level a side and is no delta');
    t.ok(rig.trusted, 'a bad quote costs the quote, not the book');
  });
  t.test('a crossed book, a bad frame, numbers the wrong way round', async (t) => {
    const rig = new Rig('obu').give(PRO.snapshot, obu('delta', 51, 51, [['101.5', '1']], []));
    t.notOk(rig.trusted);
    rig.give(obu('snapshot', 60, 60, [['100', '1']], [['101', '1']]));
    t.ok(rig.trusted);
    rig.give(obu('delta', 63, 61, [], []));
    t.notOk(rig.trusted, 'what the frame said is missing');
    t.match(rig.count('lastError'), /^d\.O is not at most C/);
  });
  t.test('a crossing that is split over two frames of one number range is never published', async (t) => {
    const rig = new Rig('obu').give(PRO.snapshot, obu('delta', 51, 52, [['101.5', '1']], [['101.5', '0']]));
    t.same(
      [rig.trusted, ...rig.top()],
      [true, 101.5, 1, 101.6, 6],
      'both sides of a frame are judged together',
    );
  });
  t.test('futures, other depths and other channels are foreign', async (t) => {
    const old = obu('delta', 51, 51, [['1', '1']], [], 'increment');
    const { categories, books } = hear(PRO.futures, old, PRO.foreign, obu('snapshot', 1, 1, [], [], '50'));
    t.same(categories, ['foreign', 'foreign', 'foreign', 'foreign']);
    t.same(books, []);
  });
  t.test('nanoseconds and ids beyond 2^53 keep every digit that is used', async (t) => {
    const raw = `{"T":"trade.SPOT", "P":1790000000123456789, "d":{"E":11067996711960577,"M":1790000000123999999,"S":"BUY","p":"0.00000001","q":"12345678.00000001","s":"BTC-USDT","ti":"11067996711960577"}}`;
    const rig = new Rig('obu').give(raw);
    t.match(rig.trades, [
      {
        tradeId: '11067996711960577',
        price: '0.00000001',
        quantity: '12345678.00000001',
        side: 'buy',
        exchangeTimeMs: 1_790_000_000_123,
      },
    ]);
    const micro = JSON.stringify(PRO.snapshot).replace(/"M":\d+/, '"M":1790000000123456');
    t.equal(hear(micro).books[0]!.timeMs, 1_790_000_000_123, 'the page of one channel prints microseconds');
    t.equal(hear(raw.replace('"ti":"11067996711960577"', '"ti":11067996711960577')).trades.length, 1);
    t.match(hear(raw.replace('"ti":"11067996711960577"', '"ti":11067996711960577')).trades, [
      { tradeId: '11067996711960577' },
    ]);
  });
});

t.test('whole books of the classic socket', async (t) => {
  const rig = new Rig('level2Depth50').give(CLASSIC.welcome, CLASSIC.ack, CLASSIC.whole);
  t.same([rig.trusted, ...rig.top()], [true, 100.5, 2, 101.5, 3]);
  rig.give(depth50(WALL + 100, [['99', '1']], [['99.5', '2']]));
  t.same([rig.trusted, ...rig.top()], [true, 99, 1, 99.5, 2], 'each replaces the one before');
  rig.give(CLASSIC.whole);
  t.same(rig.top(), [99, 1, 99.5, 2], 'a late one does not turn the book back');
  rig.give(levelOne(WALL + 110, ['98.9', '3'], ['99.5', '1']), levelOne(WALL + 90, ['1', '1'], ['2', '1']));
  t.same(
    rig.top(),
    [98.9, 3, 99.5, 1],
    'a best quote of a later time is laid over it, an earlier one is not',
  );
  rig.give(levelOne(WALL + 120, [], ['99.5', '1']), depth50(WALL + 115, [['99', '1']], [['99.5', '2']]));
  t.same(rig.top(), [99, 1, 99.5, 2], 'a one-sided quote is not');
  rig.give(JSON.stringify(CLASSIC.whole).slice(0, 20));
  t.ok(rig.trusted, 'a frame that names nobody is counted');
  rig.give(JSON.stringify(CLASSIC.whole).slice(0, 80));
  t.notOk(rig.trusted, 'one that breaks off costs the book it names its trust');
  rig.give(depth50(WALL + 190, [['99', '1']], [['99.5', '2']]));
  t.ok(rig.trusted, 'until the next one');
  rig.give(depth50(WALL + 200, [['100', '1']], [['99', '1']]));
  t.notOk(rig.trusted, 'a crossed book');
  rig.give(depth50(WALL + 300, [['99', '1']], [['99.5', '2']]));
  t.ok(rig.trusted, 'and the next one is in order');
});

t.test('level2 on a snapshot of REST', async (t) => {
  t.test('changes that the snapshot holds are skipped by their own numbers', async (t) => {
    const rig = new Rig('level2').give(level2(40, 48, [['1', '1', '48']], []), CLASSIC.deltas[0]);
    t.notOk(rig.trusted);
    t.match(rig.requests[0]!.request, {
      path: '/api/v1/market/orderbook/level2_100?symbol=BTC-USDT',
      costs: { public: 4 },
    });
    rig.answer(CLASSIC.snapshot);
    t.ok(rig.trusted);
    t.same(rig.top(), [100.5, 1, 101.5, 3], 'size 9 of number 49 is older than the snapshot at 50');
    t.equal(rig.depth.book.size('bid', 1), 5, 'and so is size 9 of number 50');
    t.match(rig.depth.counters, { bridgeOk: 1, framesBeforeSync: 1 });
    rig.give(CLASSIC.deltas[1], CLASSIC.deltas[2]);
    t.same([rig.trusted, ...rig.top()], [true, 100.5, 1, 101.55, 2]);
  });
  t.test('price 0 moves only the number, and of one price the newest change holds', async (t) => {
    const rig = new Rig('level2').give(CLASSIC.deltas[0]).answer(CLASSIC.snapshot);
    rig.give(level2(53, 53, [['0', '0', '53']], []), level2(54, 54, [], [['0', '5', '54']]));
    t.ok(rig.trusted);
    t.same([rig.depth.book.sequence, rig.depth.book.bidCount, rig.depth.book.askCount], [54, 2, 2]);
    rig.give(
      level2(
        55,
        57,
        [
          ['100.5', '3', '57'],
          ['100.5', '0', '56'],
          ['100.5', '8', '55'],
        ],
        [],
      ),
    );
    t.equal(rig.top()[1], 3, 'whatever the order in the frame');
    rig.give(level2(61, 58, [['100.5', '4', '60']], []));
    t.same(
      [rig.trusted, rig.top()[1]],
      [true, 4],
      'start and end the other way round, as the page once prints them',
    );
  });
  t.test('a gap is fetched again; a snapshot that is too old is not taken', async (t) => {
    const rig = new Rig('level2').give(CLASSIC.deltas[0]).answer(CLASSIC.snapshot);
    rig.give(level2(60, 61, [['100.5', '6', '61']], []));
    t.notOk(rig.trusted);
    rig.answer(level2Snapshot(55, [['100', '1']], [['101', '1']]));
    t.notOk(rig.trusted, '56 to 59 are missing');
    rig.answer(level2Snapshot(60, [['100.5', '1']], [['101', '1']]));
    t.same([rig.trusted, ...rig.top()], [true, 100.5, 6, 101, 1]);
  });
  t.test('what lies behind a snapshot of a hundred levels is unknown, not empty', async (t) => {
    const side = (best: number, step: number) =>
      Array.from({ length: 100 }, (_, i) => [String(best + i * step), '1']);
    const rig = new Rig('level2').give(level2(50, 51, [], []));
    rig.answer(level2Snapshot(50, side(1000, -1), side(1001, 1)));
    t.ok(rig.trusted);
    const gone = side(1001, 1).map(([price], i) => [price!, '0', String(52 + i)]);
    rig.give(level2(52, 150, [], gone.slice(0, 99)));
    t.same([rig.trusted, rig.top()[2]], [true, 1100], 'the last level that the snapshot showed');
    rig.give(
      level2(
        151,
        152,
        [],
        [
          ['1100', '0', '151'],
          ['1105', '1', '152'],
        ],
      ),
    );
    t.notOk(rig.trusted, 'a better ask than 1105 may stand between');
    rig.answer(level2Snapshot(152, side(1000, -1), side(1103, 1)));
    rig.give(level2(153, 153, [], []));
    t.same([rig.trusted, rig.top()[2]], [true, 1103]);
    const thin = new Rig('level2')
      .give(level2(50, 51, [], []))
      .answer(level2Snapshot(50, [['9', '1']], [['10', '1']]));
    thin.give(
      level2(
        52,
        53,
        [],
        [
          ['10', '0', '52'],
          ['12', '1', '53'],
        ],
      ),
    );
    t.ok(thin.trusted, 'a side of less than a hundred levels is whole');
  });
});

t.test('acknowledgements, refusals, greetings and pongs of both sockets', async (t) => {
  const told = (frame: unknown) => hear(frame).controls[0];
  t.match(told(PRO.welcome), { kind: 'welcome' });
  t.match(told(CLASSIC.welcome), { kind: 'welcome' });
  t.match(told(PRO.ack), { kind: 'subscribed', channel: 'obu/increment@10ms', symbol: 'BTC-USDT' });
  t.match(told({ id: 'u4.obu.trade.BTC-USDT', result: 'true' }), { kind: 'unsubscribed', channel: 'trade' });
  t.match(told(CLASSIC.ack), { kind: 'subscribed', channel: '/market/level2', symbol: '' });
  t.match(told({ id: '1', type: 'ack' }), { kind: 'subscribed', channel: '', symbol: '' });
  t.match(told(PRO.refusal), {
    kind: 'refused',
    channel: 'obu/1',
    symbol: 'BTC-USDT',
    message: 'invalid request data',
  });
  t.match(told({ id: 'x', result: false, reason: 'not allowed' }), {
    kind: 'refused',
    symbol: '',
    message: 'not allowed',
  });
  t.match(told(CLASSIC.refusal), {
    kind: 'refused',
    channel: '/spotMarket/level1',
    symbol: 'BTC-USDT',
    code: '404',
  });
  t.match(told(PRO.error), { kind: 'refused', code: '400', message: 'ping timeout' });
  t.match(told(PRO.pong), { kind: 'pong' });
  t.match(told(CLASSIC.pong), { kind: 'pong' });
  t.same(hear({ code: '200000', data: {} }, { id: 1 }, { type: 'notice' }).categories, [
    'foreign',
    'foreign',
    'foreign',
  ]);
  const rig = new Rig('obu').give({ ...PRO.refusal, id: 's1.obu.depth.BTC-USDT' });
  t.equal(rig.count('refused'), 1);
  t.ok(rig.feed.follow('BTC-USDT')!.refused, 'a refused book is known by its id');
  const quote = new Rig('obu').give(PRO.snapshot, PRO.refusal);
  t.ok(quote.trusted && !quote.feed.follow('BTC-USDT')!.refused, 'a refused best quote costs no book');
});

t.test('a market that stops is told', async (t) => {
  const rig = new Rig('level2Depth50').give(CLASSIC.state);
  t.same(rig.states, ['halted: trading false']);
  const again = structuredClone(CLASSIC.state) as { data: { data: { trading: boolean } } };
  again.data.data.trading = true;
  t.same(rig.give(again).states, ['halted: trading false', 'trading: trading true']);
  const market = { ...CLASSIC.state, topic: '/market/snapshot:USDS' };
  t.match(hear(market).states, [{ symbol: 'BTC-USDT', state: 'halted' }]);
  t.same(hear({ ...market, data: { data: [{ symbol: 'BTC-USDT', trading: false }] } }).categories, [
    'foreign',
  ]);
  t.same(hear(CLASSIC.foreign, { topic: '/market/ticker:all', subject: 'BTC-USDT', data: {} }).categories, [
    'foreign',
    'foreign',
  ]);
});

t.test('REST', async (t) => {
  const { rest } = kucoin();
  const answer = (data: unknown) => bytes({ code: '200000', data });
  t.test('markets with exact rules, states and rates of their own', async (t) => {
    const { market } = ANSWERS;
    const rows = [
      market,
      { ...market, symbol: 'ETH-USDT', baseCurrency: 'ETH', enableTrading: false },
      {
        ...market,
        symbol: 'XRP-USDT',
        baseCurrency: 'XRP',
        st: true,
        takerFeeCoefficient: '3.00',
        makerFeeCoefficient: '0',
      },
      { ...market, symbol: 'BCHSV-USDT', baseCurrency: 'BCHSV', minFunds: null },
      { ...market, symbol: 'BAD-USDT', priceIncrement: '1e-7' },
      { ...market, symbol: 'ODD-USDT', takerFeeCoefficient: '999' },
      { ...market, symbol: 'OLD-USDT', enableTrading: 'yes' },
      5,
    ];
    const { instruments, refused } = rest.parseInstruments(answer(rows), lookup);
    t.match(instruments, [
      {
        id: 'kucoin:BTC-USDT',
        symbol: 'BTC-USDT',
        tickSize: '0.1',
        lotSize: '0.00000001',
        minQuantity: '0.00001',
        maxQuantity: '10000000000',
        minNotional: '0.1',
        state: 'trading',
        takerFeeRate: '0.001',
        makerFeeRate: '0.001',
        feeMode: 'quote',
        identityKnown: true,
      },
      { state: 'halted' },
      { state: 'warning', takerFeeRate: '0.003', makerFeeRate: '0' },
      { base: 'BSV', minNotional: '0' },
    ]);
    t.match(refused, [
      { symbol: 'BAD-USDT', reason: /priceIncrement/ },
      { symbol: 'ODD-USDT', reason: /takerFeeCoefficient/ },
      { symbol: 'OLD-USDT', reason: /enableTrading/ },
      { symbol: '?' },
    ]);
    const { makerFeeCoefficient: _m, takerFeeCoefficient: _t, st: _s, ...older } = market;
    t.match(rest.parseInstruments(answer([older]), lookup).instruments, [
      { state: 'trading', takerFeeRate: '0.001' },
    ]);
  });
  t.test('depth, time and networks', async (t) => {
    const books: Partial<BookEvent>[] = [];
    const sink: FrameSink = {
      book: ({ symbol, snapshot, last, bids, asks }) => books.push({ symbol, snapshot, last, bids, asks }),
      bestQuote: () => undefined,
      trade: () => undefined,
      control: () => undefined,
      instrumentState: () => undefined,
    };
    rest.parseDepth(bytes(CLASSIC.snapshot), 'BTC-USDT', sink);
    t.match(books, [
      { symbol: 'BTC-USDT', snapshot: true, last: 50, bids: { count: 2 }, asks: { count: 2 } },
    ]);
    const numbered = { code: '200000', data: { ...CLASSIC.snapshot.data, sequence: 50 } };
    t.throws(() => rest.parseDepth(bytes(numbered), 'BTC-USDT', sink), /data\.sequence/);
    t.equal(rest.parseServerTime(answer(WALL), {}), WALL);
    t.throws(() => rest.parseServerTime(answer('soon'), {}), /data is not/);
    const { currency } = ANSWERS;
    const [chain] = currency.chains;
    const rows = [
      currency,
      { ...currency, currency: 'XRP', chains: null },
      {
        ...currency,
        currency: 'USDT',
        chains: [
          { ...chain, chainId: 'trx', withdrawFeeRate: '0.001', preConfirms: null, isDepositEnabled: true },
          { ...chain, chainId: 'eth', withdrawalMinFee: '', confirms: null, preConfirms: null },
        ],
      },
      { ...currency, currency: 'ADA', chains: [{ ...chain, withdrawalMinFee: '-1' }] },
    ];
    const { networks, refused } = rest.wallets!.parse(answer(rows), (exchange, ticker) =>
      curatedRegistry.resolve(exchange, ticker),
    );
    t.match(networks, [
      {
        ticker: 'BTC',
        asset: 'BTC',
        network: 'btc',
        canDeposit: false,
        canWithdraw: true,
        withdrawFee: '0.0005',
        minWithdraw: '0.001',
        confirmations: 1,
      },
      { ticker: 'USDT', network: 'trx', canDeposit: true, withdrawFee: null, confirmations: 3 },
      { network: 'eth', withdrawFee: null, confirmations: null },
    ]);
    t.match(refused, [{ ticker: 'ADA', reason: /chains\[0\]\.withdrawalMinFee/ }]);
  });
  t.test('errors inside an accepted answer', async (t) => {
    const codeOf = (body: unknown) => {
      try {
        rest.parseServerTime(bytes(body), {});
        return 'none';
      } catch (error) {
        return (error as ArbotError).code;
      }
    };
    t.equal(codeOf({ code: '400001', msg: 'a key is wanted' }), 'ARB_EXCHANGE_ERROR');
    t.equal(codeOf({ code: '429000', msg: 'too many' }), 'ARB_RATE_LIMITED');
    t.equal(codeOf({ code: 200000, data: 1 }), 'ARB_FRAME_INVALID');
    t.equal(codeOf('<html>'), 'ARB_FRAME_INVALID');
    const rig = new Rig('level2').give(CLASSIC.deltas[0]).answer({ code: '429000', msg: 'too many' });
    t.notOk(rig.trusted);
    rig.nowMs += 20_000;
    rig.feed.tick(WALL + rig.nowMs, rig.nowMs);
    t.same(rig.requests, [], 'no call while the exchange wants silence');
  });
  t.test('the ticket of the classic socket', async (t) => {
    const classic = kucoin({ bookChannel: 'level2' });
    const { entrance, endpoints } = { ...classic.capabilities, endpoints: classic.endpoints };
    if (entrance.kind !== 'ticket') throw new Error('a ticket is wanted');
    t.match(entrance.request, { method: 'POST', path: '/api/v1/bullet-public', costs: { public: 10 } });
    t.equal(
      entrance.parse(bytes(ANSWERS.ticket), 'c-1', endpoints),
      'wss://ws-api-spot.kucoin.com/?token=2neAiu%2B%2FQ%3D%3D.x&connectId=c-1',
    );
    const elsewhere = { ...endpoints, websocketUrl: 'ws://127.0.0.1:9/' };
    t.equal(
      entrance.parse(bytes(ANSWERS.ticket), 'c-1', elsewhere),
      'ws://127.0.0.1:9/?token=2neAiu%2B%2FQ%3D%3D.x&connectId=c-1',
    );
    t.equal(entrance.pingEveryMs!(bytes(ANSWERS.ticket)), 18_000);
    const spoilt = (change: (data: Record<string, unknown>) => void) => {
      const copy = structuredClone(ANSWERS.ticket) as unknown as { data: Record<string, unknown> };
      change(copy.data);
      return () => entrance.parse(bytes(copy), 'c-1', endpoints);
    };
    const [server] = ANSWERS.ticket.data.instanceServers;
    for (const endpoint of [
      'wss://ws-api-spot.kucoin.com.evil.io/',
      'ws://ws.kucoin.com/',
      'wss://kucoin.com@evil.io/',
      'x',
    ])
      t.throws(
        spoilt((data) => (data['instanceServers'] = [{ ...server, endpoint }])),
        /endpoint is not/,
        endpoint,
      );
    t.throws(
      spoilt((data) => (data['instanceServers'] = [])),
      /no socket/,
    );
    t.throws(
      spoilt((data) => (data['instanceServers'] = [{ ...server, pingInterval: '18s' }])),
      /pingInterval/,
    );
    for (const token of ['', 'a b', null, 'secret\u0000secret']) {
      try {
        spoilt((data) => (data['token'] = token))();
        t.fail('a bad token was taken');
      } catch (error) {
        t.ok(
          error instanceof FrameError && error.field === 'data.token' && !error.message.includes('secret'),
        );
      }
    }
  });
});

/** A random walk of single changes, told by any cut of it into frames. */
const CHANGE = fc.record({
  side: fc.constantFrom<'bids' | 'asks'>('bids', 'asks'),
  level: fc.integer({ min: 0, max: 9 }),
  size: fc.integer({ min: 0, max: 5 }),
});
const priceOf = (side: 'bids' | 'asks', level: number) => (side === 'bids' ? 100 - level : 101 + level);

function booksAfter(changes: readonly { side: 'bids' | 'asks'; level: number; size: number }[]) {
  const book = { bids: new Map<number, number>(), asks: new Map<number, number>() };
  return [
    new Map<number, number>(),
    ...changes.map(({ side, level, size }) => {
      if (size === 0) book[side].delete(priceOf(side, level));
      else book[side].set(priceOf(side, level), size);
      return new Map([...book.bids, ...book.asks]);
    }),
  ];
}

function contents(book: OrderBook): Map<number, number> {
  const all = new Map<number, number>();
  for (let i = 0; i < book.bidCount; i++) all.set(book.price('bid', i), book.size('bid', i));
  for (let i = 0; i < book.askCount; i++) all.set(book.price('ask', i), book.size('ask', i));
  return all;
}

t.test('any cut into frames, any place of the snapshot, any lost, repeated or swapped frame', async (t) => {
  let trusted = 0;
  const cuts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 60, maxLength: 60 });
  const faults = fc.array(fc.record({ at: fc.nat(), kind: fc.constantFrom('drop', 'repeat', 'swap') }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      fc.array(CHANGE, { minLength: 40, maxLength: 60 }),
      cuts,
      fc.nat(39),
      faults,
      (changes, sizes, at, list) => {
        const truth = booksAfter(changes);
        const entry = (i: number) => [
          String(priceOf(changes[i]!.side, changes[i]!.level)),
          String(changes[i]!.size),
          String(i + 1),
        ];
        const side = (from: number, to: number, name: string) =>
          changes.flatMap((change, i) => (i >= from && i < to && change.side === name ? [entry(i)] : []));
        const frames: { from: number; to: number }[] = [];
        for (let from = 0; from < changes.length; from += sizes[frames.length - 1]!)
          frames.push({ from, to: Math.min(changes.length, from + sizes[frames.length]!) });
        for (const { at: where, kind } of list) {
          const i = where % frames.length;
          if (kind === 'drop' && frames.length > 1) frames.splice(i, 1);
          else if (kind === 'repeat') frames.splice(i, 0, frames[i]!);
          else if (i + 1 < frames.length) [frames[i], frames[i + 1]] = [frames[i + 1]!, frames[i]!];
        }
        const levelsOf = (book: Map<number, number>, isBid: boolean) =>
          [...book]
            .filter(([price]) => price <= 100 === isBid)
            .map(([price, size]) => [String(price), String(size)]);
        for (const mode of ['obu', 'level2'] as const) {
          const sync = new BookSync({
            rule: mode === 'obu' ? 'counted' : 'bridged',
            snapshotSource: mode === 'obu' ? 'socket' : 'rest',
          });
          const connector = kucoin({ bookChannel: mode });
          const sink: FrameSink = {
            book: (event) => void sync.apply(event),
            bestQuote: () => undefined,
            trade: () => undefined,
            control: () => undefined,
            instrumentState: () => undefined,
          };
          const snapshot = () => {
            const [bids, asks] = [levelsOf(truth[at]!, true), levelsOf(truth[at]!, false)];
            if (mode === 'obu') connector.decode(bytes(obu('snapshot', at, at, bids, asks)), sink);
            else connector.rest.parseDepth(bytes(level2Snapshot(at, bids, asks)), 'BTC-USDT', sink);
          };
          if (mode === 'obu') snapshot();
          for (const [index, { from, to }] of frames.entries()) {
            if (mode === 'level2' && index === 3) snapshot();
            // The Pro socket aggregates: of one price only the last size, and no frame of what the snapshot has.
            const last = (name: string) => [
              ...new Map(side(from, to, name).map((row) => [row[0], row.slice(0, 2)])).values(),
            ];
            if (mode === 'level2')
              connector.decode(
                bytes(level2(from + 1, to, side(from, to, 'bids'), side(from, to, 'asks'))),
                sink,
              );
            else if (from >= at)
              connector.decode(bytes(obu('delta', from + 1, to, last('bids'), last('asks'))), sink);
            if (!sync.trusted) continue;
            trusted++;
            const wrong =
              JSON.stringify([...contents(sync.book)].sort()) !==
              JSON.stringify([...truth[sync.book.sequence]!].sort());
            if (wrong) throw new Error(`${mode}: a wrong book is trusted at ${sync.book.sequence}`);
          }
        }
      },
    ),
    { numRuns: 300, seed: 20_261_127 },
  );
  t.ok(trusted > 3000, `${trusted} trusted books compared`);
});

// The connector and its feed against the simulated exchange, without sockets.

/** The owner's part: connects, enters, waits for the welcome, passes everything on. */
class Owner {
  readonly board = new QuoteBoard(8);
  readonly feed: MarketFeed;
  readonly log: string[] = [];
  private readonly connector: Connector;
  private readonly exchanges: MemoryExchanges;
  private readonly queue: FeedRequest[] = [];
  private transport = new MemoryTransport();
  private id = -1;
  private greeted = false;
  private lostAtMs = -Infinity;
  private connectedAtMs = 0;

  constructor(exchanges: MemoryExchanges, bookChannel: KucoinBookChannel) {
    this.exchanges = exchanges;
    this.connector = kucoin({ bookChannel });
    this.feed = new MarketFeed({
      connector: this.connector,
      instruments: exchanges.world.pairs.map((pair) => ({ id: `kucoin:${pair}`, symbol: pair })),
      board: this.board,
      effects: {
        send: (frame) => exchanges.faces.kucoin.onClientFrame(this.id, frame),
        request: (request) => this.queue.push(request),
        reconnect: (reason) => this.lose(reason),
        instrumentState: (_id, state) => this.log.push(state),
        status: (instrument, state, reason) => instrument !== null && this.log.push(`${state} ${reason}`),
        trade: () => this.log.push('trade'),
        fail: (error) => this.log.push(`fail ${error.message}`),
      },
      limiter: new RateLimiter(this.connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 1,
    });
    this.connect();
  }

  get connection(): number {
    return this.id;
  }

  private get now(): number {
    return this.exchanges.world.nowMs;
  }

  private http(method: string, path: string) {
    return this.exchanges.faces.kucoin.handleHttp({ method, url: path });
  }

  private connect(): void {
    const { entrance } = this.connector.capabilities;
    const endpoints = { websocketUrl: 'ws://face/', restUrl: '' };
    let url = '/';
    if (entrance.kind === 'ticket') {
      const { body } = this.http(entrance.request.method ?? 'GET', entrance.request.path);
      url = entrance.parse(Buffer.from(body), '1', endpoints).slice('ws://face'.length);
    }
    this.transport = new MemoryTransport();
    this.greeted = false;
    this.connectedAtMs = this.now;
    this.feed.connecting();
    const id = this.exchanges.faces.kucoin.onConnect(this.transport, url);
    this.id = typeof id === 'number' ? id : -1;
  }

  private lose(reason: string): void {
    this.log.push(`lost ${reason}`);
    this.exchanges.faces.kucoin.onClose(this.id);
    this.id = -1;
    this.feed.closed(reason, this.now);
    this.lostAtMs = this.now;
  }

  /** So many seconds, with everything an owner does meanwhile. */
  live(seconds: number): void {
    for (let i = 0; i < seconds * 10; i++) {
      this.exchanges.run(100);
      if (this.id < 0 && this.now - this.lostAtMs >= 500) this.connect();
      if (this.id >= 0 && this.transport.closedWith !== null)
        this.lose(`closed ${this.transport.closedWith}`);
      if (this.id >= 0 && !this.greeted && this.now - this.connectedAtMs > 5000) this.lose('no welcome');
      if (i % 50 === 0 && this.greeted)
        this.exchanges.faces.kucoin.onClientFrame(this.id, '{"id":"ping","type":"ping"}');
      this.pass();
      this.feed.tick(this.now, this.now);
      for (const { id, request } of this.queue.splice(0)) {
        const { status, headers, body } = this.http('GET', request.path);
        this.feed.httpAnswer(id, status, headers, Buffer.from(body), this.now, this.now);
      }
      this.feed.flush();
    }
  }

  private pass(): void {
    for (const text of this.transport.take()) {
      if (!this.greeted && /"welcome"/.test(text)) {
        this.greeted = true;
        this.feed.opened(this.now, this.now);
      }
      this.feed.frame(Buffer.from(text), this.now, this.now);
    }
  }

  get states(): string[] {
    return this.exchanges.world.pairs.map((pair) => {
      const symbol = this.feed.follow(pair)!;
      return this.board.trust[symbol.slot] === TRUST_OK && symbol.depth.trusted ? 'live' : 'not';
    });
  }

  count(name: string): number {
    return Number(this.feed.summary(this.now)[name]);
  }
}

function engineLevels(
  exchanges: MemoryExchanges,
  pair: string,
  side: 'bids' | 'asks',
  depth: number,
): number[][] {
  const market = exchanges.world.market('kucoin', pair);
  const { tick, lot } = market.listing;
  const exact = (count: number, step: { units: number; decimals: number }) =>
    Number(`${count * step.units}e-${step.decimals}`);
  const ladder: LadderSide = market.ladder()[side];
  return ladder.prices.slice(0, depth).map((price, i) => [exact(price, tick), exact(ladder.lots[i]!, lot)]);
}

function sameAsEngine(t: Test, owner: Owner, exchanges: MemoryExchanges, where: string): void {
  for (const pair of exchanges.world.pairs) {
    const { book } = owner.feed.follow(pair)!.depth;
    const shown = (side: 'bid' | 'ask', count: number) =>
      Array.from({ length: Math.min(20, count) }, (_, i) => [book.price(side, i), book.size(side, i)]);
    t.same(
      shown('bid', book.bidCount),
      engineLevels(exchanges, pair, 'bids', 20),
      `${where}: bids of ${pair}`,
    );
    t.same(
      shown('ask', book.askCount),
      engineLevels(exchanges, pair, 'asks', 20),
      `${where}: asks of ${pair}`,
    );
  }
}

for (const bookChannel of BOOKS) {
  t.test(
    `${bookChannel} against the simulated exchange: live, faults, and the same book at the end`,
    async (t) => {
      const exchanges = memoryExchanges({ seed: 31, exchanges: ['kucoin'], pairs: ['BTC-USDT', 'XRP-USDT'] });
      const { kucoin: face } = exchanges.faces;
      face.welcomeDelayMs = 300;
      face.level2PeriodMs = bookChannel === 'level2' ? 300 : 0;
      const owner = new Owner(exchanges, bookChannel);
      const { depth } = kucoin({ bookChannel }).capabilities.channels;
      owner.live(5);
      t.same(owner.states, ['live', 'live'], 'live');
      t.ok(owner.log.includes('trade') || owner.count('trade') > 0, 'trades arrive');
      face.level2PeriodMs = 0;
      owner.live(1);
      sameAsEngine(t, owner, exchanges, 'live');
      const gaps = owner.count('gaps');
      for (const kind of ['drop', 'duplicate', 'reorder', 'truncate', 'garbage'] as const) {
        face.faults.add({ kind, symbol: 'BTC-USDT', channel: depth, count: 1 });
        owner.live(6);
        t.same(owner.states, ['live', 'live'], `${kind}: healed`);
        sameAsEngine(t, owner, exchanges, kind);
      }
      if (bookChannel !== 'level2Depth50') t.ok(owner.count('gaps') > gaps, 'lost frames were noticed');
      t.ok(owner.count('invalid') >= 2, 'bad frames were counted');
      const unmute = face.faults.add({ kind: 'mute', symbol: 'BTC-USDT' });
      owner.live(40);
      t.same(owner.states, ['not', 'live'], 'a silent symbol is not trusted, the other is');
      t.ok(owner.log.some((line) => /^stale .*subscribed again$/.test(line)));
      unmute();
      owner.live(70);
      t.same(owner.states, ['live', 'live'], 'and comes back');
      face.faults.makeHalfOpen(owner.connection);
      owner.live(20);
      t.ok(
        owner.log.some((line) => line.includes('no market data')),
        'a dead line is given up',
      );
      owner.live(5);
      t.same(owner.states, ['live', 'live']);
      face.disconnect(1006);
      owner.live(0.2);
      t.same(owner.states, ['not', 'not'], 'nothing of a lost connection is used');
      const flood = face.faults.add({ kind: 'garbage', probability: 0.7 });
      owner.live(20);
      flood();
      owner.live(40);
      t.same(owner.states, ['live', 'live'], 'after a flood of garbage');
      t.notOk(owner.log.some((line) => line.startsWith('fail') && !line.includes('bad frames')));
      owner.live(2);
      sameAsEngine(t, owner, exchanges, 'at the end');
    },
  );
}

t.test('a market that is acknowledged and never served does not take the others with it', async (t) => {
  const exchanges = memoryExchanges({ seed: 33, exchanges: ['kucoin'], pairs: ['BTC-USDT', 'ETH-USDT'] });
  const owner = new Owner(exchanges, 'obu');
  exchanges.faces.kucoin.faults.add({ kind: 'mute', symbol: 'ETH-USDT' });
  owner.live(50);
  t.same(owner.states, ['live', 'not']);
  t.ok(Number(owner.feed.follow('ETH-USDT')!.resyncs) >= 2, 'it is asked for again and again');
  exchanges.faces.kucoin.halted.add('BTC-USDT');
  const classic = new Owner(exchanges, 'level2Depth50');
  classic.live(5);
  t.ok(classic.log.includes('halted'), 'the classic socket says that a market has stopped');
});

/** What the simulated exchange sends, as a capture. */
function simulatedCapture(bookChannel: KucoinBookChannel, symbols: readonly string[]): Capture {
  const exchanges = memoryExchanges({ seed: 41, exchanges: ['kucoin'], pairs: symbols });
  const { kucoin: face } = exchanges.faces;
  face.level2PeriodMs = 200;
  const connector = kucoin({ bookChannel });
  let url = '/';
  if (bookChannel !== 'obu') {
    const { body } = face.handleHttp({ method: 'POST', url: '/api/v1/bullet-public' });
    url = `/?token=${encodeURIComponent((JSON.parse(body) as { data: { token: string } }).data.token)}`;
  }
  const transport = new MemoryTransport();
  const id = face.onConnect(transport, url) as number;
  for (const text of connector.subscribe(symbols, 'depth', 1, WALL)) face.onClientFrame(id, text);
  const answers: { symbol: string; body: Buffer; beforeFrame: number }[] = [];
  for (let second = 0; second < 20; second++) {
    if (second === 1) {
      for (const symbol of symbols) {
        const { body } = face.handleHttp({ method: 'GET', url: connector.rest.depth(symbol).path });
        answers.push({ symbol, body: Buffer.from(body), beforeFrame: transport.frames.length });
      }
    }
    exchanges.run(1000);
    face.onClientFrame(id, '{"id":"ping","type":"ping"}');
  }
  const frames = transport.take().map((text) => Buffer.from(text));
  return { sha256: '', frames, timesMs: frames.map((_, i) => i), answers };
}

const FAULTS = fc.array(
  fc.record<Fault>({
    kind: fc.constantFrom('drop', 'duplicate', 'repeat-later', 'swap', 'truncate'),
    at: fc.noBias(fc.integer({ min: 0, max: 6000 })).map((n) => n / 10_000),
  }),
  { minLength: 1, maxLength: 6 },
);

for (const bookChannel of BOOKS) {
  t.test(`${bookChannel}: no damage gives a wrong trusted book, and every book heals`, async (t) => {
    const symbols = ['BTC-USDT', 'ETH-USDT'];
    const rows = (book: OrderBook) =>
      [levelRows(book, 'bid'), levelRows(book, 'ask')].map((side) => side.map((row) => row.slice(0, 2)));
    const scenario: Scenario = {
      capture: simulatedCapture(bookChannel, symbols),
      connector: () => kucoin({ bookChannel }),
      symbols,
      writeSnapshot: (symbol, book, timeMs) => {
        const [bids, asks] = rows(book) as [string[][], string[][]];
        if (bookChannel === 'level2') return bytes(level2Snapshot(book.sequence, bids, asks));
        const frame =
          bookChannel === 'obu'
            ? obu('snapshot', book.sequence, book.sequence, bids, asks)
            : depth50(timeMs - 1, bids, asks);
        return bytes(JSON.stringify(frame).replaceAll('BTC-USDT', symbol));
      },
      keyOf: (symbol, book, timeMs) =>
        `${symbol} ${bookChannel === 'level2Depth50' ? timeMs : book.sequence}`,
      levels: Infinity,
    };
    const calm = runDamaged(scenario, []);
    t.same(calm.wrong, [], 'the clean stream agrees with itself');
    t.same(calm.untrustedAtEnd, [], 'and synchronises every book');
    let noticed = 0;
    fc.assert(
      fc.property(FAULTS, (list) => {
        const outcome = runDamaged(scenario, list);
        if (outcome.distrusted > calm.distrusted || outcome.invalid > 0) noticed++;
        if (outcome.wrong.length > 0) throw new Error(outcome.wrong.slice(0, 3).join('; '));
        if (outcome.untrustedAtEnd.length > 0)
          throw new Error(`not healed: ${outcome.untrustedAtEnd.join()}`);
      }),
      { numRuns: 25, seed: 20_261_127 },
    );
    t.ok(noticed > 6, `${noticed} of 25 damaged streams were noticed`);
  });
}

const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';

t.test('captured frames of both sockets, of futures and of private channels', { skip }, async (t) => {
  const read = (file: string) =>
    readFileSync(join(folder!, 'kucoin', file), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  const recent = hear(...read('observatory-202609-uta-obu-trimmed.jsonl'));
  t.same(recent.categories, [
    'control',
    'control',
    'foreign',
    'foreign',
    'control',
    'control',
    'control',
    'control',
    'control',
  ]);
  t.same(
    recent.controls.map(({ kind }) => kind),
    ['welcome', 'subscribed', 'refused', 'pong', 'welcome', 'refused', 'refused'],
  );
  const spot = read('observatory-202609-uta-obu-trimmed.jsonl')
    .filter((line) => line.includes('obu.FUTURES'))
    .map((line) => line.replace('FUTURES', 'SPOT'));
  t.same(
    hear(...spot).books.map(({ snapshot, first, last, timeMs }) => [snapshot, first, last, timeMs]),
    [
      [true, 1736604716203, 1736604716203, 1790114460661],
      [false, 1747821262584, 1747821262585, 1790114459839],
    ],
    'the frame of the spot socket is the same but for its type',
  );
  const session = hear(...read('cryptofeed-20210423-ticker-match.jsonl'));
  t.same([session.quotes.length, session.trades.length, session.controls.length], [788, 12, 3]);
  for (const file of [
    'gocryptotrader-wsHandleData.jsonl',
    'crypto-msg-parser-frame-zoo.jsonl',
    'tardis-mapper-kucoin.jsonl',
  ])
    t.doesNotThrow(() => hear(...read(file)), file);
});
