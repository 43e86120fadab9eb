import { explanationOf } from '../exports/explanation.js';
import type { Explanation, ProfitAndLossReport } from '../messages/reports.js';
import type { Stores } from '../ports/stores.js';

/** What people ask of the stores, the same for a running node and for a command that opens them itself. */

export async function profitAndLossOf(
  { trades }: Pick<Stores, 'trades'>,
  fromMs: number,
  toMs: number,
): Promise<ProfitAndLossReport> {
  const [rows, residues] = await Promise.all([trades.profitAndLoss(fromMs, toMs), trades.residues()]);
  return { fromMs, toMs, rows: [...rows], residues: [...residues] };
}

/** Null when nothing of this name is stored. */
export async function explainArbitrage(
  stores: Pick<Stores, 'trades' | 'signals' | 'ledger'>,
  arbitrageId: string,
): Promise<Explanation | null> {
  const ids = [arbitrageId];
  const [[closed], orders, fills] = await Promise.all([
    stores.trades.arbitragesOf(ids),
    stores.trades.ordersOf(ids),
    stores.ledger.fillsOf(ids),
  ]);
  if (closed === undefined && orders.length === 0) return null;
  // One verdict makes one arbitrage: where no order was journalled, its name still tells the verdict.
  const verdictId = orders[0]?.leg.verdictId ?? arbitrageId.replace(/^arb-/, '');
  const [decision] = await stores.signals.signalsOf([verdictId]);
  return explanationOf(arbitrageId, {
    closed: closed ?? null,
    decision: decision ?? null,
    orders,
    fills,
  });
}
