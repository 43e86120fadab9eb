import fc from 'fast-check';
import t from 'tap';
import type { DetectorEffect } from '../../src/detectors/detector.js';
import type { TradedRoute } from '../../src/detectors/traded-routes.js';
import { cycleSize } from '../../src/detectors/triangular/cycle-depth.js';
import { cycleRoutes } from '../../src/detectors/triangular/cycle-route.js';
import { FastCycle, fastRouteOf } from '../../src/detectors/triangular/fast-cycle.js';
import { TriangularDetector } from '../../src/detectors/triangular/triangular.js';
import {
  DEFAULT_TRIANGULAR_PARAMETERS,
  type TriangularParameters,
} from '../../src/detectors/triangular/triangular-parameters.js';
import { Decimal, ONE, ZERO } from '../../src/market/decimal.js';
import { buyFactor, feeOf, sellFactor } from '../../src/market/fees.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { violationsOfText } from '../../src/market/order-rules.js';
import { BOARD_DEPTH, QuoteBoard } from '../../src/market/quote-board.js';
import { opportunityEvent, signal as signalSchema, type Signal } from '../../src/messages/signal.js';

type Levels = readonly (readonly [number, number])[];
interface Book {
  readonly bids: Levels;
  readonly asks: Levels;
}

const d = (text: string | number): Decimal => new Decimal(text);

const parameters: TriangularParameters = {
  ...DEFAULT_TRIANGULAR_PARAMETERS,
  limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '5000' }]]),
};

function instrument(pair: string, more: Partial<Instrument> = {}): Instrument {
  const exchange = more.exchange ?? 'binance';
  const [base = '', quote = ''] = pair.split('-');
  return {
    id: `${exchange}:${pair}`,
    exchange,
    symbol: base + quote,
    pair,
    base,
    quote,
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: '0.00000001',
    lotSize: '0.00001',
    minQuantity: '0.00001',
    maxQuantity: null,
    minNotional: '0.0001',
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: 'received',
    ...more,
  };
}

const TRIANGLE = ['BTC-USDT', 'ETH-BTC', 'ETH-USDT'].map((pair) => instrument(pair));

/** A board, a detector and a hand on the clock. */
class Market {
  readonly board = new QuoteBoard(64);
  readonly detector: TriangularDetector;
  readonly effects: DetectorEffect[] = [];
  nowMs = 1_000_000;
  private ids = 0;

  constructor(
    instruments: readonly Instrument[] = TRIANGLE,
    changes: Partial<TriangularParameters> = {},
    traded: readonly TradedRoute[] = [],
  ) {
    this.detector = new TriangularDetector({
      instruments,
      board: this.board,
      parameters: { ...parameters, ...changes },
      nextId: (prefix) => `${prefix}-${++this.ids}`,
      traded,
    });
  }

  /** Publishes without telling the detector. */
  publish(id: string, { bids, asks }: Book, lagMs = 5): number {
    const book = new OrderBook();
    for (const [price, size] of bids) book.setBid(price, size);
    for (const [price, size] of asks) book.setAsk(price, size);
    book.sequence = 7;
    const slot = this.board.slotOf(id);
    this.board.publish(slot, book, 3, this.nowMs - lagMs, this.nowMs, this.nowMs);
    return slot;
  }

  book(id: string, book: Book, lagMs = 5): DetectorEffect[] {
    return this.look(this.publish(id, book, lagMs));
  }

  look(slot: number): DetectorEffect[] {
    return this.keep(this.detector.onSlotDirty(slot, this.nowMs, this.nowMs));
  }

  keep(effects: readonly DetectorEffect[]): DetectorEffect[] {
    this.effects.push(...effects);
    return [...effects];
  }
}

const told = (effects: readonly DetectorEffect[]): string[] =>
  effects.map((effect) =>
    effect.kind === 'signal' ? 'SIGNAL' : `${effect.event.phase} ${effect.event.reason}`,
  );
const signalsOf = (effects: readonly DetectorEffect[]): Signal[] =>
  effects.flatMap((effect) => (effect.kind === 'signal' ? [effect.signal] : []));

const around = (mid: number, size: number, bps = 1): Book => ({
  bids: [[round(mid * (1 - bps / 1e4)), size]],
  asks: [[round(mid * (1 + bps / 1e4)), size]],
});
const round = (price: number): number => Number(price.toPrecision(7));

