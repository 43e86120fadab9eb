import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FeedMessage } from '../../src/actors/feed.js';
import { clusterSchema } from '../../src/config/cluster.js';
import type { TradingConfig } from '../../src/config/index.js';
import { createMetrics } from '../../src/http/metrics.js';
import { ALERT_EVENTS } from '../../src/messages/alerts.js';
import { openAlerts, type NodeAlerts } from '../../src/modes/alerts.js';
import { feedProcesses } from '../../src/modes/feed-processes.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import { PATHS } from '../../src/modes/tree.js';
import type { HttpClient, Sockets } from '../../src/ports/network.js';
import { ScaledTime } from '../../src/runtime/platform/clock.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { CryptoRandom } from '../../src/runtime/platform/random.js';
import { DEFAULT_EXCHANGES, DEFAULT_PAIRS } from '../../src/simulator/listings.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { Prng } from '../../src/simulator/prng.js';
import { BotApiServer, TOKEN } from '../alerts/bot-api-server.js';
import { NodeWorld } from '../proofs/node-world.js';
import { connectorAt } from '../proofs/socket-world.js';
import { percentile } from '../proofs/figures.js';
import { RealTime } from '../runtime/real-time.js';
import { testPorts } from '../storage/ports.js';

/**
 * Feeds of a whole node that die again and again, while memory, timers, sockets and processes are counted (`npm run chaos --
 * connectors`): two by throws in handlers and in callbacks of sockets and timers, one, in a process of its own, by `kill -9`. They are
 * told over Telegram to a Bot API server of this process.
 */

export const WAYS = ['handler', 'socket callback', 'timer callback'] as const;
export type Throw = (typeof WAYS)[number];
export type Way = Throw | 'process';

export interface ConnectorsOptions {
  readonly kills: number;
  readonly seed: number;
  readonly budgetMs?: number;
  /** The clock of the alerts runs so much faster, so that a digest comes soon. */
  readonly alertSpeed?: number;
  readonly heard?: (line: string) => void;
}

/** After so many kills, with all feeds running again and after a collection. */
export interface Sample {
  readonly kills: number;
  readonly heapMegabytes: number;
  readonly rssMegabytes: number;
  readonly timers: number;
  readonly sockets: number;
  /** Children of this one. */
  readonly processes: number;
}

export interface ConnectorsReport {
  readonly killed: Readonly<Record<Way, number>>;
  readonly kills: number;
  readonly samples: readonly Sample[];
  /** Of all feeds, by where they were counted. */
  readonly counted: {
    readonly crashes: number;
    readonly restarts: number;
    readonly metricCrashes: number;
    readonly metricRestarts: number;
    readonly events: number;
    readonly telegram: number;
  };
  readonly telegramMessages: number;
  readonly parked: number;
  /** From a kill to the running successor, ms. */
  readonly restartMs: readonly number[];
}

/** Between two kills a feed lives longer than that, so that none is given up: that is tried elsewhere. */
const STABLE_MS = 60;
const RUNNING_WITHIN_MS = 120_000;
const TOLD_WITHIN_MS = 150_000;
const SAMPLES = 20;
const ISOLATED = DEFAULT_EXCHANGES.at(-1)!;
/** A process takes its time to start: it dies in one of so many rounds. */
const ROUNDS_PER_PROCESS = 4;
const TOKEN_VARIABLE = 'CHAOS_BOT_TOKEN';

/** A frame that whoever reads it cannot: a defect in decoding, thrown inside the socket's callback. */
const POISON = new Proxy(Buffer.alloc(1), {
  get: () => {
    throw new Error('planted in a socket callback');
  },
});

class Victims {
  readonly killed: Record<Way, number> = {
    ...{ handler: 0, 'socket callback': 0, 'timer callback': 0 },
    process: 0,
  };
  readonly restartMs: number[] = [];
  private world!: NodeWorld;
  /** The exchanges whose next callback throws. */
  private readonly armed = { 'socket callback': new Set<string>(), 'timer callback': new Set<string>() };

  /** Frames of market data come through here. */
  readonly sockets = (inner: Sockets): Sockets => ({
    connect: (url, options, handlers) => {
      const exchange = this.marketOf(url);
      const armed = this.armed['socket callback'];
      return inner.connect(url, options, {
        ...handlers,
        onFrame: (data, isBinary) =>
          handlers.onFrame(exchange !== null && armed.delete(exchange) ? POISON : data, isBinary),
      });
    },
  });

