import fc from 'fast-check';
import t from 'tap';
import type { OrderGatewayMessage } from '../../src/actors/order-gateway-messages.js';
import { OrderGatewayBus } from '../../src/actors/order-gateway-bus.js';
import { UnknownHolds } from '../../src/actors/saga-unknowns.js';
import { startGateway } from '../../src/execution/gateway/gateway-state.js';
import type { SagaState } from '../../src/execution/saga-state.js';
import type { RiskHold } from '../../src/messages/risk.js';
import { Branch } from '../../src/modes/branch.js';
import type { Bus } from '../../src/ports/bus.js';
import { Holds } from '../../src/risk/holds.js';
import type { ActorContext } from '../../src/runtime/actor.js';
import type { ChildSpec } from '../../src/supervisors/spec.js';
import type { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { KeptLog } from '../runtime/harness.js';
import { EXPIRY_MS, MemberWorld, type MemberProcess } from './member-world.js';

/** Several nodes in one process on one clock: who does what, and who may spend, when nodes come, go, stand still and are cut off. */

const NAMES = ['a', 'b', 'c'];
const feedsOf = (world: MemberWorld): string[] =>
  world.living.flatMap(({ feeds }) => feeds.filter(({ isLive }) => isLive).map(({ exchange }) => exchange));
const isFedOnce = (world: MemberWorld): boolean =>
  feedsOf(world).sort().join() === [...world.exchanges].sort().join();
const agreed = (world: MemberWorld): boolean =>
  new Set(world.living.map(({ view }) => JSON.stringify([...view.placement]))).size === 1;

async function settled(): Promise<MemberWorld> {
  const world = await MemberWorld.open(NAMES);
  await world.until(() => world.holders.length === 1 && isFedOnce(world) && agreed(world), 20_000);
  await world.time.advance(5_000);
  return world;
}

t.test('three nodes agree who does what, and the first of the file that lives has the lease', async (t) => {
  const world = await settled();
  t.ok(agreed(world));
  t.ok(isFedOnce(world), feedsOf(world).join());
  t.strictSame(
    world.holders.map(({ name }) => name),
    ['a'],
  );
  for (const duty of [world.living.flatMap(({ assets }) => assets), world.living.flatMap((p) => p.recorded)])
    t.equal(new Set(duty).size, duty.length, 'nothing is done twice');
  t.equal(world.living.filter(({ watches }) => watches).length, 1);
  t.equal(world.node('a').hold?.held, false, 'fit to trade');
  t.strictSame(world.node('b').hold, null, 'a node without a gate says nothing about it');
});

t.test('a killed node loses its feeds within 5 s and the lease within 10 s', async (t) => {
  const world = await settled();
  const moved = [...world.node('a').running.keys()];
  const kept = new Map(world.living.slice(1).map((one) => [one.name, [...one.running.keys()]]));
  world.node('a').kill();
  const feedsMs = await world.until(() => isFedOnce(world), 10_000);
  t.ok(feedsMs <= 5_000, `${moved.length} feeds after ${feedsMs} ms`);
  const leaseMs = feedsMs + (await world.until(() => world.holders.length === 1, 20_000));
  t.ok(leaseMs <= 8_000, `lease after ${leaseMs} ms`);
  t.equal(world.holders[0]?.name, 'b', 'the next of the file');
  t.equal(world.holders[0]?.fence.current(), 2);
  t.ok(world.holders[0]!.fence.formerMayActMs(60_000) > 50_000, 'the former holder is waited for');
  for (const [name, feeds] of kept)
    t.ok(
      feeds.every((one) => world.node(name).running.has(one)),
      `${name} keeps what it had`,
    );
  t.match(world.node('c').changes.at(-1), { kind: 'lost', node: 'a' });
});

t.test('a process that comes back at once moves nothing, and takes its own lease over', async (t) => {
  const world = await settled();
  const before = world.node('b').view.placement;
  world.node('a').kill();
  await world.time.advance(1_000);
  await world.start('a');
  await world.until(() => world.holders.length === 1, 10_000);
  t.strictSame([...world.node('b').view.placement], [...before]);
  t.match(world.node('b').changes.at(-1), { kind: 'restarted', node: 'a' });
  t.equal(world.holders[0]?.name, 'a');
  t.equal(world.holders[0]?.fence.current(), 2);
});

t.test('a drained node stays a member, gives its work away without a gap, and gets it back', async (t) => {
  const world = await settled();
  const drained = world.node('b');
  const before = [...drained.view.placement];
  const had = [...drained.running.keys()];
  drained.view.draining = true;
  let wasFedAlways = true;
  const gone = await world.until(() => {
    wasFedAlways &&= world.exchanges.every((one) => feedsOf(world).includes(one));
    return drained.running.size === 0 && drained.assets.length === 0 && !drained.watches;
  }, 20_000);
  t.ok(had.length > 0 && wasFedAlways, `${had.length} feeds went within ${gone} ms`);
  t.ok(agreed(world) && isFedOnce(world));
  t.ok(world.node('a').view.member('b')?.announced.draining, 'the others know');
  t.notOk(
    world.node('a').changes.some(({ node, kind }) => node === 'b' && kind !== 'joined'),
    'and it is not lost to them',
  );
  drained.view.draining = false;
  await world.until(() => isFedOnce(world) && drained.running.size === had.length, 20_000);
  t.strictSame([...drained.view.placement], before, 'as it was');
});

t.test(
  'a node that stops in order hands over the lease within a second, and feeds without a gap',
  async (t) => {
    const world = await settled();
    const { running } = world.node('a');
    const had = [...running.keys()];
    await world.node('a').stop();
    const leaseMs = await world.until(() => world.holders.length === 1, 5_000);
    t.ok(leaseMs <= 1_000, `${leaseMs} ms`);
    t.equal(world.holders[0]!.fence.formerMayActMs(60_000), 0, 'a clean release is not waited for');
    for (const exchange of had) {
      const isElsewhere = () =>
        world.living.some(
          (one) => one.name !== 'a' && one.feeds.some((f) => f.exchange === exchange && f.isLive),
        );
      while (running.has(exchange)) await world.time.advance(10);
      t.ok(isElsewhere(), `${exchange} was live elsewhere before it ended here`);
    }
    t.match(world.node('c').changes.at(-1), { kind: 'left', node: 'a' });
  },
);

t.test('programs that differ hold the gate by name until they are the same, feeds go on', async (t) => {
  const world = await settled();
  world.node('c').kill();
  await world.time.advance(500);
  const other = await world.start('c', { build: 'bbbbbbbb' });
  await world.time.advance(5_000);
  t.match(world.node('a').hold, { held: true, reason: /programs differ: this node aaaaaaaa, c bbbbbbbb/ });
  t.match(world.node('a').changes.at(-1), { kind: 'build-differs', node: 'c', build: 'bbbbbbbb' });
  t.ok(isFedOnce(world));
  other.kill();
  await world.start('c');
  await world.time.advance(3_000);
  t.equal(world.node('a').hold?.held, false);
});

t.test('what is in no file of the program holds the gate too where it differs', async (t) => {
  const settings = { trading: '1'.repeat(16), verdictKey: '2'.repeat(16) };
  const world = await MemberWorld.open([]);
  for (const name of ['a', 'b']) await world.start(name, { settings });
  const holdWith = async (other: Partial<typeof settings>) => {
    const c = await world.start('c', { settings: { ...settings, ...other } });
    await world.time.advance(5_000);
    const { hold } = world.node('a');
    c.kill();
    await world.time.advance(5_000);
    return hold;
  };
  await world.until(() => world.holders.length === 1, 10_000);
  const [holder] = world.holders;
  t.equal(holder?.name, 'a');
  t.match(await holdWith({}), { held: false });
  t.match(await holdWith({ trading: '3'.repeat(16) }), {
    held: true,
    reason: 'trading.config.ts of this node differs from that of c',
  });
  t.match(await holdWith({ verdictKey: '3'.repeat(16) }), {
    held: true,
    reason: 'ARBOT_VERDICT_KEY_HEX of this node differs from that of c',
  });
  t.equal(world.node('a').hold?.held, false, 'and lets go of it when that node is gone');
});

t.test('a node that hears nobody for its own pause or cut loses nobody by it', async (t) => {
  const world = await settled();
  const b = world.node('b');
  const known = b.changes.length;
  b.times.state = 'paused';
  await world.time.advance(20_000);
  b.times.resume();
  await world.time.advance(1_000);
  t.equal(b.changes.length, known, 'the others were not lost to it');
  t.match(
    world
      .node('a')
      .changes.slice(-2)
      .map(({ kind }) => kind),
    ['lost', 'joined'],
    'it was, to them',
  );
  world.cuts.add('a>b');
  await world.time.advance(3_000);
  t.match(b.changes.at(-1), { kind: 'lost', node: 'a' });
  t.equal(world.holders.length, 1, 'which concerns nobody who spends');
  world.cuts.clear();
  await world.time.advance(2_000);
  t.match(b.changes.at(-1), { kind: 'joined', node: 'a' });
});

t.test('without its store a holder is silent before another one has the lease', async (t) => {
  const world = await settled();
  const a = world.node('a');
  a.storeIsCut = true;
  const silentMs = await world.until(() => a.fence.current() === null, 20_000);
  t.ok(silentMs <= 5_000, `silent after ${silentMs} ms`);
  t.equal(world.holders.length, 0);
  await world.time.advance(1_000);
  t.notOk(a.isKept, 'and what spends has ended');
  await world.until(() => world.holders.length === 1, 20_000);
  t.equal(world.holders[0]?.name, 'b');
  a.storeIsCut = false;
  await world.time.advance(10_000);
  t.strictSame(
    world.holders.map(({ name }) => name),
    ['b'],
  );
});

/** Accepts what has not expired, and remembers under which fences. */
class Exchange {
  readonly accepted: number[] = [];
  late = 0;

  receive(order: { readonly fence: number; readonly expiresAtMs: number }, nowMs: number): void {
    if (nowMs > order.expiresAtMs) this.late++;
    else this.accepted.push(order.fence);
  }
}

/** Checks, signs and sends as an order gateway does, with a moment between each in which its process may stand still. */
function spend(process: MemberProcess, exchange: Exchange): void {
  const { times, fence } = process;
  const again = () => times.setTimer(attempt, 40);
  const attempt = () => {
    const [current, leftMs, signedAtMs] = [fence.current(), fence.leftMs(), times.nowMs()];
    if (current === null || leftMs === null || leftMs < 150) return again();
    const expiresAtMs = signedAtMs + Math.min(EXPIRY_MS, leftMs - 100);
    times.setTimer(() => {
      exchange.receive({ fence: current, expiresAtMs }, times.nowMs());
      again();
    }, 3);
    return undefined;
  };
  attempt();
}

t.test(
  'whatever stands still, dies or is cut off, no exchange accepts an older fence after a newer',
  async (t) => {
    const trouble = fc.record({
      kind: fc.constantFrom('pause', 'store', 'kill', 'deaf'),
      who: fc.constantFrom(...NAMES),
      forMs: fc.integer({ min: 500, max: 12_000 }),
      thenMs: fc.integer({ min: 0, max: 6_000 }),
    });
    let fences = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(trouble, { minLength: 2, maxLength: 6 }), async (troubles) => {
        const world = await MemberWorld.open(NAMES);
        const exchange = new Exchange();
        for (const one of world.living) spend(one, exchange);
        await world.time.advance(8_000);
        for (const { kind, who, forMs, thenMs } of troubles) {
          const one = world.node(who);
          if (kind === 'pause') one.times.state = 'paused';
          else if (kind === 'store') one.storeIsCut = true;
          else if (kind === 'kill') one.kill();
          else for (const name of NAMES) world.cuts.add(`${who}>${name}`);
          await world.time.advance(forMs);
          if (kind === 'pause') one.times.resume();
          else if (kind === 'store') one.storeIsCut = false;
          else if (kind === 'kill') spend(await world.start(who), exchange);
          else world.cuts.clear();
          await world.time.advance(thenMs);
        }
        const before = exchange.accepted.length;
        await world.time.advance(15_000);
        const { accepted } = exchange;
        fences += new Set(accepted).size;
        const grows = accepted.every((fence, index) => index === 0 || fence >= accepted[index - 1]!);
        // And after the trouble somebody spends again, and all is fed once.
        return grows && accepted.length > before && world.holders.length === 1 && isFedOnce(world);
      }),
      { numRuns: 10 },
    );
    t.ok(fences > 10, `${fences} fences`);
  },
);

