import t from 'tap';
import type { ArbotError } from '../../src/messages/errors.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import type { LimitsChanged } from '../../src/messages/risk-control.js';
import { encodeLimits, LIMITS_KEY } from '../../src/messages/limit-journal.js';
import type { GateMessage } from '../../src/actors/gate-messages.js';
import { MONITORS_KEY } from '../../src/risk/monitor-record.js';
import type { RiskView } from '../../src/risk/readings.js';
import { INSTRUMENTS, LIMITS, NOW, signalOf } from '../risk/fixtures.js';
import { World } from './world.js';

const TRACE = { traceId: 'test' };

/** Rules of the last verdict; empty = approved. */
async function judged(world: World, id: string): Promise<string[]> {
  world.dislocate();
  const before = world.of('verdict').length;
  world.send({ id });
  await world.time.advance(2);
  const verdict = world.of('verdict')[before];
  if (verdict === undefined) throw new Error('the gate did not answer');
  await world.time.advance(3_000);
  return verdict.decision === 'approved' ? [] : verdict.refusals.map(({ rule }) => rule);
}

const limitsOf = (version: number, orderNotional: string): LimitsChanged => ({
  version,
  overrides: { orderNotional },
  changes: [{ key: 'orderNotional', from: '5000', to: orderNotional }],
  reason: 'test',
  by: 'person',
  atMs: NOW,
});

t.test('changed limits are in force at once, in their order, and after a restart', async (t) => {
  const world = await World.start();
  t.strictSame(await judged(world, 's-1'), []);
  world.bus.publish('risk.limits', 'limitsChanged', limitsOf(2, '900'), TRACE);
  world.bus.publish('risk.limits', 'limitsChanged', limitsOf(1, '9000'), TRACE);
  await world.time.advance(5);
  t.strictSame(await judged(world, 's-2'), ['ORDER_EXPOSURE', 'ORDER_EXPOSURE'], 'the older one came late');
  t.match(world.summary('/gate'), { limitsVersion: 2 });
  world.database.settings.set(LIMITS_KEY, encodeLimits(limitsOf(2, '900')));
  await world.kill();
  const again = await World.start({ before: world });
  await again.time.advance(30_000);
  t.strictSame(await judged(again, 's-3'), ['ORDER_EXPOSURE', 'ORDER_EXPOSURE']);
});

const closing = (id: string, realisedNet: string): ArbitrageClosed => ({
  arbitrageId: `arb-${id}`,
  opportunityId: `o-${id}`,
  signalId: `s-${id}`,
  pair: 'BTC-USDT',
  buyExchange: 'alpha',
  sellExchange: 'beta',
  outcome: 'unwound',
  boughtQuantity: '1',
  soldQuantity: '1',
  residualBase: '0',
  expectedNet: '1',
  realisedNet,
  fees: '0',
  openedAtMs: NOW,
  closedAtMs: NOW,
});

t.test(
  'losses in a row are kept over a restart, also when the store was away, until a person resets them',
  async (t) => {
    const world = await World.start({ limits: { maxLossStreak: 3 } });
    world.faults.down = true;
    for (const id of ['a', 'b', 'c'])
      world.bus.publish('arbitrage.closed.spatial', 'arbitrageClosed', closing(id, '-0.5'), TRACE);
    await world.time.advance(500);
    t.equal(world.database.settings.get(MONITORS_KEY), undefined);
    world.faults.down = false;
    await world.time.advance(3_000);
    t.match(world.database.settings.get(MONITORS_KEY), /"streak":3/, 'written when the store is back');
    await world.kill();
    const again = await World.start({ before: world, limits: { maxLossStreak: 3 } });
    await again.time.advance(30_000);
    t.strictSame(await judged(again, 's-1'), ['LOSS_STREAK']);
    const command = { action: 'reset-losses', reason: 'seen', by: 'person', atMs: NOW } as const;
    const asking = { ...TRACE, timeoutMs: 500 };
    const done = again.bus.request('risk.control', 'controlRisk', command, 'controlRisk', asking);
    await again.time.advance(5);
    t.strictSame(await done, command, 'answered once it is in force');
    t.strictSame(await judged(again, 's-2'), []);
  },
);

