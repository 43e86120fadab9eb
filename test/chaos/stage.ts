import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tradingOf } from '../../bench/order-path.js';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import { feedTask, ownerOf } from '../../src/cluster/placement.js';
import type { MemberChanged, NodeRole } from '../../src/messages/cluster.js';
import { describeExchanges } from '../../src/modes/exchange-process.js';
import type { ExchangesFile } from '../../src/modes/exchanges-file.js';
import { openingsOf } from '../../src/modes/parameters.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { DEFAULT_EXCHANGES, DEFAULT_PAIRS } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../../src/simulator/server.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import type { Direction } from '../cluster/bed/host.js';
import { dutiesAt, type All } from '../cluster/cluster-world.js';
import type { ActorInspection } from '../../src/runtime/actor.js';
import { ArbotProcess, getJson } from '../node/node-process.js';
import { RealTime } from '../runtime/real-time.js';
import * as nats from '../servers/nats.js';
import * as postgres from '../servers/postgres.js';
import * as redis from '../servers/redis.js';
import type { ServerControl } from '../servers/server-process.js';
import { testPorts } from '../storage/ports.js';
import type { FeedView } from '../../src/http/source.js';
import { Bystander } from './bystander.js';
import { LeaseWatch } from './lease-watch.js';
import { Line } from './line.js';
import { copyProgram } from './program-copy.js';

/**
 * Three nodes as processes of their own, with NATS, PostgreSQL and Redis as servers of their own, on simulated exchanges of this
 * process. Each node reaches each of them over lines of its own, which can be cut.
 */

export const EXCHANGES = ['binance', 'bybit', 'okx'] as const;
const ROLES: readonly NodeRole[] = ['feeds', 'detectors', 'trade', 'recorder'];
const REGIONS = ['tokyo', 'singapore', 'seoul'] as const;
const members = (names: readonly string[]) =>
  names.map((node) => ({ node, region: 'any', roles: ROLES, capacity: 1 }));
const ownersOf = (names: readonly string[]) =>
  EXCHANGES.map((one) => ownerOf({ id: feedTask(one), role: 'feeds', regions: null }, members(names)));
/** Names that give each node one feed, so that whichever is hit has something to lose. */
export const NODES: readonly string[] = Array.from({ length: 50 }, (_, n) =>
  REGIONS.map((region) => `${region}-${n + 1}`),
).find((names) => new Set(ownersOf(names)).size === names.length)!;
export type Peer = 'nats' | 'postgres' | 'redis' | 'exchanges';

/** One edge after the other on every pair; each rests more than a second on both sides. */
const PLANTS = {
  ...DEFAULT_PLANTS,
  firstAfterMs: 1_500,
  quietMs: [1_050, 1_400],
  durationMs: [1_200, 2_000],
  weights: { true: 1, stale: 0, crossed: 0, too_thin: 0, below_minimum: 0, eaten_by_fees: 0, too_good: 0 },
} as const;
const START_MS = 180_000;
const LOOK_MS = 150;

/** Brakes that rightly stop a trader after so many losses would hide what is tried here. */
const tradingOver = (
  program: string,
): string => `import trading from ${JSON.stringify(join(program, 'trading.config.ts'))};
const far = { dailyLoss: '100000000', drawdown: '100000000', lossStreak: 10000, breaker: { lossesInRow: 1000, minOrders: 1000 } };
export default { ...trading, limits: { ...trading.limits, ...far } };
`;

/** Null when it can stand here, else why not. */
export function unavailable(): string | null {
  if (process.env['PG_URL'] !== undefined || process.env['NATS_URL'] !== undefined)
    return 'the servers of PG_URL and NATS_URL are not ours to kill';
  return nats.available() ?? postgres.available();
}

interface Port {
  readonly peer: Peer;
  readonly at: number;
}

export class Stage {
  readonly servers: { nats: ServerControl; postgres: ServerControl; redis: ServerControl | null };
  readonly heard: MemberChanged[] = [];
  readonly watch: LeaseWatch;
  readonly processes = new Map<string, ArbotProcess>();
  private readonly urls = new Map<string, string>();
  private readonly lines = new Map<string, { readonly peer: Peer; readonly line: Line }[]>();
  private readonly folder = mkdtempSync(join(tmpdir(), 'arbot-chaos-'));
  private readonly exchanges: SimulatedExchanges;
  private readonly cluster = `x${process.pid}`;
  private bus: NatsBus | null = null;
  private marketBus: NatsBus | null = null;
  private readonly program: string;
  bystander!: Bystander;

  private constructor(servers: Stage['servers'], exchanges: SimulatedExchanges) {
    this.servers = servers;
    this.exchanges = exchanges;
    this.watch = new LeaseWatch(servers.postgres.url);
    this.program = copyProgram(join(this.folder, 'program'));
  }

