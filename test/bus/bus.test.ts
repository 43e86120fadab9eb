import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { connect } from 'nats';
import t, { type Test } from 'tap';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { NatsBus, type NatsBusOptions } from '../../src/cluster/nats-bus.js';
import { SubjectTrie } from '../../src/cluster/subjects.js';
import { encodeMessage } from '../../src/messages/codec.js';
import type { Logger } from '../../src/ports/log.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { SAMPLES } from '../messages/samples.js';
import { available, skipOrFail, startNats } from '../servers/nats.js';
import { busContract, eventually } from './contract.js';

const TRACE = { traceId: 'tr-1' };
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

/** Real time that a test can move forward. */
class MovableClock extends SystemClock {
  private addedMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.addedMs;
  }

  advance(ms: number): void {
    this.addedMs += ms;
  }
}

let parts = 0;
function options(sender: string, clock = new MovableClock()) {
  const ids = new TimeOrderedIds(clock, new SeededRandom(`bus ${parts++}`));
  return { clock, timers: new SystemTimers(), ids, log: silent, sender, maxPendingRequests: 32 };
}

t.test('in process', async (t) => {
  busContract((name, body) => {
    t.test(name, async (t) => {
      const clock = new MovableClock();
      // Only one test bounds its requests so tightly.
      const maxPendingRequests = name.includes('bounded') ? 4 : 32;
      const bus = new InProcessBus({ ...options('node-a', clock), maxPendingRequests });
      await body(t, { sender: bus, receiver: bus, advance: (ms) => clock.advance(ms) });
      await bus.close();
    });
  });

  t.test('a slow subscriber loses the oldest market data, and only its own', async (t) => {
    const bus = new InProcessBus({ ...options('node-a'), queueLimit: 3 });
    const got: string[] = [];
    bus.subscribe('md.>', 'tradePrint', ({ message }) => got.push(message.tradeId));
    for (let id = 0; id < 5; id++) {
      bus.publish('md.trade.okx.A-B', 'tradePrint', { ...SAMPLES.tradePrint, tradeId: String(id) }, TRACE);
    }
    await bus.flush();
    t.strictSame(got, ['2', '3', '4']);
    t.match(bus.statistics(), { published: 5, delivered: 3, droppedFull: 2 });
  });

  t.test(
    'money is never dropped: a full queue tells the publisher, and then nobody got the message',
    async (t) => {
      const bus = new InProcessBus({ ...options('node-a'), queueLimit: 3 });
      const [full, free]: [string[], string[]] = [[], []];
      bus.subscribe('order.fill.*', 'fill', ({ message }) => full.push(message.tradeId));
      bus.subscribe('order.fill.okx', 'fill', ({ message }) => free.push(message.tradeId));
      const publish = (exchange: string, tradeId: string) =>
        bus.publish(`order.fill.${exchange}`, 'fill', { ...SAMPLES.fill, tradeId }, TRACE);
      for (const id of ['1', '2', '3']) publish('bybit', id);
      t.throws(() => publish('okx', '4'), { code: 'ARB_MAILBOX_FULL', retryable: true });
      await bus.flush();
      publish('okx', '4');
      await bus.flush();
      t.strictSame({ full, free }, { full: ['1', '2', '3', '4'], free: ['4'] });
      t.match(bus.statistics(), { published: 4, delivered: 5, droppedFull: 0 });
    },
  );

  t.test('a request to a full responder is refused while that is certain', async (t) => {
    const bus = new InProcessBus({ ...options('node-a'), queueLimit: 1 });
    bus.respond('order.submit.*', 'submitLeg', 'legResult', async () => SAMPLES.legResult);
    const ask = () =>
      bus.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', {
        ...TRACE,
        timeoutMs: 5_000,
      });
    const first = ask();
    await t.rejects(ask(), { code: 'ARB_MAILBOX_FULL' });
    t.strictSame(await first, SAMPLES.legResult);
  });

  t.test('a flood to one subscriber lets the event loop and the others have their turn', async (t) => {
    const bus = new InProcessBus(options('node-a'));
    const order: string[] = [];
    bus.subscribe('a.*', 'haltChanged', () => order.push('flood'));
    bus.subscribe('b', 'haltChanged', () => order.push('other'));
    for (let i = 0; i < 500; i++) bus.publish('a.x', 'haltChanged', SAMPLES.haltChanged, TRACE);
    bus.publish('b', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await bus.flush();
    t.equal(order.indexOf('other'), 64, 'after one batch of the flood');
    t.equal(order.length, 501);
  });
});

