import fc from 'fast-check';
import t from 'tap';
import { supervisionEvent } from '../../src/messages/supervision.js';
import type { RestartType, Strategy } from '../../src/supervisors/spec.js';
import { backoffMs, countCrash, probeDelayMs } from '../../src/supervisors/restart-policy.js';
import { Diary, during, plant, supervisor, worker, type Order } from './forest.js';

const STRATEGIES: readonly Strategy[] = ['one_for_one', 'one_for_all', 'rest_for_one'];
const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary'];

t.test('children start left to right and stop right to left, supervisors within', async (t) => {
  const diary = new Diary();
  const inner = supervisor('inner', [worker('b', diary), worker('c', diary)]);
  const spec = supervisor('root', [worker('a', diary), { supervisor: inner }, worker('d', diary)]);
  const { tree, time, taken, events } = plant(spec);
  await tree.start();
  t.equal(diary.taken(), '+a +b +c +d');
  t.same(taken(), ['started a', 'started b', 'started c', 'started inner', 'started d', 'started root']);
  await during(time, tree.stop(), 10);
  t.equal(diary.taken(), '-d -c -b -a');
  t.same(taken(), ['stopped d', 'stopped c', 'stopped b', 'stopped inner', 'stopped a', 'stopped root']);
  t.equal(time.pendingTimers(), 0, 'no timer is left');
  t.ok(
    events.every((event) => supervisionEvent.safeParse(event).success),
    'every event has the shape of its schema',
  );
  t.equal(new Set(events.map(({ eventId }) => eventId)).size, events.length, 'and an id of its own');
});

/** What becomes of children a, b, c when b ends for a reason: the diary until all is quiet. */
const GRID: Record<Strategy, Record<RestartType, Record<'crash' | 'hang' | 'exit', string>>> = {
  one_for_one: {
    permanent: { crash: '-b +b', hang: '-b +b', exit: '-b +b' },
    transient: { crash: '-b +b', hang: '-b +b', exit: '-b' },
    temporary: { crash: '-b', hang: '-b', exit: '-b' },
  },
  one_for_all: {
    permanent: { crash: '-b -c -a +a +b +c', hang: '-b -c -a +a +b +c', exit: '-b -c -a +a +b +c' },
    transient: { crash: '-b -c -a +a +b +c', hang: '-b -c -a +a +b +c', exit: '-b' },
    temporary: { crash: '-b', hang: '-b', exit: '-b' },
  },
  rest_for_one: {
    permanent: { crash: '-b -c +b +c', hang: '-b -c +b +c', exit: '-b -c +b +c' },
    transient: { crash: '-b -c +b +c', hang: '-b -c +b +c', exit: '-b' },
    temporary: { crash: '-b', hang: '-b', exit: '-b' },
  },
};

for (const strategy of STRATEGIES)
  t.test(`${strategy}: each restart type meets each reason to end`, async (t) => {
    for (const restart of RESTARTS)
      for (const order of ['crash', 'hang', 'exit'] as const) {
        const diary = new Diary();
        const children = [worker('a', diary), worker('b', diary, { restart }), worker('c', diary)];
        const { tree, time, tell } = plant(supervisor('root', children, { strategy }));
        await tree.start();
        diary.taken();
        tell('root/b', order);
        await time.advance(500);
        t.equal(diary.taken(), GRID[strategy][restart][order], `${restart}, ${order}`);
        tell('root/a', 'crash');
        await time.advance(500);
        if (restart === 'temporary') t.notMatch(diary.taken(), /\+b/, 'temporary never starts again');
        await during(time, tree.stop(), 10);
        t.equal(time.pendingTimers(), 0);
      }
  });

