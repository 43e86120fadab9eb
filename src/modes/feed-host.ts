import { feedActor, type FeedMessage } from '../actors/feed.js';
import { BoardPublisher } from '../cluster/board-bridge.js';
import { ChannelBus } from '../cluster/isolation/channel-bus.js';
import { learnPause } from '../cluster/isolation/rest-pause.js';
import { ccxt } from '../connectors/ccxt.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import type { RateLimiter } from '../connectors/rate-limiter.js';
import { QuoteBoard } from '../market/quote-board.js';
import { toFeedProcess, type StartFeed, type ToFeedProcess } from '../messages/feed-process.js';
import type { Clock, Timers } from '../ports/time.js';
import { NactEngine } from '../runtime/engine-nact.js';
import { CcxtLink } from '../runtime/platform/ccxt-link.js';
import { ScaledTime } from '../runtime/platform/clock.js';
import { UndiciHttpClient } from '../runtime/platform/http-client.js';
import { endWithParent } from '../runtime/platform/parent-watch.js';
import { CryptoRandom, TimeOrderedIds } from '../runtime/platform/random.js';
import { WsSockets } from '../runtime/platform/sockets.js';
import { asError } from '../runtime/services.js';
import { ActorSystem } from '../runtime/system.js';
import { connectorOf } from './connectors.js';
import { MachineTime } from './machine-time.js';
import { LinkLog, ParentLink, shortened } from './parent-link.js';
import { PATHS } from './tree.js';

const BEAT_MS = 250;
/** Of the beats, one in so many brings the whole summary. */
const SUMMARY_EVERY = 2;
/** Beats without a word from the parent, after which it is taken for gone: half a minute. */
const SILENT_BEATS = 120;
const PARENT_EVERY_MS = 500;
/** Below what the parent grants. */
const STOP_MS = 1_000;
/** The node's gateway and its lists of markets spend of the same REST budgets. */
const LEFT_TO_THE_NODE = 0.5;
const EXIT = { stopped: 0, crashed: 70 } as const;

/**
 * Runs one feed in this process, as its parent says: connector, sockets and books; what the feed writes on the board here goes to
 * the parent as batches, its messages as they are. A crash is told and ends the process: who restarts what is decided there. Never
 * returns control to anything else: this is the program.
 */
export function hostFeed(): void {
  // Signals of a terminal or service manager reach the whole group: the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  process.once('disconnect', () => process.exit(EXIT.crashed));
  if (!process.connected) process.exit(EXIT.crashed);
  endWithParent(process.ppid, PARENT_EVERY_MS);
  const link = new ParentLink(process);
  const host = new FeedHost(link);
  process.on('uncaughtException', (error) => host.fail(error));
  process.on('unhandledRejection', (reason) => host.fail(asError(reason)));
  process.on('message', (message) => host.receive(message));
  link.tell({ kind: 'ready' });
}

interface RunningFeed {
  readonly exchange: string;
  readonly system: ActorSystem;
  readonly bus: ChannelBus;
  readonly publisher: BoardPublisher;
  readonly limiter: RateLimiter;
  readonly time: Clock;
}

class FeedHost {
  private readonly link: ParentLink;
  private readonly machine = new MachineTime();
  private running: RunningFeed | null = null;
  private beats = 0;
  private silentBeats = 0;
  private isEnding = false;

  constructor(link: ParentLink) {
    this.link = link;
    this.machine.setTimer(() => this.beat(), BEAT_MS);
  }

  receive(raw: unknown): void {
    this.silentBeats = 0;
    this.take(toFeedProcess.parse(raw));
  }

  /** Tells of a crash and ends. */
  fail(error: Error): void {
    if (this.isEnding) return;
    this.isEnding = true;
    const stack = shortened(error.stack ?? error.message);
    this.link.tell({ kind: 'crashed', message: shortened(error.message), stack });
    void this.link.flush().then(() => process.exit(EXIT.crashed));
    this.machine.setTimer(() => process.exit(EXIT.crashed), STOP_MS);
  }

