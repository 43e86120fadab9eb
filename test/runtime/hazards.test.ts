import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as nact from 'nact';
import t from 'tap';
import type { Address, Reply } from '../../src/runtime/actor.js';
import { encodeName } from '../../src/runtime/engine-nact.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { Diary, during, plant, supervisor, worker } from '../supervisors/forest.js';
import { actor, CountingIds, gate, makeSystem, SeededRandom } from './harness.js';
import { ManualTime } from './manual-time.js';
import { RealTime } from './real-time.js';

/**
 * The hazards of bare nact 7.6.2, T1 to T19, each as a pair: first the bad behaviour of nact itself, so that we notice when a
 * new version changes it, then the same scenario on the runtime, which shows none of it.
 */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const macrotask = (): Promise<void> => new Promise((go) => setImmediate(go));
const rest = (ms: number): Promise<void> => new Promise((go) => void setTimeout(go, ms));
async function macrotasks(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await macrotask();
}

/** Runs a script on bare nact in a process of its own and tells how it ended. */
function exitOf(script: string): Promise<{ code: number; stderr: string }> {
  const whole = `const { start, spawn, dispatch, stop } = require('nact'); const system = start();
    setTimeout(() => process.exit(0), 500); ${script}`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', whole], { cwd: root }, (error, _stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stderr }),
    );
  });
}

t.test('T1: a stop reaches everything below', async (t) => {
  const stopped: string[] = [];
  const system = nact.start();
  const afterStop = (name: string) => ({ afterStop: () => void stopped.push(name) });
  const parent = nact.spawn(system, () => 0, 'parent', afterStop('parent'));
  nact.spawn(parent, () => 0, 'child', afterStop('child'));
  nact.spawn(system, () => 0, 'top', afterStop('top'));
  nact.stop(parent);
  await macrotasks(3);
  t.same(stopped, ['parent'], 'bare nact leaves the child alive');
  nact.stop(system);
  await macrotasks(3);
  t.same(stopped, ['parent'], 'and stopping the system stops nobody');

  const diary = new Diary();
  const inner = supervisor('parent', [worker('child', diary)]);
  const {
    tree,
    time,
    system: ours,
  } = plant(supervisor('root', [{ supervisor: inner }, worker('top', diary)]), 'nact');
  await tree.start();
  await during(time, tree.stopChild('root/parent'), 10);
  t.equal(diary.taken(), '+child +top -child');
  await ours.close(10);
  t.equal(diary.taken(), '-top', 'closing the system ends whatever still lives');
});

t.test('T2: a sibling that awaits is never handled twice at once', async (t) => {
  let inside = 0;
  let insideMax = 0;
  const open: (() => void)[] = [];
  const system = nact.start();
  const parent = nact.spawn(system, () => 0, 'parent', {
    onCrash: (_m, _e, context) => context.resetAllChildren,
  });
  const waiting = nact.spawn(
    parent,
    async () => {
      inside += 1;
      insideMax = Math.max(insideMax, inside);
      await new Promise<void>((go) => open.push(go));
      inside -= 1;
    },
    'waiting',
  );
  const crashing = nact.spawn(
    parent,
    () => {
      throw new Error('boom');
    },
    'crashing',
    { onCrash: (_m, _e, context) => context.escalate },
  );
  nact.dispatch(waiting, 1);
  nact.dispatch(waiting, 2);
  nact.dispatch(crashing, undefined);
  await macrotasks(6);
  t.equal(insideMax, 2, 'bare nact: two handlers in one actor');
  for (const go of open) go();
  nact.stop(waiting);

  const time = new ManualTime();
  const { system: ours, log } = makeSystem('nact', time);
  let ownInside = 0;
  let ownMax = 0;
  const spec = supervisor(
    'root',
    [
      worker('crashing', new Diary()),
      {
        worker: {
          id: 'waiting',
          restart: 'permanent',
          shutdownMs: 1_000,
          backoff: { minMs: 1, maxMs: 1, jitter: 0 },
          giveUp: { kind: 'escalate' },
          actor: actor<number>(() => ({
            async handle() {
              ownInside += 1;
              ownMax = Math.max(ownMax, ownInside);
              await new Promise<void>((go) => void time.setTimer(go, 50));
              ownInside -= 1;
            },
          })),
        },
      },
    ],
    { strategy: 'one_for_all' },
  );
  const tree = new SupervisionTree({
    system: ours,
    spec,
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids: new CountingIds(),
    log,
  });
  await tree.start();
  const address = ours.address<number>('root/waiting');
  address.tell(1);
  address.tell(2);
  await time.settle();
  ours.address<string>('root/crashing').tell('crash');
  await time.advance(100);
  t.equal(ours.inspect('root/waiting')?.incarnation, 2, 'the sibling was restarted');
  address.tell(3);
  await time.advance(100);
  t.equal(ownMax, 1);
  await during(time, tree.stop(), 10);
});

