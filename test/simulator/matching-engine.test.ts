import fc from 'fast-check';
import t from 'tap';
import type { Side } from '../../src/messages/primitives.js';
import {
  MatchingEngine,
  type EngineTrade,
  type NewOrder,
  type OrderType,
} from '../../src/simulator/matching-engine.js';
import { paddedText, plainText, stepUnit } from '../../src/simulator/exact-units.js';

interface ModelOrder {
  id: number;
  side: Side;
  ticks: number;
  lots: number;
}

/** The rules of price-time priority as plainly as they can be said: one list, searched from the start. */
class Model {
  readonly resting: ModelOrder[] = [];
  readonly trades: { maker: number; taker: number; ticks: number; lots: number }[] = [];
  private lastId = 0;

  submit(order: NewOrder): void {
    const id = ++this.lastId;
    const crosses = (maker: ModelOrder) =>
      maker.side !== order.side &&
      (order.type === 'market' ||
        (order.side === 'buy' ? maker.ticks <= order.priceTicks : maker.ticks >= order.priceTicks));
    if (order.type === 'post_only' && this.resting.some(crosses)) return;
    let open = order.lots;
    while (open > 0) {
      const candidates = this.resting.filter(crosses);
      // Best price first, then the lower id, which is the earlier order.
      candidates.sort(
        (a, b) => (order.side === 'buy' ? a.ticks - b.ticks : b.ticks - a.ticks) || a.id - b.id,
      );
      const maker = candidates[0];
      if (maker === undefined) break;
      const lots = Math.min(open, maker.lots);
      maker.lots -= lots;
      open -= lots;
      this.trades.push({ maker: maker.id, taker: id, ticks: maker.ticks, lots });
      if (maker.lots === 0) this.resting.splice(this.resting.indexOf(maker), 1);
    }
    const rests = order.type === 'limit' || order.type === 'post_only';
    if (open > 0 && rests) this.resting.push({ id, side: order.side, ticks: order.priceTicks, lots: open });
  }

  cancel(id: number): boolean {
    const at = this.resting.findIndex((order) => order.id === id);
    if (at >= 0) this.resting.splice(at, 1);
    return at >= 0;
  }
}

type Step = { readonly submit: NewOrder } | { readonly cancel: number };

const anyOrder = fc.record({
  account: fc.constantFrom('a', 'b'),
  side: fc.constantFrom<Side>('buy', 'sell'),
  type: fc.constantFrom<OrderType>('limit', 'limit', 'limit', 'post_only', 'ioc', 'market'),
  priceTicks: fc.integer({ min: 95, max: 105 }),
  lots: fc.integer({ min: 1, max: 20 }),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: anyOrder.map((submit) => ({ submit })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }).map((cancel) => ({ cancel })) },
);

