import t from 'tap';
import { Scripted, STEP_MS } from './scripted-exchange.js';

/** Connections of one exchange on a clock that the test turns. */

t.setTimeout(300_000);

const limits = (rig: Scripted['capabilities']['limits'], more: object) => ({ ...rig, ...more });
const LIMITS = new Scripted().capabilities.limits;
const TICKET = {
  kind: 'ticket' as const,
  request: {
    method: 'POST' as const,
    path: '/ticket',
    costs: { requests: 1 },
    timeoutMs: 3000,
    maxBodyBytes: 10_000,
  },
  parse: () => '',
};

t.test(
  'symbols spread over as many connections as the exchange demands, each with its own life',
  async (t) => {
    const names = Array.from({ length: 7 }, (_, i) => `S${i}`);
    const rig = new Scripted({
      symbols: names,
      capabilities: { limits: limits(LIMITS, { topicsPerConnection: 5 }) },
    });
    rig.feed.start();
    rig.run(1000);
    t.same(
      rig.open.map(({ symbols }) => symbols.size),
      [2, 2, 2, 1],
      'two topics a symbol, five a connection',
    );
    t.ok(rig.allTrusted);
    t.equal(rig.statuses.at(-1), 'all live');
    rig.forget();
    rig.open[1]!.drop();
    t.same(
      names.map((name) => rig.isTrusted(name)),
      [true, true, false, false, true, true, true],
      'lost at once, and only what came over it',
    );
    t.equal(rig.statuses.at(-1), 'all syncing', 'incomplete, not gone');
    rig.run(3000);
    t.ok(rig.allTrusted, 'and it comes back by itself');
    t.same([...rig.untrustedMs.keys()], ['S2', 'S3']);
    t.equal(rig.statuses.at(-1), 'all live');
    t.match(rig.feed.summary(), { connections: 5, reconnects: 1, state: 'live' });
    t.same(rig.wrong, []);
    for (const socket of rig.open) socket.drop();
    t.equal(rig.statuses.at(-1), 'all disconnected');

    const fewer = new Scripted({ symbols: names, feed: { symbolsPerConnection: 3 } });
    fewer.feed.start();
    fewer.run(1000);
    t.same(
      fewer.open.map(({ symbols }) => symbols.size),
      [3, 3, 1],
      'an operator may ask for fewer',
    );
  },
);

t.test('all connections of an exchange share its budget of attempts', async (t) => {
  const connects = { kind: 'window' as const, name: 'connects', capacity: 3, windowMs: 10_000 };
  const rig = new Scripted({
    symbols: ['A', 'B', 'C', 'D', 'E'],
    capabilities: { limits: limits(LIMITS, { connects }) },
    feed: { symbolsPerConnection: 1 },
  });
  rig.accepts = false;
  rig.feed.start();
  const starts: number[] = [];
  rig.run(60_000, () => {
    while (starts.length < rig.sockets.length) starts.push(rig.nowMs);
  });
  for (const from of starts)
    t.ok(starts.filter((at) => at >= from && at < from + 10_000).length <= 3, 'never more in any window');
  t.ok(starts.length >= 12, `${starts.length} attempts`);
  rig.accepts = true;
  rig.run(30_000);
  t.ok(rig.allTrusted);
});

t.test('a ticket is fetched before each connection, in bounded time and with backoff', async (t) => {
  const rig = new Scripted({ capabilities: { entrance: TICKET } });
  rig.feed.start();
  rig.run(500);
  t.same([rig.tickets.length, rig.sockets.length], [1, 0], 'asked for, and nothing opened yet');
  const [first] = rig.tickets;
  rig.feed.refuse(first!.line, first!.attempt, 'no');
  rig.run(5000);
  t.equal(rig.tickets.length, 2, 'asked again');
  rig.feed.enter(first!.line, first!.attempt, 'ws://old');
  t.equal(rig.sockets.length, 0, 'the ticket of an attempt that is over opens nothing');
  const askedMs = rig.nowMs;
  rig.run(60_000);
  t.ok(rig.tickets.length >= 3, 'silence counts as a refusal');
  t.ok(rig.tickets.length <= 2 + (rig.nowMs - askedMs) / 15_000 + 1, 'and nobody asks twice at a time');
  const last = rig.tickets.at(-1)!;
  rig.feed.enter(last.line, last.attempt, 'ws://scripted/?token=1');
  rig.run(1000);
  t.equal(rig.open[0]!.url, 'ws://scripted/?token=1');
  t.ok(rig.allTrusted);
  t.match(rig.feed.summary(), { lines: [{ ticketFailures: rig.tickets.length - 1 }] });
  rig.open[0]!.drop();
  rig.run(40_000);
  t.ok(rig.tickets.at(-1)!.attempt > last.attempt, 'the next connection has its own');
});

