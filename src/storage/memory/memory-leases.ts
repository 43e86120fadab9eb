import { ArbotError } from '../../messages/errors.js';
import {
  TRADE_LEASE,
  type Lease,
  type LeaseAnswer,
  type LeaseClaim,
  type LeaseKey,
  type Leases,
} from '../../ports/leases.js';
import type { LeaseRow, MemoryDatabase, MemoryEngine } from './memory-database.js';

const isInForce = (row: LeaseRow, nowMs: number): boolean => row.nonce !== null && row.expiresAtMs > nowMs;

/** A challenger goes by what it watched, everybody else by the store's clock. */
function isKept(row: LeaseRow, { watched }: LeaseClaim, nowMs: number): boolean {
  if (row.nonce === null || watched === undefined) return isInForce(row, nowMs);
  return watched === null || watched.fence !== row.fence || watched.renewals !== row.renewals;
}

const leaseOf = (resource: string, row: LeaseRow, nowMs: number): Lease => ({
  resource,
  holder: row.holder,
  nonce: row.nonce,
  fence: row.fence,
  renewals: row.renewals,
  ttlMs: row.ttlMs,
  leftMs: isInForce(row, nowMs) ? row.expiresAtMs - nowMs : 0,
  formerExpiryMs: row.formerExpiryMs,
});

function claimed(claim: LeaseClaim, known: LeaseRow | undefined, nowMs: number): LeaseRow {
  const { holder, nonce, ttlMs, maxExpiryMs } = claim;
  const own = { holder, nonce, renewals: 0, ttlMs, expiresAtMs: nowMs + ttlMs };
  if (known === undefined) return { ...own, fence: 1, maxExpiryMs, formerExpiryMs: 0 };
  const isClean = known.nonce === null;
  return {
    ...own,
    fence: known.fence + 1,
    maxExpiryMs: isClean ? maxExpiryMs : Math.max(maxExpiryMs, known.maxExpiryMs),
    formerExpiryMs: isClean ? 0 : known.maxExpiryMs,
  };
}

/**
 * The rules of the table `leases` in memory. A former process of the same holder counts as gone: who finds this memory
 * again is its successor.
 */
export class MemoryLeases implements Leases {
  private readonly engine: MemoryEngine;

  constructor(engine: MemoryEngine) {
    this.engine = engine;
  }

  acquire(claim: LeaseClaim): Promise<LeaseAnswer> {
    const { resource, holder, nonce, succeeds } = claim;
    return this.engine.write((db, nowMs): LeaseAnswer => {
      const known = db.leases.get(resource);
      const isTaken = known !== undefined && isKept(known, claim, nowMs);
      const isFormer = succeeds && known?.holder === holder && known.nonce !== nonce;
      if (isTaken && !isFormer) {
        const kind = known.nonce === nonce && isInForce(known, nowMs) ? 'granted' : 'held';
        return { kind, lease: leaseOf(resource, known, nowMs) };
      }
      const row = claimed(claim, known, nowMs);
      db.leases.set(resource, row);
      return { kind: 'granted', lease: leaseOf(resource, row, nowMs) };
    });
  }

  renew({ resource, fence, nonce }: LeaseKey): Promise<Lease | null> {
    return this.engine.write((db, nowMs) => {
      const known = db.leases.get(resource);
      if (known?.fence !== fence || known.nonce !== nonce || !isInForce(known, nowMs)) return null;
      const row = { ...known, renewals: known.renewals + 1, expiresAtMs: nowMs + known.ttlMs };
      db.leases.set(resource, row);
      return leaseOf(resource, row, nowMs);
    });
  }

  release({ resource, fence, nonce }: LeaseKey): Promise<void> {
    return this.engine.write((db) => {
      const known = db.leases.get(resource);
      if (known?.fence === fence && known.nonce === nonce)
        db.leases.set(resource, { ...known, holder: null, nonce: null });
    });
  }

  current(resource: string): Promise<Lease | null> {
    return this.engine.read((db, nowMs) => {
      const known = db.leases.get(resource);
      return known === undefined ? null : leaseOf(resource, known, nowMs);
    });
  }

  /** What the trigger `order_legs_fenced` does. Throws ARB_FENCE_STALE unless `fence` is in force. */
  static requireFence(db: MemoryDatabase, fence: number, nowMs: number): void {
    const known = db.leases.get(TRADE_LEASE);
    if (known?.fence === fence && isInForce(known, nowMs)) return;
    const holder = known?.holder ?? null;
    const state =
      holder === null ? 'held by nobody' : isInForce(known!, nowMs) ? `held by ${holder}` : 'expired';
    throw new ArbotError(
      'ARB_FENCE_STALE',
      `fence ${fence}: lease trade is at fence ${known?.fence ?? 0}, ${state}`,
    );
  }
}
