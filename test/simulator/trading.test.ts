import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import {
  atomsOf,
  atomsText,
  parseAtoms,
  stepsIn,
  times,
  truncated,
} from '../../src/simulator/trading/atoms.js';
import {
  DESK_RULES,
  TRADING_EXCHANGES,
  type TradingExchange,
} from '../../src/simulator/trading/desk-rules.js';
import type { DeskEvent, OrderView, PlaceOutcome, Refusal } from '../../src/simulator/trading/desk-types.js';
import { PushLine } from '../../src/simulator/trading/push-line.js';
import { RateWindow } from '../../src/simulator/trading/rate-window.js';
import {
  ORDER_FAULTS,
  TRADING_FAULT_KINDS,
  TradingFaultBoard,
  type TradingFault,
} from '../../src/simulator/trading/trading-faults.js';
import { Prng } from '../../src/simulator/prng.js';
import { BENCH_ACCOUNT, deskBench, type BenchOrder, type DeskBench } from './desk-harness.js';

const PAIRS: Readonly<Record<TradingExchange, { pair: string; openPrice: string }>> = {
  binance: { pair: 'BTC-USDT', openPrice: '84000' },
  okx: { pair: 'BTC-USDT', openPrice: '84000' },
  bybit: { pair: 'BTC-USDT', openPrice: '84000' },
  upbit: { pair: 'BTC-KRW', openPrice: '116760000' },
  kucoin: { pair: 'BTC-USDT', openPrice: '84000' },
  gate: { pair: 'BTC-USDT', openPrice: '84000' },
  bithumb: { pair: 'BTC-KRW', openPrice: '116760000' },
  bitget: { pair: 'BTC-USDT', openPrice: '84000' },
};
const isWon = (exchange: TradingExchange): boolean => PAIRS[exchange].pair.endsWith('-KRW');

/** A desk with money and coins. */
function funded(exchange: TradingExchange = 'binance'): DeskBench {
  const bench = deskBench(exchange, PAIRS[exchange]);
  const money = isWon(exchange) ? '1000000000' : '100000';
  bench.desk.open([
    { asset: bench.listing.quote, amount: atomsOf(money) },
    { asset: 'BTC', amount: atomsOf('2') },
  ]);
  return bench;
}

const reasonOf = (outcome: PlaceOutcome): Refusal | 'placed' =>
  outcome.kind === 'refused' ? outcome.reason : 'placed';

function placed(outcome: PlaceOutcome): OrderView {
  if (outcome.kind === 'refused') throw new Error(`refused: ${outcome.reason}`);
  return outcome.order;
}

const now = (bench: DeskBench, order: OrderView): OrderView =>
  bench.desk.find({ exchangeOrderId: order.exchangeOrderId })!;

const shown = (order: OrderView) => [order.state, order.endReason, atomsText(order.filled)] as const;

t.test('atoms are exact and read nothing but plain decimals', (t) => {
  for (const text of ['0', '1', '0.1', '123456789.000000000000000001', '-3.5']) {
    t.equal(atomsText(atomsOf(text)), text);
  }
  for (const text of [
    '',
    '1e3',
    '.5',
    '5.',
    '0x10',
    'NaN',
    '+1',
    ' 1',
    '1.0000000000000000001',
    '--1',
    '1,5',
  ]) {
    t.equal(parseAtoms(text), null, text);
  }
  t.throws(() => atomsOf('1e3'), { code: 'ARB_INVARIANT' });
  t.equal(atomsText(atomsOf('1.5'), 8), '1.50000000');
  t.equal(times(atomsOf('0.00001'), atomsOf('0.000001')), 10_000_000n);
  t.equal(atomsText(truncated(atomsOf('0.123456789'), 8)), '0.12345678');
  t.equal(stepsIn(atomsOf('0.15'), atomsOf('0.1')), null);
  t.equal(stepsIn(atomsOf('0.3'), atomsOf('0.1')), 3);
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), (atoms) => parseAtoms(atomsText(atoms)) === atoms),
  );
  t.end();
});

