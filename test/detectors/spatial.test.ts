import t from 'tap';
import fc from 'fast-check';
import { signal as signalSchema, opportunityEvent, type Signal } from '../../src/messages/signal.js';
import { Decimal } from '../../src/market/decimal.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { orderRulesOf, violationsOfText } from '../../src/market/order-rules.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import { SpatialDetector, type SpatialEffect } from '../../src/detectors/spatial.js';
import {
  DEFAULT_SPATIAL_PARAMETERS,
  type SpatialParameters,
} from '../../src/detectors/spatial-parameters.js';

import { tradedRoutes, type TradedRoute } from '../../src/detectors/traded-routes.js';
import { sampleClosed, sampleLeg } from '../storage/samples.js';

type Levels = readonly (readonly [number, number])[];

const parameters: SpatialParameters = {
  ...DEFAULT_SPATIAL_PARAMETERS,
  limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '100000' }]]),
};

function instrument(exchange: string, more: Partial<Instrument> = {}): Instrument {
  const base = more.base ?? 'BTC';
  return {
    id: `${exchange}:${base}-USDT`,
    exchange,
    symbol: `${base}USDT`,
    pair: `${base}-USDT`,
    base,
    quote: 'USDT',
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: '0.1',
    lotSize: '0.0001',
    minQuantity: '0.0001',
    maxQuantity: null,
    minNotional: '5',
    state: 'trading',
    takerFeeRate: '0.001',
    makerFeeRate: '0.001',
    feeMode: 'quote',
    ...more,
  };
}

/** A board, a detector and a hand on the clock. */
class Market {
  readonly board = new QuoteBoard(32);
  readonly detector: SpatialDetector;
  readonly effects: SpatialEffect[] = [];
  nowMs = 1_000_000;
  private ids = 0;

  constructor(
    instruments: readonly Instrument[],
    changes: Partial<SpatialParameters> = {},
    traded: readonly TradedRoute[] = [],
  ) {
    this.detector = new SpatialDetector({
      instruments,
      board: this.board,
      parameters: { ...parameters, ...changes },
      nextId: (prefix) => `${prefix}-${++this.ids}`,
      traded,
    });
  }

  /** Publishes without telling the detector. */
  publish(id: string, bids: Levels, asks: Levels, lagMs = 5): number {
    const book = new OrderBook();
    for (const [price, size] of bids) book.setBid(price, size);
    for (const [price, size] of asks) book.setAsk(price, size);
    const slot = this.board.slotOf(id);
    this.board.publish(slot, book, 1, this.nowMs - lagMs, this.nowMs, this.nowMs);
    return slot;
  }

  book(id: string, bids: Levels, asks: Levels, lagMs = 5): SpatialEffect[] {
    return this.look(this.publish(id, bids, asks, lagMs));
  }

  look(slot: number): SpatialEffect[] {
    return this.keep(this.detector.onSlotDirty(slot, this.nowMs, this.nowMs));
  }

  keep(effects: readonly SpatialEffect[]): SpatialEffect[] {
    this.effects.push(...effects);
    return [...effects];
  }
}

const told = (effects: readonly SpatialEffect[]): string[] =>
  effects.map((effect) =>
    effect.kind === 'signal' ? 'SIGNAL' : `${effect.event.phase} ${effect.event.reason}`,
  );
const signalsOf = (effects: readonly SpatialEffect[]): Signal[] =>
  effects.flatMap((effect) => (effect.kind === 'signal' ? [effect.signal] : []));

const CHEAP = {
  bids: [[99.9, 5]],
  asks: [
    [100, 1],
    [100.2, 2],
  ],
} as const;
const DEAR = {
  bids: [
    [101, 0.7],
    [100.9, 3],
  ],
  asks: [[102, 5]],
} as const;

function dislocated(changes: Partial<SpatialParameters> = {}, a = {}, b = {}): Market {
  const market = new Market([instrument('binance', a), instrument('okx', b)], changes);
  market.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  market.book('okx:BTC-USDT', DEAR.bids, DEAR.asks);
  return market;
}

