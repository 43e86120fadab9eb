import fc from 'fast-check';
import t, { type Test } from 'tap';
import { crc32 } from 'node:zlib';
import type { Capture } from '../../src/conformance/wire/capture-file.js';
import { bitget, type BitgetOptions } from '../../src/connectors/bitget.js';
import type { ControlEvent, FrameHeader } from '../../src/connectors/base.js';
import { MarketFeed } from '../../src/connectors/market-feed.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import type { OrderBook } from '../../src/market/order-book.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { TradePrint } from '../../src/messages/feed.js';
import { bitgetReplay } from '../../src/replay/exchanges/bitget.js';
import { RebuiltBook } from '../../src/replay/rebuilt-book.js';
import type { BitgetBookForm, BitgetSequenceForm } from '../../src/simulator/bitget-frames.js';
import { wireFolder } from '../shared-data.js';
import { memoryExchanges, open } from '../simulator/memory-client.js';
import { captureOf, levelRows, runDamaged, type Fault, type Scenario } from './damaged-stream.js';
import { FaceLine } from './face-line.js';
import * as made from './fixtures-bitget.js';

const WALL = made.T;

class Rig {
  readonly board = new QuoteBoard(2);
  readonly sent: string[] = [];
  readonly trades: TradePrint[] = [];
  readonly feed: MarketFeed;
  nowMs = 0;

  constructor(options: BitgetOptions = {}) {
    const connector = bitget(options);
    this.feed = new MarketFeed({
      connector,
      instruments: [{ id: 'bitget:BTC-USDT', symbol: 'BTCUSDT' }],
      board: this.board,
      effects: {
        send: (frame) => this.sent.push(frame),
        request: () => undefined,
        reconnect: () => undefined,
        instrumentState: () => undefined,
        status: () => undefined,
        trade: (print) => this.trades.push(print),
        fail: () => undefined,
      },
      limiter: new RateLimiter(connector.capabilities.restLimits),
      random: () => 0.5,
      epoch: 1,
    });
    this.feed.opened(WALL, 0);
    this.sent.length = 0;
  }

  /** Objects as JSON, texts as they are. */
  give(...frames: (object | string)[]): this {
    for (const frame of frames) {
      const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
      this.feed.frame(Buffer.from(text), WALL + ++this.nowMs, this.nowMs);
    }
    this.feed.flush();
    return this;
  }

  get trusted(): boolean {
    return this.feed.follow('BTCUSDT')!.depth.trusted && this.board.trust[0] === TRUST_OK;
  }

  get top(): number[] {
    const { board } = this;
    return [board.bidPrices[0]!, board.bidSizes[0]!, board.askPrices[0]!, board.askSizes[0]!];
  }

  get counters() {
    return this.feed.follow('BTCUSDT')!.depth.counters;
  }

  get summary() {
    return this.feed.summary(this.nowMs) as Record<string, number | string>;
  }
}

const ops = (frames: readonly string[]) => frames.map((frame) => (JSON.parse(frame) as { op: string }).op);

t.test('updates link to the snapshot and to each other by pseq', async (t) => {
  const rig = new Rig().give(made.snapshot, ...made.updates);
  t.same([rig.trusted, ...rig.top], [true, 100.5, 1, 102, 8]);
  t.match(rig.counters, { snapshots: 1, updatesApplied: 4, sequenceOk: 3, gaps: 0 });
  rig.give(made.updates[2]);
  t.ok(rig.trusted, 'a duplicate changes nothing');
  rig.give(made.snapshot);
  t.same([rig.trusted, ...rig.top], [true, 100.5, 1, 102, 8], 'nor does an old snapshot');
});

t.test('a missing update is noticed at once; it or a new snapshot heals the book', async (t) => {
  const rig = new Rig().give(made.snapshot, made.updates[1]);
  t.notOk(rig.trusted);
  t.same(ops(rig.sent), ['unsubscribe', 'subscribe']);
  rig.give(made.updates[0]);
  t.same([rig.trusted, ...rig.top], [true, 100, 4, 102, 8], 'the late update closes the chain');
});

