import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Connector, FrameSink, InstrumentStateEvent, TradeEvent } from '../../src/connectors/base.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { loadInstruments, sampleClock } from '../../src/connectors/rest-client.js';
import { upbit } from '../../src/connectors/upbit.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { TradePrint } from '../../src/messages/feed.js';
import { WON_PAIRS } from '../../src/simulator/listings.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { memoryExchanges, MemoryTransport, PATHS, START_MS } from '../simulator/memory-client.js';
import { wireFolder } from '../shared-data.js';
import { captureOf, runDamaged, type Fault } from './damaged-stream.js';
import * as bithumbFrames from './fixtures-bithumb.js';
import * as upbitFrames from './fixtures-upbit.js';

/** Upbit and Bithumb speak one grammar; every test runs for both. */

const WALL = 1_800_000_000_000;
const EXCHANGES = [
  { name: 'upbit', connector: upbit, frames: upbitFrames },
  { name: 'bithumb', connector: bithumb, frames: bithumbFrames },
] as const;
type Sample = (typeof EXCHANGES)[number];

/** One feed of one market, played by hand. */
class Rig {
  readonly board = new QuoteBoard(8);
  readonly sent: string[] = [];
  readonly reconnects: string[] = [];
  readonly failures: string[] = [];
  readonly trades: TradePrint[] = [];
  readonly states: string[] = [];
  readonly feed: MarketFeed;
  readonly symbol: string;
  nowMs = 0;

  constructor(connector: Connector, symbol: string, others: readonly string[] = []) {
    this.symbol = symbol;
    this.feed = new MarketFeed({
      connector,
      instruments: [symbol, ...others].map((name) => ({
        id: `${connector.exchange}:${name.split('-').reverse().join('-')}`,
        symbol: name,
      })),
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: () => undefined,
        reconnect: (reason) => this.reconnects.push(reason),
        instrumentState: (_instrument, state, reason) => this.states.push(`${state} ${reason}`),
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: (error) => this.failures.push(error.message),
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 1,
    });
    this.feed.opened(WALL, 0);
  }

  give(...frames: string[]): void {
    for (const frame of frames) this.feed.frame(Buffer.from(frame), WALL + ++this.nowMs, this.nowMs);
    this.feed.flush();
  }

  wait(ms: number): void {
    for (let left = ms; left > 0; left -= 250) {
      this.nowMs += 250;
      this.feed.tick(WALL + this.nowMs, this.nowMs);
    }
  }

  get trusted(): boolean {
    const { trusted } = this.feed.follow(this.symbol)!.depth;
    if ((this.board.trust[0] === TRUST_OK) !== trusted) throw new Error('board and book disagree');
    return trusted;
  }

  top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }

  get book(): OrderBook {
    return this.feed.follow(this.symbol)!.depth.book;
  }

  get counts() {
    return this.feed.summary(this.nowMs) as Record<string, number> & { lastError: string };
  }
}

const rigOf = ({ connector, frames }: Sample) => new Rig(connector(), frames.SYMBOL);

/** Everything that one frame gives. */
function decoded(connector: Connector, text: string) {
  const trades: TradeEvent[] = [];
  const notices: InstrumentStateEvent[] = [];
  const controls: string[] = [];
  const books: { bids: number[][]; asks: number[][]; order: number; timeMs: number }[] = [];
  const sink: FrameSink = {
    book: ({ bids, asks, order, exchangeTimeMs }) => {
      const rows = ({ prices, sizes, count }: typeof bids) =>
        Array.from({ length: count }, (_, i) => [prices[i]!, sizes[i]!]);
      books.push({ bids: rows(bids), asks: rows(asks), order, timeMs: exchangeTimeMs });
    },
    bestQuote: () => undefined,
    trade: (event) => trades.push(event),
    instrumentState: (event) => notices.push(event),
    control: ({ kind, code, symbol }) => controls.push(`${kind} ${code}${symbol}`.trim()),
  };
  const header = { ...connector.decode(Buffer.from(text), sink) };
  return { header, trades, notices, controls, books };
}