t.test(
  'a breaker of an exchange that is not traded is not answered as if it had stopped something',
  async (t) => {
    const world = await World.start();
    const ask = async (exchange: string) => {
      const command = { action: 'trip-breaker', exchange, reason: 'r', by: 'person', atMs: NOW } as const;
      const asking = { ...TRACE, timeoutMs: 500 };
      const answer = world.bus.request('risk.control', 'controlRisk', command, 'controlRisk', asking).then(
        () => 'done',
        (error: ArbotError) => error.code,
      );
      await world.time.advance(5);
      return answer;
    };
    t.equal(await ask('alhpa'), 'ARB_CONFIG_INVALID');
    t.match(world.summary('/gate'), { breakers: 0 });
    t.equal(await ask('alpha'), 'done');
    t.match(world.summary('/gate'), { breakers: 1 });
  },
);

t.test('a gate that starts anew waits for what the ledger says, which may hold since before', async (t) => {
  const world = await World.start();
  t.strictSame(await judged(world, 's-1'), [], 'the first start knows nothing that could be forgotten');
  // A fill that cannot be booked is for a person: the ledger holds, and goes on saying so.
  world.bus.publish('risk.hold', 'riskHold', { source: 'ledger', held: true, reason: 'r', atMs: NOW }, TRACE);
  await world.time.advance(5);
  const starting = world.respawnAfterCrash('/gate');
  await world.time.advance(5);
  await starting;
  t.strictSame(await judged(world, 's-2'), ['RISK_HOLD']);
  await world.time.advance(6_000);
  t.strictSame(await judged(world, 's-3'), [], 'it has spoken since');
});

t.test('orders of the life before count against the rate of this one', async (t) => {
  const limits = { maxOrdersPerMinute: 2 };
  const world = await World.start({ limits });
  t.strictSame(await judged(world, 's-1'), []);
  t.equal(world.of('arbitrageClosed').length, 1);
  await world.kill();
  const again = await World.start({ before: world, limits });
  await again.time.advance(30_000);
  t.strictSame(await judged(again, 's-2'), ['ORDER_RATE']);
  await again.time.advance(30_000);
  t.strictSame(await judged(again, 's-3'), []);
});

t.test('a market that falls within seconds is refused until it has calmed down', async (t) => {
  const world = await World.start();
  await world.time.advance(12_000);
  world.quote('alpha:BTC-USDT', 930, 931);
  await world.time.advance(600);
  t.match(world.summary('/gate'), { alarms: 2 }, 'fast, and far from the others');
  world.send({ id: 's-1', buyPrice: '931', sellPrice: '960' });
  await world.time.advance(5);
  const verdict = world.of('verdict').at(-1);
  const rules = verdict?.decision === 'refused' ? verdict.refusals.map(({ rule }) => rule) : [];
  t.ok(rules.includes('FLASH_VELOCITY'), rules.join());
  world.quote('alpha:BTC-USDT', 1_000, 1_001);
  await world.time.advance(10_000);
  t.match(world.summary('/gate'), { alarms: 0 });
  t.strictSame(await judged(world, 's-2'), []);
});

t.test('the gateways ignore an approval that the gate has not sealed', async (t) => {
  const world = await World.start();
  const nowMs = world.time.nowMs();
  const signal = signalOf({ id: 's-forged' }, { detectedAtMs: nowMs, expiresAtMs: nowMs + 1_000 });
  const verdict = {
    verdictId: 'v-forged',
    signalId: signal.signalId,
    opportunityId: signal.opportunityId,
    decidedAtMs: nowMs,
    decision: 'approved' as const,
    signal,
    expiresAtMs: nowMs + 1_000,
    nonce: 'ab'.repeat(16),
  };
  world.bus.publish('risk.verdict.approved', 'verdict', verdict, TRACE);
  world.bus.publish('risk.verdict.approved', 'verdict', { ...verdict, seal: '0'.repeat(64) }, TRACE);
  await world.time.advance(5_000);
  t.match(world.summary('/gateway/alpha'), { unsealed: 2, accepted: 0 });
  t.strictSame(world.of('fill'), []);
});