const BTC = around(60_000, 0.5);
const ETH = around(3_000, 10);
/** ETH costs so many bps more (or, below 0, less) in BTC than by way of USDT. */
const cross = (bps: number, size = 10): Book => around(0.05 * (1 + bps / 1e4), size, 0.1);

function dislocated(bps: number, changes: Partial<TriangularParameters> = {}): Market {
  const market = new Market(TRIANGLE, changes);
  market.book('binance:BTC-USDT', BTC);
  market.book('binance:ETH-USDT', ETH);
  market.book('binance:ETH-BTC', cross(bps));
  return market;
}

t.test(
  'a dislocated cross market becomes one signal around the cycle, in the direction that earns',
  async (t) => {
    const cheap = dislocated(-60);
    t.same(told(cheap.effects), ['opened EDGE_OPENED', 'SIGNAL']);
    const signal = signalSchema.parse(signalsOf(cheap.effects)[0]);
    t.equal(signal.strategy, 'triangular');
    t.equal(signal.shape, 'cycle');
    t.equal(signal.quote, 'USDT');
    t.same([signal.pair, signal.base], ['BTC-USDT', 'BTC']);
    t.same(
      signal.legs.map(({ instrument: id, side }) => `${side} ${id}`),
      ['buy binance:BTC-USDT', 'buy binance:ETH-BTC', 'sell binance:ETH-USDT'],
    );
    const [btc, eth, home] = signal.legs;
    t.same(btc?.levels, [['60006', '0.5']], 'the levels used');
    t.same([btc?.bookEpoch, btc?.bookSequence, btc?.exchangeTimeMs], [3, 7, 999_995]);
    t.equal(signal.exchangeToSignalMs, 5);
    t.equal(signal.quantity, btc?.quantity);
    // What each order brings after its fee, and what rounding leaves over.
    const bought = d(btc!.quantity).times('0.999');
    const spent = d(eth!.quantity).times(eth!.limitPrice);
    const held = d(eth!.quantity).times('0.999');
    t.ok(spent.lte(bought) && d(home!.quantity).lte(held));
    t.same(
      signal.residues?.map(({ asset, quantity }) => [asset, quantity]),
      [
        ['BTC', bought.minus(spent).toFixed()],
        ['ETH', held.minus(home!.quantity).toFixed()],
      ].filter(([, left]) => left !== '0'),
    );
    t.ok(Number(signal.notional) <= 5_000 && Number(signal.notional) > 4_950, signal.notional);

    const dear = dislocated(60);
    t.same(
      signalsOf(dear.effects)[0]?.legs.map(({ instrument: id, side }) => `${side} ${id}`),
      ['buy binance:ETH-USDT', 'sell binance:ETH-BTC', 'sell binance:BTC-USDT'],
    );
    const [event] = dear.effects;
    t.equal(
      event?.kind === 'opportunity' && event.event.route,
      'binance:ETH-USDT > binance:ETH-BTC > binance:BTC-USDT',
    );
    t.same(
      dislocated(20).effects.filter(({ kind }) => kind === 'signal'),
      [],
      'fees of three legs eat it',
    );
  },
);

t.test('a life is offered once, told as executed, and a new one begins after its edge closed', async (t) => {
  const market = dislocated(-60);
  const [signal] = signalsOf(market.effects.splice(0));
  market.book('binance:ETH-USDT', around(3_010, 10));
  t.same(told(market.effects.splice(0)), [], 'no second offer, even for more');
  market.keep(market.detector.markExecuted(signal!.opportunityId, market.nowMs));
  market.book('binance:ETH-USDT', around(3_011, 10));
  t.same(told(market.effects.splice(0)), ['executed EXECUTED']);
  market.book('binance:ETH-BTC', cross(0));
  market.book('binance:ETH-USDT', ETH);
  t.same(told(market.effects.splice(0)), ['closed EDGE_CLOSED']);
  market.book('binance:ETH-BTC', cross(-60));
  t.same(told(market.effects.splice(0)), ['opened EDGE_OPENED', 'SIGNAL']);
  t.equal(market.detector.openLives, 1);
});

