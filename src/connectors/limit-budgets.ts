/** One call budget of an exchange as data, and how much of it is spent; pure over the caller's monotonic time. */

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

/** How much of one budget is spent, with the time that has passed, and how much is held for calls on their way. */
export interface Budget {
  readonly name: string;
  readonly capacity: number;
  /** Milliseconds until `cost` fits under `limitShare` of the capacity; 0 = now, Infinity = never. */
  waitMs(cost: number, limitShare: number, nowMs: number): number;
  spend(cost: number, nowMs: number): void;
  /** Takes `cost` out of the budget without letting it age. */
  hold(cost: number): void;
  /** What was held is spent now: the exchange counted it at this moment at the latest. */
  settle(cost: number, nowMs: number): void;
  /** The exchange's own count: ours follows when it is higher. */
  raiseTo(used: number, nowMs: number): void;
}

export function budgetOf(scheme: LimitScheme): Budget {
  return scheme.kind === 'window' ? new WindowBudget(scheme) : new BucketBudget(scheme);
}

const SLICES = 10;

/** Sliding window in ten slices: spent cost falls out slice by slice, never earlier than the window. */
class WindowBudget implements Budget {
  readonly name: string;
  readonly capacity: number;
  private readonly sliceMs: number;
  private readonly slices = new Float64Array(SLICES + 1);
  private current = 0;
  private held = 0;

  constructor(scheme: Extract<LimitScheme, { kind: 'window' }>) {
    this.name = scheme.name;
    this.capacity = scheme.capacity;
    this.sliceMs = scheme.windowMs / SLICES;
  }

  waitMs(cost: number, limitShare: number, nowMs: number): number {
    this.advance(nowMs);
    const limit = this.capacity * limitShare;
    if (cost > limit) return Infinity;
    let used = this.used();
    if (used + cost <= limit) return 0;
    for (let age = SLICES; age >= 0; age--) {
      used -= this.slices[this.indexOf(this.current - age)]!;
      if (used + cost <= limit) {
        return Math.max(1, (this.current - age + this.slices.length) * this.sliceMs - nowMs);
      }
    }
    // What is held ends with an answer, nobody knows when.
    return this.sliceMs;
  }

  spend(cost: number, nowMs: number): void {
    this.advance(nowMs);
    this.slices[this.indexOf(this.current)]! += cost;
  }

  hold(cost: number): void {
    this.held += cost;
  }

  settle(cost: number, nowMs: number): void {
    this.held = Math.max(0, this.held - cost);
    this.spend(cost, nowMs);
  }

  raiseTo(used: number, nowMs: number): void {
    this.advance(nowMs);
    const own = this.used();
    if (used > own) this.slices[this.indexOf(this.current)]! += used - own;
  }

  private used(): number {
    return this.slices.reduce((sum, slice) => sum + slice, this.held);
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
  readonly capacity: number;
  private readonly refillPerMs: number;
  private tokens: number;
  private held = 0;
  private atMs = -Infinity;

  constructor(scheme: Extract<LimitScheme, { kind: 'bucket' }>) {
    this.name = scheme.name;
    this.capacity = scheme.capacity;
    this.refillPerMs = scheme.refillPerSecond / 1000;
    this.tokens = scheme.capacity;
  }

  waitMs(cost: number, limitShare: number, nowMs: number): number {
    this.refill(nowMs);
    const own = cost + this.capacity * (1 - limitShare);
    if (own > this.capacity) return Infinity;
    const missing = own + this.held - this.tokens;
    return missing <= 0 ? 0 : Math.max(1, missing / this.refillPerMs);
  }

  spend(cost: number, nowMs: number): void {
    this.refill(nowMs);
    this.tokens -= cost;
  }

  hold(cost: number): void {
    this.held += cost;
  }

  settle(cost: number, nowMs: number): void {
    this.held = Math.max(0, this.held - cost);
    this.spend(cost, nowMs);
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
