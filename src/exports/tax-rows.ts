import { Decimal, ZERO } from '../market/decimal.js';
import { isAfter, isWithin, type Period, type ZonedTime } from './period.js';
import type { ExportRow } from './table.js';
import { TaxBook, type Disposal, type LedgerFact, type TaxOptions } from './tax.js';

export const TAX_COLUMNS = [
  'kind',
  'time',
  'day',
  'exchange',
  'asset',
  'quantity',
  'acquired',
  'cost',
  'proceeds',
  'gain',
  'currency',
  'method',
  'note',
  'reference',
] as const;

/** Sums over the rows of an export, of what is known. */
export interface TaxTotals {
  proceeds: Decimal;
  cost: Decimal;
  gain: Decimal;
  /** Disposals whose gain is not known. */
  unknown: number;
  disposals: number;
  residualLots: number;
}

export const emptyTotals = (): TaxTotals => ({
  proceeds: ZERO,
  cost: ZERO,
  gain: ZERO,
  unknown: 0,
  disposals: 0,
  residualLots: 0,
});

/** Plain decimal text of any length: nothing is rounded on the way out. */
const exact = (value: Decimal | null): string | null =>
  value === null ? null : value.isZero() ? '0' : value.toFixed();

function rowOf(one: Disposal, { currency, basis }: TaxOptions, zone: ZonedTime): ExportRow {
  return {
    kind: one.kind,
    time: one.atMs === null ? null : zone.textOf(one.atMs),
    day: one.atMs === null ? null : zone.dayOf(one.atMs),
    exchange: one.exchange,
    asset: one.asset,
    quantity: exact(one.quantity),
    acquired: one.acquiredAtMs === null ? null : zone.textOf(one.acquiredAtMs),
    cost: exact(one.cost),
    proceeds: exact(one.proceeds),
    gain: exact(one.gain),
    currency,
    method: basis,
    note: one.note,
    reference: one.reference,
  };
}

function count(totals: TaxTotals, one: Disposal): void {
  if (one.kind === 'residual lot') {
    totals.residualLots++;
    return;
  }
  totals.disposals++;
  totals.proceeds = totals.proceeds.plus(one.proceeds ?? 0);
  totals.cost = totals.cost.plus(one.cost ?? 0);
  totals.gain = totals.gain.plus(one.gain ?? 0);
  if (one.gain === null && one.kind !== 'withdrawal') totals.unknown++;
}

/**
 * Disposals of the period in booking order, then what is left when it ends. Lots are followed from the first entry on, whatever
 * the period is. Rejects ARB_INVARIANT when the lots and the ledger disagree.
 */
export async function* taxRows(
  facts: AsyncIterable<LedgerFact>,
  options: TaxOptions & { readonly zone: ZonedTime; readonly period: Period; readonly totals: TaxTotals },
): AsyncGenerator<ExportRow> {
  const { zone, period, totals } = options;
  const book = new TaxBook(options);
  const tell = (one: Disposal): ExportRow => {
    count(totals, one);
    return rowOf(one, options, zone);
  };
  for await (const fact of facts) {
    const day = zone.dayOf(fact.fill?.exchangeTimeMs ?? fact.entry.bookedAtMs);
    if (isAfter(period, day)) continue;
    for (const one of book.apply(fact)) if (isWithin(period, day)) yield tell(one);
  }
  book.requireConserved();
  for (const one of book.residual()) yield tell(one);
}
