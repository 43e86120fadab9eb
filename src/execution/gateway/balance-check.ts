import { Decimal, toText } from '../../market/decimal.js';
import type { Fill } from '../../messages/order.js';
import type { AssetId, DecimalText } from '../../messages/primitives.js';
import { fillEntry } from '../ledger.js';
import type { BalanceWord, TransferWord } from './words.js';

/** Exchange minus ledger, of assets that differ. */
export type Differences = ReadonlyMap<AssetId, Decimal>;

export type Amounts = ReadonlyMap<AssetId, Decimal>;

/** What the ledger has of this exchange. */
export function amountsOf(
  holdings: readonly { readonly asset: AssetId; readonly amount: DecimalText }[],
): Amounts {
  return new Map(holdings.map(({ asset, amount }) => [asset, new Decimal(amount)]));
}

/** What the exchange should hold: the ledger, and fills that are known and not in it yet. */
export function expected(ledger: Amounts, unbooked: Iterable<Fill>): Map<AssetId, Decimal> {
  const sums = new Map(ledger);
  for (const fill of unbooked)
    for (const { account, asset, amount } of fillEntry(fill, 0).postings)
      if (account === `exchange:${fill.exchange}`)
        sums.set(asset, (sums.get(asset) ?? new Decimal(0)).plus(amount));
  return sums;
}

/**
 * Of `assets`, and of what both sides have: what only one of them names and no market here trades is nobody's business.
 */
export function differences(
  balances: readonly BalanceWord[],
  wanted: Amounts,
  assets: ReadonlySet<AssetId>,
): Map<AssetId, Decimal> {
  const held = new Map<AssetId, Decimal>();
  for (const { asset, total } of balances) held.set(asset, (held.get(asset) ?? new Decimal(0)).plus(total));
  const different = new Map<AssetId, Decimal>();
  const both = [...wanted.keys()].filter((asset) => held.has(asset));
  for (const asset of [...new Set([...assets, ...both])].sort()) {
    const difference = (held.get(asset) ?? new Decimal(0)).minus(wanted.get(asset) ?? 0);
    if (!difference.isZero()) different.set(asset, difference);
  }
  return different;
}

/** The same differences give the same text. */
export const differencesText = (found: Differences): string =>
  [...found].map(([asset, amount]) => `${asset} ${toText(amount)}`).join(', ');

/** More than so many transfers at once are for a person. */
const MAX_COMBINED = 12;

/**
 * The transfers that explain a difference exactly: all of them, one, or some together. Null when none do: an amount that nearly fits
 * explains nothing.
 */
export function transfersFor(
  difference: Decimal,
  transfers: readonly TransferWord[],
): readonly TransferWord[] | null {
  if (sumOf(transfers).equals(difference)) return transfers;
  const some = transfers.slice(-MAX_COMBINED);
  let best: readonly TransferWord[] | null = null;
  for (let mask = 1; mask < 2 ** some.length; mask++) {
    const chosen = some.filter((_, at) => (mask >> at) % 2 === 1);
    if ((best === null || chosen.length < best.length) && sumOf(chosen).equals(difference)) best = chosen;
  }
  return best;
}

const sumOf = (transfers: readonly TransferWord[]): Decimal =>
  transfers.reduce((sum, { amount }) => sum.plus(amount), new Decimal(0));
