import t from 'tap';
import fc from 'fast-check';
import { inventoryCost, sharedNotional, transferShareBps } from '../../src/detectors/amortisation.js';
import { Amounts, type AmountAt } from '../../src/detectors/holdings.js';
import { inventoryPriceBps } from '../../src/detectors/inventory-price.js';
import {
  bookLosses,
  decayFromFills,
  decayOf,
  LearnedDecays,
  liveFillLosses,
  type FillLoss,
  type QuoteSeries,
} from '../../src/detectors/latency-decay.js';
import { networkOf, wayState, type WayState } from '../../src/detectors/refill.js';
import { SpatialDetector, type SpatialEffect } from '../../src/detectors/spatial.js';
import {
  DEFAULT_SPATIAL_PARAMETERS,
  exactLimits,
  type SpatialParameters,
} from '../../src/detectors/spatial-parameters.js';
import { RoutePricing } from '../../src/detectors/route-pricing.js';
import { edgeTermsOf, priceSize, profitOf } from '../../src/detectors/two-books.js';
import { QuoteGroups } from '../../src/detectors/quote-groups.js';
import { spatialMarket, spatialRoutes, watchesBySlot } from '../../src/detectors/spatial-route.js';
import { detectorStage, type DetectorEvent } from '../../src/kernel/detector-stage.js';
import { replayStage, StageRun } from '../../src/kernel/stage.js';
import { Decimal, decimalOf, ZERO } from '../../src/market/decimal.js';
import {
  feeTierNames,
  accountTerms,
  feeTierOfVolume,
  feeTiersOf,
  ratesInTier,
} from '../../src/market/fee-tiers.js';
import type { Instrument } from '../../src/market/instrument.js';
import { OrderBook } from '../../src/market/order-book.js';
import { BOARD_DEPTH, QuoteBoard } from '../../src/market/quote-board.js';
import type { NetworkStatus } from '../../src/market/wallet.js';
import type { Signal } from '../../src/messages/signal.js';
import { netOf } from '../../src/risk/edge-sum.js';
import { PaperExchange } from '../../src/execution/paper-exchange.js';
import { stepGate } from '../../src/risk/gate.js';
import {
  ask,
  gateWith,
  HOLDINGS,
  instrument,
  INSTRUMENTS,
  NOW,
  rulesOf,
  signalOf,
} from '../risk/fixtures.js';
import { sampleLeg } from '../storage/samples.js';

type Levels = readonly (readonly [number, number])[];

const NOW_MS = 1_000_000;

/** A detector of BTC-USDT on two exchanges, and of whatever else is named. */
class Desk {
  readonly board = new QuoteBoard(16);
  readonly detector: SpatialDetector;
  nowMs = NOW_MS;
  private ids = 0;

  constructor(changes: Partial<SpatialParameters>, instruments = [instrument('alpha'), instrument('beta')]) {
    this.detector = new SpatialDetector({
      instruments,
      board: this.board,
      parameters: {
        ...DEFAULT_SPATIAL_PARAMETERS,
        latencyDecayBps: 0,
        transferCostBps: 0,
        minNetBps: 0,
        limits: new Map([['USDT', { minNetProfit: '0', maxNotional: '10000' }]]),
        ...changes,
      },
      nextId: (prefix) => `${prefix}-${++this.ids}`,
    });
  }

  /** Without telling the detector; `lagMs` = how old the exchange says it is. */
  publish(id: string, bids: Levels, asks: Levels, lagMs = 0): number {
    const book = new OrderBook();
    for (const [price, size] of bids) book.setBid(price, size);
    for (const [price, size] of asks) book.setAsk(price, size);
    const slot = this.board.slotOf(id);
    this.board.publish(slot, book, 1, this.nowMs - lagMs, this.nowMs, this.nowMs);
    return slot;
  }

  book(id: string, bids: Levels, asks: Levels): SpatialEffect[] {
    const slot = this.publish(id, bids, asks);
    return [...this.detector.onSlotDirty(slot, this.nowMs, this.nowMs)];
  }

  /** 100 bps apart: what is told when both books are there. */
  dislocate(): SpatialEffect[] {
    return [
      ...this.book('alpha:BTC-USDT', [[999, 9]], [[1000, 5]]),
      ...this.book('beta:BTC-USDT', [[1010, 5]], [[1011, 9]]),
    ];
  }
}

const signalsOf = (effects: readonly SpatialEffect[]): Signal[] =>
  effects.flatMap((effect) => (effect.kind === 'signal' ? [effect.signal] : []));
const reasonsOf = (effects: readonly SpatialEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'opportunity' ? [effect.event.reason] : []));
const detailsOf = (effects: readonly SpatialEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'opportunity' ? [effect.event.detail] : []));