t.test('a request is the whole list of its connection, and never leaves a channel out', (t) => {
  for (const { name, connector } of EXCHANGES) {
    const { subscribe, unsubscribe, capabilities } = connector();
    t.equal(capabilities.subscriptionMode, 'replace');
    t.equal(capabilities.syncRule, 'whole');
    const codes = ['KRW-BTC', 'KRW-ETH'];
    const [text, ...more] = subscribe(codes, 'all', 3, WALL);
    t.same(more, [], 'one request, however many symbols');
    const realtime = name === 'upbit' ? 'is_only_realtime' : 'isOnlyRealtime';
    const expected = [
      { ticket: 'arbot-3' },
      { type: 'orderbook', codes },
      { type: 'trade', codes, [realtime]: true },
      { type: 'ticker', codes },
      { format: 'DEFAULT' },
    ];
    t.same(JSON.parse(text!), expected);
    t.same(
      JSON.parse(subscribe(codes, 'depth', 3, WALL)[0]!),
      expected,
      'trades would end with a shorter one',
    );
    t.same(JSON.parse(unsubscribe(codes, 'all', 3, WALL)[0]!), expected, 'those that stay');
    t.same(unsubscribe([], 'all', 4, WALL), [], 'an empty list would be refused');
    t.equal(
      subscribe(
        Array.from({ length: 900 }, (_, i) => `KRW-X${i}`),
        'all',
        1,
        WALL,
      ).length,
      1,
    );
    t.ok(capabilities.heartbeat.everyMs! <= 25_000, 'it speaks at least every 25 s');
  }
  t.end();
});

t.test('books: exponents, padding, sizes of 0, times in ms and µs', (t) => {
  const { books, header } = decoded(upbit(), upbitFrames.SNAPSHOT);
  t.match(header, { category: 'book', channel: 'orderbook', symbol: 'KRW-BTC', detail: 'SNAPSHOT' });
  t.same(books, [
    {
      bids: [
        [116_538_000, 0.08120946],
        [116_537_000, 0.01129382],
      ],
      asks: [
        [116_539_000, 0.02054761],
        [116_542_000, 0.000772],
      ],
      order: upbitFrames.T * 1000,
      timeMs: upbitFrames.T,
    },
  ]);
  const [eth] = decoded(bithumb(), bithumbFrames.SNAPSHOT).books;
  t.same(
    eth!.asks,
    [
      [3_715_000, 8.4592],
      [3_717_000, 4.1755],
    ],
    'a live price of size 0 is no level',
  );
  t.equal(eth!.bids.length, 2, 'nor is padding');
  t.equal(eth!.timeMs, 1_790_133_505_546.514, 'microseconds');
  const late = upbitFrames.book([['1', '2']], [['3', '4']], '1691530805062000');
  t.equal(decoded(upbit(), late).books[0]!.timeMs, 1_691_530_805_062, 'also once on Upbit');
  const long = upbitFrames.book([['1', '25752275.55420627']], [['1.165390000000001E8', '1']]);
  t.same(decoded(upbit(), long).books[0]!.bids, [[1, 25_752_275.55420627]], 'more digits than float64 keeps');
  t.same(decoded(upbit(), upbitFrames.SIMPLE_BOOK).books[0]!.bids[0], [116_534_000, 0.00079276]);
  t.same(decoded(bithumb(), bithumbFrames.SIMPLE_BOOK).books[0]!.asks[0], [3_715_000, 0.0892]);
  const oneSided = upbitFrames.book([], [['3', '4']]);
  t.same(decoded(upbit(), oneSided).books[0], {
    bids: [],
    asks: [[3, 4]],
    order: upbitFrames.T * 1000,
    timeMs: upbitFrames.T,
  });
  t.throws(
    () => decoded(upbit(), upbitFrames.book([['1', '2']], [['3', '4']], 1, { level: '10000' })),
    /level is not 0/,
    'grouped prices are nobody’s book',
  );
  t.end();
});

t.test('trades are exact, keep ids beyond 2^53, and history is not told', (t) => {
  t.same(decoded(upbit(), upbitFrames.TRADE).trades, [
    {
      symbol: 'KRW-BTC',
      channel: 'trade',
      tradeId: '17866130914490000',
      price: '116538000',
      quantity: '0.00005673',
      side: 'buy',
      exchangeTimeMs: upbitFrames.T,
    },
  ]);
  t.match(decoded(bithumb(), bithumbFrames.TRADE).trades, [{ tradeId: '1079953210371761700', side: 'buy' }]);
  t.match(decoded(bithumb(), bithumbFrames.SIMPLE_TRADE).trades, [
    { tradeId: '1079953210371761701', side: 'sell', quantity: '0.0009' },
  ]);
  t.match(decoded(upbit(), upbitFrames.SIMPLE_TRADE).trades, [{ price: '126', quantity: '47.97601199' }]);
  for (const { connector, frames } of EXCHANGES) {
    const history = decoded(connector(), frames.TRADE_HISTORY);
    t.same(history.trades, []);
    t.match(history.header, { category: 'trade', detail: 'SNAPSHOT' });
    const digits = frames.trade('1', { price: '1.2345678901234567E8', volume: '1234567.890123456789' });
    t.match(decoded(connector(), digits).trades, [
      { price: '123456789.01234567', quantity: '1234567.890123456789' },
    ]);
  }
  fc.assert(
    fc.property(
      fc.bigInt({ min: 2n ** 53n, max: 10n ** 30n }),
      fc.integer({ min: 1, max: 999_999_999 }),
      fc.integer({ min: -8, max: 6 }),
      (id, digits, exponent) => {
        const written = `${String(digits)[0]!}.${String(digits).slice(1) || '0'}E${exponent}`;
        const [event] = decoded(upbit(), upbitFrames.trade(String(id), { volume: written })).trades;
        const places = String(digits).length - 1 - exponent;
        const value = Number(`${digits}e${-places}`);
        return event!.tradeId === String(id) && Number(event!.quantity) === value;
      },
    ),
  );
  t.end();
});

