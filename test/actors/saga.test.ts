import t from 'tap';
import { fillEntryId } from '../../src/execution/ledger.js';
import type { Fill, LegResult, SubmitLeg } from '../../src/messages/order.js';
import type { EmergencyJournal, EmergencyRecord } from '../../src/ports/emergency-journal.js';
import { cycleSignal, pairSignal, SHAPE_HOLDINGS, threeLegs, withFees } from '../risk/shape-fixtures.js';
import { World, type WorldOptions } from './world.js';

/** The saga's actor: what it does while a store is away, with what comes late, and with what a life before left. */

class KeptJournal implements EmergencyJournal {
  readonly appended: EmergencyRecord[] = [];
  private records: EmergencyRecord[] = [];
  async append(record: EmergencyRecord) {
    this.appended.push(record);
    this.records.push(record);
  }
  async waiting() {
    return [...this.records];
  }
  async migrated(clientOrderIds: readonly string[]) {
    this.records = this.records.filter(({ leg }) => !clientOrderIds.includes(leg.clientOrderId));
  }
  status() {
    return { waiting: this.records.length, damaged: 0, damagedBytes: 0 };
  }
  async close() {}
}

/** Both legs are on their way, and the market of the second one falls before it arrives. */
async function oneLegShort(emergency: EmergencyJournal): Promise<World> {
  const world = await World.start({ latencyMs: 20, emergency });
  world.dislocate();
  world.send();
  await world.time.advance(10);
  world.quote('beta:BTC-USDT', 1004, 1005);
  return world;
}

t.test(
  'while the store is away a leg is brought home by the emergency journal, which goes into the store later',
  async (t) => {
    const emergency = new KeptJournal();
    const world = await oneLegShort(emergency);
    world.faults.down = true;
    await world.time.advance(1_000);
    t.equal(emergency.appended.length, 1, 'the recovery order alone');
    t.match(emergency.appended[0], { leg: { attempt: 1, side: 'sell' } });
    const accepted = ['alpha', 'beta'].map((name) => Number(world.summary(`/gateway/${name}`)['accepted']));
    t.equal(accepted[0]! + accepted[1]!, 3, 'it was sent');
    world.send({ id: 's-2', base: 'ETH', buyPrice: '100', sellPrice: '101' });
    await world.time.advance(100);
    t.match(world.of('verdict').at(-1), { decision: 'refused' }, 'no risk is added');
    world.faults.down = false;
    await world.time.advance(10_000);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'completed', attribution: {} }]);
    t.strictSame(await emergency.waiting(), []);
    const [closed] = world.of('arbitrageClosed');
    const orders = await world.stores.trades.ordersOf([closed!.arbitrageId]);
    t.equal(orders.length, 3);
    t.ok(orders.every(({ result }) => result !== null && result.status !== 'unknown'));
    t.match(world.summary('/gate'), { inFlight: 0, holds: [] });
  },
);

t.test('a process that dies with a record in the emergency journal takes it up again', async (t) => {
  const emergency = new KeptJournal();
  const world = await oneLegShort(emergency);
  world.faults.down = true;
  await world.time.advance(60);
  t.equal(emergency.appended.length, 1);
  await world.kill();
  const again = await World.start({ before: world, emergency });
  await again.time.advance(30_000);
  t.strictSame(await emergency.waiting(), []);
  t.strictSame(
    await again.stores.trades.openLegs(),
    [],
    'the order that the store never saw has its end too',
  );
  t.equal((await again.stores.trades.recentArbitrages(10)).length, 1);
});

t.test('without the lease nothing is journalled anywhere', async (t) => {
  const emergency = new KeptJournal();
  const world = await oneLegShort(emergency);
  world.faults.down = true;
  world.fence.drop();
  await world.time.advance(1_000);
  t.equal(emergency.appended.length, 0);
  const accepted = ['alpha', 'beta'].map((name) => Number(world.summary(`/gateway/${name}`)['accepted']));
  t.equal(accepted[0]! + accepted[1]!, 2);
});