t.test('a taker pays the prices of the book, and the rest of its bound money is free again', (t) => {
  const bench = funded();
  bench.quote('sell', '84000', '0.1');
  bench.quote('sell', '84010', '0.2');
  const order = placed(bench.place({ price: '84020', quantity: '0.25', clientOrderId: 'a' }));
  t.same(shown(order), ['filled', null, '0.25']);
  t.equal(atomsText(order.filledQuote), '21001.5');
  t.equal(atomsText(order.fee), '0.00025');
  t.equal(order.feeAsset, 'BTC');
  t.same(bench.held('USDT'), ['78998.5', '0']);
  t.same(bench.held('BTC'), ['2.24975', '0']);
  t.same(
    order.trades.map((trade) => [atomsText(trade.price), atomsText(trade.quantity), trade.liquidity]),
    [
      ['84000', '0.1', 'taker'],
      ['84010', '0.15', 'taker'],
    ],
  );
  t.same(
    bench.events.map((event) => (event.kind === 'order' ? event.cause : event.kind)),
    ['new', 'trade', 'trade'],
  );
  t.end();
});

t.test('a resting order is hit by the flow of others and told as a maker, part by part', (t) => {
  const bench = funded('okx');
  bench.quote('buy', '83990', '1');
  const order = placed(bench.place({ side: 'sell', type: 'limit', price: '84005', quantity: '0.5' }));
  t.same(shown(order), ['open', null, '0']);
  t.same(bench.held('BTC'), ['1.5', '0.5']);
  bench.quote('buy', '84005', '0.2');
  t.same(shown(now(bench, order)), ['open', null, '0.2']);
  t.same(bench.held('BTC'), ['1.5', '0.3']);
  // 84005 × 0.2 = 16801, of which 0.08 % is the maker's fee.
  t.same(bench.held('USDT'), ['116787.5592', '0']);
  const cancelled = bench.desk.cancel({ exchangeOrderId: order.exchangeOrderId })!;
  t.same(shown(cancelled), ['cancelled', 'user', '0.2']);
  t.same(bench.held('BTC'), ['1.8', '0']);
  t.equal(bench.desk.cancel({ exchangeOrderId: order.exchangeOrderId }), null);
  t.equal(bench.market.engine.level('sell', 0), undefined);
  const last = bench.events.filter((event) => event.kind === 'order').map(({ cause }) => cause);
  t.same(last, ['new', 'trade', 'end']);
  const [fill] = bench.desk.trades(null);
  t.match(fill, { liquidity: 'maker', feeAsset: 'USDT', exchangeOrderId: order.exchangeOrderId });
  t.end();
});

t.test('fees come in the coin and at the rate of each exchange', (t) => {
  const cases: readonly [TradingExchange, 'buy' | 'sell', string, string][] = [
    ['binance', 'buy', 'BTC', '0.0005'],
    ['binance', 'sell', 'USDT', '42'],
    ['okx', 'buy', 'BTC', '0.0005'],
    ['bybit', 'sell', 'USDT', '42'],
    ['upbit', 'buy', 'KRW', '29190'],
    ['upbit', 'sell', 'KRW', '29190'],
    ['kucoin', 'buy', 'USDT', '42'],
    ['kucoin', 'sell', 'USDT', '42'],
    ['gate', 'buy', 'BTC', '0.001'],
    ['gate', 'sell', 'USDT', '84'],
    ['bithumb', 'buy', 'KRW', '145950'],
    ['bithumb', 'sell', 'KRW', '145950'],
    // 0.20 % on the largest markets.
    ['bitget', 'buy', 'BTC', '0.001'],
    ['bitget', 'sell', 'USDT', '84'],
  ];
  for (const [exchange, side, asset, fee] of cases) {
    const bench = funded(exchange);
    const { openPrice: price } = PAIRS[exchange];
    bench.quote(side === 'buy' ? 'sell' : 'buy', price, '0.5');
    const order = placed(bench.place({ side, price, quantity: '0.5' }));
    t.same([order.feeAsset, atomsText(order.fee)], [asset, fee], `${exchange} ${side}`);
  }
  const upbit = funded('upbit');
  upbit.quote('sell', '116760000', '1');
  placed(upbit.place({ price: '116760000', quantity: '1' }));
  t.same(upbit.held('KRW'), ['883181620', '0'], 'price and fee are paid');
  t.same(upbit.held('BTC'), ['3', '0'], 'and the whole coin arrives');
  const rest = placed(upbit.place({ type: 'limit', price: '100000000', quantity: '0.5' }));
  t.same(upbit.held('KRW'), ['833156620', '50025000'], 'the fee is bound too');
  upbit.desk.cancel({ exchangeOrderId: rest.exchangeOrderId });
  t.same(upbit.held('KRW'), ['883181620', '0']);
  const binance = funded();
  binance.quote('sell', '84000', '0.00013');
  const odd = placed(binance.place({ price: '84000', quantity: '0.00013' }));
  t.equal(atomsText(odd.fee), '0.00000013');
  t.end();
});

