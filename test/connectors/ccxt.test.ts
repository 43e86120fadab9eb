import fc from 'fast-check';
import t from 'tap';
import { ccxt } from '../../src/connectors/ccxt.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { TradePrint } from '../../src/messages/feed.js';
import type { CcxtBook, CcxtExchange } from '../../src/runtime/platform/ccxt-exchange.js';
import { CcxtHost } from '../../src/runtime/platform/ccxt-host.js';
import type { CcxtReport } from '../../src/runtime/platform/ccxt-protocol.js';

/** The pure side with hand-written structures, and the side of the library with a library made for the test. */

const WALL = 1_790_000_000_000;
const ASSETS = { BTC: 'BTC', ETH: 'ETH', USDT: 'USDT' };
const connector = () => ccxt({ exchange: 'kraken', ccxtId: 'kraken', assets: ASSETS });

const book = (count: number, changes: object = {}) => ({
  channel: 'book',
  symbol: 'BTC/USDT',
  count,
  timestamp: WALL + count,
  nonce: null,
  bids: [
    [100, 5],
    [99.5, 6],
  ],
  asks: [
    [101, 7],
    [102, 8],
  ],
  ...changes,
});
const trade = {
  channel: 'trades',
  symbol: 'BTC/USDT',
  trades: [{ id: '77', price: 100.5, amount: 1e-7, side: 'buy', timestamp: WALL }],
};

class Rig {
  readonly board = new QuoteBoard(2);
  readonly sent: string[] = [];
  readonly trades: TradePrint[] = [];
  readonly reconnects: string[] = [];
  readonly feed: MarketFeed;
  nowMs = 0;

  constructor() {
    this.feed = new MarketFeed({
      connector: connector(),
      instruments: [{ id: 'kraken:BTC-USDT', symbol: 'BTC/USDT' }],
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: () => undefined,
        reconnect: (reason) => this.reconnects.push(reason),
        instrumentState: () => undefined,
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: () => undefined,
      },
      limiter: new RateLimiter([]),
      random: () => 0.5,
      epoch: 1,
    });
    this.feed.opened(WALL, 0);
  }

  give(...frames: object[]): this {
    for (const frame of frames)
      this.feed.frame(Buffer.from(JSON.stringify(frame)), WALL + ++this.nowMs, this.nowMs);
    this.feed.flush();
    return this;
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.feed.tick(WALL + this.nowMs, this.nowMs);
  }

  get trusted(): boolean {
    return this.feed.follow('BTC/USDT')!.depth.trusted && this.board.trust[0] === TRUST_OK;
  }

  get top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }
}

t.test('every frame is the whole book; levels without size are left out', async (t) => {
  const rig = new Rig().give(
    book(1),
    book(2, {
      bids: [
        [100.25, 1],
        [100, 0],
        [99, 2],
      ],
      nonce: 12,
    }),
  );
  t.same([rig.trusted, ...rig.top], [true, 100.25, 1, 101, 7]);
  const { depth } = rig.feed.follow('BTC/USDT')!;
  t.same([depth.book.bidCount, depth.book.price('bid', 1), depth.book.sequence], [2, 99, 12]);
  rig.give(book(3, { timestamp: null }));
  t.same([rig.trusted, ...rig.top], [true, 100, 5, 101, 7], 'also without a time');
});

t.test(
  'an opaque book is distrusted when crossed, when ccxt gave it up, when silent and off line',
  async (t) => {
    const rig = new Rig().give(book(1), book(2, { bids: [[101, 1]] }));
    t.notOk(rig.trusted, 'crossed');
    t.match(rig.sent.map((frame) => JSON.parse(frame) as object).slice(-2), [
      { op: 'unsubscribe', channels: ['book'], symbols: ['BTC/USDT'] },
      { op: 'subscribe', channels: ['book'], symbols: ['BTC/USDT'] },
    ]);
    rig.give(book(3));
    t.ok(rig.trusted);
    rig.give({ channel: 'book', symbol: 'BTC/USDT', lost: 'ChecksumError: x' });
    t.notOk(rig.trusted, 'given up');
    t.match(rig.feed.summary(rig.nowMs), {
      invalid: 1,
      lastError: /book is not held by ccxt any longer: 'ChecksumError: x'/,
    });
    rig.give(book(4));
    for (let i = 0; i < 3; i++) rig.wait(8000);
    t.notOk(rig.trusted, 'silent');
    t.ok(rig.reconnects.length > 0);
    rig.give(book(5));
    rig.feed.closed('lost', rig.nowMs);
    t.notOk(rig.trusted, 'off line');
  },
);

