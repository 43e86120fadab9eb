import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { Bus } from '../ports/bus.js';
import {
  TRADE_LEASE,
  type Lease,
  type LeaseAnswer,
  type LeaseClaim,
  type LeaseKey,
  type Leases,
} from '../ports/leases.js';
import type { TimerHandle, Timers } from '../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, StopReason } from '../runtime/actor.js';
import { LeaseWatch } from './lease-watch.js';
import type { Moment, TradeFence } from './trade-fence.js';

/**
 * Keeps the lease `trade` for this process and hands out its fence (ACTORS §7). Without it nothing new is risked: the gate
 * is told to hold and the fence is gone, until the lease is acquired again, by itself. Its times are the machine's, since
 * the lease is the store's, whatever the pace of the market is.
 */
export interface TradeLeaseOptions {
  readonly bus: Bus;
  readonly leases: Leases;
  readonly fence: TradeFence;
  readonly timers: Timers;
  /** The node's name. */
  readonly holder: string;
  /** One per process, 32 hex digits: an actor that starts anew finds its own lease again. */
  readonly nonce: string;
  readonly times: LeaseTimes;
  /** Of a node that is one of several that may trade; null or absent = it is alone. */
  readonly candidacy?: Candidacy | null;
}

/** What a node does that stands by until the lease is its own. */
export interface Candidacy {
  /** How long to leave what may be taken to nodes that are preferred, ms. */
  readonly patienceMs: () => number;
  /** What spends may run, or must end: its gateways keep no private streams while another node has the lease. */
  readonly onKept: (isKept: boolean) => void;
  /** It was given back: others need not wait to look. */
  readonly onReleased: () => void;
}

export interface LeaseTimes {
  readonly ttlMs: number;
  /** Pause between renewals, and between tries while the store is away or somebody else has the lease. */
  readonly renewMs: number;
  readonly retryMs: number;
  /** Given up this much before the store would. */
  readonly marginMs: number;
  /** Longest request expiry of the orders that leave here; 0 in paper, where nothing outlives its process. */
  readonly maxExpiryMs: number;
  /** Skew of clocks that a former holder's requests have to be waited beyond. */
  readonly skewMs: number;
}

export const LEASE_TIMES: LeaseTimes = {
  ttlMs: 5_000,
  renewMs: 1_500,
  retryMs: 500,
  marginMs: 250,
  maxExpiryMs: 0,
  skewMs: 250,
};

export type TradeLeaseMessage =
  | { readonly kind: 'work' }
  | { readonly kind: 'seen'; readonly lease: Lease | null }
  | { readonly kind: 'acquired'; readonly answer: LeaseAnswer; readonly asked: Moment }
  | { readonly kind: 'renewed'; readonly lease: Lease | null; readonly asked: Moment }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'doubted'; readonly fence: number }
  /** The fence may have come into force, or its deadline may have passed. */
  | { readonly kind: 'look' }
  /** The node stops, or gives its work away: see `Retirement`. */
  | { readonly kind: 'retire'; readonly step: Retirement }
  | { readonly kind: 'announce' };

/**
 * Giving a lease back in order (ACTORS §7.3). `hold`: nothing new is risked, what is under way goes on under the fence, which is
 * renewed. `silence`: nothing leaves any more, and answers are awaited. `abandon`: not all came in time, so the lease is not
 * given back: it runs out, and its successor waits as for one that died.
 */
export type Retirement = 'hold' | 'silence' | 'abandon';

const MAILBOX = 256;
const HANDLER_TIMEOUT_MS = 5_000;
const ANNOUNCE_MS = 1_000;
export const LEASE_HOLD = 'lease';

export function tradeLeaseActor(options: TradeLeaseOptions): ActorDefinition<TradeLeaseMessage> {
  // Of the process: later incarnations of the actor have held it before.
  const process = { hasHeld: false };
  return {
    kind: 'lease',
    mailbox: { capacity: MAILBOX, policyOf: () => ({ kind: 'reject' }) },
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
    create: (context) => {
      const keeper = new TradeLease(options, context, process);
      keeper.begin();
      return keeper;
    },
  };
}

