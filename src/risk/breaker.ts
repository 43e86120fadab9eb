import { Decimal, ONE, ZERO } from '../market/decimal.js';
import type { DecimalText } from '../messages/primitives.js';

/**
 * A circuit breaker (reference §5, `breaker`). CLOSED lets pass and counts; OPEN lets nothing pass until its cool-down is
 * over; HALF_OPEN lets small probes pass: enough successes close it, one failure opens it for longer. A latched one is
 * closed by a person only.
 */
export interface BreakerLimits {
  /** So many losing results one after the other open it; null = losses are not counted here. */
  readonly maxConsecutiveLosses: number | null;
  /** Share of the peak of the equity it is told of that opens and latches it; null = not judged here. */
  readonly maxDrawdown: DecimalText | null;
  readonly errorWindowMs: number;
  /** Calls in the window below which their error rate says nothing. */
  readonly minCalls: number;
  /** Share of failed calls that opens it; equal is enough. */
  readonly errorRate: number;
  readonly cooldownMs: number;
  /** What a failed probe multiplies the cool-down by … */
  readonly backoffFactor: number;
  /** … up to this. */
  readonly maxCooldownMs: number;
  /** Successes in a row that close it again. */
  readonly halfOpenProbes: number;
  /** Size of a probe, share of the ordinary limit. */
  readonly probeSizeFactor: DecimalText;
}

export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

export type BreakerEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'pnl'; readonly value: Decimal }
  | { readonly kind: 'call'; readonly ok: boolean }
  /** Something outside saw a danger; `reason` is its name. */
  | { readonly kind: 'signal'; readonly reason: string }
  | { readonly kind: 'trip' }
  | { readonly kind: 'reset' };

/** A breaker as it is kept over a restart; calls in the window are forgotten. */
export interface BreakerRecord {
  readonly state: BreakerState;
  readonly reason: string | null;
  readonly latched: boolean;
  readonly openedAtMs: number;
  readonly cooldownMs: number;
}

const MAX_CALLS = 1_024;

export class Breaker {
  private limits: BreakerLimits;
  private state: BreakerState = 'CLOSED';
  private reason: string | null = null;
  private latched = false;
  private openedAtMs = 0;
  private cooldownMs: number;
  private losses = 0;
  private probes = 0;
  private calls: { readonly atMs: number; readonly ok: boolean }[] = [];
  private equity: Decimal;
  private peak: Decimal;

  constructor(limits: BreakerLimits, equity: Decimal = ZERO) {
    this.limits = limits;
    this.cooldownMs = limits.cooldownMs;
    this.equity = equity;
    this.peak = equity;
  }

  /** Other limits from now on; where it stands, it stays. */
  setLimits(limits: BreakerLimits): void {
    this.limits = limits;
    if (this.state === 'CLOSED') this.cooldownMs = limits.cooldownMs;
  }

  get record(): BreakerRecord {
    const { state, reason, latched, openedAtMs, cooldownMs } = this;
    return { state, reason, latched, openedAtMs, cooldownMs };
  }

  restore(record: BreakerRecord): void {
    this.state = record.state;
    this.reason = record.reason;
    this.latched = record.latched;
    this.openedAtMs = record.openedAtMs;
    this.cooldownMs = record.cooldownMs;
  }

  get isClosed(): boolean {
    return this.state === 'CLOSED';
  }

  get allowsTrades(): boolean {
    return this.state !== 'OPEN';
  }

  /** Share of the ordinary size that may go: 1, the size of a probe, or 0. */
  get sizeFactor(): Decimal {
    if (this.state === 'CLOSED') return ONE;
    return this.state === 'OPEN' ? ZERO : new Decimal(this.limits.probeSizeFactor);
  }

  /** What it would open by, for whoever looks at it. */
  get counts(): { readonly losses: number; readonly calls: number; readonly failed: number } {
    const failed = this.calls.filter(({ ok }) => !ok).length;
    return { losses: this.losses, calls: this.calls.length, failed };
  }

  step(event: BreakerEvent, nowMs: number): void {
    if (this.state === 'OPEN' && !this.latched && nowMs >= this.openedAtMs + this.cooldownMs) {
      this.state = 'HALF_OPEN';
      this.probes = 0;
    }
    switch (event.kind) {
      case 'tick':
        return this.forgetCalls(nowMs);
      case 'pnl':
        return this.onPnl(event.value, nowMs);
      case 'call':
        return this.onCall(event.ok, nowMs);
      case 'signal':
        return this.onSignal(event.reason, nowMs);
      case 'trip':
        return this.open('manual', nowMs, true);
      case 'reset':
        this.peak = this.equity;
        return this.close();
    }
  }

  private onPnl(value: Decimal, nowMs: number): void {
    this.equity = this.equity.plus(value);
    this.peak = Decimal.max(this.peak, this.equity);
    if (this.latched) return;
    if (this.isDrawnDown()) return this.open('drawdown', nowMs, true);
    if (this.state === 'HALF_OPEN') return this.probed(value.gte(0), nowMs);
    if (this.state === 'OPEN') return;
    this.losses = value.lt(0) ? this.losses + 1 : 0;
    const { maxConsecutiveLosses } = this.limits;
    if (maxConsecutiveLosses !== null && this.losses >= maxConsecutiveLosses)
      this.open('consecutive_losses', nowMs, false);
  }

  private isDrawnDown(): boolean {
    const { maxDrawdown } = this.limits;
    if (maxDrawdown === null || !this.peak.gt(0)) return false;
    return this.peak.minus(this.equity).div(this.peak).gte(maxDrawdown);
  }

  private onCall(ok: boolean, nowMs: number): void {
    if (this.state === 'HALF_OPEN') return this.probed(ok, nowMs);
    if (this.state === 'OPEN') return;
    this.calls.push({ atMs: nowMs, ok });
    if (this.calls.length > MAX_CALLS) this.calls.shift();
    this.forgetCalls(nowMs);
    const { calls, failed } = this.counts;
    const { minCalls, errorRate } = this.limits;
    if (calls >= minCalls && failed / calls >= errorRate) this.open('error_rate', nowMs, false);
  }

  private onSignal(reason: string, nowMs: number): void {
    if (this.latched) return;
    // While open a new danger only starts the clock again.
    if (this.state === 'OPEN') this.openedAtMs = nowMs;
    else this.open(reason, nowMs, false);
  }

  private probed(ok: boolean, nowMs: number): void {
    if (!ok) return this.open('probe_failed', nowMs, false);
    this.probes++;
    if (this.probes >= this.limits.halfOpenProbes) this.close();
  }

  private open(reason: string, nowMs: number, latched: boolean): void {
    const { backoffFactor, maxCooldownMs } = this.limits;
    if (this.state === 'HALF_OPEN')
      this.cooldownMs = Math.min(this.cooldownMs * backoffFactor, maxCooldownMs);
    this.state = 'OPEN';
    this.reason = reason;
    this.latched = latched;
    this.openedAtMs = nowMs;
    this.forget();
  }

  private close(): void {
    this.state = 'CLOSED';
    this.reason = null;
    this.latched = false;
    this.cooldownMs = this.limits.cooldownMs;
    this.forget();
  }

  private forget(): void {
    this.losses = 0;
    this.calls = [];
  }

  private forgetCalls(nowMs: number): void {
    const oldestMs = nowMs - this.limits.errorWindowMs;
    if (this.calls.length > 0 && this.calls[0]!.atMs <= oldestMs)
      this.calls = this.calls.filter(({ atMs }) => atMs > oldestMs);
  }
}