t.test('the subject trie agrees with a plain matcher, and forgets what is removed', async () => {
  const matches = (pattern: string, subject: string) => {
    const [p, s] = [pattern.split('.'), subject.split('.')];
    const rest = p.at(-1) === '>';
    if (rest ? s.length < p.length : s.length !== p.length) return false;
    return p.every((token, i) => token === '>' || token === '*' || token === s[i]);
  };
  const token = fc.constantFrom('a', 'b', 'c');
  const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
  const pattern = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([tokens, rest]) => [...tokens, ...(rest ? ['>'] : [])].join('.'));
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 12 }), subject, fc.nat(12), (patterns, subject, removed) => {
      const trie = new SubjectTrie<number>();
      patterns.forEach((text, index) => trie.add(text, index));
      patterns.slice(0, removed).forEach((text, index) => trie.remove(text, index));
      const expected = patterns.flatMap((text, index) =>
        index >= removed && matches(text, subject) ? [index] : [],
      );
      const found = trie.match(subject).sort((a, b) => a - b);
      if (JSON.stringify(found) !== JSON.stringify(expected))
        throw new Error(`${found.join()} ≠ ${expected.join()}`);
      patterns.slice(removed).forEach((text, index) => trie.remove(text, index + removed));
      if (!trie.isEmpty) throw new Error('something was left behind');
    }),
    { numRuns: 500 },
  );
});

