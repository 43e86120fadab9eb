import fc from 'fast-check';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { BookEvent, ControlEvent, FrameSink, TradeEvent } from '../../src/connectors/base.js';
import { gate } from '../../src/connectors/gate.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { FaceSession } from '../contract/connector/face-session.js';
import { FeedRig, WALL } from '../contract/connector/rig.js';
import { wireFolder } from '../shared-data.js';
import { captureOf, levelRows, runDamaged, type Fault, type Scenario } from './damaged-stream.js';
import * as g from './fixtures-gate.js';

const folder = wireFolder();
const skip = folder === null && 'no captured frames are present';
const LOOKUP = (...names: Parameters<typeof curatedRegistry.resolveMarket>) =>
  curatedRegistry.resolveMarket(...names);

const rig = (options: Parameters<typeof gate>[0] = {}) => new FeedRig(gate(options), g.SYMBOL);
const START = g.full(
  100,
  [
    ['100', '5'],
    ['99', '6'],
  ],
  [
    ['101', '7'],
    ['102', '8'],
  ],
);

class Kept implements FrameSink {
  readonly controls: ControlEvent[] = [];
  readonly trades: TradeEvent[] = [];
  books = 0;
  book(_event: BookEvent): void {
    this.books++;
  }
  bestQuote(): void {
    // Not compared.
  }
  trade(event: TradeEvent): void {
    this.trades.push(event);
  }
  control(event: ControlEvent): void {
    this.controls.push(event);
  }
  instrumentState(): void {
    // Gate sends none.
  }
}

function decoded(frame: unknown): { header: object; kept: Kept } {
  const kept = new Kept();
  const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
  return { header: { ...gate().decode(Buffer.from(text), kept) }, kept };
}