t.test('a pseq of 0 on an update is a restart of the server: the book is asked for anew', async (t) => {
  const rig = new Rig().give(made.snapshot);
  const atMs = WALL + 500;
  rig.give(made.book('update', { bids: [['100', '9']], more: { seq: 3, pseq: 0 }, atMs }));
  t.notOk(rig.trusted);
  t.same(ops(rig.sent), ['unsubscribe', 'subscribe']);
  // Nothing has changed since that update, so that the snapshot has its time and a number below the old ones.
  const fresh = { bids: [['98', '1']], asks: [['99', '1']], more: { seq: 3, pseq: 0 }, atMs };
  rig.give(made.book('snapshot', fresh));
  t.same([rig.trusted, ...rig.top], [true, 98, 1, 99, 1]);
  rig.give(made.book('update', { bids: [['98', '2']], more: { seq: 5, pseq: 3 }, atMs: atMs + 1 }));
  t.same([rig.trusted, ...rig.top], [true, 98, 2, 99, 1], 'and it goes on from there');
  rig.give(made.snapshot);
  t.same(rig.top, [98, 2, 99, 1], 'a snapshot of before the restart comes too late');
});

t.test('numbers beyond 2^53 link exactly, as numbers and as text', async (t) => {
  const big = 1_304_314_508_780_744_705n;
  const raw = (frame: object) => JSON.stringify(frame).replaceAll(/"#(\d+)"/g, '$1');
  for (const spell of [(value: bigint) => `#${value}`, String]) {
    const at = (action: 'snapshot' | 'update', seq: bigint, pseq: bigint, bid: string) =>
      raw(
        made.book(action, {
          bids: [['100', bid]],
          asks: action === 'snapshot' ? [['101', '7']] : [],
          more: { seq: spell(seq), pseq: pseq === 0n ? 0 : spell(pseq) },
          atMs: WALL + Number(seq - big),
        }),
      );
    const rig = new Rig().give(at('snapshot', big, 0n, '5'), at('update', big + 1n, big, '4'));
    t.same([rig.trusted, ...rig.top], [true, 100, 4, 101, 7]);
    rig.give(at('update', big + 4n, big + 2n, '3'));
    t.notOk(rig.trusted, 'the neighbour of the number it should follow is another number');
  }
});

t.test('a checksum is never required and always verified when it is not 0', async (t) => {
  const bids = [
    ['100.0', '5.00'],
    ['99', '6'],
  ];
  const asks = [
    ['101.50', '7'],
    ['102', '8'],
  ];
  const start = made.book('snapshot', { bids, asks, more: { checksum: 0, seq: 10, pseq: 0 } });
  const update = (size: string, seq: number, checksum: object) =>
    made.book('update', {
      bids: [['99', size]],
      more: { seq, pseq: seq - 1, ...checksum },
      atMs: WALL + seq,
    });
  const sum = (size: string) => ({ checksum: crc32(`100.0:5.00:101.50:7:99:${size}:102:8`) | 0 });
  const rig = new Rig().give(start, update('6.50', 11, sum('6.50')));
  t.ok(rig.trusted, 'the texts of the snapshot are those of the checksum');
  t.equal(rig.counters.checksumOk, 1);
  rig.give(update('6', 12, { checksum: 0 }), update('5', 13, {}), update('4.0', 14, sum('4.0')));
  t.same([rig.trusted, rig.counters.checksumOk], [true, 2], 'also after some without one');
  rig.give(update('3', 15, { checksum: 12345 }));
  t.notOk(rig.trusted);
  t.equal(rig.counters.checksumBad, 1);
});

t.test('v1 books have a checksum and no number: it decides', async (t) => {
  const old = (
    action: 'snapshot' | 'update',
    bids: string[][],
    asks: string[][],
    text: string,
    atMs: number,
  ) => made.book(action, { instType: 'sp', bids, asks, more: { checksum: crc32(text) | 0 }, atMs });
  const rig = new Rig();
  rig.give(old('snapshot', [['0.10', '5']], [['0.20', '7']], '0.10:5:0.20:7', WALL));
  rig.give(old('update', [['0.10', '4.0']], [], '0.10:4.0:0.20:7', WALL + 1));
  t.same([rig.trusted, ...rig.top], [true, 0.1, 4, 0.2, 7]);
  rig.give(made.book('update', { instType: 'sp', bids: [['0.11', '1']], atMs: WALL + 2 }));
  t.notOk(rig.trusted, 'an update with neither proves nothing');
  t.match(rig.summary, { invalid: 1, lastError: /^data\[0\]\.seq is not/ });
});