class TradeLease implements ActorBehaviour<TradeLeaseMessage> {
  private readonly options: TradeLeaseOptions;
  private readonly context: ActorContext<TradeLeaseMessage>;
  private readonly process: { hasHeld: boolean };
  private readonly timers = new Map<'work' | 'look', TimerHandle>();
  private key: LeaseKey | null = null;
  /** When the former holder's requests are over. */
  private from: Moment | null = null;
  private until: Moment | null = null;
  private readonly watch = new LeaseWatch();
  /** Since when a lease that may be taken is left to others. */
  private leftSinceMs: number | null = null;
  private retirement: Retirement | null = null;
  private isAsking = false;
  private isHeld = false;
  private isKept = false;
  private reason = 'the lease of who may trade is not acquired yet';
  private holder: string | null = null;
  private readonly counts = { acquired: 0, renewed: 0, lost: 0, failed: 0 };
  private lastError: string | null = null;

  constructor(
    options: TradeLeaseOptions,
    context: ActorContext<TradeLeaseMessage>,
    process: { hasHeld: boolean },
  ) {
    this.options = options;
    this.context = context;
    this.process = process;
  }

  begin(): void {
    const { fence } = this.options;
    fence.drop();
    fence.onDoubt((doubted) => void this.context.self.tell({ kind: 'doubted', fence: doubted }));
    this.context.onEnd(() => {
      for (const timer of this.timers.values()) this.options.timers.clearTimer(timer);
      fence.onDoubt(() => undefined);
      fence.drop();
      this.keep(false);
    });
    this.listen();
    this.context.every('announce', ANNOUNCE_MS, { kind: 'announce' });
    this.announce();
    this.context.self.tell({ kind: 'work' });
  }

  /** A holder that gave the lease back says so before anybody has looked. */
  private listen(): void {
    if (this.candidacy === null) return;
    const heard = this.options.bus.subscribe('cluster.node.*', 'nodeAnnounced', ({ message }) => {
      if (message.node !== this.holder || message.trade?.held === true || this.key !== null) return;
      this.context.self.tell({ kind: 'work' });
    });
    this.context.onEnd(() => heard.unsubscribe());
  }

  private get candidacy(): Candidacy | null {
    return this.options.candidacy ?? null;
  }

  handle(message: TradeLeaseMessage): void {
    switch (message.kind) {
      case 'work':
        return this.ask();
      case 'seen':
        return this.seen(message.lease);
      case 'acquired':
        return this.acquired(message.answer, message.asked);
      case 'renewed':
        return this.renewed(message.lease, message.asked);
      case 'failed':
        return this.failed(message.error);
      case 'doubted':
        if (this.key?.fence === message.fence) this.lost(`the store refused fence ${message.fence}`);
        return this.ask();
      case 'look':
        return this.look();
      case 'retire':
        return this.retire(message.step);
      case 'announce':
        this.look();
        return this.announce();
    }
  }

  /** An ordered end gives the lease back: what spends has stopped before. */
  async stopping(reason: StopReason): Promise<void> {
    const { key } = this;
    this.options.fence.drop();
    if (key === null || reason !== 'shutdown') return;
    await this.options.leases.release(key).then(
      () => this.candidacy?.onReleased(),
      (error: unknown) => {
        this.context.log.warn(
          { error: errorText(error) },
          'the lease was not given back; it expires by itself',
        );
      },
    );
  }

  private retire(step: Retirement): void {
    this.retirement = step;
    this.reason = 'this node gives back the lease of who may trade';
    if (step !== 'hold') this.options.fence.drop();
    if (step === 'abandon') this.key = null;
    this.look();
    this.announce();
  }