t.test('books of spot.obu', async (t) => {
  t.test(
    'a whole book and deltas counted without a hole are trusted, in whatever order levels come',
    async (t) => {
      const one = rig();
      one.give(...g.DAY);
      t.ok(one.trusted);
      t.same(one.top(), [100, 4, 101, 7]);
      const { book, counters } = one.feed.follow(g.SYMBOL)!.depth;
      t.same([book.bidCount, book.price('bid', 1), book.askCount, book.price('ask', 1)], [2, 98, 2, 103]);
      t.equal(book.sequence, 105);
      t.match(counters, { snapshots: 1, gaps: 0 });
      t.match(one.trades, [{ tradeId: '8000000001', side: 'sell' }]);
      t.same([one.count('invalid'), one.count('foreign'), one.count('control')], [0, 0, 2]);
    },
  );
  t.test('a book before its answer is used like any other', async (t) => {
    const one = rig();
    one.give(START);
    t.ok(one.trusted, 'the answer has not come yet');
    one.give(g.ack(), g.delta(101, 101, [['100', '1']], []));
    t.same([one.trusted, ...one.top()], [true, 100, 1, 101, 7]);
  });
  t.test('an empty delta advances, also one that leaves its sides out', async (t) => {
    const one = rig();
    const bare = {
      channel: 'spot.obu',
      event: 'update',
      result: { t: g.T, s: 'ob.BTC_USDT.400', u: 104, U: 103 },
    };
    one.give(START, g.delta(101, 102, [], []), bare, g.delta(105, 105, [['100', '1']], []));
    t.same([one.trusted, ...one.top()], [true, 100, 1, 101, 7]);
  });
  t.test('a hole distrusts at once and asks for the book anew; a whole book heals it', async (t) => {
    const one = rig();
    const before = one.sent.length;
    one.give(START, g.delta(103, 104, [['100', '1']], []));
    t.notOk(one.trusted);
    const asked = one.sent.slice(before).map((frame) => JSON.parse(frame) as Record<string, unknown>);
    t.match(asked, [
      { channel: 'spot.obu', event: 'unsubscribe', payload: ['ob.BTC_USDT.400'] },
      { channel: 'spot.obu', event: 'subscribe', payload: ['ob.BTC_USDT.400'] },
    ]);
    one.give(g.full(110, [['90', '1']], [['91', '2']]));
    t.same([one.trusted, ...one.top()], [true, 90, 1, 91, 2]);
  });
  t.test('a whole book replaces at any time, also one that counts from a smaller number', async (t) => {
    const one = rig();
    one.give(START, g.full(101, [['95', '1']], [['96', '2']]));
    t.same([one.trusted, ...one.top()], [true, 95, 1, 96, 2]);
    one.give({ ...g.full(7, [['80', '1']], [['81', '2']], { t: g.T + 500 }) });
    t.same([one.trusted, ...one.top()], [true, 80, 1, 81, 2]);
    one.give(g.delta(8, 8, [['80', '3']], []));
    t.same([one.trusted, ...one.top()], [true, 80, 3, 81, 2]);
  });
  t.test('frames of another depth are not mixed in', async (t) => {
    const one = rig();
    one.give(START, g.full(101, [['50', '1']], [['51', '1']], {}, 50));
    t.same(one.top(), [100, 5, 101, 7]);
    const shallow = rig({ depth: 50 });
    shallow.give(g.full(101, [['50', '1']], [['51', '1']], {}, 50));
    t.same([shallow.trusted, ...shallow.top()], [true, 50, 1, 51, 1]);
  });
  t.test('a newer quote corrects the top, an older one does not', async (t) => {
    const one = rig();
    one.give(START, g.quote(101, '100.5', '101'));
    t.same(one.top(), [100.5, 2, 101, 3]);
    one.give(g.delta(101, 103, [['100', '1']], []));
    t.same(one.top(), [100, 1, 101, 7]);
    one.give(g.quote(102, '100.7', '101'));
    t.same(one.top(), [100, 1, 101, 7]);
    one.give({ ...g.quote(104, '', '101', { B: '0' }) });
    t.same([one.trusted, ...one.top()], [true, 100, 1, 101, 7], 'one-sided');
    t.equal(one.count('invalid'), 0);
  });
  t.test('any chain of deltas, cut anywhere, gives the book of its levels or no trust', async () => {
    const level = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 9 }));
    const frame = fc.record({
      bids: fc.array(level),
      asks: fc.array(level),
      span: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        fc.boolean(),
        (frames, lost, drop) => {
          const one = rig();
          const [bids, asks] = [new Map([[100, 5]]), new Map([[200, 5]])];
          one.give(g.full(0, [['100', '5']], [['200', '5']]));
          let u = 0;
          let isWhole = true;
          for (const [index, { bids: b, asks: a, span }] of frames.entries()) {
            const sides = [
              b.map(([p, s]) => [100 - p, s] as const),
              a.map(([p, s]) => [200 + p, s] as const),
            ] as const;
            const texts = sides.map((side): g.Levels =>
              side.map(([p, s]) => [String(p), String(s)] as const),
            );
            const next = g.delta(u + 1, u + span, texts[0]!, texts[1]!);
            u += span;
            if (drop && index === lost) isWhole = false;
            else one.give(next);
            for (const [from, into] of [
              [sides[0], bids],
              [sides[1], asks],
            ] as const)
              for (const [p, s] of from)
                if (s === 0) into.delete(p);
                else into.set(p, s);
          }
          const isCut = !isWhole && lost < frames.length - 1;
          if (isCut === one.trusted) throw new Error(`trusted: ${one.trusted}`);
          const { book } = one.feed.follow(g.SYMBOL)!.depth;
          if (one.trusted && isWhole && JSON.stringify(levelsOf(book)) !== JSON.stringify(plain(bids, asks)))
            throw new Error(`${JSON.stringify(levelsOf(book))} is not ${JSON.stringify(plain(bids, asks))}`);
        },
      ),
      { numRuns: 200 },
    );
  });
});

const plain = (bids: Map<number, number>, asks: Map<number, number>) => [
  [...bids].sort((a, b) => b[0] - a[0]),
  [...asks].sort((a, b) => a[0] - b[0]),
];
const levelsOf = (book: OrderBook) =>
  (['bid', 'ask'] as const).map((side) =>
    levelRows(book, side).map(([price, size]) => [Number(price), Number(size)]),
  );

