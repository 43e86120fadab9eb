import t, { type Test } from 'tap';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import { Decimal } from '../../src/market/decimal.js';
import type { LegResult, SubmitLeg } from '../../src/messages/order.js';
import { KillFlag } from '../../src/modes/kill-switch.js';
import type { Files } from '../../src/ports/files.js';
import type { TradingFault } from '../../src/simulator/trading/trading-faults.js';
import { SocketWorld, type ProofExchange } from './socket-world.js';

/**
 * What other systems failed at, as scenarios against the real gateways over real sockets (RELIABILITY §11, PEERS §4). Time runs eight
 * times as fast; what is compared are the exchanges' own records.
 */

const BOTH = ['binance', 'upbit'] as const;
/** A request without an answer keeps its share of Upbit's eight orders a second for as long as it may come. */
const SLOWLY_MS = 2_500;
let world: SocketWorld;

t.setTimeout(600_000);
t.before(async () => {
  world = await SocketWorld.start({
    seed: 21,
    factor: 8,
    exchanges: BOTH,
    policy: { pauseMs: 500, requestExpiryMs: 3_000 },
  });
  await world.ready();
});

/** How the exchange remembers a leg; undefined = it never had it. */
const recordOf = ({ exchange, clientOrderId }: SubmitLeg) =>
  world
    .account(exchange as ProofExchange)
    .orders()
    .find((one) => one.clientOrderId === clientOrderId);
const lastOf = ({ clientOrderId }: SubmitLeg): LegResult | undefined => world.results.get(clientOrderId);

/** Sends legs under a fault; their first answers. */
async function sendUnder(
  legs: readonly SubmitLeg[],
  faults: readonly TradingFault[],
  pauseMs = 300,
): Promise<LegResult[]> {
  const exchanges = [...new Set(legs.map(({ exchange }) => exchange as ProofExchange))];
  const endings = exchanges.flatMap((one) => faults.map((fault) => world.account(one).misbehave(fault)));
  const sent: Promise<LegResult>[] = [];
  for (const leg of legs) {
    sent.push(world.submit(leg));
    await world.sleep(pauseMs);
  }
  const answers = await Promise.all(sent);
  for (const end of endings) end();
  return answers;
}

const settled = (legs: readonly SubmitLeg[], withinMs = 100_000): Promise<void> =>
  world.until(
    () => `settled: ${JSON.stringify(legs.map(lastOf))}`,
    () =>
      legs.every((leg) => isSettled(lastOf(leg))) &&
      world.exchanges.every((one) => world.summary(one)['unsettled'] === 0),
    withinMs,
  );

const isSettled = (result: LegResult | undefined): boolean =>
  result !== undefined && (result.status !== 'unknown' || result.reason === ORDER_NOT_FOUND);

/** Each leg at most once at its exchange, told as it is there, and the books equal. */
async function isTrue(t: Test, legs: readonly SubmitLeg[]): Promise<void> {
  for (const leg of legs) {
    const orders = world.account(leg.exchange as ProofExchange).orders();
    const own = orders.filter(({ clientOrderId }) => clientOrderId === leg.clientOrderId);
    t.ok(own.length <= 1, `${leg.exchange}: sent once`);
    if (own.length === 0) t.match(lastOf(leg), { filledQuantity: '0' });
    else
      t.ok(
        new Decimal(own[0]!.filledQuantity).eq(lastOf(leg)?.filledQuantity ?? -1),
        `${leg.exchange}: told as it is`,
      );
  }
  await world
    .until('the books are equal', async () => (await world.wrong()).length === 0, 10_000)
    .catch(() => undefined);
  t.same(
    await world.wrong(),
    [],
    'ledger and exchanges hold the same, fees in the coin that the exchange took',
  );
}

t.test('hummingbot #493: an order whose answer timed out is asked about and never sent again', async (t) => {
  const before = new Map(BOTH.map((one) => [one, world.account(one).placeRequests]));
  const legs = BOTH.map((exchange) => world.approve({ exchange }));
  for (const answer of await sendUnder(legs, [{ kind: 'accept-then-timeout' }, { kind: 'drop-pushes' }]))
    t.not(answer.status, 'rejected', 'no answer is no refusal');
  await settled(legs);
  for (const exchange of BOTH) t.equal(world.account(exchange).placeRequests, before.get(exchange)! + 1);
  for (const leg of legs) t.equal(lastOf(leg)?.status, 'filled');
  await isTrue(t, legs);
});