t.test(
  'an approval names where a residue may be hedged, and people see where every rule stands',
  async (t) => {
    const world = await World.start();
    world.dislocate();
    world.send();
    await world.time.advance(5);
    t.match(world.of('verdict').at(-1), {
      decision: 'approved',
      hedges: ['gamma:BTC-USDT'],
      seal: /^[0-9a-f]{64}$/,
    });
    const address = world.system.address<GateMessage>('/gate');
    const asked = world.system.ask<GateMessage, RiskView>(
      address,
      (reply) => ({ kind: 'view', reply }),
      1_000,
    );
    await world.time.advance(5);
    const view = await asked;
    const readings = (rule: string) => view.rules.find((one) => one.rule === rule)?.readings ?? [];
    t.match(readings('IN_FLIGHT'), [{ subject: 'all', limit: '64', actual: '1', headroom: '63' }]);
    t.match(readings('TOTAL_EXPOSURE'), [{ limit: '50000' }]);
    t.equal(view.inFlight, 1);
  },
);

t.test('words about an order that goes on are held against nobody, its end is', async (t) => {
  const world = await World.start({ limits: { breaker: { ...LIMITS.breaker, minCalls: 2 } } });
  const told = (status: 'unknown' | 'rejected', reason: string) => {
    const result = { clientOrderId: 'c-1', arbitrageId: 'arb-1', legIndex: 0, status, reason, fills: [] };
    const body = { ...result, filledQuantity: '0', averagePrice: null, acknowledgedAtMs: NOW };
    world.bus.publish('order.result.gamma', 'legResult', body, TRACE);
  };
  for (const reason of ['ORDER_SENT', 'ORDER_OPEN', 'FILLS_MISSING', 'MORE_FILLS']) told('unknown', reason);
  await world.time.advance(5);
  t.match(world.summary('/gate'), { breakers: 0 });
  for (const [status, reason] of [
    ['unknown', 'no answer'],
    ['rejected', '-2010'],
  ] as const)
    told(status, reason);
  await world.time.advance(5);
  t.match(world.summary('/gate'), { breakers: 1 });
});

t.test('an exchange that loses its books gets smaller orders, and full ones again later', async (t) => {
  const world = await World.start({ limits: { shrinkToFit: true, maxOrderNotional: '1100' } });
  const healthOf = async (exchange: string) => {
    const address = world.system.address<GateMessage>('/gate');
    const asked = world.system.ask<GateMessage, RiskView>(
      address,
      (reply) => ({ kind: 'view', reply }),
      1_000,
    );
    await world.time.advance(5);
    return (await asked).health.find((one) => one.exchange === exchange);
  };
  await world.time.advance(5_000);
  t.match(await healthOf('alpha'), { score: 1, sizeFactor: 1 });
  const own = INSTRUMENTS.filter(({ exchange }) => exchange === 'alpha');
  for (const { id } of own) world.board.distrust(world.board.slotOf(id));
  await world.time.advance(10_000);
  const poor = await healthOf('alpha');
  t.ok(poor !== undefined && poor.books < 0.6 && poor.orders === 1, JSON.stringify(poor));
  t.match(await healthOf('beta'), { score: 1 });
  for (const { id } of own) world.quote(id);
  world.dislocate();
  world.send({ id: 's-1' });
  await world.time.advance(5);
  const verdict = world.of('verdict').at(-1);
  t.ok(verdict?.decision === 'approved' && Number(verdict.signal.quantity) < 1, 'smaller');
  await world.time.advance(60_000);
  t.match(await healthOf('alpha'), { sizeFactor: 1 });
});
