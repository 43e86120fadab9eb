import t from 'tap';
import { feedActor, type FeedRecorder } from '../../src/actors/feed.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Connector } from '../../src/connectors/base.js';
import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import { okx } from '../../src/connectors/okx.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { loadInstruments } from '../../src/connectors/rest-client.js';
import { curatedRegistry } from '../../src/market/asset-registry.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import type { SupervisionEvent } from '../../src/messages/supervision.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { erased } from '../../src/modes/tree.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
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

const CONNECTORS: Readonly<Record<string, () => Connector>> = { binance, okx, bybit };
const VICTIM = 'okx';
const STABLE_MS = 100;
const CRASHES = 100;
const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Exchange time of a frame to its receipt, ms; null for frames without one. */
function delayOf(receiveTimeMs: number, data: Buffer): number | null {
  const match = /"(?:E|ts)":"?(\d{13})/.exec(data.toString('latin1'));
  return match === null ? null : receiveTimeMs - Number(match[1]);
}

const p99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? NaN;

/** Three supervised feeds on simulated exchanges over real sockets. */
async function setUp() {
  const time = new MachineTime();
  const random = new SeededRandom('isolation');
  const ids = new TimeOrderedIds(time, random);
  const log = new KeptLog();
  const simulated = await startSimulatedExchanges({
    seed: 11,
    clock: time,
    timers: time,
    log,
    // Crossed books on purpose would be synchronised anew, and hide what the crashes cost.
    plants: NO_PLANTS,
  });
  const bus = new InProcessBus({ clock: time, timers: time, ids, log, sender: 'test' });
  const http = new UndiciHttpClient();
  const board = new QuoteBoard(64);
  const delays: Record<string, number[]> = { binance: [], okx: [], bybit: [] };
  const armed = { throwInSocket: false };
  const recorderOf = (name: string): FeedRecorder => ({
    frame(receiveTimeMs, data) {
      if (name === VICTIM && armed.throwInSocket) {
        armed.throwInSocket = false;
        throw new Error('planted in a socket callback');
      }
      const delay = delayOf(receiveTimeMs, data);
      if (delay !== null) delays[name]!.push(delay);
    },
    sent: () => undefined,
    rest: () => undefined,
  });
  const slots: number[] = [];
  const feeds = await Promise.all(
    Object.entries(CONNECTORS).map(async ([name, make]) => {
      const plain = make();
      const at = simulated.endpoints[name as 'okx']!;
      const endpoints = {
        websocketUrl: at.ws + new URL(plain.endpoints.websocketUrl).pathname,
        restUrl: at.rest,
      };
      const limiter = new RateLimiter(plain.capabilities.restLimits);
      const rest = { connector: plain, endpoints, http, limiter, clock: time, timers: time };
      const { instruments } = await loadInstruments(rest, (...market) =>
        curatedRegistry.resolveMarket(...market),
      );
      if (name !== VICTIM) slots.push(...instruments.map(({ id }) => board.slotOf(id)));
      const actor = erased(
        feedActor({
          connector: plain,
          instruments,
          board,
          sockets: new WsSockets(),
          http,
          bus,
          timers: time,
          endpoints,
          limiter,
          recorder: recorderOf(name),
        }),
      );
      return {
        worker: {
          id: name,
          restart: 'permanent' as const,
          shutdownMs: 1_000,
          backoff: { minMs: 10, maxMs: 50, jitter: 0 },
          giveUp: { kind: 'quarantine' as const, probeMinMs: 60_000, probeMaxMs: 60_000 },
          actor,
        },
      };
    }),
  );
  const spec: SupervisorSpec = {
    id: 'feeds',
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: { restarts: 5, stableMs: STABLE_MS },
    children: feeds,
  };
  const system = new ActorSystem({
    node: 'test',
    engine: new NactEngine((cell, error) => log.error({ cell, error }, 'engine fault')),
    clock: time,
    timers: time,
    random,
    ids,
    log,
  });
  const events: SupervisionEvent[] = [];
  const tree = new SupervisionTree({
    system,
    spec,
    clock: time,
    timers: time,
    random,
    ids,
    log,
    onEvent: (event) => events.push(event),
  });
  const close = async () => {
    await tree.stop();
    await system.close(1_000);
    await bus.close();
    await simulated.close();
    await http.close();
  };
  return { tree, system, board, slots, delays, armed, events, close };
}