const at = (exchange: string, asset: string, amount: string): AmountAt => ({ exchange, asset, amount });
const BALANCED = [
  at('alpha', 'BTC', '100'),
  at('beta', 'BTC', '100'),
  at('alpha', 'USDT', '100000'),
  at('beta', 'USDT', '100000'),
];
/** Alpha is out of the base and full of quote, beta the other way round: buying on alpha restores both. */
const RESTORING = [
  at('alpha', 'BTC', '20'),
  at('beta', 'BTC', '180'),
  at('alpha', 'USDT', '180000'),
  at('beta', 'USDT', '20000'),
];
const DRAINING = [
  at('alpha', 'BTC', '180'),
  at('beta', 'BTC', '20'),
  at('alpha', 'USDT', '20000'),
  at('beta', 'USDT', '180000'),
];

t.test(
  'a trade that restores its targets earns a credit, one that drains them pays, and both are itemised',
  (t) => {
    const inventory = { targets: new Amounts(BALANCED), limitBps: 20 };
    const netWith = (holdings: readonly AmountAt[] | null) => {
      const desk = new Desk({ inventory });
      if (holdings !== null) desk.detector.holdingsChanged(holdings);
      const [signal] = signalsOf(desk.dislocate());
      t.ok(signal, 'it trades');
      const { net, ...parts } = signal!.edge;
      t.equal(netOf(parts), net, 'the parts add up');
      return {
        inventory: Number(signal!.edge.inventory),
        notional: Number(signal!.notional),
        signal: signal!,
      };
    };
    const restoring = netWith(RESTORING);
    const draining = netWith(DRAINING);
    const balanced = netWith(BALANCED);
    const blind = netWith(null);
    t.ok(restoring.inventory > 0, 'a credit');
    t.ok(draining.inventory < 0, 'a cost');
    t.ok(
      balanced.inventory <= 0 && balanced.inventory > draining.inventory,
      'leaving the targets costs a little',
    );
    t.ok(
      Math.abs(blind.inventory + blind.notional * 20e-4) < blind.notional * 1e-4,
      'not knowing, the worst is charged',
    );
    t.ok(restoring.inventory <= restoring.notional * 20e-4, 'bounded');

    const thin = (holdings: readonly AmountAt[]) => {
      const desk = new Desk({ inventory });
      desk.detector.holdingsChanged(holdings);
      desk.book(
        'alpha:BTC-USDT',
        [[999, 9]],
        [
          [1000, 1],
          [1004, 4],
        ],
      );
      return Number(signalsOf(desk.book('beta:BTC-USDT', [[1007, 5]], [[1011, 9]]))[0]?.quantity ?? 0);
    };
    t.ok(thin(RESTORING) > thin(DRAINING), 'the price sizes the trade too');

    const closed = new Desk({ inventory: { ...inventory, limitBps: 120 } });
    closed.detector.holdingsChanged(DRAINING);
    t.same(signalsOf(closed.dislocate()), [], 'what drains for more than its edge is left');
    closed.detector.holdingsChanged(RESTORING);
    t.equal(
      signalsOf(closed.book('beta:BTC-USDT', [[1010, 6]], [[1011, 9]])).length,
      1,
      'and found once it restores',
    );
    t.end();
  },
);

const amount = fc.integer({ min: 0, max: 400 });
t.test('property: the inventory price is bounded, and opposite directions never both earn', (t) => {
  fc.assert(
    fc.property(amount, amount, amount, amount, fc.integer({ min: 1, max: 900 }), (a, b, c, d, limit) => {
      const terms = { targets: new Amounts(BALANCED), limitBps: limit / 10 };
      const held = new Amounts([
        at('alpha', 'BTC', `${a}`),
        at('beta', 'BTC', `${b}`),
        at('alpha', 'USDT', `${c * 1000}`),
        at('beta', 'USDT', `${d * 1000}`),
      ]);
      const price = (buyOn: string, sellOn: string, notional: number) =>
        inventoryPriceBps(terms, held, { base: 'BTC', quote: 'USDT', buyOn, sellOn, price: 1000, notional });
      const there = price('alpha', 'beta', 10_000);
      const back = price('beta', 'alpha', 10_000);
      t.ok(Math.abs(there) <= terms.limitBps && Math.abs(back) <= terms.limitBps);
      t.ok(there + back <= 1e-9, 'a round trip earns nothing');
      t.ok(price('alpha', 'beta', 20_000) <= there + 1e-9, 'a larger trade is never priced better');
    }),
    { numRuns: 300 },
  );
  t.equal(
    inventoryPriceBps({ targets: new Amounts(), limitBps: 9 }, new Amounts(RESTORING), {
      base: 'BTC',
      quote: 'USDT',
      buyOn: 'alpha',
      sellOn: 'beta',
      price: 1000,
      notional: 1,
    }),
    0,
    'without targets nothing is restored',
  );
  t.end();
});