t.test('tickers tell the worst state of a market once', (t) => {
  for (const sample of EXCHANGES) {
    const { ticker } = sample.frames;
    const state = (more: Parameters<typeof ticker>[0]) =>
      decoded(sample.connector(), ticker(more)).notices.map(
        (one) => `${one.symbol} ${one.state} ${one.reason}`,
      );
    const { SYMBOL } = sample.frames;
    t.same(state({}), [`${SYMBOL} trading ACTIVE`]);
    t.same(state({ warning: 'CAUTION' }), [`${SYMBOL} warning CAUTION`]);
    t.same(state({ delisting: '2026-12-01', warning: 'CAUTION' }), [`${SYMBOL} delisting 2026-12-01`]);
    t.same(state({ suspended: true, delisting: '2026-12-01' }), [
      `${SYMBOL} halted is_trading_suspended is true`,
    ]);
    t.same(state({ state: 'PREVIEW' }), [`${SYMBOL} halted PREVIEW`]);
    t.same(state({ state: 'DELISTED' }), [`${SYMBOL} halted DELISTED`]);
    t.same(state({ state: 'NEW_WORD' }), [`${SYMBOL} unknown NEW_WORD`]);
    t.same(state({ delisting: null }), [`${SYMBOL} trading ACTIVE`], 'null and empty are none');
    const dropped = JSON.stringify({ type: 'ticker', code: SYMBOL, stream_type: 'REALTIME' });
    t.same(
      decoded(sample.connector(), dropped).notices,
      [],
      'a ticker without a word about it tells nothing',
    );
    const rig = rigOf(sample);
    rig.give(ticker(), ticker(), ticker({ suspended: true }), ticker({ suspended: true }), ticker());
    t.same(
      rig.states.map((text) => text.split(' ')[0]),
      ['trading', 'halted', 'trading'],
    );
    t.equal(rig.counts['notice'], 5);
  }
  t.end();
});

t.test('status, errors and foreign frames', (t) => {
  for (const sample of EXCHANGES) {
    const { STATUS, REFUSAL, FOREIGN } = sample.frames;
    t.same(decoded(sample.connector(), STATUS).controls, ['pong']);
    const refusal = decoded(sample.connector(), REFUSAL);
    t.match(refusal.controls[0], /^refused (NO_TICKET|WRONG_FORMAT)$/);
    t.equal(decoded(sample.connector(), FOREIGN).header.category, 'foreign');
    t.equal(decoded(sample.connector(), '{"status":"0000","resmsg":"ok"}').header.category, 'foreign');
    const rig = rigOf(sample);
    rig.give(STATUS, REFUSAL, FOREIGN, sample.frames.SNAPSHOT);
    t.match(rig.counts, { control: 2, foreign: 1, refused: 1, book: 1, invalid: 0 });
    t.ok(rig.trusted, 'a refusal that names no market costs none');
  }
  t.end();
});

t.test('whole books replace one another: never a gap, never an older one, never a crossed one', (t) => {
  for (const sample of EXCHANGES) {
    const { BOOKS, book } = sample.frames;
    const rig = rigOf(sample);
    rig.give(BOOKS[0]!, BOOKS[2]!);
    t.ok(rig.trusted, 'a frame that was lost is not missed');
    const top = rig.top();
    rig.give(BOOKS[2]!, BOOKS[1]!);
    t.same(rig.top(), top, 'a repeated frame changes nothing, an older one neither');
    t.match(rig.feed.follow(rig.symbol)!.depth.counters, { gaps: 0, duplicates: 1, updatesApplied: 3 });
    const stamp = (ms: number) => String((sample.frames.T + ms) * (sample.name === 'upbit' ? 1 : 1000));
    const crossed = (ms: number) => book([['200', '1']], [['200', '1']], stamp(ms));
    rig.give(crossed(1000));
    t.notOk(rig.trusted, 'locked');
    for (let i = 1; i <= 60; i++) rig.give(crossed(1000 + i));
    t.same(rig.failures, [], 'one standing fault is one fault, not one per frame');
    t.match(rig.feed.follow(rig.symbol)!.depth.counters, { crossed: 61 });
    rig.give(book([['100', '1']], [['200', '1']], stamp(2000)));
    t.same([rig.trusted, ...rig.top()], [true, 100, 1, 200, 1], 'the next good frame heals it');
  }
  t.end();
});

