import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { ActorContext, Reply, TellResult, Terminated } from '../../src/runtime/actor.js';
import type { Socket, SocketHandlers, Sockets } from '../../src/ports/network.js';
import { actor, gate, makeSystem, type EngineName } from './harness.js';
import { ManualTime } from './manual-time.js';

/** What every engine must give the runtime, and what the runtime promises on each of them. */
export function runContract(engine: EngineName): void {
  t.test(`${engine}: messages and order`, async (t) => {
    await oneAtATimeInOrder(t, engine);
    await batchesYield(t, engine);
    await stableAddress(t, engine);
    await systemsOfOneNameDoNotMeet(t, engine);
    await accountingAlwaysBalances(t, engine);
  });
  t.test(`${engine}: mailboxes`, async (t) => {
    await mailboxPolicies(t, engine);
    await deadLettersAreVisible(t, engine);
  });
  t.test(`${engine}: asks, watches and timers`, async (t) => {
    await askAnswersAndFails(t, engine);
    await watchersAreToldOnce(t, engine);
    await timersDieWithTheirIncarnation(t, engine);
    await everyKeepsItsRhythm(t, engine);
  });
  t.test(`${engine}: ends`, async (t) => {
    await everyThrowIsACrash(t, engine);
    await orderedStopWaits(t, engine);
    await hungHandlersAreReported(t, engine);
    await startsMayFail(t, engine);
    await exitIsOrdered(t, engine);
    await nothingLeaks(t, engine);
  });
  t.test(`${engine}: inspection`, (t) => inspectionShowsEverything(t, engine));
}

/** Several nodes run in one process in simulations: each has an engine of its own. */
async function systemsOfOneNameDoNotMeet(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const seen: string[] = [];
  for (const name of ['first', 'second']) {
    const { system } = makeSystem(engine, time);
    await system.spawn(
      'root/a',
      actor<number>(() => ({ handle: (n) => void seen.push(`${name} ${n}`) })),
    );
    const address = system.address<number>('root/a');
    time.setTimer(() => void address.tell(1), 10);
  }
  await time.advance(20);
  t.same(seen.sort(), ['first 1', 'second 1'], 'each system keeps its actors');
}

async function oneAtATimeInOrder(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const seen: number[] = [];
  let inside = 0;
  let insideMax = 0;
  await system.spawn(
    'root/a',
    actor<number>((context) => ({
      async handle(message) {
        inside += 1;
        insideMax = Math.max(insideMax, inside);
        if (message % 3 === 0) await Promise.resolve();
        if (message % 7 === 0) await new Promise<void>((go) => void time.setTimer(go, 5));
        seen.push(message);
        inside -= 1;
        if (message === 20) context.self.tell(100);
      },
    })),
  );
  const address = system.address<number>('root/a');
  for (let n = 1; n <= 20; n++) t.equal(address.tell(n), 'queued');
  await time.advance(100);
  t.same(seen, [...Array.from({ length: 20 }, (_, n) => n + 1), 100], 'messages are handled in order');
  t.equal(insideMax, 1, 'one message at a time, asynchronous handlers awaited');
  await system.close(10);
}

async function batchesYield(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time, { batch: 4 });
  const order: string[] = [];
  const recorder = (name: string) => actor<number>(() => ({ handle: () => void order.push(name) }));
  await system.spawn('root/a', recorder('a'));
  await system.spawn('root/b', recorder('b'));
  for (let n = 0; n < 8; n++) system.address<number>('root/a').tell(n);
  for (let n = 0; n < 8; n++) system.address<number>('root/b').tell(n);
  await time.settle();
  t.equal(order.join(''), 'aaaabbbbaaaabbbb', 'a full mailbox does not keep others from their turn');
  const slow = actor<number>(() => ({
    handle: () => {
      order.push('s');
      time.stall(10);
    },
  }));
  await system.spawn('root/s', slow);
  order.length = 0;
  for (let n = 0; n < 3; n++) system.address<number>('root/s').tell(n);
  system.address<number>('root/a').tell(1);
  await time.settle();
  t.equal(order.join(''), 'sass', 'a turn of slow handlers ends early');
  await system.close(10);
}