t.test('the best quote corrects the top by its number, and never without one', async (t) => {
  const rig = new Rig().give(made.snapshot, made.bestQuote('99.5', '101', 12));
  t.same(rig.top, [99.5, 1, 101, 2]);
  rig.give(made.bestQuote('98', '103', 11));
  t.same(rig.top, [99.5, 1, 101, 2], 'older than the one held');
  rig.give(made.updates[0]);
  t.same(rig.top, [100, 4, 101, 7], 'the book is newer than every quote');
  const unnumbered = { channel: 'books1', bids: [['100.9', '1']], asks: [['101', '1']], atMs: WALL + 9000 };
  rig.give(made.book('snapshot', { ...unnumbered, more: { checksum: 0 } }));
  t.same(rig.top, [100, 4, 101, 7], 'a time is no number to compare');
  const checksum = crc32('100:5:101:7') | 0;
  const books = new Rig().give(
    made.book('snapshot', { bids: [['100', '5']], asks: [['101', '7']], more: { checksum } }),
    made.bestQuote('100.9', '101', 9_000_000_000_000),
  );
  t.same(books.top, [100, 5, 101, 7], 'nor is a number beside books that have none');
});

t.test('trades begin with history, which is no news, and ids keep every digit', async (t) => {
  const rig = new Rig().give(made.tradeHistory, made.trade, made.oldTrade);
  t.match(rig.trades, [
    { tradeId: '1235671058980749320', side: 'buy', price: '100.5', quantity: '2', exchangeTimeMs: WALL },
    { tradeId: String(WALL), side: 'sell' },
  ]);
  t.match(new Rig({ api: 'v3' }).give(made.unifiedTrade).trades, [
    { tradeId: '1432912488536195072', side: 'sell', price: '100.5', quantity: '2' },
  ]);
  t.equal(new Rig({ api: 'v3' }).give(made.trade).trades.length, 0, 'each socket has its own channel');
});

t.test('futures of the same name are foreign, unless a recording asks for all markets', async (t) => {
  const rig = new Rig().give(made.snapshot, made.futuresBook, made.foreign, { code: '00000', data: {} });
  t.same([rig.trusted, ...rig.top], [true, 100, 5, 101, 7]);
  t.match(rig.summary, { foreign: 3, invalid: 0 });
  t.same(new Rig({ markets: 'all' }).give(made.futuresBook).top, [90, 1, 91, 1]);
  const { refused, state } = rig.give({
    ...made.refusal,
    arg: { instType: 'USDT-FUTURES', channel: 'books', instId: 'BTCUSDT' },
  }).summary;
  t.same([refused, state], [1, 'live'], 'the refusal of one is not the refusal of the other');
});

t.test('answers, refusals, pongs and what is unknown', async (t) => {
  const connector = bitget();
  const heard: ControlEvent[] = [];
  const headers: FrameHeader[] = [];
  const sink = {
    book: () => undefined,
    bestQuote: () => undefined,
    trade: () => undefined,
    instrumentState: () => undefined,
    control: (event: ControlEvent) => void heard.push(event),
  };
  const give = (frame: object | string) =>
    headers.push({
      ...connector.decode(Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)), sink),
    });
  for (const frame of ['pong', made.acknowledgement, made.unsubscribed, made.refusal, made.paramError])
    give(frame);
  give({ ...made.refusal, op: 'unsubscribe' });
  give({ event: 'login', code: '0', msg: '' });
  t.match(heard, [
    { kind: 'pong' },
    { kind: 'subscribed', channel: 'books', symbol: 'BTCUSDT' },
    { kind: 'unsubscribed', channel: 'books', symbol: 'BTCUSDT' },
    { kind: 'refused', channel: 'books', symbol: 'BTCUSDT', code: '30001', message: /doesn't exist/ },
    { kind: 'refused', channel: '', symbol: '', code: '30016' },
    { kind: 'refused', symbol: '' },
  ]);
  t.equal(heard.length, 6, 'a login answer is no news');
  t.ok(headers.every(({ category }) => category === 'control'));
  t.throws(() => give('PING'), /frame is not JSON/);
  t.throws(() => give({ event: 'error', msg: 'x' }), /^code is not/);
});