t.test('a refused or missed offer returns after the cool-down or when its profit has grown', async (t) => {
  const market = dislocated(-60);
  const id = signalsOf(market.effects.splice(0))[0]!.opportunityId;
  market.keep(market.detector.markRefused(id, 'ORDER_RATE', 'too many', market.nowMs));
  t.same(told(market.effects.splice(0)), ['refused ORDER_RATE']);
  market.nowMs += 10;
  market.book('binance:ETH-BTC', cross(-61));
  t.same(told(market.effects.splice(0)), [], 'hardly more');
  market.book('binance:ETH-BTC', cross(-90));
  t.same(told(market.effects.splice(0)), ['SIGNAL'], 'grown');
  market.keep(market.detector.markMissed(id, 'NOT_FILLED', 'late', market.nowMs));
  market.nowMs += 1_200;
  market.publish('binance:BTC-USDT', BTC);
  market.publish('binance:ETH-USDT', ETH);
  market.book('binance:ETH-BTC', cross(-89));
  t.same(told(market.effects.splice(0)), ['missed NOT_FILLED', 'SIGNAL'], 'cooled');
  market.book('binance:ETH-BTC', cross(0));
  market.keep(market.detector.markExecuted(id, market.nowMs));
  t.same(
    told(market.effects),
    ['closed EDGE_CLOSED', 'executed EXECUTED'],
    'an answer that comes late is told',
  );
});

t.test('a book that may not be used is never offered from, ends what was, and has its name', async (t) => {
  const reasonOf = (hurt: (market: Market) => void, changes: Partial<TriangularParameters> = {}) => {
    const market = new Market(TRIANGLE, changes);
    market.publish('binance:BTC-USDT', BTC);
    market.publish('binance:ETH-USDT', ETH);
    market.publish('binance:ETH-BTC', cross(-60));
    hurt(market);
    for (const slot of market.detector.slots) market.look(slot);
    return told(market.effects).join();
  };
  const btc = (market: Market) => market.board.slotOf('binance:BTC-USDT');
  t.equal(
    reasonOf(() => undefined),
    'opened EDGE_OPENED,SIGNAL',
  );
  t.equal(
    reasonOf((m) => m.board.distrust(btc(m))),
    'opened EDGE_OPENED,refused BOOK_UNTRUSTED',
  );
  t.equal(
    reasonOf((m) => (m.nowMs += 2_000)),
    'opened EDGE_OPENED,refused BOOK_AGE',
  );
  t.equal(
    reasonOf((m) => m.publish('binance:BTC-USDT', { bids: [[60_000, 1]], asks: [[59_999, 1]] })),
    'opened EDGE_OPENED,refused BOOK_CROSSED',
  );
  t.equal(
    reasonOf((m) => (m.board.aliveMonotonicMs[btc(m)] = m.nowMs - 600)),
    'opened EDGE_OPENED,refused BOOK_AGES_DIFFER',
  );
  t.equal(
    reasonOf((m) => (m.board.changedMonotonicMs[btc(m)] = m.nowMs - 90_000)),
    'opened EDGE_OPENED,refused BOOK_UNCHANGED',
  );
  t.equal(
    reasonOf((m) => m.publish('binance:BTC-USDT', { bids: [], asks: [] })),
    '',
  );
  const opaque = TRIANGLE.map((one) => ({ ...one, bookProof: 'opaque' as const }));
  const behind = new Market(opaque);
  for (const [id, book] of [
    ['BTC-USDT', BTC],
    ['ETH-USDT', ETH],
    ['ETH-BTC', cross(-60)],
  ] as const)
    behind.book(`binance:${id}`, book);
  t.ok(told(behind.effects).includes('refused BOOK_OPAQUE'));

  const stale = dislocated(-60);
  stale.effects.length = 0;
  stale.nowMs += 2_000;
  t.same(told(stale.detector.sweep(stale.nowMs, stale.nowMs)), ['closed BOOK_AGE']);
  const traded = dislocated(-60);
  traded.detector.markExecuted(signalsOf(traded.effects)[0]!.opportunityId, traded.nowMs);
  traded.nowMs += 2_000;
  t.same(
    told(traded.detector.sweep(traded.nowMs, traded.nowMs)),
    [],
    'what was traded is not offered again after a silence',
  );
});