async function stableAddress(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const seen: string[] = [];
  const address = system.address<string>('root/a');
  t.equal(address.tell('early'), 'dead', 'nobody lives there yet');
  const definition = actor<string>((context) => ({
    handle: (message) => void seen.push(`${context.incarnation}:${message}`),
  }));
  await system.spawn('root/a', definition);
  address.tell('x');
  await time.settle();
  await system.stop('root/a', 'restart', 10);
  t.equal(address.tell('between'), 'dead');
  await system.spawn('root/a', definition);
  address.tell('y');
  await time.settle();
  t.same(seen, ['1:x', '2:y'], 'the same address reaches the next incarnation');
  await system.stop('root/a', 'shutdown', 10);
  system.forget('root/a');
  await system.spawn('root/a', definition);
  t.equal(address.tell('z'), 'queued', 'also when the path was removed and added again');
  t.throws(() => void system.spawn('root/a', definition), { code: 'ARB_INVARIANT' }, 'one actor per path');
  await time.settle();
  t.equal(seen.at(-1), '1:z');
  await system.close(10);
}

/** I15 to I17 under random work: kinds of messages, slow and failing handlers, restarts. */
async function accountingAlwaysBalances(t: Test, engine: EngineName): Promise<void> {
  type Step = 'held' | 'oldest' | 'latest' | 'old' | 'slow' | 'crash' | 'restart' | 'time';
  const step = fc.constantFrom<Step>(
    'held',
    'held',
    'oldest',
    'latest',
    'old',
    'slow',
    'crash',
    'restart',
    'time',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const time = new ManualTime();
      const { system } = makeSystem(engine, time, { batch: 3 });
      let depthMax = 0;
      let inside = 0;
      let overlapped = false;
      const definition = actor<Step>(
        () => {
          let busy = 0;
          return {
            async handle(message) {
              busy += 1;
              inside += 1;
              overlapped ||= busy > 1;
              if (message === 'slow') await new Promise<void>((go) => void time.setTimer(go, 20));
              busy -= 1;
              inside -= 1;
              if (message === 'crash') throw new Error('planned');
            },
          };
        },
        {
          capacity: 5,
          policyOf: (message) =>
            message === 'oldest'
              ? { kind: 'dropOldest' }
              : message === 'latest'
                ? { kind: 'conflate', key: 'k' }
                : { kind: 'reject' },
          maxAgeMsOf: (message) => (message === 'old' ? 5 : undefined),
        },
      );
      await system.spawn('root/a', definition);
      const address = system.address<Step>('root/a');
      const balanced = (): boolean => {
        depthMax = Math.max(depthMax, system.inspect('root/a')?.mailboxDepth ?? 0);
        return system.accounting().isBalanced;
      };
      let ok = true;
      for (const step of steps) {
        if (step === 'time') await time.advance(7);
        else if (step === 'restart') {
          if (system.lifeOf('root/a').isAlive) void system.stop('root/a', 'restart', 5);
          await time.advance(6);
          await system.spawn('root/a', definition);
        } else address.tell(step);
        if (!system.lifeOf('root/a').isAlive) await system.spawn('root/a', definition);
        ok &&= balanced();
      }
      await time.advance(500);
      ok &&= balanced() && inside === 0 && !overlapped && depthMax <= 5;
      await system.close(10);
      return ok && time.pendingTimers() === 0;
    }),
    { numRuns: 60, seed: 7 },
  );
  t.pass('sent = handled + dead + dropped + conflated + queued at every instant, depth within its bound');
}

