import t from 'tap';
import fc from 'fast-check';
import { opportunityEvent, signal as signalSchema, type Signal } from '../../src/messages/signal.js';
import { Decimal, ONE, ZERO } from '../../src/market/decimal.js';
import { buyFactor, sellFactor, type Fee } from '../../src/market/fees.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { violationsOfText } from '../../src/market/order-rules.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import { BridgedSpatialDetector } from '../../src/detectors/bridge/bridged-spatial.js';
import { bridgeTerms, type BridgeDirection } from '../../src/detectors/bridge/bridge-terms.js';
import {
  bridgeSize,
  earnedOf,
  priceBridge,
  startOf,
  type BridgeQuery,
} from '../../src/detectors/bridge/bridge-size.js';
import { FastBridge } from '../../src/detectors/bridge/bridge-fast.js';
import { bridgeGrounds, bridgeRoutes, bestEdges } from '../../src/detectors/bridge/bridge-route.js';
import { premiumsOf } from '../../src/detectors/bridge/premium.js';
import { FxRates, readFx } from '../../src/modes/fx-rates.js';
import { tradingSchema } from '../../src/config/trading.js';
import type { Level } from '../../src/detectors/depth.js';
import { krwEdges } from '../../src/detectors/krw-premium.js';
import type { SpatialEffect } from '../../src/detectors/spatial.js';
import {
  DEFAULT_SPATIAL_PARAMETERS,
  exactLimits,
  type SpatialParameters,
} from '../../src/detectors/spatial-parameters.js';
import { spatialMarket } from '../../src/detectors/spatial-route.js';
import type { TradedRoute } from '../../src/detectors/traded-routes.js';
import { cycleSize } from '../../src/detectors/triangular/cycle-depth.js';

const d = (value: string | number) => new Decimal(value);
type Levels = readonly (readonly [number, number])[];

const parameters: SpatialParameters = {
  ...DEFAULT_SPATIAL_PARAMETERS,
  latencyDecayBps: 0,
  transferCostBps: 0,
  limits: new Map([['USDT', { minNetProfit: '0.5', maxNotional: '100000' }]]),
  bridge: { kind: 'leg', dollar: 'USDT' },
};

function instrument(exchange: string, pair: string, more: Partial<Instrument> = {}): Instrument {
  const [base, quote] = pair.split('-') as [string, string];
  const isWon = quote === 'KRW';
  return {
    id: `${exchange}:${pair}`,
    exchange,
    symbol: pair,
    pair,
    base,
    quote,
    identityKnown: true,
    unitMultiplier: '1',
    tickSize: isWon ? (base === 'USDT' ? '0.5' : '1000') : '0.1',
    lotSize: isWon ? '0.00000001' : '0.0001',
    minQuantity: '0.00000001',
    maxQuantity: null,
    minNotional: isWon ? '5000' : '5',
    state: 'trading',
    takerFeeRate: isWon ? '0.0005' : '0.001',
    makerFeeRate: '0.0005',
    feeMode: 'quote',
    ...more,
  };
}

const dollarMarket = instrument('binance', 'BTC-USDT');
const localMarket = instrument('upbit', 'BTC-KRW');
const rateMarket = instrument('upbit', 'USDT-KRW');
const THREE = [dollarMarket, localMarket, rateMarket];

/** A board, a detector and a hand on the clock. */
class Market {
  readonly board = new QuoteBoard(64);
  readonly detector: BridgedSpatialDetector;
  readonly effects: SpatialEffect[] = [];
  nowMs = 1_000_000;
  private ids = 0;

  constructor(
    instruments: readonly Instrument[] = THREE,
    changes: Partial<SpatialParameters> = {},
    traded: readonly TradedRoute[] = [],
  ) {
    this.detector = new BridgedSpatialDetector({
      instruments,
      board: this.board,
      parameters: { ...parameters, ...changes },
      nextId: (prefix) => `${prefix}-${++this.ids}`,
      traded,
    });
  }

  publish(id: string, bids: Levels, asks: Levels, lagMs = 5): number {
    const book = new OrderBook();
    for (const [price, size] of bids) book.setBid(price, size);
    for (const [price, size] of asks) book.setAsk(price, size);
    const slot = this.board.slotOf(id);
    this.board.publish(slot, book, 1, this.nowMs - lagMs, this.nowMs, this.nowMs);
    return slot;
  }

