import t, { type Test } from 'tap';
import { z } from 'zod';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import { remoteCodec, RemoteNode } from '../../src/cluster/remote/node.js';
import { ArbotError } from '../../src/messages/errors.js';
import type { Bus } from '../../src/ports/bus.js';
import type { Timers } from '../../src/ports/time.js';
import type { ActorContext, Address, Reply, Terminated } from '../../src/runtime/actor.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { eventually } from '../bus/contract.js';
import { actor, KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { available, skipOrFail, startNats } from '../servers/nats.js';

/** What remote addresses promise. The same suite runs on addresses of one process, over the in-process bus and over NATS. */

type Told = { readonly kind: 'note'; readonly value: number };
type Asked = { readonly kind: 'double' | 'hang' | 'refuse' | 'crash' | 'wrong'; readonly value: number };
type Probe = Told | (Asked & { readonly reply: Reply<number> });

const body = z.union([
  z.strictObject({ kind: z.literal('note'), value: z.number() }),
  z.strictObject({ kind: z.enum(['double', 'hang', 'refuse', 'crash', 'wrong']), value: z.number() }),
]);
const CODEC = remoteCodec<Probe, z.infer<typeof body>, number>({
  body,
  answer: z.number().max(1_000_000),
  split: (message) => {
    if (message.kind === 'note') return { body: message, reply: null };
    const { reply, ...question } = message;
    return { body: question, reply };
  },
  join: (data, reply) => {
    if (data.kind === 'note') return data;
    if (reply === null) throw new ArbotError('ARB_MESSAGE_INVALID', `${data.kind}: nobody asked`);
    return { ...data, reply };
  },
});

const PATH = 'node/probe';
const time = new RealTime();
/** Waits and repetitions pass fifty times as fast. */
const quick: Timers = {
  setTimer: (callback, delayMs) => time.setTimer(callback, delayMs / 50),
  clearTimer: (handle) => time.clearTimer(handle),
  setImmediate: (callback) => time.setImmediate(callback),
};

function systemOf(node: string): ActorSystem {
  return new ActorSystem({
    node,
    engine: new PlainEngine(time, () => undefined),
    clock: time,
    timers: time,
    random: new SeededRandom(node),
    ids: new TimeOrderedIds(time, new SeededRandom(node)),
    log: new KeptLog(),
  });
}

const noted: number[] = [];
const held: (() => void)[] = [];
const probe = () =>
  actor<Probe>(
    () => ({
      async handle(message) {
        switch (message.kind) {
          case 'note':
            noted.push(message.value);
            break;
          case 'double':
            message.reply.resolve(message.value * 2);
            break;
          case 'wrong':
            message.reply.resolve(Infinity);
            break;
          case 'refuse':
            message.reply.reject(new ArbotError('ARB_RATE_LIMITED', 'wait 3 s', { retryable: true }));
            break;
          case 'crash':
            throw new Error('boom');
          case 'hang':
            await new Promise<void>((resolve) => held.push(resolve));
        }
      },
    }),
    { capacity: 3 },
  );

interface World {
  /** Where the probe lives. */
  readonly there: ActorSystem;
  /** Where the asker lives. */
  readonly here: ActorSystem;
  readonly address: Address<Probe>;
  readonly isRemote: boolean;
}

type Asker = { readonly run: (context: ActorContext<Asker | Terminated>) => void } | Terminated;

/** An actor that does what it is told within its own context. */
async function askerOf(world: World, told: Terminated[]) {
  await world.here.spawn(
    'node/asker',
    actor<Asker | Terminated>((context) => ({
      handle(message) {
        if ('run' in message) message.run(context);
        else told.push(message);
      },
    })),
  );
  const address = world.here.address<Asker>('node/asker');
  const within = <T>(step: (context: ActorContext<Asker | Terminated>) => T | Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const run = (context: ActorContext<Asker | Terminated>): void => {
        Promise.resolve()
          .then(() => step(context))
          .then(resolve, reject);
      };
      address.tell({ run });
    });
  return {
    within,
    ask: (kind: Asked['kind'], value = 0, timeoutMs = 5_000) =>
      within((context) =>
        context.ask<Probe, number>(world.address, (reply) => ({ kind, value, reply }), timeoutMs),
      ),
    watch: () => within((context) => context.watch(world.address, (ended) => ended)),
  };
}