  /** Null for anything but a public stream of market data. */
  private marketOf(url: string): string | null {
    const { endpoints } = this.world.simulated;
    const found = DEFAULT_EXCHANGES.find((exchange) => {
      const { websocketUrl, privateUrl = '-' } = connectorAt(exchange, endpoints[exchange]!).endpoints;
      return url.startsWith(websocketUrl) && !url.startsWith(privateUrl);
    });
    return found ?? null;
  }

  /** Before the node opens its first socket. */
  watch(world: NodeWorld): void {
    this.world = world;
  }

  /** Once the node stands. */
  begin(): void {
    const { world } = this;
    const { board } = world.node;
    const slots = new Map(
      DEFAULT_EXCHANGES.flatMap((exchange) =>
        DEFAULT_PAIRS.map((pair) => [board.slotOf(`${exchange}:${pair}`), exchange] as const),
      ),
    );
    // Books are published from a timer's callback: a defect there throws there.
    const publishBook = board.publishBook.bind(board);
    board.publishBook = (slot, book, stamp) => {
      this.spring('timer callback', slots.get(slot));
      return publishBook(slot, book, stamp);
    };
  }

  private spring(way: 'timer callback', exchange: string | undefined): void {
    if (exchange === undefined || !this.armed[way].delete(exchange)) return;
    throw new Error(`planted in a ${way}`);
  }

  private hit(exchange: string, way: Way): void {
    const { system } = this.world.node;
    const path = PATHS.feed(exchange);
    // An answer without a body is read in the handler.
    const broken = { kind: 'httpAnswer', id: 0, url: '' } as FeedMessage;
    if (way === 'handler') system.address<FeedMessage>(path).tell(broken);
    else if (way === 'process') process.kill(system.inspect(path)!.summary['process'] as number, 'SIGKILL');
    else this.armed[way].add(exchange);
  }

  async kill(exchange: string, way: Way): Promise<void> {
    const { system } = this.world.node;
    const path = PATHS.feed(exchange);
    // A process that has not begun yet is none that could be hit.
    await until(`${path} is live`, () => system.inspect(path)?.summary['state'] === 'live');
    const before = system.inspect(path)!.incarnation;
    this.hit(exchange, way);
    await until(`${path} ends in a ${way}`, () => {
      const one = system.inspect(path);
      return one === null || one.incarnation > before || one.state !== 'running';
    });
    const endedMs = performance.now();
    await until(`${path} runs again`, () => {
      const one = system.inspect(path);
      return one !== null && one.incarnation > before && one.state === 'running';
    });
    this.killed[way]++;
    this.restartMs.push(performance.now() - endedMs);
    await sleep(STABLE_MS * 1.5);
  }
}

async function until(what: string, isSo: () => boolean, withinMs = RUNNING_WITHIN_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(10);
  }
}

/** Everything that it starts has ended when it returns. */
export async function runConnectorChaos(options: ConnectorsOptions): Promise<ConnectorsReport> {
  const { kills, seed, budgetMs = Infinity, heard = () => undefined } = options;
  const bot = await BotApiServer.start();
  const http = new UndiciHttpClient();
  let world: NodeWorld | null = null;
  try {
    const victims = new Victims();
    world = await NodeWorld.start({
      ...{ seed, plants: NO_PLANTS, isolated: [ISOLATED] },
      sockets: victims.sockets,
      opened: (its) => victims.watch(its),
      parts: async (at) => ({
        feedIntensity: { restarts: 5, stableMs: STABLE_MS },
        startFeedProcess: feedProcesses(new MachineTime()),
        alerts: await alertsTo(bot, { ...at, http, speed: options.alertSpeed ?? 1 }),
      }),
    });
    victims.begin();
    return await killAll({ world, victims, bot }, { ...options, kills, budgetMs, heard });
  } finally {
    await world?.close();
    await http.close();
    await bot.close();
  }
}