t.test('fills of an arbitrage that nobody remembers are booked once, and a person is told', async (t) => {
  const world = await World.start();
  const leg: SubmitLeg = {
    clientOrderId: 'forgotten-0',
    arbitrageId: 'arb-forgotten',
    legIndex: 0,
    attempt: 0,
    verdictId: 'v-forgotten',
    nonce: 'ab'.repeat(16),
    verdictExpiresAtMs: 1,
    instrument: 'alpha:BTC-USDT',
    exchange: 'alpha',
    side: 'buy',
    quantity: '1',
    limitPrice: '1000',
    timeInForce: 'IOC',
    decisionPrice: '1000',
    submittedAtMs: 1,
  };
  const fill: Fill = {
    exchange: 'alpha',
    instrument: 'alpha:BTC-USDT',
    tradeId: 'late-1',
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    side: 'buy',
    price: '1000',
    quantity: '0.5',
    fee: '0.5',
    feeAsset: 'USDT',
    liquidity: 'taker',
    exchangeTimeMs: 1,
  };
  const result: LegResult = {
    clientOrderId: leg.clientOrderId,
    arbitrageId: leg.arbitrageId,
    legIndex: 0,
    status: 'partially_filled',
    filledQuantity: '0.5',
    averagePrice: '1000',
    fills: [fill],
    reason: '',
    acknowledgedAtMs: 1,
  };
  await world.stores.trades.journalLegs([leg], world.fence.current()!);
  world.faults.down = true;
  for (let i = 0; i < 3; i++)
    world.bus.publish('order.result.alpha', 'legResult', result, { traceId: 'late' });
  await world.time.advance(100);
  t.match(world.summary('/saga'), { lastAlert: /FORGOTTEN_FILL arb-forgotten/, strayFills: { seen: 1 } });
  world.faults.down = false;
  await world.time.advance(8_000);
  t.match(world.summary('/saga'), { strayFills: { waiting: 0 } });
  const fills = await world.stores.ledger.fillsOf([leg.arbitrageId]);
  t.strictSame(fills.map(fillEntryId), [fillEntryId(fill)]);
  t.match(await world.stores.trades.ordersOf([leg.arbitrageId]), [{ result: { filledQuantity: '0.5' } }]);
});

t.test(
  'what was handed over as unknown is asked about again after a restart, and lets go when it is settled',
  async (t) => {
    const world = await World.start();
    world.dislocate();
    for (const exchange of ['alpha', 'beta']) {
      world.system.crash(`/gateway/${exchange}`, new Error('gone'));
      const silence = () => new Promise<never>(() => undefined);
      world.bus.respond(`order.submit.${exchange}`, 'submitLeg', 'legResult', silence);
      world.bus.respond(`order.query.${exchange}`, 'queryOrder', 'legResult', silence);
    }
    world.send();
    await world.time.advance(30_000);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'flagged' }]);
    t.match(world.summary('/saga'), { unknownAssets: ['BTC'] });
    await world.kill();
    const again = await World.start({ before: world });
    await again.time.advance(500);
    t.match(again.summary('/saga'), { running: 0, unknownAssets: ['BTC'] });
    t.match(again.summary('/gate'), { inFlight: 1 });
    await again.time.advance(10_000);
    t.strictSame(await again.stores.trades.openLegs(), [], 'the exchanges do not know the orders');
    t.match(again.summary('/saga'), { unknownAssets: [] });
    t.match(again.summary('/gate'), { inFlight: 0 });
    t.equal((await again.stores.trades.recentArbitrages(10)).length, 1);
  },
);

const MONEY_ACTORS = ['/gate', '/gateway/alpha', '/gateway/beta', '/gateway/gamma', '/saga'];

/** One leg has filled, no market is within the cap, and everything that knew the approval starts anew; the exchanges go on. */
async function halfDoneAfterRestart(emergency?: EmergencyJournal): Promise<World> {
  const world = await World.start({ latencyMs: 20, ...(emergency !== undefined && { emergency }) });
  world.dislocate();
  world.send();
  await world.time.advance(10);
  for (const exchange of ['alpha', 'beta', 'gamma']) world.quote(`${exchange}:BTC-USDT`, 900, 1_000);
  await world.time.advance(60);
  for (const path of MONEY_ACTORS) world.system.crash(path, new Error('gone'));
  await world.time.settle();
  for (const path of MONEY_ACTORS) await world.respawn(path);
  return world;
}

t.test('a half-done arbitrage of a life before is brought home by an order with a permit', async (t) => {
  const world = await halfDoneAfterRestart();
  await world.time.advance(5_000);
  t.match(world.summary('/saga'), { running: 1 }, 'held while no market is within the cap');
  t.match(world.summary('/gate'), { recoveryPermits: { given: 0 } });
  world.quote('gamma:BTC-USDT', 1_004, 1_005);
  await world.time.advance(2_000);
  const [closed] = world.of('arbitrageClosed');
  t.match(closed, { outcome: 'completed', residualBase: '0' });
  const orders = await world.stores.trades.ordersOf([closed!.arbitrageId]);
  t.match(
    orders.map(({ leg }) => [leg.exchange, leg.attempt, leg.permit !== undefined]),
    [
      ['alpha', 0, false],
      ['beta', 0, false],
      ['gamma', 1, true],
    ],
    'journalled with its permit, on a market that the approval allows',
  );
  t.match(world.summary('/gate'), { recoveryPermits: { given: 1, refused: {} }, inFlight: 0 });
});

