import t, { type Test } from 'tap';
import { ClockOffsets, clockSyncActor, type ClockSyncMessage } from '../../src/actors/clock-sync.js';
import { binance } from '../../src/connectors/binance.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { HttpClient } from '../../src/ports/network.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { CountingIds, KeptLog, SeededRandom } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import { NOW } from '../risk/fixtures.js';
import { World } from './world.js';

t.test('only what a measurement proves counts as skew, and nothing is said before one', async (t) => {
  const offsets = new ClockOffsets();
  t.equal(offsets.skewMs('okx'), null);
  offsets.set('okx', -400, 150);
  t.equal(offsets.skewMs('okx'), 250);
  offsets.set('okx', 100, 150);
  t.equal(offsets.skewMs('okx'), 0, 'the round trip alone explains it');
});

/** A clock sync that asks a server whose clock can be set. */
async function synced(t: Test) {
  const time = new ManualTime(NOW);
  const log = new KeptLog();
  const server = { aheadMs: 0, silent: false, asked: 0 };
  const http: HttpClient = {
    request: async () => {
      server.asked++;
      if (server.silent) throw new ArbotError('ARB_HTTP_FAILED', 'no answer');
      const serverTime = Math.round(time.nowMs() + server.aheadMs);
      return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ serverTime })) };
    },
  };
  const connector = binance();
  const limiter = new RateLimiter(connector.capabilities.restLimits);
  const offsets = new ClockOffsets();
  const system = new ActorSystem({
    node: 'test',
    engine: new PlainEngine(time, (error) => t.fail(String(error))),
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids: new CountingIds(),
    log,
  });
  const spawned = system.spawn<ClockSyncMessage>(
    '/clock',
    clockSyncActor({
      offsets,
      exchanges: () => [
        { connector, limiter, endpoints: connector.endpoints, http, clock: time, timers: time },
      ],
      maxSkewMs: 250,
      binding: new Set(['binance']),
    }),
  );
  await time.settle();
  t.equal((await spawned).ok, true);
  await time.advance(10);
  return { time, server, offsets, log, summary: () => system.inspect('/clock')?.summary };
}

t.test(
  'a clock is measured at the start and every five minutes, sooner while it is too far off',
  async (t) => {
    const { time, server, offsets, summary } = await synced(t);
    t.equal(server.asked, 1);
    t.equal(offsets.skewMs('binance'), 0);
    server.aheadMs = 900;
    await time.advance(300_000);
    t.equal(server.asked, 2);
    t.equal(offsets.skewMs('binance'), 900);
    t.match(summary(), { skewed: ['binance'] });
    server.aheadMs = 20;
    await time.advance(10_000);
    t.equal(server.asked, 3, 'the exchange is refused meanwhile, so it is asked again soon');
    t.match(summary(), { skewed: [] });
    await time.advance(200_000);
    t.equal(server.asked, 3);
  },
);

t.test('a failed measurement is repeated soon and keeps the one before', async (t) => {
  const { time, server, offsets, summary } = await synced(t);
  server.aheadMs = 40;
  server.silent = true;
  await time.advance(300_000);
  t.match(summary(), { failures: { binance: /no answer/ } });
  t.equal(offsets.skewMs('binance'), 0);
  server.silent = false;
  await time.advance(10_000);
  t.equal(offsets.skewMs('binance'), 40);
});

t.test('a skewed exchange is refused by name while the others trade', async (t) => {
  const offsets = new ClockOffsets();
  const world = await World.start({
    limits: { clockBound: ['alpha', 'beta', 'gamma'] },
    clockSkewMs: (exchange) => offsets.skewMs(exchange),
  });
  offsets.set('alpha', 400, 10);
  offsets.set('beta', 5, 10);
  world.dislocate();
  world.send({ id: 'skewed' });
  await world.time.advance(50);
  t.match(world.of('verdict').at(-1), {
    decision: 'refused',
    refusals: [{ rule: 'CLOCK_SKEW', limit: '250', actual: '390', unit: 'ms', subject: 'alpha' }],
  });
  t.same(
    world.of('riskHold').filter(({ held, source }) => held && source !== 'lease'),
    [],
    'nothing else is held',
  );
  world.quote('gamma:BTC-USDT', 999, 1000);
  world.send({ id: 'sound', buy: 'gamma', sell: 'beta' });
  await world.time.advance(50);
  t.match(world.of('verdict').at(-1), { decision: 'approved' });
  offsets.set('alpha', 20, 10);
  world.send({ id: 'healed' });
  await world.time.advance(50);
  t.match(world.of('verdict').at(-1), { decision: 'approved' });
});