t.test('each filter refuses with its own reason, and nothing is bound', (t) => {
  const bench = funded();
  bench.quote('sell', '84000', '1');
  const cases: readonly [Partial<BenchOrder>, Refusal][] = [
    [{ price: '84000.005', quantity: '0.1' }, 'price_tick'],
    [{ price: '420000.01', quantity: '0.1' }, 'price_band'],
    [{ price: '16799.99', quantity: '0.1' }, 'price_band'],
    [{ price: '84000', quantity: '0.000015' }, 'lot'],
    [{ price: '84000', quantity: '0' }, 'min_quantity'],
    [{ price: '84000', quantity: '9000.00001' }, 'max_quantity'],
    [{ price: '84000', quantity: '0.00005' }, 'min_notional'],
    [{ price: '84000', quantity: '1.2' }, 'insufficient_funds'],
    [{ side: 'sell', price: '84000', quantity: '2.00001' }, 'insufficient_funds'],
    [{ type: 'post_only', price: '84000', quantity: '0.1' }, 'would_take'],
    [{ type: 'market', quoteAmount: '4.99' }, 'min_notional'],
    [{ type: 'market', quoteAmount: '0' }, 'min_quantity'],
    [{ type: 'market', quantity: '0.00005' }, 'min_notional'],
    [{ type: 'market', side: 'sell', quantity: '0.1' }, 'no_liquidity'],
  ];
  for (const [order, reason] of cases) {
    t.equal(reasonOf(bench.place(order)), reason, JSON.stringify(order));
  }
  bench.halted = true;
  t.equal(reasonOf(bench.place({ price: '84000', quantity: '0.1' })), 'market_halted');
  t.equal(bench.desk.wouldRefuse({ ...requestOf(bench), price: atomsOf('84000') }), 'market_halted');
  bench.halted = false;
  t.equal(bench.desk.wouldRefuse({ ...requestOf(bench), price: atomsOf('84000') }), null);
  t.same(bench.held('USDT'), ['100000', '0']);
  t.equal(bench.events.length, 0);
  t.equal(bench.desk.allOrders().length, 0);
  const okx = funded('okx');
  okx.quote('sell', '84000', '1');
  t.equal(reasonOf(okx.place({ price: '84000', quantity: '0.000009' })), 'min_quantity');
  t.equal(reasonOf(okx.place({ price: '88200.1', quantity: '0.01' })), 'price_band');
  t.equal(reasonOf(okx.place({ side: 'sell', price: '79799.9', quantity: '0.01' })), 'price_band');
  const many = funded();
  for (let i = 0; i < 200; i++) placed(many.place({ type: 'limit', price: '20000', quantity: '0.001' }));
  t.equal(reasonOf(many.place({ type: 'limit', price: '20000', quantity: '0.001' })), 'too_many_orders');
  t.equal(many.desk.cancelAll(null).length, 200);
  t.same(many.held('USDT'), ['100000', '0']);
  t.end();
});

function requestOf(bench: DeskBench) {
  return {
    market: bench.market,
    side: 'buy' as const,
    type: 'ioc' as const,
    price: null,
    quantity: atomsOf('0.1'),
    quoteAmount: null,
    clientOrderId: null,
    stp: 'none' as const,
    words: {},
  };
}

t.test('order types end as they should', (t) => {
  const bench = funded('bybit');
  bench.quote('sell', '84000', '0.1');
  bench.quote('sell', '84100', '0.1');
  const ioc = placed(bench.place({ price: '84000', quantity: '0.3' }));
  t.same(shown(ioc), ['cancelled', 'ioc', '0.1']);
  const fok = placed(bench.place({ type: 'fok', price: '84100', quantity: '0.2' }));
  t.same(shown(fok), ['cancelled', 'fok', '0']);
  const late = placed(bench.place({ type: 'post_only', price: '84100', quantity: '0.1' }));
  t.same(shown(late), ['cancelled', 'post_only', '0']);
  const maker = placed(bench.place({ type: 'post_only', price: '84000', quantity: '0.1' }));
  t.same(shown(maker), ['open', null, '0']);
  bench.desk.cancelAll(bench.listing.symbol);
  t.same(bench.desk.openOrders(null), []);
  const whole = placed(bench.place({ type: 'fok', price: '84100', quantity: '0.1' }));
  t.same(shown(whole), ['filled', null, '0.1']);
  bench.quote('sell', '84000', '0.1');
  bench.quote('sell', '84200', '1');
  const budget = placed(bench.place({ type: 'market', quoteAmount: '10000' }));
  t.equal(budget.state, 'filled');
  t.ok(budget.filledQuote <= atomsOf('10000') && budget.filledQuote > atomsOf('9999.9'));
  t.equal(budget.locked, 0n);
  const market = placed(bench.place({ type: 'market', quantity: '0.2' }));
  t.same(shown(market), ['filled', null, '0.2']);
  t.equal(bench.held('USDT')[1], '0');
  bench.quote('buy', '83000', '0.3');
  const sale = placed(bench.place({ side: 'sell', type: 'market', quantity: '0.5' }));
  t.same(shown(sale), ['cancelled', 'ioc', '0.3']);
  const poor = placed(bench.place({ type: 'market', quoteAmount: '5' }));
  t.equal(poor.state, 'filled');
  t.same(
    bench.desk.endedOrders(bench.listing.symbol).length,
    bench.desk.allOrders().length,
    'all have ended',
  );
  t.end();
});

