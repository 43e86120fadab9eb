/**
 * Call budgets of an exchange, pure over the caller's monotonic time. Each exchange's budgets are data; one limiter holds
 * all budgets that a call draws on, and is shared by market data and orders, so that a share stays for cancels and hedges.
 */

export type LimitScheme =
  /** At most `capacity` units of cost within any `windowMs`: request counts and weights. */
  | { readonly kind: 'window'; readonly name: string; readonly capacity: number; readonly windowMs: number }
  /** A bucket of `capacity` that refills evenly. */
  | {
      readonly kind: 'bucket';
      readonly name: string;
      readonly capacity: number;
      readonly refillPerSecond: number;
    };

/** `urgent` may spend the reserve: cancels and hedges. */
export type CallPriority = 'normal' | 'urgent';

export interface RateLimiterOptions {
  /** 0..1: share of every budget that `normal` calls leave alone. */
  readonly reserve: number;
  /** How long to stop when the exchange says "too fast" without saying for how long. */
  readonly defaultPauseMs: number;
}

export const DEFAULT_LIMITER: RateLimiterOptions = { reserve: 0.2, defaultPauseMs: 60_000 };

/** How much of one budget is spent, with the time that has passed. */
interface Budget {
  readonly name: string;
  /** Milliseconds until `cost` fits under `limit`; 0 = now. */
  waitMs(cost: number, limitShare: number, nowMs: number): number;
  spend(cost: number, nowMs: number): void;
  /** The exchange's own count: ours follows when it is higher. */
  raiseTo(used: number, nowMs: number): void;
}

const SLICES = 10;

/** Sliding window in ten slices: spent cost falls out slice by slice, never earlier than the window. */
class WindowBudget implements Budget {
  readonly name: string;
  private readonly capacity: number;
  private readonly sliceMs: number;
  private readonly slices = new Float64Array(SLICES + 1);
  private current = 0;

  constructor(scheme: Extract<LimitScheme, { kind: 'window' }>) {
    this.name = scheme.name;
    this.capacity = scheme.capacity;
    this.sliceMs = scheme.windowMs / SLICES;
  }

  waitMs(cost: number, limitShare: number, nowMs: number): number {
    this.advance(nowMs);
    let used = this.slices.reduce((sum, slice) => sum + slice, 0);
    const limit = this.capacity * limitShare;
    if (used + cost <= limit) return 0;
    for (let age = SLICES; age >= 0; age--) {
      used -= this.slices[this.indexOf(this.current - age)]!;
      if (used + cost <= limit) {
        return Math.max(1, (this.current - age + this.slices.length) * this.sliceMs - nowMs);
      }
    }
    return Infinity;
  }

  spend(cost: number, nowMs: number): void {
    this.advance(nowMs);
    this.slices[this.indexOf(this.current)]! += cost;
  }

  raiseTo(used: number, nowMs: number): void {
    this.advance(nowMs);
    const own = this.slices.reduce((sum, slice) => sum + slice, 0);
    if (used > own) this.slices[this.indexOf(this.current)]! += used - own;
  }

  private indexOf(slice: number): number {
    const length = this.slices.length;
    return ((slice % length) + length) % length;
  }

  private advance(nowMs: number): void {
    const slice = Math.floor(nowMs / this.sliceMs);
    const steps = Math.min(slice - this.current, this.slices.length);
    for (let i = 1; i <= steps; i++) this.slices[this.indexOf(slice - steps + i)] = 0;
    if (slice > this.current) this.current = slice;
  }
}

class BucketBudget implements Budget {
  readonly name: string;
  private readonly capacity: number;
  private readonly refillPerMs: number;
  private tokens: number;
  private atMs = -Infinity;

  constructor(scheme: Extract<LimitScheme, { kind: 'bucket' }>) {
    this.name = scheme.name;
    this.capacity = scheme.capacity;
    this.refillPerMs = scheme.refillPerSecond / 1000;
    this.tokens = scheme.capacity;
  }

