import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ConnectionLimits, Heartbeat } from '../../src/connectors/base.js';
import { WebSocketManager, type ConnectionPolicy } from '../../src/connectors/websocket-manager.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';

/** A real socket to a small server; time is real, and every wait has a generous end. */

const LIMITS: ConnectionLimits = {
  maxFrameBytes: 10_000,
  connects: { kind: 'window', name: 'connects', capacity: 100, windowMs: 1000 },
  clientMessages: { kind: 'window', name: 'messages', capacity: 100, windowMs: 1000 },
  subscriptions: null,
  topicsPerRequest: 10,
  topicsPerConnection: 10,
  lifetimeMs: null,
};
const HEARTBEAT: Heartbeat = {
  everyMs: null,
  probe: { kind: 'text', text: 'ping' },
  probeAfterSilenceMs: 100,
  deadAfterSilenceMs: 400,
};
const QUICK: Partial<ConnectionPolicy> = { backoffMinMs: 10, backoffMaxMs: 50, stableMs: 60_000 };

interface Rig {
  readonly server: WebSocketServer;
  readonly clients: WebSocket[];
  readonly received: string[];
  readonly log: string[];
  readonly manager: WebSocketManager;
  until(what: string, condition: () => boolean): Promise<void>;
}

async function rig(
  t: Test,
  onClient: (client: WebSocket, count: number) => void,
  settings: {
    heartbeat?: Partial<Heartbeat>;
    limits?: Partial<ConnectionLimits>;
    policy?: Partial<ConnectionPolicy>;
  } = {},
): Promise<Rig> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const clients: WebSocket[] = [];
  const received: string[] = [];
  const log: string[] = [];
  server.on('connection', (client) => {
    clients.push(client);
    client.on('message', (data: Buffer) => received.push(data.toString()));
    onClient(client, clients.length);
  });
  const sockets = new WsSockets();
  const manager = new WebSocketManager({
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heartbeat: { ...HEARTBEAT, ...settings.heartbeat },
    limits: { ...LIMITS, ...settings.limits },
    connect: (url, options, handlers) => sockets.connect(url, options, handlers),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    random: () => 0.5,
    policy: { ...QUICK, ...settings.policy },
    events: {
      connecting: () => log.push('connecting'),
      opened: () => log.push('opened'),
      frame: (data) => log.push(`frame ${data.toString().slice(0, 20)}`),
      alive: () => log.push('alive'),
      closed: (reason) => log.push(`closed ${reason}`),
    },
  });
  const ticking = setInterval(() => manager.tick(), 20);
  t.teardown(async () => {
    clearInterval(ticking);
    manager.stop();
    for (const client of clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  manager.start();
  const until = async (what: string, condition: () => boolean) => {
    const deadline = performance.now() + 20_000;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`${what} did not happen; log: ${log.join(' | ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { server, clients, received, log, manager, until };
}

t.test('a silent but living server is probed and kept', async (t) => {
  const { received, log, until } = await rig(t, (client) => {
    client.on('message', (data: Buffer) => data.toString() === 'ping' && client.send('pong'));
  });
  await until('three probes', () => received.filter((text) => text === 'ping').length >= 3);
  t.notMatch(log.join(), /closed/, 'the connection stayed');
  t.ok(log.includes('frame pong'));
});

t.test('a server that stops answering is half-open: dropped and connected anew', async (t) => {
  const { log, until } = await rig(t, (client, count) => {
    // The first connection swallows everything, protocol pings included.
    if (count > 1) client.on('message', () => client.send('pong'));
  });
  await until('a second connection', () => log.filter((line) => line === 'opened').length >= 2);
  t.match(log.join('\n'), /closed half-open: silent for/);
});

t.test('protocol pings prove life where the exchange wants them', async (t) => {
  const { log, until } = await rig(t, () => undefined, { heartbeat: { probe: { kind: 'ping' } } });
  await until('two pongs', () => log.filter((line) => line === 'alive').length >= 2);
  t.notMatch(log.join(), /closed/);
});

t.test('an oversized frame costs the connection, not the process', async (t) => {
  const { log, until } = await rig(t, (client, count) =>
    client.send(count === 1 ? 'x'.repeat(20_000) : 'small'),
  );
  await until('the next connection', () => log.includes('frame small'));
  t.match(log.join('\n'), /closed closed by the other side: 1009/);
  t.notMatch(log.join('\n'), /frame xxx/, 'nothing of it was handed on');
});

t.test('a server that hangs up is met with growing, bounded waits', async (t) => {
  const { log, clients, until } = await rig(t, (client) => client.terminate());
  await until('five attempts', () => clients.length >= 5);
  const closed = log.filter((line) => line.startsWith('closed')).length;
  const opened = log.filter((line) => line === 'connecting').length;
  t.ok(opened - closed <= 1, 'every attempt ended before the next began');
});

t.test('messages keep to the rate and the order that the exchange allows', async (t) => {
  const { manager, received, until, log } = await rig(t, () => undefined, {
    heartbeat: { probeAfterSilenceMs: 60_000, deadAfterSilenceMs: 120_000 },
    limits: { clientMessages: { kind: 'window', name: 'messages', capacity: 4, windowMs: 400 } },
  });
  await until('opening', () => log.includes('opened'));
  const started = performance.now();
  for (let i = 0; i < 12; i++) manager.send(String(i));
  await until('all messages', () => received.length === 12);
  t.same(
    received,
    Array.from({ length: 12 }, (_, i) => String(i)),
  );
  t.ok(performance.now() - started >= 700, 'twelve messages at four per 400 ms take two windows at least');
});

t.test('nothing of a dropped connection is heard again', async (t) => {
  const { manager, clients, log, until } = await rig(t, (client, count) => client.send(`hello ${count}`));
  await until('the first frame', () => log.includes('frame hello 1'));
  manager.reconnect('asked to');
  clients[0]!.send('late');
  await until('the second frame', () => log.includes('frame hello 2'));
  t.notMatch(log.join('\n'), /late/);
  t.match(log.join('\n'), /closed asked to/);
});

t.test('connects within the budget of the exchange', async (t) => {
  const { clients, until } = await rig(t, (client) => client.terminate(), {
    limits: { connects: { kind: 'window', name: 'connects', capacity: 2, windowMs: 60_000 } },
  });
  await until('two attempts', () => clients.length >= 2);
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.equal(clients.length, 2, 'the third waits for the window');
});