t.test(
  'the share of a transfer is what the amortised cost says, and a batch that does not fill is dearer',
  (t) => {
    const batch = { notional: 50_000, intervalMs: 86_400_000, notionalPerDay: null };
    const fees = { base: 0.0005, quote: 1, price: 60_000 };
    const exact = inventoryCost({
      ...{ quantity: new Decimal(1), ask: new Decimal(60_000), bid: new Decimal(60_000) },
      ...{ feeBuy: new Decimal(0), feeSell: new Decimal(0) },
      withdrawFeeBase: new Decimal('0.0005'),
      withdrawFeeQuote: new Decimal(1),
      tradesPerRebalance: new Decimal(50_000).div(60_000),
      referencePrice: new Decimal(60_000),
    });
    t.ok(Math.abs(transferShareBps(batch, fees) - exact.amortisedBps.toNumber()) <= 0.01);
    t.equal(transferShareBps(batch, fees), 6.2, '31 USDT over 50,000');
    const slow = { ...batch, notionalPerDay: 10_000 };
    t.equal(sharedNotional(slow), 10_000);
    t.equal(transferShareBps(slow, fees), 31);
    t.equal(sharedNotional({ ...slow, intervalMs: 86_400_000 * 30 }), 50_000, 'never more than the batch');

    const known = new Desk({ transfers: { batch: { ...batch, notional: 5_000 }, withdrawFee: () => 0.002 } });
    const [signal] = signalsOf(known.dislocate());
    const paid = Number(signal!.notional) / 1.001;
    t.ok(Math.abs(Number(signal!.edge.transfer) - (paid * 4.01) / 1e4) < 0.01, 'charged as a named part');
    const { net, ...parts } = signal!.edge;
    t.equal(netOf(parts), net);
    const unknown = new Desk({
      transfers: { batch, withdrawFee: (_, asset) => (asset === 'BTC' ? null : 1) },
    });
    const told = unknown.dislocate();
    t.same(signalsOf(told), []);
    t.ok(reasonsOf(told).includes('TRANSFER_COST'), 'what is not known is not taken for nothing');
    t.end();
  },
);

t.test('where a way back is shut or unknown only inventory above the reserve trades', (t) => {
  const ways = new Map<string, WayState>();
  const desk = new Desk({
    refillWay: (asset, from, to) => ways.get(`${asset} ${from} ${to}`) ?? 'open',
    reserve: new Amounts([at('beta', 'BTC', '3'), at('alpha', 'USDT', '1000')]),
  });
  const again = () => {
    desk.nowMs += 10;
    desk.book('beta:BTC-USDT', [[999, 9]], [[1011, 9]]);
    desk.book('alpha:BTC-USDT', [[999, 9]], [[1000, 5]]);
    return desk.book('beta:BTC-USDT', [[1010, 5]], [[1011, 9]]);
  };
  const quantityOf = (effects: readonly SpatialEffect[]) => signalsOf(effects)[0]?.quantity ?? 'none';
  t.equal(quantityOf(desk.dislocate()), '5', 'open ways: nothing is asked of the inventory');

  ways.set('BTC alpha beta', 'closed');
  let told = again();
  t.same(signalsOf(told), []);
  t.ok(reasonsOf(told).includes('NOT_REFILLABLE'), 'nothing is known of what is held');
  t.ok(detailsOf(told).some((detail) => detail.includes('BTC from alpha to beta is closed')));

  desk.detector.holdingsChanged([at('beta', 'BTC', '5'), at('alpha', 'USDT', '90000')]);
  t.equal(quantityOf(again()), '2', 'the 2 above the reserve');
  desk.detector.holdingsChanged([at('beta', 'BTC', '3'), at('alpha', 'USDT', '90000')]);
  told = again();
  t.same(signalsOf(told), []);
  t.ok(reasonsOf(told).includes('NOT_REFILLABLE'));

  ways.set('BTC alpha beta', 'open');
  ways.set('USDT beta alpha', 'unknown');
  desk.detector.holdingsChanged([at('beta', 'BTC', '3'), at('alpha', 'USDT', '2500')]);
  const [signal] = signalsOf(again());
  t.ok(signal !== undefined && Number(signal.notional) <= 1500, 'the quote side is capped alike');
  ways.clear();
  t.equal(quantityOf(again()), '5', 'and no more once the way is open');

  ways.set('BTC alpha beta', 'closed');
  desk.detector.holdingsChanged([at('beta', 'BTC', '3.001'), at('alpha', 'USDT', '90000')]);
  const small = new Desk({
    refillWay: () => 'closed',
    limits: new Map([['USDT', { minNetProfit: '5', maxNotional: '10000' }]]),
  });
  small.detector.holdingsChanged([at('beta', 'BTC', '0.01'), at('alpha', 'USDT', '90000')]);
  t.ok(
    reasonsOf(small.dislocate()).includes('NOT_REFILLABLE'),
    'too little above the reserve is the same reason',
  );
  t.end();
});

t.test('a life that was traded does not end because its way back was shut', (t) => {
  let way: WayState = 'open';
  const desk = new Desk({ refillWay: () => way });
  const [signal] = signalsOf(desk.dislocate());
  desk.detector.markExecuted(signal!.opportunityId, desk.nowMs);
  way = 'closed';
  t.same(desk.book('beta:BTC-USDT', [[1010, 6]], [[1011, 9]]), []);
  way = 'open';
  t.same(desk.book('beta:BTC-USDT', [[1010, 7]], [[1011, 9]]), [], 'one fill per life');
  t.end();
});

const network = (exchange: string, name: string, canDeposit = true, canWithdraw = true): NetworkStatus => ({
  ...{ exchange, ticker: 'USDT', asset: 'USDT', identityKnown: true, network: name, canDeposit, canWithdraw },
  ...{ withdrawFee: '1', minWithdraw: '2', confirmations: 1 },
});