t.test(
  'what no market takes within the cap is a person’s after 12 s, and then nobody trades it',
  async (t) => {
    const world = await halfDoneAfterRestart();
    await world.time.advance(14_000);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'flagged', residualBase: '1' }]);
    world.quote('gamma:BTC-USDT', 1_004, 1_005);
    await world.time.advance(5_000);
    t.match(world.summary('/gate'), { recoveryPermits: { given: 0 } });
    const [first] = await world.stores.trades.ordersOf([world.of('arbitrageClosed')[0]!.arbitrageId]);
    const leg = { ...first!.leg, clientOrderId: 'asked-for', attempt: 1, side: 'sell' as const };
    const asking = { traceId: 'test', timeoutMs: 1_000 };
    const answer = world.bus.request('risk.recovery', 'askRecovery', { leg }, 'recoveryAnswer', asking);
    await world.time.advance(10);
    t.match(await answer, { clientOrderId: 'asked-for', permit: null, reason: 'HANDED_OVER' });
  },
);

t.test('a gate that cannot read the journal, or that is halted, permits nothing', async (t) => {
  const world = await halfDoneAfterRestart();
  world.bus.publish(
    'risk.halt',
    'haltChanged',
    { engaged: true, reason: 'test', by: 'test', atMs: world.time.nowMs() + 1 },
    { traceId: 'test' },
  );
  world.quote('gamma:BTC-USDT', 1_004, 1_005);
  await world.time.advance(3_000);
  t.match(world.summary('/gate'), { recoveryPermits: { given: 0 } });
  t.ok(
    Object.keys((world.summary('/gate')['recoveryPermits'] as { refused: object }).refused).includes(
      'KILL_SWITCH',
    ),
  );
  world.bus.publish(
    'risk.halt',
    'haltChanged',
    {
      ...{ engaged: true, policy: 'flatten', reason: 'test', by: 'test' },
      atMs: world.time.nowMs() + 1,
    },
    { traceId: 'test' },
  );
  await world.time.advance(3_000);
  t.match(
    world.of('arbitrageClosed'),
    [{ outcome: 'completed', residualBase: '0' }],
    'flatten lets it go home',
  );
});

t.test(
  'a fill that comes after the end and a restart is its own arbitrage’s, and is brought home',
  async (t) => {
    const world = await World.start();
    world.quote('alpha:BTC-USDT', 999, 1_000, 0.5);
    world.quote('beta:BTC-USDT', 1_010, 1_011, 0.5);
    world.send();
    await world.time.advance(1_000);
    const [closed] = world.of('arbitrageClosed');
    t.match(closed, { outcome: 'partial', boughtQuantity: '0.5', residualBase: '0' });
    await world.kill();
    const again = await World.start({ before: world });
    again.quote('gamma:BTC-USDT', 1_004, 1_005);
    const [bought] = await again.stores.trades.ordersOf([closed!.arbitrageId]);
    const { leg, result } = bought!;
    const late: Fill = { ...result!.fills[0]!, tradeId: 'late-1' };
    const told = {
      ...result!,
      status: 'filled' as const,
      filledQuantity: '1',
      fills: [...result!.fills, late],
    };
    for (let i = 0; i < 3; i++)
      again.bus.publish(`order.result.${leg.exchange}`, 'legResult', told, { traceId: 'late' });
    await again.time.advance(5_000);
    t.match(again.summary('/saga'), { running: 0, strayFills: { seen: 0 }, lastAlert: /LATE_SETTLED/ });
    const orders = await again.stores.trades.ordersOf([closed!.arbitrageId]);
    t.match(orders.at(-1), {
      leg: { attempt: 1, side: 'sell', quantity: '0.5', permit: {} },
      result: { status: 'filled' },
    });
    t.equal(orders[0]!.result?.filledQuantity, '1', 'the journal knows the late fill');
    const fills = await again.stores.ledger.fillsOf([closed!.arbitrageId]);
    t.equal(fills.filter(({ tradeId }) => tradeId === 'late-1').length, 1, 'booked once');
    t.equal(fills.length, 4);
    t.equal((await again.stores.trades.recentArbitrages(10)).length, 1, 'one end');
  },
);