t.test('client ids are free again when the exchange says so', (t) => {
  const reuse: Readonly<Record<TradingExchange, readonly string[]>> = {
    binance: ['duplicate_client_id', 'placed', 'placed'],
    okx: ['duplicate_client_id', 'placed', 'placed'],
    bybit: ['duplicate_client_id', 'duplicate_client_id', 'placed'],
    upbit: ['duplicate_client_id', 'duplicate_client_id', 'duplicate_client_id'],
    kucoin: ['duplicate_client_id', 'duplicate_client_id', 'placed'],
    gate: ['duplicate_client_id', 'placed', 'placed'],
    bithumb: ['duplicate_client_id', 'duplicate_client_id', 'placed'],
    bitget: ['duplicate_client_id', 'duplicate_client_id', 'placed'],
  };
  for (const exchange of TRADING_EXCHANGES) {
    const bench = funded(exchange);
    const { openPrice } = PAIRS[exchange];
    const price = isWon(exchange) ? '100000000' : exchange === 'bitget' ? '83000' : '80000';
    bench.quote('sell', openPrice, '1');
    const rest = { type: 'limit', price, quantity: '0.1', clientOrderId: 'id' } as const;
    const first = placed(bench.place(rest));
    const whileOpen = reasonOf(bench.place(rest));
    bench.desk.cancel({ exchangeOrderId: first.exchangeOrderId });
    const afterwards = reasonOf(bench.place(rest));
    const refused = { ...rest, clientOrderId: 'refused' };
    t.equal(reasonOf(bench.place({ ...refused, quantity: '1000' })), 'insufficient_funds');
    t.same([whileOpen, afterwards, reasonOf(bench.place(refused))], reuse[exchange], exchange);
  }
  const bench = funded();
  const rest = { type: 'limit', price: '80000', quantity: '0.1', clientOrderId: 'id' } as const;
  const first = placed(bench.place(rest));
  bench.desk.cancel({ clientOrderId: 'id' });
  const second = placed(bench.place(rest));
  t.equal(
    bench.desk.find({ clientOrderId: 'id' })!.exchangeOrderId,
    second.exchangeOrderId,
    'the newest counts',
  );
  t.not(first.exchangeOrderId, second.exchangeOrderId);
  t.end();
});

t.test('orders that ended without a fill are forgotten after the time of each exchange', (t) => {
  const hours: Readonly<Record<TradingExchange, number | null>> = {
    binance: 90 * 24,
    okx: 2,
    bybit: 24,
    upbit: null,
    kucoin: 72,
    gate: 30 * 24,
    bithumb: null,
    bitget: 90 * 24,
  };
  for (const exchange of TRADING_EXCHANGES) {
    const bench = funded(exchange);
    const { openPrice } = PAIRS[exchange];
    const unfilled = placed(bench.place({ price: openPrice, quantity: '0.1', clientOrderId: 'none' }));
    bench.quote('sell', openPrice, '0.05');
    const filled = placed(bench.place({ price: openPrice, quantity: '0.1', clientOrderId: 'part' }));
    const name = { exchangeOrderId: unfilled.exchangeOrderId };
    const limit = (hours[exchange] ?? 10_000) * 3_600_000;
    bench.nowMs += limit;
    t.not(bench.desk.find(name), null, `${exchange}: still there`);
    bench.nowMs += 1;
    const isGone = hours[exchange] !== null;
    t.equal(bench.desk.find(name) === null, isGone, exchange);
    t.equal(bench.desk.wasForgotten({ clientOrderId: 'none' }), isGone);
    t.not(bench.desk.find({ exchangeOrderId: filled.exchangeOrderId }), null, 'what filled stays');
    t.equal(bench.desk.endedOrders(null).length, isGone ? 1 : 2);
    t.equal(bench.desk.allOrders().length, 2, 'the record forgets nothing');
  }
  t.end();
});

