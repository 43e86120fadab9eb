import fc from 'fast-check';
import t from 'tap';
import { Decimal } from '../../src/market/decimal.js';
import { accountRefusal, phaseOf, statusOf } from '../../src/execution/gateway/gateway-phase.js';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import type { TradeWord } from '../../src/execution/gateway/words.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import { SeededRandom } from '../runtime/harness.js';
import { GatewayBench, legOf, START_MS } from './gateway-bench.js';
import { ModelExchange } from './model-exchange.js';

const ready = (): GatewayBench => new GatewayBench().run(1_000);
const refusalOf = (bench: GatewayBench, leg = legOf()) => accountRefusal(bench.state, leg, bench.nowMs);
const phase = (bench: GatewayBench) => phaseOf(bench.state, bench.nowMs);

/** The order left, and no answer came. */
function lose(bench: GatewayBench, leg: SubmitLeg, afterMs = 500): void {
  bench.later(afterMs, () =>
    bench.tell({
      kind: 'placed',
      clientOrderId: leg.clientOrderId,
      word: { kind: 'unknown', reason: 'timeout' },
    }),
  );
}

t.test('nothing new leaves before orders and balances agree with journal and ledger', async (t) => {
  const bench = new GatewayBench();
  t.equal(phase(bench), 'reconciling');
  t.equal(refusalOf(bench), 'NOT_RECONCILED');
  t.equal(refusalOf(bench, legOf({ attempt: 1 })), null, 'what ends a risk may');
  t.match(bench.of('hold').at(-1), { asset: null, held: true });
  bench.run(1_000);
  t.equal(phase(bench), 'ready');
  t.equal(refusalOf(bench), null);
  t.match(bench.of('hold').at(-1), { asset: null, held: false });
  t.equal(refusalOf(bench, legOf({ instrument: 'beta:BTC-USDT' })), 'EXCHANGE_WRONG');
  const leg = legOf();
  bench.trade(leg);
  t.equal(refusalOf(bench, leg), 'ORDER_ID_USED');
  bench.run(500);
  t.match(bench.lastOf(leg), { status: 'filled', filledQuantity: '0.5', averagePrice: '1000' });
  t.match(bench.of('answer'), [{ to: 'submit', result: { status: 'filled' } }, { to: 'query' }]);
  t.same(bench.wrong(), []);
});

t.test('a stream that was away denies new risk until everything is compared again', async (t) => {
  const bench = ready();
  const questions = bench.of('readBalances').length;
  bench.tell({ kind: 'stream', isUp: false, reason: 'half-open' });
  t.match(statusOf(bench.state, bench.nowMs), { phase: 'reconciling', reasons: [/half-open/] });
  bench.run(500);
  t.equal(phase(bench), 'reconciling');
  bench.tell({ kind: 'stream', isUp: true, reason: '' });
  t.equal(refusalOf(bench), 'NOT_RECONCILED', 'what was read before does not count');
  bench.run(200);
  t.equal(phase(bench), 'ready');
  t.ok(bench.of('readBalances').length > questions);
});

t.test('an unknown outcome is settled by asking, whatever became of it', async (t) => {
  for (const share of [0, 0.4, 1]) {
    const bench = ready();
    const leg = legOf();
    bench.send(leg);
    bench.exchange.place(leg, bench.nowMs, { share, pieces: 2 });
    lose(bench, leg);
    bench.run(600);
    t.match(bench.of('answer')[0], { to: 'submit', result: { status: 'unknown', reason: 'timeout' } });
    bench.run(2_000);
    const status = share === 0 ? 'expired' : share === 1 ? 'filled' : 'partially_filled';
    t.match(bench.lastOf(leg), { status, filledQuantity: new Decimal('0.5').times(share).toString() });
    t.same(bench.wrong(), []);
    t.equal(bench.exchange.duplicates, 0);
  }
});

t.test('an answer that hangs is not waited for: the order is asked about after a second', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg);
  bench.exchange.place(leg, bench.nowMs, { share: 0.4 });
  lose(bench, leg, 5_000);
  bench.run(900);
  t.same(bench.of('lookUp'), [], 'its own answer comes first');
  bench.run(300);
  t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.2' });
  bench.run(10_000);
  t.equal(bench.told.length, 1, 'and the lack of an answer changes nothing any more');

  const risen = ready();
  const late = legOf();
  risen.send(late);
  risen.run(5_000);
  t.equal(risen.lastOf(late)?.reason, ORDER_NOT_FOUND);
  const order = risen.exchange.place(late, risen.nowMs);
  const word = { kind: 'accepted', exchangeOrderId: order.exchangeOrderId, order: null } as const;
  risen.tell({ kind: 'placed', clientOrderId: late.clientOrderId, word });
  risen.run(5_000);
  t.match(risen.lastOf(late), { status: 'filled' });
  t.same(risen.alerts(), ['PLACED_AFTER_NOT_FOUND']);
  t.same(risen.wrong(), []);
});