function contract(t: Test, make: (t: Test) => Promise<World>): void {
  const test = (
    name: string,
    run: (
      t: Test,
      world: World,
      asker: Awaited<ReturnType<typeof askerOf>>,
      told: Terminated[],
    ) => Promise<void>,
  ): void => {
    void t.test(name, async (t) => {
      noted.length = 0;
      const world = await make(t);
      const told: Terminated[] = [];
      const asker = await askerOf(world, told);
      await world.there.spawn(PATH, probe());
      await run(t, world, asker, told);
      for (const release of held.splice(0)) release();
      await world.here.close(100);
      if (world.there !== world.here) await world.there.close(100);
    });
  };

  test('what is told arrives whole and in order', async (t, { address }) => {
    const values = Array.from({ length: 200 }, (_, value) => value);
    for (const value of values) {
      t.equal(address.tell({ kind: 'note', value }), 'queued');
      if (value % 2 === 1) await eventually(() => noted.length > value, `note ${value}`);
    }
    t.strictSame(noted, values);
  });

  test('each question gets its own answer', async (t, _world, { ask }) => {
    for (const from of [0, 2, 4]) {
      t.strictSame(await Promise.all([ask('double', from), ask('double', from + 1)]), [
        2 * from,
        2 * from + 2,
      ]);
    }
  });

  test('a refusal arrives as the same error', async (t, _world, { ask }) => {
    await t.rejects(ask('refuse'), { code: 'ARB_RATE_LIMITED', message: 'wait 3 s', retryable: true });
  });

  test('a question to an actor that crashes on it or is not there rejects at once', async (t, world, {
    ask,
  }) => {
    await t.rejects(ask('crash', 0, 60_000), { code: 'ARB_ACTOR_STOPPED' });
    await t.rejects(ask('double', 0, 60_000), { code: 'ARB_ACTOR_STOPPED' });
    await world.there.spawn(PATH, probe());
    t.equal(await ask('double', 4), 8, 'the address is that of the next incarnation too');
  });

  test('a question that nobody answers ends at its own time-out', async (t, _world, { ask }) => {
    await t.rejects(ask('hang', 0, 50), { code: 'ARB_ASK_TIMEOUT', message: /50 ms/ });
  });

  test('a question to a full mailbox is refused', async (t, world, { ask }) => {
    const hanging = [ask('hang', 0, 60_000), ask('hang', 1, 60_000), ask('hang', 2, 60_000)];
    for (const one of hanging) one.catch(() => undefined);
    await eventually(() => held.length === 1, 'the first is in hand');
    const depth = () => world.there.inspect(PATH)?.mailboxDepth ?? 0;
    await eventually(() => depth() >= 2, 'two wait');
    for (let value = depth(); value < 3; value++) world.address.tell({ kind: 'note', value });
    await eventually(() => depth() === 3, 'full');
    await t.rejects(ask('double', 1), { code: 'ARB_MAILBOX_FULL', retryable: true });
  });

  test('a watcher is told once, with the reason', async (t, world, { watch }, told) => {
    await watch();
    await eventually(() => world.there.inspect(PATH)?.watchers.length === 1, 'the watch');
    world.there.crash(PATH, new Error('boom'));
    await eventually(() => told.length === 1, 'the end');
    t.strictSame(told, [{ path: PATH, incarnation: 1, reason: 'crash', error: 'boom' }]);
    await watch();
    await eventually(() => told.length === 2, 'also when it is gone already');
    t.match(told[1], { path: PATH, incarnation: 1, reason: 'crash' });
    await world.there.spawn(PATH, probe());
    await watch();
    await eventually(() => world.there.inspect(PATH)?.watchers.length === 1, 'the next watch');
    await world.there.stop(PATH, 'shutdown', 100);
    await eventually(() => told.length === 3, 'an ordered stop');
    t.strictSame(told[2], { path: PATH, incarnation: 2, reason: 'shutdown', error: null });
    await world.there.spawn(PATH, probe());
    await world.there.stop(PATH, 'shutdown', 100);
    await new Promise((resolve) => setTimeout(resolve, 20));
    t.equal(told.length, 3, 'a watch ends with the incarnation that it was for');
  });
}

