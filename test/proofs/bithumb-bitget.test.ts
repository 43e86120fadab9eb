import t, { type Test } from 'tap';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import { Decimal } from '../../src/market/decimal.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import { runUnknowns } from './unknowns.js';
import { NEWER_EXCHANGES, SocketWorld, type Ask, type ProofExchange } from './socket-world.js';

/**
 * Order entry of Bithumb and Bitget through the real gateways, over real sockets, against their simulated faces: whatever goes wrong
 * with an order, it is told in the end as the exchange remembers it, and the books are equal. Time runs eight times as fast.
 */

let world: SocketWorld;

t.setTimeout(600_000);
t.before(async () => {
  world = await SocketWorld.start({
    seed: 31,
    factor: 8,
    exchanges: NEWER_EXCHANGES,
    policy: { pauseMs: 500, requestExpiryMs: 3_000 },
  });
  await world.ready();
});

const ordersOf = ({ exchange, clientOrderId }: SubmitLeg) =>
  world
    .account(exchange as ProofExchange)
    .orders()
    .filter((one) => one.clientOrderId === clientOrderId);
const lastOf = ({ clientOrderId }: SubmitLeg): LegResult | undefined => world.results.get(clientOrderId);
const isSettled = (result: LegResult | undefined): boolean =>
  result !== undefined && (result.status !== 'unknown' || result.reason === ORDER_NOT_FOUND);

async function settle(leg: SubmitLeg): Promise<void> {
  const exchange = leg.exchange as ProofExchange;
  await world.until(
    () => `settled: ${JSON.stringify([lastOf(leg), world.summary(exchange)])}`,
    () => isSettled(lastOf(leg)) && world.summary(exchange)['unsettled'] === 0,
    150_000,
  );
}

/** Sent at most once, told as the exchange remembers it, and the books equal. */
async function isTrue(t: Test, leg: SubmitLeg): Promise<void> {
  const [own, ...more] = ordersOf(leg);
  t.same(more, [], `${leg.exchange}: sent once`);
  const told = lastOf(leg)?.filledQuantity ?? '-1';
  t.ok(new Decimal(own?.filledQuantity ?? '0').eq(told), `${leg.exchange}: ${told} told as it is`);
  const areEqual = async () => (await world.wrong()).length === 0;
  await world.until('the books are equal', areEqual, 60_000).catch(() => undefined);
  t.same(await world.wrong(), [], 'ledger and exchanges hold the same, fees in the coin that was taken');
}

/** Refused by the gateway itself, which compares first: it never reached the exchange. */
const TOO_EARLY = /^(?:NOT_RECONCILED|EXCHANGE_PAUSED|ASSET_HELD)$/;

/** Submits one as soon as the account takes it. */
async function send(ask: Ask): Promise<{ readonly leg: SubmitLeg; readonly answer: LegResult }> {
  for (let attempts = 0; ; attempts++) {
    await world.ready();
    const leg = world.approve(ask);
    const answer = await world.submit(leg);
    if (!TOO_EARLY.test(answer.reason ?? '') || attempts === 400) return { leg, answer };
    await world.sleep(300);
  }
}

async function under(faults: readonly TradingFault[], ask: Ask): Promise<SubmitLeg> {
  await world.ready();
  const endings = faults.map((fault) => world.account(ask.exchange).misbehave(fault));
  const { leg } = await send(ask);
  await settle(leg);
  for (const end of endings) end();
  return leg;
}

/** Faults under which an order is placed, or not, and what it comes to. */
const CASES: readonly {
  readonly what: string;
  readonly faults: readonly TradingFault[];
  readonly throughBps?: number;
  readonly wanted: { readonly status: RegExp; readonly placed: boolean };
}[] = [
  { what: 'nothing goes wrong', faults: [], wanted: { status: /^filled$/, placed: true } },
  {
    what: 'an order that meets nothing',
    faults: [],
    throughBps: -150,
    wanted: { status: /^(?:expired|cancelled)$/, placed: true },
  },
  {
    what: 'accepted, and no answer',
    faults: [{ kind: 'accept-then-timeout', count: 1 }, { kind: 'drop-pushes' }],
    wanted: { status: /^filled$/, placed: true },
  },
  {
    what: 'lost on its way',
    faults: [{ kind: 'lose-request', count: 1 }],
    wanted: { status: /^unknown$/, placed: false },
  },
  {
    what: 'a server error, placed',
    faults: [{ kind: 'error-5xx-placed', count: 1 }, { kind: 'drop-pushes' }],
    wanted: { status: /^filled$/, placed: true },
  },
  {
    what: 'a server error, not placed',
    faults: [{ kind: 'error-5xx-not-placed', count: 1 }],
    wanted: { status: /^unknown$/, placed: false },
  },
  {
    what: 'the stream is faster than the answer',
    faults: [{ kind: 'early-fill-push', count: 1, delayMs: 800 }],
    wanted: { status: /^filled$/, placed: true },
  },
  {
    what: 'fills told twice, late and out of order',
    faults: [
      { kind: 'duplicate-fill-push', count: 1 },
      { kind: 'late-fill-push', count: 1 },
      { kind: 'reorder-pushes', count: 2 },
    ],
    wanted: { status: /^filled$/, placed: true },
  },
  {
    what: 'half filled, and every line breaks',
    faults: [{ kind: 'partial-then-disconnect', count: 1 }],
    wanted: { status: /^(?:cancelled|expired|partially_filled|filled)$/, placed: true },
  },
  {
    what: 'an IOC order that stays open',
    faults: [{ kind: 'leave-ioc-open', count: 1 }],
    throughBps: -150,
    wanted: { status: /^(?:expired|cancelled)$/, placed: true },
  },
  {
    what: 'refused for want of funds',
    faults: [{ kind: 'reject', refusal: 'insufficient_funds', count: 1 }],
    wanted: { status: /^rejected$/, placed: false },
  },
];