t.test('self-trade prevention cancels maker, taker, both, or what both have', (t) => {
  const start = () => {
    const bench = funded();
    bench.quote('sell', '84000', '0.1');
    const own = placed(
      bench.place({ side: 'sell', type: 'limit', price: '84000', quantity: '0.3', clientOrderId: 'own' }),
    );
    bench.quote('sell', '84010', '0.2');
    const take = (stp: BenchOrder['stp'], quantity = '0.5') =>
      placed(bench.place({ price: '84010', quantity, stp }));
    return { bench, own: () => shown(now(bench, own)), take };
  };
  const maker = start();
  t.same(shown(maker.take('cancel_maker')), ['cancelled', 'ioc', '0.3']);
  t.same(maker.own(), ['cancelled', 'self_trade', '0']);
  const taker = start();
  t.same(shown(taker.take('cancel_taker')), ['cancelled', 'self_trade', '0.1']);
  t.same(taker.own(), ['open', null, '0']);
  const both = start();
  t.same(shown(both.take('cancel_both')), ['cancelled', 'self_trade', '0.1']);
  t.same(both.own(), ['cancelled', 'self_trade', '0']);
  const less = start();
  const reduced = less.take('decrement', '0.2');
  t.same(shown(reduced), ['cancelled', 'self_trade', '0.1']);
  t.equal(atomsText(reduced.prevented), '0.1');
  t.same(less.own(), ['open', null, '0']);
  t.equal(less.bench.held('BTC')[1], '0.2', 'what the maker lost is free');
  const none = start();
  t.same(shown(none.take('none')), ['filled', null, '0.5']);
  t.same(none.own(), ['filled', null, '0.3'], 'without it the account trades with itself');
  t.same(none.bench.held('USDT')[1], '0');
  for (const { bench } of [maker, taker, both, less, none]) conserved(t, bench);
  const first = funded();
  first.place({ side: 'sell', type: 'limit', price: '84000', quantity: '0.3' });
  t.same(shown(placed(first.place({ price: '84000', quantity: '0.1', stp: 'cancel_taker' }))), [
    'cancelled',
    'self_trade',
    '0',
  ]);
  const amount = funded();
  amount.place({ side: 'sell', type: 'limit', price: '84000', quantity: '0.3' });
  amount.quote('sell', '85000', '1');
  const sized = placed(amount.place({ type: 'market', quoteAmount: '8500', stp: 'cancel_maker' }));
  t.same([sized.state, atomsText(sized.filled)], ['filled', '0.1'], 'own orders are not counted as an offer');
  t.end();
});

/** What is held now equals what there was, plus trades and transfers; and what is bound belongs to orders. */
function conserved(t: Test, bench: DeskBench, opening?: Readonly<Record<string, string>>): void {
  const { base, quote } = bench.listing;
  const { desk } = bench;
  const expected = new Map([
    [base, atomsOf(opening?.[base] ?? '2')],
    [quote, atomsOf(opening?.[quote] ?? (quote === 'KRW' ? '1000000000' : '100000'))],
  ]);
  const add = (asset: string, atoms: bigint) => expected.set(asset, (expected.get(asset) ?? 0n) + atoms);
  for (const trade of desk.trades(null)) {
    const sign = trade.side === 'buy' ? 1n : -1n;
    add(base, sign * trade.quantity);
    add(quote, -sign * trade.quote);
    add(trade.feeAsset, -trade.fee);
  }
  for (const { asset, amount } of desk.transfers()) add(asset, amount);
  const bound = new Map<string, bigint>();
  for (const order of desk.allOrders()) {
    const asset = order.side === 'buy' ? quote : base;
    bound.set(asset, (bound.get(asset) ?? 0n) + order.locked);
  }
  for (const asset of [base, quote]) {
    const { free, locked } = desk.account.view(asset);
    t.ok(free >= 0n && locked >= 0n, `${asset} is not negative`);
    t.equal(free + locked, expected.get(asset), `${asset} is conserved`);
    t.equal(locked, bound.get(asset) ?? 0n, `${asset} is bound by orders only`);
  }
}

type Step =
  | { readonly kind: 'order'; readonly order: Partial<BenchOrder> }
  | {
      readonly kind: 'quote';
      readonly side: 'buy' | 'sell';
      readonly price: string;
      readonly quantity: string;
    }
  | { readonly kind: 'cancel'; readonly which: number }
  | { readonly kind: 'transfer'; readonly amount: string }
  | { readonly kind: 'fault'; readonly fault: TradingFault }
  | { readonly kind: 'wait'; readonly ms: number };