async function mailboxPolicies(t: Test, engine: EngineName): Promise<void> {
  interface Kinded {
    readonly policy: 'reject' | 'dropOldest' | 'conflate';
    readonly key: string;
    readonly value: number;
    readonly maxAgeMs?: number;
  }
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const seen: string[] = [];
  const hold = gate();
  await system.spawn(
    'root/a',
    actor<Kinded>(
      () => ({
        async handle(message) {
          seen.push(`${message.key}${message.value}`);
          if (message.key === 'block') await hold.promise;
        },
      }),
      {
        capacity: 4,
        policyOf: ({ policy, key }) => (policy === 'conflate' ? { kind: policy, key } : { kind: policy }),
        maxAgeMsOf: ({ maxAgeMs }) => maxAgeMs,
      },
    ),
  );
  const address = system.address<Kinded>('root/a');
  const tell = (policy: Kinded['policy'], key: string, value: number, maxAgeMs?: number): TellResult =>
    address.tell({ policy, key, value, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) });
  tell('reject', 'block', 0);
  await time.settle();
  t.equal(tell('conflate', 'btc', 1), 'queued');
  t.equal(tell('reject', 'order', 1), 'queued');
  t.equal(tell('conflate', 'btc', 2), 'conflated', 'the latest per key wins');
  t.equal(tell('dropOldest', 'log', 1), 'queued');
  t.equal(tell('dropOldest', 'log', 2), 'queued');
  t.equal(tell('dropOldest', 'log', 3), 'queued', 'the oldest that may be dropped makes room');
  t.equal(tell('reject', 'order', 2), 'queued', 'market data never keeps a command out');
  t.equal(tell('reject', 'order', 3), 'queued');
  t.equal(tell('reject', 'order', 4), 'queued');
  t.equal(tell('reject', 'order', 5), 'full', 'commands are refused, never dropped');
  t.equal(tell('conflate', 'eth', 1), 'full', 'and nothing displaces them');
  hold.open();
  await time.settle();
  t.same(seen, ['block0', 'order1', 'order2', 'order3', 'order4']);
  seen.length = 0;
  const second = gate();
  await system.stop('root/a', 'restart', 10);
  await system.spawn(
    'root/a',
    actor<Kinded>(
      () => ({
        async handle(message) {
          seen.push(`${message.key}${message.value}`);
          if (message.key === 'block') await second.promise;
        },
      }),
      {
        capacity: 10,
        policyOf: ({ policy, key }) => (policy === 'conflate' ? { kind: policy, key } : { kind: policy }),
        maxAgeMsOf: ({ maxAgeMs }) => maxAgeMs,
      },
    ),
  );
  tell('reject', 'block', 0);
  await time.settle();
  tell('conflate', 'btc', 1);
  tell('reject', 'quote', 1, 50);
  tell('reject', 'order', 1);
  tell('conflate', 'btc', 2);
  time.stall(51);
  tell('reject', 'quote', 2, 50);
  second.open();
  await time.settle();
  t.same(seen, ['block0', 'btc2', 'order1', 'quote2'], 'a replaced message keeps its place, stale ones go');
  const { dropped, conflated, dead } = system.accounting();
  t.same({ dropped, conflated, dead }, { dropped: 5, conflated: 2, dead: 2 });
  t.same(system.deadLetterTotals(), { dropped_oldest: 4, full: 2, expired: 1 });
  await system.close(10);
}

async function deadLettersAreVisible(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time, { deadLetterCapacity: 3 });
  const hold = gate();
  await system.spawn(
    'root/a',
    actor<{ kind: string }>(() => ({ handle: () => hold.promise })),
  );
  const address = system.address<{ kind: string }>('root/a');
  for (const kind of ['first', 'second', 'third']) address.tell({ kind });
  await time.settle();
  const stopping = system.stop('root/a', 'shutdown', 50);
  t.equal(address.tell({ kind: 'fourth' }), 'dead', 'a stopping actor takes nothing more');
  await time.advance(50);
  t.equal(await stopping, 'abandoned');
  system.address<string>('root/nobody').tell('hello');
  t.same(
    system.deadLetters().map(({ path, reason, label }) => [path, reason, label]),
    [
      ['root/a', 'left_over', 'second'],
      ['root/a', 'left_over', 'third'],
      ['root/nobody', 'no_actor', 'string'],
    ],
    'the ring keeps the newest',
  );
  t.same(system.deadLetterTotals(), { stopping: 1, left_over: 2, no_actor: 1 });
  t.ok(system.accounting().isBalanced);
  await system.close(10);
}

type Question = { reply: Reply<number>; value: number };