t.test(
  'never placed takes two answers apart, after the expiry, and a balance that did not move',
  async (t) => {
    const bench = ready();
    const leg = legOf();
    bench.send(leg, 1_250);
    lose(bench, leg, 10);
    const isAbsent = () => bench.state.orders.get(leg.clientOrderId)?.phase === 'absent';
    bench.run(1_240);
    t.ok(bench.of('lookUp').length >= 1, 'it is asked about');
    t.equal(
      bench.state.orders.get(leg.clientOrderId)?.inquiry.notFound,
      0,
      'before the expiry nothing counts',
    );
    bench.run(1_000);
    t.notOk(isAbsent(), 'one answer is not enough');
    bench.run(2_000);
    t.ok(isAbsent());
    t.match(bench.lastOf(leg), { status: 'unknown', reason: ORDER_NOT_FOUND });
    t.equal(phase(bench), 'ready');

    const silent = ready();
    const lost = legOf();
    silent.send(lost);
    lose(silent, lost);
    silent.isDead = true;
    silent.run(30_000);
    t.equal(silent.state.orders.get(lost.clientOrderId)?.phase, 'unknown', 'silence is no evidence (R5)');
    silent.isDead = false;
    silent.behaviour = { questionMs: ({ kind }) => (kind === 'lookUp' ? null : 40) };
    silent.run(30_000);
    t.equal(silent.state.orders.get(lost.clientOrderId)?.phase, 'unknown', 'whatever the balance says');
    silent.behaviour = {};
    silent.run(15_000);
    t.equal(
      silent.state.orders.get(lost.clientOrderId)?.phase,
      'absent',
      'settled within 15 s of its return',
    );
  },
);

t.test('an exchange that does not find what has moved the balance is not believed', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg);
  const order = bench.exchange.place(leg, bench.nowMs, { share: 0.5 });
  bench.bend = (event) => (event.kind === 'looked' ? { ...event, word: { kind: 'notFound' } } : event);
  lose(bench, leg);
  bench.run(6_000);
  t.match(
    bench.lastOf(leg)?.fills,
    [{ tradeId: order.trades[0]?.tradeId }],
    'its fills are found by the market',
  );
  t.notSame(bench.state.orders.get(leg.clientOrderId)?.phase, 'absent');
  bench.bend = (event) => event;
  bench.run(6_000);
  t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.25' });
  t.same(bench.wrong(), []);
});

t.test('10,000 unknown outcomes: nothing sent twice, every end the true one, the books agree', async (t) => {
  const random = new SeededRandom(7);
  let placed = 0;
  let settled = 0;
  const total = 10_000;
  for (let batch = 0; batch < total / 100; batch++) {
    const bench = ready();
    const legs: SubmitLeg[] = [];
    for (let n = 0; n < 100; n++) {
      const side = random.next() < 0.5 ? ('buy' as const) : ('sell' as const);
      const leg = legOf({
        side,
        quantity: '0.01',
        instrument: random.next() < 0.5 ? 'alpha:BTC-USDT' : 'alpha:ETH-USDT',
      });
      const isPlaced = random.next() < 0.5;
      const share = [0, 0.5, 1][Math.floor(random.next() * 3)]!;
      const delayMs = random.next() * 900;
      legs.push(leg);
      bench.later(n * 20, () => {
        bench.send(leg);
        lose(bench, leg, 100 + random.next() * 1_000);
        if (!isPlaced) return;
        placed++;
        bench.later(delayMs, () => bench.exchange.place(leg, bench.nowMs, { share, pieces: 1 + (n % 3) }));
      });
    }
    bench.run(60_000);
    for (const leg of legs) {
      const truth = bench.exchange.orders.get(leg.clientOrderId);
      const told = bench.lastOf(leg);
      const isRight =
        truth === undefined
          ? told?.reason === ORDER_NOT_FOUND
          : told?.status !== 'unknown' && truth.filled.eq(told?.filledQuantity ?? -1);
      if (isRight) settled++;
      else t.fail(`${leg.clientOrderId}: ${JSON.stringify(told)} against ${truth?.filled.toString()}`);
    }
    if (bench.exchange.duplicates > 0 || bench.wrong().length > 0 || phase(bench) !== 'ready')
      t.fail(
        `batch ${batch}: ${bench.exchange.duplicates} twice, wrong ${bench.wrong().join()}, ${phase(bench)}`,
      );
  }
  t.equal(settled, total);
  t.comment(`${placed} of ${total} were truly placed; all were settled without a person`);
});