t.test('requests carry ten arguments at most and stay below 4096 bytes', async (t) => {
  const symbols = Array.from({ length: 12 }, (_, i) => `A${'B'.repeat(40)}${i}USDT`);
  const frames = bitget().subscribe(symbols, 'all', 1, 0);
  const sizes = frames.map((frame) => (JSON.parse(frame) as { args: unknown[] }).args.length);
  t.same(sizes, [10, 10, 10, 6]);
  t.ok(frames.every((frame) => frame.length < 4096));
  t.same(JSON.parse(bitget().unsubscribe(['BTCUSDT'], 'depth', 1, 0)[0]!), {
    op: 'unsubscribe',
    args: [{ instType: 'SPOT', channel: 'books', instId: 'BTCUSDT' }],
  });
  t.same(JSON.parse(bitget({ api: 'v3' }).subscribe(['BTCUSDT'], 'all', 1, 0)[0]!), {
    op: 'subscribe',
    args: ['books', 'books1', 'publicTrade'].map((topic) => ({ instType: 'spot', topic, symbol: 'BTCUSDT' })),
  });
  t.match(bitget({ bookChannel: 'books15' }).capabilities, { syncRule: 'whole', depthLevels: 15 });
  const { clientId, requestExpiry } = bitget().capabilities.orders;
  t.ok(clientId.pattern.test('a'.repeat(32)) && !clientId.pattern.test('a'.repeat(33)));
  t.match(requestExpiry, { kind: 'window', field: 'receiveWindow', maxMs: 59_999 });
});

const markets = (...rows: unknown[]) =>
  bitget().rest.parseInstruments(Buffer.from(JSON.stringify(made.envelope(rows))), (...names) =>
    curatedRegistry.resolveMarket(...names),
  );

t.test('markets carry exact rules, their own fees and their state', async (t) => {
  const row = made.symbolRow;
  const { instruments, refused } = markets(
    row,
    {
      ...row,
      symbol: 'SOLUSDT',
      baseCoin: 'SOL',
      takerFeeRate: '0.001',
      pricePrecision: '0',
      status: 'gray',
    },
    { ...row, symbol: 'ETHUSDT', baseCoin: 'ETH', status: 'halt', maxTradeAmount: '0' },
    { ...row, symbol: 'XRPUSDT', baseCoin: 'XRP', status: 'offline' },
    { ...row, symbol: 'DOGEUSDT', baseCoin: 'DOGE', status: 'resting' },
    { ...row, symbol: 'ETHBTC', baseCoin: 'ETH', quoteCoin: 'BTC' },
  );
  t.same(refused, []);
  t.match(instruments, [
    {
      id: 'bitget:BTC-USDT',
      tickSize: '0.01',
      lotSize: '0.000001',
      minQuantity: '0',
      maxQuantity: '10000000000',
      minNotional: '1',
      takerFeeRate: '0.002',
      feeMode: 'received',
      state: 'trading',
      identityKnown: true,
    },
    { takerFeeRate: '0.001', makerFeeRate: '0.002', tickSize: '1', state: 'halted' },
    { state: 'halted', maxQuantity: null },
    { state: 'delisting' },
    { state: 'unknown' },
    { pair: 'ETH-BTC', state: 'unknown' },
  ]);
});