  book(id: string, bids: Levels, asks: Levels, lagMs = 5): SpatialEffect[] {
    return this.keep(this.detector.onSlotDirty(this.publish(id, bids, asks, lagMs), this.nowMs, this.nowMs));
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
  effects.flatMap((effect) => (effect.kind === 'signal' ? [signalSchema.parse(effect.signal)] : []));
const eventsOf = (effects: readonly SpatialEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'opportunity' ? [opportunityEvent.parse(effect.event)] : []));

const DOLLAR = {
  bids: [[79_990, 2]],
  asks: [
    [80_000, 1],
    [80_100, 1],
  ],
} as const;
const RATE = {
  bids: [
    [1_400, 50_000],
    [1_399, 500_000],
  ],
  asks: [
    [1_401, 50_000],
    [1_402, 500_000],
  ],
} as const;
/** 1 % above 80,000 × 1,401. */
const DEAR = {
  bids: [
    [113_200_000, 0.5],
    [113_100_000, 5],
  ],
  asks: [[113_300_000, 5]],
} as const;
/** 1 % below 79,990 × 1,400. */
const CHEAP = {
  bids: [[110_700_000, 5]],
  asks: [
    [110_800_000, 0.5],
    [110_900_000, 5],
  ],
} as const;

function premium(
  local: { readonly bids: Levels; readonly asks: Levels },
  changes: Partial<SpatialParameters> = {},
) {
  const market = new Market(THREE, changes);
  market.book('binance:BTC-USDT', DOLLAR.bids, DOLLAR.asks);
  market.book('upbit:USDT-KRW', RATE.bids, RATE.asks);
  market.book('upbit:BTC-KRW', local.bids, local.asks);
  return market;
}

/** What an account gains by a signal's legs on the levels they name, worked out leg by leg; per asset. */
function flowsOf(signal: Signal): Map<string, Decimal> {
  const flows = new Map<string, Decimal>();
  const add = (asset: string, amount: Decimal) => flows.set(asset, (flows.get(asset) ?? ZERO).plus(amount));
  for (const leg of signal.legs) {
    const [base, quote] = leg.instrument.slice(leg.instrument.indexOf(':') + 1).split('-') as [
      string,
      string,
    ];
    let left = d(leg.quantity);
    let money = ZERO;
    for (const [price, size] of leg.levels) {
      const taken = Decimal.min(left, size);
      money = money.plus(taken.times(price));
      left = left.minus(taken);
    }
    t.ok(left.isZero(), `the levels named fill ${leg.instrument}`);
    const [rate, quantity] = [d(leg.feeRate), d(leg.quantity)];
    if (leg.side === 'buy') {
      add(quote, money.times(leg.feeMode === 'quote' ? rate.plus(1) : ONE).negated());
      add(base, quantity.times(leg.feeMode === 'received' ? ONE.minus(rate) : ONE));
    } else {
      add(base, quantity.negated());
      add(quote, money.times(ONE.minus(rate)));
    }
  }
  return flows;
}

const sumOfParts = ({ edge }: Signal): Decimal =>
  d(edge.gross)
    .minus(edge.feeBuy)
    .minus(edge.feeSell)
    .minus(edge.latencyDecay)
    .minus(edge.transfer)
    .plus(edge.inventory)
    .plus(edge.marked ?? 0);

t.test('a coin that is dearer in won becomes a cycle of three legs from dollars to dollars', async (t) => {
  const market = premium(DEAR);
  t.same(told(market.effects), ['opened EDGE_OPENED', 'SIGNAL']);
  const [signal] = signalsOf(market.effects);
  t.match(signal, { strategy: 'spatial', shape: 'cycle', pair: 'BTC-USDT', base: 'BTC', quote: 'USDT' });
  t.same(
    signal!.legs.map((leg) => `${leg.side} ${leg.instrument}`),
    ['buy binance:BTC-USDT', 'sell upbit:BTC-KRW', 'buy upbit:USDT-KRW'],
  );
  // 1 BTC at 80,000 and as much of the second as the budget of 100,000 takes; sold into 113.2 and 113.1 million.
  t.equal(signal!.quantity, signal!.legs[0]!.quantity);
  const flows = flowsOf(signal!);
  t.ok(flows.get('BTC')!.isZero(), 'all coins bought are sold');
  t.ok(flows.get('KRW')!.greaterThanOrEqualTo(0) && flows.get('KRW')!.lessThan('0.01'), 'no won is missing');
  const gained = flows.get('USDT')!.plus(signal!.edge.marked ?? 0);
  t.ok(gained.minus(signal!.edge.net).abs().lessThan('1e-15'), 'the net is what the account gains');
  t.ok(sumOfParts(signal!).equals(signal!.edge.net));
  t.match(eventsOf(market.effects)[0], {
    pair: 'BTC-USDT',
    buyExchange: 'binance',
    sellExchange: 'upbit',
    route: 'binance:BTC-USDT > upbit:BTC-KRW > upbit:USDT-KRW',
  });
});

t.test('a coin that is cheaper in won is bought there with dollars sold on the same exchange', async (t) => {
  const market = premium(CHEAP);
  const [signal] = signalsOf(market.effects);
  t.same(
    signal!.legs.map((leg) => `${leg.side} ${leg.instrument}`),
    ['sell upbit:USDT-KRW', 'buy upbit:BTC-KRW', 'sell binance:BTC-USDT'],
  );
  t.equal(signal!.notional, signal!.legs[0]!.quantity, 'it begins with the dollars that are sold');
  const flows = flowsOf(signal!);
  t.ok(flows.get('BTC')!.isZero());
  t.ok(flows.get('KRW')!.greaterThanOrEqualTo(0) && flows.get('KRW')!.lessThan('0.01'));
  const gained = flows.get('USDT')!.plus(signal!.edge.marked ?? 0);
  t.ok(gained.minus(signal!.edge.net).abs().lessThan('1e-15'));
});

t.test(
  'with inventory two legs trade, and the conversion at the executable rate is a named cost',
  async (t) => {
    for (const local of [DEAR, CHEAP]) {
      const [leg] = signalsOf(premium(local).effects);
      const [kept] = signalsOf(premium(local, { bridge: { kind: 'inventory', dollar: 'USDT' } }).effects);
      t.match(kept, { shape: 'two-sided', pair: 'BTC-USDT', base: 'BTC', quote: 'USDT' });
      t.equal(kept!.legs.length, 2);
      t.ok(kept!.legs.every(({ instrument }) => instrument !== 'upbit:USDT-KRW'));
      t.ok(d(kept!.edge.net).minus(leg!.edge.net).abs().lessThan('0.0001'), 'as much is earned');
      t.ok(d(kept!.edge.transfer).greaterThan(0), 'the fee of converting is in transfer');
      t.equal(d(leg!.edge.transfer).toNumber(), 0);
    }
  },
);

t.test('every one of the three books has to be usable, and no opportunity is offered before', async (t) => {
  const at = { dollar: 'binance:BTC-USDT', local: 'upbit:BTC-KRW', rate: 'upbit:USDT-KRW' };
  const books = { dollar: DOLLAR, local: DEAR, rate: RATE };
  for (const name of ['dollar', 'local', 'rate'] as const) {
    const broken = (spoil: (market: Market) => void, reason: string) => {
      const market = new Market();
      for (const other of ['dollar', 'local', 'rate'] as const)
        if (other !== name) market.publish(at[other], books[other].bids, books[other].asks);
      spoil(market);
      for (const id of Object.values(at))
        market.keep(market.detector.onSlotDirty(market.board.slotOf(id), market.nowMs, market.nowMs));
      t.same(signalsOf(market.effects), [], `${name}: ${reason}`);
      if (reason !== 'NO_QUOTE')
        t.ok(told(market.effects).includes(`refused ${reason}`), `${name}: ${reason}`);
    };
    const { bids, asks } = books[name];
    broken((m) => m.publish(at[name], bids, asks, 5_000), 'BOOK_AGE');
    broken((m) => m.board.distrust(m.publish(at[name], bids, asks)), 'BOOK_UNTRUSTED');
    broken((m) => m.publish(at[name], [], []), 'NO_QUOTE');
    // The side that is taken stays, the other one stands beyond it.
    const crossed = name === 'local' ? [bids, [[bids[0][0] / 2, 1]]] : [[[asks[0][0] * 2, 1]], asks];
    broken((m) => m.publish(at[name], crossed[0] as Levels, crossed[1] as Levels), 'BOOK_CROSSED');
    broken((m) => {
      m.publish(at[name], bids, asks);
      const halted = THREE.find(({ id }) => id === at[name])!;
      m.keep(m.detector.instrumentChanged({ ...halted, state: 'halted' }, m.nowMs, m.nowMs));
    }, 'NOT_TRADING');
  }
});

t.test('a life closes with its edge, with the rate, and when a book ages or stops', async (t) => {
  const dear = () => premium(DEAR);
  let market = dear();
  t.same(told(market.book('upbit:BTC-KRW', [[112_000_000, 1]], DEAR.asks)), ['closed EDGE_CLOSED']);
  market = dear();
  t.same(
    told(market.book('upbit:USDT-KRW', RATE.bids, [[1_420, 500_000]])),
    ['closed EDGE_CLOSED'],
    'the rate',
  );
  market = dear();
  market.nowMs += 5_000;
  t.same(told(market.keep(market.detector.sweep(market.nowMs, market.nowMs))), ['closed BOOK_AGE']);
  market = dear();
  const halted = { ...rateMarket, state: 'halted' as const };
  t.same(told(market.keep(market.detector.instrumentChanged(halted, market.nowMs, market.nowMs))), [
    'closed NOT_TRADING',
  ]);
  market = dear();
  const dearer = { ...rateMarket, takerFeeRate: '0.002' };
  t.same(told(market.keep(market.detector.instrumentChanged(dearer, market.nowMs, market.nowMs))), [
    'closed RECONFIGURED',
  ]);
  t.equal(market.detector.openLives, 0);
});

t.test(
  'an answer reaches the bridged life: missed with its reason, offered again, executed once',
  async (t) => {
    const market = premium(DEAR);
    const { opportunityId } = signalsOf(market.effects)[0]!;
    const missed = market.keep(
      market.detector.markMissed(opportunityId, 'NOT_FILLED', 'nobody', market.nowMs),
    );
    t.same(told(missed), ['missed NOT_FILLED']);
    market.nowMs += 1_100;
    const again = [
      ...market.book('binance:BTC-USDT', DOLLAR.bids, DOLLAR.asks),
      ...market.book('upbit:USDT-KRW', RATE.bids, RATE.asks),
      ...market.book('upbit:BTC-KRW', DEAR.bids, DEAR.asks),
    ];
    t.same(told(again), ['SIGNAL'], 'offered again after the pause, in the same life');
    t.equal(signalsOf(again)[0]!.opportunityId, opportunityId);
    t.same(told(market.keep(market.detector.markRefused(opportunityId, 'GATE', '', market.nowMs))), [
      'refused GATE',
    ]);
    t.same(told(market.keep(market.detector.markExecuted(opportunityId, market.nowMs))), [
      'executed EXECUTED',
    ]);
    market.nowMs += 10_000;
    const late = market.book('upbit:BTC-KRW', [[113_200_000, 0.6]], DEAR.asks);
    t.notOk(told(late).includes('SIGNAL'), 'one trade per life');
  },
);

t.test('what was traded before a start is left alone until its edge has closed', async (t) => {
  const traded = [{ pair: 'BTC-USDT', buyExchange: 'binance', sellExchange: 'upbit' }];
  const market = new Market(THREE, {}, traded);
  market.book('binance:BTC-USDT', DOLLAR.bids, DOLLAR.asks);
  market.book('upbit:USDT-KRW', RATE.bids, RATE.asks);
  market.book('upbit:BTC-KRW', DEAR.bids, DEAR.asks);
  t.same(told(market.effects), ['opened EDGE_OPENED']);
  market.book('upbit:BTC-KRW', [[112_000_000, 1]], DEAR.asks);
  t.same(told(market.book('upbit:BTC-KRW', DEAR.bids, DEAR.asks)), ['opened EDGE_OPENED', 'SIGNAL']);
  // A trade that began with dollars sold is named by its first market.
  for (const named of [
    { pair: 'USDT-KRW', buyExchange: 'upbit', sellExchange: 'upbit' },
    { pair: 'BTC-KRW', buyExchange: 'upbit', sellExchange: 'binance' },
  ]) {
    const other = new Market(THREE, {}, [named]);
    other.book('binance:BTC-USDT', DOLLAR.bids, DOLLAR.asks);
    other.book('upbit:USDT-KRW', RATE.bids, RATE.asks);
    t.same(told(other.book('upbit:BTC-KRW', CHEAP.bids, CHEAP.asks)), ['opened EDGE_OPENED'], named.pair);
    other.book('upbit:BTC-KRW', DEAR.bids, DEAR.asks);
    t.equal(signalsOf(other.effects).length, 1, 'the other direction is free');
    other.keep(other.detector.replaceInstruments(THREE, other.nowMs));
    other.effects.length = 0;
    other.book('upbit:BTC-KRW', CHEAP.bids, CHEAP.asks);
    t.equal(signalsOf(other.effects).length, 1, 'what is over stays over when the markets change');
  }
});

t.test(
  'routes are between all dollar markets and all coins in won whose exchange sells dollars',
  async (t) => {
    const all = ['binance', 'okx', 'bybit'].map((name) => instrument(name, 'BTC-USDT'));
    const korea = ['upbit', 'bithumb'].flatMap((name) => [
      instrument(name, 'BTC-KRW'),
      instrument(name, 'USDT-KRW'),
    ]);
    const count = (instruments: readonly Instrument[], changes: Partial<SpatialParameters> = {}) =>
      new Market(instruments, changes).detector.routeCount;
    t.equal(count([...all, ...korea]), 6 + 3 * 2 * 2, 'the dollar markets among each other, and the bridged');
    t.equal(count([...all, ...korea.slice(0, 3)]), 6 + 3 * 2, 'no book of dollars, no bridge');
    t.equal(count([...all, instrument('binance', 'BTC-KRW'), instrument('binance', 'USDT-KRW')]), 6 + 2 * 2);
    t.equal(count([{ ...dollarMarket, identityKnown: false }, localMarket, rateMarket]), 0);
    const pairs = new Map([
      ['BTC-USDT', { directions: [{ buy: 'okx', sell: 'upbit' }] }],
      ['BTC-KRW', {}],
      ['USDT-KRW', {}],
    ]);
    t.equal(count([...all, ...korea], { pairs }), 1, "the pair's own directions");
    t.equal(
      count([...all, ...korea], {
        pairs: new Map([
          ['BTC-USDT', {}],
          ['BTC-KRW', {}],
        ]),
      }),
      6,
      'all three pairs are named',
    );
    const { bridge: _, ...without } = parameters;
    t.equal(
      new BridgedSpatialDetector({
        instruments: THREE,
        board: new QuoteBoard(8),
        parameters: without,
        nextId: String,
      }).routeCount,
      0,
    );
  },
);

t.test('one update looks at what it can change and at nothing else', async (t) => {
  const coins = ['BTC', 'ETH'];
  const market = new Market(
    coins
      .flatMap((coin) => [instrument('binance', `${coin}-USDT`), instrument('upbit', `${coin}-KRW`)])
      .concat(rateMarket),
  );
  for (const coin of coins) {
    market.publish(`binance:${coin}-USDT`, DOLLAR.bids, DOLLAR.asks);
    market.publish(`upbit:${coin}-KRW`, DEAR.bids, DEAR.asks);
  }
  market.publish('upbit:USDT-KRW', RATE.bids, RATE.asks);
  const look = (id: string) =>
    market.keep(market.detector.onSlotDirty(market.board.slotOf(id), market.nowMs, market.nowMs));
  // A quote of a dollar market counts from the update that tells of it.
  t.same(told(look('upbit:BTC-KRW')), []);
  t.same(told(look('binance:BTC-USDT')), ['opened EDGE_OPENED', 'SIGNAL']);
  t.same(told(look('binance:BTC-USDT')), [], 'what was seen is no news');
  t.same(told(look('binance:ETH-USDT')), ['opened EDGE_OPENED', 'SIGNAL']);
  t.same(told(market.book('upbit:USDT-KRW', RATE.bids, [[1_450, 1e6]])), [
    'closed EDGE_CLOSED',
    'closed EDGE_CLOSED',
  ]);
  t.same(
    told(market.book('upbit:USDT-KRW', RATE.bids, RATE.asks)).filter((one) => one === 'SIGNAL').length,
    2,
  );
});

t.test('Upbit against Bithumb in won is an ordinary route with limits in won', async (t) => {
  const limits = new Map([...parameters.limits, ['KRW', { minNetProfit: '700', maxNotional: '5000000' }]]);
  const market = new Market([localMarket, instrument('bithumb', 'BTC-KRW', { lotSize: '0.0001' })], {
    limits,
  });
  market.book('upbit:BTC-KRW', DEAR.bids, DEAR.asks);
  market.book('bithumb:BTC-KRW', [[110_000_000, 1]], [[110_100_000, 1]]);
  const [signal] = signalsOf(market.effects);
  t.match(signal, { pair: 'BTC-KRW', quote: 'KRW' });
  t.ok(d(signal!.notional).lessThanOrEqualTo(5_000_000));
  t.ok(d(signal!.quantity).modulo('0.0001').isZero(), 'on the coarser lot');
});

t.test('a premium is told at the executable rate, and apart against a rate of a bank', async (t) => {
  const instruments = [...THREE, instrument('okx', 'BTC-USDT'), instrument('bithumb', 'BTC-KRW')];
  const market = new Market(instruments);
  market.publish('binance:BTC-USDT', [[79_990, 1]], [[80_010, 1]]);
  market.publish('okx:BTC-USDT', [[80_190, 1]], [[80_210, 1]]);
  market.publish('upbit:USDT-KRW', [[1_399.5, 1e5]], [[1_400.5, 1e5]]);
  market.publish('upbit:BTC-KRW', [[113_110_000, 1]], [[113_130_000, 1]]);
  const rows = (fx: readonly (readonly [string, { rate: string }])[] = []) =>
    premiumsOf({
      ...{ board: market.board, instruments, dollar: 'USDT', limits: parameters, clockOffsetMs: () => 0 },
      ...{ monotonicMs: market.nowMs, fx: new Map(fx) },
    });
  const [row] = rows();
  t.match(row, { instrument: 'upbit:BTC-KRW', dollarMarkets: 2, dollarPrice: 80_000, rate: 1_400 });
  t.match(row, { vsUsdtBps: 100, vsFxBps: null, usdtBps: null });
  t.equal(rows().length, 1, 'without a book of dollars Bithumb has none');
  // Bought at 80,010 with 0.1 %, sold with 0.05 %, dollars at 1,400.5 with 0.05 %.
  t.ok(
    Math.abs(row!.sellLocalBps - ((113_110_000 * 0.9995) / (80_010 * 1.001 * 1_400.5 * 1.0005) - 1) * 1e4) <
      0.01,
  );
  t.match(rows([['KRW', { rate: '1372.549' }]])[0], { vsUsdtBps: 100, vsFxBps: 302, usdtBps: 200 });
  market.board.distrust(market.board.slotOf('upbit:USDT-KRW'));
  t.same(rows(), [], 'a book that may not be used says nothing');
});

t.test('a rate of a bank is read from what an address answers, and what is none is refused', async (t) => {
  t.same(readFx(' 1378.5\n'), { rate: '1378.5', atMs: null });
  t.same(readFx('{"rate":"1378.5","at":"2026-11-27T06:00:00Z"}'), {
    rate: '1378.5',
    atMs: Date.UTC(2026, 10, 27, 6),
  });
  t.same(readFx('{"rate":1378.5,"source":"a bank"}'), { rate: '1378.5', atMs: null });
  for (const bad of [
    '',
    '0',
    '-1',
    '1e3',
    'NaN',
    '{"rate":"x"}',
    '{"rate":0}',
    '{"rate":1,"at":"noon"}',
    '<html>',
    '[]',
  ])
    t.throws(() => readFx(bad), { code: 'ARB_FX_INVALID' }, bad);
});

t.test(
  'banks are asked when somebody looks, not more often than told, and an old rate stays with its error',
  async (t) => {
    const clock = { now: 1_000_000, nowMs: () => clock.now, monotonicMs: () => clock.now };
    let answer: { status: number; body: Buffer } | Error = { status: 200, body: Buffer.from('1378.5') };
    let asked = 0;
    const http = {
      request: () => {
        asked++;
        if (answer instanceof Error) return Promise.reject(answer);
        return Promise.resolve({ ...answer, headers: {} });
      },
    };
    const { fxRates } = tradingSchema.pick({ fxRates: true }).parse({
      fxRates: {
        KRW: { url: 'http://127.0.0.1:9/krw', everyMs: 60_000 },
        JPY: { rate: '150', at: '1970-01-01T00:10:00Z' },
      },
    });
    const rates = new FxRates(fxRates, http, clock);
    const krw = async () => (await rates.current()).find(({ currency }) => currency === 'KRW');
    t.match(await krw(), { rate: '1378.5', source: 'url', atMs: 1_000_000, error: null });
    t.match(
      (await rates.current()).find(({ currency }) => currency === 'JPY'),
      { rate: '150', source: 'config', atMs: 600_000 },
    );
    clock.now += 59_999;
    await Promise.all([krw(), krw()]);
    t.equal(asked, 1);
    clock.now += 1;
    answer = new Error('no route');
    t.match(await krw(), { rate: '1378.5', atMs: 1_000_000, error: 'no route' });
    clock.now += 60_000;
    answer = { status: 503, body: Buffer.from('1') };
    t.match(await krw(), { rate: '1378.5', error: /answered 503/ });
    clock.now += 60_000;
    answer = { status: 200, body: Buffer.from('{"rate":"1380","at":"1970-01-01T00:00:01Z"}') };
    t.match(await krw(), { rate: '1380', atMs: 1_000, error: null });
    t.equal(asked, 4);
  },
);

// --- sizes

const FEES: readonly Fee[] = [
  { rate: d('0.001'), mode: 'quote', discount: ZERO },
  { rate: d('0.001'), mode: 'received', discount: ZERO },
  { rate: d('0.0025'), mode: 'quote', discount: ZERO },
  { rate: ZERO, mode: 'quote', discount: ZERO },
];
const feeArb = fc.constantFrom(...FEES);

interface Sides {
  readonly asks: Level[];
  readonly bids: Level[];
}

/** Levels around a price, ticks apart, sizes of whole lots. */
const bookArb = (price: number, tick: number, size: number): fc.Arbitrary<Sides> =>
  fc
    .record({
      shift: fc.integer({ min: -40, max: 40 }),
      asks: fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 9 })), {
        minLength: 1,
        maxLength: 5,
      }),
      bids: fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 9 })), {
        minLength: 1,
        maxLength: 5,
      }),
    })
    .map(({ shift, asks, bids }) => {
      const side = (gaps: [number, number][], sign: number): Level[] => {
        let at = Math.round(price / tick) + shift;
        return gaps.map(([gap, lots]): Level => {
          at += sign * gap;
          return [d(at).times(tick), d(lots).times(size)];
        });
      };
      return { asks: side(asks, 1), bids: side(bids, -1) };
    });