t.test('a failed start counts as a restart and holds back only what depends on it', async (t) => {
  for (const strategy of STRATEGIES) {
    const diary = new Diary();
    diary.failingStarts.set('root/b', 2);
    const children = [worker('a', diary), worker('b', diary), worker('c', diary)];
    const { tree, time, taken } = plant(supervisor('root', children, { strategy }));
    await tree.start();
    await time.advance(1_000);
    const expected = {
      one_for_one: '+a +c +b',
      one_for_all: '+a -a +a -a +a +b +c',
      rest_for_one: '+a +b +c',
    };
    t.equal(diary.taken(), expected[strategy], strategy);
    t.equal(taken().filter((line) => line === 'start_failed b').length, 2);
    t.equal(tree.tree().children[1]?.inspection.restarts, 2);
    await during(time, tree.stop(), 10);
  }
});

t.test(
  'a child that keeps crashing is given up: the supervisor fails, then its parent decides',
  async (t) => {
    const diary = new Diary();
    const inner = supervisor('inner', [worker('a', diary), worker('b', diary)]);
    const spec = supervisor('root', [{ supervisor: inner }, worker('other', diary)]);
    const { tree, time, tell, taken, rootFailures } = plant(spec);
    await tree.start();
    taken();
    const crashThrice = async (): Promise<void> => {
      for (let n = 0; n < 3; n++) {
        tell('root/inner/a', 'crash');
        await time.advance(50);
      }
    };
    await crashThrice();
    t.same(taken(), [
      ...['crashed a', 'restarting a', 'restarted a', 'crashed a', 'restarting a', 'restarted a'],
      ...[
        'crashed a',
        'intensity_reached a',
        'escalated a',
        'stopped b',
        'crashed inner',
        'restarting inner',
      ],
      ...['restarted a', 'restarted b', 'restarted inner'],
    ]);
    t.equal(tree.tree().children[0]?.inspection.crashes, 1);
    t.match(tree.tree().children[0]?.inspection.lastError?.message, /root\/inner\/a was given up/);
    await crashThrice();
    await crashThrice();
    t.equal(rootFailures.length, 1, 'the root gave up after its own intensity');
    t.same(taken().slice(-3), ['escalated inner', 'stopped other', 'escalated root']);
    t.equal(time.pendingTimers(), 0, 'everything has stopped');
    t.equal(diary.taken().endsWith('-other'), true);
    await during(time, tree.stop(), 10);
  },
);

t.test('a supervisor whose first pass gives up fails its start once', async (t) => {
  const diary = new Diary();
  diary.failingStarts.set('root/inner/b', 100);
  const once = { intensity: { restarts: 1, stableMs: 1_000 } };
  const inner = supervisor('inner', [worker('a', diary), worker('b', diary)], once);
  const { tree, time, taken } = plant(supervisor('root', [{ supervisor: inner }], once));
  await t.rejects(tree.start(), { message: /root\/inner was given up/ });
  t.same(taken(), [
    ...['started a', 'start_failed b', 'intensity_reached b', 'escalated b', 'stopped a'],
    ...['start_failed inner', 'intensity_reached inner', 'escalated inner'],
  ]);
  t.equal(time.pendingTimers(), 0);
});