t.test('every field of a market and of a coin refuses malformed values by name', async (t) => {
  const wrong = [null, '', '-1', '1e5', 'x', 5, true, [], {}, '9'.repeat(60)];
  for (const key of ['symbol', 'baseCoin', 'quoteCoin', 'status']) {
    for (const value of [null, '', 5, true, [], {}, 'X'.repeat(300)]) {
      const { refused } = markets({ ...made.symbolRow, [key]: value }, made.symbolRow);
      t.match(
        refused,
        [{ reason: new RegExp(`^\\[0\\]\\.${key} is not`) }],
        `${key} ${JSON.stringify(value)}`,
      );
    }
  }
  const numbers = ['minTradeAmount', 'maxTradeAmount', 'pricePrecision', 'quantityPrecision', 'minTradeUSDT'];
  for (const key of [...numbers, 'takerFeeRate', 'makerFeeRate']) {
    for (const value of wrong) {
      const { refused, instruments } = markets({ ...made.symbolRow, [key]: value }, made.symbolRow);
      t.match(refused, [{ symbol: 'BTCUSDT', reason: new RegExp(`^\\[0\\]\\.${key} is not`) }]);
      t.equal(instruments.length, 1, 'and the others stand');
    }
  }
  t.match(markets(5, { ...made.symbolRow, takerFeeRate: '1' }).refused, [
    { symbol: '?' },
    { reason: /takerFeeRate is not a rate below 1/ },
  ]);
  for (const key of [
    'chain',
    'withdrawable',
    'rechargeable',
    'withdrawFee',
    'minWithdrawAmount',
    'depositConfirm',
  ]) {
    const chains = [{ ...made.chainRow, [key]: null }];
    t.match(coins({ ...made.coinRow, chains }, made.coinRow), {
      networks: [{ ticker: 'BTC' }],
      refused: [{ ticker: 'BTC', reason: new RegExp(`^\\[0\\]\\.chains\\[0\\]\\.${key} is not`) }],
    });
  }
});

function coins(...rows: unknown[]) {
  const { wallets } = bitget().rest;
  return wallets!.parse(Buffer.from(JSON.stringify(made.envelope(rows))), (...names) =>
    curatedRegistry.resolve(...names),
  );
}

t.test('coins say per network what may be moved', async (t) => {
  const share = { ...made.chainRow, chain: 'LIGHTNING', withdrawable: 'false', extraWithdrawFee: '0.001' };
  const odd = { ...made.coinRow, coin: 'NOBODY' };
  const { networks, refused } = coins({ ...made.coinRow, chains: [made.chainRow, share] }, odd, 7);
  t.match(networks, [
    {
      asset: 'BTC',
      network: 'BTC',
      canDeposit: false,
      canWithdraw: true,
      withdrawFee: '0.0005',
      minWithdraw: '0.001',
      confirmations: 1,
      identityKnown: true,
    },
    { network: 'LIGHTNING', canWithdraw: false, withdrawFee: null },
    { ticker: 'NOBODY', identityKnown: false },
  ]);
  t.match(refused, [{ ticker: '?' }]);
});

t.test('REST answers: depth, time, and errors inside any status', async (t) => {
  const { rest } = bitget();
  const body = (value: unknown) => Buffer.from(JSON.stringify(value));
  t.equal(rest.parseServerTime(body(made.envelope({ serverTime: '1790000000123' })), {}), 1_790_000_000_123);
  const seen: number[][] = [];
  rest.parseDepth(
    body(made.envelope({ asks: [['101', '2']], bids: [['100', '1']], ts: '1790000000000' })),
    'BTCUSDT',
    {
      book: ({ bids, asks, snapshot }) =>
        void seen.push([bids.prices[0]!, asks.prices[0]!, Number(snapshot)]),
      bestQuote: () => undefined,
      trade: () => undefined,
      instrumentState: () => undefined,
      control: () => undefined,
    },
  );
  t.same(seen, [[100, 101, 1]]);
  const failure = (code: unknown) => () => rest.parseServerTime(body({ code, msg: 'no', data: null }), {});
  t.throws(failure('40034'), { code: 'ARB_EXCHANGE_ERROR', message: /bitget answered 40034: 'no'/ });
  t.throws(failure('40200'), { code: 'ARB_EXCHANGE_ERROR' }, 'maintenance');
  for (const code of ['429', '30007']) t.throws(failure(code), { code: 'ARB_RATE_LIMITED', retryable: true });
  t.throws(failure(0), { code: 'ARB_FRAME_INVALID', message: /^code is not/ });
  t.throws(() => rest.parseServerTime(Buffer.from('<html>'), {}), /is not JSON/);
  t.equal(rest.instruments(['BTCUSDT']).path, '/api/v2/spot/public/symbols?symbol=BTCUSDT');
  t.equal(rest.instruments(['BTCUSDT', 'ETHUSDT']).path, '/api/v2/spot/public/symbols');
});