t.test('a clock that was set back is followed after a few frames, late duplicates are not', (t) => {
  for (const sample of EXCHANGES) {
    const { book, T } = sample.frames;
    const stamp = (ms: number) => String((T + ms) * (sample.name === 'upbit' ? 1 : 1000));
    const at = (ms: number, bid: string) => book([[bid, '1']], [['900', '1']], stamp(ms));
    const rig = rigOf(sample);
    rig.give(at(60_000, '500'));
    for (let i = 0; i < 8; i++) rig.give(at(i, '400'));
    t.same(rig.top()[0], 500);
    rig.give(at(60_100, '501'));
    for (let i = 0; i < 8; i++) rig.give(at(i, '400'));
    t.same(rig.top()[0], 501, 'the count begins anew with each newer frame');
    rig.give(at(9, '402'));
    t.same(rig.top()[0], 402, 'nine in a row are the exchange’s new time');
    rig.give(at(10, '403'));
    t.same(rig.top()[0], 403);
  }
  t.end();
});

t.test('a bad frame distrusts, one request asks for all, and the next frame heals', (t) => {
  for (const sample of EXCHANGES) {
    const { SYMBOL, BOOKS, book } = sample.frames;
    const rig = new Rig(sample.connector(), SYMBOL, ['KRW-XRP', 'KRW-SOL']);
    rig.wait(3000);
    t.equal(rig.sent.length, 1);
    rig.give(BOOKS[0]!);
    const others = ['KRW-XRP', 'KRW-SOL'].map((symbol) =>
      book([['1', '1']], [['2', '1']], undefined, { symbol }),
    );
    rig.give(...others);
    const broken = (text: string) => text.replace(/"ask_price":[^,]+/, '"ask_price":"x"');
    rig.give(...[BOOKS[1]!, ...others].map(broken));
    t.notOk(rig.trusted);
    t.match(rig.counts.lastError, /^orderbook_units\[0\]\.ask_price is not/);
    t.equal(rig.sent.length, 2, 'three books, one request');
    const request = JSON.parse(rig.sent[1]!) as { codes?: string[] }[];
    t.same(request[1]!.codes, [SYMBOL, 'KRW-XRP', 'KRW-SOL'], 'nobody is left out');
    rig.give(BOOKS[2]!);
    t.ok(rig.trusted);
    rig.wait(500);
    t.equal(rig.sent.length, 2, 'not again at once');
    rig.wait(12_000);
    t.ok(rig.sent.length > 2, 'but later, for those that did not come');
    t.ok(rig.sent.length <= 10, `${rig.sent.length} requests stay within the limits of messages`);
  }
  t.end();
});

/** Values that are wrong in place of a number, of a time, of a text … */
const ANYWHERE = ['null', '[]', '{}', '[[5]]', 'true', '1e400', '-1', '""', '{"__proto__":{"length":1}}'];
const NUMBER = [...ANYWHERE, '"5"', '"1e3"', '"NaN"', '-0', '1e308', '1e-300', `"${'9'.repeat(60)}"`];
const WRONG: Readonly<Record<string, readonly string[]>> = {
  price: NUMBER,
  size: NUMBER,
  positive: [...NUMBER, '0', '0.0'],
  time: [...ANYWHERE, '1.5', '"5"', '1e300', '12345678901234567890', '"1790000000000"'],
  id: [...ANYWHERE, '1.5', '"two words"', `"${'x'.repeat(65)}"`],
  word: [...ANYWHERE.filter((raw) => raw !== '""'), '5', '"OTHER"'],
  symbol: [...ANYWHERE, '5', `"${'X'.repeat(65)}"`],
  list: ['null', '{}', '5', '"x"', '[5]', '[null]', '[[]]', `[${Array(501).fill('{}').join()}]`],
  flag: ['null', '5', '"true"', '[]', '{}'],
  text: ['5', 'true', '[]', '{}'],
};

const FIELDS: Readonly<Record<string, Readonly<Record<string, keyof typeof WRONG>>>> = {
  book: {
    code: 'symbol',
    timestamp: 'time',
    orderbook_units: 'list',
    stream_type: 'word',
    'orderbook_units[0].ask_price': 'price',
    'orderbook_units[0].bid_price': 'price',
    'orderbook_units[0].ask_size': 'size',
    'orderbook_units[0].bid_size': 'size',
  },
  trade: {
    code: 'symbol',
    trade_timestamp: 'time',
    trade_price: 'positive',
    trade_volume: 'positive',
    ask_bid: 'word',
    sequential_id: 'id',
    stream_type: 'word',
  },
  ticker: {
    code: 'symbol',
    market_state: 'text',
    is_trading_suspended: 'flag',
    delisting_date: 'text',
    market_warning: 'text',
  },
};