t.test(
  'hummingbot #3374: six orders that a network error buried are executed after all, and booked',
  async (t) => {
    const legs = Array.from({ length: 6 }, () => world.approve({ exchange: 'upbit', quantity: '0.0005' }));
    const answers = await sendUnder(legs, [{ kind: 'place-late', delayMs: 9_000 }], SLOWLY_MS);
    t.ok(
      answers.every(({ status }) => status === 'unknown' || status === 'filled'),
      JSON.stringify(answers.map(({ status, reason }) => [status, reason])),
    );
    await settled(legs);
    t.equal(
      legs.filter((leg) => recordOf(leg) !== undefined).length,
      6,
      'the exchange carried all of them out',
    );
    t.ok(
      legs.every((leg) => lastOf(leg)?.status === 'filled'),
      'and all are known as filled',
    );
    await isTrue(t, legs);
  },
);

t.test(
  'the same where requests expire: what comes too late is not carried out, and known as never placed',
  async (t) => {
    const legs = Array.from({ length: 6 }, () => world.approve({ exchange: 'binance' }));
    await sendUnder(legs, [{ kind: 'place-late', delayMs: 9_000 }]);
    await settled(legs);
    t.ok(legs.every((leg) => recordOf(leg) === undefined && lastOf(leg)?.reason === ORDER_NOT_FOUND));
    await isTrue(t, legs);
  },
);

t.test('hummingbot #8457: six accepted orders outlive look-ups that end in DNS errors', async (t) => {
  const legs = Array.from({ length: 6 }, () => world.approve({ exchange: 'binance' }));
  world.http.failure = ({ method, url }) =>
    method === 'GET' && url.includes('/order') ? 'getaddrinfo ENOTFOUND' : null;
  const lost = world.account('binance').misbehave({ kind: 'drop-pushes' });
  await sendUnder(legs, [{ kind: 'accept-then-timeout' }]);
  await world.sleep(20_000);
  t.ok(
    legs.every((leg) => !isSettled(lastOf(leg))),
    'a name that was not found is no order that was not found',
  );
  t.match(world.summary('binance'), { unsettled: 6 }, 'none is forgotten');
  world.http.failure = null;
  lost();
  await settled(legs);
  t.ok(legs.every((leg) => lastOf(leg)?.status === 'filled'));
  await isTrue(t, legs);
});

t.test('Nautilus TC-E74: a submission that fails on its way is no rejection', async (t) => {
  const cases: readonly (readonly [string, readonly TradingFault[], string | null])[] = [
    ['the connection broke', [], 'socket hang up'],
    ['a server error, placed', [{ kind: 'error-5xx-placed' }], null],
    ['a server error, not placed', [{ kind: 'error-5xx-not-placed' }], null],
    ['no answer, not placed', [{ kind: 'lose-request' }], null],
  ];
  for (const [what, faults, failure] of cases) {
    world.http.failure = ({ method }) => (method === 'POST' ? failure : null);
    const legs = [world.approve({ exchange: 'binance' })];
    const [answer] = await sendUnder(legs, [...faults, { kind: 'drop-pushes' }]);
    world.http.failure = null;
    t.not(answer?.status, 'rejected', what);
    await settled(legs);
    await isTrue(t, legs);
  }
});

t.test(
  'Nautilus TC-E75: a cancel without an answer is no end and no refusal; the exchange says what became of it',
  async (t) => {
    const { account } = { account: world.account('binance') };
    const endings = [
      account.misbehave({ kind: 'leave-ioc-open', count: 1 }),
      account.misbehave({ kind: 'accept-then-timeout', call: 'cancel', count: 1 }),
    ];
    const leg = world.approve({ exchange: 'binance', throughBps: -150 });
    await world.submit(leg);
    await settled([leg]);
    for (const end of endings) end();
    t.equal(recordOf(leg)?.state, 'cancelled');
    t.match(lastOf(leg), { status: /expired|cancelled/, filledQuantity: '0' });
    await isTrue(t, [leg]);
  },
);

t.test('not found three times is not failed: an order that Upbit places late is found', async (t) => {
  const leg = world.approve({ exchange: 'upbit' });
  const lookups = Number(world.summary('upbit')['lookups']);
  await sendUnder([leg], [{ kind: 'place-late', delayMs: 14_000 }]);
  await settled([leg]);
  t.ok(
    Number(world.summary('upbit')['lookups']) - lookups > 3,
    'it was asked about more often than three times',
  );
  t.equal(lastOf(leg)?.status, 'filled');
  await isTrue(t, [leg]);
});