t.test('a way is open over one network that both ends know by any of its names', (t) => {
  t.equal(
    networkOf({ ticker: 'USDT', network: 'USDT-TRC20' }),
    networkOf({ ticker: 'USDT', network: 'TRX' }),
  );
  t.equal(networkOf({ ticker: 'BTC', network: 'BTC-Bitcoin' }), networkOf({ ticker: 'BTC', network: 'BTC' }));
  t.equal(networkOf({ ticker: 'USDT', network: 'Plasma XX' }), null, 'never by likeness');
  const tron = [network('okx', 'USDT-TRC20')];
  t.equal(wayState({ from: tron, to: [network('gate', 'TRX')] }), 'open');
  t.equal(wayState({ from: tron, to: [network('gate', 'TRX', false)] }), 'closed', 'no deposits');
  t.equal(
    wayState({ from: [network('okx', 'USDT-TRC20', true, false)], to: [network('gate', 'TRX')] }),
    'closed',
  );
  t.equal(wayState({ from: tron, to: [network('gate', 'ETH')] }), 'closed', 'two networks are no way');
  t.equal(wayState({ from: tron, to: [network('gate', 'NEWCHAIN')] }), 'unknown');
  t.equal(wayState({ from: null, to: tron }), 'unknown');
  t.equal(wayState({ from: [], to: tron }), 'closed', 'it has no network there');
  t.end();
});

t.test(
  'a fee in a third coin is worth its discount while the coin is there and priced, else the full fee',
  (t) => {
    const third = { feeMode: 'third', feeCoin: 'BNB', feeDiscount: '0.25', takerFeeRate: '0.001' } as const;
    const coin: Instrument = instrument('alpha', 'BNB');
    const markets = [
      instrument('alpha', 'BTC', third),
      instrument('beta', 'BTC', { feeMode: 'quote' }),
      coin,
    ];
    const told = (balance: string | null, bids: Levels) => {
      const desk = new Desk({}, markets);
      if (balance !== null) desk.detector.holdingsChanged([at('alpha', 'BNB', balance)]);
      desk.book('alpha:BNB-USDT', bids, [[601, 1]]);
      return desk.dislocate();
    };
    const [paid] = signalsOf(told('1', [[600, 1]]));
    t.match(paid!.legs[0], { feeMode: 'third', feeRate: '0.00075' });
    t.ok(Math.abs(Number(paid!.edge.feeBuy) - 5000 * 0.00075) < 1e-9, 'valued in quote, off the whole');
    const [short] = signalsOf(told('0.001', [[600, 1]]));
    t.match(short!.legs[0], { feeMode: 'received', feeRate: '0.001' }, 'a coin that is short is not used');
    t.ok(Number(short!.edge.feeBuy) > 5000 * 0.00099);
    for (const blind of [told(null, [[600, 1]]), told('1', [])]) {
      t.same(signalsOf(blind), []);
      t.ok(reasonsOf(blind).includes('FEE_COIN'), 'balance or price not known: not traded');
    }
    t.end();
  },
);

t.test('the gate wants the fee coin priced and there, and paper takes it fill by fill', (t) => {
  const third = { feeMode: 'third', feeCoin: 'BNB', feeDiscount: '0.25' } as const;
  const markets = INSTRUMENTS.map((one) => (one.id === 'alpha:BTC-USDT' ? { ...one, ...third } : one));
  const plain = signalOf();
  const inCoin = (mode: 'third' | 'received' | 'quote') => ({
    ...plain,
    legs: [{ ...plain.legs[0]!, feeMode: mode, feeRate: '0.001' }, plain.legs[1]!],
  });
  const rules = (mode: 'third' | 'received' | 'quote', coin: string | null, mark: string | null) => {
    const state = gateWith({}, markets);
    if (coin !== null) {
      const holdings = [...HOLDINGS, { exchange: 'alpha', asset: 'BNB', amount: coin }];
      stepGate(state, { kind: 'balances', changed: { version: 9, holdings } }, NOW);
    }
    if (mark !== null) state.exposure.setMark('BNB', mark);
    return rulesOf(ask(state, inCoin(mode)));
  };
  t.notOk(rules('third', '0.0017', '600').includes('FEE_COIN'), '1 USDT is 0.00166… BNB');
  t.ok(rules('third', '0.0016', '600').includes('FEE_COIN'), 'too little of it');
  t.ok(rules('third', null, '600').includes('FEE_COIN'), 'none of it');
  t.ok(rules('third', '9', null).includes('FEE_COIN'), 'no price');
  t.notOk(rules('received', null, null).includes('FEE_COIN'), 'planned dearer than it may be');
  t.ok(rules('quote', '9', '600').includes('FEE_COIN'), 'planned otherwise than it is charged');

  const pay = (balance: string, feeCoinPrice: number | null) => {
    const account = [
      { asset: 'USDT', amount: '5000' },
      { asset: 'BNB', amount: balance },
    ];
    const exchange = new PaperExchange(markets, account, { rejectShare: 0, thinShare: 0 });
    const leg = sampleLeg('coin', {
      ...{ instrument: 'alpha:BTC-USDT', exchange: 'alpha', side: 'buy', quantity: '1', limitPrice: '1000' },
    });
    const result = exchange.execute({
      leg,
      book: { timeMs: NOW, asks: [[new Decimal(1000), new Decimal(5)]], bids: [] },
      draws: { reject: 1, thin: 1, share: 1 },
      feeCoinPrice,
      nextTradeId: () => 'trade-1',
      nowMs: NOW,
    });
    return result.fills.map(({ fee, feeAsset }) => [fee, feeAsset]);
  };
  t.same(pay('1', 600), [['0.00125', 'BNB']], '0.75 USDT');
  t.same(
    pay('0.001', 600),
    [['0.001', 'BTC']],
    'what the coin cannot pay is taken in full of what is received',
  );
  t.same(pay('1', null), [['0.001', 'BTC']]);
  t.end();
});