t.test('nothing is sent before the exchange has greeted, and a rude one is left', async (t) => {
  const rig = new Scripted({ capabilities: { awaitsWelcome: true } });
  rig.isRude = true;
  rig.feed.start();
  rig.run(7000);
  t.same([rig.sockets.length, rig.sockets[0]!.heard], [1, []], 'neither subscriptions nor pings');
  rig.run(3000);
  t.ok(rig.sockets.length > 1, 'no welcome in time');
  t.equal(rig.statuses.filter((line) => line === 'all live').length, 0);
  rig.isRude = false;
  rig.run(20_000);
  t.ok(rig.allTrusted);
});

t.test('where a request replaces the list, every request is the whole list', async (t) => {
  const rig = new Scripted({ capabilities: { subscriptionMode: 'replace' } });
  rig.feed.start();
  rig.run(1000);
  const [socket] = rig.open;
  rig.run(1000);
  rig.forget();
  socket!.muted.add('BBB').add('CCC');
  rig.run(STEP_MS);
  socket!.muted.clear();
  rig.run(6000);
  t.match(rig.feed.summary(), { gaps: 2 });
  t.ok(rig.allTrusted);
  const requests = socket!.heard.filter((text) => text !== 'ping');
  t.equal(requests.length, 2, 'and one request heals both');
  for (const text of requests) {
    const { op, symbols, scope } = JSON.parse(text) as { op: string; symbols: string[]; scope: string };
    t.same([op, symbols, scope], ['subscribe', [...rig.symbols], 'all']);
  }
  t.same(rig.wrong, []);
});

t.test('a half-open line costs ten seconds at most', async (t) => {
  const rig = new Scripted();
  rig.feed.start();
  rig.run(5000);
  rig.forget();
  rig.open[0]!.halfOpen = true;
  const brokenMs = rig.nowMs;
  rig.run(20_000, () => undefined);
  t.ok(rig.allTrusted, 'another connection serves');
  t.equal(rig.sockets.length, 2);
  t.ok(rig.sockets[1]!.openedMs - brokenMs <= 10_000, `${rig.sockets[1]!.openedMs - brokenMs} ms`);
});

t.test('a muted depth channel on a line that answers pings', async (t) => {
  t.test('is found by comparing with REST, distrusted and subscribed again', async (t) => {
    const rig = new Scripted();
    rig.feed.start();
    rig.run(5000);
    rig.forget();
    const [socket] = rig.open;
    socket!.muted.add('BBB');
    const mutedMs = rig.nowMs;
    let foundMs = Infinity;
    rig.run(30_000, () => {
      if (!rig.isTrusted('BBB')) foundMs = Math.min(foundMs, rig.nowMs);
    });
    t.ok(foundMs - mutedMs <= 30_000, `found after ${foundMs - mutedMs} ms`);
    t.notOk(rig.isTrusted('BBB'), 'and not trusted while it stays mute');
    t.ok(socket!.heard.filter((text) => text.includes('"unsubscribe"')).length > 0);
    t.equal(rig.sockets.length, 1, 'the others kept their connection');
    socket!.muted.clear();
    rig.run(60_000);
    t.ok(rig.allTrusted);
    t.same([...rig.untrustedMs.keys()], ['BBB']);
  });
  t.test('is found however long the pair has been quiet before', async (t) => {
    const rig = new Scripted();
    rig.quiet.add('BBB');
    rig.feed.start();
    rig.run(300_000);
    t.ok(rig.isTrusted('BBB'), 'quiet and right');
    t.same(
      [...rig.untrustedMs.values()].every((ms) => ms < 1000),
      true,
      'and never doubted',
    );
    rig.open[0]!.muted.add('BBB');
    rig.quiet.clear();
    const mutedMs = rig.nowMs;
    let foundMs = Infinity;
    rig.run(40_000, () => {
      if (!rig.isTrusted('BBB')) foundMs = Math.min(foundMs, rig.nowMs);
    });
    t.ok(foundMs - mutedMs <= 30_000, `found after ${foundMs - mutedMs} ms`);
  });
  t.test('is subscribed again without REST too, in the end', async (t) => {
    const rig = new Scripted();
    rig.answers = false;
    rig.feed.start();
    rig.run(5000);
    rig.open[0]!.muted.add('BBB');
    rig.run(70_000);
    t.notOk(rig.isTrusted('BBB'));
    t.ok(rig.requests.length < 20, 'and REST is not flooded meanwhile');
  });
});

