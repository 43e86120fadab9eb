import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import type { ActorNode } from '../../src/http/source.js';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import type { NodeServices } from '../../src/ports/node-services.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { ArbotProcess, getJson } from '../node/node-process.js';
import { startNats } from '../servers/nats.js';
import { startPostgres } from '../servers/postgres.js';
import type { ServerControl } from '../servers/server-process.js';

/** Several nodes as processes of their own, over a real NATS server and PostgreSQL, on simulated exchanges that outlive them. */

const repository = resolve(import.meta.dirname, '../..');

export interface NodeChoice {
  readonly name: string;
  readonly region: string;
  readonly roles: readonly string[];
}

export interface Duties {
  readonly held: boolean;
  readonly fence: number | null;
  /** Exchanges whose feed runs here and is live. */
  readonly feeds: readonly string[];
  /** Assets that its detector looks at. */
  readonly assets: readonly string[];
  readonly watches: boolean;
  readonly hasGate: boolean;
  /** The gate runs and nothing holds it. */
  readonly trades: boolean;
}

export type All = ReadonlyMap<string, Duties>;
export type Figures = Readonly<Record<string, number>>;

const LOOK_MS = 150;
const CLUSTER = `c${process.pid}`;

export class ClusterWorld {
  readonly folder: string;
  readonly nodes = new Map<string, ArbotProcess>();
  readonly urls = new Map<string, string>();
  private readonly environment: Readonly<Record<string, string>>;
  private readonly exchangesFile: string;
  private readonly natsUrl: string;

  private constructor(folder: string, natsUrl: string, environment: Record<string, string>) {
    this.folder = folder;
    this.natsUrl = natsUrl;
    this.exchangesFile = join(folder, 'exchanges.json');
    this.environment = environment;
  }

  static async open(t: Test, choices: readonly NodeChoice[]): Promise<ClusterWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'arbot-cluster-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const [nats, postgres] = [await startNats(), await startPostgres()];
    for (const server of [nats, postgres]) t.teardown(() => server.stop());
    await writeFile(join(folder, 'cluster.config.ts'), clusterFile(choices, folder, nats));
    await writeFile(
      join(folder, 'trading.config.ts'),
      `export { default } from ${JSON.stringify(join(repository, 'trading.config.ts'))};\n`,
    );
    const world = new ClusterWorld(folder, nats.url, {
      CLUSTER_PG_URL: postgres.url,
      ARBOT_VERDICT_KEY_HEX: '5a'.repeat(32),
    });
    const exchanges = world.arbot(['exchanges', '--port-file', world.exchangesFile, '--seed', 'cluster']);
    t.teardown(() => exchanges.kill());
    await exchanges.seen(/^described/m, 60_000);
    t.teardown(() => {
      for (const node of world.nodes.values()) node.kill();
    });
    return world;
  }

  private arbot(args: readonly string[]): ArbotProcess {
    return new ArbotProcess([...args, '--config', this.folder], this.environment);
  }

  /** As somebody who knows nothing but the server and the name of the cluster. */
  async services(t: Test): Promise<NodeServices> {
    const time = new RealTime();
    const random = new SeededRandom('visitor');
    const bus = await NatsBus.connect({
      ...{ clock: time, timers: time, random, log: new KeptLog(), ids: new TimeOrderedIds(time, random) },
      sender: 'visitor',
      servers: [this.natsUrl],
      prefix: `${CLUSTER}.simulated`,
    });
    t.teardown(() => bus.close());
    return bus.services();
  }

  /** Resolves when its page answers. */
  async start(name: string, more: readonly string[] = []): Promise<void> {
    const started = ['start', '--node', name, '--exchanges-at', this.exchangesFile];
    const node = this.arbot([...started, ...more]);
    this.nodes.set(name, node);
    this.urls.set(name, await node.url(120_000));
  }

  kill(name: string, signal: NodeJS.Signals): void {
    this.nodes.get(name)!.kill(signal);
    this.urls.delete(name);
  }

  /** Of every node that answers. */
  async all(): Promise<All> {
    const names = [...this.urls.keys()];
    const duties = await Promise.all(names.map((name) => dutiesAt(this.urls.get(name)!)));
    return new Map(names.flatMap((name, index) => (duties[index] === null ? [] : [[name, duties[index]!]])));
  }

  /** Asks until everything was so once; when that was first, ms after the call. Rejects with what was not in time. */
  async until(goals: Readonly<Record<string, (all: All) => boolean>>, withinMs: number): Promise<Figures> {
    const startedMs = performance.now();
    const reached: Record<string, number> = {};
    for (;;) {
      const all = await this.all();
      const atMs = Math.round(performance.now() - startedMs);
      for (const [goal, accept] of Object.entries(goals))
        if (reached[goal] === undefined && accept(all)) reached[goal] = atMs;
      const missing = Object.keys(goals).filter((goal) => reached[goal] === undefined);
      if (missing.length === 0) return reached;
      if (atMs > withinMs)
        throw new Error(`${missing.join(', ')}: not in ${withinMs} ms; last ${JSON.stringify([...all])}`);
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }
}

/** A node that is stopped never answers. */
const ANSWER_MS = 5_000;

/** What a node does, by its page. One question: the page answers only so many a second. Null while it does not answer. */
export async function dutiesAt(url: string, withinMs = ANSWER_MS): Promise<Duties | null> {
  const asked = getJson<ActorNode>(`${url}api/actors`, AbortSignal.timeout(withinMs));
  const tree = await asked.catch(() => null);
  if (tree === null) return null;
  const actors = new Map(flat(tree).map((one) => [one.path, one]));
  const at = (path: string) => actors.get(`node/${path}`);
  const runs = (path: string) => at(path)?.state === 'running';
  const summary = (path: string) => at(path)?.inspection.summary ?? {};
  const feeds = (summary('cluster/placement')['feeds'] ?? []) as { exchange: string; isLive: boolean }[];
  const lease = summary('trade/lease');
  const held = lease['held'] === true;
  const holds = summary('trade/gate')['holds'] as unknown[] | undefined;
  const running = ['ledger', 'gate', 'saga'].every((one) => runs(`trade/${one}`));
  return {
    held,
    fence: held ? Number(lease['fence']) : null,
    feeds: feeds.filter(({ isLive }) => isLive).map(({ exchange }) => exchange),
    assets: runs('detect/spatial') ? ((summary('cluster/placement')['assets'] ?? []) as string[]) : [],
    watches: runs('watch/recorder'),
    hasGate: at('trade/gate') !== undefined,
    trades: held && running && holds?.length === 0,
  };
}

const flat = (node: ActorNode): ActorNode[] => [node, ...node.children.flatMap(flat)];

function clusterFile(choices: readonly NodeChoice[], folder: string, nats: ServerControl): string {
  const nodes = choices.map((choice) => ({
    ...choice,
    dataFolder: join(folder, choice.name),
    http: { port: 0 },
  }));
  const config = {
    name: CLUSTER,
    nodes,
    bus: { kind: 'nats', urls: [nats.url] },
    stores: { trades: { kind: 'postgres', urlEnv: 'CLUSTER_PG_URL' }, ticks: { kind: 'none' } },
  };
  return `export default ${JSON.stringify(config)};\n`;
}