const queryArb: fc.Arbitrary<BridgeQuery> = fc
  .record({
    direction: fc.constantFrom<BridgeDirection>('sell-local', 'buy-local'),
    fees: fc.record({ dollar: feeArb, local: feeArb, rate: feeArb }),
    costBps: fc.integer({ min: -3, max: 5 }),
    dollar: bookArb(100, 0.1, 0.3),
    local: bookArb(140_000, 200, 0.4),
    rate: bookArb(1_400, 1, 40),
    hurdleBps: fc.constantFrom(0, 5),
    maxQuote: fc.constantFrom('50', '150.5', '100000'),
    maxBase: fc.constantFrom(null, '0.7'),
    minDollar: fc.constantFrom('0', '20'),
    minLocal: fc.constantFrom('0', '30000'),
    minRate: fc.constantFrom('0', '45000'),
  })
  .map(({ direction, fees, costBps, dollar, local, rate, hurdleBps, maxBase, ...rest }) => ({
    terms: bridgeTerms(direction, fees, d(costBps).div(10_000)),
    books:
      direction === 'sell-local'
        ? { dollar: dollar.asks, local: local.bids, rate: rate.asks }
        : { dollar: dollar.bids, local: local.asks, rate: rate.bids },
    hurdle: d(hurdleBps).div(10_000),
    maxQuote: d(rest.maxQuote),
    maxBase: maxBase === null ? null : d(maxBase),
    lot: d('0.05'),
    minBase: d('0.1'),
    minDollar: d(rest.minDollar),
    minLocal: d(rest.minLocal),
    minRate: d(rest.minRate),
  }));