t.test('books of spot.order_book_update', async (t) => {
  const old = () => rig({ bookChannel: 'spot.order_book_update' });
  t.test('diffs wait for the REST book, older ones are dropped, the first must cover it', async (t) => {
    const one = old();
    one.give(
      g.diff(10, 12, [['100', '1']], []),
      g.diff(13, 15, [['100', '2']], []),
      g.diff(16, 18, [['99', '0']], []),
    );
    t.match(one.requests, [
      { request: { path: '/api/v4/spot/order_book?currency_pair=BTC_USDT&limit=100&with_id=true' } },
    ]);
    one.answer(
      g.snapshot(
        14,
        [
          ['100', '9'],
          ['99', '1'],
        ],
        [['101', '7']],
      ),
    );
    t.same([one.trusted, ...one.top()], [true, 100, 2, 101, 7]);
    t.match(one.feed.follow(g.SYMBOL)!.depth.counters, { framesBeforeSync: 1, bridgeOk: 1, sequenceOk: 1 });
    one.give(g.diff(20, 20, [], []));
    t.notOk(one.trusted, 'a number is missing');
  });
  t.test('a REST book older than the first diff is fetched again', async (t) => {
    const one = old();
    one.give(g.diff(10, 12, [['100', '1']], []));
    one.answer(g.snapshot(5, [['100', '9']], [['101', '7']]));
    t.notOk(one.trusted);
    one.wait(1000);
    one.answer(g.snapshot(11, [['100', '9']], [['101', '7']]));
    t.same([one.trusted, ...one.top()], [true, 100, 1, 101, 7]);
  });
  t.test('a quote of the number of the book must equal it', async (t) => {
    const one = old();
    one.give(g.diff(10, 12, [['100', '2']], [['101', '3']]));
    one.answer(g.snapshot(11, [['100', '9']], [['101', '7']]));
    one.give(g.quote(12, '100', '101'));
    t.ok(one.trusted);
    one.give(g.diff(13, 13, [['100', '8']], []), g.quote(13, '100', '101'));
    t.notOk(one.trusted);
  });
  t.test('an error inside an answer and a limit stop the snapshots, nothing else', async (t) => {
    const one = old();
    one.give(g.diff(10, 12, [['100', '1']], []));
    one.answer({ label: 'INVALID_CURRENCY_PAIR', message: 'no such pair' });
    t.notOk(one.trusted);
    one.wait(1000);
    one.answer({ label: 'TOO_MANY_REQUESTS', message: 'slow down' });
    for (let i = 0; i < 50; i++) one.wait(1000);
    t.equal(one.requests.length, 0, 'no call while the exchange wants silence');
    for (let i = 0; i < 20; i++) one.wait(1000);
    one.answer(g.snapshot(11, [['100', '9']], [['101', '7']]));
    t.ok(one.trusted);
  });
});

t.test('requests name one market each and carry their time', async (t) => {
  const frames = gate()
    .subscribe(['BTC_USDT', 'ETH_USDT'], 'all', 7, WALL + 999)
    .map((frame) => JSON.parse(frame) as Record<string, unknown>);
  t.same(
    frames.map(({ channel, payload }) => [channel, payload]),
    [
      ['spot.obu', ['ob.BTC_USDT.400']],
      ['spot.obu', ['ob.ETH_USDT.400']],
      ['spot.book_ticker', ['BTC_USDT']],
      ['spot.book_ticker', ['ETH_USDT']],
      ['spot.trades', ['BTC_USDT']],
      ['spot.trades', ['ETH_USDT']],
    ],
  );
  t.same(
    frames.map(({ id }) => id),
    [7, 8, 9, 10, 11, 12],
  );
  t.ok(frames.every(({ time, event }) => time === WALL / 1000 && event === 'subscribe'));
  const [old] = gate({ bookChannel: 'spot.order_book_update' }).unsubscribe(['BTC_USDT'], 'depth', 1, WALL);
  t.match(JSON.parse(old!), { event: 'unsubscribe', payload: ['BTC_USDT', '100ms'] });
  t.throws(() => gate().subscribe(['BTC_USDT'], 'all', 1, NaN), /without the time/);
});

