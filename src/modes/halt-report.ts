import type { HaltReport } from '../http/source.js';
import { residuesOf as leftOverOf } from '../execution/residue.js';
import { Decimal, toText, ZERO } from '../market/decimal.js';
import type { GatewayStatus } from '../messages/gateway.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import type { HaltChanged } from '../messages/risk.js';

/** An account that has not told anything for so long proves nothing: it tells every few seconds. */
const TOLD_WITHIN_MS = 30_000;
/** Arbitrages that ended under one switch; more than run at once. */
const MAX_CLOSED = 1_000;
const MAX_NAMED = 50;

/**
 * What the kill switch has come to: which accounts have shown that they are empty and hold what the ledger says, what became of the
 * arbitrages under way, and what they left over. Whoever reads it decides; only a person clears the switch.
 */
export class HaltRecord {
  private halt: HaltChanged;
  private closed: ArbitrageClosed[] = [];

  constructor(halt: HaltChanged) {
    this.halt = halt;
  }

  onHalt(halt: HaltChanged): void {
    if (halt.engaged !== this.halt.engaged) this.closed = [];
    this.halt = halt;
  }

  onClosed(closed: ArbitrageClosed): void {
    if (this.halt.engaged && this.closed.length < MAX_CLOSED) this.closed.push(closed);
  }

  /** `running`: arbitrages without an end; null = nobody knows. */
  report(accounts: readonly GatewayStatus[], running: number | null, nowMs: number): HaltReport {
    const { engaged, policy = 'freeze', reason, by, atMs } = this.halt;
    const proofs = accounts.map(({ exchange, counts, emptyAtMs, equalAtMs, unexplained, atMs: toldAtMs }) => {
      const isFresh = nowMs - toldAtMs <= TOLD_WITHIN_MS;
      const proven = isFresh ? { emptyAtMs, equalAtMs } : { emptyAtMs: null, equalAtMs: null };
      return { exchange, unsettled: counts.unsettled, ...proven, unexplained };
    });
    const flagged = this.closed.filter(({ outcome }) => outcome === 'flagged');
    return {
      ...{ engaged, policy, reason, by, atMs },
      accounts: proofs,
      arbitrages: {
        running,
        ended: this.closed.length,
        flagged: flagged.slice(0, MAX_NAMED).map(({ arbitrageId }) => arbitrageId),
      },
      residues: residuesOf(this.closed),
      isProven:
        engaged &&
        proofs.length > 0 &&
        proofs.every(({ emptyAtMs, equalAtMs }) => emptyAtMs !== null && equalAtMs !== null) &&
        (policy === 'freeze' || running === 0),
    };
  }
}

/** What is left over by those that ended under the switch. */
function residuesOf(closed: readonly ArbitrageClosed[]): HaltReport['residues'] {
  const sums = new Map<AssetId, Decimal>();
  for (const end of closed)
    for (const { asset, quantity } of leftOverOf(end))
      sums.set(asset, (sums.get(asset) ?? ZERO).plus(quantity));
  return [...sums]
    .filter(([, amount]) => !amount.isZero())
    .map(([asset, amount]) => ({ asset, amount: toText(amount) }));
}