t.test('a burst of crashes ends in quarantine, probes grow, and a stable probe recovers', async (t) => {
  const diary = new Diary();
  const giveUp = { kind: 'quarantine', probeMinMs: 5_000, probeMaxMs: 15_000 } as const;
  const spec = supervisor('root', [worker('feed', diary, { giveUp }), worker('other', diary)]);
  const { tree, time, tell, taken, events, rootFailures } = plant(spec);
  await tree.start();
  taken();
  for (let n = 0; n < 3; n++) {
    tell('root/feed', 'crash');
    await time.advance(50);
  }
  t.same(taken().slice(-3), ['crashed feed', 'intensity_reached feed', 'quarantined feed']);
  t.equal(tree.tree().children[0]?.state, 'quarantined');
  t.equal(tree.tree().children[0]?.nextStartInMs, 4_950);
  for (const delayMs of [5_000, 10_000, 15_000, 15_000]) {
    t.equal(events.filter(({ kind }) => kind === 'quarantined').at(-1)?.delayMs, delayMs);
    await time.advance(delayMs);
    t.same(taken(), ['probing feed', 'restarted feed']);
    tell('root/feed', 'crash');
    await time.settle();
    t.same(taken(), ['crashed feed', 'quarantined feed'], 'one early crash of a probe parks it again');
  }
  await time.advance(15_000);
  await time.advance(1_000);
  t.same(taken(), ['probing feed', 'restarted feed', 'recovered feed']);
  tell('root/feed', 'crash');
  await time.advance(10);
  t.same(taken(), ['crashed feed', 'restarting feed', 'restarted feed'], 'it has a clean record again');
  for (let n = 0; n < 2; n++) {
    tell('root/feed', 'crash');
    await time.advance(50);
  }
  taken();
  await tree.releaseQuarantine('root/feed');
  t.same(taken(), ['restarted feed'], 'a person may release it early');
  await t.rejects(tree.releaseQuarantine('root/feed'), { code: 'ARB_ACTOR_STOPPED' });
  t.same(rootFailures, []);
  t.equal(tree.tree().children[1]?.inspection.incarnation, 1, 'the sibling never noticed');
  await during(time, tree.stop(), 10);
  t.equal(time.pendingTimers(), 0);
});

t.test('quarantine of one member parks a group as a whole', async (t) => {
  const diary = new Diary();
  const giveUp = { kind: 'quarantine', probeMinMs: 5_000, probeMaxMs: 5_000 } as const;
  const pair = [worker('socket', diary, { giveUp }), worker('book', diary, { giveUp })];
  const exchange = supervisor('exchange', pair, { strategy: 'one_for_all' });
  const { tree, time, tell, rootFailures } = plant(supervisor('root', [{ supervisor: exchange }]));
  await tree.start();
  for (let n = 0; n < 3; n++) {
    tell('root/exchange/book', 'crash');
    await time.advance(50);
  }
  const states = (): unknown => tree.tree().children[0]?.children.map(({ state }) => state);
  t.same(states(), ['quarantined', 'quarantined']);
  await time.advance(5_000);
  t.same(states(), ['running', 'running']);
  t.same(rootFailures, []);
  await during(time, tree.stop(), 10);
});

t.test('100 crashes beyond the stable period make 100 restarts, and siblings miss nothing', async (t) => {
  for (const engine of ['nact', 'plain'] as const) {
    const diary = new Diary();
    const spec = supervisor('root', [worker('a', diary), worker('feed', diary), worker('c', diary)]);
    const { tree, time, tell, system, events } = plant(spec, engine);
    await tree.start();
    for (let n = 0; n < 100; n++) {
      tell('root/feed', 'crash');
      for (const path of ['root/a', 'root/c']) tell(path, 'ping');
      await time.advance(1_100);
    }
    t.match(system.inspect('root/feed'), { restarts: 100, crashes: 100, state: 'running' });
    t.equal(events.filter(({ kind }) => kind === 'restarted').length, 100);
    for (const path of ['root/a', 'root/c']) {
      t.equal(diary.pings.get(path), 100);
      t.match(system.inspect(path), { restarts: 0, crashes: 0 });
    }
    t.ok(system.accounting().isBalanced);
    await during(time, tree.stop(), 10);
    t.equal(time.pendingTimers(), 0);
  }
});