const side = fc.constantFrom('buy' as const, 'sell' as const);
const near = (exchange: TradingExchange) =>
  fc
    .integer({ min: -20, max: 20 })
    .map((ticks) => (isWon(exchange) ? `${116_760_000 + 1_000 * ticks}` : `${84_000 + ticks}`));
const size = fc.integer({ min: 1, max: 4_000 }).map((n) => atomsText(atomsOf('0.0001') * BigInt(n)));

function steps(exchange: TradingExchange): fc.Arbitrary<Step[]> {
  const price = near(exchange);
  const order = fc
    .record({
      side,
      type: fc.constantFrom('limit', 'ioc', 'fok', 'post_only', 'market'),
      price,
      quantity: size,
      clientOrderId: fc.constantFrom(null, 'a', 'b', 'c'),
      stp: fc.constantFrom('none', 'cancel_maker', 'cancel_taker', 'cancel_both', 'decrement'),
    })
    .map((one) => ({ kind: 'order' as const, order: one.type === 'market' ? { ...one, price: null } : one }));
  const budget = fc
    .tuple(fc.integer({ min: 6_000, max: 40_000 }), fc.constantFrom('none' as const, 'cancel_maker' as const))
    .map(([amount, stp]) => ({
      kind: 'order' as const,
      order: { type: 'market', quoteAmount: `${amount}`, stp } as const,
    }));
  const quote = fc.record({ kind: fc.constant('quote' as const), side, price, quantity: size });
  const fault = fc
    .record({ kind: fc.constantFrom(...ORDER_FAULTS), count: fc.constant(1), delayMs: fc.constant(50) })
    .map((one) => ({ kind: 'fault' as const, fault: one }));
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: order },
      { weight: 1, arbitrary: budget },
      { weight: 6, arbitrary: quote },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat({ max: 30 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('transfer' as const),
          amount: fc.constantFrom('0.5', '0.00000001', '-0.01'),
        }),
      },
      { weight: 2, arbitrary: fault },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constant(100) }) },
    ),
    { minLength: 5, maxLength: 60 },
  );
}

function carryOut(bench: DeskBench, step: Step): void {
  switch (step.kind) {
    case 'order':
      return void bench.place(step.order);
    case 'quote':
      return void bench.quote(step.side, step.price, step.quantity);
    case 'cancel': {
      const order = bench.desk.allOrders()[step.which];
      if (order !== undefined) bench.desk.cancel({ exchangeOrderId: order.exchangeOrderId });
      return;
    }
    case 'transfer': {
      const amount = atomsOf(step.amount);
      if (amount > 0n || bench.desk.account.free('BTC') >= -amount) bench.desk.transfer('BTC', amount);
      return;
    }
    case 'fault':
      return void bench.faults.add(step.fault);
    case 'wait':
      bench.nowMs += step.ms;
      bench.desk.onStep();
  }
}

t.test('whatever happens, no balance is negative and nothing is lost or made', (t) => {
  for (const exchange of TRADING_EXCHANGES) {
    fc.assert(
      fc.property(steps(exchange), (plan) => {
        const bench = funded(exchange);
        for (const step of plan) {
          carryOut(bench, step);
          check(bench);
        }
        bench.nowMs += 1_000;
        bench.desk.onStep();
        check(bench);
      }),
      { numRuns: 150, seed: 11 },
    );
    t.pass(exchange);
  }
  t.end();
});

/** The same as `conserved`, as fast as a property needs it; and the engine holds what the desk says. */
function check(bench: DeskBench): void {
  const quiet = { ok: isTrue, equal: isSame } as unknown as Test;
  conserved(quiet, bench);
  const resting = new Map<number, number>();
  for (const side of ['buy', 'sell'] as const) {
    for (let i = 0; i < bench.market.engine.levelCount(side); i++) {
      for (const order of bench.market.engine.level(side, i)!.orders.values()) {
        if (order.account === BENCH_ACCOUNT) resting.set(order.id, order.lots);
      }
    }
  }
  const open = bench.desk.openOrders(null);
  isSame(resting.size, open.length, 'open orders are in the book');
  const lot = atomsOf(bench.listing.lot.text);
  const rest = open.reduce((sum, order) => sum + (order.quantity - order.filled) / lot, 0n);
  isSame(
    [...resting.values()].reduce((sum, lots) => sum + BigInt(lots), 0n),
    rest,
    'with what they have left',
  );
}