t.test('a dislocation becomes one signal whose net is gross less its named parts', async (t) => {
  const market = dislocated();
  t.same(told(market.effects), ['opened EDGE_OPENED', 'SIGNAL']);
  const [found] = signalsOf(market.effects);
  const signal = signalSchema.parse(found);
  t.equal(signal.quantity, '3');
  t.equal(signal.legs[0]?.limitPrice, '100.2', 'the worst ask needed');
  t.equal(signal.legs[1]?.limitPrice, '100.9', 'the worst bid needed');
  // 0.7·101 + 2.3·100.9 − (1·100 + 2·100.2)
  t.equal(signal.edge.gross, '2.37');
  t.equal(signal.edge.feeBuy, '0.3004');
  t.equal(signal.edge.feeSell, '0.30277');
  t.equal(signal.edge.latencyDecay, '0.01502');
  t.equal(signal.edge.net, '1.73679');
  t.equal(signal.notional, '300.7004');
  t.equal(signal.exchangeToSignalMs, 5);
  t.same(signal.legs[0]?.levels, [
    ['100', '1'],
    ['100.2', '2'],
  ]);
  for (const effect of market.effects) {
    if (effect.kind === 'opportunity') t.ok(opportunityEvent.safeParse(effect.event).success);
  }
});

t.test('a life is offered once, told as executed, and a new one begins after its edge closed', async (t) => {
  const market = dislocated();
  const first = signalsOf(market.effects)[0]!;
  t.same(told(market.book('okx:BTC-USDT', [[101.3, 5]], DEAR.asks)), [], 'no second offer while unanswered');
  const executed = market.detector.markExecuted(first.opportunityId, market.nowMs);
  t.same(told(executed), ['executed EXECUTED']);
  t.same(told(market.detector.markRefused(first.opportunityId, 'LATE', '', market.nowMs)), []);
  market.nowMs += 60_000;
  market.publish('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  t.same(told(market.book('okx:BTC-USDT', [[101.4, 9]], DEAR.asks)), [], 'never again in this life');
  t.same(told(market.book('okx:BTC-USDT', [[99.8, 5]], DEAR.asks)), ['closed EDGE_CLOSED']);
  t.same(told(market.book('okx:BTC-USDT', DEAR.bids, DEAR.asks)), ['opened EDGE_OPENED', 'SIGNAL']);
  t.equal(market.detector.openLives, 1);
});

t.test('a signalled life ends with its net edge even while a small gross edge stays', async (t) => {
  const market = dislocated();
  market.detector.markExecuted(signalsOf(market.effects)[0]!.opportunityId, market.nowMs);
  t.same(told(market.book('okx:BTC-USDT', [[100.1, 5]], DEAR.asks)), ['closed EDGE_CLOSED']);
  t.same(told(market.book('okx:BTC-USDT', [[100.11, 5]], DEAR.asks)), [
    'opened EDGE_OPENED',
    'refused NET_EDGE',
  ]);
  t.same(told(market.book('okx:BTC-USDT', [[101, 5]], DEAR.asks)), ['improved EDGE_GREW', 'SIGNAL']);
});

t.test('a refused offer returns after the cool-down or when its profit has grown', async (t) => {
  const market = dislocated();
  const { opportunityId } = signalsOf(market.effects)[0]!;
  const refused = market.detector.markRefused(
    opportunityId,
    'MAX_EXPOSURE',
    'limit 1, actual 2',
    market.nowMs,
  );
  t.same(told(refused), ['refused MAX_EXPOSURE']);
  t.same(
    told(
      market.book(
        'okx:BTC-USDT',
        [
          [101, 0.8],
          [100.9, 3],
        ],
        DEAR.asks,
      ),
    ),
    [],
    'too soon, too alike',
  );
  t.same(told(market.book('okx:BTC-USDT', [[101.8, 3]], DEAR.asks)), ['SIGNAL'], 'grown');
  market.detector.markMissed(opportunityId, 'NOTHING_FILLED', '', market.nowMs);
  market.nowMs += 1_001;
  market.publish('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  t.same(told(market.book('okx:BTC-USDT', [[101.7, 3]], DEAR.asks)), ['SIGNAL'], 'cooled down');
});

t.test('an answer for a life that has closed meanwhile is still told', async (t) => {
  const market = dislocated();
  const { opportunityId } = signalsOf(market.effects)[0]!;
  market.book('okx:BTC-USDT', [[99, 5]], DEAR.asks);
  t.equal(market.detector.openLives, 0);
  t.same(told(market.detector.markExecuted(opportunityId, market.nowMs)), ['executed EXECUTED']);
  t.same(told(market.detector.markExecuted(opportunityId, market.nowMs)), [], 'once');
});

t.test('every obstacle has its name', async (t) => {
  const cases: [string, () => Market][] = [
    ['NET_EDGE', () => dislocated({}, { takerFeeRate: '0.0095' })],
    [
      'MIN_PROFIT',
      () => dislocated({ limits: new Map([['USDT', { minNetProfit: '2', maxNotional: '1000' }]]) }),
    ],
    ['MIN_NOTIONAL', () => dislocated({}, { minNotional: '1000' })],
    ['MIN_QUANTITY', () => dislocated({}, { minQuantity: '50' })],
    ['LOT_SIZE', () => dislocated({}, {}, { lotSize: '10' })],
    ['NOT_TRADING', () => dislocated({}, {}, { state: 'halted' })],
    ['BOOK_OPAQUE', () => dislocated({}, {}, { bookProof: 'opaque' })],
  ];
  for (const [reason, make] of cases) {
    const market = make();
    t.same(told(market.effects), ['opened EDGE_OPENED', `refused ${reason}`], reason);
  }
  const accepted = dislocated({ acceptOpaqueBooks: ['okx'] }, {}, { bookProof: 'opaque' });
  t.same(told(accepted.effects), ['opened EDGE_OPENED', 'SIGNAL'], 'unless the trader accepts such books');
  const quiet = dislocated({}, { identityKnown: false });
  t.same(quiet.effects, [], 'a namesake is not even looked at');
  t.equal(quiet.detector.routeCount, 0);
});

t.test('a halt is obeyed at once and costs only the lives there; other rules begin anew', async (t) => {
  const market = dislocated();
  const [one] = signalsOf(market.effects);
  t.ok(one);
  const okx = instrument('okx');
  const change = (to: Instrument) =>
    market.keep(market.detector.instrumentChanged(to, market.nowMs, market.nowMs));
  t.same(told(change({ ...okx, state: 'halted' })), ['closed NOT_TRADING']);
  const slot = market.board.slotOf('okx:BTC-USDT');
  t.same(told(market.look(slot)), ['opened EDGE_OPENED', 'refused NOT_TRADING']);
  const { effects } = market;
  const last = effects.at(-1);
  t.match(last, { event: { detail: 'okx:BTC-USDT is halted' } });
  t.same(told(change({ ...okx, state: 'trading' })), ['SIGNAL'], 'and offered as soon as it trades again');
  t.same(told(change({ ...okx, tickSize: '0.5' })), ['closed RECONFIGURED']);
  t.same(change(instrument('bybit', { state: 'halted' })), [], 'what is not watched changes nothing');
  const late = dislocated({}, {}, { state: 'halted' });
  t.same(signalsOf(late.effects), []);
  late.keep(late.detector.instrumentChanged(okx, late.nowMs, late.nowMs));
  t.equal(signalsOf(late.effects).length, 1, 'one that was halted at the start may trade later');
});

t.test('an untrusted, crossed, aged or frozen book is never offered, and ends what was', async (t) => {
  const untrusted = dislocated();
  const slot = untrusted.board.slotOf('okx:BTC-USDT');
  untrusted.board.distrust(slot);
  t.same(told(untrusted.look(slot)), ['closed BOOK_UNTRUSTED']);
  t.same(told(untrusted.look(slot)), ['opened EDGE_OPENED', 'refused BOOK_UNTRUSTED']);
  t.same(told(untrusted.book('okx:BTC-USDT', DEAR.bids, DEAR.asks)), ['SIGNAL'], 'trusted again');

  const crossed = new Market([instrument('binance'), instrument('okx')]);
  crossed.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  t.same(told(crossed.book('okx:BTC-USDT', [[101, 1]], [[100.9, 1]])), [
    'opened EDGE_OPENED',
    'refused BOOK_CROSSED',
  ]);

  const aged = dislocated();
  aged.nowMs += 1_600;
  t.same(told(aged.keep(aged.detector.sweep(aged.nowMs, aged.nowMs))), ['closed BOOK_AGE']);
  t.same(told(aged.book('okx:BTC-USDT', DEAR.bids, DEAR.asks)), ['opened EDGE_OPENED', 'refused BOOK_AGE']);

  const late = new Market([instrument('binance'), instrument('okx')]);
  late.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  const effects = late.book('okx:BTC-USDT', DEAR.bids, DEAR.asks, 5_000);
  t.same(told(effects), ['opened EDGE_OPENED', 'refused BOOK_AGE'], 'a frame that was long on its way');
  const ahead = new Market([instrument('binance'), instrument('okx')], {
    clockOffsetMs: (exchange) => (exchange === 'okx' ? -5_000 : 0),
  });
  ahead.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
  t.same(told(ahead.book('okx:BTC-USDT', DEAR.bids, DEAR.asks, 5_000)), ['opened EDGE_OPENED', 'SIGNAL']);

  const frozen = dislocated();
  frozen.nowMs += 61_000;
  for (const id of ['binance:BTC-USDT', 'okx:BTC-USDT']) {
    frozen.board.markAlive(frozen.board.slotOf(id), frozen.nowMs);
  }
  t.same(told(frozen.detector.sweep(frozen.nowMs, frozen.nowMs)), ['closed BOOK_UNCHANGED']);
});

t.test(
  'where the buy fee is taken in base, the order is larger and both fills leave at most one coarser lot',
  async (t) => {
    const market = dislocated({}, { feeMode: 'received', lotSize: '0.001' }, { lotSize: '0.01' });
    const signal = signalSchema.parse(signalsOf(market.effects)[0]);
    const [buy, sell] = signal.legs;
    const kept = new Decimal(buy!.quantity).times('0.999');
    const residue = kept.minus(sell!.quantity);
    t.ok(residue.greaterThanOrEqualTo(0) && residue.lessThan('0.01'), residue.toString());
    t.equal(sell!.quantity, signal.quantity);
    t.ok(new Decimal(sell!.quantity).mod('0.01').isZero());
    const walked = new Decimal(100).plus(new Decimal(buy!.quantity).minus(1).times('100.2'));
    t.equal(signal.notional, walked.toString(), 'the whole order is paid, nothing on top');
  },
);

t.test(
  "a pack such as 1000SATS meets the single token in canonical units, orders stay in the exchange's",
  async (t) => {
    const sats = { base: 'SATS', tickSize: '0.0000000001', lotSize: '1', minQuantity: '1' };
    const market = new Market([
      instrument('binance', { ...sats, tickSize: '0.0000001', unitMultiplier: '1000' }),
      instrument('okx', sats),
    ]);
    market.book('binance:SATS-USDT', [[0.0003, 50_000]], [[0.0003001, 5_000_000]]);
    market.book('okx:SATS-USDT', [[0.000000305, 3_000_500]], [[0.000000306, 1]]);
    t.same(told(market.effects), ['opened EDGE_OPENED', 'refused MIN_NOTIONAL']);
    market.book('okx:SATS-USDT', [[0.000000305, 3_000_500_500]], [[0.000000306, 1]]);
    const signal = signalSchema.parse(signalsOf(market.effects)[0]);
    t.equal(signal.quantity, '3000500000', 'canonical, on the common lot of 1000');
    t.equal(signal.legs[0]?.quantity, '3000500');
    t.equal(signal.legs[1]?.quantity, '3000500000');
    t.equal(signal.legs[0]?.limitPrice, '0.0003001');
  },
);

t.test(
  'limit slack never spends more than half of the edge above the minimum and stays on the tick',
  async (t) => {
    const market = dislocated({ limitSlackBps: 1_000 });
    const signal = signalSchema.parse(signalsOf(market.effects)[0]);
    const [buy, sell] = signal.legs;
    const slack = (signal.netBps - parameters.minNetBps) / 2 / 1e4;
    t.ok(Number(buy!.limitPrice) > 100.2 && Number(buy!.limitPrice) <= 100.2 * (1 + slack));
    t.ok(Number(sell!.limitPrice) < 100.9 && Number(sell!.limitPrice) >= 100.9 * (1 - slack));
  },
);

t.test(
  'when the optimum earns too little on average, a smaller size is found of which every unit earns enough',
  async (t) => {
    const thinTail = {
      bids: [
        [101, 1],
        [100.35, 1_000],
      ] as const,
      asks: [[101.5, 1]] as const,
    };
    const market = new Market([instrument('binance'), instrument('okx')], { minNetBps: 20 });
    market.book('binance:BTC-USDT', CHEAP.bids, [[100, 1_000]]);
    market.book('okx:BTC-USDT', thinTail.bids, thinTail.asks);
    const signal = signalSchema.parse(signalsOf(market.effects)[0]);
    t.equal(signal.quantity, '1');
    t.ok(signal.netBps >= 20);
  },
);

t.test('only the pairs and the directed routes that are listed are watched', async (t) => {
  const instruments = ['binance', 'okx', 'bybit'].flatMap((exchange) => [
    instrument(exchange),
    instrument(exchange, { base: 'ETH' }),
  ]);
  const routes = (pairs: SpatialParameters['pairs']) =>
    new Market(instruments, pairs === undefined ? {} : { pairs }).detector.routeCount;
  t.equal(routes(undefined), 12);
  t.equal(routes(new Map([['BTC-USDT', {}]])), 6, 'a pair that is not listed is not watched');
  const one = (buy: string, sell: string) => new Map([['BTC-USDT', { directions: [{ buy, sell }] }]]);
  t.equal(routes(one('okx', 'bybit')), 1);
  t.equal(signalsOf(dislocated({ pairs: one('binance', 'okx') }).effects).length, 1);
  t.same(dislocated({ pairs: one('okx', 'binance') }).effects, [], 'the edge is in the other direction');
});

t.test('a pair may trade less than others, and nothing trades below the least size', async (t) => {
  const notionalOf = (changes: Partial<SpatialParameters>) =>
    signalsOf(dislocated(changes).effects).map((signal) => Number(signal.notional));
  const [free = 0] = notionalOf({});
  const [capped = 0] = notionalOf({ pairs: new Map([['BTC-USDT', { maxNotional: '80' }]]) });
  t.ok(free > 80 && capped <= 80 && capped > 79, `${free} and ${capped}`);
  const least = (minNotional: string) =>
    dislocated({ limits: new Map([['USDT', { minNetProfit: '0.01', maxNotional: '80', minNotional }]]) });
  t.equal(signalsOf(least('79').effects).length, 1);
  t.equal(signalsOf(least('81').effects).length, 0);
  t.ok(told(least('81').effects).some((line) => line === 'refused MIN_NOTIONAL'));
});

t.test('a clock offset measured after the start is used from then on', async (t) => {
  let offsetMs = 0;
  const market = new Market([instrument('binance'), instrument('okx')], { clockOffsetMs: () => offsetMs });
  // Exchange clocks five seconds behind: without the offset every frame seems to have been on its way for five seconds.
  const show = () => {
    market.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks, 5_005);
    market.book('okx:BTC-USDT', DEAR.bids, DEAR.asks, 5_005);
    return told(market.effects.splice(0));
  };
  t.ok(show().some((line) => line === 'refused BOOK_AGE'));
  offsetMs = -5_000;
  t.ok(show().includes('SIGNAL'));
});

t.test('wrong parameters are refused by name', async (t) => {
  const instruments = [instrument('binance'), instrument('okx')];
  t.throws(() => new Market(instruments, { depth: 21, retryCooldownMs: -1 }), {
    code: 'ARB_CONFIG_INVALID',
    message: /retryCooldownMs.*depth/,
  });
  t.throws(() => new Market([instrument('okx', { lotSize: '0' })]), {
    code: 'ARB_DECIMAL_INVALID',
    message: /okx:BTC-USDT lotSize/,
  });
});

const EXCHANGES = ['binance', 'okx', 'bybit', 'gate'];
const tenths = (n: number) => Math.round(n) / 10;
/** A book of up to five levels a side around a price near 1000.0, on a tick of 0.1; sometimes crossed by `overlap`. */
const arbitraryBook = fc
  .record({
    mid: fc.integer({ min: 9_900, max: 10_100 }),
    half: fc.integer({ min: -2, max: 5 }),
    steps: fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 30_000 })), {
      minLength: 1,
      maxLength: 5,
    }),
  })
  .map(({ mid, half, steps }) => {
    let away = 0;
    const bids: [number, number][] = [];
    const asks: [number, number][] = [];
    for (const [step, size] of steps) {
      away += step;
      bids.push([tenths(mid - half - away), size / 10_000]);
      asks.push([tenths(mid + half + away), size / 10_000]);
    }
    return { bids, asks };
  });