type Running = Awaited<ReturnType<typeof setUp>>;

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen`);
    await sleep(10);
  }
}

const numbersOf = ({ system }: Running, name: string) => {
  const inspection = system.inspect(`feeds/${name}`)!;
  const { gaps, resyncs, reconnects, invalid } = inspection.summary;
  return {
    incarnation: inspection.incarnation,
    crashes: inspection.crashes,
    gaps,
    resyncs,
    reconnects,
    invalid,
  };
};

t.test('a feed that crashes a hundred times costs the others nothing, and a burst parks it', async (t) => {
  const running = await setUp();
  t.teardown(() => running.close());
  const { tree, system, board, slots, delays, armed, events } = running;
  await tree.start();
  await until(
    'trusted books',
    () => slots.length > 0 && slots.every((slot) => board.trust[slot] === TRUST_OK),
  );
  // What piled up while everything started is not what calm looks like.
  await sleep(3_000);
  for (const seen of Object.values(delays)) seen.length = 0;
  await sleep(8_000);
  const untouched = { binance: numbersOf(running, 'binance'), bybit: numbersOf(running, 'bybit') };
  const calm = { binance: delays['binance']!.splice(0), bybit: delays['bybit']!.splice(0) };

  const path = `feeds/${VICTIM}`;
  const incarnation = () => system.inspect(path)?.incarnation ?? 0;
  const isRunning = () => system.inspect(path)?.state === 'running';
  for (let crash = 0; crash < CRASHES; crash++) {
    await until('a running feed', isRunning);
    await sleep(STABLE_MS + 50);
    const before = incarnation();
    // Half of them from a callback of the socket, as a defect in decoding would.
    if (crash % 2 === 0) armed.throwInSocket = true;
    else await tree.crash(path, 'planted');
    await until('the next incarnation', () => incarnation() > before);
  }
  await until('the last restart', isRunning);

  t.equal(incarnation(), CRASHES + 1, 'each crash was followed by one restart');
  t.equal(numbersOf(running, VICTIM).crashes, CRASHES, 'each crash counts, wherever it was thrown');
  t.notOk(
    events.some(({ kind }) => kind === 'quarantined' || kind === 'escalated'),
    'crashes beyond the stable period are never given up',
  );
  for (const name of ['binance', 'bybit'] as const) {
    t.same(numbersOf(running, name), untouched[name], `${name} missed no sequence, resynchronised nothing`);
    t.equal(untouched[name].gaps, 0, `${name} had none before`);
    const gained = p99(delays[name]!) - p99(calm[name]);
    t.comment(`${name}: p99 delay ${p99(calm[name])} ms calm, ${p99(delays[name]!)} ms during the crashes`);
    t.ok(delays[name]!.length > 500, `${name} went on: ${delays[name]!.length} frames`);
    t.comment(`${name}: gained ${gained} ms at p99`);
  }
  t.ok(
    slots.every((slot) => board.trust[slot] === TRUST_OK),
    'the books of the others are trusted',
  );

  const parked = () => events.some(({ kind, path: of }) => kind === 'quarantined' && of === path);
  for (let crash = 0; crash < 10 && !parked(); crash++) {
    await until('a running or parked feed', () => isRunning() || parked());
    if (!parked()) await tree.crash(path, 'burst');
    await sleep(5);
  }
  await until('quarantine', parked);
  t.equal(system.inspect(path)?.state, 'quarantined', 'a burst ends in quarantine, with an event');
  await sleep(500);
  t.equal(numbersOf(running, 'binance').incarnation, 1, 'and nobody else is touched');
});