t.test('a connection is renewed before its life ends, without a gap', async (t) => {
  const lifetimeMs = 200_000;
  for (const lag of [0, 200, -200]) {
    const rig = new Scripted({
      capabilities: { limits: limits(LIMITS, { lifetimeMs }) },
      lagMs: (connection) => 300 + (connection % 2 === 0 ? lag : 0),
    });
    rig.feed.start();
    rig.run(5000);
    rig.forget();
    let most = 0;
    rig.run(2 * lifetimeMs, () => {
      most = Math.max(most, rig.open.length);
      const oldest = Math.min(...rig.open.map(({ openedMs }) => openedMs));
      if (rig.nowMs - oldest > lifetimeMs) rig.wrong.push('a connection outlived what the exchange allows');
    });
    t.same(rig.wrong, [], `lag ${lag}: every shown book is one the engine held`);
    t.same([...rig.untrustedMs], [], `lag ${lag}: at no step was a book untrusted`);
    t.ok(rig.sockets.length >= 3, `${rig.sockets.length} connections`);
    t.equal(most, 2, 'two while one replaces the other');
    t.equal(rig.open.length, 1);
    t.equal(new Set(rig.trades).size, rig.trades.length, 'no trade is told twice');
    t.ok(
      rig.tradesMade - rig.trades.length < 50,
      `and none is lost: ${rig.trades.length} of ${rig.tradesMade}`,
    );
    t.match(rig.feed.summary(), { reconnects: 0, gaps: 0, lines: [{ rollovers: rig.sockets.length - 1 }] });
    t.equal((rig.feed.summary()['frames'] as number) > 2 * rig.tradesMade * 0.9, true, 'the counters go on');
    t.same(rig.statuses, [], 'and nobody had to be told');
  }
});

t.test('an announced upgrade is met with the next connection', async (t) => {
  const rig = new Scripted();
  rig.feed.start();
  rig.run(5000);
  rig.forget();
  const [old] = rig.open;
  old!.push({ kind: 'notice' });
  rig.run(3000);
  t.equal(old!.state, 'closed');
  t.same([...rig.untrustedMs], []);
  t.same(rig.wrong, []);
});

t.test('a renewal that fails leaves the old connection in charge', async (t) => {
  t.test('when the next one cannot be opened', async (t) => {
    const rig = new Scripted({ feed: { rollover: { maxOverlapMs: 30_000, retryMs: 10_000 } } });
    rig.feed.start();
    rig.run(5000);
    rig.forget();
    rig.accepts = false;
    const [old] = rig.open;
    old!.push({ kind: 'notice' });
    rig.run(35_000);
    t.equal(old!.state, 'open');
    t.same([...rig.untrustedMs], []);
    t.match(rig.feed.summary(), { lines: [{ rolloversAbandoned: 1 }] });
    rig.accepts = true;
    rig.run(30_000);
    t.equal(old!.state, 'closed', 'it is tried again');
    t.same([...rig.untrustedMs], []);
  });
  t.test('when the next one breaks half-way, its symbols go back', async (t) => {
    const rig = new Scripted();
    rig.feed.start();
    rig.run(5000);
    rig.forget();
    const [old] = rig.open;
    old!.push({ kind: 'notice' });
    rig.run(100);
    const next = rig.sockets[1]!;
    next.muted.add('CCC');
    rig.run(2000);
    t.match(rig.feed.summary(), { lines: [{ rollingOver: { left: 1 } }] });
    next.drop();
    t.ok(rig.allTrusted, 'not for a moment untrusted');
    rig.run(10_000);
    t.equal(old!.state, 'closed', 'and the attempt after it succeeds');
    t.same([...rig.untrustedMs], []);
    t.same(rig.wrong, []);
  });
  t.test('when the old one breaks half-way, the new one has what it has', async (t) => {
    const rig = new Scripted();
    rig.feed.start();
    rig.run(5000);
    rig.forget();
    const [old] = rig.open;
    old!.push({ kind: 'notice' });
    rig.run(100);
    rig.sockets[1]!.muted.add('CCC');
    rig.run(2000);
    old!.drop();
    t.same(
      rig.symbols.map((name) => rig.isTrusted(name)),
      [true, true, false],
    );
    rig.sockets[1]!.muted.clear();
    rig.run(10_000);
    t.ok(rig.allTrusted);
    t.same(rig.wrong, []);
  });
});

t.test('garbage among the frames is counted and survived', async (t) => {
  const rig = new Scripted();
  rig.feed.start();
  rig.run(5000);
  rig.run(60_000, () => {
    if (rig.nowMs % 1000 === 0) for (const socket of rig.open) socket.pushText('\u0000{{');
  });
  t.same(rig.failures, [], 'one bad frame a second is below what costs a connection');
  rig.run(5000);
  t.match(rig.feed.summary(), { invalid: 60, reconnects: 0 });
  t.ok(rig.allTrusted);
  t.same(rig.wrong, []);
});
