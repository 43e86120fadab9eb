import { monitorEventLoopDelay } from 'node:perf_hooks';
import { feedActor } from '../../src/actors/feed.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import type { Connector } from '../../src/connectors/base.js';
import { QuoteBoard, TRUST_OK } from '../../src/market/quote-board.js';
import { NactEngine } from '../../src/runtime/engine-nact.js';
import { SystemClock, SystemTimers } from '../../src/runtime/platform/clock.js';
import { UndiciHttpClient } from '../../src/runtime/platform/http-client.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { WsSockets } from '../../src/runtime/platform/sockets.js';
import { erased, feedWorker } from '../../src/modes/tree.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { DEFAULT_INTENSITY, type ChildSpec, type SupervisorSpec } from '../../src/supervisors/spec.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import type { Logger } from '../../src/ports/log.js';
import { Delays } from './delays.js';
import { SMITHS, type LoadExchange } from './frame-smith.js';

/** What one feed says of itself; counters since its start. */
export interface FeedCounts {
  readonly frames: number;
  readonly gaps: number;
  readonly invalid: number;
  readonly resyncs: number;
  readonly reconnects: number;
}

/** Counts warnings and errors and keeps nothing, so that the log is no part of the memory that is watched. */
class CountingLog implements Logger {
  problems = 0;
  debug(): void {
    return undefined;
  }
  info(): void {
    return undefined;
  }
  warn(): void {
    this.problems++;
  }
  error(): void {
    this.problems++;
  }
  child(): Logger {
    return this;
  }
}

/** The real feed actors of all exchanges over real sockets, and how late each book reaches the board. */
export class LoadReceiver {
  readonly board: QuoteBoard;
  /** From the moment a frame was due at its sender to the board's dirty mark, by exchange. */
  readonly delays = new Map<LoadExchange, Delays>();
  readonly loop = monitorEventLoopDelay({ resolution: 1 });
  private readonly clock = new SystemClock();
  private readonly timers = new SystemTimers();
  private readonly random = new SeededRandom('load');
  private readonly ids = new TimeOrderedIds(this.clock, this.random);
  private readonly log = new CountingLog();
  private readonly faults: string[] = [];
  private readonly http = new UndiciHttpClient();
  private readonly bus: InProcessBus;
  private readonly system: ActorSystem;
  private readonly feeds: ChildSpec[] = [];
  private tree: SupervisionTree | null = null;
  private readonly slotOwners: LoadExchange[] = [];

  constructor(markets: number) {
    const { clock, timers, ids, log, random } = this;
    this.board = new QuoteBoard(markets);
    this.bus = new InProcessBus({ clock, timers, ids, log, sender: 'load' });
    const engine = new NactEngine((cell, error) => this.faults.push(`${cell}: ${String(error)}`));
    this.system = new ActorSystem({ node: 'load', engine, clock, timers, random, ids, log });
    this.board.onDirty((slot) => this.published(slot));
    this.loop.enable();
  }

  follow(connector: Connector, markets: number, port: number): void {
    const exchange = connector.exchange as LoadExchange;
    this.delays.set(exchange, new Delays());
    const instruments = Array.from({ length: markets }, (_, index) => ({
      id: `${exchange}:A${String(index).padStart(3, '0')}-USDT`,
      symbol: SMITHS[exchange].symbol(index),
    }));
    for (const { id } of instruments) this.slotOwners[this.board.slotOf(id)] = exchange;
    const { pathname } = new URL(connector.endpoints.websocketUrl);
    const websocketUrl = `ws://127.0.0.1:${port}${pathname}`;
    const endpoints = { websocketUrl, restUrl: `http://127.0.0.1:${port}` };
    const { board, http, bus, timers } = this;
    const sockets = new WsSockets();
    const options = { publishTrades: false };
    const parts = { connector, instruments, board, sockets, http, bus, timers, endpoints, options };
    this.feeds.push(feedWorker(exchange, erased(feedActor(parts))));
  }

  /** Starts the feeds under supervision, as a node does: a feed that gives up is parked and probed again. */
  async start(): Promise<void> {
    const { system, clock, timers, random, ids, log } = this;
    const spec: SupervisorSpec = {
      id: 'feeds',
      restart: 'permanent',
      strategy: 'one_for_one',
      intensity: DEFAULT_INTENSITY,
      children: this.feeds,
    };
    const onRootFailure = () => log.error();
    const parts = { system, spec, clock, timers, random, ids, log, onRootFailure };
    this.tree = new SupervisionTree({ ...parts, onEvent: () => undefined });
    await this.tree.start();
  }

  trusted(exchange: LoadExchange): number {
    return this.slotOwners.filter((owner, slot) => owner === exchange && this.board.trust[slot] === TRUST_OK)
      .length;
  }

  counts(exchange: LoadExchange): FeedCounts {
    return this.system.inspect(`feeds/${exchange}`)!.summary as unknown as FeedCounts;
  }

  /** Frames that the JSON decoder had to read, by channel. */
  fallbacks(exchange: LoadExchange): unknown {
    return this.system.inspect(`feeds/${exchange}`)!.summary['fallbacks'];
  }

  /** Problems that the feeds told the log about. */
  get problems(): number {
    return this.log.problems;
  }

  /** Begins to measure anew. */
  reset(): void {
    for (const delays of this.delays.values()) delays.reset();
    this.loop.reset();
  }

  async close(): Promise<void> {
    await this.tree?.stop();
    await this.system.close(5_000);
    await this.bus.close();
    await this.http.close();
    this.loop.disable();
  }

  private published(slot: number): void {
    if (this.board.trust[slot] !== TRUST_OK) return;
    const stampMs = this.board.exchangeTimeMs[slot]!;
    this.delays.get(this.slotOwners[slot]!)!.add(this.clock.nowMs() - stampMs);
  }
}