  /** Resolves when all nodes are up. */
  static async open(seed: number): Promise<Stage> {
    const time = new RealTime();
    const servers: ServerControl[] = [];
    const started = async <T extends ServerControl | null>(starting: Promise<T>): Promise<T> => {
      const server = await starting;
      if (server !== null) servers.push(server);
      return server;
    };
    let stage: Stage | null = null;
    try {
      const own = {
        nats: await started(nats.startNats()),
        postgres: await started(postgres.startPostgres()),
        redis: await started(startRedis()),
      };
      const { log } = testPorts();
      const exchanges = await startSimulatedExchanges({
        ...{ seed, clock: time, timers: time, log, plants: PLANTS, stepMs: 200 },
        ...{ pairs: DEFAULT_PAIRS, exchanges: DEFAULT_EXCHANGES },
      });
      stage = new Stage(own, exchanges);
      await stage.prepare();
      await Promise.all(NODES.map((name) => stage!.start(name)));
      return stage;
    } catch (error) {
      if (stage === null) for (const server of servers) await server.stop();
      await stage?.close();
      throw error;
    }
  }

  get accounts(): SimulatedAccount[] {
    return DEFAULT_EXCHANGES.map((one) => this.exchanges.accounts[one]!);
  }

  /** Names of processes that were started and not killed. */
  get running(): string[] {
    return [...this.urls.keys()];
  }

  private async prepare(): Promise<void> {
    const openings = openingsOf(await tradingOf());
    for (const account of this.accounts) {
      account.open(openings.filter(({ exchange }) => exchange === account.exchange));
      account.misbehave({ kind: 'slow', probability: 0.2, delayMs: 200 });
      account.misbehave({ kind: 'accept-then-timeout', probability: 0.03 });
    }
    for (const [index, name] of NODES.entries()) await this.prepareNode(name, index);
    this.bus = await this.connect('auditor');
    this.bus.subscribe('cluster.member.*', 'memberChanged', ({ message }) => void this.heard.push(message));
    this.marketBus = await this.connect('bystander');
    const instruments = EXCHANGES.flatMap((exchange) => DEFAULT_PAIRS.map((pair) => `${exchange}:${pair}`));
    this.bystander = new Bystander(this.marketBus, instruments);
  }

  private connect(sender: string): Promise<NatsBus> {
    const [time, random] = [new RealTime(), new SeededRandom(sender)];
    return NatsBus.connect({
      ...{ clock: time, timers: time, random, log: testPorts().log, ids: new TimeOrderedIds(time, random) },
      ...{ sender, servers: [this.servers.nats.url], prefix: `${this.cluster}.simulated` },
    });
  }

  /** Its own files, in which every address is one of its own lines. */
  private async prepareNode(name: string, index: number): Promise<void> {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const own: { peer: Peer; line: Line }[] = [];
    this.lines.set(name, own);
    const known = new Map<number, Line>();
    const lineTo = async ({ peer, at }: Port): Promise<number> => {
      const line = known.get(at) ?? (await Line.open(at));
      if (!known.has(at)) own.push({ peer, line });
      known.set(at, line);
      return line.port;
    };
    const through = async (peer: Peer, url: string): Promise<string> =>
      url.replace(/:(\d+)(?=\/|$)/, `:${await lineTo({ peer, at: Number(/:(\d+)(?:\/|$)/.exec(url)![1]) })}`);
    const file = describeExchanges(this.exchanges, process.pid, Date.now());
    const exchanges: ExchangesFile['exchanges'] = {};
    for (const [exchange, one] of Object.entries(file.exchanges)) {
      const [ws, rest] = [await through('exchanges', one.ws), await through('exchanges', one.rest)];
      exchanges[exchange] = { ...one, ws, rest };
    }
    writeFileSync(join(folder, 'exchanges.json'), JSON.stringify({ ...file, exchanges }), { mode: 0o600 });
    writeFileSync(join(folder, 'trading.config.ts'), tradingOver(this.program));
    const { nats: bus, postgres: store, redis: prices } = this.servers;
    const config = clusterConfig(this.cluster, this.folder, {
      nats: await through('nats', bus.url),
      hasRedis: prices !== null,
    });
    writeFileSync(join(folder, 'cluster.config.ts'), `export default ${JSON.stringify(config)};\n`);
    this.environments.set(name, {
      CHAOS_PG_URL: await through('postgres', store.url),
      ...(prices !== null && { CHAOS_REDIS_URL: await through('redis', prices.url) }),
      ARBOT_VERDICT_KEY_HEX: '5a'.repeat(32),
      CHAOS_NODE: String(index),
    });
  }

  private readonly environments = new Map<string, Record<string, string>>();

  /** Resolves when its page answers. */
  async start(name: string): Promise<void> {
    const folder = join(this.folder, name);
    const args = ['start', '--node', name, '--exchanges-at', join(folder, 'exchanges.json')];
    const node = new ArbotProcess([...args, '--config', folder], this.environments.get(name), this.program);
    this.processes.set(name, node);
    this.urls.set(name, await node.url(START_MS));
  }

  signal(name: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.processes.get(name)!.child.kill(signal);
    if (signal === 'SIGKILL') this.urls.delete(name);
  }

