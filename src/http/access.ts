import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports/time.js';

/** Who may ask, how often, and under which name the server answers (RELIABILITY §12 goal 19). Pure but for the clock port. */

/** Addresses remembered at once; the longest unseen one is forgotten first. */
const MAX_ADDRESSES = 1_024;
const BURST = 40;
const REFILL_PER_SECOND = 10;
const FAILURES_ALLOWED = 5;
const LOCK_MS = 60_000;

interface Visitor {
  tokens: number;
  refilledMs: number;
  failures: number;
  lockedUntilMs: number;
}

export class AccessControl {
  private readonly clock: Clock;
  private readonly tokenHash: Buffer;
  private readonly visitors = new Map<string, Visitor>();

  constructor(clock: Clock, token: string) {
    this.clock = clock;
    this.tokenHash = hash(token);
  }

  /** Takes one request from the address's bucket (10 a second, bursts of 40); false = too many. */
  admit(address: string): boolean {
    const visitor = this.visitor(address);
    const now = this.clock.monotonicMs();
    const refill = ((now - visitor.refilledMs) / 1_000) * REFILL_PER_SECOND;
    visitor.tokens = Math.min(BURST, visitor.tokens + refill);
    visitor.refilledMs = now;
    if (visitor.tokens < 1) return false;
    visitor.tokens -= 1;
    return true;
  }

  /**
   * Checks an `Authorization` header in constant time. `locked` = five failures within a minute; then even the right token is
   * refused for 60 s.
   */
  authorise(address: string, header: string | undefined): 'ok' | 'missing' | 'wrong' | 'locked' {
    const visitor = this.visitor(address);
    const now = this.clock.monotonicMs();
    if (visitor.lockedUntilMs > now) return 'locked';
    const given = /^Bearer ([\x21-\x7e]{1,512})$/.exec(header ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(hash(given), this.tokenHash)) {
      visitor.failures = 0;
      return 'ok';
    }
    // A missing token is a first visit, not a guess.
    if (header === undefined) return 'missing';
    visitor.failures += 1;
    if (visitor.failures >= FAILURES_ALLOWED) {
      visitor.failures = 0;
      visitor.lockedUntilMs = now + LOCK_MS;
    }
    return 'wrong';
  }

  private visitor(address: string): Visitor {
    const known = this.visitors.get(address);
    const now = this.clock.monotonicMs();
    const visitor = known ?? { tokens: BURST, refilledMs: now, failures: 0, lockedUntilMs: 0 };
    // Set again, so that the map stays ordered by last visit.
    this.visitors.delete(address);
    this.visitors.set(address, visitor);
    if (this.visitors.size > MAX_ADDRESSES) this.forgetOldest();
    return visitor;
  }

  /** Locked addresses are kept while an unlocked one can be forgotten. */
  private forgetOldest(): void {
    const now = this.clock.monotonicMs();
    const first = [...this.visitors].find(([, one]) => one.lockedUntilMs <= now) ?? [...this.visitors][0];
    if (first !== undefined) this.visitors.delete(first[0]);
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * True when a `Host` header names this server. Any other name means that a page elsewhere had its own name resolve to this
 * address (DNS rebinding).
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const match = /^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/.exec(header ?? '');
  const name = match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase();
  return name !== undefined && names.includes(name);
}

/** True when a browser's `Origin` is this server itself, or absent (not a browser, or a plain navigation). */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}
