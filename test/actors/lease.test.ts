import t from 'tap';
import { TradeFence } from '../../src/actors/trade-fence.js';
import { LEASE_TIMES, tradeLeaseActor, type TradeLeaseMessage } from '../../src/actors/trade-lease.js';
import type { LeaseRow } from '../../src/storage/memory/memory-database.js';
import { ManualTime } from '../runtime/manual-time.js';
import { World } from './world.js';

const held = (world: World): boolean => world.fence.current() !== null;
const holdsBy = (world: World, source: string): boolean[] =>
  world
    .of('riskHold')
    .filter((hold) => hold.source === source)
    .map((hold) => hold.held);
const rowOf = (world: World): LeaseRow => world.database.leases.get('trade')!;
/** Another node has it from now on, whatever this one believes. */
function takeAway(world: World, forMs: number): void {
  const expiresAtMs = world.time.nowMs() + forMs;
  const thief = {
    ...rowOf(world),
    holder: 'thief',
    nonce: '9'.repeat(32),
    fence: rowOf(world).fence + 1,
    expiresAtMs,
  };
  world.database.leases.set('trade', thief);
}

t.test('a node takes the lease when it starts, renews it and journals under its fence', async (t) => {
  const world = await World.start();
  t.match(world.summary('/lease'), { held: true, fence: 1, holder: 'test', reason: '' });
  t.match(holdsBy(world, 'lease').slice(0, 2), [true, false], 'the gate held until it was there');
  await world.time.advance(60_000);
  t.equal(world.fence.current(), 1, 'long after it would have expired');
  t.ok(rowOf(world).renewals > 30);
  world.dislocate();
  world.send();
  await world.time.advance(1_500);
  t.match(world.of('arbitrageClosed'), [{ outcome: 'completed' }]);
  t.strictSame([...world.database.legFences.values()], [1, 1]);
});

t.test(
  'while the store is away the lease runs out, nothing new is risked, and it comes back by itself',
  async (t) => {
    const world = await World.start();
    world.faults.down = true;
    await world.time.advance(LEASE_TIMES.ttlMs - LEASE_TIMES.renewMs - LEASE_TIMES.marginMs - 500);
    t.ok(held(world), 'what is held stays held until its deadline');
    await world.time.advance(2_500);
    t.notOk(held(world));
    t.match(world.summary('/lease'), { held: false, reason: /not renewed in time: .*down/ });
    t.match(world.summary('/gate'), { holds: ['lease'] });
    world.dislocate();
    world.send();
    await world.time.advance(500);
    t.match(world.of('verdict').at(-1), { decision: 'refused', refusals: [{ rule: 'RISK_HOLD' }] });
    world.faults.down = false;
    await world.time.advance(1_000);
    t.equal(world.fence.current(), 2, 'it had expired, so under the next fence');
    t.match(world.summary('/gate'), { holds: [] });
    world.dislocate();
    world.send({ id: 's-2', opportunity: 'o-2' });
    await world.time.advance(1_500);
    t.match(world.of('arbitrageClosed'), [{ outcome: 'completed' }]);
    t.strictSame([...world.database.legFences.values()], [2, 2]);
  },
);

t.test('a lease that another node took is noticed by the journal first, and no order leaves', async (t) => {
  const world = await World.start();
  takeAway(world, 8_000);
  t.ok(held(world), 'this node cannot know yet');
  world.dislocate();
  world.send();
  await world.time.advance(200);
  t.match(world.of('verdict').at(-1), { decision: 'approved' });
  t.match(world.of('arbitrageClosed'), [{ outcome: 'failed' }], 'the journal refused it');
  t.equal(world.database.legs.size, 0);
  t.match(world.summary('/gateway/alpha'), { accepted: 0, blocked: 0 });
  t.match(world.summary('/saga'), { storeAway: false }, 'the journal itself is there');
  t.match(world.summary('/lease'), { held: false, holder: 'thief', reason: /thief holds/, lost: 1 });
  t.match(world.summary('/gate'), { holds: ['lease'], inFlight: 0 });
  await world.time.advance(8_000);
  t.equal(world.fence.current(), 3, 'acquired again once the other let it expire');
  t.match(world.summary('/gate'), { holds: [] });
});

