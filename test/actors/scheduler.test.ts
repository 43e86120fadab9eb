import t from 'tap';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import {
  schedulerActor,
  type SchedulerActorOptions,
  type SchedulerMessage,
} from '../../src/actors/scheduler.js';
import { dayStartMs, type UtcDay } from '../../src/messages/performance.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { KeptLog } from '../runtime/harness.js';
import { ManualTime } from '../runtime/manual-time.js';
import * as s from '../storage/samples.js';

t.setTimeout(170_000);

const HOUR = 3_600_000;
const MINUTE = 60_000;
const DAY = '2026-05-04';
const DELAY_MS = 2 * MINUTE;

/** A scheduler alone, over stores in memory, on manual time that starts at `hours` of DAY. */
async function rig(
  hours: number,
  change: Partial<SchedulerActorOptions> = {},
  database = createMemoryDatabase(),
) {
  const time = new ManualTime(dayStartMs(DAY) + hours * HOUR);
  const log = new KeptLog();
  const faults = noFaults();
  const stores = await openStores(
    { kind: 'memory', mode: 'PAPER', database, faults },
    { log, timers: time, clock: time },
  );
  const random = new SeededRandom('scheduler');
  const ids = new TimeOrderedIds(time, random);
  const engine = new PlainEngine(time, () => undefined);
  const system = new ActorSystem({ node: 'test', engine, clock: time, timers: time, random, ids, log });
  const bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
  const told: string[] = [];
  bus.subscribe('performance.day', 'dayClosed', ({ message }) => told.push(message.day));
  const start = async () => {
    const outcome = system.spawn<SchedulerMessage>(
      '/scheduler',
      schedulerActor({
        stores,
        bus,
        currency: 'USDT',
        dailyDelayMs: DELAY_MS,
        retention: null,
        retry: { minMs: 5_000, maxMs: 60_000 },
        ...change,
      }),
    );
    await time.settle();
    t.equal((await outcome).ok, true);
  };
  const mark = (atMs: number, equity: string) =>
    stores.portfolio.saveSnapshot(
      s.sampleSnapshot(atMs, {
        equity,
        holdings: [{ exchange: 'okx', asset: 'USDT', amount: equity, mark: '1' }],
        baseline: [],
      }),
    );
  const rows = async () =>
    (await stores.performance.days('USDT', null, 1_000)).map(({ day }) => day).reverse();
  return {
    time,
    log,
    faults,
    stores,
    database,
    start,
    mark,
    rows,
    told,
    summary: () => ({ ...system.inspect('/scheduler')?.summary }),
  };
}

/** Time passes in steps of minutes, as on a machine: a day at once would be one timer after the other anyway. */
const at = (day: UtcDay, hours: number): number => dayStartMs(day) + hours * HOUR;

t.test('a row is written a little after each midnight, from what was known by then', async (t) => {
  const world = await rig(20);
  await world.mark(at(DAY, 20), '1000');
  await world.start();
  await world.time.advance(3 * HOUR);
  await world.mark(at(DAY, 23), '1010');
  await world.time.advance(HOUR + DELAY_MS - 1);
  t.same(await world.rows(), [], 'what closed before midnight may still be on its way to the store');
  await world.time.advance(10);
  t.same(await world.rows(), [DAY]);
  await world.mark(at('2026-05-05', 12), '1020.1');
  await world.time.advance(48 * HOUR);
  t.same(await world.rows(), [DAY, '2026-05-05', '2026-05-06']);
  t.match(await world.stores.performance.days('USDT', null, 3), [
    { carried: true, dayReturn: '0' },
    { carried: false, tradingNet: '10.1', dayReturn: '0.01', index: '1.0201' },
    { carried: false, tradingNet: '10' },
  ]);
  t.match(world.summary(), { lastDay: '2026-05-06', written: 3, carried: 1, lastError: null });
  t.same(world.told, [DAY, '2026-05-05', '2026-05-06'], 'and each is told');
});