  /** `to` absent = from everything. */
  cut(name: string, direction: Direction, to?: Peer): void {
    for (const { peer, line } of this.lines.get(name)!)
      if (to === undefined || peer === to) line.cut(direction);
  }

  heal(name: string): void {
    for (const { line } of this.lines.get(name)!) line.heal();
  }

  /** Of those of these nodes that answer. */
  async all(names: readonly string[] = this.running): Promise<All> {
    const asked = names.filter((name) => this.urls.has(name));
    const duties = await Promise.all(asked.map((name) => dutiesAt(this.urls.get(name)!, 2_000)));
    return new Map(asked.flatMap((name, at) => (duties[at] === null ? [] : [[name, duties[at]!] as const])));
  }

  /** Of the feeds that these nodes run: frames that were missed, and connections that were made anew. */
  async mishaps(names: readonly string[]): Promise<number> {
    const counts = names.map(async (name) => {
      const signal = AbortSignal.timeout(5_000);
      const feeds = await getJson<FeedView[]>(`${this.urls.get(name)}api/feeds`, signal);
      return feeds.reduce((sum, one) => sum + one.gaps + one.reconnects + one.invalidFrames, 0);
    });
    return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
  }

  /** Why no gate is open, by node: who holds it, and the reason. */
  async holds(): Promise<string> {
    const pages = this.running.map(async (name) => {
      const answer = await getJson<{ holds: unknown }>(
        `${this.urls.get(name)}api/risk`,
        AbortSignal.timeout(5_000),
      ).then(
        ({ holds }) => holds,
        (error: unknown) => (String(error).includes(' 404') ? 'has no gate' : String(error)),
      );
      return `${name}: ${JSON.stringify(answer)}`;
    });
    return (await Promise.all(pages)).join('; ');
  }

  /** What the nodes say of themselves, for whoever wants to know why nothing goes on. */
  async story(): Promise<string> {
    const pages = this.running.map(async (name) => {
      const at = (path: string) =>
        getJson<ActorInspection>(
          `${this.urls.get(name)}api/actors/node/${path}`,
          AbortSignal.timeout(5_000),
        ).then(
          ({ state, summary }) => ({ path, state, summary }),
          (error: unknown) => ({ path, error: String(error) }),
        );
      const gateways = DEFAULT_EXCHANGES.map((one) => `trade/gateway-${one}`);
      const paths = [
        'cluster/membership',
        'cluster/placement',
        'trade/lease',
        'trade/gate',
        'trade/saga',
        ...gateways,
      ];
      return { name, actors: await Promise.all(paths.map(at)) };
    });
    return JSON.stringify(await Promise.all(pages), null, 1);
  }

  /** When each goal was first reached, ms after the call; null = not in time. */
  async reached<K extends string>(
    goals: Readonly<Record<K, (all: All) => boolean>>,
    options: { readonly among?: readonly string[]; readonly withinMs: number },
  ): Promise<Record<K, number | null>> {
    const startedMs = performance.now();
    const names = Object.keys(goals) as K[];
    const at = Object.fromEntries(names.map((name) => [name, null])) as Record<K, number | null>;
    for (;;) {
      const all = await this.all(options.among);
      const nowMs = Math.round(performance.now() - startedMs);
      for (const name of names) if (at[name] === null && goals[name](all)) at[name] = nowMs;
      if (names.every((name) => at[name] !== null) || nowMs > options.withinMs) return at;
      await sleep(LOOK_MS);
    }
  }

  /** Every process that it started has ended when it returns. */
  async close(): Promise<void> {
    for (const node of this.processes.values()) node.kill('SIGKILL');
    await Promise.all([...this.processes.values()].map((node) => node.exit()));
    await this.watch.stop();
    this.bystander?.close();
    for (const bus of [this.bus, this.marketBus]) await bus?.close().catch(() => undefined);
    for (const own of this.lines.values()) for (const { line } of own) await line.close();
    await this.exchanges.close();
    for (const server of Object.values(this.servers)) await server?.stop().catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const startRedis = (): Promise<ServerControl | null> =>
  redis.available() === null && process.env['REDIS_URL'] === undefined
    ? redis.startRedis()
    : Promise.resolve(null);

function clusterConfig(
  name: string,
  folder: string,
  reached: { readonly nats: string; readonly hasRedis: boolean },
): object {
  return {
    name,
    nodes: NODES.map((node) => ({
      ...{ name: node, region: node.split('-')[0], roles: ROLES },
      ...{ dataFolder: join(folder, node, 'data'), http: { port: 0 } },
    })),
    bus: { kind: 'nats', urls: [reached.nats] },
    stores: {
      trades: { kind: 'postgres', urlEnv: 'CHAOS_PG_URL' },
      ticks: { kind: 'none' },
      ...(reached.hasRedis && { prices: { kind: 'redis', urlEnv: 'CHAOS_REDIS_URL' } }),
    },
  };
}