t.test('every obstacle of size has its name', async (t) => {
  const obstacle = (rules: Partial<Instrument>, size = 10, changes: Partial<TriangularParameters> = {}) => {
    const market = new Market(
      TRIANGLE.map((one) => (one.pair === 'ETH-BTC' ? { ...one, ...rules } : one)),
      changes,
    );
    market.book('binance:BTC-USDT', BTC);
    market.book('binance:ETH-USDT', ETH);
    market.book('binance:ETH-BTC', cross(-60, size));
    return told(market.effects).at(-1);
  };
  const limits = (minNetProfit: string, maxNotional: string, minNotional = '0') => ({
    limits: new Map([['USDT', { minNetProfit, maxNotional, minNotional }]]),
  });
  t.equal(obstacle({}), 'SIGNAL');
  t.equal(obstacle({ lotSize: '5' }), 'refused LOT_SIZE');
  t.equal(obstacle({ minQuantity: '4' }), 'refused MIN_QUANTITY');
  t.equal(obstacle({ minNotional: '0.2' }), 'refused MIN_NOTIONAL');
  t.equal(obstacle({}, 0.02), 'refused MIN_PROFIT');
  t.equal(obstacle({}, 10, limits('0.5', '50')), 'refused MIN_PROFIT');
  t.equal(obstacle({}, 10, limits('0', '50', '60')), 'refused MIN_NOTIONAL');
  t.equal(obstacle({}, 10, { minNetBps: 29 }), 'refused NET_EDGE');
});

t.test(
  'both directions of a triangle count, on each exchange, from an asset that may be started from',
  async (t) => {
    const count = (instruments: readonly Instrument[], changes: Partial<TriangularParameters> = {}) =>
      new Market(instruments, changes).detector.cycleCount;
    t.equal(count(TRIANGLE), 2);
    const okx = TRIANGLE.map(({ pair }) => instrument(pair, { exchange: 'okx' }));
    t.equal(count([...TRIANGLE, ...okx]), 4, 'no cycle crosses exchanges');
    t.equal(count([...TRIANGLE, ...okx], { exchanges: ['okx'] }), 2);
    t.equal(count([...TRIANGLE, ...okx.slice(1)]), 2);
    t.equal(count(TRIANGLE, { limits: new Map([['KRW', { minNetProfit: '0', maxNotional: '1' }]]) }), 0);
    t.equal(
      count(TRIANGLE, {
        pairs: new Map([
          ['BTC-USDT', {}],
          ['ETH-BTC', {}],
        ]),
      }),
      0,
      'a pair that is not listed',
    );
    t.equal(count(TRIANGLE.map((one) => ({ ...one, identityKnown: false }))), 0);
    const more = [...TRIANGLE, instrument('SOL-USDT'), instrument('SOL-BTC'), instrument('SOL-ETH')];
    t.equal(count(more), 6, 'not the one of SOL, ETH and BTC alone');
  },
);

t.test('on an exchange of another currency the cycle begins with that', async (t) => {
  const markets = ['BTC-KRW', 'BTC-USDT', 'USDT-KRW'].map((pair) =>
    instrument(pair, { exchange: 'upbit', tickSize: '0.01' }),
  );
  const limits = new Map([
    ['KRW', { minNetProfit: '500', maxNotional: '5000000' }],
    ['USDT', { minNetProfit: '0.5', maxNotional: '5000' }],
  ]);
  const market = new Market(markets, { limits });
  market.book('upbit:USDT-KRW', around(1_400, 100_000));
  market.book('upbit:BTC-KRW', around(84_000_000, 1));
  market.book('upbit:BTC-USDT', around(60_600, 1));
  const signal = signalSchema.parse(signalsOf(market.effects)[0]);
  t.same([signal.quote, signal.base], ['KRW', 'BTC']);
  t.same(
    signal.legs.map(({ side, instrument: id }) => `${side} ${id}`),
    ['buy upbit:BTC-KRW', 'sell upbit:BTC-USDT', 'sell upbit:USDT-KRW'],
  );
  t.ok(Number(signal.notional) > 4_900_000 && Number(signal.notional) <= 5_000_000);
  const dollars = new Market(markets, { limits: new Map([['USDT', limits.get('USDT')!]]) });
  dollars.book('upbit:USDT-KRW', around(1_400, 100_000));
  dollars.book('upbit:BTC-KRW', around(84_000_000, 1));
  dollars.book('upbit:BTC-USDT', around(59_400, 1));
  t.same(
    signalsOf(dollars.effects)[0]?.legs.map(({ side, instrument: id }) => `${side} ${id}`),
    ['buy upbit:BTC-USDT', 'sell upbit:BTC-KRW', 'buy upbit:USDT-KRW'],
    'the last leg buys the start asset',
  );
  dollars.book('upbit:BTC-USDT', around(60_600, 1));
  t.same(
    signalsOf(dollars.effects)[1]?.legs.map(({ side, instrument: id }) => `${side} ${id}`),
    ['sell upbit:USDT-KRW', 'buy upbit:BTC-KRW', 'sell upbit:BTC-USDT'],
    'the first leg sells the start asset',
  );
});

