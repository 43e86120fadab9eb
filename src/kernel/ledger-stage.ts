import { fillEntry, LedgerBook, openingEntries, type OpeningBalance } from '../execution/ledger.js';
import type { BalancesChanged, LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { Stage } from './stage.js';

/** The ledger as a stage: fills in, balanced entries out, each booked once. */
export type LedgerEvent =
  | { readonly kind: 'open'; readonly balances: readonly OpeningBalance[] }
  | { readonly kind: 'fill'; readonly fill: Fill };

export type LedgerEffect =
  | {
      readonly kind: 'booked';
      readonly entry: LedgerEntry;
      readonly holdings: BalancesChanged['holdings'];
      readonly version: number;
    }
  | { readonly kind: 'duplicate'; readonly entry: LedgerEntry };

export const ledgerStage: Stage<LedgerBook, LedgerEvent, LedgerEffect> = {
  name: 'ledger',
  start: () => new LedgerBook(),
  step: (book, event, nowMs) => {
    const entries =
      event.kind === 'fill' ? [fillEntry(event.fill, nowMs)] : openingEntries(event.balances, nowMs);
    return { state: book, effects: entries.map((entry) => bookInto(book, entry)) };
  },
};

function bookInto(book: LedgerBook, entry: LedgerEntry): LedgerEffect {
  if (book.book(entry) === 'duplicate') return { kind: 'duplicate', entry };
  return { kind: 'booked', entry, holdings: book.holdings(), version: book.version };
}