t.test('property: the quotes side by side pass exactly what a look at every market passes', (t) => {
  const names = ['alpha', 'beta', 'gamma', 'delta'];
  const parameters = {
    ...DEFAULT_SPATIAL_PARAMETERS,
    limits: new Map([['USDT', { minNetProfit: '0', maxNotional: '10000' }]]),
  };
  const update = fc.tuple(
    fc.nat({ max: 3 }),
    fc.integer({ min: -60, max: 60 }),
    fc.constantFrom(1, 1, 1, 0),
    fc.constantFrom(1, 1, 1, 0),
  );
  let passed = 0;
  fc.assert(
    fc.property(fc.array(update, { minLength: 1, maxLength: 60 }), (updates) => {
      const board = new QuoteBoard(4);
      const markets = names.map((name) => spatialMarket(instrument(name), board.slotOf(`${name}:BTC-USDT`)));
      const routes = spatialRoutes(markets, exactLimits(parameters), parameters);
      const watches = watchesBySlot(routes, parameters);
      const groups = new QuoteGroups(board);
      groups.layOut(watches);
      const least = Math.min(...[...watches.values()].flat().map(({ openRatio }) => openRatio));
      const quotes = names.map(() => ({ bid: 0, ask: Infinity }));
      for (const [at, drift, hasBid, hasAsk] of updates) {
        const [bid, ask] = [999.9 + drift / 10, 1000.1 + drift / 10];
        quotes[at] = { bid: hasBid === 1 ? bid : 0, ask: hasAsk === 1 ? ask : Infinity };
        board.bidPrices[at * BOARD_DEPTH] = bid;
        board.askPrices[at * BOARD_DEPTH] = ask;
        board.bidLevels[at] = hasBid;
        board.askLevels[at] = hasAsk;
        const wanted = quotes.some(
          (other, i) =>
            i !== at && (other.bid >= quotes[at]!.ask * least || quotes[at]!.bid >= other.ask * least),
        );
        if (wanted) passed++;
        if (groups.mayMatter(at) !== wanted) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.ok(passed > 20, `${passed} were passed`);
  t.end();
});

const EXCHANGES = ['alpha', 'beta', 'gamma'];
const bookOf = (mid: fc.Arbitrary<number>) =>
  fc
    .tuple(
      mid,
      fc.integer({ min: -1, max: 4 }),
      fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 25 })), { minLength: 1, maxLength: 4 }),
    )
    .map(([start, half, steps]) => {
      let away = half;
      const [bids, asks]: [[number, number][], [number, number][]] = [[], []];
      for (const [step, size] of steps) {
        away += step;
        bids.push([(start - away) / 10, size / 20]);
        asks.push([(start + away) / 10, size / 20]);
        away += 1;
      }
      return { bids, asks };
    });
const world = fc.record({
  books: fc.array(bookOf(fc.integer({ min: 9_900, max: 10_100 })), { minLength: 3, maxLength: 3 }),
  modes: fc.array(fc.constantFrom('quote' as const, 'received' as const, 'third' as const), {
    minLength: 3,
    maxLength: 3,
  }),
  lots: fc.array(fc.constantFrom('0.05', '0.1', '0.15'), { minLength: 3, maxLength: 3 }),
  held: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 9, maxLength: 9 }),
  ways: fc.array(fc.constantFrom<WayState>('open', 'open', 'closed', 'unknown'), {
    minLength: 12,
    maxLength: 12,
  }),
  limitBps: fc.constantFrom(0.5, 8, 40),
  distrusted: fc.constantFrom(-1, -1, 0, 1, 2),
  stale: fc.constantFrom(-1, -1, 0, 1, 2),
  coinDown: fc.constantFrom(-1, -1, 0, 1, 2),
  order: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
});
type WorldOf<A> = A extends fc.Arbitrary<infer W> ? W : never;

