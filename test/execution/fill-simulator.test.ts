import t from 'tap';
import fc from 'fast-check';
import { Decimal } from '../../src/market/decimal.js';
import {
  FillSimulator,
  type SimulatedBook,
  type SimulatedMarket,
  type SimulatedOrder,
  type SimulatedResult,
} from '../../src/execution/fill-simulator.js';
import { simulateTwoLegs, type SimulatedLeg } from '../../src/execution/two-leg.js';

const d = (value: number | string) => new Decimal(value);
type Rows = readonly (readonly [string | number, string | number])[];
const rows = (levels: Rows) => levels.map(([price, size]) => [d(price), d(size)] as const);
const book = (timeMs: number, asks: Rows, bids: Rows): SimulatedBook => ({
  timeMs,
  asks: rows(asks),
  bids: rows(bids),
});

const market: SimulatedMarket = {
  base: 'BTC',
  quote: 'USDT',
  rules: { tick: d('0.1'), lot: d('0.001'), minQuantity: d('0.01'), maxQuantity: d(50), minNotional: d(5) },
  fee: { rate: d('0.001'), mode: 'quote', discount: d(0) },
  third: null,
  maxStaleMs: 1_000,
};
const order = (changes: Partial<SimulatedOrder> = {}): SimulatedOrder => ({
  side: 'buy',
  type: 'limit_ioc',
  quantity: d(1),
  price: d('100.5'),
  decisionPrice: d(100),
  ...changes,
});
const RICH = new Map([
  ['USDT', d(1_000_000)],
  ['BTC', d(1_000)],
]);
const ASKS: Rows = [
  ['100', '1'],
  ['100.2', '2'],
  ['100.5', '5'],
];
const BIDS: Rows = [
  ['99.9', '1.5'],
  ['99', '8'],
];
const filled = (result: SimulatedResult) =>
  result.fills.map(({ price, quantity }) => `${quantity.toString()}@${price.toString()}`);

t.test('reasons to reject are tried in the order of the reference', async (t) => {
  const poor = new Map([['USDT', d(1)]]);
  const simulator = new FillSimulator(market);
  const reject = (changes: Partial<SimulatedOrder>, arrivalMs = 0) =>
    simulator.execute(order(changes), poor, arrivalMs).reject;
  t.equal(reject({ quantity: d('0.0099') }), 'LOT_SIZE', 'before everything else');
  t.equal(reject({}), 'NO_BOOK');
  simulator.onBook(book(0, [], BIDS));
  t.equal(reject({ quantity: d('50.001') }), 'LOT_SIZE');
  t.equal(reject({ type: 'market', price: null }, 1_001), 'STALE_BOOK');
  t.equal(reject({ type: 'market', price: null }, 1_000), 'NO_LIQUIDITY');
  t.equal(reject({ quantity: d('0.049') }), 'MIN_NOTIONAL');
  t.equal(reject({}), 'INSUFFICIENT_BALANCE');
  t.equal(
    simulator.execute(order(), RICH, 0).status,
    'EXPIRED',
    'a limit order on an empty side just expires',
  );
});

t.test('an order pays level by level within its rounded limit, and the rest expires', async (t) => {
  const simulator = new FillSimulator(market);
  const result = simulator.executeOn(
    order({ quantity: d('3.5009'), price: d('100.49') }),
    book(0, ASKS, BIDS),
    RICH,
    0,
  );
  t.strictSame(filled(result), ['1@100', '2@100.2']);
  t.strictSame(
    [result.status, String(result.quantityRounded), String(result.priceRounded)],
    [...['PARTIALLY_FILLED', '3.5', '100.4']],
  );
  t.equal(result.balanceChanges.get('USDT')?.toString(), '-300.7004', 'notional and fee');
  t.equal(result.balanceChanges.get('BTC')?.toString(), '3');
  t.equal(result.slippageVsDecisionBps?.toSignificantDigits(6).toString(), '13.3333');
  const fok = order({ type: 'limit_fok', side: 'sell', quantity: d(2), price: d('99.5') });
  t.strictSame(filled(simulator.execute(fok, RICH, 0)), [], 'all or nothing');
  t.equal(
    simulator.execute({ ...fok, quantity: d('1.5') }, RICH, 0).status,
    'FILLED',
    'and nothing was consumed',
  );
});

