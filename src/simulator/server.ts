import { errorText } from '../messages/errors.js';
import type { PairId } from '../messages/primitives.js';
import type { Logger } from '../ports/log.js';
import type { Clock, TimerHandle, Timers } from '../ports/time.js';
import { FaceServer, type Endpoint } from './face-server.js';
import { accountsOf, createFaces, type Accounts, type AnyFace, type Faces } from './faces.js';
import { DEFAULT_EXCHANGES, type SimulatedExchange } from './listings.js';
import type { Oracle } from './oracle.js';
import type { PlantSettings } from './plants.js';
import type { PriceTie } from './price-ties.js';
import { SimulatedWorld } from './world.js';

/** Steps that leave later than this (world ms) do not count as a fair chance to trade. */
const FAIR_LAG_MS = 1_000;
/** Further behind than this (world ms), time jumps: the machine slept or was overloaded. */
const MAX_LAG_MS = 20_000;

export interface SimulatedExchangesOptions {
  readonly seed: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly exchanges?: readonly SimulatedExchange[];
  readonly pairs?: readonly PairId[];
  readonly plants?: PlantSettings;
  readonly ties?: readonly PriceTie[];
  /** World ms per step. */
  readonly stepMs?: number;
}

export interface SimulatedExchanges {
  readonly endpoints: Readonly<Partial<Record<SimulatedExchange, Endpoint>>>;
  readonly faces: Faces;
  /** The trader's account on each exchange where one can trade; they hold nothing until they are opened. */
  readonly accounts: Accounts;
  readonly oracle: Oracle;
  readonly world: SimulatedWorld;
  /** Stops the world, closes all connections and servers. */
  close(): Promise<void>;
}

/**
 * Starts simulated exchanges on free loopback ports. World time is the time of `clock`; the world moves on `timers`, so
 * a scaled clock gives an accelerated market. Rejects when a port cannot be bound.
 */
export async function startSimulatedExchanges(
  options: SimulatedExchangesOptions,
): Promise<SimulatedExchanges> {
  const { clock, timers, log, seed } = options;
  const world = new SimulatedWorld({
    seed,
    startMs: Math.floor(clock.nowMs()),
    exchanges: options.exchanges ?? DEFAULT_EXCHANGES,
    ...(options.pairs === undefined ? {} : { pairs: options.pairs }),
    ...(options.stepMs === undefined ? {} : { stepMs: options.stepMs }),
    ...(options.plants === undefined ? {} : { plants: options.plants }),
    ...(options.ties === undefined ? {} : { ties: options.ties }),
  });
  const faces = createFaces({ world, seed, nowMs: () => clock.nowMs() });
  const servers = await Promise.all(
    Object.values(faces).map((face: AnyFace) => FaceServer.listen(face, { log, timers })),
  );
  const endpoints = Object.fromEntries(servers.map((server) => [server.exchange, server.endpoint]));
  const pulse = new Pulse(world, clock, timers, log);
  pulse.start();
  const close = async () => {
    pulse.stop();
    await Promise.all(servers.map((server) => server.close()));
  };
  return { endpoints, faces, accounts: accountsOf(faces), oracle: world.oracle, world, close };
}

/** Keeps the world at the time of the clock. */
class Pulse {
  private readonly world: SimulatedWorld;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly log: Logger;
  private timer: TimerHandle | null = null;
  private stopped = false;

  constructor(world: SimulatedWorld, clock: Clock, timers: Timers, log: Logger) {
    this.world = world;
    this.clock = clock;
    this.timers = timers;
    this.log = log;
  }

  start(): void {
    const wait = Math.max(0, this.world.nowMs + this.world.stepMs - this.clock.nowMs());
    this.timer = this.timers.setTimer(() => this.beat(), wait);
  }

  stop(): void {
    this.stopped = true;
    if (this.timer !== null) this.timers.clearTimer(this.timer);
  }

  private beat(): void {
    if (this.stopped) return;
    try {
      const now = this.clock.nowMs();
      const lagMs = now - this.world.nowMs;
      if (lagMs > MAX_LAG_MS) {
        this.log.warn({ lagMs }, 'simulated time jumps: the process did not run');
        this.world.jumpTo(now);
      }
      this.world.advanceTo(now, lagMs > FAIR_LAG_MS);
    } catch (error) {
      this.stopped = true;
      this.log.error({ error: errorText(error) }, 'the simulated world stopped: a defect');
      return;
    }
    this.start();
  }
}