async function askAnswersAndFails(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const kept: Reply<number>[] = [];
  await system.spawn(
    'root/b',
    actor<Question>(
      () => ({
        handle({ reply, value }) {
          if (value === 0) throw new Error('crashed while asked');
          if (value < 0) kept.push(reply);
          else reply.resolve(value * 2);
        },
      }),
      { capacity: 2 },
    ),
  );
  const target = system.address<Question>('root/b');
  const ask = (value: number, timeoutMs = 100): Promise<number> =>
    system.ask<Question, number>(target, (reply) => ({ reply, value }), timeoutMs);
  const answered = ask(21);
  await time.settle();
  t.equal(await answered, 42);
  const late = ask(-1).catch((error: { code: string }) => error.code);
  await time.advance(100);
  t.equal(await late, 'ARB_ASK_TIMEOUT');
  kept[0]?.resolve(7);
  const refused = [ask(-1), ask(-1), ask(-1)].map((p) => p.catch((error: { code: string }) => error.code));
  await time.settle();
  t.equal(await refused[2], 'ARB_MAILBOX_FULL', 'a full mailbox rejects at once');
  const crashed = ask(0).catch((error: { code: string }) => error.code);
  await time.settle();
  t.equal(await crashed, 'ARB_ACTOR_STOPPED', 'at once, not after the timeout');
  t.same(await Promise.all(refused.slice(0, 2)), ['ARB_ACTOR_STOPPED', 'ARB_ACTOR_STOPPED']);
  t.equal(time.pendingTimers(), 0, 'no timeout is left behind');
  t.equal(await ask(1).catch((error: { code: string }) => error.code), 'ARB_ACTOR_STOPPED');
  await askEndsWithTheAsker(t, engine);
  await system.close(10);
}

async function askEndsWithTheAsker(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const replies: Reply<number>[] = [];
  const outcomes: string[] = [];
  await system.spawn(
    'root/b',
    actor<Question>(() => ({ handle: ({ reply }) => void replies.push(reply) })),
  );
  const target = system.address<Question>('root/b');
  await system.spawn(
    'root/a',
    actor<string>((context) => ({
      async handle(message) {
        if (message === 'die') return context.crash(new Error('gone'));
        context.timer('die', 10, 'die');
        const asked = context.ask<Question, number>(target, (reply) => ({ reply, value: 1 }), 1_000);
        await asked.then(
          () => outcomes.push('answered'),
          (error: { code: string }) => outcomes.push(error.code),
        );
        t.throws(() => context.assertCurrent(), { code: 'ARB_STALE_INCARNATION' });
        const again = context.ask<Question, number>(target, (reply) => ({ reply, value: 1 }), 1_000);
        await again.catch((error: { code: string }) => outcomes.push(error.code));
      },
    })),
  );
  system.address<string>('root/a').tell('go');
  await time.settle();
  system.crash('root/a', new Error('from outside'));
  replies[0]?.resolve(5);
  await time.settle();
  t.same(outcomes, ['ARB_STALE_INCARNATION', 'ARB_STALE_INCARNATION'], 'an old incarnation gets no answer');
  t.equal(time.pendingTimers(), 0);
  t.equal(replies.length, 1, 'and asks nothing any more');
  await system.close(10);
}

async function watchersAreToldOnce(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const told: Terminated[] = [];
  const target = system.address<string>('root/b');
  const quiet = actor<string>(() => ({ handle: () => undefined }));
  await system.spawn('root/b', quiet);
  await system.spawn(
    'root/a',
    actor<'watch' | Terminated>((context) => ({
      handle(message) {
        if (message === 'watch') context.watch(target, (ended) => ended);
        else told.push(message);
      },
    })),
  );
  const watcher = system.address<'watch' | Terminated>('root/a');
  watcher.tell('watch');
  await time.settle();
  t.same(system.inspect('root/b')?.watchers, ['root/a']);
  system.crash('root/b', new Error('boom'));
  await time.settle();
  t.same(told, [{ path: 'root/b', incarnation: 1, reason: 'crash', error: 'boom' }]);
  watcher.tell('watch');
  await time.settle();
  t.equal(told.length, 2, 'also when the target is already gone');
  await system.spawn('root/b', quiet);
  await system.stop('root/b', 'shutdown', 10);
  await time.settle();
  t.equal(told.length, 2, 'a watch ends with the incarnation it was for');
  await system.spawn('root/b', quiet);
  watcher.tell('watch');
  await time.settle();
  await system.stop('root/a', 'shutdown', 10);
  t.same(system.inspect('root/b')?.watchers, [], 'a watcher that ends leaves nothing behind');
  await system.close(10);
}