/** Three exchanges with BTC and a fee coin each, every term of an edge in force; `order` = in which books are looked at. */
function play(w: WorldOf<typeof world>, order: readonly number[]) {
  const third = { feeCoin: 'BNB', feeDiscount: '0.25' };
  const coins = EXCHANGES.map((name) => instrument(name, 'BNB'));
  const markets = EXCHANGES.map((name, i) =>
    instrument(name, 'BTC', {
      feeMode: w.modes[i]!,
      lotSize: w.lots[i]!,
      tickSize: '0.1',
      takerFeeRate: '0.0004',
      ...(w.modes[i] === 'third' && third),
    }),
  );
  const holdings = EXCHANGES.flatMap((name, i) => [
    at(name, 'BTC', `${w.held[i]! / 20}`),
    at(name, 'USDT', `${w.held[3 + i]! * 60}`),
    at(name, 'BNB', `${w.held[6 + i]! / 10_000}`),
  ]);
  const wayOf = (asset: string, from: string, to: string): WayState => {
    const index =
      (asset === 'BTC' ? 0 : 6) +
      EXCHANGES.indexOf(from) * 2 +
      (EXCHANGES.indexOf(to) > EXCHANGES.indexOf(from) ? 1 : 0);
    return w.ways[index]!;
  };
  const parameters: SpatialParameters = {
    ...{ ...DEFAULT_SPATIAL_PARAMETERS, minNetBps: 0, latencyDecayBps: 0.3, transferCostBps: 0.2 },
    limits: new Map([['USDT', { minNetProfit: '0', maxNotional: '6000' }]]),
    inventory: {
      targets: new Amounts(EXCHANGES.flatMap((name) => [at(name, 'BTC', '5'), at(name, 'USDT', '5000')])),
      limitBps: w.limitBps,
    },
    transfers: {
      batch: { notional: 40_000, intervalMs: 1, notionalPerDay: null },
      withdrawFee: (_, asset) => (asset === 'BTC' ? 0.0001 : 1),
    },
    refillWay: wayOf,
    reserve: new Amounts(EXCHANGES.map((name) => at(name, 'BTC', '0.4'))),
    learnedDecayBps: (_, buyOn) => (buyOn === 'alpha' ? 0.7 : null),
  };
  const desk = new Desk(parameters, [...markets, ...coins]);
  desk.detector.holdingsChanged(holdings);
  coins.forEach(({ id }, i) => desk.publish(id, [[600, 9]], [[601, 9]], w.coinDown === i ? 9_999 : 0));
  const slots = markets.map(({ id }, i) =>
    desk.publish(id, w.books[i]!.bids, w.books[i]!.asks, w.stale === i ? 9_999 : 0),
  );
  if (w.distrusted >= 0) desk.board.distrust(slots[w.distrusted]!);
  const effects = order.flatMap((i) => [...desk.detector.onSlotDirty(slots[i]!, NOW_MS, NOW_MS)]);
  return { desk, parameters, markets, coins, holdings, effects };
}

t.test(
  'property: with every term in force offers add up, keep to what they may use, and no size does better',
  (t) => {
    let [offers, capped] = [0, 0];
    const texts = (effects: readonly SpatialEffect[]) =>
      signalsOf(effects)
        .map(({ signalId: _s, opportunityId: _o, ...rest }) => JSON.stringify(rest))
        .sort();
    fc.assert(
      fc.property(world, (w) => {
        const played = play(w, w.order);
        const { desk, parameters, markets, coins, holdings, effects } = played;
        t.strictSame(texts(effects), texts(play(w, [2, 1, 0]).effects), 'whatever the order');
        const all = [...markets, ...coins].map((one) => spatialMarket(one, desk.board.slotOf(one.id)));
        const pricing = new RoutePricing(desk.board, parameters);
        pricing.follow(all);
        pricing.hold(holdings);
        const watches = [
          ...watchesBySlot(spatialRoutes(all, exactLimits(parameters), parameters), parameters).values(),
        ].flat();
        for (const signal of signalsOf(effects)) {
          offers++;
          const { net, ...parts } = signal.edge;
          if (netOf(parts) !== net || !(Number(net) > 0)) return false;
          if (Number(net) > Number(signal.edge.gross) + Math.max(0, Number(signal.edge.inventory)))
            return false;
          const [buy, sell] = signal.legs.map((leg) => EXCHANGES.indexOf(leg.exchange)) as [number, number];
          for (const [i, leg] of [
            [buy, signal.legs[0]!],
            [sell, signal.legs[1]!],
          ] as const) {
            const { bids, asks } = w.books[i]!;
            if (i === w.distrusted || i === w.stale || bids[0]![0] >= asks[0]![0]) return false;
            if (leg.feeMode === 'third' && w.coinDown === i) return false;
          }
          const watch = watches.find(
            ({ route }) =>
              route.buy.slot === desk.board.slotOf(signal.legs[0]!.instrument) &&
              route.sell.slot === desk.board.slotOf(signal.legs[1]!.instrument),
          )!;
          pricing.update(watch, w.books[buy]!.asks[0]![0], NOW_MS);
          const { route } = watch;
          if (route.unrefilled !== undefined) capped++;
          if (route.maxBase !== null && route.maxBase.lessThan(signal.quantity)) return false;
          if (route.limits.maxNotional.lessThan(signal.notional)) return false;
          if (Math.abs(Number(signal.edge.inventory)) > (Number(signal.notional) * w.limitBps) / 1e4 + 1e-9)
            return false;
          const level = ([price, size]: readonly [number, number]) =>
            [decimalOf(price), decimalOf(size)] as const;
          const books = {
            ...{ asks: w.books[buy]!.asks.map(level), bids: w.books[sell]!.bids.map(level) },
            ...{ feeBuy: route.buy.fee, feeSell: route.sell.fee, costRate: route.costs.rate },
            ...{ maxQuote: route.limits.maxNotional, maxBase: route.maxBase },
          };
          const terms = edgeTermsOf(books);
          const offered = profitOf(priceSize(books, terms, new Decimal(signal.quantity))!, terms);
          // A purchase is rounded up to its lot, and what overruns budget or depth is made one lot smaller.
          const room = route.buy.fee.mode === 'received' ? route.lot : ZERO;
          for (let q = route.lot; ; q = q.plus(route.lot)) {
            if (route.maxBase !== null && q.greaterThan(route.maxBase)) break;
            const wider = priceSize(books, terms, q.plus(room));
            const size = priceSize(books, terms, q);
            if (size === null || wider === null) break;
            if (wider.asked.times(terms.numerator).greaterThan(route.limits.maxNotional.times(terms.keep)))
              break;
            if (size.bid.lessThan(5) || size.asked.lessThan(5)) continue;
            if (profitOf(size, terms).greaterThan(offered)) return false;
          }
        }
        return true;
      }),
      { numRuns: 200 },
    );
    t.ok(offers > 20 && capped > 2, `${offers} offers, ${capped} of them capped by a way that is shut`);
    t.end();
  },
);