t.test('what we took stays taken until the market shows another size or drops the level', async (t) => {
  const simulator = new FillSimulator(market);
  const take = (atMs: number, asks: Rows) =>
    filled(simulator.executeOn(order({ price: d(100) }), book(atMs, asks, BIDS), RICH, atMs));
  t.strictSame(take(0, ASKS), ['1@100']);
  t.strictSame(take(1, ASKS), [], 'the same liquidity again');
  t.strictSame(take(2, [['100.0', '1.000'], ...ASKS.slice(1)]), [], 'printed differently');
  t.strictSame(take(3, [['100', '1.4'], ...ASKS.slice(1)]), ['1@100'], 'another size is new liquidity');
  simulator.onBook(book(4, ASKS.slice(1), BIDS));
  t.strictSame(take(5, [['100', '1.4'], ...ASKS.slice(1)]), ['1@100'], 'gone and back is new liquidity');
  t.strictSame(take(6, [['100', '1.4'], ...ASKS.slice(1)]), ['0.4@100'], 'what was left');
});

t.test('a third-coin fee falls back fill by fill to what is received, undiscounted', async (t) => {
  const simulator = new FillSimulator({
    ...market,
    fee: { rate: d('0.001'), mode: 'third', discount: d('0.25') },
    third: { asset: 'BNB', price: d(600) },
  });
  const holdings = new Map([...RICH, ['BNB', d('0.00015')]]);
  const result = simulator.executeOn(order({ quantity: d(2) }), book(0, ASKS, BIDS), holdings, 0);
  t.strictSame(
    result.fills.map(({ fee, feeAsset }) => `${fee.toString()} ${feeAsset}`),
    ['0.000125 BNB', '0.001 BTC'],
  );
  t.equal(result.balanceChanges.get('BTC')?.toString(), '1.999');
  t.equal(result.balanceChanges.get('BNB')?.toString(), '-0.000125');
});

t.test('a leg that arrives after the book moved leaves the other leg as residue', async (t) => {
  const leg = (
    side: 'buy' | 'sell',
    books: SimulatedBook[],
    price: string,
    latencyMs: number,
  ): SimulatedLeg => ({
    market: { ...market, fee: { ...market.fee, mode: 'received' }, maxStaleMs: null },
    books,
    order: { side, type: 'limit_ioc', quantity: d(1), price: d(price) },
    sentMs: 0,
    latencyMs,
  });
  const cheap = [book(0, ASKS, BIDS)];
  const dear = [book(0, [], [['101', '5']]), book(50, [], [['100.1', '5']])];
  const run = (sellLatencyMs: number) =>
    simulateTwoLegs(leg('buy', cheap, '100', 10), leg('sell', dear, '101', sellLatencyMs), RICH, RICH);
  const fast = run(49);
  t.strictSame([fast.matched, fast.residualBase, fast.quoteDelta].map(String), ['1', '-0.001', '0.899']);
  const late = run(50);
  t.strictSame([late.matched, late.residualBase, late.quoteDelta].map(String), ['0', '0.999', '-100']);
  t.equal(late.sell.result.status, 'EXPIRED');
});

const level = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3_000 }));
const arbitraryBook = fc
  .tuple(fc.array(level, { maxLength: 5 }), fc.array(level, { maxLength: 5 }))
  .map(([asks, bids]): Omit<SimulatedBook, 'timeMs'> => {
    const ladder = (steps: [number, number][], direction: 1 | -1) => {
      let price = 1_000;
      return steps.map(([step, size]) => {
        price += direction * step;
        return [d(price).div(10), d(size).div(1_000)] as const;
      });
    };
    return { asks: ladder(asks, 1), bids: ladder(bids, -1) };
  });