async function timersDieWithTheirIncarnation(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const seen: string[] = [];
  const definition = actor<string>((context) => {
    context.timer('once', 10, `${context.incarnation}:once`);
    context.timer('replaced', 5, 'never');
    context.timer('replaced', 20, `${context.incarnation}:replaced`);
    context.timer('cancelled', 5, 'never');
    context.cancelTimer('cancelled');
    return { handle: (message) => void seen.push(message) };
  });
  await system.spawn('root/a', definition);
  await time.advance(15);
  system.crash('root/a', new Error('boom'));
  t.equal(time.pendingTimers(), 0);
  await system.spawn('root/a', definition);
  await time.advance(30);
  t.same(seen, ['1:once', '2:once', '2:replaced']);
  await system.stop('root/a', 'shutdown', 10);
  const contexts: ActorContext<string>[] = [];
  const leaking = actor<string>((context) => {
    contexts.push(context);
    return { handle: () => undefined };
  });
  await system.spawn('root/a', leaking);
  await system.stop('root/a', 'shutdown', 10);
  contexts[0]?.timer('late', 1, 'late');
  contexts[0]?.every('late', 1, 'late');
  t.equal(time.pendingTimers(), 0, 'an ended incarnation starts no timer');
  await system.close(10);
}

async function everyKeepsItsRhythm(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const beats: number[] = [];
  await system.spawn(
    'root/a',
    actor<'beat'>((context) => {
      context.every('beat', 100, 'beat');
      return { handle: () => void beats.push(context.clock.monotonicMs()) };
    }),
  );
  await time.advance(350);
  t.same(beats, [100, 200, 300]);
  time.stall(230);
  await time.advance(150);
  t.same(beats, [100, 200, 300, 580, 600, 700], 'beats missed in a stall come as one, then the old rhythm');
  await system.close(10);
  t.equal(time.pendingTimers(), 0);
}

/** A network that the test speaks for. */
class ScriptedSockets implements Sockets {
  readonly opened: SocketHandlers[] = [];
  terminated = 0;

  connect(_url: string, _options: unknown, handlers: SocketHandlers): Socket {
    this.opened.push(handlers);
    return {
      send: () => undefined,
      ping: () => undefined,
      close: () => undefined,
      terminate: () => void (this.terminated += 1),
      bufferedBytes: () => 0,
    };
  }
}

async function everyThrowIsACrash(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system, reports } = makeSystem(engine, time);
  const sockets = new ScriptedSockets();
  const ends: string[] = [];
  const failing = gate<string>();
  const definition = actor<string>((context) => ({
    handle(message): void | Promise<void> {
      const guarded = context.guard((text: string) => {
        throw new Error(text);
      });
      if (message === 'throws') throw new Error('handler');
      if (message === 'rejects') return Promise.reject(new Error('asynchronous handler'));
      if (message === 'callback') void time.setTimer(() => guarded('callback'), 1);
      if (message === 'piped')
        context.pipe(
          failing.promise,
          () => {
            throw new Error('pipe');
          },
          () => '',
        );
      if (message === 'asynchronous')
        context.guard(() => Promise.reject(new Error('asynchronous callback')) as unknown as undefined)();
      if (message === 'socket')
        context.connect(
          sockets,
          'ws://x',
          { maxFrameBytes: 1, connectTimeoutMs: 1 },
          {
            onOpen: () => undefined,
            onClose: () => undefined,
            onFrame: () => {
              throw new Error('socket');
            },
          },
        );
      if (message === 'wish') context.crash(new Error('wish'));
    },
  }));
  const again = (): Promise<unknown> =>
    system.spawn('root/a', definition, ({ error }) => void ends.push(error?.message ?? ''));
  for (const message of ['throws', 'rejects', 'callback', 'piped', 'asynchronous', 'socket', 'wish']) {
    await again();
    system.address<string>('root/a').tell(message);
    await time.settle();
    if (message === 'piped') failing.open('x');
    if (message === 'socket') sockets.opened[0]?.onFrame(Buffer.of(1), false);
    await time.advance(2);
    t.notOk(system.lifeOf('root/a').isAlive, `${message} ends the incarnation`);
  }
  t.same(ends, [
    'handler',
    'asynchronous handler',
    'callback',
    'pipe',
    'asynchronous callback',
    'socket',
    'wish',
  ]);
  t.equal(system.inspect('root/a')?.crashes, 7, 'all count');
  t.equal(reports.filter(({ kind }) => kind === 'crashed').length, 7);
  t.equal(sockets.terminated, 1, 'the socket is dropped with its incarnation');
  sockets.opened[0]?.onFrame(Buffer.of(1), false);
  sockets.opened[0]?.onClose(1006, '');
  t.equal(ends.length, 7, 'an old socket reaches nobody');
  await system.close(10);
}