t.test('no other size on the lattice earns more, whatever books, fees, costs and limits', async (t) => {
  let found = 0;
  fc.assert(
    fc.property(queryArb, (query) => {
      const { size } = bridgeSize(query);
      let best: { q: Decimal; earned: Decimal } | null = null;
      for (let lots = 1; lots <= 400; lots++) {
        const other = priceBridge(query, query.lot.times(lots));
        if (other === null) break;
        const small =
          other.q.lessThan(query.minBase) ||
          other.dollarQuote.div(query.terms.dollarKeep).lessThan(query.minDollar) ||
          other.localQuote.div(query.terms.localKeep).lessThan(query.minLocal) ||
          other.rateQuote.lessThan(query.minRate);
        const large =
          startOf(query.terms, other).minus(query.maxQuote).greaterThan('1e-50') ||
          (query.maxBase !== null && other.q.greaterThan(query.maxBase));
        if (small || large) continue;
        const earned = earnedOf(query, other);
        if (earned.greaterThan('1e-50') && (best === null || earned.minus(best.earned).greaterThan('1e-50')))
          best = { q: other.q, earned };
      }
      if (best !== null) found++;
      return (best?.q.toFixed() ?? null) === (size?.q.toFixed() ?? null);
    }),
    { numRuns: 400 },
  );
  t.ok(found > 40, 'many of them had an edge');
});