t.test('T3, T16: what a policy, a listener or a cleanup throws stays where it is', async (t) => {
  const policy = await exitOf(`dispatch(spawn(system, () => { throw new Error('x'); }, 'a',
    { onCrash() { throw new Error('policy'); } }), 1);`);
  t.match(policy, { code: 1, stderr: /policy/ }, 'bare nact: a policy that throws kills the process');
  const cleanup = await exitOf(
    `stop(spawn(system, () => 0, 'a', { afterStop() { throw new Error('cleanup'); } }));`,
  );
  t.match(cleanup, { code: 1, stderr: /cleanup/ }, 'bare nact: so does afterStop');

  const time = new ManualTime();
  const { system, reports, log } = makeSystem('nact', time);
  const definition = actor<string>(
    (context) => {
      context.onEnd(() => {
        throw new Error('cleanup');
      });
      return {
        handle: () => undefined,
        stopping: () => Promise.reject(new Error('stopping')),
      };
    },
    {
      policyOf: (message) => {
        if (message === 'odd') throw new Error('policy');
        return { kind: 'reject' };
      },
    },
  );
  await system.spawn('root/a', definition, () => undefined);
  t.equal(system.address<string>('root/a').tell('odd'), 'dead', 'the sender is not hurt by it');
  await system.spawn('root/a', definition);
  await system.stop('root/a', 'shutdown', 10);
  t.same(
    reports.map(({ kind }) => kind),
    ['crashed', 'cleanup_failed', 'stopping_failed', 'cleanup_failed'],
  );
  const diary = new Diary();
  const throwing = new SupervisionTree({
    system,
    spec: supervisor('tree', [worker('a', diary)]),
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids: new CountingIds(),
    log,
    onEvent: () => {
      throw new Error('listener');
    },
  });
  await throwing.start();
  t.ok(log.lines.some(({ fields }) => fields['error'] === 'listener'));
  await during(time, throwing.stop(), 10);
  t.ok(system.accounting().isBalanced);
});

t.test('T4: a stop waits for the handler, and the end comes once', async (t) => {
  const order: string[] = [];
  const system = nact.start();
  const bare = nact.spawn(
    system,
    async () => {
      await rest(5);
      order.push('handler');
      throw new Error('late');
    },
    'a',
    { onCrash: (_m, _e, context) => context.stop, afterStop: () => void order.push('afterStop') },
  );
  nact.dispatch(bare, undefined);
  await macrotask();
  nact.stop(bare);
  await rest(30);
  t.same(order, ['afterStop', 'handler', 'afterStop'], 'bare nact: afterStop before the handler, and again');
  const escalating =
    await exitOf(`const a = spawn(system, async () => { await new Promise((go) => setTimeout(go, 20));
    throw new Error('late'); }, 'a', { onCrash: (m, e, context) => context.escalate });
    dispatch(a, 1); setTimeout(() => stop(a), 5);`);
  t.match(escalating, { code: 1, stderr: /TypeError/ }, 'bare nact: a late crash kills the process');

  const time = new ManualTime();
  const { system: ours, reports } = makeSystem('nact', time);
  const own: string[] = [];
  await ours.spawn(
    'root/a',
    actor<string>((context) => {
      context.onEnd(() => void own.push('end'));
      return {
        async handle() {
          await new Promise<void>((go) => void time.setTimer(go, 50));
          own.push('handler');
          throw new Error('late');
        },
      };
    }),
  );
  ours.address<string>('root/a').tell('x');
  await time.settle();
  const stopping = ours.stop('root/a', 'shutdown', 1_000);
  await time.advance(60);
  t.equal(await stopping, 'stopped');
  t.same(own, ['handler', 'end']);
  t.same(
    reports.map(({ kind }) => kind),
    ['crashed'],
  );
});

