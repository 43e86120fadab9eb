import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { Bus } from '../ports/bus.js';
import { TRADE_LEASE, type Lease, type LeaseAnswer, type LeaseKey, type Leases } from '../ports/leases.js';
import type { TimerHandle, Timers } from '../ports/time.js';
import type { ActorBehaviour, ActorContext, ActorDefinition, StopReason } from '../runtime/actor.js';
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
  | { readonly kind: 'acquired'; readonly answer: LeaseAnswer; readonly asked: Moment }
  | { readonly kind: 'renewed'; readonly lease: Lease | null; readonly asked: Moment }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'doubted'; readonly fence: number }
  /** The fence may have come into force, or its deadline may have passed. */
  | { readonly kind: 'look' }
  | { readonly kind: 'announce' };

const MAILBOX = 256;
const HANDLER_TIMEOUT_MS = 5_000;
const ANNOUNCE_MS = 1_000;
const SOURCE = 'lease';

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
  private isAsking = false;
  private isHeld = false;
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
    });
    this.context.every('announce', ANNOUNCE_MS, { kind: 'announce' });
    this.announce();
    this.context.self.tell({ kind: 'work' });
  }

  handle(message: TradeLeaseMessage): void {
    switch (message.kind) {
      case 'work':
        return this.ask();
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
    await this.options.leases.release(key).catch((error: unknown) => {
      this.context.log.warn(
        { error: errorText(error) },
        'the lease was not given back; it expires by itself',
      );
    });
  }

  /** One question at a time; an answer that is lost is asked for again, which does no harm. */
  private ask(): void {
    if (this.isAsking) return;
    this.isAsking = true;
    const { leases, fence, holder, nonce, times } = this.options;
    const asked = fence.now();
    const failed = (error: unknown): TradeLeaseMessage => ({ kind: 'failed', error: errorText(error) });
    if (this.key !== null)
      return this.context.pipe(
        leases.renew(this.key),
        (lease) => ({ kind: 'renewed', lease, asked }),
        failed,
      );
    const { ttlMs, maxExpiryMs } = times;
    const succeeds = !this.process.hasHeld;
    const claim = { resource: TRADE_LEASE, holder, nonce, ttlMs, maxExpiryMs, succeeds };
    this.context.pipe(leases.acquire(claim), (answer) => ({ kind: 'acquired', answer, asked }), failed);
  }

  private acquired({ kind, lease }: LeaseAnswer, asked: Moment): void {
    this.isAsking = false;
    this.lastError = null;
    this.holder = lease.holder;
    if (kind === 'held') {
      this.reason = `${lease.holder} holds the lease of who may trade`;
      this.look();
      return this.later('work', this.options.times.retryMs);
    }
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
    fence.hold(lease.fence, from, after(asked, leftMs));
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
    this.look();
  }

  /** Tells once when the fence is there or gone. */
  private look(): void {
    const isHeld = this.options.fence.current() !== null;
    if (isHeld === this.isHeld) return;
    this.isHeld = isHeld;
    if (isHeld) this.context.log.info({ fence: this.key?.fence }, 'this node may trade');
    else {
      if (this.key !== null)
        this.reason = `the lease of who may trade was not renewed in time: ${this.lastError ?? 'no answer'}`;
      this.context.log.warn({ reason: this.reason }, 'no new risk: the lease of who may trade is not held');
    }
    this.announce();
  }

  /** Again and again, so that a gate that started later knows too. */
  private announce(): void {
    const reason = this.isHeld ? '' : this.reason.slice(0, 300);
    const body = { source: SOURCE, held: !this.isHeld, reason, atMs: this.context.clock.nowMs() };
    this.options.bus.publish(subjectOf('riskHold'), 'riskHold', body, { traceId: SOURCE });
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
      reason: this.isHeld ? '' : this.reason,
      ...this.counts,
      lastError: this.lastError,
    };
  }
}

const after = ({ monotonicMs, wallMs }: Moment, ms: number): Moment => ({
  monotonicMs: monotonicMs + ms,
  wallMs: wallMs + ms,
});