t.test(
  'however many are unknown and however slow the answers, each is asked about in its turn',
  async (t) => {
    const bench = ready();
    // Sixteen at a time and two seconds each: a backlog that takes far longer than the longest pause between two questions.
    bench.behaviour = { questionMs: ({ kind }) => (kind === 'lookUp' ? 2_000 : 40) };
    const legs = Array.from({ length: 400 }, () => legOf({ quantity: '0.01' }));
    for (const [n, leg] of legs.entries())
      bench.later(n * 10, () => {
        bench.send(leg);
        if (n % 2 === 0) bench.exchange.place(leg, bench.nowMs, { share: (n % 4) / 4 });
        lose(bench, leg, 100);
      });
    bench.run(5_000);
    bench.tell({ kind: 'stream', isUp: true, reason: 'as after a break' });
    const askedOf = () => new Set(bench.of('lookUp').map(({ order }) => order.clientOrderId));
    bench.run(55_000);
    t.equal(askedOf().size, legs.length, 'nobody waits behind others who are asked about again');
    bench.run(120_000);
    for (const [n, leg] of legs.entries()) {
      const told = bench.lastOf(leg);
      const isRight =
        n % 2 === 0 ? told !== undefined && told.status !== 'unknown' : told?.reason === ORDER_NOT_FOUND;
      if (!isRight) t.fail(`${n}: ${JSON.stringify(told)}`);
    }
    t.equal(phase(bench), 'ready', 'and the account is compared in the end');
    t.same(bench.wrong(), []);
  },
);

t.test('no question is asked in vain shortly before its answer can be evidence', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg, 1_250);
  lose(bench, leg, 10);
  bench.run(3_000);
  const sentAtMs = bench.state.orders.get(leg.clientOrderId)!.sentAtMs;
  t.equal(bench.state.orders.get(leg.clientOrderId)?.phase, 'absent');
  t.ok(bench.nowMs - sentAtMs <= 3_000, 'known to be absent within 3 s where requests live 1.25 s');
  t.ok(bench.of('lookUp').length <= 4, `${bench.of('lookUp').length} questions`);
});

t.test('an order that only a question names is looked for from when it was submitted', async (t) => {
  const bench = ready();
  const { clientOrderId, arbitrageId, legIndex, instrument, exchange } = legOf();
  const named = { clientOrderId, arbitrageId, legIndex, instrument, exchange };
  const submittedAtMs = bench.nowMs - 70_000;
  bench.tell({ kind: 'query', query: { ...named, submittedAtMs, askedAtMs: bench.nowMs } });
  t.match(bench.of('lookUp')[0]?.order, {
    placedAtMs: submittedAtMs - 5_000,
    placedUntilMs: bench.nowMs + 6_250,
  });
  const older = ready();
  older.tell({ kind: 'query', query: { ...named, askedAtMs: older.nowMs } });
  const { placedAtMs } = older.of('lookUp')[0]!.order;
  t.equal(
    placedAtMs,
    older.nowMs - 86_405_000,
    'a day back where nobody knows when: never without a beginning',
  );
  bench.run(10_000);
  t.equal(bench.state.orders.get(clientOrderId)?.phase, 'absent');
  t.equal(phase(bench), 'ready');
});

t.test('answers that settle nothing leave an order to a person; silence never does', async (t) => {
  for (const kind of ['unclear', 'silent'] as const) {
    const bench = ready();
    const leg = legOf({ instrument: 'alpha:ETH-USDT' });
    bench.send(leg);
    lose(bench, leg);
    bench.bend = (event) =>
      event.kind === 'looked' ? { ...event, word: { kind, reason: 'a list without an end' } } : event;
    bench.run(200_000);
    const wasLeft = bench.of('hold').some(({ asset, reason }) => asset === 'ETH' && /person/.test(reason));
    t.equal(wasLeft, kind === 'unclear');
    t.equal(bench.state.orders.get(leg.clientOrderId)?.phase, 'unknown', 'nothing is concluded');
  }
});

t.test('an order that is placed long after it was sent is found while nothing fences it', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg, 60_000);
  lose(bench, leg);
  bench.later(10_000, () => bench.exchange.place(leg, bench.nowMs));
  bench.run(20_000);
  t.match(bench.lastOf(leg), { status: 'filled' });
  t.same(bench.wrong(), []);
});

const permuted = fc.record({
  share: fc.constantFrom(0, 0.5, 1),
  pieces: fc.integer({ min: 1, max: 4 }),
  answerMs: fc.integer({ min: 0, max: 400 }),
  isLost: fc.boolean(),
  withReport: fc.boolean(),
  pushes: fc.array(
    fc.record({
      delayMs: fc.integer({ min: 0, max: 3_000 }),
      what: fc.constantFrom('trade', 'order'),
      n: fc.nat(3),
    }),
    { maxLength: 12 },
  ),
});