t.test('back-off never outruns intensity', async (t) => {
  const backoff = fc
    .record({
      minMs: fc.integer({ min: 0, max: 5_000 }),
      extraMs: fc.integer({ min: 0, max: 300_000 }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ minMs, extraMs, jitter }) => ({ minMs, maxMs: minMs + extraMs, jitter }));
  const intensity = fc.record({
    restarts: fc.integer({ min: 1, max: 8 }),
    stableMs: fc.integer({ min: 100, max: 60_000 }),
  });
  fc.assert(
    fc.property(
      backoff,
      fc.integer({ min: 1, max: 2_000 }),
      fc.double({ max: 0.999, min: 0, noNaN: true }),
      (b, n, chance) => {
        const delayMs = backoffMs(b, n, chance);
        const fullMs = backoffMs(b, n, 0);
        return (
          delayMs >= 0 &&
          delayMs <= b.maxMs &&
          delayMs >= fullMs * (1 - b.jitter) - 1e-6 &&
          fullMs >= Math.min(b.minMs, b.maxMs) &&
          backoffMs(b, n + 1, 0) >= fullMs
        );
      },
    ),
  );
  t.equal(probeDelayMs({ kind: 'quarantine', probeMinMs: 10, probeMaxMs: 35 }, 3, 0, 0), 35);
  fc.assert(
    fc.property(
      intensity,
      fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 40 }),
      (limits, runs) => {
        let crashes = 0;
        let unstable = 0;
        for (const ranMs of runs) {
          const decision = countCrash(crashes, ranMs, limits);
          unstable = ranMs >= limits.stableMs ? 1 : unstable + 1;
          if (decision.giveUp !== unstable >= limits.restarts) return false;
          crashes = decision.crashes;
          if (decision.giveUp) break;
        }
        return true;
      },
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      backoff,
      intensity,
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      async (b, limits, share) => {
        const diary = new Diary();
        const spec = supervisor('root', [worker('a', diary, { backoff: b }), worker('b', diary)], {
          intensity: limits,
        });
        const { tree, time, tell, events, rootFailures } = plant(spec);
        await tree.start();
        for (let n = 1; n <= limits.restarts; n++) {
          await time.advance(Math.floor(limits.stableMs * share));
          if (rootFailures.length > 0) return false;
          tell('root/a', 'crash');
          await time.settle();
          if (n < limits.restarts) await time.advance(time.nextDueInMs() ?? 0);
        }
        const restarts = events.filter(({ kind }) => kind === 'restarted').length;
        // I18: restarts = crashes - escalations, and nothing lives after the escalation.
        return rootFailures.length === 1 && restarts === limits.restarts - 1 && time.pendingTimers() === 0;
      },
    ),
    { numRuns: 40 },
  );
  t.pass('whatever the back-off, the nth early crash gives up, and delays stay within their bounds');
});

t.test('a stop cuts into starts and waits for nobody longer than allowed', async (t) => {
  const diary = new Diary();
  const never = worker('never', diary, {
    actor: {
      kind: 'probe',
      mailbox: { capacity: 1, policyOf: () => ({ kind: 'reject' }) },
      handlerTimeoutMs: 100,
      create: () => new Promise<never>(() => undefined),
    },
  });
  const stuck = plant(supervisor('root', [worker('a', diary), { supervisor: supervisor('in', [never]) }]));
  const starting = stuck.tree.start().catch((error: Error) => error.message);
  await stuck.time.settle();
  await during(stuck.time, stuck.tree.stop(), 0);
  t.equal(await starting, 'stopped while starting');
  t.equal(diary.taken(), '+a -a');
  t.equal(stuck.time.pendingTimers(), 0);

  const hanging = plant(supervisor('root', [worker('a', diary), worker('b', diary)]));
  await hanging.tree.start();
  diary.taken();
  hanging.tell('root/b', 'hang');
  await hanging.time.settle();
  await during(hanging.time, hanging.tree.stop(), 100);
  t.equal(diary.taken(), '-b -a', 'a hung child is left behind after its shutdown time');
  t.ok(hanging.taken().includes('abandoned b'));
  t.equal(hanging.time.pendingTimers(), 0);

  const waiting = plant(supervisor('root', [worker('a', diary)]));
  await waiting.tree.start();
  waiting.tell('root/a', 'crash');
  await waiting.time.settle();
  await during(waiting.time, waiting.tree.stop(), 0);
  t.equal(waiting.time.pendingTimers(), 0, 'a planned restart is cancelled');
  await waiting.tree.start();
  t.equal(waiting.tree.tree().children[0]?.state, 'running', 'and a stopped tree can start again');
  await during(waiting.time, waiting.tree.stop(), 10);
});