t.test('a refused symbol is named; a refused trade channel leaves its book alone', async (t) => {
  const rig = new Rig().give(book(1));
  const refused = (channel: string) => ({
    event: 'refused',
    channel,
    symbol: 'BTC/USDT',
    code: 'NotSupported',
    message: 'no',
  });
  rig.give(
    refused('trades'),
    { event: 'subscribed', channel: 'book', symbol: 'BTC/USDT' },
    { event: 'other' },
  );
  t.match(rig.feed.summary(rig.nowMs), { state: 'live', refused: 1, control: 3 });
  t.match(new Rig().give(refused('book')).feed.summary(1), { symbols: [{ state: 'stale' }] });
});

t.test('prints carry the shortest decimal of a number', async (t) => {
  t.match(new Rig().give(trade).trades, [
    { tradeId: '77', price: '100.5', quantity: '0.0000001', side: 'buy' },
  ]);
});

t.test('every field refuses malformed values by name, and the feed lives on', async (t) => {
  const wrong = ['null', '"x"', '-1', '[]', '{}', 'true', '1e400', '""', '"1e3"', `"${'9'.repeat(60)}"`];
  const fields: [object, string, readonly string[]][] = [
    [book(1), 'bids[0][0]', [...wrong, '0']],
    [book(1), 'bids[0][1]', wrong],
    [book(1), 'asks[1][0]', [...wrong, '0']],
    [book(1), 'bids', ['null', '5', '{}', '[5]', '[[1]]', `[${Array(51).fill('[1,1]').join()}]`]],
    [book(1), 'count', [...wrong, '1.5', '"1"']],
    [book(1), 'timestamp', wrong.filter((raw) => raw !== 'null')],
    [book(1), 'nonce', wrong.filter((raw) => raw !== 'null')],
    [book(1), 'symbol', ['null', '5', '""']],
    [trade, 'trades[0].price', [...wrong, '0']],
    [trade, 'trades[0].amount', [...wrong, '0']],
    [trade, 'trades[0].side', ['null', '"up"']],
    [trade, 'trades[0].id', ['null', '""', '[]']],
    [trade, 'trades[0].timestamp', wrong],
    [trade, 'trades', ['null', '{}', '[5]']],
  ];
  const rig = new Rig();
  const unnamed: string[] = [];
  let tried = 0;
  for (const [frame, path, raws] of fields) {
    for (const raw of raws) {
      tried++;
      const copy = structuredClone(frame) as Record<string, unknown>;
      const keys = path.split(/[.[\]]+/).filter((key) => key !== '');
      let at = copy;
      for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
      at[keys.at(-1)!] = '@RAW@';
      const text = JSON.stringify(copy).replace('"@RAW@"', () => raw);
      rig.feed.frame(Buffer.from(text), WALL, ++rig.nowMs);
      const { invalid, lastError } = rig.feed.summary(rig.nowMs) as { invalid: number; lastError: string };
      if (invalid !== tried || !lastError.startsWith(path)) unnamed.push(`${path} = ${raw}: ${lastError}`);
    }
  }
  t.same(unnamed, []);
  t.notOk(rig.trusted);
  t.ok(rig.give(book(2)).trusted, 'and reads good frames afterwards');
  fc.assert(
    fc.property(fc.json(), (json) => rig.feed.frame(Buffer.from(json), WALL, 1)),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bytes = Buffer.from(JSON.stringify(book(9)));
      bytes[at % bytes.length] = byte;
      rig.feed.frame(bytes, WALL, 1);
      const { depth } = rig.feed.follow('BTC/USDT')!;
      if (depth.trusted && depth.book.isCrossed) throw new Error('a crossed book is trusted');
    }),
    { numRuns: 500 },
  );
});