t.test('pushes may come early, late, twice, in any order or not at all', async (t) => {
  await fc.assert(
    fc.asyncProperty(permuted, async ({ share, pieces, answerMs, isLost, withReport, pushes }) => {
      const bench = ready();
      const leg = legOf();
      const { clientOrderId } = leg;
      bench.send(leg);
      const order = bench.exchange.place(leg, bench.nowMs, { share, pieces });
      if (isLost) lose(bench, leg, answerMs);
      else
        bench.later(answerMs, () => {
          const word = withReport ? bench.exchange.wordOf(order) : null;
          const { exchangeOrderId } = order;
          bench.tell({
            kind: 'placed',
            clientOrderId,
            word: { kind: 'accepted', exchangeOrderId, order: word },
          });
        });
      for (const { delayMs, what, n } of pushes)
        bench.later(delayMs, () => {
          const trade = order.trades[n % Math.max(1, order.trades.length)];
          if (what === 'order') bench.tell({ kind: 'order', word: bench.exchange.wordOf(order, n > 1) });
          else if (trade !== undefined)
            bench.tell({ kind: 'trade', word: { ...trade, clientOrderId: n > 1 ? null : clientOrderId } });
        });
      bench.run(20_000);
      const told = bench.lastOf(leg);
      return (
        told !== undefined &&
        told.status !== 'unknown' &&
        order.filled.eq(told.filledQuantity) &&
        bench.booked.size === order.trades.length &&
        bench.wrong().length === 0 &&
        phase(bench) === 'ready' &&
        bench.alerts().length === 0
      );
    }),
    {
      numRuns: 300,
      // One trade told twice, first by the exchange's own order id, which nobody knew yet.
      examples: [
        [
          {
            ...{ share: 1, pieces: 1, answerMs: 0, isLost: true, withReport: false },
            pushes: [
              { delayMs: 0, what: 'trade', n: 2 },
              { delayMs: 0, what: 'trade', n: 0 },
            ],
          },
        ],
      ],
    },
  );
  t.pass('each fill was applied once, and the end was the true one');
});

t.test('the same events give the same effects', async (t) => {
  const run = () => {
    const bench = ready();
    for (let n = 0; n < 20; n++) bench.trade(legOf({ arbitrageId: `same-${n}`, quantity: '0.01' }), n % 2);
    return JSON.stringify(bench.run(5_000).effects);
  };
  t.equal(run(), run());
});

t.test('a fill after an end is applied, told and alerted, once', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.trade(leg, 0.2);
  bench.run(1_000);
  const order = bench.exchange.orders.get(leg.clientOrderId)!;
  const late = bench.exchange.fill(order, '0.1', '1000', bench.nowMs);
  for (let n = 0; n < 3; n++) bench.tell({ kind: 'trade', word: late });
  bench.run(2_000);
  t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.2' });
  t.same(bench.alerts(), ['FILL_AFTER_END']);
  t.same(bench.wrong(), []);

  const absent = ready();
  const gone = legOf();
  absent.send(gone);
  lose(absent, gone);
  absent.run(5_000);
  t.equal(absent.lastOf(gone)?.reason, ORDER_NOT_FOUND);
  const risen = absent.exchange.place(gone, absent.nowMs, { share: 0.4 });
  absent.tell({ kind: 'trade', word: risen.trades[0]! });
  absent.run(5_000);
  t.match(absent.lastOf(gone), { status: 'partially_filled', filledQuantity: '0.2' });
  t.match(absent.alerts(), ['PLACED_AFTER_NOT_FOUND']);
  t.same(absent.wrong(), []);
});

t.test(
  'an IOC that is open a second after its acknowledgement is cancelled and rests the exchange',
  async (t) => {
    const bench = ready();
    const leg = legOf();
    bench.send(leg);
    const order = bench.exchange.place(leg, bench.nowMs, { share: 0.2, leaveOpen: true });
    const word = { kind: 'accepted', exchangeOrderId: order.exchangeOrderId, order: null } as const;
    bench.tell({ kind: 'placed', clientOrderId: leg.clientOrderId, word });
    bench.run(900);
    t.same(bench.of('cancel'), [], 'not before');
    bench.run(600);
    t.equal(bench.of('cancel').length, 1);
    t.match(bench.of('answer').find(({ to }) => to === 'submit')?.result, {
      status: 'unknown',
      reason: 'ORDER_OPEN',
    });
    bench.run(1_000);
    t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.1' });
    t.equal(phase(bench), 'paused');
    t.equal(refusalOf(bench), 'EXCHANGE_PAUSED');
    t.equal(refusalOf(bench, legOf({ attempt: 1 })), null);
    bench.run(31_000);
    t.equal(phase(bench), 'ready', 'after the rest it is compared and trusted again');
  },
);