const SYMBOLS = ['BTCUSDT', 'ETHUSDT'];

/** Half a minute of books of the simulated exchange. */
function simulated(
  api: 'v2' | 'v3',
  form: BitgetBookForm,
  sequences: BitgetSequenceForm,
): { capture: Capture; decimals: Map<string, [number, number]> } {
  const exchanges = memoryExchanges({ seed: 5, exchanges: ['bitget'], pairs: ['BTC-USDT', 'ETH-USDT'] });
  const face = exchanges.faces.bitget;
  face.bookForm = form;
  face.sequenceForm = sequences;
  const client = open(face, `/${api}/ws/public`);
  for (const frame of bitget({ api }).subscribe(SYMBOLS, 'depth', 1, 0)) client.send(frame);
  const frames: Buffer[] = [];
  for (let step = 0; step < 300; step++) {
    exchanges.run(100);
    frames.push(...client.transport.take().map((text) => Buffer.from(text)));
  }
  const markets = exchanges.world.marketsOf('bitget').map(({ listing }) => listing);
  return {
    capture: { sha256: '', frames, timesMs: frames.map((_, index) => index), answers: [] },
    decimals: new Map(markets.map(({ symbol, tick, lot }) => [symbol, [tick.decimals, lot.decimals]])),
  };
}

const faults = fc.array(
  fc.record<Fault>({
    kind: fc.constantFrom('drop', 'duplicate', 'repeat-later', 'swap', 'truncate'),
    at: fc.noBias(fc.integer({ min: 0, max: 7000 })).map((n) => n / 10_000),
  }),
  { minLength: 1, maxLength: 6 },
);

function prove(t: Test, scenario: Scenario): void {
  const calm = runDamaged(scenario, []);
  t.same([calm.wrong, calm.untrustedAtEnd], [[], []], 'the clean stream is sound');
  let noticed = 0;
  const property = fc.property(faults, (list) => {
    const outcome = runDamaged(scenario, list);
    if (outcome.distrusted > calm.distrusted) noticed++;
    if (outcome.wrong.length > 0) throw new Error(outcome.wrong.slice(0, 3).join('; '));
    if (outcome.untrustedAtEnd.length > 0) throw new Error(`not healed: ${outcome.untrustedAtEnd.join()}`);
  });
  fc.assert(property, { numRuns: 24, seed: 20_261_125 });
  t.ok(noticed > 6, `${noticed} of 24 damaged streams made a book untrusted for a while`);
}

/** A snapshot as the exchange would send it, spelled with its decimals. */
function snapshotOf(
  instId: string,
  book: OrderBook,
  timeMs: number,
  more: object,
  decimals?: readonly [number, number],
): Buffer {
  const rows = (side: 'bid' | 'ask') =>
    levelRows(book, side).map(([price, size]) =>
      decimals === undefined
        ? [price!, size!]
        : [Number(price).toFixed(decimals[0]), Number(size).toFixed(decimals[1])],
    );
  const parts = { symbol: instId, bids: rows('bid'), asks: rows('ask'), more, atMs: timeMs };
  return Buffer.from(JSON.stringify(made.book('snapshot', parts)));
}