async function orderedStopWaits(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system, reports } = makeSystem(engine, time);
  const order: string[] = [];
  const definition = actor<number>((context) => {
    context.onEnd(() => void order.push('end 1'));
    context.onEnd(() => {
      order.push('end 2');
      throw new Error('cleanup');
    });
    context.signal.addEventListener('abort', () => void order.push('abort'));
    return {
      async handle() {
        await new Promise<void>((go) => void time.setTimer(go, 50));
        order.push(`handled, current ${context.isCurrent()}`);
      },
      stopping: (reason) => void order.push(`stopping ${reason}`),
    };
  });
  await system.spawn('root/a', definition);
  system.address<number>('root/a').tell(1);
  system.address<number>('root/a').tell(2);
  await time.settle();
  const stopping = system.stop('root/a', 'shutdown', 200);
  await time.advance(60);
  t.equal(await stopping, 'stopped');
  t.same(order, ['handled, current true', 'stopping shutdown', 'end 2', 'end 1', 'abort']);
  t.same(
    reports.map(({ kind }) => kind),
    ['cleanup_failed'],
    'a cleanup that throws is reported and stops nothing',
  );
  order.length = 0;
  await system.spawn('root/a', definition);
  system.address<number>('root/a').tell(1);
  await time.settle();
  const short = system.stop('root/a', 'shutdown', 20);
  await time.advance(100);
  t.equal(await short, 'abandoned');
  t.same(
    order,
    ['end 2', 'end 1', 'abort', 'handled, current false'],
    'what still runs knows that it is over',
  );
  t.equal(time.pendingTimers(), 0);
  await system.close(10);
}

async function hungHandlersAreReported(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system, reports } = makeSystem(engine, time);
  const ends: string[] = [];
  await system.spawn(
    'root/a',
    actor<number>(
      () => ({
        handle: (delayMs) => new Promise<void>((go) => void (delayMs > 0 && time.setTimer(go, delayMs))),
      }),
      { handlerTimeoutMs: 100 },
    ),
    ({ reason, inFlight }) => void ends.push(`${reason} ${inFlight !== null}`),
  );
  const address = system.address<number>('root/a');
  for (let n = 0; n < 5; n++) address.tell(80);
  await time.advance(420);
  t.same(ends, [], 'handlers within the limit are left alone, however many');
  address.tell(-1);
  await time.advance(99);
  t.same(ends, []);
  await time.advance(2);
  t.same(ends, ['hung true']);
  t.equal(reports[0]?.kind, 'hung');
  t.match(system.inspect('root/a')?.lastError?.message, /ran for 10\d ms, allowed are 100/);
  t.equal(time.pendingTimers(), 0);
  await system.close(10);
}

async function startsMayFail(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const ends: unknown[] = [];
  const ended = (end: unknown): void => void ends.push(end);
  const failing = actor<string>(() => {
    throw new Error('no port');
  });
  t.match(await system.spawn('root/a', failing, ended), { ok: false, error: { message: 'no port' } });
  const rejecting = actor<string>(() => Promise.reject(new Error('no host')));
  t.match(await system.spawn('root/a', rejecting, ended), { ok: false, error: { message: 'no host' } });
  const never = actor<string>(() => new Promise<never>(() => undefined), { startTimeoutMs: 500 });
  const hung = system.spawn('root/a', never, ended);
  t.equal(system.inspect('root/a')?.state, 'starting');
  t.equal(
    system.address<string>('root/a').tell('early'),
    'queued',
    'a starting actor already takes messages',
  );
  await time.advance(500);
  t.match(await hung, { ok: false, error: { code: 'ARB_HANDLER_HUNG' } });
  const slow = gate();
  const seen: string[] = [];
  const cleaned: string[] = [];
  const late = actor<string>(async (context) => {
    await slow.promise;
    context.onEnd(() => void cleaned.push('late'));
    return { handle: (message) => void seen.push(message) };
  });
  const broken = system.spawn('root/a', late, ended);
  await system.stop('root/a', 'shutdown', 10);
  t.match(await broken, { ok: false }, 'a stop breaks off a start');
  slow.open();
  await time.settle();
  t.same(cleaned, ['late'], 'what a broken-off start opens afterwards is released at once');
  const starting = system.spawn('root/a', late, ended);
  system.address<string>('root/a').tell('early');
  t.match(await starting, { ok: true });
  await time.settle();
  t.same(seen, ['early'], 'what came while starting is handled');
  t.same(ends, [], 'a failed start is an outcome, not an end');
  t.equal(system.inspect('root/a')?.crashes, 3);
  await system.close(10);
}