t.test('an exchange that contradicts itself rests, and its fills are booked all the same', async (t) => {
  const cases: readonly [string, (bench: GatewayBench, leg: SubmitLeg) => void][] = [
    [
      'OVERFILL',
      (bench, leg) => {
        const order = bench.exchange.place(leg, bench.nowMs);
        bench.exchange.fill(order, '0.1', '1000', bench.nowMs);
        const { exchangeOrderId } = order;
        bench.tell({
          kind: 'placed',
          clientOrderId: leg.clientOrderId,
          word: { kind: 'accepted', exchangeOrderId, order: bench.exchange.wordOf(order) },
        });
      },
    ],
    [
      'WORSE_THAN_LIMIT',
      (bench, leg) => {
        const order = bench.exchange.place(leg, bench.nowMs, { share: 0 });
        bench.exchange.fill(order, '0.5', '1000.01', bench.nowMs);
        bench.tell({ kind: 'order', word: bench.exchange.wordOf(order) });
      },
    ],
    [
      'REFUSED_BUT_THERE',
      (bench, leg) => {
        const order = bench.exchange.place(leg, bench.nowMs);
        bench.tell({ kind: 'trade', word: order.trades[0]! });
        bench.tell({
          kind: 'placed',
          clientOrderId: leg.clientOrderId,
          word: { kind: 'refused', code: '-1', reason: 'no', fault: 'order' },
        });
      },
    ],
  ];
  for (const [code, act] of cases) {
    const bench = ready();
    const leg = legOf();
    bench.send(leg);
    act(bench, leg);
    bench.run(3_000);
    t.ok(bench.alerts().includes(code), code);
    t.equal(phase(bench), 'paused', code);
    t.same(bench.wrong(), [], code);
  }
  const bench = ready();
  const leg = legOf();
  bench.send(leg);
  const foreign: TradeWord = {
    ...bench.exchange.place(leg, bench.nowMs, { share: 0.1 }).trades[0]!,
    side: 'sell',
  };
  bench.tell({ kind: 'trade', word: foreign });
  t.ok(bench.alerts().includes('FOREIGN_SIDE'), 'a trade on the other side is not ours');
  t.same([...bench.booked], []);
});

t.test('an acknowledged order that nobody knows any more is flagged, and its end is proven', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg);
  const word = { kind: 'accepted', exchangeOrderId: 'x-lie', order: null } as const;
  bench.tell({ kind: 'placed', clientOrderId: leg.clientOrderId, word });
  bench.run(5_000);
  t.match(bench.lastOf(leg), { status: 'unknown', reason: ORDER_NOT_FOUND });
  t.same(bench.alerts(), ['ACKNOWLEDGED_BUT_MISSING']);
});

t.test('deposits and withdrawals explain a difference to the last digit, or nothing does', async (t) => {
  const bench = ready();
  bench.exchange.transfer('USDT', '-250.5', bench.nowMs);
  bench.exchange.transfer('USDT', '1000', bench.nowMs);
  bench.exchange.transfer('BTC', '0.25', bench.nowMs);
  bench.tell({ kind: 'moved' });
  bench.run(5_000);
  t.same(
    bench.of('externalFlow').map(({ flow }) => [flow.asset, flow.amount, flow.kind]),
    [
      ['BTC', '0.25', 'transfer'],
      ['USDT', '-250.5', 'transfer'],
      ['USDT', '1000', 'transfer'],
    ],
  );
  t.same(bench.wrong(), []);
  t.equal(phase(bench), 'ready');

  bench.exchange.transfer('ETH', '-3', bench.nowMs, true);
  bench.tell({ kind: 'moved' });
  bench.run(5_000);
  t.same(bench.alerts(), ['BALANCE_UNEXPLAINED']);
  t.match(statusOf(bench.state, bench.nowMs), {
    phase: 'ready',
    unexplained: [{ asset: 'ETH', difference: '-3' }],
  });
  t.match(bench.of('hold').at(-1), { asset: 'ETH', held: true });
  t.equal(refusalOf(bench, legOf({ instrument: 'alpha:ETH-USDT' })), 'ASSET_HELD');
  t.equal(refusalOf(bench), null, 'the others go on');

  bench.tell({ kind: 'adopt', asset: 'BTC', flowId: 'adopted-0', by: 'a person' });
  t.equal(bench.of('externalFlow').length, 3, 'there is nothing to adopt of BTC');
  bench.tell({ kind: 'adopt', asset: 'ETH', flowId: 'adopted-1', by: 'a person' });
  bench.run(3_000);
  t.match(bench.of('externalFlow').at(-1)?.flow, {
    asset: 'ETH',
    amount: '-3',
    kind: 'adopted',
    flowId: 'adopted-1',
  });
  t.match(bench.of('hold').at(-1), { asset: 'ETH', held: false });
  t.same(bench.wrong(), []);
});