t.test('what holdings decide is replayed from the record alike', (t) => {
  const stage = detectorStage([instrument('alpha'), instrument('beta')], {
    ...DEFAULT_SPATIAL_PARAMETERS,
    limits: new Map([['USDT', { minNetProfit: '0', maxNotional: '10000' }]]),
    inventory: { targets: new Amounts(BALANCED), limitBps: 30 },
  });
  const run = new StageRun(stage, 100);
  const top = (id: string, bid: string, ask: string): DetectorEvent => ({
    kind: 'book',
    monotonicMs: NOW_MS,
    top: {
      ...{
        instrument: id,
        epoch: 1,
        sequence: 1,
        trusted: true,
        exchangeTimeMs: NOW_MS,
        receiveTimeMs: NOW_MS,
      },
      ...{ bids: [[bid, '5']], asks: [[ask, '5']] },
    } as unknown as Extract<DetectorEvent, { kind: 'book' }>['top'],
  });
  run.step({ kind: 'holdings', holdings: RESTORING }, NOW_MS);
  run.step(top('alpha:BTC-USDT', '999', '1000'), NOW_MS);
  const effects = run.step(top('beta:BTC-USDT', '1010', '1011'), NOW_MS);
  t.ok(Number(signalsOf(effects)[0]!.edge.inventory) > 0);
  t.same(replayStage(stage, run.inputs), run.effects);
  t.end();
});

t.test('a tier lets off its share of every market, and what the account says goes before it', (t) => {
  const market = { takerFeeRate: '0.001', makerFeeRate: '0.001', feeMode: 'received' as const };
  t.match(ratesInTier('binance', 'vip3', market), { takerFeeRate: '0.0006', makerFeeRate: '0.00042' });
  t.match(
    ratesInTier('kucoin', 'lv3', { takerFeeRate: '0.002', makerFeeRate: '0.002' }),
    { takerFeeRate: '0.0016', makerFeeRate: '0.001' },
    'a market with a coefficient keeps it',
  );
  t.match(ratesInTier('bithumb', 'coupon', { takerFeeRate: '0', makerFeeRate: '0' }), { takerFeeRate: '0' });
  t.throws(() => ratesInTier('binance', 'lv3', market), { code: 'ARB_CONFIG_INVALID', message: /vip9/ });
  for (const exchange of ['binance', 'okx', 'kucoin', 'gate', 'bithumb', 'upbit']) {
    const table = feeTiersOf(exchange);
    t.same(feeTierNames(exchange), ['base', ...(table?.tiers ?? []).map(({ name }) => name)]);
    const rates = (table?.tiers ?? []).map(({ takerFeeRate }) => Number(takerFeeRate));
    t.same(
      [...rates].sort((a, b) => b - a),
      rates,
      `${exchange}: more volume never costs more`,
    );
    for (const { name, minVolume } of table?.tiers ?? []) t.equal(feeTierOfVolume(exchange, minVolume), name);
  }
  t.equal(feeTierOfVolume('okx', '9999999'), 'base');
  t.equal(feeTierOfVolume('bybit', '1e9'.replace('1e9', '1000000000')), 'base', 'no table, no tier');

  const account = { takerFeeRate: '0.0008', makerFeeRate: '-0.0001' };
  const terms = (known: Parameters<typeof accountTerms>[2]) =>
    accountTerms('okx', market, known).takerFeeRate;
  t.equal(terms({}), '0.001');
  t.equal(terms({ tier: 'vip2' }), '0.0007');
  t.equal(terms({ tier: 'vip2', account }), '0.0008', 'the exchange knows better');
  t.equal(terms({ override: '0.0005', tier: 'vip2' }), '0.0005');
  t.equal(terms({ override: '0.0005', account }), '0.0008', 'nobody writes a fee cheaper than it is');
  t.equal(terms({ override: '0.002', account }), '0.002');
  t.equal(
    terms({ account: { takerFeeRate: '-0.0001', makerFeeRate: '0' } }),
    '0',
    'a rebate is not counted on',
  );
  t.end();
});

