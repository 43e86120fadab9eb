import { openingEntries, type OpeningBalance } from '../execution/ledger.js';
import type { LedgerStore } from '../ports/stores.js';
import type { Market } from './markets.js';

/**
 * Simulated accounts that live and die with this process hold what the ledger says they hold: openings are booked first, as the
 * ledger itself would, each once for ever. Exchanges that outlive the process keep their own word.
 */
export async function openAccounts(
  market: Market,
  ledger: LedgerStore,
  openings: readonly OpeningBalance[],
): Promise<void> {
  const own = [...(market.accounts ?? [])].flatMap(([exchange, { open }]) =>
    open === null ? [] : [{ exchange, open }],
  );
  if (own.length === 0) return;
  for (const entry of openingEntries(openings, market.time.nowMs())) await ledger.append(entry);
  const holdings = await ledger.holdings();
  for (const { exchange, open } of own) open(holdings.filter((held) => held.exchange === exchange));
}