/** A TCP relay in front of a server: cutting it is a link that breaks without a word. */
async function startRelay(port: number) {
  const pairs = new Set<[Socket, Socket]>();
  let frozen = false;
  const relay = createServer((client) => {
    const server = connectTcp(port, '127.0.0.1');
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.on('data', (data) => {
        if (!frozen) to.write(data);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const address = relay.address() as { port: number };
  return {
    url: `nats://127.0.0.1:${address.port}`,
    freeze: () => (frozen = true),
    thaw: () => (frozen = false),
    stop: () => {
      for (const pair of pairs) pair.forEach((socket) => socket.destroy());
      relay.close();
    },
  };
}

/** A relay that keeps what it gets while it holds, as a network does that is cut for a while: nothing is lost, everything is late. */
async function startHoldingRelay(port: number) {
  const ways = new Set<{ readonly from: Socket; readonly to: Socket; readonly kept: Buffer[] }>();
  const state = { hold: false, stall: false };
  const relay = createServer((client) => {
    const server = connectTcp(port, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      const way = { from, to, kept: [] as Buffer[] };
      ways.add(way);
      from.on('data', (data) => {
        if (state.hold) way.kept.push(data);
        else to.write(data);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!state.hold) to.end();
      });
    }
    if (state.stall) server.pause();
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    url: `nats://127.0.0.1:${(relay.address() as { port: number }).port}`,
    hold: () => (state.hold = true),
    release: () => {
      state.hold = false;
      for (const { from, to, kept } of ways) {
        for (const data of kept.splice(0)) to.write(data);
        if (from.destroyed) to.end();
      }
    },
    /** Nobody reads what the server sends any more. */
    stall: () => {
      state.stall = true;
      for (const { from } of ways) if (from.remotePort === port) from.pause();
    },
    flow: () => {
      state.stall = false;
      for (const { from } of ways) from.resume();
    },
    stop: () => {
      for (const { from, to } of ways) [from, to].forEach((socket) => socket.destroy());
      relay.close();
    },
  };
}

t.test('over NATS', async (t) => {
  if (skipOrFail(t, available())) return;
  const server = await startNats();
  t.teardown(() => server.stop());
  const node = async (
    t: Test,
    sender: string,
    more: Partial<NatsBusOptions> & Pick<NatsBusOptions, 'prefix'>,
  ) => {
    const bus = await NatsBus.connect({
      ...options(sender),
      servers: [server.url],
      random: new SeededRandom(sender),
      ...more,
    });
    t.teardown(() => bus.close());
    return bus;
  };
  let tests = 0;
  const prefix = () => `test${process.pid}.${tests++}`;

  await t.test('contract, between two nodes', async (t) => {
    busContract((name, body) => {
      t.test(name, async (t) => {
        const clock = new MovableClock();
        const shared = { prefix: prefix(), clock, maxPendingRequests: name.includes('bounded') ? 4 : 32 };
        const sender = await node(t, 'node-a', shared);
        const receiver = await node(t, 'node-b', shared);
        await body(t, { sender, receiver, advance: (ms) => clock.advance(ms) });
      });
    });
  });

  await t.test('foreign bytes, other versions and other prefixes are refused and harm nothing', async (t) => {
    const shared = { prefix: prefix() };
    const bus = await node(t, 'node-a', shared);
    const other = await node(t, 'node-b', { prefix: prefix() });
    let got = 0;
    bus.subscribe('>', 'haltChanged', () => got++);
    await bus.flush();
    const foreign = await connect({ servers: server.url });
    const header = { traceId: 'tr', sender: 'x', sentAtMs: Date.now() };
    const valid = Buffer.from(encodeMessage('haltChanged', SAMPLES.haltChanged, header)).toString();
    const bad = [
      '',
      'hello',
      '{}',
      '[[[[',
      valid.replace('"kv":1', '"kv":99'),
      valid.replace('"v":1', '"v":9'),
    ];
    for (const text of bad) foreign.publish(`${shared.prefix}.risk.halt`, Buffer.from(text));
    foreign.publish(`${shared.prefix}.risk.halt`, Buffer.from(valid));
    await foreign.flush();
    other.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await other.flush();
    await eventually(() => got === 1, 'the valid one');
    t.match(bus.statistics(), { droppedInvalid: bad.length, delivered: 1, state: 'connected' });
    await foreign.close();
  });

  await t.test(
    'while a silent link fills up, market data is dropped and money refused, both within bounds',
    async (t) => {
      const relay = await startRelay(Number(new URL(server.url).port));
      t.teardown(() => relay.stop());
      const limits = { maxUnconfirmedBytes: 20_000, maxHeld: 50 };
      const shared = { prefix: prefix() };
      const bus = await node(t, 'node-a', { ...shared, servers: [relay.url], limits });
      const receiver = await node(t, 'node-b', shared);
      const got = new Set<string>();
      receiver.subscribe('order.fill.*', 'fill', ({ message }) => got.add(message.tradeId));
      await receiver.flush();
      relay.freeze();
      for (let i = 0; i < 200; i++) bus.publish('md.trade.okx.A-B', 'tradePrint', SAMPLES.tradePrint, TRACE);
      t.ok(bus.statistics().droppedFull > 100, `${bus.statistics().droppedFull} trades dropped`);
      const publish = (tradeId: number) =>
        bus.publish('order.fill.okx', 'fill', { ...SAMPLES.fill, tradeId: String(tradeId) }, TRACE);
      let accepted = 0;
      t.throws(
        () => {
          for (; accepted < 1_000; accepted++) publish(accepted);
        },
        { code: 'ARB_MAILBOX_FULL' },
      );
      t.ok(accepted >= 50 && accepted < 60, `${accepted} fills accepted`);
      await eventually(() => bus.statistics().state === 'reconnecting', 'the client notices');
      const ask = bus.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', {
        ...TRACE,
        timeoutMs: 60_000,
      });
      await t.rejects(ask, { code: 'ARB_NO_RESPONDER' }, 'no command waits for a reconnection');
      relay.thaw();
      await bus.flush();
      await eventually(() => got.size >= 50, 'what was held arrives');
      t.ok(got.has(String(accepted - 1)), 'to the last');
      t.equal(bus.statistics().state, 'connected');
    },
  );

  await t.test(
    'what a cut link delivers after the reconnection is judged by its age: prices dropped, money kept',
    async (t) => {
      const relay = await startHoldingRelay(Number(new URL(server.url).port));
      t.teardown(() => relay.stop());
      const clock = new MovableClock();
      const shared = { prefix: prefix(), clock, pingIntervalMs: 200 };
      const sender = await node(t, 'node-a', { ...shared, servers: [relay.url] });
      const receiver = await node(t, 'node-b', shared);
      const got: string[] = [];
      receiver.subscribe('md.book.*.*', 'bookTop', ({ message }) => got.push(String(message.sequence)));
      receiver.subscribe('order.fill.*', 'fill', ({ message }) => got.push(message.tradeId));
      await receiver.flush();
      await sender.flush();
      const publish = (sequence: number) =>
        sender.publish('md.book.okx.A-B', 'bookTop', { ...SAMPLES.bookTop, sequence }, TRACE);
      relay.hold();
      for (let sequence = 1; sequence <= 5; sequence++) publish(sequence);
      sender.publish('order.fill.okx', 'fill', { ...SAMPLES.fill, tradeId: 'late' }, TRACE);
      await eventually(() => sender.statistics().state === 'reconnecting', 'the silence is noticed');
      clock.advance(1_001);
      relay.release();
      await eventually(() => receiver.statistics().droppedStale === 5, 'the late prices');
      await eventually(() => sender.statistics().state === 'connected', 'the reconnection');
      publish(6);
      await eventually(() => got.includes('6'), 'a fresh price');
      t.strictSame(got, ['late', '6']);
    },
  );

  await t.test(
    'a consumer of books that is too slow is cut off and comes back; orders do not wait',
    async (t) => {
      const relay = await startHoldingRelay(Number(new URL(server.url).port));
      t.teardown(() => relay.stop());
      const shared = { prefix: prefix() };
      const publisher = await node(t, 'tokyo', { ...shared, connection: 'market' });
      const slow = await node(t, 'seoul', { ...shared, connection: 'market', servers: [relay.url] });
      const [asking, answering] = [
        await node(t, 'tokyo', { ...shared, connection: 'orders' }),
        await node(t, 'seoul', { ...shared, connection: 'orders' }),
      ];
      answering.respond('order.submit.*', 'submitLeg', 'legResult', () => Promise.resolve(SAMPLES.legResult));
      let books = 0;
      slow.subscribe('md.board.*', 'boardBatch', () => books++);
      await slow.flush();
      await answering.flush();
      const bytes = new Uint8Array(256 * 1024);
      const before = process.memoryUsage.rss();
      relay.stall();
      let answered = 0;
      const limitMs = Date.now() + 30_000;
      while (slow.statistics().state === 'connected' && Date.now() < limitMs) {
        publisher.publish('md.board.okx', 'boardBatch', { bytes }, TRACE);
        await publisher.flush();
        await asking.request('order.submit.okx', 'submitLeg', SAMPLES.submitLeg, 'legResult', {
          ...TRACE,
          timeoutMs: 5_000,
        });
        answered++;
      }
      t.ok(answered > 10, `${answered} orders were answered during the flood`);
      t.equal(publisher.statistics().droppedFull, 0);
      t.equal(asking.statistics().state, 'connected');
      const grown = (process.memoryUsage.rss() - before) / 2 ** 20;
      t.ok(grown < 100, `${Math.round(grown)} MB more`);
      relay.flow();
      await eventually(() => slow.statistics().state === 'connected', 'it comes back');
      const seen = books;
      await slow.flush();
      publisher.publish('md.board.okx', 'boardBatch', { bytes: bytes.subarray(0, 64) }, TRACE);
      await eventually(() => books > seen, 'and hears what is new');
    },
  );

  await t.test('waits for a server that is not there yet, until told to give up', async (t) => {
    const giveUp = AbortSignal.timeout(300);
    const waiting = NatsBus.connect({
      ...options('node-a'),
      servers: ['nats://127.0.0.1:1'],
      random: new SeededRandom('x'),
      signal: giveUp,
    });
    await t.rejects(waiting, { code: 'ARB_NO_RESPONDER' });
  });

  if (server.external) return;

  await t.test('a killed server: subscriptions and held money come back by themselves', async (t) => {
    const shared = { prefix: prefix() };
    const states: string[] = [];
    const sender = await node(t, 'node-a', { ...shared, onState: (state) => states.push(state) });
    const receiver = await node(t, 'node-b', shared);
    const got: string[] = [];
    receiver.subscribe('order.fill.*', 'fill', ({ message }) => got.push(message.tradeId));
    await receiver.flush();
    await server.kill();
    await eventually(() => sender.statistics().state === 'reconnecting', 'the loss is seen');
    await eventually(() => receiver.statistics().state === 'reconnecting', 'the loss is seen by the other');
    for (const tradeId of ['1', '2'])
      sender.publish('order.fill.okx', 'fill', { ...SAMPLES.fill, tradeId }, TRACE);
    sender.publish('md.trade.okx.A-B', 'tradePrint', SAMPLES.tradePrint, TRACE);
    t.equal(sender.statistics().droppedFull, 1, 'a price is worth nothing later');
    await server.restart();
    await sender.flush();
    await eventually(() => receiver.statistics().state === 'connected', 'reconnection');
    sender.publish('order.fill.okx', 'fill', { ...SAMPLES.fill, tradeId: '3' }, TRACE);
    await eventually(() => got.includes('3'), 'delivery after the restart');
    t.strictSame(states, ['reconnecting', 'connected']);
  });

  await t.test('a server that hangs is noticed by the missing pings and comes back', async (t) => {
    const bus = await node(t, 'node-a', { prefix: prefix() });
    let got = 0;
    bus.subscribe('risk.halt', 'haltChanged', () => got++);
    await bus.flush();
    server.pause();
    await eventually(() => bus.statistics().state === 'reconnecting', 'the silence is noticed');
    server.resume();
    await eventually(() => bus.statistics().state === 'connected', 'reconnection');
    bus.publish('risk.halt', 'haltChanged', SAMPLES.haltChanged, TRACE);
    await eventually(() => got === 1, 'delivery');
    await sleep(0);
    t.equal(bus.statistics().droppedInvalid, 0);
  });
});