/** The frame with the value of a path replaced by raw JSON text. */
function withRaw(text: string, path: string, raw: string): string {
  const key = path.split('.').at(-1)!;
  const value = path === 'orderbook_units' ? String.raw`\[.*?\]` : String.raw`(?:"[^"]*"|[^,}\]]+)`;
  return text.replace(new RegExp(`"${key}":${value}`), () => `"${key}":${raw}`);
}

t.test('every field refuses malformed values by name, and the feed lives on', (t) => {
  for (const sample of EXCHANGES) {
    const { frames } = sample;
    const texts: Readonly<Record<string, string>> = {
      book: frames.SNAPSHOT,
      trade: frames.TRADE,
      ticker: frames.ticker(),
    };
    const rig = rigOf(sample);
    const wrong: string[] = [];
    let tried = 0;
    for (const [kind, fields] of Object.entries(FIELDS)) {
      for (const [path, type] of Object.entries(fields)) {
        for (const raw of WRONG[type]!) {
          const before = rig.counts['invalid']!;
          // Each alone, so that no storm of bad frames ends the connection.
          rig.nowMs += 20_000;
          rig.give(withRaw(texts[kind]!, path, raw));
          tried++;
          const { invalid, lastError } = rig.counts;
          const named = lastError.startsWith(path) || lastError.startsWith('frame is not');
          if (invalid !== before + 1 || !named)
            wrong.push(`${kind} ${path} = ${raw.slice(0, 40)}: ${lastError}`);
        }
      }
    }
    t.same(wrong, [], `${sample.name}: ${tried} bad frames counted and named`);
    t.equal(rig.board.trust[0], 0, 'no bad frame made a book usable');
    t.same(rig.trades, []);
    rig.give(frames.SNAPSHOT, frames.TRADE);
    t.ok(rig.trusted && rig.trades.length === 1, 'good frames are read');
  }
  t.end();
});

t.test('truncated, damaged and random bytes never throw and never cross a trusted book', (t) => {
  for (const sample of EXCHANGES) {
    const { frames } = sample;
    const good = [
      ...frames.BOOKS,
      frames.TRADE,
      frames.ticker(),
      frames.SIMPLE_BOOK,
      frames.STATUS,
      frames.REFUSAL,
    ];
    const rig = rigOf(sample);
    let cuts = 0;
    for (const text of good) {
      for (let length = 0; length < text.length; length += 3, cuts++) rig.give(text.slice(0, length));
    }
    t.equal(rig.counts['invalid'], cuts, 'every truncation was refused');
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.nat(), fc.integer({ min: 0, max: 255 }), (text, at, byte) => {
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte;
        rig.feed.frame(bytes, WALL, ++rig.nowMs);
      }),
      { numRuns: 1500 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) =>
        rig.feed.frame(Buffer.from(text), WALL, ++rig.nowMs),
      ),
      { numRuns: 500 },
    );
    t.equal(rig.book.isCrossed && rig.trusted, false);
  }
  t.end();
});

t.test('instruments: ticks per pair, least values, states; bad rows are refused by name', (t) => {
  const lookup = curatedRegistry.resolveMarket.bind(curatedRegistry);
  const ofUpbit = upbit().rest.parseInstruments(Buffer.from(upbitFrames.MARKETS), lookup, [
    Buffer.from(upbitFrames.TICKS),
  ]);
  t.match(ofUpbit.instruments, [
    {
      id: 'upbit:BTC-KRW',
      symbol: 'KRW-BTC',
      base: 'BTC',
      quote: 'KRW',
      tickSize: '1000',
      lotSize: '0.00000001',
      minNotional: '5000',
      state: 'trading',
      takerFeeRate: '0.0005',
      feeMode: 'quote',
      identityKnown: true,
    },
    { symbol: 'KRW-TON', identityKnown: false, tickSize: '1' },
    {
      pair: 'ETH-BTC',
      tickSize: '0.00000001',
      minNotional: '0.00005',
      state: 'warning',
      takerFeeRate: '0.0025',
    },
    { pair: 'XRP-USDT', tickSize: '0.001', minNotional: '0.5', takerFeeRate: '0.0025' },
  ]);
  t.match(ofUpbit.refused, [
    { symbol: 'KRW-SOL', reason: /tick_size is not an amount above 0: -1/ },
    { symbol: 'EUR-BTC', reason: /known quote currency/ },
    { symbol: 'KRW-DOGE', reason: /market_event\.warning is not true or false/ },
    { symbol: 'x', reason: /market is not a market QUOTE-BASE/ },
    { symbol: '?', reason: /\[8\] is not an object/ },
  ]);
  const bare = upbit().rest.parseInstruments(Buffer.from(upbitFrames.MARKETS), lookup);
  t.same(bare.instruments, [], 'without a tick nothing is listed');
  const ofBithumb = bithumb().rest.parseInstruments(Buffer.from(bithumbFrames.MARKETS), lookup, [
    Buffer.from(bithumbFrames.BOOKS_OF_MARKETS),
  ]);
  t.match(ofBithumb.instruments, [
    {
      id: 'bithumb:BTC-KRW',
      tickSize: '1000',
      lotSize: '0.0001',
      minNotional: '5000',
      takerFeeRate: '0.0025',
    },
    { pair: 'XRP-KRW', tickSize: '5', state: 'warning' },
    { pair: 'ETH-BTC', tickSize: '0.00000001', minNotional: '0.00005', takerFeeRate: '0' },
    { pair: 'SOL-KRW', tickSize: '10' },
  ]);
  t.match(ofBithumb.refused, [
    { symbol: 'KRW-DOGE', reason: /KRW-DOGE orderbook_units is not a book that shows the tick/ },
    { symbol: 'KRW-ADA', reason: /KRW-ADA orderbook_units is not told for this market/ },
    { symbol: 'KRW-ETH', reason: /market_warning is not a text/ },
    { symbol: 'EUR-BTC', reason: /known quote currency/ },
  ]);
  t.end();
});