for (const exchange of NEWER_EXCHANGES) {
  for (const { what, faults, throughBps, wanted } of CASES)
    t.test(`${exchange}: ${what}`, async (t) => {
      const leg = await under(faults, { exchange, ...(throughBps !== undefined && { throughBps }) });
      t.match(lastOf(leg)?.status, wanted.status);
      t.equal(ordersOf(leg).length > 0, wanted.placed);
      await isTrue(t, leg);
    });

  t.test(`${exchange}: a fill after the end is applied once and told`, async (t) => {
    await world.ready();
    const account = world.account(exchange);
    const endings = [
      account.misbehave({ kind: 'leave-ioc-open', count: 1 }),
      account.misbehave({ kind: 'fill-after-cancel', delayMs: 700, count: 1 }),
    ];
    const { leg } = await send({ exchange, throughBps: -150 });
    const filledOf = () => Number(ordersOf(leg)[0]?.filledQuantity ?? 0);
    await world.until('filled after its cancel', () => filledOf() > 0, 60_000);
    await world.until('told', () => Number(lastOf(leg)?.filledQuantity ?? 0) > 0, 60_000);
    for (const end of endings) end();
    await isTrue(t, leg);
  });

  t.test(`${exchange}: no call leaves during a ban, and the account is ready again after it`, async (t) => {
    await world.ready();
    const account = world.account(exchange);
    const before = account.callsDuringBan;
    const end = account.misbehave({ kind: 'ban', delayMs: 8_000 });
    const leg = world.approve({ exchange });
    const answer = await world.submit(leg);
    t.not(answer.status, 'filled');
    await world.sleep(4_000);
    // The call that is told of the ban, and those that were on their way with it.
    const told = account.callsDuringBan - before;
    t.ok(told >= 1 && told <= 4, `${told} calls met the ban`);
    end();
    await world.until('ready', () => world.summary(exchange)['phase'] === 'ready', 150_000);
    await settle(leg);
    await isTrue(t, leg);
  });
}

t.test('bitget: what comes too late is not carried out; bithumb: it is, and found', async (t) => {
  const bitget = await under([{ kind: 'place-late', delayMs: 9_000, count: 1 }], { exchange: 'bitget' });
  t.match(lastOf(bitget), { status: 'unknown', reason: ORDER_NOT_FOUND }, 'fenced: known as never placed');
  t.same(ordersOf(bitget), []);
  const bithumb = await under([{ kind: 'place-late', delayMs: 9_000, count: 1 }], { exchange: 'bithumb' });
  t.equal(lastOf(bithumb)?.status, 'filled');
  await isTrue(t, bithumb);
});

t.test('bithumb: fills before and after the end of the coupon are booked with what was paid', async (t) => {
  await world.ready();
  world.simulated.faces.bithumb!.grantCoupon(20_000);
  const cheap = await under([], { exchange: 'bithumb' });
  await world.sleep(25_000);
  const dear = await under([], { exchange: 'bithumb' });
  const rateOf = ({ clientOrderId }: SubmitLeg) => {
    const own = world
      .account('bithumb')
      .trades()
      .filter((trade) => trade.clientOrderId === clientOrderId);
    const sum = (key: 'fee' | 'quote') => own.reduce((total, one) => total.plus(one[key]), new Decimal(0));
    return sum('fee').div(sum('quote')).toFixed();
  };
  t.same([rateOf(cheap), rateOf(dear)], ['0.0004', '0.0025'], 'it ended without a word');
  await isTrue(t, dear);
});

t.test('the sockets are closed', () => world.close());

t.test('orders of unknown outcome are settled by asking, and none is sent twice', async (t) => {
  const { byExchange, wrongBalances } = await runUnknowns({
    unknowns: 30,
    seed: 3,
    factor: 6,
    exchanges: NEWER_EXCHANGES,
  });
  for (const [exchange, one] of Object.entries(byExchange)) {
    t.ok(
      one.unknown >= 12 && one.placed > 0 && one.placed < one.unknown,
      `${exchange}: some were placed, some not`,
    );
    t.equal(one.duplicates, 0, `${exchange}: none twice`);
    t.same([one.wrong, one.resolved], [[], one.unknown], `${exchange}: each as the exchange has it`);
  }
  t.same(wrongBalances, []);
});
