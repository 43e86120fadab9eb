import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';
import { feedActor } from '../../src/actors/feed.js';
import { startOptions } from '../../src/cli/start.js';
import { BoardFollower, BoardPublisher } from '../../src/cluster/board-bridge.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { ChannelBus } from '../../src/cluster/isolation/channel-bus.js';
import { isolatedFeedActor } from '../../src/cluster/isolation/isolated-feed.js';
import { binance } from '../../src/connectors/binance.js';
import { restLimiterOf } from '../../src/connectors/limit-answers.js';
import { okx } from '../../src/connectors/okx.js';
import { loadInstruments } from '../../src/connectors/rest-client.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { BOARD_DEPTH, QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { FeedStatus, TradePrint } from '../../src/messages/feed.js';
import type { SupervisionEvent } from '../../src/messages/supervision.js';
import { feedProcesses } from '../../src/modes/feed-processes.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { startNode } from '../../src/modes/start.js';
import { erased } from '../../src/modes/tree.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { ScaledTime } from '../../src/runtime/platform/clock.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges } from '../../src/simulator/server.js';
import type { SupervisorSpec } from '../../src/supervisors/spec.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { KeptLog } from '../runtime/harness.js';

t.setTimeout(400_000);

const ENTRY = resolve(import.meta.dirname, 'misbehaving-feed-process.ts');
const SECRET = 'ARBOT_TEST_SECRET_OF_ISOLATION';
const OKX = 'feeds/okx';
const PLAIN = 'feeds/binance';
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function until(what: string, condition: () => boolean, withinMs = 90_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await sleep(5);
  }
}

/** A process that has ended and waits to be taken note of counts as gone. */
async function lives(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat !== null && !/\) [ZX] /.test(stat);
}