  private take(message: ToFeedProcess): void {
    switch (message.kind) {
      case 'start':
        this.running = this.start(message);
        return;
      case 'bus':
        return this.running?.bus.relay(message.subject, message.bytes);
      case 'recycle':
        if (this.running === null) return;
        this.running.system.address<FeedMessage>(PATHS.feed(this.running.exchange)).tell(message);
        return;
      case 'stop':
        return void this.stop();
      case 'beat':
        if (this.running === null) return;
        return learnPause(this.running.limiter, message.restBlockedMs, this.running.time.monotonicMs());
    }
  }

  private start(told: StartFeed): RunningFeed {
    const { exchange, endpoints, instruments, sender, fromEpoch, restBlockedMs } = told;
    const time = this.timeOf(told.wallOffsetMs);
    const random = new CryptoRandom();
    const ids = new TimeOrderedIds(time, random);
    const log = new LinkLog(this.link);
    const ports = { clock: time, timers: time, ids, log };
    const bus = new ChannelBus({ ...ports, sender }, this.link);
    const board = new QuoteBoard(Math.max(1, instruments.length));
    const publisher = new BoardPublisher({
      ...{ board, bus, clock: time, timers: time },
      node: sender,
      instruments: () => instruments,
    });
    publisher.publish(exchange);
    const engine = new NactEngine((_, error) => this.fail(asError(error)));
    const system = new ActorSystem({ ...ports, node: sender, engine, random });
    const connector =
      told.ccxt === null ? connectorOf(exchange, endpoints) : ccxt({ exchange, ...told.ccxt });
    const limiter = restLimiterOf(connector, LEFT_TO_THE_NODE);
    if (restBlockedMs > 0) limiter.pause(restBlockedMs, time.monotonicMs());
    const network = new CcxtLink({ sockets: new WsSockets(), http: new UndiciHttpClient() });
    const feed = feedActor({
      ...{ connector, instruments, board, bus, limiter, fromEpoch, endpoints },
      sockets: network,
      http: network,
      timers: time,
    });
    const ended = ({ error }: { readonly error: Error | null }) =>
      this.fail(error ?? new Error('the feed ended unasked'));
    void system.spawn(PATHS.feed(exchange), feed, ended).then((outcome) => {
      if (!outcome.ok) this.fail(outcome.error);
    });
    return { exchange, system, bus, publisher, limiter, time };
  }

  /** The node's own time: apart from the machine's after a run that was faster than real time. */
  private timeOf(wallOffsetMs: number): Clock & Timers {
    const { machine } = this;
    if (Math.abs(wallOffsetMs) < 1) return machine;
    const startAtMs = machine.nowMs() + wallOffsetMs;
    return new ScaledTime({ clock: machine, timers: machine, factor: 1, startAtMs });
  }

  private beat(): void {
    this.machine.setTimer(() => this.beat(), BEAT_MS);
    if (++this.silentBeats > SILENT_BEATS) return this.fail(new Error('the node says nothing any more'));
    const { running } = this;
    const isWhole = running !== null && this.beats++ % SUMMARY_EVERY === 0;
    this.link.tellUnlessFull({
      kind: 'beat',
      summary: isWhole ? (running.system.inspect(PATHS.feed(running.exchange))?.summary ?? null) : null,
      restBlockedMs: running?.limiter.blockedForMs(running.time.monotonicMs()) ?? 0,
    });
  }

  /** The feed closes its connections, the parent hears that it stopped and that its books are withdrawn. */
  private async stop(): Promise<void> {
    if (this.isEnding) return;
    this.isEnding = true;
    const { running } = this;
    if (running !== null) {
      await running.system.stop(PATHS.feed(running.exchange), 'shutdown', STOP_MS);
      running.publisher.close();
    }
    await this.link.flush();
    process.exit(EXIT.stopped);
  }
}