t.test('the continuous size is that of a cycle over the same three books', async (t) => {
  fc.assert(
    fc.property(queryArb, (drawn) => {
      const { direction } = drawn.terms;
      const [dollar, local, rate] = [FEES[1]!, FEES[0]!, FEES[2]!];
      const terms = bridgeTerms(direction, { dollar, local, rate }, ZERO);
      const query = { ...drawn, terms, hurdle: ZERO, maxBase: null, maxQuote: d(1e9) };
      const { continuous } = bridgeSize(query);
      const { books } = query;
      const legs =
        direction === 'sell-local'
          ? ([
              ['buy', books.dollar, dollar],
              ['sell', books.local, local],
              ['buy', books.rate, rate],
            ] as const)
          : ([
              ['sell', books.rate, rate],
              ['buy', books.local, local],
              ['sell', books.dollar, dollar],
            ] as const);
      const cycle = cycleSize(
        legs.map(([side, levels, fee]) => ({ side, levels, fee })),
        null,
      );
      if (continuous.isZero()) return cycle.start.isZero();
      const priced = priceBridge(query, continuous.times(ONE.minus('1e-40')))!;
      return (
        startOf(terms, priced).div(cycle.start).minus(1).abs().lessThan('1e-30') &&
        earnedOf(query, priced).div(cycle.profit).minus(1).abs().lessThan('1e-20')
      );
    }),
    { numRuns: 200 },
  );
  t.pass('equal');
});