t.test('T5: starts that fail for ever leave the event loop alive', async (t) => {
  let inits = 0;
  let timerFired = false;
  let firedDuring = true;
  const beganMs = performance.now();
  setTimeout(() => (timerFired = true), 1);
  nact.spawn(nact.start(), () => 0, 'a', {
    onCrash: (_m, _e, context) => context.reset,
    initialStateFunc: () => {
      inits += 1;
      firedDuring = timerFired;
      if (performance.now() - beganMs < 60) throw new Error('init');
      return 0;
    },
  });
  await rest(5);
  t.ok(inits > 100 && !firedDuring, 'bare nact: an endless loop of promises in which no timer fires');

  const time = new RealTime();
  const { system, log } = makeSystem('nact', time);
  const diary = new Diary();
  diary.failingStarts.set('root/a', 40);
  const child = worker('a', diary, { backoff: { minMs: 0, maxMs: 0, jitter: 0 } });
  const tree = new SupervisionTree({
    system,
    spec: supervisor('root', [child], { intensity: { restarts: 50, stableMs: 60_000 } }),
    clock: time,
    timers: time,
    random: new SeededRandom(1),
    ids: new CountingIds(),
    log,
  });
  await tree.start();
  let turns = 0;
  while (diary.lines.length === 0) {
    turns += 1;
    await rest(1);
  }
  t.ok(turns >= 5, 'timers of others fire all the while');
  t.equal(system.inspect('root/a')?.restarts, 40);
  await tree.stop();
  t.equal(time.pendingTimers(), 0);
});

t.test('T6, T7: every crash reaches the supervisor, and what follows is handled', async (t) => {
  const system = nact.start();
  let handled = 0;
  const parent = nact.spawn(system, () => 0, 'parent', { onCrash: (_m, _e, context) => context.resume });
  const child = nact.spawn(
    parent,
    () => {
      handled += 1;
      throw new Error('boom');
    },
    'child',
    { onCrash: (_m, _e, context) => context.escalate },
  );
  for (let n = 0; n < 5; n++) nact.dispatch(child, undefined);
  await macrotasks(10);
  t.equal(handled, 1, 'bare nact: the child stays busy for ever');
  let asked = 0;
  let thrown = 0;
  const stateless = nact.spawnStateless(
    system,
    () => {
      thrown += 1;
      throw new Error('boom');
    },
    'stateless',
    {
      onCrash: (_m, _e, context) => {
        asked += 1;
        return context.stop;
      },
    },
  );
  for (let n = 0; n < 5; n++) nact.dispatch(stateless, undefined);
  await macrotasks(10);
  t.same({ thrown, asked }, { thrown: 5, asked: 0 }, 'bare nact: the policy of a stateless actor is ignored');

  const diary = new Diary();
  const spec = supervisor('root', [worker('a', diary)], { intensity: { restarts: 10, stableMs: 1_000 } });
  const { tree, time, tell, events } = plant(spec, 'nact');
  await tree.start();
  for (let n = 0; n < 5; n++) {
    tell('root/a', 'crash');
    await time.advance(400);
    tell('root/a', 'ping');
  }
  await time.settle();
  t.equal(events.filter(({ kind }) => kind === 'crashed').length, 5);
  t.equal(diary.pings.get('root/a'), 5);
  await during(time, tree.stop(), 10);
});

t.test('T8: an ask to an actor that crashes fails at once', async (t) => {
  const bare = nact.spawn(
    nact.start(),
    () => {
      throw new Error('boom');
    },
    'a',
    { onCrash: (_m, _e, context) => context.stop },
  );
  const beganMs = performance.now();
  await t.rejects(nact.query(bare, (() => 'x') as never, 60));
  t.ok(performance.now() - beganMs >= 55, 'bare nact: the whole timeout is waited for');

  const time = new ManualTime();
  const { system } = makeSystem('nact', time);
  await system.spawn(
    'root/a',
    actor<Reply<number>>(() => ({
      handle: () => {
        throw new Error('boom');
      },
    })),
  );
  const asked = system.ask<Reply<number>, number>(system.address('root/a'), (reply) => reply, 60_000);
  asked.catch(() => undefined);
  await time.settle();
  await t.rejects(asked, { code: 'ARB_ACTOR_STOPPED' });
  t.equal(time.monotonicMs(), 0);
});