t.test(
  'after downtime every missed day is written, oldest first, and those without a snapshot are told of',
  async (t) => {
    const world = await rig(0);
    await world.mark(at('2026-04-20', 5), '1000');
    await world.mark(at('2026-04-22', 5), '990');
    await world.start();
    await world.time.advance(29_000);
    t.same(await world.rows(), [], 'the money actors come first');
    await world.time.advance(61_000);
    t.equal((await world.rows()).length, 13, 'yesterday is not due within the delay');
    await world.time.advance(DELAY_MS);
    const rows = await world.rows();
    t.equal(rows.length, 14, '20 April to 3 May');
    t.same(rows.slice(0, 3), ['2026-04-20', '2026-04-21', '2026-04-22']);
    const told = world.log.lines.filter(({ message }) => /had no snapshot/.test(message));
    t.match(told, [
      { level: 'warn', fields: { days: 11 } },
      { level: 'warn', fields: { days: 1 } },
    ]);

    const again = await rig(1, {}, world.database);
    await again.start();
    await again.time.advance(2 * HOUR);
    t.equal((await again.rows()).length, 14, 'a restart writes nothing twice');
    t.match(again.summary(), { written: 0, lastDay: '2026-05-03' });
  },
);

t.test('a store that is away is asked again, and nothing is lost or written twice', async (t) => {
  const world = await rig(12);
  await world.mark(at('2026-05-01', 5), '1000');
  world.faults.down = true;
  await world.start();
  await world.time.advance(10 * MINUTE);
  t.match(world.summary(), { written: 0, lastError: /down/ });
  world.faults.down = false;
  world.faults.lostAcknowledgements = 1;
  await world.time.advance(5 * MINUTE);
  t.same(await world.rows(), ['2026-05-01', '2026-05-02', '2026-05-03']);
  t.match(world.summary(), { lastDay: '2026-05-03', lastError: null });
});

t.test(
  'a clock that is set back writes nothing anew, and one set ahead is noticed within the hour',
  async (t) => {
    const world = await rig(12);
    await world.mark(at(DAY, 5), '1000');
    await world.start();
    await world.time.advance(HOUR);
    world.time.jumpWallBy(24 * HOUR);
    await world.time.advance(HOUR);
    t.same(await world.rows(), [DAY]);
    world.time.jumpWallBy(-72 * HOUR);
    await world.time.advance(30 * HOUR);
    t.same(await world.rows(), [DAY]);
  },
);

t.test('old telemetry is forgotten once a day in small steps, and nothing of money', async (t) => {
  const retention = { arbitrage_signals: 30, opportunity_events: 14, portfolio_snapshots: 90 };
  const world = await rig(12, { retention });
  const nowMs = at(DAY, 12);
  const age = (days: number) => nowMs - days * 24 * HOUR;
  for (let i = 0; i < 1_200; i++)
    await world.stores.signals.saveOpportunity(s.sampleEvent(`old-${i}`, { atMs: age(20) + i }));
  await world.stores.signals.saveOpportunity(s.sampleEvent('young', { atMs: age(1) }));
  for (const [key, days, decide] of [
    ['old', 40, s.refused],
    ['bought', 40, s.approved],
    ['young', 3, s.refused],
  ] as const) {
    const signal = s.sampleSignal(key);
    await world.stores.signals.saveSignal(signal, { ...decide(signal), decidedAtMs: age(days) });
  }
  for (const [days, hours] of [
    [101, 0],
    [100, 0],
    [100, 1],
    [100, 2],
    [1, 0],
  ] as const)
    await world.mark(age(days) + hours * HOUR, '1000');
  const fill = s.sampleFill('old', { exchangeTimeMs: age(1_000) });
  await world.stores.ledger.bookFill(fill, { ...s.fillEntry(fill), bookedAtMs: age(1_000) });
  await world.start();
  await world.time.advance(HOUR);
  t.match(world.summary(), {
    removed: { opportunity_events: 1_200, arbitrage_signals: 1, portfolio_snapshots: 2 },
    thinnedOn: DAY,
    lastError: null,
  });
  t.equal((await world.stores.signals.recentOpportunities(10)).length, 1);
  t.equal((await world.stores.signals.recentSignals(10)).length, 2);
  t.equal((await world.stores.ledger.fills(0, 10)).length, 1);
  const before = await world.stores.performance.facts('2026-01-24', 'USDT');
  t.match(
    before.last,
    { atMs: age(100) + 2 * HOUR },
    'the last of a day stays, so that its row can be worked out again',
  );
  await world.stores.signals.saveOpportunity(s.sampleEvent('late', { atMs: age(20) }));
  await world.time.advance(2 * HOUR);
  t.equal((await world.stores.signals.recentOpportunities(10)).length, 2, 'not again on the same day');
  await world.time.advance(24 * HOUR);
  t.equal((await world.stores.signals.recentOpportunities(10)).length, 1);
});