  /** One question at a time; an answer that is lost is asked for again, which does no harm. */
  private ask(): void {
    if (this.isAsking || (this.key === null && this.retirement !== null)) return;
    this.isAsking = true;
    const { leases, fence } = this.options;
    const asked = fence.now();
    if (this.key !== null)
      return this.context.pipe(
        leases.renew(this.key),
        (lease) => ({ kind: 'renewed', lease, asked }),
        failedOf,
      );
    if (this.candidacy === null) return this.acquire(undefined);
    this.context.pipe(leases.current(TRADE_LEASE), (lease) => ({ kind: 'seen', lease }), failedOf);
  }

  private acquire(watched: LeaseClaim['watched']): void {
    this.isAsking = true;
    const { leases, fence, holder, nonce, times } = this.options;
    const { ttlMs, maxExpiryMs } = times;
    const asked = fence.now();
    const succeeds = !this.process.hasHeld;
    const claim = { resource: TRADE_LEASE, holder, nonce, ttlMs, maxExpiryMs, succeeds, watched };
    this.context.pipe(leases.acquire(claim), (answer) => ({ kind: 'acquired', answer, asked }), failedOf);
  }

  /** One of several looks before it asks: what it may take is decided here, and the store checks that it is still so. */
  private seen(lease: Lease | null): void {
    this.isAsking = false;
    this.lastError = null;
    this.holder = lease?.holder ?? null;
    const { nonce, holder, times } = this.options;
    const nowMs = this.options.fence.now().monotonicMs;
    // Its own, of an incarnation or a minute before: nobody else believes in it.
    if (lease !== null && lease.nonce === nonce)
      return this.acquire(lease.leftMs > 0 ? null : countersOf(lease));
    const sight = this.watch.see(lease, nowMs);
    if (sight.kind === 'held') {
      this.leftSinceMs = null;
      // A former process of this node may be known to be gone.
      if (lease?.holder === holder && !this.process.hasHeld) return this.acquire(null);
      return this.standBy(Math.min(times.retryMs, sight.dueInMs));
    }
    this.leftSinceMs ??= nowMs;
    const patienceMs = this.leftSinceMs + (this.candidacy?.patienceMs() ?? 0) - nowMs;
    if (patienceMs > 0) return this.standBy(Math.min(times.retryMs, patienceMs));
    this.acquire(sight.kind === 'silent' ? countersOf(sight) : null);
  }

  private standBy(againMs: number): void {
    this.reason =
      this.holder === null
        ? 'the lease of who may trade is left to a node that is preferred'
        : `${this.holder} holds the lease of who may trade`;
    this.look();
    this.later('work', Math.ceil(againMs));
  }

  private acquired({ kind, lease }: LeaseAnswer, asked: Moment): void {
    this.isAsking = false;
    this.lastError = null;
    this.holder = lease.holder;
    if (kind === 'held') return this.standBy(this.options.times.retryMs);
    this.watch.forget();
    this.leftSinceMs = null;
    this.options.fence.acquired(asked, lease.formerExpiryMs === 0);
    this.process.hasHeld = true;
    this.counts.acquired++;
    this.key = { resource: TRADE_LEASE, fence: lease.fence, nonce: this.options.nonce };
    this.context.log.info(
      { fence: lease.fence, waitMs: this.waitMs(lease) },
      'the lease of who may trade is acquired',
    );
    this.extend(lease, asked, this.waitMs(lease));
  }

  private renewed(lease: Lease | null, asked: Moment): void {
    this.isAsking = false;
    this.lastError = null;
    // Refused meanwhile: what it answers is about a fence that is not used any more.
    if (this.key === null) return this.later('work', 0);
    if (lease === null) {
      this.lost('the lease of who may trade expired or was taken over');
      return this.later('work', 0);
    }
    this.counts.renewed++;
    this.extend(lease, asked, 0);
  }

  /** A former holder's requests may still be on their way for as long as they are valid (ACTORS §7.5). */
  private waitMs({ formerExpiryMs }: Lease): number {
    return formerExpiryMs > 0 ? formerExpiryMs + this.options.times.skewMs : 0;
  }

