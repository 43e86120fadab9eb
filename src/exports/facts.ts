import { fillEntryId } from '../execution/ledger.js';
import { invariant } from '../messages/errors.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { LedgerFact } from './tax.js';

/**
 * Entries with the fills they were booked with. Both come in booking order, and a fill is booked in one transaction with its
 * entry, so one look ahead is enough. What is booked while this reads belongs to the next export. Rejects ARB_INVARIANT when the
 * two disagree.
 */
export async function* ledgerFacts(
  entries: AsyncIterable<LedgerEntry>,
  fills: AsyncIterable<Fill>,
): AsyncGenerator<LedgerFact> {
  const iterator = fills[Symbol.asyncIterator]();
  let next = await iterator.next();
  for await (const entry of entries) {
    if (entry.kind !== 'fill') {
      yield { entry, fill: null };
      continue;
    }
    if (next.done === true) return;
    const fill = next.value;
    invariant(
      fillEntryId(fill) === entry.entryId,
      `entry ${entry.entryId} stands where the fill ${fill.tradeId} was booked`,
    );
    yield { entry, fill };
    next = await iterator.next();
  }
}