t.test('best prices say what the reference formulas for the premium say', async (t) => {
  const price = (low: number, high: number) => fc.integer({ min: low, max: high });
  fc.assert(
    fc.property(
      price(79_000, 81_000),
      price(110e6, 115e6),
      price(1_390, 1_410),
      feeArb,
      feeArb,
      feeArb,
      (dollar, local, rate, a, b, c) => {
        const fees = { dollar: a, local: b, rate: c };
        const market = (one: Instrument, fee: Fee) => ({ ...spatialMarket(one, 0), fee });
        const ground = {
          dollars: [market(dollarMarket, a)],
          local: market(localMarket, b),
          rate: market(rateMarket, c),
        };
        const free = { ...parameters, latencyDecayBps: 0, transferCostBps: 0 };
        const routes = bridgeRoutes(ground, 'leg', exactLimits(free).get('USDT')!, free);
        const quote = (value: number) => ({ bid: d(value), ask: d(value) });
        const books = { krw: quote(local), usdt: quote(dollar), krwUsdt: quote(rate) };
        const edges = krwEdges(books, { krw: fees.local, usdt: fees.dollar, krwUsdt: fees.rate });
        return routes.every(({ direction, fast }) => {
          const expected = direction === 'sell-local' ? edges.sellKoreaBps : edges.buyKoreaBps;
          const net = bestEdges(fast, local / (dollar * rate)).net * 1e4;
          return Math.abs(net - expected.toNumber()) < 1e-6;
        });
      },
    ),
    { numRuns: 200 },
  );
  t.pass('equal');
});

