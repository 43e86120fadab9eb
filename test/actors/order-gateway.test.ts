import t from 'tap';
import { ORDER_NOT_FOUND } from '../../src/execution/inquiry.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import { changeKillSwitch } from '../../src/modes/kill-switch.js';
import { SeededRandom } from '../runtime/harness.js';
import { NOW } from '../risk/fixtures.js';
import { AccountWorld } from './account-world.js';

t.test('a leg becomes one signed order, and its answer carries the fills', async (t) => {
  const world = await AccountWorld.start();
  t.match(await world.trade(world.approve(), 1), { status: 'rejected', reason: 'NOT_RECONCILED' });
  await world.time.advance(2_000);
  t.match(world.summary(), { phase: 'ready', reasons: [], mode: 'signed' });
  t.match(world.of('riskHold').at(-1), { source: 'gateway-alpha', held: false, exchange: 'alpha' });
  const leg = world.approve();
  t.match(await world.trade(leg), { status: 'filled', filledQuantity: '0.5', fills: [{ tradeId: 't1' }] });
  const [request] = world.account.requests('POST /order');
  t.match(request?.headers['nonce'], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.match(request, { headers: { key: 'key', valid: '1000' }, body: { clientOrderId: leg.clientOrderId } });
  t.equal(
    Number(request?.headers['time']),
    (request?.atMs ?? 0) + 7,
    'signed at the last instant, by its clock',
  );
  t.same(await world.wrong(), []);
  t.match(await promised(world, world.query(leg)), { status: 'filled' }, 'known: not asked again');
  t.equal(world.of('legResult').length, 1, 'told once');
  t.match(await world.trade(leg), { reason: 'ORDER_ID_USED' });
  t.match(await world.trade({ ...world.approve(), nonce: '0'.repeat(32) }), { reason: 'NONCE_WRONG' });
});

t.test('the expiry never outlives the lease, and without it nothing is written', async (t) => {
  const world = await AccountWorld.ready();
  world.holdLease(700);
  t.match(await world.trade(world.approve(), 300), { status: 'filled' });
  const valid = Number(world.account.requests('POST /order')[0]?.headers['valid']);
  t.ok(valid <= 600 && valid > 500, `${valid} ms of 700 ms`);
  await world.time.advance(260);
  t.match(await world.trade(), { status: 'rejected', reason: 'LEASE_NOT_HELD' }, 'the margin is not spent');
  world.fence.drop();
  t.match(await world.trade(), { reason: 'LEASE_NOT_HELD' });
  world.holdLease(1e9);
  world.time.jumpWallBy(2e9);
  t.match(await world.trade(), { reason: 'LEASE_NOT_HELD' }, 'either clock ends it');
  t.equal(world.account.requests('POST /order').length, 1);
});

t.test('an acknowledgement alone waits for the private stream, or asks', async (t) => {
  const world = await AccountWorld.ready();
  world.account.answersInFull = false;
  t.match(await world.trade(world.approve(), 100), { status: 'filled' });
  t.equal(world.account.requests('GET /order').length, 0, 'the push was faster');
  world.account.pushes = false;
  t.match(await world.trade(world.approve(), 1_000), { status: 'filled' });
  t.ok(world.account.requests('GET /order').length >= 1);
  t.same(await world.wrong(), []);
});

t.test('each kind of silence is unknown first and the truth afterwards, never a second order', async (t) => {
  const kinds = ['swallow-answer', 'lose', 'error-placed', 'error-not-placed', 'late'] as const;
  for (const kind of kinds) {
    const world = await AccountWorld.ready();
    world.account.pushes = false;
    world.account.fault('POST /order', kind);
    const leg = world.approve();
    t.match(await world.trade(leg, 1_200), { status: 'unknown' }, kind);
    await world.time.advance(6_000);
    const isPlaced = kind !== 'lose' && kind !== 'error-not-placed';
    t.match(
      world.lastOf(leg),
      isPlaced ? { status: 'filled' } : { status: 'unknown', reason: ORDER_NOT_FOUND },
      kind,
    );
    t.equal(world.account.requests('POST /order').length, 1, kind);
    t.same(await world.wrong(), [], kind);
    t.match(world.summary(), { phase: 'ready', unsettled: 0 }, kind);
  }
});

t.test('500 orders through every misbehaviour: no duplicate, true ends, equal books', async (t) => {
  const world = await AccountWorld.ready();
  const random = new SeededRandom(11);
  const kinds = ['swallow-answer', 'lose', 'error-placed', 'error-not-placed', 'late', null, null] as const;
  const legs: SubmitLeg[] = [];
  for (let n = 0; n < 500; n++) {
    const kind = kinds[Math.floor(random.next() * kinds.length)]!;
    if (kind !== null) world.account.fault('POST /order', kind);
    world.account.answersInFull = random.next() < 0.5;
    world.account.pushes = random.next() < 0.7;
    world.account.fill = { share: [0, 0.5, 1][n % 3]!, pieces: 1 + (n % 3) };
    const leg = world.approve({ quantity: '0.01' });
    legs.push(leg);
    void world.submit(leg);
    await world.time.advance(300);
    if (n % 50 === 49) world.account.disconnect();
    if (n % 50 === 49) await world.time.advance(4_000);
  }
  await world.time.advance(15_000);
  const { model } = world.account;
  let blocked = 0;
  for (const leg of legs) {
    const truth = model.orders.get(leg.clientOrderId);
    const isSent = world.account
      .requests('POST /order')
      .some(({ body }) => body['clientOrderId'] === leg.clientOrderId);
    if (!isSent) blocked++;
    else if (truth === undefined) t.equal(world.lastOf(leg)?.reason, ORDER_NOT_FOUND);
    else t.ok(truth.filled.eq(world.lastOf(leg)?.filledQuantity ?? -1), leg.clientOrderId);
  }
  t.equal(model.duplicates, 0);
  t.ok(blocked < 50, `${blocked} of 500 were blocked while the stream was away`);
  t.same(await world.wrong(), []);
  t.match(world.summary(), { phase: 'ready', unsettled: 0, alerts: 0 });
});

t.test('an exchange that is away for a while is settled within 15 s of its return', async (t) => {
  const world = await AccountWorld.ready();
  world.account.pushes = false;
  world.account.fault('POST /order', 'swallow-answer');
  const leg = world.approve();
  void world.submit(leg);
  await world.time.advance(50);
  world.account.isDown = true;
  world.account.disconnect();
  await world.time.advance(60_000);
  t.match(world.summary(), { unsettled: 1, unknown: 1, phase: 'reconciling' });
  t.match(await world.trade(world.approve(), 100), { reason: 'NOT_RECONCILED' });
  world.account.isDown = false;
  await world.time.advance(15_000);
  t.match(world.lastOf(leg), { status: 'filled' });
  await world.time.advance(20_000);
  t.match(world.summary(), { unsettled: 0, phase: 'ready' });
});

t.test('a stream that was away or could not be read is followed by a comparison', async (t) => {
  const world = await AccountWorld.ready();
  const reads = () => world.account.requests('GET /balances').length;
  const before = reads();
  world.account.disconnect();
  await world.time.settle();
  t.match(world.summary(), { phase: 'reconciling', line: { isUp: false } });
  t.match(world.of('riskHold').at(-1), { held: true, exchange: 'alpha' });
  await world.time.advance(3_000);
  t.match(world.summary(), { phase: 'ready', line: { isUp: true } });
  t.ok(reads() > before);
  const after = reads();
  world.account.push('garbage');
  await world.time.advance(1_000);
  t.ok(reads() > after, 'whatever it said is asked for');
  t.match(world.summary(), { phase: 'ready', line: { unreadable: 1 } });
});

t.test('a partial fill whose connection breaks is found by REST within 2 s of the return', async (t) => {
  const world = await AccountWorld.ready();
  world.account.fill = { share: 0.4, pieces: 2 };
  world.account.pushes = false;
  world.account.fault('POST /order', 'swallow-answer');
  const leg = world.approve();
  const answer = world.submit(leg);
  await world.time.advance(30);
  world.account.disconnect();
  await world.time.advance(2_500);
  await answer;
  t.match(world.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.2' });
  t.same(await world.wrong(), []);
});

t.test('a ban stops every call until it is over, and what is unknown is asked about then', async (t) => {
  const world = await AccountWorld.ready();
  world.account.pushes = false;
  world.account.fault('GET /open', 'ban');
  const leg = world.approve();
  world.account.fault('POST /order', 'swallow-answer');
  world.account.fault('GET /fills', 'lose');
  const answer = world.submit(leg);
  await world.time.advance(20);
  world.account.disconnect();
  await world.time.advance(4_000);
  t.match(await answer, { status: 'unknown' });
  t.equal(world.account.duringBan, 0);
  t.match(await world.trade(world.approve(), 100), { status: 'rejected' });
  await world.time.advance(20_000);
  t.equal(world.account.duringBan, 0, 'not one call came while it was banned');
  t.match(world.lastOf(leg), { status: 'filled' });
  t.match(world.summary(), { phase: 'ready' });
});

t.test('first orders leave the reserve of the budget to cancels and to what ends a risk', async (t) => {
  const world = await AccountWorld.ready();
  const answers: string[] = [];
  for (let n = 0; n < 45; n++) {
    const result = await world.trade(world.approve({ quantity: '0.001' }), 25);
    answers.push(typeof result === 'string' ? result : result.reason || result.status);
  }
  t.ok(answers.includes('RATE_BUDGET'), 'a first order does not wait');
  t.equal(world.account.requests('POST /order').length, 40);
  t.match(await world.trade(world.approve({ attempt: 1, quantity: '0.001' }), 100), { status: 'filled' });
});

t.test('a refusal is a refusal; one that is our own fault rests the account', async (t) => {
  const world = await AccountWorld.ready();
  world.account.rejects = { code: '-2010', reason: 'balance', fault: 'funds' };
  const leg = world.approve();
  t.match(await world.trade(leg), { status: 'rejected', reason: '-2010 balance' });
  t.match(world.summary(), { phase: 'ready', rejected: 1 });
  world.account.rejects = { code: '-2014', reason: 'key', fault: 'account' };
  await world.trade(world.approve(), 100);
  t.match(world.summary(), { phase: 'paused' });
  world.account.rejects = null;
  await world.time.advance(8_000);
  t.match(world.summary(), { phase: 'ready' });
});

t.test('fills twice, early, late and out of order are applied once', async (t) => {
  const world = await AccountWorld.ready();
  world.account.pushes = false;
  world.account.fill = { share: 1, pieces: 3 };
  const leg = world.approve();
  const answer = world.submit(leg);
  await world.time.advance(11);
  const trades = world.account.model.orders.get(leg.clientOrderId)!.trades;
  for (const n of [2, 0, 2, 1, 0]) world.account.pushTrade(trades[n]!);
  await world.time.advance(2_000);
  t.match(await answer, { status: 'filled' });
  for (const n of [1, 1]) world.account.pushTrade({ ...trades[n]!, clientOrderId: null });
  await world.time.advance(2_000);
  t.same(await world.wrong(), []);
  t.match(world.summary(), { fills: 3, alerts: 0 });

  world.account.fill = { share: 0.2 };
  const cancelled = world.approve();
  await world.trade(cancelled);
  const order = world.account.model.orders.get(cancelled.clientOrderId)!;
  world.account.pushTrade(world.account.model.fill(order, '0.1', '1000', NOW));
  await world.time.advance(2_000);
  t.match(world.lastOf(cancelled), { status: 'partially_filled', filledQuantity: '0.2' });
  t.match(world.summary(), { alerts: 1, lastAlert: /FILL_AFTER_END/ });
  t.same(await world.wrong(), []);
});

t.test('a restart settles what the journal left open before it takes new risk', async (t) => {
  const before = await AccountWorld.ready();
  const leg = before.approve();
  const never = before.approve();
  const world = await AccountWorld.start({ openLegs: [leg, never] });
  world.account.model.place({ ...leg, instrument: 'alpha:BTC-USDT' }, NOW, { share: 0.5 });
  await world.time.advance(1_500);
  t.match(world.summary(), { phase: 'reconciling' });
  await world.time.advance(5_000);
  t.match(world.lastOf(leg), { status: 'partially_filled', filledQuantity: '0.25' });
  t.match(world.lastOf(never), { reason: ORDER_NOT_FOUND });
  t.match(world.summary(), { phase: 'ready' });
  t.same(await world.wrong(), []);

  world.account.pushes = false;
  world.account.fault('POST /order', 'swallow-answer');
  const lost = world.approve();
  const answer = world.submit(lost);
  await world.time.advance(100);
  await world.restartGateway();
  const asked = world.query(lost);
  await world.time.advance(4_000);
  t.equal(await answer, 'ARB_ASK_TIMEOUT', 'an incarnation that is gone answers nobody');
  t.match(await asked, { status: 'filled' }, 'and the exchange remembers');
  t.match(world.summary(), { phase: 'ready' });
});

t.test('a deposit is booked, and what nothing explains is held until a person adopts it', async (t) => {
  const world = await AccountWorld.ready();
  world.account.model.transfer('USDT', '1234.5', NOW);
  world.account.push({ moved: 'USDT' });
  await world.time.advance(4_000);
  t.match(world.of('externalFlow'), [{ flowId: 'deposit:d1', kind: 'transfer', amount: '1234.5' }]);
  t.same(await world.wrong(), []);
  world.account.model.transfer('ETH', '-1', NOW, true);
  world.account.push({ moved: 'ETH' });
  await world.time.advance(4_000);
  t.match(world.summary(), { phase: 'ready', unexplained: [{ asset: 'ETH', difference: '-1' }] });
  t.match(world.of('riskHold').at(-1), { source: 'gateway-alpha-ETH', asset: 'ETH', held: true });
  t.equal(await promised(world, world.adopt('BTC')), false);
  t.equal(await promised(world, world.adopt('ETH')), true);
  await world.time.advance(2_000);
  t.same(await world.wrong(), []);
  t.match(world.summary(), { unexplained: [] });
  const entries = await world.stores.ledger.entries(0, 100);
  t.same(
    entries.filter(({ entry }) => entry.kind === 'external').map(({ entry }) => entry.postings[0]?.amount),
    ['1234.5', '-1'],
  );
});

async function promised<T>(world: AccountWorld, promise: Promise<T>): Promise<T> {
  await world.time.advance(10);
  return promise;
}

t.test('the kill switch stops the next order and cancels the open ones, with every store down', async (t) => {
  for (const isDown of [false, true]) {
    const world = await AccountWorld.ready();
    world.account.fill = { share: 0, leaveOpen: true };
    world.account.answersInFull = false;
    const legs = [world.approve(), world.approve()];
    for (const leg of legs) void world.submit(leg, 60_000);
    await world.time.advance(30);
    t.equal(world.account.model.openOrders().length, 2);
    world.storeFaults.down = isDown;
    const { bus, halts, stores } = world;
    const atMs = world.time.nowMs();
    const done = changeKillSwitch({ bus, halts, settings: stores.settings }, world.halt()).then(
      () => 'written',
      (error: { code: string }) => error.code,
    );
    const cancels = world.account.requests('DELETE /order');
    t.equal(cancels.length, 2, 'in the very turn, without bus and store');
    t.equal(cancels[0]?.atMs, atMs);
    t.match(await world.trade(world.approve(), 10), { status: 'rejected', reason: 'KILL_SWITCH' });
    await world.time.advance(3_000);
    t.same(world.account.model.openOrders(), []);
    t.match(world.summary(), { phase: 'halted', killSwitch: 'engaged', unsettled: 0 });
    t.ok(Number(world.summary()['emptyAtMs']) > atMs, 'the exchange itself says that nothing is open');
    t.ok(Number(world.summary()['equalAtMs']) > atMs, 'and that all is where the ledger has it');
    t.equal(await done, isDown ? 'ARB_STORE_UNAVAILABLE' : 'written');
    t.match(await world.trade(world.approve({ attempt: 1 }), 10), { reason: 'KILL_SWITCH' }, 'freeze');

    world.storeFaults.down = false;
    world.account.fill = {};
    world.halts.tell(world.halt({ policy: 'flatten', atMs: world.time.nowMs() }));
    t.match(await world.trade(world.approve({ attempt: 1 }), 1_000), { status: 'filled' }, 'flatten');
    await world.time.advance(3_000);
    const { emptyAtMs, equalAtMs } = world.summary();
    t.ok(Number(emptyAtMs) > atMs + 3_000 && Number(equalAtMs) >= Number(emptyAtMs), 'proven anew after it');
    t.match(world.of('gatewayStatus').at(-1), { phase: 'halted', emptyAtMs, equalAtMs });
    t.match(await world.trade(world.approve(), 10), { reason: 'KILL_SWITCH' }, 'and nothing new');
    world.fence.drop();
    t.match(
      await world.trade(world.approve({ attempt: 1 }), 10),
      { reason: 'LEASE_NOT_HELD' },
      'a freeze by then',
    );
  }
});

t.test('a switch engaged before the start is obeyed while the stores are away', async (t) => {
  const world = await AccountWorld.ready();
  world.account.model.place({ ...world.approve(), instrument: 'alpha:BTC-USDT' }, NOW, {
    share: 0,
    leaveOpen: true,
  });
  world.halts.tell(world.halt());
  world.storeFaults.down = true;
  await world.restartGateway();
  await world.time.advance(3_000);
  t.match(world.summary(), { phase: 'halted' });
  t.same(world.account.model.openOrders(), [], 'found at the exchange and cancelled');
});

t.test('where requests do not expire, never placed takes a minute', async (t) => {
  const world = await AccountWorld.ready({ isFenced: false });
  world.account.pushes = false;
  world.account.fault('POST /order', 'lose');
  const leg = world.approve();
  await world.trade(leg, 50_000);
  t.match(world.lastOf(leg), { reason: /no answer/ });
  await world.time.advance(20_000);
  t.match(world.lastOf(leg), { reason: ORDER_NOT_FOUND });
});

t.test(
  'after a take-over an exchange without request expiry rests until nothing of before can come',
  async (t) => {
    for (const [isFenced, isClean] of [
      [false, false],
      [false, true],
      [true, false],
    ] as const) {
      const world = await AccountWorld.ready({ isFenced });
      world.fence.acquired(world.fence.now(), isClean);
      world.holdLease(200_000);
      await world.restartGateway();
      await world.time.advance(5_000);
      const rests = !isFenced && !isClean;
      t.equal(world.summary()['phase'], rests ? 'paused' : 'ready', `fenced ${isFenced}, clean ${isClean}`);
      if (!rests) continue;
      t.match(world.summary(), { reasons: [/former holder of the lease/] });
      const leg = world.approve();
      t.match(await world.trade(leg, 1_000), { status: 'rejected', reason: 'EXCHANGE_PAUSED' });
      // An order of the former holder arrives late, and is found by the comparison that follows.
      const compared = Number(world.summary()['reconciliations']);
      await world.time.advance(56_000);
      t.equal(world.summary()['phase'], 'ready');
      t.ok(Number(world.summary()['reconciliations']) > compared, 'compared anew');
    }
  },
);

t.test('the dead-man switch is armed by configuration only, and switched off in order', async (t) => {
  const plain = await AccountWorld.ready();
  await plain.time.advance(60_000);
  t.equal(plain.account.requests('POST /dead-man').length, 0);
  const world = await AccountWorld.ready({ policy: { deadManMs: 30_000 } });
  await world.time.advance(60_000);
  const armed = world.account.requests('POST /dead-man');
  t.ok(armed.length >= 5 && armed.every(({ body }) => Number(body['timeoutMs']) === 30_000));
  t.match(world.summary(), { deadMan: { outcome: 'accepted' } });
  await world.stopGateway();
  t.equal(Number(world.account.requests('POST /dead-man').at(-1)?.body['timeoutMs']), 0);
});