const arbitraryRules = fc.record({
  feeMode: fc.constantFrom('quote' as const, 'received' as const, 'third' as const),
  takerFeeRate: fc.constantFrom('0', '0.0004', '0.001', '0.002'),
  lotSize: fc.constantFrom('0.0001', '0.001', '0.01', '0.03'),
  tickSize: fc.constantFrom('0.1', '0.01'),
  minNotional: fc.constantFrom('0', '5', '500'),
  maxQuantity: fc.constantFrom(null, '1.5'),
});
const arbitraryWorld = fc.record({
  books: fc.array(arbitraryBook, { minLength: 4, maxLength: 4 }),
  rules: fc.array(arbitraryRules, { minLength: 4, maxLength: 4 }),
  distrusted: fc.constantFrom(-1, 0, 1, 2, 3),
  stale: fc.constantFrom(-1, 0, 1, 2, 3),
  order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
});

type World = typeof arbitraryWorld extends fc.Arbitrary<infer W> ? W : never;

function run(world: World, order: readonly number[]): { market: Market; instruments: Instrument[] } {
  const instruments = EXCHANGES.map((exchange, i) => instrument(exchange, world.rules[i]));
  const market = new Market(instruments, {
    minNetBps: 0,
    limits: new Map([['USDT', { minNetProfit: '0', maxNotional: '1500' }]]),
  });
  const slots = EXCHANGES.map((_, i) =>
    market.publish(
      instruments[i]!.id,
      world.books[i]!.bids,
      world.books[i]!.asks,
      world.stale === i ? 9_999 : 5,
    ),
  );
  if (world.distrusted >= 0) market.board.distrust(slots[world.distrusted]!);
  for (const i of order) market.look(slots[i]!);
  return { market, instruments };
}