t.test('a market of packs trades packs, and the asset beside it is the same', async (t) => {
  const packs = [
    instrument('BTC-USDT'),
    instrument('SATS-BTC', {
      unitMultiplier: '1000',
      lotSize: '1',
      minQuantity: '1',
      tickSize: '0.00000001',
    }),
    instrument('SATS-USDT', { lotSize: '1', minQuantity: '1', tickSize: '0.0000001' }),
  ];
  const market = new Market(packs);
  market.book('binance:BTC-USDT', BTC);
  market.book('binance:SATS-USDT', around(0.0006, 1e9));
  // 1000 SATS for 0.00001 BTC is par.
  market.book('binance:SATS-BTC', around(0.00000994, 1e6));
  const signal = signalSchema.parse(signalsOf(market.effects)[0]);
  const [, bought, sold] = signal.legs;
  const ratio = Number(sold!.quantity) / Number(bought!.quantity);
  t.ok(Math.abs(ratio - 999) < 0.01, `${bought!.quantity} packs and ${sold!.quantity}`);
});

t.test('cycles follow the list of markets, and a halt costs only the lives through it', async (t) => {
  const market = dislocated(-60);
  market.effects.length = 0;
  const [btc, eth] = [TRIANGLE[0]!, TRIANGLE[2]!];
  const { detector } = market;
  t.same(told(detector.instrumentChanged({ ...btc, state: 'halted' }, market.nowMs, market.nowMs)), [
    'closed NOT_TRADING',
  ]);
  market.book('binance:ETH-BTC', cross(-60));
  t.same(told(market.effects.splice(0)), ['opened EDGE_OPENED', 'refused NOT_TRADING']);
  t.same(told(detector.instrumentChanged(btc, market.nowMs, market.nowMs)), ['SIGNAL']);
  t.same(told(detector.instrumentChanged({ ...eth, lotSize: '0.01' }, market.nowMs, market.nowMs)), [
    'closed RECONFIGURED',
  ]);
  market.book('binance:ETH-BTC', cross(-60));
  const [signal] = signalsOf(market.effects.splice(0));
  t.equal(d(signal!.legs[2]!.quantity).mod('0.01').toNumber(), 0, 'by the new lot');
  t.same(told(detector.replaceInstruments(TRIANGLE.slice(1), market.nowMs)), ['closed RECONFIGURED']);
  t.equal(detector.cycleCount, 0);
  t.same(detector.slots, []);
  detector.replaceInstruments(TRIANGLE, market.nowMs);
  t.equal(detector.cycleCount, 2);
  t.equal(market.book('binance:ETH-BTC', cross(-60)).length, 2, 'what the board holds counts at once');
  t.same(detector.instrumentChanged(instrument('SOL-USDT'), market.nowMs, market.nowMs), []);
});

t.test('what is only watched is told with its figures and never offered', async (t) => {
  const market = dislocated(-60, { watchOnly: true });
  t.same(told(market.effects), ['opened EDGE_OPENED', 'refused WATCH_ONLY']);
  const [, refused] = market.effects;
  t.ok(refused?.kind === 'opportunity' && Number(refused.event.netProfit) > 10);
  t.ok(refused?.kind === 'opportunity' && /strategies.triangular is watch/.test(refused.event.detail));
});