const market = (changes: object = {}) => ({
  symbol: 'BTC/USDT',
  base: 'BTC',
  quote: 'USDT',
  active: true,
  precision: { price: 0.1, amount: 1e-8 },
  limits: { amount: { min: 0.0001, max: 1000 }, cost: { min: 5 }, price: {} },
  taker: 0.0026,
  maker: -0.0001,
  ...changes,
});
const list = (precisionMode: number, ...markets: unknown[]) =>
  connector().rest.parseInstruments(Buffer.from(JSON.stringify({ precisionMode, markets })), (...names) =>
    curatedRegistry.resolveMarket(...names),
  );

t.test('markets: exact rules from floats, every precision mode, vouched identities only', async (t) => {
  t.match(list(4, market()).instruments, [
    {
      id: 'kraken:BTC-USDT',
      tickSize: '0.1',
      lotSize: '0.00000001',
      minQuantity: '0.0001',
      maxQuantity: '1000',
      minNotional: '5',
      takerFeeRate: '0.0026',
      makerFeeRate: '0',
      bookProof: 'opaque',
      identityKnown: true,
      state: 'trading',
    },
  ]);
  t.match(
    list(2, market({ precision: { price: 2, amount: 0 }, limits: {}, taker: null, active: false }))
      .instruments,
    [
      {
        tickSize: '0.01',
        lotSize: '1',
        minQuantity: '0',
        maxQuantity: null,
        minNotional: '0',
        takerFeeRate: '0.003',
        state: 'halted',
      },
    ],
  );
  const odd = list(
    4,
    market({ base: 'DOGE', symbol: 'DOGE/USDT', active: null }),
    market({ symbol: 'constructor', base: 'constructor' }),
  ).instruments;
  t.match(odd, [{ identityKnown: false, state: 'unknown' }, { identityKnown: false }]);
  t.match(list(3, market()).refused, [
    { symbol: 'BTC/USDT', reason: /precisionMode is not one that gives a fixed step/ },
  ]);
  for (const [changes, reason] of [
    [{ precision: { price: null, amount: 1 } }, /precision\.price is not a number above 0/],
    [{ precision: { price: 0, amount: 1 } }, /precision\.price/],
    [{ limits: null }, /limits is not an object/],
    [{ limits: { amount: { min: -1 } } }, /limits\.amount\.min/],
    [{ taker: 2 }, /taker is not a rate below 1/],
    [{ symbol: '' }, /symbol is not a symbol/],
  ] as const) {
    const { instruments, refused } = list(4, market(changes), market());
    t.match(refused, [{ reason }]);
    t.equal(instruments.length, 1, 'the others stand');
  }
  const { path } = connector().rest.instruments(null);
  t.equal(path, '/markets?codes=BTC%2CETH%2CUSDT');
  t.equal(connector().rest.parseServerTime(Buffer.from(`{"time":${WALL}}`), {}), WALL);
  t.match(connector().capabilities, { syncRule: 'opaque', checksum: 'none' });
});

/** A library that does what a test tells it. */
class FakeExchange implements CcxtExchange {
  has: Record<string, unknown> = { unWatchOrderBook: true };
  precisionMode = 4;
  markets = { 'BTC/USDT': { ...market(), spot: true }, 'BTC/USDT:USDT': { ...market(), spot: false } };
  currencies = {};
  pongs: (() => void)[] = [];
  pings = 0;
  terminated = 0;
  clients = {
    a: {
      connection: {
        readyState: 1,
        ping: () => void this.pings++,
        terminate: () => void this.terminated++,
        once: (_event: 'pong', listener: () => void) => void this.pongs.push(listener),
      },
    },
  };
  closed = 0;
  unwatched: string[] = [];
  private readonly waiting: { resolve: (value: CcxtBook) => void; reject: (error: Error) => void }[] = [];
  trades: (() => Promise<readonly unknown[]>) | null = null;

