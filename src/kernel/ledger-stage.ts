import {
  externalEntry,
  fillEntry,
  LedgerBook,
  openingEntries,
  type OpeningBalance,
} from '../execution/ledger.js';
import type { ExternalFlow } from '../messages/gateway.js';
import type { BalancesChanged, LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { Stage } from './stage.js';

/** The ledger as a stage: fills and flows in, balanced entries out, each booked once. */
export type LedgerEvent =
  | { readonly kind: 'open'; readonly balances: readonly OpeningBalance[] }
  | { readonly kind: 'fill'; readonly fill: Fill }
  | { readonly kind: 'flow'; readonly flow: ExternalFlow };

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
    return { state: book, effects: entriesOf(event, nowMs).map((entry) => bookInto(book, entry)) };
  },
};

function entriesOf(event: LedgerEvent, nowMs: number): LedgerEntry[] {
  switch (event.kind) {
    case 'open':
      return openingEntries(event.balances, nowMs);
    case 'fill':
      return [fillEntry(event.fill, nowMs)];
    case 'flow':
      return [externalEntry(event.flow, nowMs)];
  }
}

function bookInto(book: LedgerBook, entry: LedgerEntry): LedgerEffect {
  if (book.book(entry) === 'duplicate') return { kind: 'duplicate', entry };
  return { kind: 'booked', entry, holdings: book.holdings(), version: book.version };
}