t.test('REST books, the clock of the Date header, and errors inside HTTP 200', (t) => {
  for (const { connector, frames } of EXCHANGES) {
    const { rest, capabilities } = connector();
    const asks: number[] = [];
    const sink: FrameSink = {
      book: (event) => asks.push(event.asks.prices[0]!, event.asks.count, event.bids.count),
      bestQuote: () => undefined,
      trade: () => undefined,
      instrumentState: () => undefined,
      control: () => undefined,
    };
    rest.parseDepth(Buffer.from(frames.REST_BOOK), frames.SYMBOL, sink);
    t.equal(asks.length, 3);
    t.throws(() => rest.parseDepth(Buffer.from(frames.REST_BOOK), 'KRW-XRP', sink), /market asked for/);
    t.throws(() => rest.parseDepth(Buffer.from(bithumbFrames.REST_ERROR), frames.SYMBOL, sink), {
      code: 'ARB_EXCHANGE_ERROR',
      message: /answered 404: 'Code not found'/,
    });
    t.throws(() => rest.parseDepth(Buffer.from('{"a":1}'), frames.SYMBOL, sink), /answer is not an array/);
    const tooFast = Buffer.from('{"error":{"name":"too_many_requests"}}');
    t.throws(() => rest.parseInstruments(tooFast, curatedRegistry.resolveMarket.bind(curatedRegistry)), {
      code: 'ARB_RATE_LIMITED',
    });
    t.equal(capabilities.clockResolutionMs, 1000);
    const body = Buffer.from('[]');
    t.equal(
      rest.parseServerTime(body, { date: 'Wed, 23 Sep 2026 12:18:33 GMT' }),
      Date.UTC(2026, 8, 23, 12, 18, 33),
    );
    for (const date of ['', 'yesterday', '2026-09-23', '1790000000000'])
      t.throws(() => rest.parseServerTime(body, { date }), /date is not an HTTP date/);
    t.throws(() => rest.parseServerTime(body, {}), /date is not an HTTP date/);
    t.equal(rest.wallets, null);
  }
  t.end();
});

/** The connector, its feed and the simulated exchange in one loop of simulated time. */
class Loop {
  readonly exchanges = memoryExchanges({
    exchanges: ['upbit', 'bithumb'],
    pairs: WON_PAIRS,
    plants: NO_PLANTS,
    seed: 12,
  });
  readonly rig: Rig;
  readonly name: 'upbit' | 'bithumb';
  transport = new MemoryTransport();
  id = 0;
  nowMs = 0;
  private sinceProbeMs = 0;
  sentAt = 0;

  constructor(sample: Sample) {
    this.name = sample.name;
    const symbols = WON_PAIRS.map((pair) => pair.split('-').reverse().join('-'));
    this.rig = new Rig(sample.connector(), symbols[0]!, symbols.slice(1));
    this.connect(false);
  }

  get face() {
    return this.exchanges.faces[this.name];
  }

  connect(again = true): void {
    this.transport = new MemoryTransport();
    const id = this.face.onConnect(this.transport, PATHS[this.name]);
    if (typeof id !== 'number') throw new Error(`refused with ${id.status}`);
    this.id = id;
    if (again) this.rig.feed.opened(WALL + this.nowMs, this.nowMs);
  }