// --- the detector on random books

interface World {
  readonly instruments: readonly Instrument[];
  readonly books: readonly (readonly [string, Levels, Levels])[];
  readonly kind: 'leg' | 'inventory';
}

const modeArb = fc.constantFrom<Instrument['feeMode']>('quote', 'received');
const numbers = (levels: readonly Level[]): Levels =>
  levels.map(([price, size]) => [price.toNumber(), size.toNumber()]);

const worldArb: fc.Arbitrary<World> = fc
  .record({
    kind: fc.constantFrom<'leg' | 'inventory'>('leg', 'inventory'),
    modes: fc.tuple(modeArb, modeArb, modeArb),
    localLot: fc.constantFrom('0.00000001', '0.0001', '0.003'),
    rateLot: fc.constantFrom('0.00000001', '0.0001', '1'),
    dollar: bookArb(80_000, 1, 0.02),
    other: bookArb(80_000, 1, 0.02),
    local: bookArb(112_100_000, 20_000, 0.02),
    rate: bookArb(1_401, 0.5, 700),
  })
  .map(({ kind, modes, localLot, rateLot, ...books }) => ({
    kind,
    instruments: [
      { ...dollarMarket, feeMode: modes[0], takerFeeRate: '0.0003' },
      { ...instrument('okx', 'BTC-USDT'), takerFeeRate: '0.0003' },
      { ...localMarket, lotSize: localLot, feeMode: modes[1] },
      { ...rateMarket, lotSize: rateLot, feeMode: modes[2] },
    ],
    books: (
      [
        ['binance:BTC-USDT', books.dollar],
        ['okx:BTC-USDT', books.other],
        ['upbit:BTC-KRW', books.local],
        ['upbit:USDT-KRW', books.rate],
      ] as const
    ).map(([id, { bids, asks }]) => [id, numbers(bids), numbers(asks)] as const),
  }));