t.test(
  'after a restart a cycle that was traded and still stands is left alone until it has closed',
  async (t) => {
    const route = { pair: 'BTC-USDT', buyExchange: 'binance', sellExchange: 'binance' };
    const market = new Market(TRIANGLE, {}, [route]);
    market.book('binance:BTC-USDT', BTC);
    market.book('binance:ETH-USDT', ETH);
    market.book('binance:ETH-BTC', cross(-60));
    t.same(told(market.effects.splice(0)), ['opened EDGE_OPENED'], 'seen and not offered');
    market.book('binance:ETH-BTC', cross(0));
    market.book('binance:ETH-BTC', cross(-60));
    t.same(told(market.effects), ['closed EDGE_CLOSED', 'opened EDGE_OPENED', 'SIGNAL']);
    const gone = new Market(TRIANGLE, {}, [route]);
    gone.book('binance:BTC-USDT', BTC);
    gone.book('binance:ETH-USDT', ETH);
    gone.book('binance:ETH-BTC', cross(0));
    gone.book('binance:ETH-BTC', cross(-60));
    t.same(told(gone.effects), ['opened EDGE_OPENED', 'SIGNAL'], 'the edge was seen closed first');
  },
);

t.test('wrong parameters are refused by name', async (t) => {
  t.throws(() => new Market(TRIANGLE, { depth: 0, maxAgeGapMs: -1 }), {
    code: 'ARB_CONFIG_INVALID',
    message: /maxAgeGapMs.*depth/,
  });
  t.throws(() => new Market([{ ...TRIANGLE[0]!, lotSize: '0' }]), {
    code: 'ARB_DECIMAL_INVALID',
    message: /BTC-USDT lotSize/,
  });
});

const levels = fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 5, max: 30 })), {
  minLength: 1,
  maxLength: 3,
});
const rarely = fc.oneof(
  { weight: 12, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 }) },
);
/** Three coins of small numbers, so that every size can be tried; sizes in tenths. */
const world = fc.record({
  books: fc.tuple(levels, levels, levels),
  modes: fc.array(fc.constantFrom('received' as const, 'quote' as const), { minLength: 3, maxLength: 3 }),
  lots: fc.array(fc.constantFrom('0.05', '0.1', '0.25'), { minLength: 3, maxLength: 3 }),
  minNotionals: fc.array(fc.constantFrom('0', '0.2'), { minLength: 3, maxLength: 3 }),
  maxQuantities: fc.array(fc.constantFrom(null, null, '3', '2.37'), { minLength: 3, maxLength: 3 }),
  shiftBps: fc.oneof(fc.integer({ min: -900, max: -150 }), fc.integer({ min: 150, max: 900 })),
  maxNotional: fc.constantFrom('17', '31.7', '1000'),
  latencyDecayBps: fc.constantFrom(0, 2),
  distrusted: rarely,
  stale: rarely,
  crossed: rarely,
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

const MIDS = [10, 0.5, 5];

function bookOf(steps: Levels, mid: number): Book {
  const side = (sign: number): Levels => {
    let away = 0;
    return steps.map(([step, size]) => {
      away += step;
      return [round(mid * (1 + (sign * away) / 1e4)), size / 10] as const;
    });
  };
  return { bids: side(-1), asks: side(1) };
}

function laidOut(world: World): { instruments: Instrument[]; books: Book[] } {
  const instruments = ['BTC-USDT', 'ETH-BTC', 'ETH-USDT'].map((pair, i) =>
    instrument(pair, {
      feeMode: world.modes[i]!,
      lotSize: world.lots[i]!,
      minQuantity: world.lots[i]!,
      minNotional: world.minNotionals[i]!,
      maxQuantity: world.maxQuantities[i]!,
      tickSize: '0.0000001',
    }),
  );
  const books = MIDS.map((mid, i) => {
    const moved = i === 1 ? mid * (1 + world.shiftBps / 1e4) : mid;
    const book = bookOf(world.books[i]!, moved);
    return i === world.crossed ? { bids: book.asks, asks: book.bids } : book;
  });
  return { instruments, books };
}

function run(world: World, order: readonly number[]) {
  const { instruments, books } = laidOut(world);
  const market = new Market(instruments, {
    minNetBps: 0,
    latencyDecayBps: world.latencyDecayBps,
    limits: new Map([['USDT', { minNetProfit: '0', maxNotional: world.maxNotional }]]),
  });
  const slots = instruments.map(({ id }, i) => market.publish(id, books[i]!, world.stale === i ? 9_999 : 5));
  if (world.distrusted >= 0) market.board.distrust(slots[world.distrusted]!);
  for (const i of order) market.look(slots[i]!);
  return { market, instruments, books };
}

interface Filled {
  readonly quantity: Decimal;
  readonly used: Decimal;
  readonly received: Decimal;
  /** Below a minimum of the exchange. */
  readonly isSmall: boolean;
}

/** An order by plain walking; null = the book or the exchange has not so much. */
function filled(one: Instrument, side: 'buy' | 'sell', book: Book, quantity: Decimal): Filled | null {
  let [left, quote] = [quantity, ZERO];
  for (const [price, size] of side === 'buy' ? book.asks : book.bids) {
    const taken = Decimal.min(left, size);
    quote = quote.plus(taken.times(price));
    left = left.minus(taken);
  }
  if (!left.isZero() || quantity.greaterThan(one.maxQuantity ?? Infinity)) return null;
  const fee = feeOf(one.takerFeeRate, one.feeMode);
  const { numerator, keep } = buyFactor(fee);
  const shared = { quantity, isSmall: quantity.lessThan(one.minQuantity) || quote.lessThan(one.minNotional) };
  if (side === 'sell') return { ...shared, used: quantity, received: quote.times(sellFactor(fee)) };
  return { ...shared, used: quote.times(keep.equals(1) ? numerator : ONE), received: quantity.times(keep) };
}

/** The largest order that an amount pays for, by halving. */
function mostOf(one: Instrument, side: 'buy' | 'sell', book: Book, amount: Decimal): Filled | null {
  let [low, high] = [0, MOST_LOTS];
  const at = (lots: number) => filled(one, side, book, d(one.lotSize).times(lots));
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at(middle)?.used.lte(amount) === true) low = middle;
    else high = middle;
  }
  return low === 0 ? null : at(low);
}