  run(ms: number): void {
    for (let left = ms; left > 0; left -= 100) {
      for (; this.sentAt < this.rig.sent.length; this.sentAt++)
        this.face.onClientFrame(this.id, this.rig.sent[this.sentAt]!);
      this.exchanges.run(100);
      this.nowMs += 100;
      this.rig.nowMs = this.nowMs;
      if ((this.sinceProbeMs += 100) >= 20_000) {
        this.face.onClientPing(this.id, Buffer.alloc(0));
        this.sinceProbeMs = 0;
      }
      for (const text of this.transport.take())
        this.rig.feed.frame(Buffer.from(text), WALL + this.nowMs, this.nowMs);
      this.rig.feed.flush();
      this.rig.feed.tick(WALL + this.nowMs, this.nowMs);
      const asked = this.rig.reconnects.splice(0).length > 0;
      if (!asked && this.transport.closedWith === null) continue;
      this.face.onClose(this.id);
      this.rig.feed.closed('lost', this.nowMs);
      this.connect();
    }
  }

  /** Trusted books equal what the engine publishes; returns the symbols that are not trusted. */
  compare(t: Test): string[] {
    const untrusted: string[] = [];
    for (const market of this.exchanges.world.marketsOf(this.name)) {
      const { symbol, tick, lot } = market.listing;
      const { depth } = this.rig.feed.follow(symbol)!;
      if (!depth.trusted) {
        untrusted.push(symbol);
        continue;
      }
      const { asks, bids } = market.ladder();
      const exact = (count: number, step: { units: number; decimals: number }) =>
        Number(`${count * step.units}e-${step.decimals}`);
      for (const [side, ladder, count] of [
        ['ask', asks, depth.book.askCount],
        ['bid', bids, depth.book.bidCount],
      ] as const) {
        const ours = Array.from({ length: count }, (_, i) => [
          depth.book.price(side, i),
          depth.book.size(side, i),
        ]);
        const theirs = ladder.prices
          .slice(0, count)
          .map((price, i) => [exact(price, tick), exact(ladder.lots[i]!, lot)]);
        t.same(ours, theirs, `${symbol} ${side}`);
      }
    }
    return untrusted;
  }
}