t.test('answers, refusals and pongs are told apart', async (t) => {
  const cases: readonly (readonly [object, Partial<ControlEvent>])[] = [
    [g.ack(), { kind: 'subscribed', channel: 'spot.obu.400', symbol: g.SYMBOL }],
    [g.ack('spot.trades', ['BTC_USDT']), { kind: 'subscribed', channel: 'spot.trades', symbol: g.SYMBOL }],
    [
      g.ack('futures.candlesticks', null),
      { kind: 'subscribed', channel: 'futures.candlesticks', symbol: '' },
    ],
    [
      { ...g.ack(), event: 'unsubscribe' },
      { kind: 'unsubscribed', symbol: g.SYMBOL },
    ],
    [g.PONG, { kind: 'pong' }],
    [
      g.refusal('unknown currency pair: NOPE_USDT', 'spot.obu', ['ob.NOPE_USDT.400']),
      { kind: 'refused', channel: 'spot.obu.400', symbol: 'NOPE_USDT', code: '2' },
    ],
    [
      g.refusal('unknown currency pair: NOPE_USDT', 'spot.trades', null),
      { kind: 'refused', channel: 'spot.trades', symbol: 'NOPE_USDT' },
    ],
    [g.refusal('already subscribed'), { kind: 'subscribed', code: '2' }],
    [
      { ...g.ack(), result: { status: 'fail' } },
      { kind: 'refused', message: 'fail' },
    ],
  ];
  for (const [frame, expected] of cases)
    t.match(decoded(frame).kept.controls, [expected], JSON.stringify(expected));
  const refused = rig();
  refused.give(g.refusal('unknown currency pair: BTC_USDT'));
  refused.wait(250);
  t.match(refused.feed.summary(refused.nowMs), { state: 'stale', refused: 1, symbols: [{ state: 'stale' }] });
});

t.test('foreign channels and former protocols are counted and change nothing', async (t) => {
  const one = rig();
  for (const frame of g.FOREIGN) one.give(JSON.stringify(frame));
  t.same([one.count('foreign'), one.count('invalid')], [g.FOREIGN.length, 0]);
  t.match(decoded(g.FOREIGN[3]).header, { category: 'foreign', channel: 'spot.tickers', symbol: 'BTC_USDT' });
});

t.test('identifiers keep every digit, and times lose only their fraction', async (t) => {
  const text = JSON.stringify(g.trade()).replace('8000000001', '9007199254740993');
  t.equal(decoded(text).kept.trades[0]?.tradeId, '9007199254740993');
  const at = (time: unknown) => decoded(g.trade({ create_time_ms: time })).kept.trades[0]?.exchangeTimeMs;
  t.same(
    [at('1631824310261.896'), at('1631824310261.999999'), at('1631824310261')],
    Array(3).fill(1631824310261),
  );
  for (const wrong of [1631824310261, '1.5e12', '', '-1', '99999999999999999', '1631824310261.', null])
    t.throws(() => at(wrong), /result\.create_time_ms/, String(wrong));
  const seen: number[] = [];
  gate().decode(Buffer.from(JSON.stringify(g.full(25_847_113_075, [], []))), {
    ...new Kept(),
    book: ({ last, snapshot, bids }) => seen.push(last, Number(snapshot), bids.count),
    control: () => undefined,
    trade: () => undefined,
    bestQuote: () => undefined,
    instrumentState: () => undefined,
  });
  t.same(seen, [25_847_113_075, 1, 0]);
});

