import type { QuoteBoard } from '../../market/quote-board.js';
import { subjectOf, type MessageKind, type MessageOf } from '../../messages/catalogue.js';
import { ArbotError } from '../../messages/errors.js';
import type { InstrumentStateChanged, TradePrint } from '../../messages/feed.js';
import { fromFeedProcess, type FromFeedProcess, type StartFeed } from '../../messages/feed-process.js';
import type { ExchangeId } from '../../messages/primitives.js';
import type { Bus, Delivery } from '../../ports/bus.js';
import type { FeedProcess, StartFeedProcess } from '../../ports/feed-process.js';
import type { Clock, Timers } from '../../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../../runtime/actor.js';
import { BoardFollower } from '../board/follower.js';
import { ChannelBus } from './channel-bus.js';
import { learnPause, type RestBudget } from './rest-pause.js';

/** What the actor of a feed in another process is told. */
export type IsolatedFeedMessage =
  | { readonly kind: 'check' }
  /** Open every connection anew and synchronise anew. */
  | { readonly kind: 'recycle'; readonly reason: string };

export interface IsolatedFeedParts {
  readonly start: StartFeedProcess;
  readonly exchange: ExchangeId;
  readonly endpoints: StartFeed['endpoints'];
  readonly instruments: StartFeed['instruments'];
  readonly ccxt: StartFeed['ccxt'];
  readonly board: QuoteBoard;
  readonly bus: Bus;
  readonly timers: Timers;
  /** The machine's own: the node's wall clock may run apart from it. */
  readonly machine: Clock;
  readonly limiter: RestBudget;
  /** Told of each notice before the bus is. */
  readonly notice?: (change: InstrumentStateChanged) => void;
  /** Gets every public trade; must be quick and never throw. */
  readonly trades?: (print: TradePrint) => void;
  /** How often each side says that it lives, ms. */
  readonly checkMs?: number;
  /** Looks without a word from the process until it is killed. Looks, not time: a pause of this process counts as one. */
  readonly silentChecks?: number;
  /** As much for its first word. */
  readonly startChecks?: number;
  /** How long an ordered end may take, ms. */
  readonly stopLimitMs?: number;
}

const CHECK_MS = 250;
const SILENT_CHECKS = 16;
const START_CHECKS = 240;
/** Below what the supervisor grants. */
const STOP_LIMIT_MS = 1_500;
/** Looks without a word after which its state is no longer passed on. */
const DOUBTED_CHECKS = 4;

/**
 * The actor of a feed that runs in a process of its own, since an endless loop cannot be ended from inside. It looks like any
 * feed: same path, same summary, its books are this node's own. The process lives and dies with an incarnation: its crash, its end
 * and its silence are a crash of the actor, and the supervisor decides what follows. Books are distrusted as soon as it is gone, and
 * after a second of silence.
 */
export function isolatedFeedActor(parts: IsolatedFeedParts): ActorDefinition<IsolatedFeedMessage> {
  return {
    kind: 'feed',
    mailbox: {
      capacity: 64,
      policyOf: (message) =>
        message.kind === 'check' ? { kind: 'conflate', key: 'check' } : { kind: 'reject' },
    },
    handlerTimeoutMs: 5_000,
    create: (context) => new IsolatedFeed(parts, context),
  };
}

class IsolatedFeed implements ActorBehaviour<IsolatedFeedMessage> {
  private readonly parts: IsolatedFeedParts;
  private readonly context: ActorContext<IsolatedFeedMessage>;
  private readonly bus: ChannelBus;
  private readonly follower: BoardFollower;
  private readonly process: FeedProcess;
  private summaryNow: Readonly<Record<string, unknown>> = {};
  private isReady = false;
  private missedChecks = 0;
  private crashed: Error | null = null;
  private saidStopped = false;
  private ended: (() => void) | null = null;
  private hasEnded = false;

  constructor(parts: IsolatedFeedParts, context: ActorContext<IsolatedFeedMessage>) {
    this.parts = parts;
    this.context = context;
    this.bus = new ChannelBus(
      {
        clock: context.clock,
        timers: parts.timers,
        ids: context.ids,
        log: context.log,
        sender: `parent/${parts.exchange}`,
        queueLimit: 1_024,
      },
      {
        waiting: 0,
        send: (subject, bytes) => void this.process.send({ kind: 'bus', subject, bytes }),
        flush: () => Promise.resolve(),
      },
    );
    this.process = parts.start({
      message: context.guard((message: unknown) => this.received(message)),
      lost: context.guard(() => this.follower.close()),
      ended: context.guard((code: number | null, reason: string) => this.processEnded(code, reason)),
    });
    this.follower = this.newFollower();
    context.onEnd(() => {
      this.follower.close();
      this.process.kill();
      void this.bus.close();
    });
    this.passOn();
    this.follower.follow(parts.exchange);
    context.every('check', parts.checkMs ?? CHECK_MS, { kind: 'check' });
  }

  handle(message: IsolatedFeedMessage): void {
    if (message.kind === 'check') this.check();
    else this.process.send(message);
  }

  /** The process closes its connections and ends; it is killed when that takes too long. */
  async stopping(): Promise<void> {
    if (!this.hasEnded) {
      const { timers, stopLimitMs = STOP_LIMIT_MS } = this.parts;
      const ended = new Promise<void>((resolve) => (this.ended = resolve));
      const limit = timers.setTimer(() => this.process.kill(), stopLimitMs);
      if (!this.process.send({ kind: 'stop' })) this.process.kill();
      await ended;
      timers.clearTimer(limit);
    }
    // What it said last may still wait in the bus.
    await new Promise<void>((resolve) => this.parts.timers.setImmediate(resolve));
    if (!this.saidStopped) this.sayStopped();
  }

