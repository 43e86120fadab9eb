import { Decimal, toText, ZERO } from '../market/decimal.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { AssetId, DecimalText } from '../messages/primitives.js';
import { RecentIds } from '../risk/recent-ids.js';
import { assetsOf } from './ledger.js';

/** What arbitrages left over, per base asset: dust of lots and fees, and imbalances handed to a person. */
export interface Residue {
  readonly asset: AssetId;
  /** Signed sum of what all arbitrages left over. */
  readonly amount: DecimalText;
  /** Of these, arbitrages that ended flagged. */
  readonly flagged: number;
}

const REMEMBERED = 16_384;

/** The residue ledger. Each arbitrage counts once, however often its end is told. */
export class ResidueLedger {
  private readonly counted = new RecentIds(REMEMBERED);
  private readonly sums = new Map<AssetId, { amount: Decimal; flagged: number }>();

  /** False when this arbitrage was counted before. */
  add(closed: ArbitrageClosed): boolean {
    if (!this.counted.add(closed.arbitrageId)) return false;
    const { base } = assetsOf(`x:${closed.pair}`);
    const known = this.sums.get(base) ?? { amount: ZERO, flagged: 0 };
    this.sums.set(base, {
      amount: known.amount.plus(closed.residualBase),
      flagged: known.flagged + (closed.outcome === 'flagged' ? 1 : 0),
    });
    return true;
  }

  list(): Residue[] {
    return [...this.sums].map(([asset, { amount, flagged }]) => ({ asset, amount: toText(amount), flagged }));
  }
}