t.test('orders of somebody else stop the exchange; a forgotten one of ours is cancelled', async (t) => {
  const exchange = new ModelExchange([{ asset: 'USDT', amount: '1000' }]);
  const foreign = legOf({ clientOrderId: 'by-hand' });
  exchange.place(foreign, START_MS, { share: 0, leaveOpen: true });
  const bench = new GatewayBench({ held: [{ asset: 'USDT', amount: '1000' }], exchange }).run(1_000);
  t.match(statusOf(bench.state, bench.nowMs).reasons[0], /somebody else: alpha:BTC-USDT x1/);
  t.same(bench.of('cancel'), [], 'it is not touched');
  exchange.cancel('by-hand');
  bench.run(2_000);
  t.equal(phase(bench), 'ready');

  const forgotten = legOf();
  exchange.place(forgotten, bench.nowMs, { share: 0, leaveOpen: true });
  bench.run(61_000);
  t.match(bench.of('cancel'), [{ order: { clientOrderId: forgotten.clientOrderId } }]);
  t.same(bench.alerts(), ['FORGOTTEN_ORDER']);
  t.same(exchange.openOrders(), []);
});

t.test('an account that owes is not traded', async (t) => {
  const bench = new GatewayBench();
  bench.bend = (event) =>
    event.kind === 'balances' && event.balances !== null
      ? {
          ...event,
          balances: event.balances.map((one) => ({ ...one, borrowed: one.asset === 'BTC' ? '0.1' : '0' })),
        }
      : event;
  bench.run(1_000);
  t.match(statusOf(bench.state, bench.nowMs), { phase: 'reconciling', reasons: ['the account owes BTC'] });
  t.equal(refusalOf(bench), 'NOT_RECONCILED');
});

t.test('the kill switch cancels in its own turn and asks until the exchange is empty', async (t) => {
  const bench = ready();
  const legs = [legOf(), legOf({ instrument: 'alpha:ETH-USDT' })];
  for (const leg of legs) {
    bench.send(leg);
    bench.exchange.place(leg, bench.nowMs, { share: 0, leaveOpen: true });
  }
  lose(bench, legs[0]!, 10);
  bench.run(20);
  let failing = 3;
  bench.bend = (event) => (event.kind === 'openOrders' && failing-- > 0 ? { ...event, orders: null } : event);
  const halt = { engaged: true, reason: 'a person', by: 'test', atMs: bench.nowMs };
  bench.tell({ kind: 'halt', halt });
  t.equal(bench.of('cancel').length, 2, 'in the same turn');
  t.equal(phase(bench), 'halted');
  t.equal(bench.state.emptyAtMs, null);
  lose(bench, legs[1]!, 10);
  bench.run(10_000);
  t.same(bench.exchange.openOrders(), []);
  t.ok((bench.state.emptyAtMs ?? 0) > halt.atMs, 'by the exchange’s own word, asked after the switch');
  t.match(statusOf(bench.state, bench.nowMs).counts, { unsettled: 0 });
  const reads = bench.of('readBalances').length;
  bench.tell({ kind: 'halt', halt: { ...halt, engaged: false, atMs: bench.nowMs } });
  t.equal(refusalOf(bench), 'NOT_RECONCILED', 'released: compared first');
  bench.run(2_000);
  t.ok(bench.of('readBalances').length > reads);
  t.equal(phase(bench), 'ready');
});

const haltOf = (bench: GatewayBench, policy: 'freeze' | 'flatten') => ({
  ...{ engaged: true, policy, reason: 'a person', by: 'test', atMs: bench.nowMs },
});