  summary(): Readonly<Record<string, unknown>> {
    const { exchange, endpoints } = this.parts;
    const state = this.isReady ? 'stale' : 'connecting';
    const isDoubted = this.missedChecks > DOUBTED_CHECKS || this.summaryNow['state'] === undefined;
    return {
      exchange,
      url: endpoints.websocketUrl,
      ...this.summaryNow,
      ...(isDoubted && { state }),
      process: this.process.pid,
    };
  }

  private newFollower(): BoardFollower {
    const { board, timers, exchange, instruments } = this.parts;
    const { clock } = this.context;
    return new BoardFollower({
      board,
      bus: this.bus,
      node: `parent/${exchange}`,
      clock,
      timers,
      instruments: () => instruments,
      isOwn: true,
    });
  }

  private check(): void {
    this.missedChecks++;
    const { checkMs = CHECK_MS, silentChecks = SILENT_CHECKS, startChecks = START_CHECKS } = this.parts;
    const limit = this.isReady ? silentChecks : startChecks;
    if (this.missedChecks <= limit)
      return void this.process.send({ kind: 'beat', restBlockedMs: this.restBlockedMs() });
    const said = `its process ${this.process.pid} said nothing for ${limit * checkMs} ms and is killed`;
    throw new ArbotError('ARB_FEED_PROCESS', said);
  }

  private received(raw: unknown): void {
    const read = fromFeedProcess.safeParse(raw);
    if (!read.success)
      throw new ArbotError('ARB_FEED_PROCESS', `its process sent something unknown: ${read.error.message}`);
    this.missedChecks = 0;
    this.take(read.data);
  }

  private take(message: FromFeedProcess): void {
    switch (message.kind) {
      case 'ready':
        this.isReady = true;
        this.process.send(this.startMessage());
        return;
      case 'bus':
        return this.bus.relay(message.subject, message.bytes);
      case 'beat':
        this.summaryNow = message.summary ?? this.summaryNow;
        return learnPause(this.parts.limiter, message.restBlockedMs, this.context.clock.monotonicMs());
      case 'log': {
        const fields = { ...message.fields, process: this.process.pid };
        return this.context.log[message.level](fields, message.message);
      }
      case 'crashed':
        this.crashed = crashOf(message);
    }
  }

  private startMessage(): StartFeed {
    const { exchange, endpoints, instruments, ccxt, board, machine } = this.parts;
    const { clock } = this.context;
    const shown = instruments.map(({ id }) => board.epoch[board.slotOf(id)]!);
    return {
      kind: 'start',
      sender: `feed/${exchange}`,
      exchange,
      endpoints,
      instruments,
      ccxt,
      fromEpoch: Math.max(0, ...shown.map((epoch) => epoch + 1)),
      wallOffsetMs: clock.nowMs() - machine.nowMs(),
      restBlockedMs: this.restBlockedMs(),
    };
  }

  private restBlockedMs(): number {
    return this.parts.limiter.blockedForMs(this.context.clock.monotonicMs());
  }

  private processEnded(code: number | null, reason: string): void {
    this.hasEnded = true;
    this.follower.close();
    if (this.ended !== null) return this.ended();
    const way = code === 0 ? 'its process ended unasked' : `its process ended: ${reason}`;
    throw this.crashed ?? new ArbotError('ARB_FEED_PROCESS', way);
  }

  /** Everything but books goes on to the node's bus as it came. */
  private passOn(): void {
    const { exchange, trades, notice } = this.parts;
    this.hear('feedStatus', `feed.status.${exchange}`, {
      exchangeOf: (status) => status.exchange,
      act: ({ instrument, state }) => {
        if (instrument === undefined && state === 'stopped') this.saidStopped = true;
      },
    });
    this.hear('instrumentStateChanged', `feed.instrument.${exchange}`, {
      exchangeOf: ({ instrument }) => exchangeOf(instrument),
      act: (change) => notice?.(change),
    });
    this.hear('tradePrint', `md.trade.${exchange}.*`, {
      exchangeOf: ({ instrument }) => exchangeOf(instrument),
      act: (print) => trades?.(print),
    });
  }

  /** Of another exchange the process cannot know anything. */
  private hear<K extends MessageKind>(
    kind: K,
    subject: string,
    to: {
      readonly exchangeOf: (message: MessageOf<K>) => ExchangeId;
      readonly act: (message: MessageOf<K>) => void;
    },
  ): void {
    const { bus, exchange } = this.parts;
    const pass = this.context.guard(({ subject: heard, message, traceId }: Delivery<K>) => {
      const of = to.exchangeOf(message);
      if (of !== exchange) throw new ArbotError('ARB_FEED_PROCESS', `its process sent a ${kind} of ${of}`);
      to.act(message);
      bus.publish(heard, kind, message, { traceId });
    });
    this.bus.subscribe(subject, kind, pass);
  }

  private sayStopped(): void {
    const { bus, exchange } = this.parts;
    const { clock, ids } = this.context;
    const status = { exchange, state: 'stopped', reason: 'its process was killed', epoch: 0 } as const;
    bus.publish(
      subjectOf('feedStatus', exchange),
      'feedStatus',
      { ...status, atMs: clock.nowMs() },
      { traceId: ids.next('feed') },
    );
  }
}

const exchangeOf = (instrument: string): ExchangeId => instrument.slice(0, instrument.indexOf(':'));

/** The crash as it happened there, with the stack of there. */
function crashOf({ message, stack }: { readonly message: string; readonly stack: string }): Error {
  const error = new ArbotError('ARB_FEED_PROCESS', `its process crashed: ${message}`);
  error.stack = stack;
  return error;
}