t.test(
  'property: offers obey every rule of both legs, add up exactly and never touch a bad book',
  async (t) => {
    let offers = 0;
    fc.assert(
      fc.property(arbitraryWorld, (world) => {
        const { market, instruments } = run(world, world.order);
        for (const signal of signalsOf(market.effects)) {
          offers++;
          signalSchema.parse(signal);
          const { edge } = signal;
          const parts = [edge.feeBuy, edge.feeSell, edge.latencyDecay, edge.transfer];
          const net = parts
            .reduce((sum, part) => sum.minus(part), new Decimal(edge.gross))
            .plus(edge.inventory);
          if (!net.equals(edge.net) || !net.greaterThan(0)) return false;
          if (new Decimal(signal.notional).greaterThan(1500)) return false;
          for (const leg of signal.legs) {
            const i = instruments.findIndex(({ id }) => id === leg.instrument);
            const { bids, asks } = world.books[i]!;
            if (i === world.distrusted || i === world.stale || bids[0]![0] >= asks[0]![0]) return false;
            if (violationsOfText(leg, instruments[i]!).length > 0) return false;
          }
          const [buy, sell] = signal.legs;
          const rules = instruments.find(({ id }) => id === buy!.instrument)!;
          const keep =
            rules.feeMode === 'received' ? new Decimal(1).minus(rules.takerFeeRate) : new Decimal(1);
          const residue = new Decimal(buy!.quantity).times(keep).minus(sell!.quantity);
          if (residue.isNegative() || residue.greaterThan(orderRulesOf(rules).lot)) return false;
        }
        return market.effects.every(
          (effect) => effect.kind === 'signal' || opportunityEvent.safeParse(effect.event).success,
        );
      }),
      { numRuns: 400 },
    );
    t.ok(offers > 8, `${offers} offers were judged`);
  },
);