t.test('an asset that was let go while the bus broke does not stay held', (t) => {
  const gate = new Holds();
  let isBroken = false;
  const bus = {
    publish: (_: string, kind: string, body: unknown) => {
      if (kind === 'riskHold' && !isBroken) gate.apply(body as RiskHold);
    },
  } as unknown as Bus;
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const of = (status: string) =>
    ({
      terms: { arbitrageId: 'a', base: 'BTC', shape: { kind: 'plain' } },
      orders: [{ status }],
    }) as unknown as SagaState;

  const saga = new UnknownHolds(bus, clock);
  saga.see(of('unknown'));
  t.match(gate.all(), [{ source: 'unknown:BTC' }]);
  isBroken = true;
  saga.see(of('filled'));
  isBroken = false;
  saga.announce();
  t.strictSame(gate.all(), [], 'of an order that nobody knew');

  const context = { clock, log: new KeptLog() } as unknown as ActorContext<OrderGatewayMessage>;
  const account = new OrderGatewayBus({ bus, exchange: 'okx', context, orderRoom: () => 1 });
  const state = startGateway({
    ...{ exchange: 'okx', instruments: [], nowMs: 0 },
    times: { reconcileEveryMs: 60_000, requestLifeMs: 1_000, pauseMs: 1_000 },
  });
  account.hold('ETH', true, 'holds 1 more ETH than the ledger explains');
  isBroken = true;
  account.hold('ETH', false, '');
  isBroken = false;
  t.match(gate.all(), [{ source: 'gateway-okx-ETH', asset: 'ETH' }]);
  account.announce(state, 0);
  t.notOk(
    gate.all().some(({ asset }) => asset === 'ETH'),
    'of an account',
  );
  const spoken: unknown[] = [];
  const end = bus.publish;
  bus.publish = (subject, kind, body, options) => {
    if (kind === 'riskHold' && (body as RiskHold).asset !== undefined) spoken.push(body);
    end(subject, kind, body, options);
  };
  for (let look = 0; look < 60; look++) {
    saga.announce();
    account.announce(state, 0);
  }
  t.ok(spoken.length < 30, `and is not told for ever: ${spoken.length}`);
  t.end();
});

t.test('a wish that comes while a branch ends its work is carried out too', async (t) => {
  const child = { worker: { id: 'feed' } } as unknown as ChildSpec;
  for (let turns = 0; turns < 12; turns++) {
    const there = new Set<string>();
    const tree = {
      addChild: async (below: string) => void there.add(`${below}/feed`),
      removeChild: async (path: string) => void there.delete(path),
    } as unknown as SupervisionTree;
    const branch = new Branch({ tree: () => tree, below: 'feeds', log: new KeptLog() });
    const first = branch.want([child]);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await branch.want([]);
    t.equal(there.size, 0, `after ${turns} turns`);
    await first;
    t.notOk(branch.isRunning);
  }
});
