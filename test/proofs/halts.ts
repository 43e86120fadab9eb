import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import type { InspectionActions, InspectionSource } from '../../src/http/source.js';
import { startHttp, type RunningHttp } from '../../src/http/server.js';
import { QuoteBoard } from '../../src/market/quote-board.js';
import type { SubmitLeg } from '../../src/messages/order.js';
import type { HaltChanged } from '../../src/messages/risk.js';
import { changeKillSwitch, KILL_FILE, KillFlag } from '../../src/modes/kill-switch.js';
import { KillSources } from '../../src/modes/kill-sources.js';
import { publisherOf } from '../../src/modes/prices.js';
import type { PriceStore } from '../../src/ports/price-cache.js';
import type { Stores } from '../../src/ports/stores.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom } from '../../src/runtime/platform/random.js';
import { openPrices } from '../../src/storage/open-prices.js';
import { openStores } from '../../src/storage/open-stores.js';
import * as nats from '../servers/nats.js';
import * as postgres from '../servers/postgres.js';
import * as redis from '../servers/redis.js';
import type { ServerControl } from '../servers/server-process.js';
import { KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';
import { SocketWorld, type ProofExchange } from './socket-world.js';

/**
 * The kill switch by each of its ways, in front of accounts with open orders and a stream of new ones, on real PostgreSQL, Redis and
 * NATS of which one after the other stands still or is dead. What counts are the exchanges' own records, by one clock.
 */

export const WAYS = ['file', 'signal', 'http', 'in-process'] as const;
export type Way = (typeof WAYS)[number];
export const DOWNS = ['nothing', 'postgres', 'redis', 'nats', 'everything'] as const;
export type Down = (typeof DOWNS)[number];

export interface HaltsOptions {
  readonly trials: number;
  readonly seed: number;
  /** Absent = those that are on the machine. */
  readonly downs?: readonly Down[];
  readonly heard?: (line: string) => void;
}

export interface Trial {
  readonly way: Way;
  readonly down: Down;
  /** Of orders that an exchange took after the switch was thrown, the last; ms after it. 0 = none was. */
  readonly lastTakenMs: number;
  /** The last of the open orders to be cancelled at its exchange; ms after it. Null = one was not. */
  readonly cancelledMs: number | null;
  /** Orders that were open when it was thrown. */
  readonly open: number;
  /** Orders that were offered to the gateways after it. */
  readonly offered: number;
  /** What the file of the switch says afterwards, as a restart would find it. */
  readonly isWritten: boolean;
  /** The longest that the machine kept this process from its next offer, ms: what no switch can be quicker than. */
  readonly stalledMs: number;
}

const BLOCKED_WITHIN_MS = 100;
const CANCELLED_WITHIN_MS = 2_000;
const OFFER_EVERY_MS = 4;
const OFFER_FOR_MS = 300;
const TOKEN = 'a-token-of-this-proof-0123456789';

/** A trial that did not hold. */
export const isBroken = (trial: Trial): boolean =>
  trial.lastTakenMs > BLOCKED_WITHIN_MS ||
  trial.cancelledMs === null ||
  trial.cancelledMs > CANCELLED_WITHIN_MS ||
  trial.open === 0 ||
  !trial.isWritten;

type Server = 'postgres' | 'redis' | 'nats';
type Servers = Partial<Record<Server, ServerControl>>;

/** Those that this machine has and that are ours to stop. */
async function startServers(): Promise<Servers> {
  const servers: Servers = {};
  const kinds = {
    postgres: [postgres.available, postgres.startPostgres],
    redis: [redis.available, redis.startRedis],
    nats: [nats.available, nats.startNats],
  } as const;
  for (const [name, [available, start]] of Object.entries(kinds)) {
    if (available() !== null) continue;
    const server = await start();
    if (server.external) await server.stop();
    else servers[name as Server] = server;
  }
  return servers;
}

class Rig {
  readonly flag: KillFlag;
  readonly world: SocketWorld;
  private readonly folder: string;
  private readonly servers: Servers;
  private readonly sources: KillSources;
  private web!: RunningHttp;
  private readonly log = new KeptLog();
  private readonly stopped: Server[] = [];

  private constructor(world: SocketWorld, servers: Servers) {
    this.world = world;
    this.servers = servers;
    this.folder = mkdtempSync(join(tmpdir(), 'arbot-halt-'));
    this.flag = new KillFlag(new LocalFiles(), join(this.folder, KILL_FILE));
    this.sources = new KillSources({
      ...{ flag: this.flag, halts: world.halts, machine: new RealTime(), log: this.log },
      engage: (reason, by, policy) => this.change({ ...this.halt(by), reason, policy }),
    });
  }

  static async open(seed: number, servers: Servers, closing: (() => Promise<unknown>)[]): Promise<Rig> {
    const time = new RealTime();
    const log = new KeptLog();
    const ports = { log, timers: time, clock: time };
    let stores: Stores | undefined;
    if (servers.postgres !== undefined) {
      stores = await openStores({ kind: 'postgres', url: servers.postgres.url, mode: 'SIMULATED' }, ports);
      const { close } = stores;
      closing.push(() => close.call(stores));
    }
    const natsUrl = servers.nats?.url;
    const world = await SocketWorld.start({
      seed,
      policy: { pauseMs: 50 },
      ...(stores !== undefined && { stores }),
      ...(natsUrl !== undefined && {
        openBus: (own) => NatsBus.connect({ ...own, servers: [natsUrl], random: new CryptoRandom() }),
      }),
    });
    closing.push(() => world.close());
    await Rig.publishPrices(world, servers.redis?.url, closing);
    const rig = new Rig(world, servers);
    closing.push(() => rig.close());
    await rig.start();
    return rig;
  }

  /** As a node has it beside what trades. */
  private static async publishPrices(
    world: SocketWorld,
    url: string | undefined,
    closing: (() => Promise<unknown>)[],
  ) {
    if (url === undefined) return;
    const time = new RealTime();
    const ports = { log: world.log, clock: time, timers: time, random: new CryptoRandom() };
    const prices: PriceStore = await openPrices({ kind: 'redis', url, prefix: 'proof' }, ports);
    await world.system.spawn('/prices', publisherOf(world.bus, new QuoteBoard(4), prices));
    closing.push(async () => {
      await world.system.stop('/prices', 'shutdown', 1_000);
      await prices.close();
    });
  }

  private async start(): Promise<void> {
    const { world } = this;
    this.sources.start(process);
    const source = {
      ...{ mode: 'SIMULATED', node: 'proof', version: '0', startedAtMs: Date.now(), nowMs: () => Date.now() },
      killSwitch: () => world.halts.current,
    };
    this.web = await startHttp({
      ...{
        host: '127.0.0.1',
        port: 0,
        token: TOKEN,
        log: this.log,
        clock: new RealTime(),
        timers: new RealTime(),
      },
      source: source as unknown as InspectionSource,
      actions: {
        setKillSwitch: (engaged, reason, by, policy) =>
          this.change({ ...this.halt(by), engaged, reason, ...(policy !== undefined && { policy }) }),
      } as InspectionActions,
    });
    // The client that asks is compiled before it is measured.
    await fetch(`${this.web.url}healthz`).then((answer) => answer.text());
    await world.ready();
  }

  private halt(by: string): HaltChanged {
    const atMs = Math.max(Date.now(), this.world.halts.current.atMs + 1);
    return { engaged: true, reason: 'a proof', by, atMs };
  }

  private change(halt: HaltChanged): Promise<void> {
    const { bus, halts, stores } = this.world;
    return changeKillSwitch({ bus, halts, settings: stores.settings, flag: this.flag, log: this.log }, halt);
  }

  /** Never waits for an answer: a store that is down keeps that back. */
  async engage(way: Way): Promise<void> {
    switch (way) {
      case 'file':
        return writeFile(this.flag.path, 'a proof\n');
      case 'signal':
        process.kill(process.pid, 'SIGUSR2');
        return;
      case 'http':
        void fetch(`${this.web.url}api/kill-switch`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: JSON.stringify({ engaged: true, reason: 'a proof' }),
        }).catch(() => undefined);
        return;
      case 'in-process':
        void this.change(this.halt('process')).catch(() => undefined);
    }
  }

  async takeDown(down: Down, isDead: boolean): Promise<void> {
    const names: readonly Server[] =
      down === 'everything' ? ['postgres', 'redis', 'nats'] : down === 'nothing' ? [] : [down];
    for (const name of names) {
      const server = this.servers[name];
      if (server === undefined) continue;
      if (isDead) await server.kill();
      else server.pause();
      this.stopped.push(name);
    }
  }

  async bringBack(isDead: boolean): Promise<void> {
    for (const name of this.stopped.splice(0)) {
      if (isDead) await this.servers[name]!.restart();
      else this.servers[name]!.resume();
    }
  }

  /** As a person does it, once the stores are back. */
  async clear(): Promise<void> {
    const { world } = this;
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        await this.change({ ...this.halt('person'), engaged: false, reason: 'the proof goes on' });
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await world.sleep(100);
      }
    }
    await world.ready(120_000);
  }

  /** What an actor of this process tells a gateway: no bus is between them. */
  offer(exchange: ProofExchange, throughBps: number): SubmitLeg {
    const { leg, verdict } = this.world.approval({ exchange, throughBps });
    const gateway = this.world.gateway(exchange);
    gateway.tell({ kind: 'verdict', verdict });
    const answer = { resolve: () => undefined, reject: () => undefined };
    gateway.tell({ kind: 'submit', leg, traceId: leg.arbitrageId, answer });
    return leg;
  }

  private async close(): Promise<void> {
    this.sources.stop();
    await this.web.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function trial(rig: Rig, way: Way, down: Down, isDead: boolean): Promise<Trial> {
  const { world } = rig;
  await rig.takeDown(down, isDead);
  const endings = world.exchanges.map((one) =>
    world.account(one).misbehave({ kind: 'leave-ioc-open', count: 1 }),
  );
  const resting = new Map(world.exchanges.map((one) => [one, rig.offer(one, -150).clientOrderId]));
  const stateOf = (one: ProofExchange) =>
    world
      .account(one)
      .orders()
      .findLast(({ clientOrderId }) => clientOrderId === resting.get(one));
  await world
    .until('orders rest', () => world.exchanges.every((one) => stateOf(one)?.state === 'open'), 900)
    .catch(() => null);
  const open = world.exchanges.filter((one) => stateOf(one)?.state === 'open');
  const before = new Map(world.exchanges.map((one) => [one, world.account(one).orders().length]));

  const thrownAtMs = Date.now();
  await rig.engage(way);
  let [offered, stalledMs, lastMs] = [0, 0, Date.now()];
  while (Date.now() - thrownAtMs < OFFER_FOR_MS) {
    rig.offer(world.exchanges[offered++ % world.exchanges.length]!, 30);
    await new Promise((resolve) => setTimeout(resolve, OFFER_EVERY_MS));
    stalledMs = Math.max(stalledMs, Date.now() - lastMs - OFFER_EVERY_MS);
    lastMs = Date.now();
  }
  await world
    .until('cancelled', () => open.every((one) => stateOf(one)?.state !== 'open'), 3_000)
    .catch(() => null);
  for (const end of endings) end();

  const taken = world.exchanges.flatMap((one) => world.account(one).orders().slice(before.get(one)));
  const isEmpty = open.every((one) => stateOf(one)?.state === 'cancelled');
  const isWritten = (await rig.flag.read(0))?.engaged === true;
  await rig.bringBack(isDead);
  await rig.clear();
  return {
    ...{ way, down, offered, isWritten, stalledMs, open: open.length },
    lastTakenMs: Math.max(0, ...taken.map(({ createdAtMs }) => createdAtMs - thrownAtMs)),
    cancelledMs: isEmpty ? Math.max(...open.map((one) => stateOf(one)!.updatedAtMs - thrownAtMs)) : null,
  };
}

/** Every way with every store down in turn; each second round the store is dead and not only silent. */
export async function runHalts(options: HaltsOptions): Promise<readonly Trial[]> {
  const { trials, seed, heard = () => undefined } = options;
  const closing: (() => Promise<unknown>)[] = [];
  const servers = await startServers();
  for (const server of Object.values(servers)) closing.push(() => server.stop());
  try {
    const rig = await Rig.open(seed, servers, closing);
    const downs = (options.downs ?? DOWNS).filter(
      (one) => one === 'nothing' || one === 'everything' || one in servers,
    );
    heard(`stores that are taken down: ${downs.join(', ')}`);
    // A node has run before somebody stops it: what a first call compiles is not measured.
    for (const way of WAYS) await trial(rig, way, 'nothing', false);
    const done: Trial[] = [];
    for (let n = 0; n < trials; n++) {
      const down = downs[Math.floor(n / WAYS.length) % downs.length]!;
      const isDead = Math.floor(n / (WAYS.length * downs.length)) % 2 === 1;
      done.push(await trial(rig, WAYS[n % WAYS.length]!, down, isDead));
      const last = done.at(-1)!;
      if (isBroken(last) || n % 20 === 19)
        heard(`${n + 1}: ${JSON.stringify(last)}${isBroken(last) ? ' BROKEN' : ''}`);
    }
    return done;
  } finally {
    for (const close of closing.reverse()) await close().catch(() => undefined);
  }
}