for (const sample of EXCHANGES) {
  t.test(`${sample.name}: the feed follows the simulated exchange through its faults`, (t) => {
    const loop = new Loop(sample);
    const { rig, face } = loop;
    const { SYMBOL } = sample.frames;
    loop.run(2_000);
    t.same(loop.compare(t), [], 'live');
    t.match(rig.counts, { state: 'live', invalid: 0, unknownSymbol: 0 });
    loop.run(60_000);
    t.ok(rig.trades.length > 20, `${rig.trades.length} trades`);
    t.equal(
      new Set(rig.trades.map(({ instrument, tradeId }) => `${instrument} ${tradeId}`)).size,
      rig.trades.length,
    );
    const drop = face.faults.add({ kind: 'drop', channel: 'orderbook', probability: 0.3 });
    const twice = face.faults.add({ kind: 'duplicate', channel: 'orderbook', probability: 0.3 });
    const swap = face.faults.add({ kind: 'reorder', channel: 'orderbook', probability: 0.2 });
    loop.run(5_000);
    for (const end of [drop, twice, swap]) end();
    loop.run(1_000);
    t.same(loop.compare(t), [], 'lost, repeated and swapped frames leave nothing behind');
    for (const kind of ['garbage', 'truncate'] as const) {
      const end = face.faults.add({ kind, symbol: SYMBOL, channel: 'orderbook', probability: 0.5 });
      loop.run(3_000);
      end();
    }
    t.ok(rig.counts['invalid']! > 10);
    loop.run(3_000);
    t.same(loop.compare(t), [], 'healed from garbage');
    const silence = face.faults.add({ kind: 'mute' });
    loop.run(40_000);
    silence();
    loop.run(12_000);
    t.same(loop.compare(t), [], 'connected anew after silence');
    t.ok(rig.counts['connections']! > 1);
    const quiet = face.faults.add({ kind: 'mute', symbol: SYMBOL });
    loop.run(125_000);
    t.same(loop.compare(t), [SYMBOL], 'a symbol that fell silent is not trusted');
    quiet();
    loop.run(15_000);
    t.same(loop.compare(t), [], 'and trusted again by itself');
    face.setNotice(SYMBOL, { suspended: true });
    loop.run(300);
    t.match(rig.states.at(-1), /^halted/);
    face.disconnect(1006);
    loop.run(3_000);
    t.same(loop.compare(t), [], 'and after a lost connection');
    t.same(rig.failures, []);
    t.end();
  });

  t.test(`${sample.name}: instruments and the clock over the simulated REST interface`, async (t) => {
    const { exchanges, face } = new Loop(sample);
    const connector = sample.connector();
    const urls: string[] = [];
    const clock = { nowMs: () => START_MS + 250, monotonicMs: () => 0 };
    const context = {
      connector,
      endpoints: { websocketUrl: '', restUrl: '' },
      http: {
        request: ({ url, method }: { url: string; method: string }) => {
          urls.push(url);
          const { status, headers, body } = face.handleHttp({ method, url });
          return Promise.resolve({ status, headers, body: Buffer.from(body) });
        },
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      clock,
      timers: { setTimer: () => 0, clearTimer: () => undefined, setImmediate: () => undefined },
    } as unknown as Parameters<typeof loadInstruments>[0];
    face.setNotice('KRW-XRP', { warning: 'CAUTION' });
    const lookup = curatedRegistry.resolveMarket.bind(curatedRegistry);
    const { instruments, refused } = await loadInstruments(context, lookup);
    t.same(refused, []);
    for (const { listing } of exchanges.world.marketsOf(sample.name)) {
      const found = instruments.find(({ pair }) => pair === listing.pair)!;
      t.same(
        [found.symbol, found.tickSize, found.lotSize, found.minNotional, found.state],
        [
          listing.symbol,
          listing.tick.text,
          listing.lot.text,
          String(listing.minNotional),
          listing.base === 'XRP' ? 'warning' : 'trading',
        ],
      );
    }
    t.equal(urls.length, 2, 'the list, and one question about all its markets');
    const { offsetMs, uncertaintyMs } = await sampleClock(context);
    t.same(
      [offsetMs, uncertaintyMs],
      [250, 500],
      'a clock of whole seconds is read at the middle of its tick',
    );
    // One market that the exchange does not know spoils the answer about all.
    const { instrumentDetails: details } = connector.rest;
    const spoiled = {
      ...context,
      connector: {
        ...connector,
        rest: {
          ...connector.rest,
          instrumentDetails: {
            ...details!,
            markets: (list: Buffer) => [
              ...details!.markets(list),
              { symbol: 'KRW-GONE', quoteTicker: 'KRW', baseTicker: 'GONE' },
            ],
          },
        },
      },
    };
    const again = await loadInstruments(spoiled, lookup);
    t.equal(again.instruments.length, WON_PAIRS.length, 'ever fewer are asked for, and no good one is lost');
  });
}

const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';

const FAULTS = fc.array(
  fc.record<Fault>({
    kind: fc.constantFrom('drop', 'duplicate', 'repeat-later', 'swap', 'truncate'),
    at: fc.noBias(fc.integer({ min: 0, max: 8_000 })).map((n) => n / 10_000),
  }),
  { minLength: 1, maxLength: 6 },
);

t.test(
  'captured frames, damaged: no wrong trusted book, and every book is trusted again',
  { skip },
  async (t) => {
    for (const [name, file, connector] of [
      ['upbit', 'derived/upbit-default-from-cryptofeed-20210417.jsonl', upbit],
      ['bithumb', 'derived/bithumb-v1ws-from-upbit-cryptofeed-20210417.jsonl', bithumb],
    ] as const) {
      const capture = await captureOf(folder!, file, 145);
      const scenario = {
        capture,
        connector,
        symbols: ['KRW-LAMB', 'KRW-WAVES', 'BTC-XTZ', 'BTC-ITAM', 'BTC-PAX'],
        writeSnapshot: (symbol: string, book: OrderBook, timeMs: number) => {
          const count = Math.max(book.askCount, book.bidCount);
          const units = Array.from({ length: count }, (_, i) => ({
            ask_price: i < book.askCount ? book.price('ask', i) : 0,
            bid_price: i < book.bidCount ? book.price('bid', i) : 0,
            ask_size: i < book.askCount ? book.size('ask', i) : 0,
            bid_size: i < book.bidCount ? book.size('bid', i) : 0,
          }));
          // What the exchange sends is the book of now, at its own time.
          const timestamp = name === 'upbit' ? Math.floor(timeMs - 1) : Math.floor((timeMs - 1) * 1000);
          return Buffer.from(
            JSON.stringify({
              type: 'orderbook',
              code: symbol,
              timestamp,
              orderbook_units: units,
              stream_type: 'SNAPSHOT',
            }),
          );
        },
        keyOf: (symbol: string, _book: OrderBook, timeMs: number) => `${symbol} ${timeMs}`,
        levels: Infinity,
      };
      const calm = runDamaged(scenario, []);
      t.same([calm.wrong, calm.untrustedAtEnd], [[], []], 'the clean stream agrees with itself');
      let noticed = 0;
      fc.assert(
        fc.property(FAULTS, (faults) => {
          const outcome = runDamaged(scenario, faults);
          if (outcome.distrusted > calm.distrusted) noticed++;
          if (outcome.wrong.length > 0) throw new Error(outcome.wrong.slice(0, 3).join('; '));
        }),
        { numRuns: 40, seed: 20_261_122 },
      );
      t.ok(noticed > 10, `${name}: ${noticed} of 40 damaged streams made a book untrusted for a while`);
    }
  },
);
