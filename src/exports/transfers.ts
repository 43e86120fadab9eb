import { Decimal, toText, ZERO } from '../market/decimal.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { AssetId } from '../messages/primitives.js';
import { isWithin, type Period, type ZonedTime } from './period.js';
import type { ExportRow } from './table.js';

export const TRANSFER_COLUMNS = ['time', 'day', 'kind', 'from', 'to', 'asset', 'amount', 'entry_id'] as const;

/** A movement of one asset from one account to another; `amount` is above 0. */
export interface Movement {
  readonly asset: AssetId;
  readonly from: string;
  readonly to: string;
  readonly amount: Decimal;
}

interface Open {
  readonly account: string;
  left: Decimal;
}

/**
 * Movements that a balanced entry stands for: of each asset, what accounts gave goes to what accounts got, in the order of the
 * postings. Summed up again per account they are the entry.
 */
export function movementsOf(entry: LedgerEntry): Movement[] {
  const assets = [...new Set(entry.postings.map(({ asset }) => asset))];
  return assets.flatMap((asset) => {
    const sums = new Map<string, Decimal>();
    for (const posting of entry.postings)
      if (posting.asset === asset)
        sums.set(posting.account, (sums.get(posting.account) ?? ZERO).plus(posting.amount));
    const open = [...sums].map(([account, left]) => ({ account, left }));
    return matched(
      asset,
      open.filter(({ left }) => left.isNegative()).map((one) => ({ ...one, left: one.left.abs() })),
      open.filter(({ left }) => left.gt(0)),
    );
  });
}

function matched(asset: AssetId, givers: Open[], takers: Open[]): Movement[] {
  const movements: Movement[] = [];
  for (const giver of givers)
    for (const taker of takers) {
      const amount = Decimal.min(giver.left, taker.left);
      if (amount.isZero()) continue;
      giver.left = giver.left.minus(amount);
      taker.left = taker.left.minus(amount);
      movements.push({ asset, from: giver.account, to: taker.account, amount });
    }
  return movements;
}

const isHeld = (account: string): boolean => account.startsWith('exchange:');
const nameOf = (account: string): string => (isHeld(account) ? account.slice('exchange:'.length) : account);

/** What moved between exchanges, or came from or went to the outside. Fills are trades and not here. */
export function transferRowsOf(entry: LedgerEntry, zone: ZonedTime): ExportRow[] {
  if (entry.kind === 'fill') return [];
  return movementsOf(entry)
    .filter(({ from, to }) => isHeld(from) || isHeld(to))
    .map(({ asset, from, to, amount }) => ({
      time: zone.textOf(entry.bookedAtMs),
      day: zone.dayOf(entry.bookedAtMs),
      kind: isHeld(from) && isHeld(to) ? 'between exchanges' : entry.kind,
      from: nameOf(from),
      to: nameOf(to),
      asset,
      amount: toText(amount),
      entry_id: entry.entryId,
    }));
}

export async function* transferRows(
  entries: AsyncIterable<LedgerEntry>,
  zone: ZonedTime,
  period: Period,
): AsyncGenerator<ExportRow> {
  for await (const entry of entries)
    if (isWithin(period, zone.dayOf(entry.bookedAtMs))) yield* transferRowsOf(entry, zone);
}