t.test('markets carry exact steps, limits, fees and states', async (t) => {
  const read = (rows: unknown) => gate().rest.parseInstruments(Buffer.from(JSON.stringify(rows)), LOOKUP);
  const { instruments, refused } = read([
    g.pair(),
    { ...g.pair(), id: 'ETH_USDT', base: 'ETH', precision: 19 },
    5,
  ]);
  t.match(instruments, [
    {
      id: 'gate:BTC-USDT',
      symbol: 'BTC_USDT',
      tickSize: '0.1',
      lotSize: '0.000001',
      minQuantity: '0.00001',
      maxQuantity: null,
      minNotional: '3',
      takerFeeRate: '0.002',
      makerFeeRate: '0.002',
      state: 'trading',
      identityKnown: true,
    },
  ]);
  t.match(refused, [{ symbol: 'ETH_USDT', reason: /precision/ }, { symbol: '?' }]);
  const one = (extra: object) => read([g.pair(extra)]).instruments[0]!;
  t.same(
    [
      one({ trade_status: 'buyable' }),
      one({ trade_status: 'sellable' }),
      one({ trade_status: 'untradable' }),
      one({ trade_status: 'frozen' }),
      one({ delisting_time: 1_800_000_000 }),
      one({ delisting_time: 1_800_000_000, trade_status: 'sellable' }),
      one({ st_tag: true }),
      one({ type: 'premarket' }),
    ].map(({ state }) => state),
    ['halted', 'halted', 'halted', 'unknown', 'delisting', 'delisting', 'warning', 'halted'],
  );
  t.match(one({ precision: 0, amount_precision: 0, fee: '0' }), {
    tickSize: '1',
    lotSize: '1',
    takerFeeRate: '0',
  });
  t.match(one({ fee: undefined, min_base_amount: null, min_quote_amount: null }), {
    takerFeeRate: '0.002',
    minQuantity: '0',
    minNotional: '0',
  });
  t.equal(one({ fee: '0.075' }).takerFeeRate, '0.00075');
  for (const [key, value] of Object.entries({
    fee: '20%',
    min_base_amount: '-1',
    precision: '1',
    trade_status: 4,
    st_tag: 'no',
  }))
    t.match(read([g.pair({ [key]: value })]).refused, [{ symbol: 'BTC_USDT', reason: new RegExp(key) }], key);
  t.throws(() => read({ label: 'SERVER_ERROR', message: 'x' }), {
    code: 'ARB_EXCHANGE_ERROR',
    message: /SERVER_ERROR/,
  });
  t.throws(() => read({ label: 'TOO_FAST', message: 'x' }), { code: 'ARB_RATE_LIMITED' });
  t.throws(() => read({ id: 1 }), { code: 'ARB_FRAME_INVALID' });
  t.equal(gate().rest.parseServerTime(Buffer.from('{"server_time":1790000000123}'), {}), 1_790_000_000_123);
  const contracts = gate({ bookChannel: 'futures.order_book_update' }).rest;
  const followed = contracts.parseInstruments(Buffer.from(JSON.stringify([g.pair()])), LOOKUP);
  t.equal(followed.instruments[0]?.state, 'unknown', 'contracts are never traded');
});

t.test('networks say what may move, without a key', async (t) => {
  const flags = { withdraw_disabled: false, withdraw_delayed: false, deposit_disabled: false };
  const wallets = gate().rest.wallets!;
  t.equal(wallets.request().path, '/api/v4/spot/currencies');
  const read = (rows: unknown) =>
    wallets.parse(Buffer.from(JSON.stringify(rows)), (exchange, ticker) =>
      curatedRegistry.resolve(exchange, ticker),
    );
  const { networks, refused } = read([
    {
      currency: 'USDT',
      ...flags,
      chain: 'ETH',
      chains: [
        { name: 'ETH', addr: '0x1', ...flags },
        { name: 'TRX', ...flags, withdraw_disabled: true },
        { name: 'SOL', ...flags, withdraw_delayed: true },
        { name: 'BSC', ...flags, deposit_disabled: true },
      ],
    },
    { currency: 'GT', ...flags, chain: 'GT' },
    { currency: 'BTC', ...flags, chains: [{ name: 'BTC', ...flags, deposit_disabled: 'no' }] },
  ]);
  t.same(
    networks.map(({ ticker, network, canDeposit, canWithdraw, identityKnown }) => [
      ticker,
      network,
      canDeposit,
      canWithdraw,
      identityKnown,
    ]),
    [
      ['USDT', 'ETH', true, true, true],
      ['USDT', 'TRX', true, false, true],
      ['USDT', 'SOL', true, false, true],
      ['USDT', 'BSC', false, true, true],
      ['GT', 'GT', true, true, false],
    ],
  );
  t.match(refused, [{ ticker: 'BTC', reason: /chains\[0\]\.deposit_disabled/ }]);
});

const PAIRS = ['BTC-USDT', 'ETH-USDT', 'DOGE-USDT'];
for (const bookChannel of ['spot.obu', 'spot.order_book_update'] as const) {
  const session = (seed: number) => new FaceSession({ seed, connector: gate({ bookChannel }), pairs: PAIRS });
  const settled = (t: Test, one: FaceSession, what: string) => {
    one.run(20_000);
    t.ok(one.allTrusted, `${what}: every book is trusted again`);
    t.same(one.differences(), [], `${what}: and equals the engine's`);
    t.same(one.failures, []);
  };
  t.test(`${bookChannel} against the simulated exchange`, async (t) => {
    const one = session(3);
    one.run(5000);
    t.ok(one.allTrusted, 'live');
    t.same(one.differences(), []);
    for (const kind of ['drop', 'duplicate', 'reorder', 'truncate', 'garbage'] as const) {
      const stop = one.face.faults.add({ kind, probability: 0.05 });
      one.run(10_000);
      stop();
      settled(t, one, kind);
    }
    one.face.disconnect();
    settled(t, one, 'a lost connection');
    const mute = one.face.faults.add({ kind: 'mute' });
    one.run(30_000);
    mute();
    t.ok(one.reconnects.length > 0, 'silence costs the connection');
    settled(t, one, 'silence');
    one.face.faults.addHttp({ status: 503, count: 3 });
    one.face.faults.refuseConnections = true;
    one.face.disconnect();
    one.run(3000);
    t.notOk(one.allTrusted, 'maintenance: nothing is trusted');
    one.face.faults.refuseConnections = false;
    settled(t, one, 'maintenance');
    t.ok(one.trades.length > 20, `${one.trades.length} trades`);
  });
}

