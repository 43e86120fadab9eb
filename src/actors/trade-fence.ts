import type { Clock } from '../ports/time.js';

/** A moment on both clocks; a deadline has passed when either clock says so (RELIABILITY §4.2). */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * The fence this process may journal under, shared by the lease's keeper, which alone writes it, with whoever is about to
 * spend. It is asked at the last instant: between two renewals the deadline passes by itself.
 */
export class TradeFence {
  private readonly clock: Clock;
  private held: { readonly fence: number; readonly from: Moment; readonly until: Moment } | null = null;
  /** When this process took over from one that had not given back what it held; null = it need not be waited for. */
  private tookOver: Moment | null = null;
  private doubted: (fence: number) => void = () => undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): Moment {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.nowMs() };
  }

  /** Null = this process may not spend. */
  current(): number | null {
    return this.leftMs() === null ? null : this.held!.fence;
  }

  /** For how long it may still spend, by the clock that says less; null = it may not. */
  leftMs(): number | null {
    const { held } = this;
    if (held === null) return null;
    const { monotonicMs, wallMs } = this.now();
    const leftMs = Math.min(held.until.monotonicMs - monotonicMs, held.until.wallMs - wallMs);
    return monotonicMs < held.from.monotonicMs || leftMs <= 0 ? null : leftMs;
  }

  hold(fence: number, from: Moment, until: Moment): void {
    this.held = { fence, from, until };
  }

  /** Told by the keeper with each acquisition. */
  acquired(at: Moment, isClean: boolean): void {
    this.tookOver = isClean ? null : at;
  }

  /** How long a request of the former holder may still be acted on, where requests live for `lifeMs`; 0 = not any more. */
  formerMayActMs(lifeMs: number): number {
    if (this.tookOver === null) return 0;
    return Math.max(0, this.tookOver.monotonicMs + lifeMs - this.clock.monotonicMs());
  }

  drop(): void {
    this.held = null;
  }

  /** The store refused this fence: nothing goes under it any more, and the keeper looks at once. */
  refused(fence: number): void {
    if (this.held?.fence === fence) this.drop();
    this.doubted(fence);
  }

  /** One listener: the keeper. */
  onDoubt(listener: (fence: number) => void): void {
    this.doubted = listener;
  }
}