function isTrue(value: boolean, text: string): void {
  if (!value) throw new Error(text);
}

function isSame(actual: unknown, expected: unknown, text: string): void {
  if (actual !== expected) throw new Error(`${text}: ${String(actual)} instead of ${String(expected)}`);
}

t.test('an exchange that lies: each lie is told, booked where it moved money, and nowhere else', (t) => {
  const start = (fault: TradingFault, exchange: TradingExchange = 'binance') => {
    const bench = funded(exchange);
    bench.quote('sell', PAIRS[exchange].openPrice, '0.1');
    bench.faults.add({ count: 1, ...fault });
    return bench;
  };
  const rejected = start({ kind: 'reject', refusal: 'market_halted' });
  t.equal(reasonOf(rejected.place({ price: '84000', quantity: '0.1' })), 'market_halted');
  t.equal(reasonOf(rejected.place({ price: '84000', quantity: '0.1' })), 'placed', 'once');
  t.equal(
    reasonOf(start({ kind: 'reject' }).place({ price: '84000', quantity: '0.1' })),
    'insufficient_funds',
  );

  const missing = start({ kind: 'lie-missing' });
  const lost = placed(missing.place({ price: '84000', quantity: '0.1', clientOrderId: 'x' }));
  t.equal(lost.state, 'open');
  t.equal(missing.desk.find({ exchangeOrderId: lost.exchangeOrderId }), null);
  t.equal(missing.desk.find({ clientOrderId: 'x' }), null);
  t.same(missing.events, []);

  const over = start({ kind: 'lie-overfill' });
  const more = placed(over.place({ price: '84000', quantity: '0.1' }));
  t.same([more.state, atomsText(more.filled), atomsText(more.quantity)], ['filled', '0.11', '0.1']);

  const off = start({ kind: 'lie-off-tick' });
  const odd = placed(off.place({ price: '84000', quantity: '0.1' }));
  t.equal(atomsText(odd.trades[0]!.price), '83999.995');

  const open = start({ kind: 'leave-ioc-open' });
  const left = placed(open.place({ price: '84000', quantity: '0.3' }));
  t.same(shown(left), ['open', null, '0.1']);

  const cut = start({ kind: 'partial-then-disconnect' });
  const half = placed(cut.place({ price: '84000', quantity: '0.1' }));
  t.same(shown(half), ['cancelled', 'ioc', '0.05']);
  t.equal(cut.cuts, 1);

  const late = start({ kind: 'fill-after-cancel', delayMs: 500 });
  const ended = placed(late.place({ price: '84000', quantity: '0.3', clientOrderId: 'late' }));
  t.same(shown(ended), ['cancelled', 'ioc', '0.1']);
  t.equal(late.held('USDT')[1], '16800', 'the money is still bound');
  late.nowMs += 499;
  late.desk.onStep();
  t.same(shown(now(late, ended)), ['cancelled', 'ioc', '0.1']);
  late.nowMs += 1;
  late.desk.onStep();
  t.same(shown(now(late, ended)), ['cancelled', 'ioc', '0.2']);
  t.equal(late.held('USDT')[1], '0');
  const causes = late.events.map((event) => (event.kind === 'order' ? event.cause : ''));
  t.same(causes, ['new', 'trade', 'end', 'trade']);

  const owing = start({ kind: 'lie-negative-balance' });
  t.ok(owing.desk.holdings().every(({ free }) => free < 0n));
  t.same(owing.held('USDT'), ['100000', '0'], 'the truth is another');
  for (const bench of [missing, over, off, open, cut, late, owing]) conserved(t, bench);
  t.end();
});

t.test('opening an account anew ends its orders', (t) => {
  const bench = funded();
  const order = placed(bench.place({ type: 'limit', price: '80000', quantity: '0.1' }));
  bench.events.length = 0;
  bench.desk.open([{ asset: 'USDT', amount: atomsOf('5') }]);
  t.same(shown(now(bench, order)), ['cancelled', 'exchange', '0']);
  t.same(bench.held('USDT'), ['5', '0']);
  t.same(bench.held('BTC'), ['0', '0']);
  t.equal(bench.market.engine.openOrders, 0);
  t.same(bench.events, []);
  bench.desk.transfer('BTC', atomsOf('1'));
  t.match(bench.events, [{ kind: 'transfer', transfer: { asset: 'BTC' }, holdings: [{ asset: 'BTC' }] }]);
  t.throws(() => bench.desk.transfer('BTC', atomsOf('-1.5')), { code: 'ARB_INVARIANT' });
  t.throws(() => bench.desk.open([{ asset: 'BTC', amount: -1n }]), { code: 'ARB_INVARIANT' });
  t.end();
});