t.test('in one process', async (t) => {
  contract(t, () => {
    const system = systemOf('tokyo');
    return Promise.resolve({
      ...{ there: system, here: system, isRemote: false },
      address: system.address<Probe>(PATH),
    });
  });
});

interface Remotes extends World {
  readonly nodes: { readonly here: RemoteNode; readonly there: RemoteNode };
}

function remotes(
  t: Test,
  buses: { readonly here: Bus; readonly there: Bus },
  timers: Timers = time,
  nonce = 'n-1',
): Remotes {
  const here = systemOf('seoul');
  const there = systemOf('tokyo');
  const shared = { clock: time, timers, log: new KeptLog() };
  const nodes = {
    here: new RemoteNode({ ...shared, node: 'seoul', nonce: 'n-seoul', bus: buses.here, system: here }),
    there: new RemoteNode({ ...shared, node: 'tokyo', nonce, bus: buses.there, system: there }),
  };
  nodes.there.export(PATH, CODEC);
  t.teardown(() => {
    nodes.here.close();
    nodes.there.close();
  });
  return { here, there, nodes, isRemote: true, address: nodes.here.address('tokyo', PATH, CODEC) };
}

function inProcess(t: Test): InProcessBus {
  const ids = new TimeOrderedIds(time, new SeededRandom('ids'));
  const bus = new InProcessBus({ clock: time, timers: time, ids, log: new KeptLog(), sender: 'both' });
  t.teardown(() => bus.close());
  return bus;
}

t.test('over the in-process bus', async (t) => {
  contract(t, (t) => {
    const bus = inProcess(t);
    return Promise.resolve(remotes(t, { here: bus, there: bus }));
  });
});

t.test('over NATS', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startNats();
  t.teardown(() => server.stop());
  let worlds = 0;
  const connect = async (t: Test, sender: string, prefix: string) => {
    const random = new SeededRandom(sender);
    const ids = new TimeOrderedIds(time, random);
    const parts = { clock: time, timers: time, ids, log: new KeptLog(), sender, random, prefix };
    const bus = await NatsBus.connect({ ...parts, servers: [server.url] });
    t.teardown(() => bus.close());
    return bus;
  };
  await t.test('contract', async (t) => {
    contract(t, async (t) => {
      const prefix = `remote${process.pid}.${worlds++}`;
      const buses = { here: await connect(t, 'seoul', prefix), there: await connect(t, 'tokyo', prefix) };
      const world = remotes(t, buses);
      await buses.there.flush();
      await buses.here.flush();
      return world;
    });
  });

  await t.test('a node that is cut off rejects what is asked of it at once', async (t) => {
    const prefix = `remote${process.pid}.${worlds++}`;
    const buses = { here: await connect(t, 'seoul', prefix), there: await connect(t, 'tokyo', prefix) };
    const world = remotes(t, buses);
    await buses.there.flush();
    const { ask } = await askerOf(world, []);
    await world.there.spawn(PATH, probe());
    t.equal(await ask('double', 2), 4);
    await buses.there.close();
    // Until the server has seen the connection end, it delivers into it.
    let isSeen = false;
    const watch = { path: PATH, watcher: 'seoul', incarnation: null };
    while (!isSeen) {
      const options = { traceId: 'tr', timeoutMs: 100 };
      await buses.here
        .request('actor.watch.tokyo', 'remoteWatch', watch, 'remoteWatched', options)
        .catch(
          (error: unknown) => (isSeen = error instanceof ArbotError && error.code === 'ARB_NO_RESPONDER'),
        );
    }
    await t.rejects(ask('double', 2, 60_000), { code: 'ARB_ACTOR_STOPPED', message: /node tokyo is gone/ });
  });
});