  /** The library heard something of a book. */
  push(value: CcxtBook): void {
    for (const one of this.waiting.splice(0)) one.resolve(value);
  }
  fail(name: string): void {
    for (const one of this.waiting.splice(0)) one.reject(named(name));
  }
  get watchers(): number {
    return this.waiting.length;
  }
  handleMessage(_client: unknown, _message: unknown): unknown {
    return 'handled';
  }
  client(): object {
    return {};
  }
  loadMarkets = async () => undefined;
  setMarkets = () => undefined;
  watchOrderBook = () => new Promise<CcxtBook>((resolve, reject) => this.waiting.push({ resolve, reject }));
  watchTrades = () => this.trades?.() ?? new Promise<never>(() => undefined);
  unWatchOrderBook = async (symbol: string) => void this.unwatched.push(symbol);
  fetchOrderBook = async () => pushed(1);
  fetchTime = async (): Promise<unknown> => WALL;
  close = async () => void this.closed++;
}

function named(name: string): Error {
  const error = new Error('told by the test');
  error.name = name;
  return error;
}

const pushed = (bid: number): CcxtBook => ({
  bids: [[bid, 1]],
  asks: [[200, 1]],
  timestamp: WALL + 0.5,
  nonce: 7,
});
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

async function opened() {
  const made: FakeExchange[] = [];
  const reports: CcxtReport[] = [];
  const host = new CcxtHost(
    async () => made[made.push(new FakeExchange()) - 1]!,
    (report) => reports.push(report),
  );
  host.handle({ kind: 'open', session: 1 });
  await settled();
  const frames = () =>
    reports.flatMap((report) =>
      report.kind === 'frame' ? [JSON.parse(report.text) as Record<string, unknown>] : [],
    );
  const ask = (op: string, channels = ['book']) =>
    host.handle({ kind: 'send', session: 1, text: JSON.stringify({ op, channels, symbols: ['BTC/USDT'] }) });
  return { host, reports, frames, ask, exchange: made[1]!, lists: made[0]! };
}

t.test('a line sends the newest book only, and the next when the last was taken', async (t) => {
  const { host, reports, frames, ask, exchange } = await opened();
  t.same(reports, [{ kind: 'opened', session: 1 }]);
  ask('subscribe');
  for (const bid of [100, 101, 102]) {
    await settled();
    exchange.push(pushed(bid));
  }
  await settled();
  const books = () => frames().filter(({ channel, event }) => channel === 'book' && event === undefined);
  t.match(books(), [{ count: 1, bids: [[100, 1]], timestamp: WALL, nonce: 7 }], 'one is on its way');
  host.handle({ kind: 'taken', session: 1, key: 'book BTC/USDT' });
  t.match(books()[1], { count: 2, bids: [[102, 1]] }, 'what came between is conflated');
  host.handle({ kind: 'taken', session: 1, key: 'book BTC/USDT' });
  t.equal(books().length, 2, 'and nothing is sent twice');
});

t.test('errors of the library: given up, refused, or the end of the line', async (t) => {
  for (const [name, expected] of [
    ['ChecksumError', { channel: 'book', lost: /ChecksumError/ }],
    ['UnsubscribeError', { lost: /UnsubscribeError/ }],
    ['BadSymbol', { event: 'refused', code: 'BadSymbol', channel: 'book' }],
  ] as const) {
    const { frames, ask, exchange, reports } = await opened();
    ask('subscribe');
    await settled();
    exchange.fail(name);
    await settled();
    t.match(frames().at(-1), expected, name);
    t.notOk(reports.some(({ kind }) => kind === 'closed'));
  }
  for (const name of ['NetworkError', 'ExchangeNotAvailable', 'TypeError', 'ExchangeClosedByUser']) {
    const { ask, exchange, reports } = await opened();
    ask('subscribe');
    await settled();
    exchange.fail(name);
    await settled();
    t.match(reports.at(-1), { kind: 'closed', code: 1006, reason: new RegExp(name) });
    t.same([exchange.terminated, exchange.closed], [1, 1], 'nothing of it is left');
  }
});