t.test('an order whose lease ran out on its way to the gateway is blocked there', async (t) => {
  const world = await World.start();
  world.dislocate();
  world.faults.delayMs = 100;
  world.send();
  await world.time.advance(50);
  world.fence.drop();
  await world.time.advance(1_000);
  t.equal(world.database.legs.size, 2, 'journalled in time');
  t.match(world.summary('/gateway/alpha'), { accepted: 0, blocked: 1 });
  t.match(world.summary('/gateway/beta'), { accepted: 0, blocked: 1 });
  t.match(world.of('arbitrageClosed'), [{ outcome: 'failed' }]);
});

t.test('the same node takes over at once after its death, the actor finds its own lease again', async (t) => {
  const world = await World.start();
  await world.respawnAfterCrash('/lease');
  await world.time.advance(10);
  t.equal(world.fence.current(), 1, 'another incarnation of the same process');
  await world.kill();
  const next = await World.start({ before: world });
  t.equal(next.fence.current(), 2, 'another process, long before the lease would expire');
});

t.test('an ordered end gives the lease back, a restart by hand keeps it', async (t) => {
  const world = await World.start();
  const stop = async (reason: 'restart' | 'shutdown'): Promise<void> => {
    const stopping = world.system.stop('/lease', reason, 1_000);
    await world.time.advance(10);
    await stopping;
  };
  await stop('restart');
  t.equal(rowOf(world).holder, 'test');
  t.notOk(held(world), 'but nobody spends meanwhile');
  await world.respawn('/lease');
  await world.time.advance(10);
  t.equal(world.fence.current(), 1);
  await stop('shutdown');
  t.strictSame([rowOf(world).holder, rowOf(world).fence], [null, 1]);
});

t.test('a deadline has passed when either clock says so', (t) => {
  const time = new ManualTime(1_000_000);
  const fence = new TradeFence(time);
  const after = (ms: number) => ({
    monotonicMs: fence.now().monotonicMs + ms,
    wallMs: fence.now().wallMs + ms,
  });
  fence.hold(7, after(0), after(5_000));
  t.equal(fence.current(), 7);
  time.jumpWallBy(5_000);
  t.equal(fence.current(), null, 'the wall clock jumped: who knows how long this process stood still');
  time.jumpWallBy(-65_000);
  t.equal(
    fence.current(),
    7,
    'a wall clock that is set back makes no lease longer than the other clock allows',
  );
  fence.hold(8, after(1_250), after(5_000));
  t.equal(fence.current(), null, 'a successor waits until requests of the former holder are over');
  t.end();
});

t.test('a successor waits out what the former holder may have signed', async (t) => {
  const world = await World.start();
  await world.system.stop('/lease', 'restart', 1_000);
  const expiresAtMs = world.time.nowMs() - 1;
  const former = {
    ...rowOf(world),
    holder: 'gone',
    nonce: '8'.repeat(32),
    fence: 5,
    maxExpiryMs: 1_000,
    expiresAtMs,
  };
  world.database.leases.set('trade', former);
  const { bus, stores, time, fence } = world;
  const own = { holder: 'test', nonce: '7'.repeat(32), times: LEASE_TIMES };
  const actor = tradeLeaseActor({ bus, leases: stores.leases, fence, timers: time, ...own });
  const started = world.system.spawn<TradeLeaseMessage>('/successor', actor);
  await time.advance(1_200);
  t.ok((await started).ok);
  t.equal(rowOf(world).fence, 6, 'acquired');
  t.equal(fence.current(), null, 'and not used yet');
  await time.advance(100);
  t.equal(fence.current(), 6, 'request expiry and skew are over');
});