t.test('property: the order in which slots are looked at does not change what is offered', async (t) => {
  const summary = (effects: readonly SpatialEffect[]) =>
    signalsOf(effects)
      .map(({ signalId: _s, opportunityId: _o, ...rest }) => JSON.stringify(rest))
      .sort();
  fc.assert(
    fc.property(arbitraryWorld, (world) => {
      t.strictSame(
        summary(run(world, [0, 1, 2, 3]).market.effects),
        summary(run(world, world.order).market.effects),
      );
    }),
    { numRuns: 60 },
  );
});

t.test(
  'after a restart an edge that was traded and still stands is left alone until it has closed',
  async (t) => {
    const route = { pair: 'BTC-USDT', buyExchange: 'binance', sellExchange: 'okx' };
    const markets = [instrument('binance'), instrument('okx')];
    const market = new Market(markets, {}, [route]);
    market.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
    market.board.distrust(market.board.slotOf('binance:BTC-USDT'));
    market.book('okx:BTC-USDT', DEAR.bids, DEAR.asks);
    t.same(told(market.effects), [], 'a book that may not be used tells nothing about it');
    market.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
    market.nowMs += 5;
    market.book('okx:BTC-USDT', [[101.1, 9]], DEAR.asks);
    t.same(told(market.effects), ['opened EDGE_OPENED'], 'seen and not offered, however it grows');
    market.book('okx:BTC-USDT', [[99, 9]], DEAR.asks);
    market.book('okx:BTC-USDT', DEAR.bids, DEAR.asks);
    t.same(
      told(market.effects).slice(1),
      ['closed EDGE_CLOSED', 'opened EDGE_OPENED', 'SIGNAL'],
      'a new life',
    );

    const gone = new Market(markets, {}, [route]);
    gone.book('binance:BTC-USDT', CHEAP.bids, CHEAP.asks);
    gone.book('okx:BTC-USDT', [[99, 9]], DEAR.asks);
    gone.book('okx:BTC-USDT', DEAR.bids, DEAR.asks);
    t.same(told(gone.effects), ['opened EDGE_OPENED', 'SIGNAL'], 'it had closed meanwhile');

    const closed = [sampleClosed('new', { closedAtMs: 100 }), sampleClosed('old', { closedAtMs: 99 })];
    const nothing = sampleClosed('none', { closedAtMs: 100, boughtQuantity: '0', soldQuantity: '0.00' });
    const buy = sampleLeg('x', { side: 'buy', exchange: 'bybit', instrument: 'bybit:ETH-USDT' });
    const legs = [buy, sampleLeg('x', { legIndex: 1, instrument: 'okx:ETH-USDT' }), sampleLeg('y')];
    t.match(tradedRoutes([...closed, nothing], legs, 100), [
      { pair: 'BTC-USDT', buyExchange: 'binance', sellExchange: 'okx' },
      { pair: 'ETH-USDT', buyExchange: 'bybit', sellExchange: 'okx' },
    ]);
    t.equal(tradedRoutes([...closed, nothing], legs, 100).length, 2);
  },
);