t.test('what the library would swallow ends the line; words and objects do not', async (t) => {
  const { exchange, reports } = await opened();
  for (const message of [{ a: 1 }, 'pong', 'primus::ping::1', '42["x"]', Buffer.from('x')])
    t.equal(exchange.handleMessage(null, message), 'handled');
  t.ok(
    reports.some(({ kind }) => kind === 'alive'),
    'and prove the line alive',
  );
  for (const message of ['{"cut', '[1,', '\u0000bin', 'ünreadable']) {
    const line = await opened();
    line.exchange.handleMessage(null, message);
    t.match(line.reports.at(-1), { kind: 'closed', code: 1007 }, JSON.stringify(message));
  }
  const client = exchange.client() as { log?: unknown };
  t.type(client.log, 'function', 'and it prints nothing');
});

t.test('a new subscription waits for the old one to go; without that the line ends', async (t) => {
  const { exchange, ask, reports } = await opened();
  ask('subscribe');
  await settled();
  let drop: () => void = () => undefined;
  exchange.unWatchOrderBook = () => new Promise<undefined>((resolve) => (drop = () => resolve(undefined)));
  ask('unsubscribe');
  ask('subscribe');
  await settled();
  t.equal(exchange.watchers, 1, 'only the old one');
  drop();
  await settled();
  t.equal(exchange.watchers, 2);
  exchange.has = {};
  ask('unsubscribe');
  t.match(reports.at(-1), { kind: 'closed', reason: /cannot drop this book alone/ });
});

t.test('pings are answered when every connection has answered', async (t) => {
  const { host, exchange, reports } = await opened();
  host.handle({ kind: 'ping', session: 1 });
  t.equal(exchange.pings, 1);
  t.equal(reports.length, 1, 'not before');
  exchange.pongs[0]!();
  t.same(reports.at(-1), { kind: 'alive', session: 1 });
});

t.test('prints are collected, bounded, and left out where they say too little', async (t) => {
  const { host, ask, exchange, frames } = await opened();
  const full = { id: '1', price: 1, amount: 2, side: 'buy', timestamp: WALL, cost: 3 };
  const batches = [[full, { ...full, id: undefined }, null], [{ ...full, id: '2' }]];
  exchange.trades = () => {
    const batch = batches.shift();
    return batch === undefined ? new Promise<never>(() => undefined) : Promise.resolve(batch);
  };
  ask('subscribe', ['trades']);
  await settled();
  const sent = () => frames().filter(({ trades }) => trades !== undefined);
  t.same(sent()[0]!['trades'], [{ id: '1', price: 1, amount: 2, side: 'buy', timestamp: WALL }]);
  host.handle({ kind: 'taken', session: 1, key: 'trades BTC/USDT' });
  t.match(sent()[1]!['trades'], [{ id: '2' }]);
});

t.test(
  'requests: markets, time, a book, errors as statuses; and an escaped error ends every line',
  async (t) => {
    const { host, reports, lists, exchange } = await opened();
    const ask = async (path: string) => {
      host.handle({ kind: 'request', id: 9, path });
      await settled();
      const { status, body } = reports.at(-1) as { status: number; body: string };
      return { status, body: JSON.parse(body) as Record<string, unknown> };
    };
    const { body } = await ask('/markets?codes=BTC,USDT');
    t.equal((body['markets'] as unknown[]).length, 1, 'spot only');
    t.equal(((await ask('/markets?codes=ETH')).body['markets'] as unknown[]).length, 0);
    t.same(await ask('/time'), { status: 200, body: { time: WALL } });
    t.match(await ask('/book?symbol=BTC/USDT'), { status: 200, body: { count: 0, bids: [[1, 1]] } });
    t.equal((await ask('/nothing')).status, 503);
    for (const [name, status] of [
      ['NotSupported', 501],
      ['RateLimitExceeded', 429],
      ['BadSymbol', 400],
      ['NetworkError', 503],
    ] as const) {
      lists.fetchTime = () => Promise.reject(named(name));
      t.match(await ask('/time'), { status, body: { error: new RegExp(name) } });
    }
    host.fault(new Error('forgotten'));
    t.match(reports.at(-1), { kind: 'closed', reason: /an error escaped ccxt: forgotten/ });
    t.equal(exchange.closed, 1);
    host.handle({ kind: 'close', session: 2 });
    host.handle({ kind: 'open', session: 2 });
    await settled();
    t.match(reports.at(-1), { kind: 'closed', session: 2 }, 'closed before it was open');
  },
);