  /** Counted from before the question left, so that the belief in the lease ends before the lease does. */
  private extend(lease: Lease, asked: Moment, waitMs: number): void {
    const { fence, times } = this.options;
    const leftMs = lease.leftMs - times.marginMs;
    const earliest = after(asked, waitMs);
    const from = this.from !== null && this.from.monotonicMs > earliest.monotonicMs ? this.from : earliest;
    this.from = from;
    this.until = after(asked, leftMs);
    if (this.retirement === null || this.retirement === 'hold') fence.hold(lease.fence, from, this.until);
    this.keep(true);
    const nowMs = fence.now().monotonicMs;
    const turnMs = nowMs < from.monotonicMs ? from.monotonicMs - nowMs : leftMs;
    this.later('look', Math.max(0, turnMs) + 1);
    this.later('work', times.renewMs);
    this.look();
  }

  /** Away: what is held stays held until its deadline. */
  private failed(error: string): void {
    this.isAsking = false;
    this.counts.failed++;
    this.lastError = error;
    if (this.key === null) this.reason = `the lease of who may trade cannot be asked for: ${error}`;
    this.look();
    this.later('work', this.options.times.retryMs);
  }

  private lost(reason: string): void {
    this.counts.lost++;
    this.key = null;
    this.from = null;
    this.reason = reason;
    this.options.fence.drop();
    this.keep(false);
    this.look();
  }

  private keep(isKept: boolean): void {
    if (this.isKept === isKept) return;
    this.isKept = isKept;
    this.candidacy?.onKept(isKept);
  }

  private get isOver(): boolean {
    const { monotonicMs, wallMs } = this.options.fence.now();
    return this.until !== null && (monotonicMs >= this.until.monotonicMs || wallMs >= this.until.wallMs);
  }

  /** Tells once when the fence is there or gone. */
  private look(): void {
    if (this.isOver) this.keep(false);
    const isHeld = this.options.fence.current() !== null;
    if (isHeld === this.isHeld) return;
    this.isHeld = isHeld;
    if (isHeld) this.context.log.info({ fence: this.key?.fence }, 'this node may trade');
    else {
      if (this.key !== null && this.retirement === null)
        this.reason = `the lease of who may trade was not renewed in time: ${this.lastError ?? 'no answer'}`;
      this.context.log.warn({ reason: this.reason }, 'no new risk: the lease of who may trade is not held');
    }
    this.tell();
  }

  /** Again and again, so that a gate that started later knows too. A node that stands by has no gate. */
  private announce(): void {
    if (this.candidacy === null || this.isKept) this.tell();
  }

  private tell(): void {
    const isHolding = !this.isHeld || this.retirement !== null;
    const reason = isHolding ? this.reason.slice(0, 300) : '';
    const body = { source: LEASE_HOLD, held: isHolding, reason, atMs: this.context.clock.nowMs() };
    this.options.bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: LEASE_HOLD });
  }

  private later(name: 'work' | 'look', delayMs: number): void {
    const { timers } = this.options;
    const pending = this.timers.get(name);
    if (pending !== undefined) timers.clearTimer(pending);
    this.timers.set(
      name,
      timers.setTimer(() => void this.context.self.tell({ kind: name }), delayMs),
    );
  }

  summary() {
    return {
      resource: TRADE_LEASE,
      held: this.options.fence.current() !== null,
      fence: this.key?.fence ?? null,
      holder: this.isHeld ? this.options.holder : this.holder,
      kept: this.isKept,
      reason: this.isHeld ? '' : this.reason,
      ...this.counts,
      lastError: this.lastError,
    };
  }
}

const countersOf = ({ fence, renewals }: { readonly fence: number; readonly renewals: number }) => ({
  fence,
  renewals,
});

const failedOf = (error: unknown): TradeLeaseMessage => ({ kind: 'failed', error: errorText(error) });

const after = ({ monotonicMs, wallMs }: Moment, ms: number): Moment => ({
  monotonicMs: monotonicMs + ms,
  wallMs: wallMs + ms,
});