t.test('pushes are dropped, doubled, late or swapped as the fault says', (t) => {
  const bench = funded();
  bench.quote('sell', '84000', '0.1');
  placed(bench.place({ price: '84000', quantity: '0.3' }));
  const [created, fill, end] = bench.events as [DeskEvent, DeskEvent, DeskEvent];
  const through = (fault: TradingFault, later = 0): DeskEvent[] => {
    const faults = new TradingFaultBoard(Prng.of(1, 'pushes'));
    const heard: DeskEvent[] = [];
    const line = new PushLine(faults, (event) => heard.push(event));
    faults.add(fault);
    for (const event of [created, fill, end]) line.push(event);
    line.flush(bench.nowMs);
    if (later > 0) line.flush(bench.nowMs + later);
    return heard;
  };
  t.same(through({ kind: 'drop-pushes', count: 2 }), [end]);
  t.same(through({ kind: 'duplicate-fill-push' }), [created, fill, fill, end]);
  t.same(through({ kind: 'late-fill-push', delayMs: 300 }, 299), [created, end]);
  t.same(through({ kind: 'late-fill-push', delayMs: 300 }, 300), [created, end, fill]);
  t.same(through({ kind: 'reorder-pushes', count: 1 }), [fill, created, end]);
  t.same(through({ kind: 'drop-pushes', symbol: 'ETHUSDT' }), [created, fill, end], 'another market');
  t.end();
});

t.test('faults hit the share that they name, the same for the same seed, and end when switched off', (t) => {
  const hits = (): boolean[] => {
    const faults = new TradingFaultBoard(Prng.of(5, 'share'));
    faults.add({ kind: 'slow', probability: 0.3 });
    return Array.from({ length: 400 }, () => faults.takeLine('place', 'X') !== null);
  };
  t.same(hits(), hits());
  const share = hits().filter((hit) => hit).length / 400;
  t.ok(share > 0.22 && share < 0.38, `${share}`);
  const faults = new TradingFaultBoard(Prng.of(5, 'share'));
  const end = faults.add({ kind: 'slow', call: 'cancel' });
  t.equal(faults.takeLine('place', 'X'), null);
  t.not(faults.takeLine('cancel', 'X'), null);
  end();
  t.equal(faults.takeLine('cancel', 'X'), null);
  faults.add({ kind: 'maintenance' });
  t.not(faults.state('maintenance'), null);
  faults.clear();
  t.equal(faults.state('maintenance'), null);
  t.end();
});

t.test('every misbehaviour is described', (t) => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/simulator.md'), 'utf8');
  for (const kind of TRADING_FAULT_KINDS) t.ok(page.includes(`\`${kind}\``), kind);
  t.end();
});

t.test('a moving window counts, refuses and says how long to wait', (t) => {
  const window = new RateWindow(2, 1_000);
  t.ok(window.spend(0) && window.spend(400));
  t.notOk(window.spend(999));
  t.equal(window.waitMs(999), 1);
  t.equal(window.used(1_000), 1);
  t.equal(window.waitMs(1_000), 0);
  t.ok(window.spend(1_000));
  t.end();
});

t.test('ids of orders and trades are unique and have the form of the exchange', (t) => {
  const forms: Readonly<Record<TradingExchange, RegExp>> = {
    binance: /^\d{11}$/,
    okx: /^\d{19}$/,
    bybit: /^\d{19}$/,
    upbit: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    kucoin: /^[0-9a-f]{24}$/,
    gate: /^\d{12}$/,
    bithumb: /^C0101\d{15}$/,
    bitget: /^\d{19}$/,
  };
  for (const exchange of TRADING_EXCHANGES) {
    const bench = funded(exchange);
    for (let i = 0; i < 20; i++) {
      bench.quote('sell', PAIRS[exchange].openPrice, '0.01');
      placed(bench.place({ price: PAIRS[exchange].openPrice, quantity: '0.01' }));
    }
    const ids = bench.desk.allOrders().map(({ exchangeOrderId }) => exchangeOrderId);
    const trades = bench.desk.trades(bench.listing.symbol).map(({ id }) => id);
    t.ok(
      ids.every((id) => forms[exchange].test(id)),
      exchange,
    );
    t.equal(new Set(ids).size, 20);
    t.equal(new Set(trades).size, 20);
    t.ok(DESK_RULES[exchange].maxOpenOrders > 0);
  }
  t.end();
});