t.test('a person restarts, crashes, stops, adds and removes by path', async (t) => {
  const diary = new Diary();
  const rest = supervisor('trade', [worker('lease', diary), worker('gate', diary)], {
    strategy: 'rest_for_one',
  });
  const { tree, time, taken, system } = plant(supervisor('root', [{ supervisor: rest }, worker('x', diary)]));
  await tree.start();
  taken();
  diary.taken();
  await during(time, tree.restart('root/trade/lease'), 10);
  t.equal(diary.taken(), '-gate -lease +lease +gate', 'what depends on it is restarted with it');
  await during(time, tree.restart('root/trade'), 10);
  t.equal(diary.taken(), '-gate -lease +lease +gate');
  taken();
  await tree.crash('root/x', 'to see');
  await time.advance(20);
  t.same(taken(), ['crashed x', 'restarting x', 'restarted x']);
  t.match(system.inspect('root/x')?.lastError?.message, /on request: to see/);
  await during(time, tree.stopChild('root/x'), 10);
  await time.advance(10_000);
  t.match(
    tree.tree().children[1],
    { state: 'stopped', heldByOperator: true },
    'even a permanent child stays',
  );
  await t.rejects(tree.crash('root/x', ''), { code: 'ARB_ACTOR_STOPPED' });
  await during(time, tree.restart('root/x'), 10);
  t.match(tree.tree().children[1], { state: 'running', heldByOperator: false });
  diary.taken();
  await tree.addChild('root/trade', worker('gateway', diary));
  t.equal(diary.taken(), '+gateway');
  await t.rejects(tree.addChild('root/trade', worker('gateway', diary)), { code: 'ARB_CONFIG_INVALID' });
  await during(time, tree.restart('root/trade/gate'), 10);
  t.equal(diary.taken(), '-gateway -gate +gate +gateway');
  await during(time, tree.removeChild('root/trade/gateway'), 10);
  t.equal(system.inspect('root/trade/gateway'), null);
  for (const path of ['root/none', 'none', 'root/x/y', ''])
    await t.rejects(tree.restart(path), { code: 'ARB_ACTOR_UNKNOWN' }, path);
  await t.rejects(tree.crash('root/trade', ''), { code: 'ARB_ACTOR_UNKNOWN' });
  await during(time, tree.stop(), 10);
  t.equal(time.pendingTimers(), 0);
  t.ok(system.accounting().isBalanced);
});

t.test('a crash beside a running handler waits for it before the next incarnation', async (t) => {
  const diary = new Diary();
  let inside = 0;
  let insideMax = 0;
  const spec = supervisor('root', [worker('a', diary)]);
  const { tree, time, system } = plant(spec);
  await tree.addChild('root', {
    worker: {
      id: 'w',
      restart: 'permanent',
      shutdownMs: 100,
      backoff: { minMs: 1, maxMs: 1, jitter: 0 },
      giveUp: { kind: 'escalate' },
      actor: {
        kind: 'probe',
        mailbox: { capacity: 10, policyOf: () => ({ kind: 'reject' }) },
        handlerTimeoutMs: 1_000,
        create: () => ({
          async handle(): Promise<void> {
            inside += 1;
            insideMax = Math.max(insideMax, inside);
            await new Promise<void>((go) => void time.setTimer(go, 50));
            inside -= 1;
          },
        }),
      },
    },
  });
  await tree.start();
  system.address<Order>('root/w').tell('ping');
  await time.settle();
  system.crash('root/w', new Error('in a callback'));
  await time.advance(40);
  t.notOk(system.lifeOf('root/w').isAlive);
  await time.advance(20);
  t.ok(system.lifeOf('root/w').isAlive);
  system.address<Order>('root/w').tell('ping');
  await time.advance(60);
  t.equal(insideMax, 1);
  await during(time, tree.stop(), 10);
});