const MOST_LOTS = 256;

/** Profit of each start size on the lattice of the first leg, the smallest first. */
function everySize(world: World, legs: Signal['legs']): { spent: Decimal; value: Decimal }[] {
  const { instruments, books } = laidOut(world);
  const found: { spent: Decimal; value: Decimal }[] = [];
  const at = legs.map((leg) => instruments.findIndex(({ id }) => id === leg.instrument));
  for (let lots = 1; lots < MOST_LOTS; lots++) {
    const one = instruments[at[0]!]!;
    const first = filled(one, legs[0]!.side, books[at[0]!]!, d(one.lotSize).times(lots));
    if (first === null || first.isSmall || first.used.greaterThan(world.maxNotional)) continue;
    let last: Filled | null = first;
    for (const i of [1, 2]) {
      if (last !== null) last = mostOf(instruments[at[i]!]!, legs[i]!.side, books[at[i]!]!, last.received);
      if (last?.isSmall === true) last = null;
    }
    if (last === null) continue;
    const costs = first.used.times(world.latencyDecayBps).div(10_000);
    found.push({ spent: first.used, value: last.received.minus(first.used).minus(costs) });
  }
  return found;
}

t.test('property: the size offered is never improved by any other on the lattice', async (t) => {
  let offers = 0;
  fc.assert(
    fc.property(world, (world) => {
      for (const signal of signalsOf(run(world, world.order).market.effects)) {
        offers++;
        const realised = d(signal.edge.net).minus(signal.edge.marked ?? 0);
        const others = everySize(world, signal.legs);
        const best = others.reduce((top, one) => (one.value.greaterThan(top.value) ? one : top));
        t.ok(
          best.value.minus(realised).abs().lessThan('1e-18'),
          `${realised.toFixed()} where ${best.value.toFixed()} is possible`,
        );
        const smallest = others.find(({ value }) => value.equals(best.value))!;
        t.ok(d(signal.notional).minus(smallest.spent).abs().lessThan('1e-18'), 'of equal sizes the smallest');
      }
    }),
    { numRuns: 150 },
  );
  t.ok(offers > 4, `${offers} offers were judged`);
});

