import { Decimal } from 'decimal.js';
import { ArbotError } from '../messages/errors.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { ArbitrageClosed, Fill, LegResult } from '../messages/order.js';
import type { DecimalText } from '../messages/primitives.js';

/** Rules that every implementation of the stores shares; all pure. */

/** 44 digits per amount plus room for any number of rows: sums never round. */
export const Exact = Decimal.clone({ precision: 120, toExpNeg: -9e15, toExpPos: 9e15 });

/** A sum as plain text without trailing zeros or negative zero. */
export function exactText(value: Decimal): DecimalText {
  return value.isZero() ? '0' : value.toFixed();
}

/** Throws ARB_LEDGER_UNBALANCED naming entry, asset and difference unless the postings sum to zero for each asset. */
export function requireBalanced(entry: LedgerEntry): void {
  const sums = new Map<string, Decimal>();
  for (const { asset, amount } of entry.postings)
    sums.set(asset, (sums.get(asset) ?? new Exact(0)).plus(amount));
  for (const [asset, sum] of sums)
    if (!sum.isZero())
      throw new ArbotError(
        'ARB_LEDGER_UNBALANCED',
        `entry ${entry.entryId}: postings of ${asset} sum to ${exactText(sum)}, not 0`,
      );
}

/**
 * Whether a repeated trade id tells of the same execution. Exchanges number trades per market, so an id that comes back
 * with another market, side, price or quantity is another trade, and dropping it as a duplicate would lose money state.
 */
export function sameExecution(a: Fill, b: Fill): boolean {
  return (
    a.instrument === b.instrument &&
    a.side === b.side &&
    new Exact(a.price).eq(b.price) &&
    new Exact(a.quantity).eq(b.quantity)
  );
}

export function differentExecution(fill: Fill): ArbotError {
  return new ArbotError(
    'ARB_STORE_CONFLICT',
    `fill ${fill.exchange} ${fill.tradeId}: the trade id is booked already with another instrument, side, price or quantity`,
  );
}

/**
 * What a further result of a leg means. Knowledge only grows: `unknown` gives way to an outcome, an outcome only to one
 * with more filled (a fill that arrived late), and an `unknown` that comes late adds nothing.
 */
export function judgeResult(
  known: LegResult | null,
  next: LegResult,
): 'save' | 'nothing_new' | 'contradiction' {
  if (known === null) return 'save';
  const more = new Exact(next.filledQuantity).cmp(known.filledQuantity);
  if (next.status === 'unknown') return known.status === 'unknown' && more > 0 ? 'save' : 'nothing_new';
  if (known.status === 'unknown' || more > 0) return 'save';
  return more === 0 && next.status === known.status ? 'nothing_new' : 'contradiction';
}

export function contradictingResult(known: LegResult, next: LegResult): ArbotError {
  return new ArbotError(
    'ARB_STORE_CONFLICT',
    `leg ${next.clientOrderId}: ${next.status} ${next.filledQuantity} contradicts the stored ${known.status} ${known.filledQuantity}`,
  );
}

/** Throws ARB_MESSAGE_INVALID unless expected and the parts of the difference sum to what was realised. */
export function requireAttributed({
  arbitrageId,
  expectedNet,
  realisedNet,
  attribution,
}: ArbitrageClosed): void {
  if (attribution === undefined) return;
  const told = Object.values(attribution).reduce((sum, part) => sum.plus(part), new Exact(expectedNet));
  if (!told.eq(realisedNet))
    throw new ArbotError(
      'ARB_MESSAGE_INVALID',
      `closed.attribution: ${arbitrageId} realised ${realisedNet}, its parts make ${exactText(told)}`,
    );
}

export function legNotJournalled(clientOrderId: string): ArbotError {
  return new ArbotError(
    'ARB_STORE_CONFLICT',
    `leg ${clientOrderId}: a result came for a leg that was never journalled`,
  );
}

/** `buy` and `sell` exchange of a signal for the query columns; the first leg of each side. */
export function exchangeOfSide(legs: readonly { side: string; exchange: string }[], side: string): string {
  return legs.find((leg) => leg.side === side)?.exchange ?? '';
}