  waitMs(cost: number, limitShare: number, nowMs: number): number {
    this.refill(nowMs);
    const needed = cost + this.capacity * (1 - limitShare);
    if (this.tokens >= needed) return 0;
    return needed > this.capacity ? Infinity : Math.max(1, (needed - this.tokens) / this.refillPerMs);
  }

  spend(cost: number, nowMs: number): void {
    this.refill(nowMs);
    this.tokens -= cost;
  }

  raiseTo(used: number, nowMs: number): void {
    this.refill(nowMs);
    this.tokens = Math.min(this.tokens, this.capacity - used);
  }

  private refill(nowMs: number): void {
    if (nowMs <= this.atMs) return;
    const passed = this.atMs === -Infinity ? 0 : nowMs - this.atMs;
    this.tokens = Math.min(this.capacity, this.tokens + passed * this.refillPerMs);
    this.atMs = nowMs;
  }
}

export class RateLimiter {
  private readonly budgets = new Map<string, Budget>();
  private readonly options: RateLimiterOptions;
  private blockedUntil = -Infinity;
  private blocks = 0;

  constructor(schemes: readonly LimitScheme[], options: RateLimiterOptions = DEFAULT_LIMITER) {
    this.options = options;
    for (const scheme of schemes) {
      this.budgets.set(
        scheme.name,
        scheme.kind === 'window' ? new WindowBudget(scheme) : new BucketBudget(scheme),
      );
    }
  }

  /**
   * Spends `costs` (by scheme name) when all of them fit, and answers 0; else spends nothing and answers the ms to wait.
   * Costs of unknown schemes are free. `Infinity`: it can never fit.
   */
  tryAcquire(
    costs: Readonly<Record<string, number>>,
    nowMs: number,
    priority: CallPriority = 'normal',
  ): number {
    if (nowMs < this.blockedUntil) return this.blockedUntil - nowMs;
    const share = priority === 'urgent' ? 1 : 1 - this.options.reserve;
    let wait = 0;
    for (const [name, cost] of Object.entries(costs)) {
      wait = Math.max(wait, this.budgets.get(name)?.waitMs(cost, share, nowMs) ?? 0);
    }
    if (wait > 0) return wait;
    for (const [name, cost] of Object.entries(costs)) this.budgets.get(name)?.spend(cost, nowMs);
    return 0;
  }

  /**
   * Learns from an HTTP answer: 429 and 418 (and 403, which Bybit and Binance's firewall use) stop every call until the time
   * the exchange names (PROTOCOLS §12 trap 15). Returns the ms of the pause, 0 = none.
   */
  observe(status: number, headers: Readonly<Record<string, string>>, nowMs: number): number {
    const weight = Number(headers['x-mbx-used-weight-1m']);
    if (weight > 0) this.budgets.get('weight')?.raiseTo(weight, nowMs);
    if (status !== 429 && status !== 418 && status !== 403) return 0;
    return this.pause(
      retryAfterMs(headers) ?? this.options.defaultPauseMs * (status === 429 ? 1 : 10),
      nowMs,
    );
  }

  /** Stops every call for so long, e.g. after a "too fast" inside an ordinary answer. */
  pause(durationMs: number, nowMs: number): number {
    this.blockedUntil = Math.max(this.blockedUntil, nowMs + durationMs);
    this.blocks++;
    return durationMs;
  }

  /** True while the exchange wants silence. */
  isBlocked(nowMs: number): boolean {
    return nowMs < this.blockedUntil;
  }

  /** How often the exchange asked for silence. */
  get timesBlocked(): number {
    return this.blocks;
  }
}

/** `Retry-After` in seconds; dates and rubbish are not trusted. At most three days, Binance's longest ban. */
function retryAfterMs(headers: Readonly<Record<string, string>>): number | null {
  const text = headers['retry-after'];
  if (text === undefined || !/^\d{1,9}(?:\.\d{1,3})?$/.test(text)) return null;
  return Math.min(Math.max(Number(text), 1), 3 * 86_400) * 1000;
}