t.test('property: where a size earns, it is offered', async (t) => {
  let silent = 0;
  const legsOf = (reverse: boolean) =>
    (reverse
      ? [
          ['ETH-USDT', 'buy'],
          ['ETH-BTC', 'sell'],
          ['BTC-USDT', 'sell'],
        ]
      : [
          ['BTC-USDT', 'buy'],
          ['ETH-BTC', 'buy'],
          ['ETH-USDT', 'sell'],
        ]
    ).map(([pair, side]) => ({ instrument: `binance:${pair}`, side })) as unknown as Signal['legs'];
  fc.assert(
    fc.property(world, fc.boolean(), (drawn, reverse) => {
      const good = { ...drawn, distrusted: -1, stale: -1, crossed: -1 };
      const legs = legsOf(reverse);
      const pays = everySize(good, legs).some(({ value }) => value.greaterThan(0));
      const offered = signalsOf(run(good, good.order).market.effects).some(
        (signal) => signal.legs[0]!.instrument === legs[0]!.instrument,
      );
      if (!pays) silent++;
      t.equal(offered, pays);
    }),
    { numRuns: 100 },
  );
  t.ok(silent > 4, `${silent} markets had nothing to offer`);
});

t.test('property: offers obey every rule, add up exactly and never touch a bad book', async (t) => {
  let offers = 0;
  fc.assert(
    fc.property(world, (world) => {
      const { market, instruments } = run(world, world.order);
      for (const signal of signalsOf(market.effects)) {
        offers++;
        signalSchema.parse(signal);
        t.equal(
          Math.max(world.distrusted, world.stale, world.crossed),
          -1,
          'every market is a leg of every cycle',
        );
        const { gross, feeBuy, feeSell, latencyDecay, transfer, inventory, marked = '0', net } = signal.edge;
        const costs = [feeBuy, feeSell, latencyDecay, transfer].reduce((sum, part) => sum.plus(part), ZERO);
        t.ok(d(gross).minus(costs).plus(inventory).plus(marked).equals(net));
        const worth = (signal.residues ?? []).reduce((sum, one) => sum.plus(one.worth), ZERO);
        t.ok(worth.equals(marked));
        t.ok(d(signal.notional).lte(world.maxNotional));
        for (const leg of signal.legs) {
          const one = instruments.find(({ id }) => id === leg.instrument)!;
          t.same(violationsOfText(leg, one), []);
        }
      }
      for (const effect of market.effects)
        if (effect.kind === 'opportunity') t.ok(opportunityEvent.safeParse(effect.event).success);
    }),
    { numRuns: 200 },
  );
  t.ok(offers > 4, `${offers} offers were judged`);
});

t.test('property: the order in which slots are looked at does not change what is offered', async (t) => {
  const summary = (effects: readonly DetectorEffect[]) =>
    signalsOf(effects)
      .map(({ signalId: _s, opportunityId: _o, ...rest }) => JSON.stringify(rest))
      .sort();
  fc.assert(
    fc.property(world, (world) => {
      t.strictSame(
        summary(run(world, [0, 1, 2]).market.effects),
        summary(run(world, world.order).market.effects),
      );
    }),
    { numRuns: 100 },
  );
});

t.test('property: the float64 walk and the exact one agree on what to send and what it earns', async (t) => {
  fc.assert(
    fc.property(world, (world) => {
      const { instruments, books } = laidOut({ ...world, crossed: -1, maxQuantities: [null, null, null] });
      const market = new Market(instruments);
      instruments.forEach(({ id }, i) => market.publish(id, books[i]!));
      const limits = new Map([['USDT', { minNetProfit: '0', maxNotional: world.maxNotional }]]);
      const { routes } = cycleRoutes(instruments, market.board, {
        ...parameters,
        limits,
        latencyDecayBps: 0,
      });
      for (const route of routes) {
        const fast = new FastCycle(market.board);
        fast.walk(fastRouteOf(route), BOARD_DEPTH);
        const legs = route.legs.map(({ side, market: { instrument: one, fee } }) => {
          const book = books[instruments.findIndex(({ id }) => id === one.id)]!;
          const shown = side === 'buy' ? book.asks : book.bids;
          return { side, fee, levels: shown.map(([price, size]) => [d(price), d(size)] as const) };
        });
        const exact = cycleSize(legs, d(world.maxNotional));
        const near = (a: number, b: Decimal) =>
          Math.abs(a - b.toNumber()) <= 1e-9 * Math.max(1, b.abs().toNumber());
        t.ok(near(fast.start, exact.start) && near(fast.profit, exact.profit));
      }
    }),
    { numRuns: 150 },
  );
});