t.test('what only another node can do', async (t) => {
  const started = async (t: Test, buses?: { here: Bus; there: Bus }) => {
    const bus = inProcess(t);
    const world = remotes(t, buses ?? { here: bus, there: bus }, quick);
    const told: Terminated[] = [];
    const asker = await askerOf(world, told);
    await world.there.spawn(PATH, probe());
    return { bus, world, told, asker };
  };

  await t.test('a node that is lost rejects its asks and is told to watchers, once', async (t) => {
    const { world, told, asker } = await started(t);
    t.equal(await asker.ask('double', 1), 2);
    const hanging = asker.ask('hang', 0, 60_000);
    await asker.watch();
    await eventually(() => world.there.inspect(PATH)?.watchers.length === 1, 'the watch');
    await eventually(() => held.length === 1, 'the question is in hand');
    world.nodes.here.onGone('tokyo', 'n-other');
    await new Promise((resolve) => setTimeout(resolve, 10));
    t.equal(told.length, 0, 'the end of a former process is none of this one');
    world.nodes.here.onGone('tokyo', 'n-1');
    await t.rejects(hanging, { code: 'ARB_ACTOR_STOPPED', message: 'node tokyo is gone' });
    await eventually(() => told.length === 1, 'the end');
    t.strictSame(told, [{ path: PATH, incarnation: 1, reason: 'node_lost', error: null }]);
    world.nodes.here.onGone('tokyo', 'n-1');
    world.there.crash(PATH, new Error('later'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    t.equal(told.length, 1);
    for (const release of held.splice(0)) release();
  });

  await t.test('a node that began anew is told by its nonce', async (t) => {
    const { bus, world, told, asker } = await started(t);
    t.equal(await asker.ask('double', 1), 2);
    await asker.watch();
    await eventually(() => world.there.inspect(PATH)?.watchers.length === 1, 'the watch');
    world.nodes.there.close();
    const anew = systemOf('tokyo');
    const shared = { clock: time, timers: quick, log: new KeptLog(), bus };
    const next = new RemoteNode({ ...shared, node: 'tokyo', nonce: 'n-2', system: anew });
    t.teardown(() => next.close());
    next.export(PATH, CODEC);
    await anew.spawn(PATH, probe());
    await eventually(() => told.length === 1, 'the end, by the repeated watch');
    t.strictSame(told, [{ path: PATH, incarnation: 1, reason: 'node_restarted', error: null }]);
    t.equal(await asker.ask('double', 5), 10, 'and the address is that of the new process');
    await anew.close(100);
  });

  await t.test('the word of an end that is lost is made good', async (t) => {
    const bus = inProcess(t);
    const deaf: Bus = Object.create(bus, {
      publish: { value: () => undefined },
    }) as Bus;
    const { world, told, asker } = await started(t, { here: bus, there: deaf });
    await asker.watch();
    await eventually(() => world.there.inspect(PATH)?.watchers.length === 1, 'the watch');
    world.there.crash(PATH, new Error('boom'));
    await eventually(() => told.length === 1, 'the end');
    t.strictSame(told, [{ path: PATH, incarnation: 1, reason: 'crash', error: 'boom' }]);
  });

  await t.test('what a schema refuses neither leaves nor is obeyed', async (t) => {
    const { bus, world, asker } = await started(t);
    const wrong = { kind: 'note', value: 'x' } as never;
    t.throws(() => world.address.tell(wrong), { code: 'ARB_MESSAGE_INVALID', message: /node\/probe: / });
    await t.rejects(asker.ask('wrong'), { code: 'ARB_MESSAGE_INVALID' });
    const send = (change: object) =>
      bus.request(
        'actor.call.tokyo',
        'remoteCall',
        { path: PATH, nonce: null, body: '{"kind":"note","value":1}', waitMs: null, ...change },
        'remoteAnswer',
        { traceId: 'tr', timeoutMs: 5_000 },
      );
    t.match(await send({}), { nonce: 'n-1', result: 'queued', value: null });
    t.match(await send({ nonce: 'n-0' }), { result: 'dead' }, 'meant for a former process');
    for (const body of ['{', '"x"', '{"kind":"note","value":"1"}', '{"kind":"stop"}', `${'['.repeat(40)}`]) {
      await t.rejects(send({ body }), { code: 'ARB_MESSAGE_INVALID' }, body);
    }
    await t.rejects(send({ body: '{"kind":"double","value":1}' }), { code: 'ARB_MESSAGE_INVALID' });
    await t.rejects(send({ path: 'node/other' }), { code: 'ARB_ACTOR_UNKNOWN' });
    await eventually(() => noted.length >= 1, 'the one note');
    t.equal(world.there.inspect(PATH)?.state, 'running');
  });
});