t.test('no leg is waited for without end, and none is lost after the last question', async (t) => {
  const leg = world.approve({ exchange: 'binance' });
  const startedMs = world.time.monotonicMs();
  world.http.failure = ({ method }) => (method === 'GET' ? 'the exchange is away' : null);
  const [answer] = await sendUnder([leg], [{ kind: 'accept-then-timeout' }, { kind: 'drop-pushes' }]);
  t.not(answer?.status, 'rejected');
  t.ok(world.time.monotonicMs() - startedMs < 12_000, 'whoever sent it hears in bounded time');
  await world.sleep(60_000);
  t.match(world.summary('binance'), { unsettled: 1 });
  world.http.failure = null;
  await settled([leg]);
  t.equal(lastOf(leg)?.status, 'filled');
  await isTrue(t, [leg]);
});

t.test('a fill after the cancel is applied once and told', async (t) => {
  const account = world.account('binance');
  await world.ready();
  const endings = [
    account.misbehave({ kind: 'leave-ioc-open', count: 1 }),
    account.misbehave({ kind: 'fill-after-cancel', delayMs: 700, count: 1 }),
  ];
  const leg = world.approve({ exchange: 'binance', throughBps: -150 });
  await world.submit(leg);
  await world.until('filled after its cancel', () => Number(recordOf(leg)?.filledQuantity ?? 0) > 0, 20_000);
  await world.until('told', () => Number(lastOf(leg)?.filledQuantity ?? 0) > 0, 20_000);
  for (const end of endings) end();
  await isTrue(t, [leg]);
});

t.test('an order is nothing without the gate’s sealed approval', async (t) => {
  await world.ready();
  const before = world.account('binance').placeRequests;
  const { leg, verdict } = world.approval({ exchange: 'binance' });
  t.match(await world.submit(leg), { status: 'rejected', reason: 'VERDICT_UNKNOWN' });
  const other = world.approval({ exchange: 'binance' });
  const seal = other.verdict.seal ?? '';
  world.bus.publish('risk.verdict.approved', 'verdict', { ...verdict, seal }, { traceId: 'forged' });
  t.match(await world.submit({ ...leg, attempt: 0 }), {
    status: 'rejected',
    reason: /VERDICT_UNKNOWN|ORDER_ID_USED/,
  });
  t.equal(world.account('binance').placeRequests, before, 'nothing left');
});

t.test('orders that nobody answers keep no cancel waiting', async (t) => {
  const own = await SocketWorld.start({ seed: 22, exchanges: ['binance'] });
  t.teardown(() => own.close());
  await own.ready();
  const account = own.account('binance');
  account.misbehave({ kind: 'leave-ioc-open', count: 12 });
  account.misbehave({ kind: 'accept-then-timeout', count: 12 });
  const legs = Array.from({ length: 12 }, () => own.approve({ exchange: 'binance', throughBps: -150 }));
  const answers = legs.map((leg) => own.submit(leg));
  await own.until('they are there', () => account.orders().length === 12, 10_000);
  own.halts.tell({ engaged: true, reason: 'a test', by: 'test', atMs: Date.now() });
  const thrownAtMs = Date.now();
  await own.until('cancelled', () => account.orders().every(({ state }) => state === 'cancelled'), 20_000);
  t.comment(`cancelled ${Date.now() - thrownAtMs} ms after the switch, with twelve silent requests open`);
  const silent = await Promise.all(answers);
  t.ok(
    silent.every(({ status }) => status !== 'rejected'),
    'their answers had not come before',
  );
});

t.test('a kill switch that was cleared stays cleared however slow its file is', async (t) => {
  const files = new Map<string, Buffer>();
  const slowly = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const port = {
    exists: (path: string) => Promise.resolve(files.has(path)),
    read: (path: string) => Promise.resolve(files.get(path)!),
    remove: (path: string) => Promise.resolve(void files.delete(path)),
    writeAtomic: async (path: string, text: string) => {
      await slowly(30);
      files.set(path, Buffer.from(text));
    },
  };
  const flag = new KillFlag(port as unknown as Files, 'KILL');
  const written = flag.write({ engaged: true, reason: 'told again', by: 'test', atMs: 1 });
  const removed = flag.remove();
  await Promise.all([written, removed]);
  t.equal(await flag.exists(), false);
});

t.test('the sockets are closed', () => world.close());
