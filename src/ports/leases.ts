/**
 * Who may do what only one process may do at a time (ACTORS §7). A lease has a fence: a number that grows with every
 * acquisition and never shrinks. The store that keeps the lease also refuses rows of an older fence, so that a process
 * that was paused and comes back can write nothing under it.
 *
 * The store answers how much of a lease is left at the moment it looked. Who reads its own monotonic clock *before* it asks,
 * and adds what is left, never believes in a lease for too long. Who challenges another node's lease watches its counter of
 * renewals on its own clock and names what it saw; who is alone goes by the store's clock. A call that is not answered may
 * or may not have happened: repeat it, each is safe to repeat.
 */
export interface LeaseClaim {
  /** What is claimed; `trade` = everything that spends. */
  readonly resource: string;
  /** The node's name, for people and for its own restart. */
  readonly holder: string;
  /** 32 hex digits, new for each process: tells "mine" after an answer was lost. */
  readonly nonce: string;
  readonly ttlMs: number;
  /** The longest request expiry that this holder may sign; its successor waits that long. */
  readonly maxExpiryMs: number;
  /**
   * Take over at once from a former process of the same holder, where the store can tell that it is gone. For the first
   * acquisition of a process only: two processes of one name would else take the lease from each other for ever.
   */
  readonly succeeds: boolean;
  /**
   * Of a challenger: the holder's counters that it watched without a change for longer than the lease lives, null = it may
   * only take what nobody holds. A renewal meanwhile makes the acquisition fail, and the store's clock is not asked. Absent =
   * what has expired by the store's clock is taken.
   */
  readonly watched?: { readonly fence: number; readonly renewals: number } | null | undefined;
}

export interface Lease {
  readonly resource: string;
  /** Null after a release. */
  readonly holder: string | null;
  readonly nonce: string | null;
  readonly fence: number;
  /** Since the acquisition. */
  readonly renewals: number;
  readonly ttlMs: number;
  /** What is left by the store's own clock when it answered, ms; 0 = expired or released. */
  readonly leftMs: number;
  /** Longest request expiry that a former holder may have signed and not waited for; 0 after a release. */
  readonly formerExpiryMs: number;
}

export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly lease: Lease }
  /** Somebody else has it. */
  | { readonly kind: 'held'; readonly lease: Lease };

export interface LeaseKey {
  readonly resource: string;
  readonly fence: number;
  readonly nonce: string;
}

export interface Leases {
  /** Takes what is free, released, watched or expired, under the next fence. Mine already and in force: granted as it is. */
  acquire(claim: LeaseClaim): Promise<LeaseAnswer>;
  /** Null = lost: expired, or somebody else's by now. An expired lease is never revived, only acquired anew. */
  renew(key: LeaseKey): Promise<Lease | null>;
  /** Gives back what is mine, once nothing is under way any more; the fence is kept. What is not mine is left alone. */
  release(key: LeaseKey): Promise<void>;
  /** Null = never acquired. */
  current(resource: string): Promise<Lease | null>;
}

/** The one lease over gate, sagas, order gateways and rebalancer (decision 0004). */
export const TRADE_LEASE = 'trade';