async function gone(pid: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (await lives(pid)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} is still there`);
    await sleep(20);
  }
}

/** OKX in a process of its own and Binance beside it, under one supervisor; OKX once more in this process, on another board. */
async function setUp(t: { teardown(close: () => Promise<void>): void }) {
  const time = new MachineTime();
  const marketTime = new ScaledTime({ clock: time, timers: time, factor: 1 });
  const random = new SeededRandom('isolated');
  const ids = new TimeOrderedIds(time, random);
  const log = new KeptLog();
  const simulated = await startSimulatedExchanges({
    seed: 12,
    clock: marketTime,
    timers: marketTime,
    log,
    exchanges: ['okx', 'binance'],
    plants: NO_PLANTS,
  });
  const bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
  const http = new UndiciHttpClient();
  const board = new QuoteBoard(64);
  const plainBoard = new QuoteBoard(64);
  const statuses: FeedStatus[] = [];
  const prints: TradePrint[] = [];
  const taken: TradePrint[] = [];
  bus.subscribe('feed.status.okx', 'feedStatus', ({ message }) => statuses.push(message));
  bus.subscribe('md.trade.okx.*', 'tradePrint', ({ message }) => prints.push(message));
  const marketOf = async (connector: ReturnType<typeof okx>) => {
    const at = simulated.endpoints[connector.exchange as 'okx']!;
    const endpoints = {
      websocketUrl: at.ws + new URL(connector.endpoints.websocketUrl).pathname,
      restUrl: at.rest,
    };
    const limiter = restLimiterOf(connector);
    const rest = { connector, endpoints, http, limiter, clock: time, timers: time };
    const { instruments } = await loadInstruments(rest, (...market) =>
      curatedRegistry.resolveMarket(...market),
    );
    const names = instruments.map(({ id, symbol }) => ({ id, symbol }));
    return { connector, endpoints, limiter, instruments: names };
  };
  const ports = { sockets: new WsSockets(), http, timers: time };
  const [ofOkx, ofBinance] = [await marketOf(okx()), await marketOf(binance())];
  const isolated = isolatedFeedActor({
    ...ofOkx,
    start: feedProcesses(time, ENTRY),
    exchange: 'okx',
    ccxt: null,
    board,
    bus,
    timers: time,
    machine: time,
    trades: (print) => taken.push(print),
  });
  const silent = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'silent' });
  const worker = (id: string, actor: ReturnType<typeof erased>) => ({
    worker: {
      id,
      restart: 'permanent' as const,
      shutdownMs: 4_000,
      backoff: { minMs: 10, maxMs: 50, jitter: 0 },
      giveUp: { kind: 'quarantine' as const, probeMinMs: 60_000, probeMaxMs: 60_000 },
      actor,
    },
  });
  const spec: SupervisorSpec = {
    id: 'feeds',
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: { restarts: 5, stableMs: 100 },
    children: [
      worker('okx', erased(isolated)),
      worker('binance', erased(feedActor({ ...ofBinance, ...ports, board, bus }))),
      worker('okx-here', erased(feedActor({ ...ofOkx, ...ports, board: plainBoard, bus: silent }))),
    ],
  };
  const engine = new NactEngine((cell, error) => log.error({ cell, error }, 'engine fault'));
  const shared = { clock: time, timers: time, random, ids, log };
  const system = new ActorSystem({ ...shared, node: 'test', engine });
  const events: SupervisionEvent[] = [];
  const tree = new SupervisionTree({ ...shared, system, spec, onEvent: (event) => events.push(event) });
  const slots = ofOkx.instruments.map(({ id }) => ({ here: board.slotOf(id), plain: plainBoard.slotOf(id) }));
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await tree.stop();
    isStopped = true;
  };
  t.teardown(async () => {
    await stop();
    await system.close(1_000);
    await bus.close();
    await silent.close();
    await simulated.close();
    await http.close();
  });
  const summary = (path = OKX) => system.inspect(path)?.summary ?? {};
  const pid = () => summary()['process'] as number;
  const trusted = () => slots.every(({ here }) => board.trust[here] === TRUST_OK);
  const epochs = () => slots.map(({ here }) => board.epoch[here]!);
  return {
    ...{
      time,
      marketTime,
      bus,
      board,
      plainBoard,
      statuses,
      prints,
      taken,
      log,
      events,
      tree,
      system,
      slots,
    },
    ...{ stop, summary, pid, trusted, epochs, instruments: ofOkx.instruments },
  };
}

type Running = Awaited<ReturnType<typeof setUp>>;

const bookOn = (board: QuoteBoard, slot: number) => {
  const at = slot * BOARD_DEPTH;
  const levels = (prices: Float64Array, sizes: Float64Array, count: number) =>
    Array.from({ length: count }, (_, i) => [prices[at + i], sizes[at + i]]);
  return {
    trust: board.trust[slot],
    sequence: board.sequence[slot],
    exchangeTimeMs: board.exchangeTimeMs[slot],
    bids: levels(board.bidPrices, board.bidSizes, board.bidLevels[slot]!),
    asks: levels(board.askPrices, board.askSizes, board.askLevels[slot]!),
  };
};

const live = async (running: Running) => {
  await until('a live feed', () => running.trusted() && running.summary()['state'] === 'live');
  await until('a live feed beside it', () => running.summary(PLAIN)['state'] === 'live');
};

const calm = ({ system, summary }: Running) => {
  const { gaps, resyncs, reconnects, invalid } = summary(PLAIN);
  return { incarnation: system.inspect(PLAIN)?.incarnation, gaps, resyncs, reconnects, invalid };
};

t.test('a feed in a process of its own looks like any other', async (t) => {
  process.env[SECRET] = 'never told';
  t.teardown(() => delete process.env[SECRET]);
  const running = await setUp(t);
  const { board, plainBoard, slots, bus, time, instruments, marketTime } = running;
  await running.tree.start();
  await live(running);
  await until('trades', () => running.prints.length > 20);

  t.match(running.system.inspect(OKX), { kind: 'feed', state: 'running', incarnation: 1 });
  await until('a summary', () => running.summary('feeds/okx-here')['state'] === 'live');
  const { process: pid, ...own } = running.summary();
  t.same(Object.keys(own).sort(), Object.keys(running.summary('feeds/okx-here')).sort(), 'same summary');
  t.not(pid, process.pid);
  t.ok(running.statuses.some(({ state, instrument }) => state === 'live' && instrument === undefined));
  t.ok(
    running.prints.every((print) => running.taken.some(({ tradeId }) => tradeId === print.tradeId)),
    'trades are handed on before they are published',
  );
  const line = running.log.lines.find(({ fields }) => fields['process'] === pid);
  t.match(line, { level: 'info', message: 'feed state' }, 'its log is ours');
  const environment = await readFile(`/proc/${String(pid)}/environ`, 'utf8');
  t.notMatch(environment, SECRET, 'it gets no secret');
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  t.comment(`resident: ${/VmRSS:\s+(\d+)/.exec(status)?.[1]} kB`);

  const others = new QuoteBoard(64);
  const bridge = { bus, clock: time, timers: time, instruments: () => instruments };
  const publisher = new BoardPublisher({ ...bridge, board, node: 'test' });
  const follower = new BoardFollower({ ...bridge, board: others, node: 'other' });
  t.teardown(() => (publisher.close(), follower.close()));
  follower.follow('okx');
  publisher.publish('okx');
  const shown = () => instruments.every(({ id }) => others.trust[others.slotOf(id)] === TRUST_OK);
  await until('its books on another node', shown);

  marketTime.setFactor(1e-6);
  const books = () => slots.map(({ here }) => bookOn(board, here));
  const plainBooks = () => slots.map(({ plain }) => bookOn(plainBoard, plain));
  await until('equal books', () => JSON.stringify(books()) === JSON.stringify(plainBooks()), 4_000).catch(
    () => undefined,
  );
  t.same(books(), plainBooks(), 'books of a market that stands still are those of a plain feed');
  t.ok(books().every(({ bids, asks }) => bids.length > 0 && asks.length > 0));
});

t.test('whatever becomes of the process is a crash of the actor, and of nobody else', async (t) => {
  const running = await setUp(t);
  const { system, events, epochs } = running;
  await running.tree.start();
  await live(running);
  const before = calm(running);
  const crashes = () => events.filter(({ kind, path }) => kind === 'crashed' && path === OKX);

  const ends: { name: string; signal: NodeJS.Signals; told: RegExp }[] = [
    { name: 'kill -9', signal: 'SIGKILL', told: /process ended: SIGKILL/ },
    { name: 'an endless loop', signal: 'SIGUSR2', told: /said nothing for 4000 ms and is killed/ },
    { name: 'a stopped process', signal: 'SIGSTOP', told: /said nothing for 4000 ms and is killed/ },
    { name: 'a throw', signal: 'SIGWINCH', told: /process crashed: planted in a process/ },
  ];
  for (const [index, { name, signal, told }] of ends.entries()) {
    const [pid, epochsBefore] = [running.pid(), epochs()];
    const sentMs = performance.now();
    process.kill(pid, signal);
    const distrusted = () => running.slots.every(({ here }) => running.board.trust[here] !== TRUST_OK);
    await until(`${name}: untrusted books`, distrusted);
    const distrustedMs = performance.now() - sentMs;
    await until(`${name}: a crash`, () => crashes().length === index + 1);
    t.comment(
      `${name}: untrusted after ${Math.round(distrustedMs)} ms, crash after ${Math.round(performance.now() - sentMs)} ms`,
    );
    t.match(crashes().at(-1)?.reason, told, `${name} is told`);
    await gone(pid);
    await until(`${name}: another process`, () => running.pid() !== pid);
    await live(running);
    t.ok(
      epochs().every((epoch, at) => epoch > epochsBefore[at]!),
      `${name}: its books come under a larger epoch`,
    );
    t.match(system.inspect(OKX), { crashes: index + 1, incarnation: index + 2 }, `${name} counts once`);
  }
  const { lastError } = system.inspect(OKX)!;
  t.match(lastError?.stack, /misbehaving-feed-process/, 'the stack is of where it happened');
  t.same(calm(running), before, 'the feed beside it missed nothing');

  const pid = running.pid();
  await running.stop();
  await gone(pid);
  t.match(running.statuses.at(-1), { state: 'stopped', reason: 'stopped in order' });
  t.equal(crashes().length, ends.length, 'an ordered stop is no crash');
});

t.test('a process that does not stop is killed, and its books are of no more use', async (t) => {
  const running = await setUp(t);
  await running.tree.start();
  await live(running);
  const pid = running.pid();
  process.kill(pid, 'SIGUSR2');
  await until('silence', () => !running.trusted());
  await running.stop();
  await gone(pid);
  await until('its end is told', () => running.statuses.at(-1)?.state === 'stopped');
  t.match(running.statuses.at(-1), { state: 'stopped', reason: 'its process was killed' });
  t.notOk(running.slots.some(({ here }) => running.board.trust[here] === TRUST_OK));
});

t.test('a process ends with its parent, even from an endless loop', async (t) => {
  const script = resolve(import.meta.dirname, 'isolation-parent.ts');
  const parent = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script]);
  t.teardown(() => parent.kill('SIGKILL'));
  let out = '';
  parent.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  parent.stderr.setEncoding('utf8').on('data', (text: string) => (out += text));
  await until('two processes', () => /pids \d+ \d+/.test(out)).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${out}`);
  });
  const pids = /pids (\d+) (\d+)/.exec(out)!.slice(1).map(Number);
  // A failed test leaves no loop behind.
  t.teardown(async () => {
    for (const pid of pids) if (await lives(pid)) process.kill(pid, 'SIGKILL');
  });
  process.kill(pids[0]!, 'SIGUSR2');
  await sleep(200);
  t.ok(await lives(pids[0]!));
  t.ok(await lives(pids[1]!));
  parent.kill('SIGKILL');
  await Promise.all(pids.map(gone));
  t.pass('both are gone');
});