const arbitraryOrder = fc.record({
  side: fc.constantFrom('buy' as const, 'sell' as const),
  type: fc.constantFrom('market' as const, 'limit_ioc' as const, 'limit_fok' as const),
  quantity: fc.integer({ min: 1, max: 60_000 }).map((n) => d(n).div(10_000)),
  limit: fc.integer({ min: 9_800, max: 10_200 }).map((n) => d(n).div(100)),
});
const arbitraryEvent = fc.oneof(
  fc.record({ book: arbitraryBook }),
  fc.record({ order: arbitraryOrder }),
  fc.record({ order: arbitraryOrder }),
);

t.test(
  'property: fills stay inside limit, holdings and displayed liquidity, and money is conserved',
  async (t) => {
    let fills = 0;
    const fees = fc.constantFrom('quote' as const, 'received' as const, 'third' as const);
    fc.assert(
      fc.property(fc.array(arbitraryEvent, { maxLength: 25 }), fees, (events, mode) => {
        const third = { asset: 'BNB', price: d(600) };
        const simulator = new FillSimulator({
          ...market,
          fee: { rate: d('0.001'), mode, discount: d('0.25') },
          third: mode === 'third' ? third : null,
        });
        const holdings = new Map([
          ['USDT', d(900)],
          ['BTC', d(4)],
          ['BNB', d('0.0004')],
        ]);
        let current: SimulatedBook | null = null;
        let takenNow = new Map<string, Decimal>();
        for (const event of events) {
          if ('book' in event) {
            current = { timeMs: 0, ...event.book };
            takenNow = new Map();
            simulator.onBook(current);
            continue;
          }
          const { limit, ...rest } = event.order;
          const price = rest.type === 'market' ? null : limit;
          const result = simulator.execute({ ...rest, price, decisionPrice: null }, holdings, 0);
          fills += result.fills.length;
          if (result.status === 'REJECTED' && result.fills.length > 0) return false;
          if (result.filledQuantity.greaterThan(rest.quantity)) return false;
          const complete = result.filledQuantity.equals(result.quantityRounded);
          if (rest.type === 'limit_fok' && result.fills.length > 0 && !complete) return false;
          if ((result.status === 'FILLED') !== (complete && result.reject === null)) return false;
          let [base, quote] = [d(0), d(0)];
          for (const fill of result.fills) {
            const sign = rest.side === 'buy' ? 1 : -1;
            if (price !== null && fill.price.minus(price).times(sign).greaterThan(0)) return false;
            if (!fill.quantity.mod('0.001').isZero() || !fill.quantity.greaterThan(0)) return false;
            const key = `${rest.side}${fill.price.toString()}`;
            const all = (takenNow.get(key) ?? d(0)).plus(fill.quantity);
            takenNow.set(key, all);
            const shown = (rest.side === 'buy' ? current?.asks : current?.bids)?.find(([p]) =>
              p.equals(fill.price),
            );
            if (shown === undefined || all.greaterThan(shown[1])) return false;
            base = base.plus(fill.quantity.times(sign)).minus(fill.feeAsset === 'BTC' ? fill.fee : 0);
            quote = quote
              .minus(fill.quantity.times(fill.price).times(sign))
              .minus(fill.feeAsset === 'USDT' ? fill.fee : 0);
          }
          if (!(result.balanceChanges.get('BTC') ?? d(0)).equals(base)) return false;
          if (!(result.balanceChanges.get('USDT') ?? d(0)).equals(quote)) return false;
          for (const [asset, change] of result.balanceChanges) {
            holdings.set(asset, (holdings.get(asset) ?? d(0)).plus(change));
            if (holdings.get(asset)!.isNegative()) return false;
          }
        }
        return true;
      }),
      { numRuns: 400 },
    );
    t.ok(fills > 20, `${fills} fills were judged`);
  },
);