t.test('a whole book in between, and a clock that is wrong by a minute', async (t) => {
  const connector = gate();
  const one = new FaceSession({ seed: 5, connector, pairs: PAIRS });
  const { face } = one;
  one.run(3000);
  if (!('sendFullBooks' in face)) throw new Error('not the face of Gate');
  face.sendFullBooks();
  one.run(2000);
  t.same(one.differences(), []);
  face.faults.clockSkewMs = 61_000;
  face.disconnect();
  one.run(3000);
  t.notOk(one.allTrusted, 'requests of another time are refused');
  t.ok(Number(one.feed.summary(0)['refused']) > 0);
  face.faults.clockSkewMs = 59_000;
  face.disconnect();
  one.run(3000);
  t.ok(one.allTrusted);
});

t.test('a REST book of old age heals the diffs in the end', async (t) => {
  const connector = gate({ bookChannel: 'spot.order_book_update' });
  const one = new FaceSession({ seed: 6, connector, pairs: ['BTC-USDT'] });
  if (!('sendFullBooks' in one.face)) throw new Error('not the face of Gate');
  one.run(3000);
  one.face.rest.bookAgeMs = 3000;
  one.face.disconnect();
  one.run(40_000);
  t.ok(one.allTrusted);
  t.same(one.differences(), []);
  t.ok(one.httpCalls < 20, `${one.httpCalls} calls`);
});

const faults = fc.array(
  fc.record<Fault>({
    kind: fc.constantFrom('drop', 'duplicate', 'repeat-later', 'swap', 'truncate'),
    at: fc.noBias(fc.integer({ min: 0, max: 7000 })).map((n) => n / 10_000),
  }),
  { minLength: 1, maxLength: 6 },
);

t.test('captured futures diffs: no damage gives a wrong trusted book', { skip }, async (t) => {
  const file = join('gate', 'cryptofeed-20230524-v4-futures-obupdate-mixed.jsonl');
  const capture = await captureOf(folder!, file, 450);
  const scenario: Scenario = {
    capture,
    connector: () => gate({ bookChannel: 'futures.order_book_update' }),
    symbols: ['OMG_USDT', 'PHB_USDT', 'RDNT_USDT', 'WOO_USDT'],
    writeSnapshot: (_symbol, book) => Buffer.from(JSON.stringify(contractBook(book))),
    keyOf: (symbol, book) => `${symbol} ${book.sequence}`,
    levels: Infinity,
  };
  const calm = runDamaged(scenario, []);
  t.same([calm.wrong, calm.untrustedAtEnd], [[], []]);
  let noticed = 0;
  fc.assert(
    fc.property(faults, (list) => {
      const { wrong, untrustedAtEnd, distrusted } = runDamaged(scenario, list);
      if (distrusted > calm.distrusted) noticed++;
      if (wrong.length > 0) throw new Error(wrong.slice(0, 3).join('; '));
      if (untrustedAtEnd.length > 0) throw new Error(`not healed: ${untrustedAtEnd.join()}`);
    }),
    { numRuns: 40, seed: 20_261_122 },
  );
  t.ok(noticed > 5, `${noticed} damaged streams made a book untrusted for a while`);
});

function contractBook(book: OrderBook): object {
  const side = (name: 'bid' | 'ask') => levelRows(book, name).map(([p, s]) => ({ p, s: Number(s) }));
  return { id: book.sequence, current: 1.5, update: 1.5, bids: side('bid'), asks: side('ask') };
}