t.test('a node runs a feed in a process where its configuration says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'arbot-isolated-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const terminal = {
    environment: {},
    workingFolder: resolve(import.meta.dirname, '../..'),
    print: () => undefined,
    complain: () => undefined,
    onSignal: () => () => undefined,
  };
  const flags = { port: '0', quiet: true, market: 'simulated', exchanges: 'okx,binance', data: folder };
  const options = await startOptions(flags, terminal);
  const { clusterConfig } = options;
  const node = await startNode({
    ...options,
    clusterConfig: {
      ...clusterConfig,
      placement: { okx: { isolation: 'process' } },
      stores: { ...clusterConfig.stores, trades: { kind: 'memory' }, ticks: { kind: 'none' } },
    },
  });
  const summary = (exchange: string) => node.node.system.inspect(`node/feeds/${exchange}`)?.summary ?? {};
  const isLive = (exchange: string) => summary(exchange)['state'] === 'live';
  try {
    await until('live feeds', () => isLive('okx') && isLive('binance'));
    const pid = summary('okx')['process'] as number;
    t.ok(await lives(pid));
    t.equal(summary('binance')['process'], undefined, 'the other runs in the node');
    const answer = await fetch(`${node.url}api/feeds`);
    t.ok(answer.ok);
    const rows = (await answer.json()) as { exchange: string; state: string; messages: number }[];
    const row = rows.find(({ exchange }) => exchange === 'okx');
    t.match(row, { state: 'live' }, 'the page shows it as any other');
    t.ok(row!.messages > 0);
    await node.stop();
    await gone(pid);
  } finally {
    await node.stop();
  }
});