const bridgedOf = (effects: readonly SpatialEffect[]): Signal[] =>
  signalsOf(effects).filter((signal) => signal.legs.some((leg) => leg.exchange === 'upbit'));

t.test(
  'a signal is net = gross with its parts, orders its exchanges take, and what the account gains',
  async (t) => {
    let seen = 0;
    fc.assert(
      fc.property(worldArb, ({ instruments, books, kind }) => {
        const market = new Market(instruments, {
          bridge: { kind, dollar: 'USDT' },
          minNetBps: 0,
          latencyDecayBps: 0.5,
        });
        for (const [id, bids, asks] of books) market.book(id, bids, asks);
        for (const signal of bridgedOf(market.effects)) {
          seen++;
          if (!sumOfParts(signal).equals(signal.edge.net)) return false;
          for (const leg of signal.legs) {
            const rules = instruments.find(({ id }) => id === leg.instrument)!;
            if (violationsOfText(leg, rules).length > 0) return false;
          }
          const flows = flowsOf(signal);
          const [coins, won, dollars] = ['BTC', 'KRW', 'USDT'].map((asset) => flows.get(asset) ?? ZERO) as [
            Decimal,
            Decimal,
            Decimal,
          ];
          const { latencyDecay, marked = '0' } = signal.edge;
          // Nothing is missing of what is bought on the way, and at most a lot is left over.
          if (coins.isNegative() || coins.greaterThan('0.003')) return false;
          if (kind === 'inventory') continue;
          if (won.lessThan('-1e-15') || won.greaterThan(1_500)) return false;
          if (dollars.plus(marked).minus(latencyDecay).minus(signal.edge.net).abs().greaterThan('1e-15'))
            return false;
          const residues = new Map(signal.residues?.map(({ asset, quantity }) => [asset, quantity]));
          if (
            won
              .minus(residues.get('KRW') ?? 0)
              .abs()
              .greaterThan('1e-15')
          )
            return false;
        }
        return true;
      }),
      { numRuns: 300 },
    );
    t.ok(seen > 30, `${seen} signals`);
  },
);

t.test('the order of updates makes no difference to what is found', async (t) => {
  const orderArb = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 });
  const essence = (signal: Signal) => {
    const { signalId: _s, opportunityId: _o, legs, ...rest } = signal;
    return JSON.stringify({ ...rest, legs });
  };
  fc.assert(
    fc.property(worldArb, orderArb, ({ instruments, books, kind }, order) => {
      const found = [[0, 1, 2, 3], order].map((sequence) => {
        const market = new Market(instruments, { bridge: { kind, dollar: 'USDT' } });
        for (const at of sequence) market.publish(...(books[at]! as [string, Levels, Levels]));
        for (const at of sequence)
          market.keep(
            market.detector.onSlotDirty(market.board.slotOf(books[at]![0]), market.nowMs, market.nowMs),
          );
        return bridgedOf(market.effects).map(essence).sort();
      });
      return JSON.stringify(found[0]) === JSON.stringify(found[1]);
    }),
    { numRuns: 150 },
  );
  t.pass('equal');
});

t.test('the walk in float64 says what the exact one says', async (t) => {
  fc.assert(
    fc.property(worldArb, ({ instruments, books, kind }) => {
      const market = new Market(instruments, { bridge: { kind, dollar: 'USDT' } });
      for (const [id, bids, asks] of books) market.publish(id, bids, asks);
      const markets = instruments.map((one) => spatialMarket(one, market.board.slotOf(one.id)));
      const fast = new FastBridge(market.board, 20);
      for (const ground of bridgeGrounds(markets, 'USDT', parameters)) {
        for (const route of bridgeRoutes(ground, kind, exactLimits(parameters).get('USDT')!, parameters)) {
          fast.walk(route);
          const sells = route.direction === 'sell-local';
          const side = (id: string, isAsk: boolean): Level[] =>
            books.find(([name]) => name === id)![isAsk ? 2 : 1].map(([price, size]) => [d(price), d(size)]);
          const query = {
            ...{ terms: route.terms, hurdle: ZERO, lot: route.lot, maxBase: route.maxBase },
            books: {
              dollar: side(route.dollar.instrument.id, sells),
              local: side(route.local.instrument.id, !sells),
              rate: side(route.rate.instrument.id, sells),
            },
            maxQuote: route.limits.maxNotional,
            ...{ minBase: ZERO, minDollar: ZERO, minLocal: ZERO, minRate: ZERO },
          };
          const exact = bridgeSize(query).continuous;
          if (Math.abs(exact.toNumber() - fast.q) > 1e-9 * Math.max(1, fast.q)) return false;
          const priced = exact.isZero() ? null : priceBridge(query, exact.times(ONE.minus('1e-40')));
          const earned = priced === null ? 0 : earnedOf(query, priced).toNumber();
          if (Math.abs(earned - fast.profit) > 1e-6) return false;
        }
      }
      return true;
    }),
    { numRuns: 200 },
  );
  t.ok(buyFactor(FEES[1]!).keep.equals(sellFactor(FEES[1]!)), 'equal');
});
