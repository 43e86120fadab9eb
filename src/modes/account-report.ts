import { Decimal } from '../market/decimal.js';
import type { LedgerStore } from '../ports/stores.js';
import type { SimulatedExchanges } from '../simulator/server.js';

/**
 * What the simulated exchanges' own records say at the end of a run, against the ledger: one line per account. What was under way
 * at the end may differ; the next start settles it.
 */
export async function accountLines(simulated: SimulatedExchanges, ledger: LedgerStore): Promise<string[]> {
  const holdings = await ledger.holdings();
  return Object.entries(simulated.accounts).map(([exchange, account]) => {
    const wanted = new Map(
      holdings
        .filter((held) => held.exchange === exchange)
        .map(({ asset, amount }) => [asset, new Decimal(amount)]),
    );
    const held = new Map(
      account.balances().map(({ asset, free, locked }) => [asset, new Decimal(free).plus(locked)] as const),
    );
    const different = [...new Set([...wanted.keys(), ...held.keys()])].sort().flatMap((asset) => {
      const difference = (held.get(asset) ?? new Decimal(0)).minus(wanted.get(asset) ?? 0);
      return difference.isZero() ? [] : [`${asset} ${difference.toFixed()}`];
    });
    const counts = `${account.orders().length} orders, ${account.trades().length} trades`;
    const verdict =
      different.length === 0 ? 'ledger equals exchange' : `exchange minus ledger: ${different.join(', ')}`;
    return `account ${exchange} ${counts}, ${verdict}`;
  });
}