t.test('under flatten what ends a risk is not cancelled, and the proof begins anew after it', async (t) => {
  for (const policy of ['freeze', 'flatten'] as const) {
    const bench = ready();
    const [first, recovery] = [legOf(), legOf({ attempt: 1, side: 'sell' })];
    bench.send(first);
    bench.exchange.place(first, bench.nowMs, { share: 0.5, leaveOpen: true });
    bench.send(recovery);
    bench.later(100, () => bench.exchange.place(recovery, bench.nowMs));
    bench.tell({ kind: 'halt', halt: haltOf(bench, policy) });
    t.equal(bench.of('cancel').length, policy === 'freeze' ? 2 : 1);
    bench.run(5_000);
    t.match(bench.lastOf(recovery), { status: 'filled' });
    const { emptyAtMs, equalAtMs } = bench.state;
    t.ok(emptyAtMs !== null && equalAtMs !== null && equalAtMs >= emptyAtMs, 'empty, and then equal');
    bench.run(70_000);
    t.same(
      [bench.state.emptyAtMs, bench.state.equalAtMs],
      [emptyAtMs, equalAtMs],
      'it stays so while looked at again',
    );

    bench.trade(legOf({ attempt: 1, quantity: '0.1' }));
    t.same([bench.state.emptyAtMs, bench.state.equalAtMs], [null, null], 'something was sent');
    bench.run(5_000);
    t.ok((bench.state.emptyAtMs ?? 0) > (equalAtMs ?? Infinity));
    t.not(bench.state.equalAtMs, null);
    const stray = bench.exchange.place(legOf(), bench.nowMs, { share: 0, leaveOpen: true });
    bench.run(70_000);
    t.same(bench.exchange.openOrders(), [], `${stray.clientOrderId} turned up and was cancelled`);
    t.ok((bench.state.emptyAtMs ?? 0) > bench.nowMs - 70_000);
    t.same(bench.wrong(), []);
    t.notOk(bench.alerts().includes('HALT_NOT_PROVEN'));
  }
});

t.test('a switch that is not proven in time is told to a person, once', async (t) => {
  const dead = ready();
  dead.isDead = true;
  dead.tell({ kind: 'halt', halt: haltOf(dead, 'freeze') });
  dead.run(14_000);
  t.notOk(dead.alerts().includes('HALT_NOT_PROVEN'));
  dead.run(60_000);
  t.equal(dead.alerts().filter((code) => code === 'HALT_NOT_PROVEN').length, 1);
  t.match(dead.of('alert').at(-1), { detail: /no order of ours is open/ });

  const unequal = ready();
  unequal.exchange.transfer('BTC', '-1', unequal.nowMs, true);
  unequal.tell({ kind: 'halt', halt: haltOf(unequal, 'flatten') });
  unequal.run(20_000);
  t.not(unequal.state.emptyAtMs, null);
  t.equal(unequal.state.equalAtMs, null, 'somebody else’s movement is not ours to call equal');
  t.match(
    unequal.of('alert').find(({ code }) => code === 'HALT_NOT_PROVEN'),
    { detail: /balances/ },
  );
});

t.test(
  'a fill after an end that nobody told is found by asking for the fills of its market again',
  async (t) => {
    const bench = ready();
    const leg = legOf();
    bench.trade(leg, 0.2);
    bench.run(1_000);
    const order = bench.exchange.orders.get(leg.clientOrderId)!;
    bench.exchange.fill(order, '0.1', '1000', bench.nowMs);
    // The balance alone would have to differ twice before anybody asked why.
    bench.state.balances.dueAtMs = Infinity;
    bench.run(61_000);
    const rounds = () => bench.of('readFills').filter(({ clientOrderId }) => clientOrderId === null);
    t.match(
      rounds(),
      [{ instrument: 'alpha:BTC-USDT', exchangeOrderId: null }],
      'of the market that was traded alone',
    );
    t.ok(rounds()[0]!.sinceMs >= START_MS, 'not of an earlier life');
    t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.2' });
    t.same(bench.alerts(), ['FILL_AFTER_END']);
    t.same(bench.wrong(), []);
    bench.run(600_000);
    t.ok(rounds().length <= 3, 'a market that rests is not asked for ever');
    bench.tell({ kind: 'stream', isUp: false, reason: 'gone' });
    bench.trade(legOf({ quantity: '0.1' }));
    bench.run(100);
    const before = rounds().length;
    bench.tell({ kind: 'stream', isUp: true, reason: '' });
    t.equal(rounds().length, before + 1, 'after each return of the stream at once');
    bench.tell({ kind: 'trade', word: order.trades[1]! });
    bench.run(5_000);
    t.same(bench.wrong(), []);
  },
);

t.test('a trade that the ledger has is no news, whoever has forgotten its order', async (t) => {
  const { trades } = new ModelExchange([]).place(legOf(), START_MS);
  const tradeId = trades[0]!.tradeId;
  for (const bookedTrades of [[tradeId], []]) {
    const bench = new GatewayBench({ bookedTrades }).run(1_000);
    bench.tell({ kind: 'trade', word: { ...trades[0]!, tradeId } });
    bench.run(5_000);
    t.equal(bench.alerts().includes('TRADE_OF_NO_ORDER'), bookedTrades.length === 0);
  }
});

t.test('a switch that was engaged before is obeyed while no store says what to expect', async (t) => {
  const bench = new GatewayBench();
  bench.state.isSeeded = false;
  bench.exchange.place(legOf(), START_MS, { share: 0, leaveOpen: true });
  bench.tell({ kind: 'halt', halt: { engaged: true, reason: 'x', by: 'y', atMs: bench.nowMs } });
  bench.run(3_000);
  t.same(bench.exchange.openOrders(), [], 'its orders are found and cancelled');
  t.not(bench.state.emptyAtMs, null);
});