t.test('a process that never starts is quarantined like any feed', async (t) => {
  const time = new MachineTime();
  const log = new KeptLog();
  const ids = new TimeOrderedIds(time, new SeededRandom('never'));
  const shared = { clock: time, timers: time, random: new SeededRandom('never'), ids, log };
  const bus = new InProcessBus({ ...shared, sender: 'test' });
  const connector = okx();
  const actor = isolatedFeedActor({
    start: feedProcesses(time, resolve(import.meta.dirname, 'no-such-program.ts')),
    exchange: 'okx',
    endpoints: { websocketUrl: 'ws://127.0.0.1:1/', restUrl: 'http://127.0.0.1:1' },
    instruments: [{ id: 'okx:BTC-USDT', symbol: 'BTC-USDT' }],
    ccxt: null,
    board: new QuoteBoard(4),
    bus,
    timers: time,
    machine: time,
    limiter: restLimiterOf(connector),
  });
  const events: SupervisionEvent[] = [];
  const engine = new NactEngine((cell, error) => log.error({ cell, error }, 'engine fault'));
  const system = new ActorSystem({ ...shared, node: 'test', engine });
  const worker = {
    id: 'okx',
    restart: 'permanent' as const,
    shutdownMs: 4_000,
    backoff: { minMs: 10, maxMs: 50, jitter: 0 },
    giveUp: { kind: 'quarantine' as const, probeMinMs: 60_000, probeMaxMs: 60_000 },
    actor: erased(actor),
  };
  const spec: SupervisorSpec = {
    id: 'feeds',
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: { restarts: 2, stableMs: 60_000 },
    children: [{ worker }],
  };
  const tree = new SupervisionTree({ ...shared, system, spec, onEvent: (event) => events.push(event) });
  await tree.start();
  await until('quarantine', () => events.some(({ kind }) => kind === 'quarantined'));
  const crashes = events.filter(({ kind }) => kind === 'crashed');
  t.equal(crashes.length, 2);
  t.match(crashes[0]!.reason, /its process ended: exit 1 .*no-such-program/, 'what it printed is told');
  await tree.stop();
  await system.close(1_000);
  await bus.close();
});

t.test('what waits for a process that does not read is bounded', async (t) => {
  const time = new MachineTime();
  const ids = new TimeOrderedIds(time, new SeededRandom('full'));
  const channel = { waiting: 0, send: () => void channel.waiting++, flush: () => Promise.resolve() };
  const bus = new ChannelBus(
    { clock: time, timers: time, ids, log: new KeptLog(), sender: 'feed/okx' },
    channel,
  );
  const status = { exchange: 'okx', state: 'live', reason: '', epoch: 1, atMs: 1 } as const;
  const change = { instrument: 'okx:BTC-USDT', state: 'halted', reason: '', atMs: 1 } as const;
  const trace = { traceId: 'test' };
  for (let i = 0; i < 2_000; i++) bus.publish('feed.status.okx', 'feedStatus', status, trace);
  t.equal(channel.waiting, 1_024);
  t.match(bus.statistics(), { published: 1_024, droppedFull: 976 }, 'what goes stale is dropped and counted');
  t.throws(() => bus.publish('feed.instrument.okx', 'instrumentStateChanged', change, trace), {
    code: 'ARB_MAILBOX_FULL',
  });
  channel.waiting = 0;
  bus.publish('feed.instrument.okx', 'instrumentStateChanged', change, trace);
  t.equal(channel.waiting, 1, 'and goes on once there is room');
  await bus.close();
});
