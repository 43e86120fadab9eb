import type { Lease } from '../ports/leases.js';

/**
 * How a node that stands by knows that the holder of a lease is gone (ACTORS §7.3): the holder's counters have not changed
 * for longer than the lease lives, on the watcher's own monotonic clock. No other clock is asked, so none can be wrong; only
 * the rate of two clocks must agree within 1 %.
 */
const DRIFT = 0.01;
const SLACK_MS = 100;

export type LeaseSight =
  /** Nobody holds it. */
  | { readonly kind: 'free' }
  /** Its holder was silent for too long. */
  | { readonly kind: 'silent'; readonly fence: number; readonly renewals: number }
  /** Its holder lives, as far as one knows; look again then at the latest. */
  | { readonly kind: 'held'; readonly dueInMs: number };

export class LeaseWatch {
  private seen: { readonly key: string; readonly sinceMs: number } | null = null;

  /** `nowMs` is read after the answer came: what it says was true before. */
  see(lease: Lease | null, nowMs: number): LeaseSight {
    if (lease === null || lease.nonce === null) {
      this.seen = null;
      return { kind: 'free' };
    }
    const { fence, renewals, nonce, ttlMs } = lease;
    const key = `${fence}:${renewals}:${nonce}`;
    if (this.seen?.key !== key) this.seen = { key, sinceMs: nowMs };
    const dueInMs = this.seen.sinceMs + ttlMs * (1 + DRIFT) + SLACK_MS - nowMs;
    return dueInMs <= 0 ? { kind: 'silent', fence, renewals } : { kind: 'held', dueInMs };
  }

  /** What was seen before counts no more, e.g. because this process held it itself. */
  forget(): void {
    this.seen = null;
  }
}