function alertsTo(
  bot: BotApiServer,
  at: {
    readonly folder: string;
    readonly trading: TradingConfig;
    readonly http: HttpClient;
    readonly speed: number;
  },
): Promise<NodeAlerts | null> {
  // Nothing but restarts, so that their number can be read off the messages.
  const events = Object.fromEntries(ALERT_EVENTS.map((one) => [one, one === 'restart' ? 'on' : 'off']));
  const telegram = { tokenEnv: TOKEN_VARIABLE, chatIds: ['7'], apiRoot: bot.url, commands: 'none' };
  const [clock, log] = [new RealTime(), testPorts().log];
  return openAlerts({
    cluster: clusterSchema.parse({
      nodes: [{ name: 'local', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
      alerts: { telegram, events },
    }),
    ...{ trading: at.trading, mode: 'SIMULATED', node: 'local', environment: { [TOKEN_VARIABLE]: TOKEN } },
    ...{ folder: at.folder, files: new LocalFiles(), http: at.http, random: new CryptoRandom(), log },
    time: new ScaledTime({ clock, timers: clock, factor: at.speed }),
  });
}

async function killAll(
  {
    world,
    victims,
    bot,
  }: { readonly world: NodeWorld; readonly victims: Victims; readonly bot: BotApiServer },
  { kills, seed, budgetMs, heard }: Required<Omit<ConnectorsOptions, 'alertSpeed'>>,
): Promise<ConnectorsReport> {
  const { node } = world;
  const events = { restarting: 0, quarantined: 0 };
  node.bus.subscribe('supervision.*', 'supervisionEvent', ({ message: { path, kind } }) => {
    if (path.startsWith(`${PATHS.feeds}/`) && kind in events) events[kind as keyof typeof events]++;
  });
  const samples: Sample[] = [];
  const prng = Prng.of(seed, 'connectors');
  const startedMs = performance.now();
  const every = Math.max(1, Math.floor(kills / SAMPLES));
  let done = 0;
  await until('live feeds', () =>
    DEFAULT_EXCHANGES.every((one) => node.system.inspect(PATHS.feed(one))?.state === 'running'),
  );
  for (let rounds = 0; done < kills && performance.now() - startedMs < budgetMs; rounds++) {
    const meant = DEFAULT_EXCHANGES.filter((one) => one !== ISOLATED || rounds % ROUNDS_PER_PROCESS === 0);
    const round = Math.min(meant.length, kills - done);
    await Promise.all(
      meant
        .slice(0, round)
        .map((exchange) =>
          victims.kill(exchange, exchange === ISOLATED ? 'process' : WAYS[prng.below(WAYS.length)]!),
        ),
    );
    if (Math.floor((done + round) / every) > Math.floor(done / every)) {
      samples.push(await sampleOf(world, done + round));
      const { heapMegabytes, timers, sockets, processes } = samples.at(-1)!;
      heard(
        `${done + round} kills: heap ${heapMegabytes.toFixed(1)} MB, ${timers} timers, ${sockets} sockets, ${processes} processes`,
      );
    }
    done += round;
  }
  const told = () => bot.sent.reduce((sum, { text }) => sum + alertsIn(text), 0);
  await until('all of it told', () => told() >= done, TOLD_WITHIN_MS).catch(() => undefined);
  const feeds = DEFAULT_EXCHANGES.map((one) => node.system.inspect(PATHS.feed(one))!);
  const sum = (of: (one: (typeof feeds)[number]) => number) =>
    feeds.reduce((total, one) => total + of(one), 0);
  const text = await createMetrics(node.inspection).scrape();
  return {
    ...{ kills: done, killed: victims.killed, restartMs: victims.restartMs, samples },
    counted: {
      crashes: sum(({ crashes }) => crashes),
      restarts: sum(({ restarts }) => restarts),
      metricCrashes: metricOf(text, 'arbot_actor_crashes_total'),
      metricRestarts: metricOf(text, 'arbot_actor_restarts_total'),
      events: events.restarting,
      telegram: told(),
    },
    ...{ telegramMessages: bot.sent.length, parked: events.quarantined },
  };
}

/** Long enough that connections which the exchanges are ending have ended. */
const SETTLED_MS = 1_500;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function sampleOf(world: NodeWorld, kills: number): Promise<Sample> {
  // What the harness itself keeps is not the node's.
  world.log.lines.length = 0;
  await sleep(SETTLED_MS);
  collect();
  const resources = process.getActiveResourcesInfo();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    kills,
    heapMegabytes: heapUsed / 2 ** 20,
    rssMegabytes: rss / 2 ** 20,
    timers: resources.filter((one) => one === 'Timeout').length,
    sockets: resources.filter((one) => one.includes('TCPSocket')).length,
    processes: resources.filter((one) => one === 'ProcessWrap').length,
  };
}

/** How many alerts a message tells of: one by its text, a digest by its first line. */
export function alertsIn(text: string): number {
  const many = /^(\d+) alerts?  /.exec(text) ?? /\n(\d+) times from /.exec(text);
  return many === null ? 1 : Number(many[1]);
}

/** The sum over the feeds. */
const metricOf = (text: string, name: string): number =>
  [...text.matchAll(new RegExp(`^${name}\\{[^}]*path="node/feeds/[^}]*\\} (\\d+)`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );

/** Largest growth from the first quarter's median to the last one's, as a share. */
export function growthOf(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  // The first samples show the program still being compiled.
  const [early, late] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const median = (part: readonly Sample[]): number => percentile(part.map(of), 0.5);
  return median(late) / median(early) - 1;
}