/** One quote per `stepMs`. */
function series(mids: readonly number[], stepMs = 10): QuoteSeries {
  return {
    times: mids.map((_, i) => i * stepMs),
    bids: mids.map((mid) => mid - 0.1),
    asks: mids.map((mid) => mid + 0.1),
  };
}

const QUESTION = { latencyMs: 30, floorBps: 10, maxGapMs: 1_000, minSamples: 3 };

t.test('the loss of an edge is learned from recorded books, one sample per life', (t) => {
  // The dear market jumps by 5 (50 bps) and falls by 1 a step: after 30 ms 20 of 48 bps are left.
  const jump = [1000, 1005, 1004, 1003, 1002, 1001, 1000, 1000, 1000, 1000];
  const dear = series([...jump, ...jump, ...jump]);
  const cheap = series(jump.map(() => 1000).flatMap((mid) => [mid, mid, mid]));
  const losses = bookLosses(cheap, dear, QUESTION);
  t.equal(losses.length, 3, 'each life once');
  for (const loss of losses) t.ok(Math.abs(loss - 30) < 0.1, `${loss} bps`);
  const learned = decayOf({ pair: 'BTC-USDT', buyOn: 'alpha', sellOn: 'beta' }, losses, QUESTION);
  t.ok(learned !== null && Math.abs(learned.bps - 30) < 0.1 && learned.samples === 3);
  t.equal(decayOf({ pair: 'BTC-USDT', buyOn: 'a', sellOn: 'b' }, losses.slice(1), QUESTION), null, 'too few');
  t.same(bookLosses(dear, cheap, QUESTION), [], 'nothing opens the other way');
  t.same(bookLosses(cheap, dear, { ...QUESTION, floorBps: 60 }), [], 'nothing reaches the floor');
  t.same(bookLosses(cheap, { times: [], bids: [], asks: [] }, QUESTION), []);

  const grows = decayOf({ pair: 'BTC-USDT', buyOn: 'a', sellOn: 'b' }, [-4, -4, -4], QUESTION);
  t.equal(grows!.bps, 0, 'an edge that grows is no credit');
  const spread = decayOf({ pair: 'BTC-USDT', buyOn: 'a', sellOn: 'b' }, [1, 2, 3], QUESTION);
  t.ok(spread!.bps > spread!.meanBps, 'what is not sure is charged');
  t.end();
});

t.test(
  'property: a longer latency never finds more edges, and a sparse recording never hides a loss',
  (t) => {
    const walk = fc.array(fc.integer({ min: -30, max: 30 }), { minLength: 20, maxLength: 80 });
    fc.assert(
      fc.property(walk, (steps) => {
        let mid = 1000;
        const dear = series(steps.map((step) => (mid = Math.max(900, mid + step / 10))));
        const flat = series(steps.map(() => 1000));
        const question = { ...QUESTION, floorBps: 5 };
        const losses = bookLosses(flat, dear, question);
        t.ok(losses.every((loss) => Number.isFinite(loss)));
        t.ok(losses.length <= bookLosses(flat, dear, { ...question, latencyMs: 0 }).length);
        t.ok(
          bookLosses(flat, dear, { ...question, latencyMs: 0 }).every((loss) => loss === 0),
          'at once nothing is lost',
        );
      }),
      { numRuns: 100 },
    );
    t.end();
  },
);

t.test('only live fills teach: paper, simulated and replayed ones are refused', (t) => {
  const loss = (lost: number): FillLoss => ({
    ...{ pair: 'BTC-USDT', buyOn: 'alpha', sellOn: 'beta', lost, notional: 1000, latencyMs: 80 },
  });
  for (const mode of ['PAPER', 'SIMULATED', 'REPLAY'] as const)
    t.throws(() => liveFillLosses(mode, [loss(1)]), { code: 'ARB_MODE_MIXED', message: new RegExp(mode) });
  const learned = decayFromFills(liveFillLosses('LIVE', [loss(0.2), loss(0.2), loss(0.2)]), 3);
  t.match(learned, [{ pair: 'BTC-USDT', bps: 2, samples: 3, latencyMs: 80 }]);
  t.same(decayFromFills(liveFillLosses('LIVE', [loss(0.2)]), 3), []);

  const decays = new LearnedDecays();
  decays.set(learned);
  const learnedDecayBps = decays.bpsOf.bind(decays);
  const [signal] = signalsOf(new Desk({ learnedDecayBps, latencyDecayBps: 7 }).dislocate());
  t.equal(signal!.edge.latencyDecay, '1', '2 bps of 5,000');
  t.equal(decays.bpsOf('BTC-USDT', 'beta', 'alpha'), null, 'nothing is known of the other direction');
  t.end();
});