t.test('a restart takes up what the journal has no end of, before anything new', async (t) => {
  const placed = legOf();
  const never = legOf();
  const exchange = new ModelExchange([
    { asset: 'BTC', amount: '10' },
    { asset: 'USDT', amount: '100000' },
  ]);
  exchange.place(placed, START_MS, { share: 0.6 });
  const held = [
    { asset: 'BTC', amount: '10' },
    { asset: 'USDT', amount: '100000' },
  ];
  const bench = new GatewayBench({ held, exchange, openLegs: [placed, never] });
  bench.run(1_000);
  t.equal(phase(bench), 'reconciling');
  t.match(bench.lastOf(placed), { status: 'partially_filled', filledQuantity: '0.3' });
  bench.run(5_000);
  t.match(bench.lastOf(never), { status: 'unknown', reason: ORDER_NOT_FOUND });
  t.equal(phase(bench), 'ready');
  t.same(bench.wrong(), []);
  t.equal(exchange.duplicates, 0);
});

t.test('a fill that the ledger had before the restart is not waited for', async (t) => {
  const exchange = new ModelExchange([
    { asset: 'BTC', amount: '10' },
    { asset: 'USDT', amount: '100000' },
  ]);
  const leg = legOf();
  const { trades } = exchange.place(leg, START_MS, { share: 0.6 });
  const held = exchange.balanceWords().map(({ asset, total }) => ({ asset, amount: total }));
  const bookedTrades = trades.map(({ tradeId }) => tradeId);
  const bench = new GatewayBench({ held, exchange, openLegs: [leg], bookedTrades, sagaIsQuiet: true });
  bench.run(5_000);
  t.match(bench.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.3' });
  t.equal(phase(bench), 'ready');

  const unknown = new GatewayBench({ held, exchange, openLegs: [leg], sagaIsQuiet: true });
  unknown.run(5_000);
  t.match(statusOf(unknown.state, unknown.nowMs).reasons, [/wait for 1 fills/], 'one that it lacks is');
  unknown.tell({ kind: 'booked', tradeId: bookedTrades[0]! });
  unknown.run(1_000);
  t.equal(phase(unknown), 'ready');
});

t.test('a question about an order of an earlier life is answered by the exchange', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.exchange.place(leg, bench.nowMs, { share: 0.5 });
  const { clientOrderId, arbitrageId, legIndex, instrument, exchange } = leg;
  bench.tell({
    kind: 'query',
    query: { clientOrderId, arbitrageId, legIndex, instrument, exchange, askedAtMs: bench.nowMs },
  });
  t.same(bench.of('answer'), [], 'not from memory');
  bench.run(200);
  t.match(bench.of('answer').at(-1), {
    to: 'query',
    result: { status: 'partially_filled', filledQuantity: '0.25' },
  });
});

t.test('an order that no answer settles is left to a person, and only its assets stop', async (t) => {
  const bench = ready();
  const leg = legOf({ instrument: 'alpha:ETH-USDT' });
  bench.send(leg);
  lose(bench, leg);
  // Somebody else moves the coin, so that the balance never agrees.
  bench.exchange.transfer('ETH', '0.001', bench.nowMs, true);
  bench.run(300_000);
  t.equal(bench.state.orders.get(leg.clientOrderId)?.phase, 'unknown');
  t.equal(refusalOf(bench, legOf({ instrument: 'alpha:ETH-USDT' })), 'ASSET_HELD');
  t.match(
    bench
      .of('hold')
      .filter(({ asset }) => asset === 'ETH')
      .at(-1),
    { held: true, reason: /needs a person/ },
  );
});

t.test('fills that do not fit one message come in several, and only the last tells the end', async (t) => {
  const bench = ready();
  const leg = legOf();
  bench.send(leg);
  const order = bench.exchange.place(leg, bench.nowMs, { pieces: 450, share: 1 });
  const { exchangeOrderId } = order;
  bench.tell({
    kind: 'placed',
    clientOrderId: leg.clientOrderId,
    word: { kind: 'accepted', exchangeOrderId, order: bench.exchange.wordOf(order) },
  });
  bench.run(1_000);
  const parts: LegResult[] = bench.told.slice(0, 3);
  t.same(
    parts.map(({ status, fills }) => [status, fills.length]),
    [
      ['unknown', 200],
      ['unknown', 200],
      ['partially_filled', 50],
    ],
    'a 450th of 0.5 is not on six decimals, so that a little is left',
  );
  t.equal(bench.booked.size, 450);
});