/** A world of one exchange on which a cycle pays and a pair is apart. */
async function shapedWorld(options: WorldOptions = {}, assets?: readonly string[]): Promise<World> {
  const held = SHAPE_HOLDINGS.filter(({ exchange }) => exchange === 'alpha');
  const holdings = held.filter(({ asset }) => assets?.includes(asset) !== false);
  const baseline = holdings.map(({ asset, amount }) => ({ asset, amount }));
  const instruments = withFees('quote').filter(({ exchange }) => exchange === 'alpha');
  const world = await World.start({
    instruments,
    holdings,
    ...options,
    limits: { baseline, ...options.limits },
  });
  world.quote('alpha:BTC-USDT', 999.99, 1000);
  world.quote('alpha:ETH-BTC', 0.099999, 0.1, 100);
  world.quote('alpha:ETH-USDT', 101, 101.01, 100);
  world.quote('alpha:SOL-USDT', 10, 10.01, 1000);
  world.quote('alpha:SOL-ETH', 0.0999, 0.1, 1000);
  return world;
}

t.test('a cycle is traded whole where everything is there, and leg after leg where it is not', async (t) => {
  for (const assets of [undefined, ['USDT']]) {
    const world = await shapedWorld({}, assets);
    world.publish(cycleSignal(threeLegs()));
    await world.time.advance(500);
    const [closed] = world.of('arbitrageClosed');
    t.match(closed, { outcome: 'completed', strategy: 'triangular', shape: 'cycle', quote: 'USDT' });
    t.equal(world.of('fill').length, 3);
    t.match(world.of('opportunityEvent').at(-1), {
      phase: 'executed',
      strategy: 'triangular',
      route: /ETH-BTC/,
    });
    const held = new Map(
      world
        .of('balancesChanged')
        .at(-1)!
        .holdings.map((one) => [one.asset, one.amount]),
    );
    t.equal(Number(held.get('USDT')) > 100_004, true, `${held.get('USDT')} USDT`);
    t.match(world.summary('/gate'), { inFlight: 0 });
    t.match(world.summary('/portfolio'), { realisedNet: closed!.realisedNet });
    const orders = await world.stores.trades.ordersOf([closed!.arbitrageId]);
    t.equal(
      orders.every(({ result }) => result?.status === 'filled'),
      true,
    );
    await world.kill();
  }
});

t.test('a cycle that dies after its first leg comes home in the next life', async (t) => {
  const before = await shapedWorld({ latencyMs: 40 }, ['USDT']);
  before.publish(cycleSignal(threeLegs()));
  await before.time.advance(60);
  t.equal(before.of('arbitrageClosed').length, 0);
  await before.kill();
  const world = await shapedWorld({ before }, ['USDT']);
  await world.time.advance(40_000);
  const [closed] = await world.stores.trades.recentArbitrages(10);
  t.ok(closed !== undefined && closed.outcome !== 'flagged', JSON.stringify(closed));
  t.strictSame(await world.stores.trades.openLegs(), []);
  t.match(world.summary('/gate'), { inFlight: 0 });
  const held = new Map((await world.stores.ledger.holdings()).map((one) => [one.asset, Number(one.amount)]));
  t.ok((held.get('BTC') ?? 0) < 0.005 && (held.get('ETH') ?? 0) < 0.05, JSON.stringify([...held]));
  const sent = await world.stores.trades.ordersOf([closed!.arbitrageId]);
  t.equal(new Set(sent.map(({ leg }) => leg.clientOrderId)).size, sent.length);
});

t.test('a position outlives a restart, and its exit tells what the round trip made', async (t) => {
  const before = await shapedWorld();
  before.quote('alpha:ETH-USDT', 100, 100.01, 100);
  before.publish(pairSignal('enter'));
  await before.time.advance(500);
  const [entry] = before.of('arbitrageClosed');
  t.match(entry, { outcome: 'completed', strategy: 'statistical', position: { action: 'enter', net: '-2' } });
  t.match(before.summary('/saga'), { positions: 1 });
  await before.kill();
  const world = await shapedWorld({ before });
  t.match(world.summary('/saga'), { positions: 1 }, 'read from the stores');
  world.quote('alpha:BTC-USDT', 1006, 1006.01);
  world.quote('alpha:ETH-USDT', 99.49, 99.5, 100);
  world.publish(pairSignal('exit', ['1006', '99.5']));
  await world.time.advance(500);
  const [exit] = world.of('arbitrageClosed');
  t.match(exit, {
    outcome: 'completed',
    realisedNet: '8.999',
    position: { action: 'exit', carried: [], net: '6.999' },
  });
  t.match(world.summary('/saga'), { positions: 0 });
});