t.test('T9: nothing of an old incarnation reaches the new one', async (t) => {
  const system = nact.start();
  const seen: string[] = [];
  const first = nact.spawn(system, (_s: unknown, m: string) => void seen.push(`first ${m}`), 'a');
  nact.stop(first);
  nact.spawn(system, (_s: unknown, m: string) => void seen.push(`second ${m}`), 'a');
  nact.dispatch(first, 'to the first');
  await macrotasks(3);
  t.same(seen, ['second to the first'], 'bare nact: a reference carries no incarnation');

  const time = new ManualTime();
  const { system: ours } = makeSystem('nact', time);
  const own: string[] = [];
  const hold = gate<string>();
  const definition = actor<string>((context) => ({
    handle(message) {
      own.push(`${context.incarnation} ${message}`);
      if (message !== 'go') return;
      context.timer('t', 10, 'of a timer');
      context.pipe(
        hold.promise,
        (text) => text,
        () => 'failed',
      );
      void time.setTimer(
        context.guard(() => void context.self.tell('of a callback')),
        5,
      );
    },
  }));
  await ours.spawn('root/a', definition);
  ours.address<string>('root/a').tell('go');
  await time.settle();
  ours.crash('root/a', new Error('boom'));
  await ours.spawn('root/a', definition);
  hold.open('of a promise');
  await time.advance(50);
  t.same(own, ['1 go']);
});

t.test('T10, T12: whatever is not handled is counted and visible', async (t) => {
  const system = nact.start();
  let handled = 0;
  const bare = nact.spawn(system, () => void (handled += 1), 'a');
  for (let n = 0; n < 10; n++) nact.dispatch(bare, undefined);
  await macrotasks(3);
  nact.stop(bare);
  await macrotasks(12);
  t.ok(handled < 10, 'bare nact: the rest is gone');
  t.equal(nact.dispatch(bare, undefined as never), undefined, 'and a dead actor takes messages silently');

  const time = new ManualTime();
  const { system: ours } = makeSystem('nact', time, { batch: 3 });
  const own = actor<number>((context) => ({ handle: (n) => (n === 3 ? context.exit() : undefined) }));
  await ours.spawn('root/a', own);
  const address = ours.address<number>('root/a');
  for (let n = 1; n <= 10; n++) address.tell(n);
  await time.settle();
  t.equal(address.tell(11), 'dead');
  t.match(ours.accounting(), { sent: 11, handled: 3, dead: 8, isBalanced: true });
  t.same(ours.deadLetterTotals(), { left_over: 7, no_actor: 1 });
});

t.test('T11: nothing starts again after a stop', async (t) => {
  let inits = 0;
  const hold = gate();
  const bare = nact.spawn(
    nact.start(),
    () => {
      throw new Error('boom');
    },
    'a',
    {
      initialStateFunc: () => {
        inits += 1;
        return undefined as never;
      },
      onCrash: async (_m, _e, context) => {
        await hold.promise;
        return context.reset;
      },
    },
  );
  nact.dispatch(bare, undefined);
  await macrotasks(2);
  nact.stop(bare);
  hold.open();
  await macrotasks(2);
  t.equal(inits, 2, 'bare nact: the dead actor opens its connection again');

  const diary = new Diary();
  const { tree, time, tell } = plant(supervisor('root', [worker('a', diary)]), 'nact');
  await tree.start();
  tell('root/a', 'crash');
  await time.settle();
  t.equal(tree.tree().children[0]?.state, 'backing_off');
  await during(time, tree.stop(), 10_000);
  t.equal(diary.taken(), '+a -a');
});

t.test('T13, T14, T17: what is broken in the package is not used', async (t) => {
  t.notOk('seconds' in nact, 'bare nact: seconds cannot be imported by name');
  t.notOk('configureLogging' in nact, 'bare nact: configureLogging is typed and absent');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ name, text: readFileSync(join(root, 'src', name), 'utf8') }));
  const users = sources.filter(({ text }) => /from 'nact|require\('nact|import\('nact/.test(text));
  t.same(
    users.map(({ name }) => name),
    [join('runtime', 'engine-nact.ts')],
  );
  const imported = /import \{([^}]*)\} from 'nact'/.exec(users[0]?.text ?? '')?.[1] ?? '';
  const functions = imported.split(',').map((name) => name.trim());
  t.same(
    functions.filter((name) => name !== '' && !name.startsWith('type ')),
    ['dispatch', 'spawn', 'start', 'stop'],
    'no persistence, no queries, no stateless actors, no time constants, no logging',
  );
  const code = (users[0]?.text ?? '').replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
  t.notMatch(code, /\.(reset|resume|escalate|stopAll)|initialState|shutdownAfter/, 'no unsafe answer either');
});