async function exitIsOrdered(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  const ends: string[] = [];
  const order: string[] = [];
  const hang = gate();
  const definition = actor<string>(
    (context) => ({
      handle(message) {
        order.push(message);
        context.exit();
      },
      async stopping(reason) {
        order.push(`stopping ${reason}`);
        if (context.incarnation === 2) await hang.promise;
      },
    }),
    { handlerTimeoutMs: 100 },
  );
  for (let n = 0; n < 2; n++) {
    await system.spawn('root/a', definition, ({ reason }) => void ends.push(reason));
    system.address<string>('root/a').tell('first');
    system.address<string>('root/a').tell('second');
    await time.advance(200);
  }
  t.same(order, ['first', 'stopping exit', 'first', 'stopping exit']);
  t.same(ends, ['exit', 'hung'], 'an exit that hangs is a hung handler');
  t.equal(time.pendingTimers(), 0);
  await system.close(10);
}

async function nothingLeaks(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system, engineFaults } = makeSystem(engine, time);
  const sockets = new ScriptedSockets();
  let listeners = 0;
  for (let n = 0; n < 20; n++) {
    await system.spawn(
      'root/a',
      actor<string>((context) => {
        listeners += 1;
        context.onEnd(() => void (listeners -= 1));
        context.every('tick', 10, 'tick');
        context.timer('once', 1_000, 'once');
        context.connect(
          sockets,
          'ws://x',
          { maxFrameBytes: 1, connectTimeoutMs: 1 },
          {
            onOpen: () => undefined,
            onFrame: () => undefined,
            onClose: () => undefined,
          },
        );
        return { handle: () => undefined };
      }),
    );
    await time.advance(35);
    if (n % 2 === 0) system.crash('root/a', new Error('boom'));
    else await system.stop('root/a', 'restart', 10);
  }
  t.equal(time.pendingTimers(), 0);
  t.equal(listeners, 0);
  t.equal(sockets.terminated, 20);
  t.same(engineFaults, []);
  await system.close(10);
}

async function inspectionShowsEverything(t: Test, engine: EngineName): Promise<void> {
  const time = new ManualTime();
  const { system } = makeSystem(engine, time);
  let isBroken = false;
  await system.spawn(
    'root/a',
    actor<number>(() => ({
      handle: (durationMs) => time.stall(durationMs),
      summary() {
        if (isBroken) throw new Error('no summary');
        return { books: 3 };
      },
    })),
  );
  for (let n = 0; n < 99; n++) {
    system.address<number>('root/a').tell(1);
    await time.settle();
  }
  system.address<number>('root/a').tell(200);
  await time.advance(1_000);
  system.inspect();
  await time.advance(1_000);
  const shown = system.inspect('root/a');
  t.match(shown, {
    path: 'root/a',
    node: 'test',
    kind: 'probe',
    state: 'running',
    summary: { books: 3 },
    incarnation: 1,
    mailboxDepth: 0,
    mailboxCapacity: 100,
    sent: 100,
    handled: 100,
    crashes: 0,
    restarts: 0,
    lastError: null,
    startedAtMs: 1_700_000_000_000,
  });
  const within = (value: number, low: number, high: number): boolean => value >= low && value <= high;
  t.ok(within(shown?.handlingP50Ms ?? 0, 1, 1.2), 'the percentiles are within a bucket of 19 %');
  t.ok(within(shown?.handlingP99Ms ?? 0, 1, 1.2));
  t.equal(shown?.handledPerSecond, 0, 'the rate is that of the last second');
  isBroken = true;
  t.same(
    system.inspect('root/a')?.summary,
    { summaryFailed: 'no summary' },
    'the actor survives its summary',
  );
  system.crash('root/a', new Error('boom'));
  t.match(system.inspect('root/a'), {
    state: 'stopped',
    startedAtMs: null,
    crashes: 1,
    lastError: { message: 'boom', stack: /Error: boom/, atMs: time.nowMs() },
  });
  system.rest('root/a', 'quarantined');
  t.equal(system.inspect('root/a')?.state, 'quarantined');
  t.equal(system.inspect('root/none'), null);
  t.equal(system.inspect().length, 1);
  await system.close(10);
}