t.test('matching is price-time priority, conserves quantity and never rests crossed', (t) => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 60 }), (steps) => {
      const trades: EngineTrade[] = [];
      const levels = new Map<string, number>();
      let updates = 0;
      const engine = new MatchingEngine({
        onTrade: (trade) => trades.push(trade),
        onLevel: (side, ticks, lots, _orders, updateId) => {
          // Every change is numbered without a hole.
          if (updateId !== ++updates) throw new Error(`update ${updateId} after ${updates - 1}`);
          if (lots === 0) levels.delete(`${side}${ticks}`);
          else levels.set(`${side}${ticks}`, lots);
        },
      });
      const model = new Model();
      for (const [i, step] of steps.entries()) {
        if ('cancel' in step) {
          if (engine.cancel(step.cancel, i) !== model.cancel(step.cancel)) return false;
          continue;
        }
        const placed = engine.submit(step.submit, i);
        model.submit(step.submit);
        if (placed.filledLots + placed.restingLots > step.submit.lots) return false;
        const sum = placed.trades.reduce((total, trade) => total + trade.lots, 0);
        if (sum !== placed.filledLots) return false;
        const bid = engine.level('buy', 0)?.priceTicks ?? 0;
        const ask = engine.level('sell', 0)?.priceTicks ?? Number.POSITIVE_INFINITY;
        if (bid >= ask) return false;
      }
      const seen = trades.map((x) => [x.makerOrderId, x.takerOrderId, x.priceTicks, x.lots].join());
      const wanted = model.trades.map((x) => [x.maker, x.taker, x.ticks, x.lots].join());
      const expected = new Map<string, number>();
      for (const order of model.resting) {
        const key = `${order.side}${order.ticks}`;
        expected.set(key, (expected.get(key) ?? 0) + order.lots);
      }
      const same = [...expected].every(([key, lots]) => levels.get(key) === lots);
      return (
        seen.join(' ') === wanted.join(' ') &&
        expected.size === levels.size &&
        same &&
        engine.openOrders === model.resting.length &&
        trades.every((trade, at) => trade.id === at + 1)
      );
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test('orders of one price fill in the order of arrival, also after one was cancelled', (t) => {
  const best: (number | undefined)[] = [];
  const engine = new MatchingEngine({ onBest: (bid, ask) => best.push(bid?.lots ?? ask?.lots) });
  const buy = (lots: number) =>
    engine.submit({ account: 'm', side: 'buy', type: 'limit', priceTicks: 100, lots }, 1).orderId;
  const [first, second, third] = [buy(5), buy(7), buy(9)];
  t.ok(engine.cancel(second, 2));
  const taken = engine.submit({ account: 't', side: 'sell', type: 'ioc', priceTicks: 100, lots: 6 }, 3);
  t.same(
    taken.trades.map((trade) => [trade.makerOrderId, trade.lots, trade.takerSide]),
    [
      [first, 5, 'sell'],
      [third, 1, 'sell'],
    ],
  );
  t.equal(taken.status, 'filled');
  t.equal(engine.order(third)?.lots, 8);
  t.same(best, [5, 12, 21, 14, 8], 'each change of the best level is told once');
  const late = engine.submit({ account: 't', side: 'sell', type: 'market', priceTicks: 0, lots: 20 }, 4);
  t.equal(late.status, 'expired');
  t.equal(late.filledLots, 8);
  t.notOk(engine.cancel(third, 5), 'a filled order cannot be cancelled');
  t.throws(() => engine.submit({ account: 't', side: 'sell', type: 'ioc', priceTicks: 1, lots: 0 }, 6), {
    code: 'ARB_INVARIANT',
  });
  t.end();
});

t.test('ticks and lots become exact decimal text', (t) => {
  const cent = stepUnit('0.01');
  const satoshi = stepUnit('0.00000001');
  t.equal(paddedText(cent, 680_012, 8), '6800.12000000');
  t.equal(paddedText(stepUnit('1'), 42, 8), '42.00000000');
  t.equal(plainText(cent, 5), '0.05');
  t.equal(plainText(cent, 8_380_200), '83802');
  t.equal(plainText(stepUnit('0.5'), 7), '3.5');
  t.equal(plainText(satoshi, 0), '0');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (count) => {
      const digits = plainText(satoshi, count);
      const [whole = '', fraction = ''] = digits.split('.');
      return BigInt(whole + fraction.padEnd(8, '0')) === BigInt(count) && !/\.(.*0)?$/.test(digits);
    }),
  );
  for (const bad of ['0', '-1', '1e-3', 'x', '', '0.0']) {
    t.throws(() => stepUnit(bad), { code: 'ARB_DECIMAL_INVALID' }, bad);
  }
  t.end();
});

t.test('a resting order that is made smaller keeps its place in time', (t) => {
  const levels: [number, number][] = [];
  const engine = new MatchingEngine({ onLevel: (_side, ticks, lots) => levels.push([ticks, lots]) });
  const rest = (account: string) =>
    engine.submit({ account, side: 'sell', type: 'limit', priceTicks: 100, lots: 10 }, 1).orderId;
  const first = rest('first');
  rest('second');
  t.ok(engine.reduce(first, 4, 2));
  t.same(levels.at(-1), [100, 16]);
  t.notOk(engine.reduce(first, 6, 2), 'not to nothing');
  t.notOk(engine.reduce(first, 0, 2));
  t.notOk(engine.reduce(99, 1, 2));
  const taker = { account: 'taker', side: 'buy', type: 'ioc', priceTicks: 100, lots: 8 } as const;
  const { trades } = engine.submit(taker, 3);
  t.same(
    trades.map(({ makerAccount, lots }) => [makerAccount, lots]),
    [
      ['first', 6],
      ['second', 2],
    ],
  );
  t.end();
});