t.test('T15: a child that has gone can be named without harm', async (t) => {
  const bare =
    await exitOf(`const parent = spawn(system, () => 0, 'parent', { onCrash: async (m, e, context) => {
      await new Promise((go) => setTimeout(go, 20)); return context.resetChild; } });
    const child = spawn(parent, () => { throw new Error('x'); }, 'child', { onCrash: (m, e, c) => c.escalate });
    dispatch(child, 1); setTimeout(() => stop(child), 5);`);
  t.match(bare, { code: 1, stderr: /TypeError/ }, 'bare nact: the process dies');

  const diary = new Diary();
  const { tree, time, tell } = plant(supervisor('root', [worker('a', diary), worker('b', diary)]), 'nact');
  await tree.start();
  tell('root/a', 'crash');
  await time.settle();
  await during(time, tree.removeChild('root/a'), 1_000);
  await t.rejects(tree.restart('root/a'), { code: 'ARB_ACTOR_UNKNOWN' });
  t.equal(diary.taken(), '+a +b -a');
  await during(time, tree.stop(), 10);
});

t.test('T18: an exception in a callback is a crash of its actor', async (t) => {
  const bare =
    await exitOf(`dispatch(spawn(system, () => { setTimeout(() => { throw new Error('callback'); }, 1); },
    'a', { onCrash: (m, e, c) => c.stop }), 1);`);
  t.match(bare, { code: 1, stderr: /callback/ }, 'bare nact: the process dies, the policy is not asked');

  const time = new RealTime();
  const { system } = makeSystem('nact', time);
  const ended = gate<string>();
  const definition = actor<string>((context) => ({
    handle: () => {
      const callback = context.guard(() => {
        throw new Error('callback');
      });
      setTimeout(callback, 1);
    },
  }));
  await system.spawn('root/a', definition, ({ error }) => ended.open(error?.message ?? ''));
  system.address<string>('root/a').tell('x');
  t.equal(await ended.promise, 'callback');
  t.equal(system.inspect('root/a')?.crashes, 1);
});

t.test('T19: a handler that never ends is found, and its mailbox stays bounded', async (t) => {
  let handled = 0;
  const bare = nact.spawn(
    nact.start(),
    () => {
      handled += 1;
      return new Promise<never>(() => undefined);
    },
    'a',
  );
  for (let n = 0; n < 10_000; n++) nact.dispatch(bare, undefined);
  await rest(20);
  t.equal(handled, 1, 'bare nact takes ten thousand messages for a dead end and says nothing');
  nact.stop(bare);

  const diary = new Diary();
  const { tree, time, tell, system, taken } = plant(supervisor('root', [worker('a', diary)]), 'nact');
  await tree.start();
  tell('root/a', 'hang');
  await time.settle();
  for (let n = 0; n < 10_000; n++) tell('root/a', 'ping');
  t.equal(system.inspect('root/a')?.mailboxDepth, 100);
  taken();
  await time.advance(250);
  t.same(taken(), ['hung a', 'restarting a', 'restarted a']);
  tell('root/a', 'ping');
  await time.settle();
  t.equal(diary.pings.get('root/a'), 1);
  t.match(system.accounting(), { dead: 10_000, isBalanced: true });
  await during(time, tree.stop(), 10);
});

t.test('a path becomes a name that nact allows, and no two paths the same', async (t) => {
  t.equal(encodeName('root/feeds/okx:a b.3'), 'root$2f$feeds$2f$okx$3a$a$20$b.3');
  t.not(encodeName('a$2f$b'), encodeName('a/b'));
});

t.test('addresses are typed against the grain of their messages', async (t) => {
  const { system } = makeSystem('plain', new ManualTime());
  interface Narrow {
    readonly kind: 'quote';
  }
  type Wide = Narrow | { readonly kind: 'trade' };
  const wide: Address<Wide> = system.address<Wide>('root/wide');
  const narrow: Address<Narrow> = wide;
  t.equal(narrow.tell({ kind: 'quote' }), 'dead', 'who takes more may stand where less is wanted');
  // @ts-expect-error an actor that takes less must not stand where more is wanted
  const refused: Address<Wide> = narrow;
  t.equal(refused, narrow);
  // @ts-expect-error another actor's message
  t.equal(narrow.tell({ kind: 'trade' }), 'dead');
  const anyone: Address<never> = wide;
  // @ts-expect-error nothing can be told to an address whose message type is unknown
  t.equal(anyone.tell({ kind: 'quote' }), 'dead');
});
