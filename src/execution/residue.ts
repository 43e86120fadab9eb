import { Decimal, toText, ZERO } from '../market/decimal.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { AssetId, DecimalText } from '../messages/primitives.js';
import { RecentIds } from '../risk/recent-ids.js';
import { assetsOf } from './ledger.js';

/** What arbitrages left over, per asset: dust of lots and fees, and imbalances handed to a person. */
export interface Residue {
  readonly asset: AssetId;
  /** Signed sum of what all arbitrages left over. */
  readonly amount: DecimalText;
  /** Of these, arbitrages that ended flagged. */
  readonly flagged: number;
}

const REMEMBERED = 16_384;

/** What an arbitrage left over: of one pair its base, of several every asset that there is something of. */
export function residuesOf(
  closed: Pick<ArbitrageClosed, 'pair' | 'residualBase' | 'shape' | 'residues'>,
): readonly { readonly asset: AssetId; readonly quantity: DecimalText }[] {
  if (closed.shape !== undefined) return closed.residues ?? [];
  return [{ asset: assetsOf(`x:${closed.pair}`).base, quantity: closed.residualBase }];
}

/** The residue ledger. Each arbitrage counts once, however often its end is told. */
export class ResidueLedger {
  private readonly counted = new RecentIds(REMEMBERED);
  private readonly sums = new Map<AssetId, { amount: Decimal; flagged: number }>();

  /** False when this arbitrage was counted before. */
  add(closed: ArbitrageClosed): boolean {
    if (!this.counted.add(closed.arbitrageId)) return false;
    for (const { asset, quantity } of residuesOf(closed)) {
      const known = this.sums.get(asset) ?? { amount: ZERO, flagged: 0 };
      this.sums.set(asset, {
        amount: known.amount.plus(quantity),
        flagged: known.flagged + (closed.outcome === 'flagged' ? 1 : 0),
      });
    }
    return true;
  }

  list(): Residue[] {
    return [...this.sums].map(([asset, { amount, flagged }]) => ({ asset, amount: toText(amount), flagged }));
  }
}
