import { errorText } from '../messages/errors.js';
import type { LeaseKey, Leases } from '../ports/leases.js';
import type { Clock } from '../ports/time.js';

/** One node tells alerts and listens to commands. No fence: a message twice does no harm (ACTORS §8). */
export const ALERTS_LEASE = 'alerts';
const TTL_MS = 15_000;
export const LEASE_PAUSE_MS = 5_000;
/** Given up this much before the store would. */
const MARGIN_MS = 500;

/**
 * `owner` tells and listens. `standby` keeps what is critical, until the owner has told it. `unsure`: nobody can say who owns alerts, so
 * everybody tells what is critical, and who was the last to own them goes on to listen.
 */
export type AlertsRole = 'waiting' | 'owner' | 'standby' | 'unsure';

export interface AlertsLeaseOptions {
  readonly leases: Leases;
  /** The machine's own. */
  readonly clock: Clock;
  /** The node's name. */
  readonly holder: string;
  /** One per process, 32 hex digits. */
  readonly nonce: string;
}

export class AlertsLease {
  private readonly options: AlertsLeaseOptions;
  private key: LeaseKey | null = null;
  private heldUntilMs = -Infinity;
  private hasHeld = false;
  /** The last one who was seen to hold it, and until when that is believed. */
  private other: { readonly holder: string; readonly untilMs: number } | null = null;
  private readonly sinceMs: number;
  lastError: string | null = null;

  constructor(options: AlertsLeaseOptions) {
    this.options = options;
    this.sinceMs = options.clock.monotonicMs();
  }

  role(): AlertsRole {
    const nowMs = this.options.clock.monotonicMs();
    if (this.key !== null && nowMs < this.heldUntilMs) return 'owner';
    if (this.other !== null && nowMs < this.other.untilMs) return 'standby';
    return nowMs - this.sinceMs < TTL_MS ? 'waiting' : 'unsure';
  }

  /** Who may read what people write: two at once take each other's messages. */
  listens(): boolean {
    const role = this.role();
    return role === 'owner' || (role === 'unsure' && this.hasHeld);
  }

  get holder(): string | null {
    return this.role() === 'owner' ? this.options.holder : (this.other?.holder ?? null);
  }

  /** Asks the store once: renews what is held, else takes what is free. Never rejects. */
  async ask(): Promise<void> {
    const askedMs = this.options.clock.monotonicMs();
    try {
      await (this.key === null ? this.acquire(askedMs) : this.renew(this.key, askedMs));
      this.lastError = null;
    } catch (error) {
      this.lastError = errorText(error);
    }
  }

  /** Gives it back, so that another node need not wait for its end. Never rejects. */
  async release(): Promise<void> {
    const { key } = this;
    this.key = null;
    if (key === null) return;
    await this.options.leases.release(key).catch((error: unknown) => (this.lastError = errorText(error)));
  }

  private async renew(key: LeaseKey, askedMs: number): Promise<void> {
    const lease = await this.options.leases.renew(key);
    if (lease !== null) this.heldUntilMs = askedMs + lease.leftMs - MARGIN_MS;
    else {
      this.key = null;
      await this.acquire(askedMs);
    }
  }

  private async acquire(askedMs: number): Promise<void> {
    const { leases, holder, nonce } = this.options;
    const claim = {
      resource: ALERTS_LEASE,
      holder,
      nonce,
      ttlMs: TTL_MS,
      maxExpiryMs: 0,
      succeeds: !this.hasHeld,
    };
    const { kind, lease } = await leases.acquire(claim);
    if (kind === 'held') {
      this.other = {
        holder: lease.holder ?? 'another node',
        untilMs: askedMs + lease.leftMs + LEASE_PAUSE_MS,
      };
      return;
    }
    this.hasHeld = true;
    this.other = null;
    this.key = { resource: ALERTS_LEASE, fence: lease.fence, nonce };
    this.heldUntilMs = askedMs + lease.leftMs - MARGIN_MS;
  }
}