t.test('no damage gives a wrong trusted book, and every book heals', async (t) => {
  const scenario = (api: 'v2' | 'v3', form: BitgetBookForm): Scenario => {
    const { capture, decimals } = simulated(api, form, 'number');
    const numbered = api === 'v3' || form === 'numbered';
    return {
      capture,
      connector: () => bitget({ api }),
      symbols: SYMBOLS,
      writeSnapshot: (symbol, book, timeMs) =>
        numbered
          ? snapshotOf(symbol, book, timeMs, { seq: book.sequence, pseq: 0 })
          : snapshotOf(symbol, book, timeMs - 1, { checksum: 0 }, decimals.get(symbol)),
      keyOf: (symbol, book, timeMs) => `${symbol} ${numbered ? book.sequence : timeMs}`,
      levels: numbered ? Infinity : 25,
    };
  };
  t.test('v2 with numbers', async (t) => prove(t, scenario('v2', 'numbered')));
  t.test('v2 with checksums only', async (t) => prove(t, scenario('v2', 'checksum')));
  t.test('v3 with both', async (t) => prove(t, scenario('v3', 'numbered')));
  const folder = wireFolder();
  const skip = folder === null && 'no captured frames are present';
  t.test('captured levels in the envelope of today', { skip }, async (t) => {
    const file = 'derived/bitget-v2-seq-from-cryptofeed-20220407-v1-spot.jsonl';
    prove(t, {
      capture: await captureOf(folder!, file, 451),
      connector: () => bitget(),
      symbols: ['CULTUSDT', 'EOSUSDT', 'HOTUSDT', 'AVAXUSDT'],
      writeSnapshot: (symbol, book, timeMs) =>
        snapshotOf(symbol, book, timeMs, { seq: book.sequence, pseq: 0 }),
      keyOf: (symbol, book) => `${symbol} ${book.sequence}`,
      levels: Infinity,
    });
  });
});

for (const api of ['v2', 'v3'] as const) {
  t.test(`${api}: a feed on the simulated exchange lives through its faults`, async (t) => {
    const exchanges = memoryExchanges({ seed: 9, exchanges: ['bitget'] });
    const face = exchanges.faces.bitget;
    const line = new FaceLine(exchanges, face, bitget({ api }));
    const settled = (what: string) => {
      t.ok(line.allTrusted, `${what}: every book is trusted`);
      t.same(line.differences(), [], `${what}: and equal to the engine's`);
    };
    line.run(3000);
    settled('at first');
    face.faults.add({ kind: 'drop', symbol: 'BTCUSDT', channel: 'books', count: 1 });
    line.run(300);
    t.equal(line.feed.follow('BTCUSDT')!.depth.counters.gaps, 1, 'a lost update is a gap');
    line.run(3000);
    settled('after a lost update');
    for (const kind of ['duplicate', 'reorder', 'truncate'] as const)
      face.faults.add({ kind, channel: 'books', probability: 0.1, count: 5 });
    line.run(10_000);
    face.faults.clear();
    line.run(70_000);
    settled('after damaged frames');
    const end = face.faults.add({ kind: 'garbage' });
    line.run(1000);
    t.notOk(line.allTrusted, 'garbage costs every book');
    line.run(1000);
    end();
    line.run(5000);
    t.ok(line.reconnects.some((reason) => reason.includes('bad frames')));
    settled('after garbage');
    const gaps = () => Number(line.feed.summary(line.now)['gaps']);
    const before = gaps();
    face.restartBooks();
    line.run(500);
    t.ok(gaps() >= before + 5, 'a restart of the counter is a gap of every book');
    line.run(5000);
    settled('after the restart');
    const speak = face.faults.add({ kind: 'mute' });
    line.run(20_000);
    t.ok(line.reconnects.some((reason) => reason.includes('no market data')));
    speak();
    line.run(15_000);
    settled('after silence');
    face.setMaintenance(true);
    line.run(3000);
    t.notOk(line.allTrusted);
    face.setMaintenance(false);
    line.run(5000);
    settled('after maintenance');
    t.same(line.failures, []);
    t.same(line.wrong, []);
    t.ok(line.trades.length > 20, `${line.trades.length} trades`);
    t.equal(
      new Set(line.trades.map(({ instrument, tradeId }) => `${instrument} ${tradeId}`)).size,
      line.trades.length,
    );
  });
}

t.test('a subscription that is acknowledged and never served is asked for again', async (t) => {
  const exchanges = memoryExchanges({ seed: 9, exchanges: ['bitget'] });
  const face = exchanges.faces.bitget;
  face.silentSymbols.add('BTCUSDT');
  const line = new FaceLine(exchanges, face, bitget());
  line.run(15_000);
  t.notOk(line.isTrusted('BTCUSDT'));
  t.ok(line.isTrusted('ETHUSDT'), 'the others are served');
  face.silentSymbols.clear();
  line.run(30_000);
  t.ok(line.allTrusted);
  t.same(line.differences(), []);
});

