/** How patiently a connection is kept; the exchange's own limits are in its capabilities. */
export interface ConnectionPolicy {
  readonly connectTimeoutMs: number;
  /** Where a ticket is fetched first: from asking for it to having it. */
  readonly ticketTimeoutMs: number;
  /** Where the exchange greets first: from the open socket to its greeting. */
  readonly welcomeTimeoutMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A connection that held this long starts the next backoff at zero. */
  readonly stableMs: number;
  readonly maxQueuedMessages: number;
  readonly maxBufferedBytes: number;
}

export const DEFAULT_CONNECTION: ConnectionPolicy = {
  connectTimeoutMs: 8000,
  ticketTimeoutMs: 15_000,
  welcomeTimeoutMs: 8000,
  backoffMinMs: 250,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  maxQueuedMessages: 1000,
  maxBufferedBytes: 4 << 20,
};

/** Doubling, with half of it left to chance; the first attempt after a stable connection is quick. `random` in [0, 1). */
export function connectBackoffMs(policy: ConnectionPolicy, attempts: number, random: number): number {
  const full = Math.min(policy.backoffMaxMs, policy.backoffMinMs * 2 ** Math.min(attempts, 16));
  return full * (0.5 + random / 2);
}

/** A new connection may have to wait for budgets of connecting and of snapshots. */
const LEAST_LEAD_MS = 30_000;

/** When a connection of limited life is renewed and when it is given up, ms after it opened. */
export interface ConnectionAges {
  readonly renewMs: number;
  readonly endMs: number;
}

/**
 * The renewal begins up to a tenth of the life early, by chance, so that not all connections of a node are renewed at once
 * and enough time is left to try again: half a minute at least, or half of a life that is short itself. What is still there
 * shortly before the end is ended here and not there.
 */
export function connectionAges(lifetimeMs: number | null, random: number): ConnectionAges {
  if (lifetimeMs === null) return { renewMs: Infinity, endMs: Infinity };
  const latestMs = Math.max(lifetimeMs - LEAST_LEAD_MS, lifetimeMs / 2);
  return {
    renewMs: Math.min(lifetimeMs, latestMs / 0.98) * (0.98 - 0.08 * random),
    endMs: lifetimeMs * 0.995,
  };
}