t.test('long and quoted numbers make no difference', async (t) => {
  for (const form of ['long', 'text'] as const) {
    const exchanges = memoryExchanges({ seed: 4, exchanges: ['bitget'] });
    exchanges.faces.bitget.sequenceForm = form;
    const line = new FaceLine(exchanges, exchanges.faces.bitget, bitget());
    line.run(5000);
    t.ok(line.allTrusted, form);
    t.same(line.differences(), []);
    exchanges.faces.bitget.faults.add({ kind: 'drop', channel: 'books', count: 1 });
    line.run(300);
    t.equal(line.feed.summary(line.now)['gaps'], 1, 'a gap is one');
    t.equal(line.feed.summary(line.now)['invalid'], 0);
  }
});

t.test(
  'a recording is replayed: whoever subscribes late gets a snapshot that the rest links to',
  async (t) => {
    for (const [api, form] of [
      ['v2', 'numbered'],
      ['v2', 'checksum'],
      ['v3', 'numbered'],
    ] as const) {
      const { capture } = simulated(api, form, 'number');
      const late = new Rig({ api });
      const early = new Rig({ api });
      const book = new RebuiltBook('books:BTCUSDT', 'BTCUSDT', 'books');
      for (const [index, frame] of capture.frames.entries()) {
        const text = frame.toString();
        const facts = bitgetReplay.read(text);
        if (facts.symbol !== 'BTCUSDT') continue;
        if (facts.kind === 'book') book.apply(facts.book!);
        early.give(text);
        if (index === 300) late.give(bitgetReplay.snapshotFrame(book, WALL)!);
        else if (index > 300) late.give(text);
      }
      t.ok(early.trusted && late.trusted, `${api} ${form}`);
      t.same(late.top, early.top);
      t.same([late.counters.gaps, late.counters.checksumBad, late.summary['invalid']], [0, 0, 0]);
    }
    const request = bitget({ api: 'v3' }).subscribe(['BTCUSDT'], 'depth', 1, 0)[0]!;
    t.match(bitgetReplay.readClient(request), {
      kind: 'subscribe',
      arguments: [{ channel: 'books', symbol: 'BTCUSDT' }],
      answers: [{ text: /^\{"event":"subscribe","arg"/ }],
    });
    t.match(bitgetReplay.readClient('ping'), { kind: 'ping', answers: [{ text: 'pong' }] });
    t.match(bitgetReplay.readClient('nonsense'), { kind: 'other' });
    t.match(bitgetReplay.read(JSON.stringify(made.acknowledgement)), { kind: 'ack', symbol: 'BTCUSDT' });
    t.match(bitgetReplay.read(JSON.stringify(made.trade)), { kind: 'data', channel: 'trade' });
    t.match(bitgetReplay.read('pong'), { kind: 'control', symbol: null });
    const facts = { symbol: 'BTCUSDT', base: null, quote: null, priceDecimals: 2, sizeDecimals: 6 };
    const listed = bitget().rest.parseInstruments(
      Buffer.from(bitgetReplay.instrumentsAnswer([facts])),
      (...names) => curatedRegistry.resolveMarket(...names),
    );
    t.match(listed, {
      instruments: [{ pair: 'BTC-USDT', tickSize: '0.01', lotSize: '0.000001' }],
      refused: [],
    });
    t.equal(bitget().rest.parseServerTime(Buffer.from(bitgetReplay.timeAnswer(WALL)), {}), WALL);
    const at = (path: string) => bitgetReplay.question(new URL(path, 'http://x'));
    t.match(at('/api/v2/spot/market/orderbook?symbol=BTCUSDT&limit=5'), { kind: 'depth', limit: 5 });
    t.match(
      [at('/api/v2/public/time'), at('/api/v2/spot/public/symbols'), at('/x')],
      [{ kind: 'time' }, { kind: 'instruments' }, { kind: 'unknown' }],
    );
  },
);
