import { Decimal, toText } from '../market/decimal.js';
import { assetsOf } from '../market/leg-assets.js';
import { ArbotError } from '../messages/errors.js';
import type { ExternalFlow } from '../messages/gateway.js';
import type { BalancesChanged, LedgerEntry, Posting } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import { RecentIds } from '../risk/recent-ids.js';

/**
 * Double entry in decimals (I1, I2). `exchange:<id>` accounts hold what is there; `trading`, `fees`, `opening` and
 * `external` are their counterparts. Each entry sums to zero for each asset.
 */

/** Entry ids a book without a store remembers; a store remembers them for ever. */
const REMEMBERED_ENTRIES = 1_000_000;

export { assetsOf };

/** One cause, one entry id: the store refuses the second booking of the same fill. */
export const fillEntryId = (fill: Pick<Fill, 'exchange' | 'tradeId'>): string =>
  `fill:${fill.exchange}:${fill.tradeId}`;

/**
 * The entry of one fill: base against trading, quote against trading, fee against fees in the asset it was taken in.
 * @throws ArbotError ARB_DECIMAL_INVALID when price × quantity needs more digits than money has.
 */
export function fillEntry(fill: Fill, bookedAtMs: number): LedgerEntry {
  const { base, quote } = assetsOf(fill.instrument);
  const held = `exchange:${fill.exchange}`;
  const sign = fill.side === 'buy' ? 1 : -1;
  const quantity = new Decimal(fill.quantity).times(sign);
  const notional = new Decimal(fill.price).times(fill.quantity).times(-sign);
  return {
    entryId: fillEntryId(fill),
    kind: 'fill',
    arbitrageId: fill.arbitrageId,
    postings: [
      ...pair(held, 'trading', base, quantity),
      ...pair(held, 'trading', quote, notional),
      ...pair(held, 'fees', fill.feeAsset, new Decimal(fill.fee).negated()),
    ],
    bookedAtMs,
  };
}

/** What came in or went out without a trade: once per exchange and flow, for ever. */
export function externalEntry(flow: ExternalFlow, bookedAtMs: number): LedgerEntry {
  const { exchange, flowId, asset, amount } = flow;
  return {
    entryId: `external:${exchange}:${flowId}`,
    kind: 'external',
    arbitrageId: null,
    postings: pair(`exchange:${exchange}`, 'external', asset, new Decimal(amount)),
    bookedAtMs,
  };
}

/** Moves `amount` into `account` and the opposite into its counterpart; nothing for zero. */
function pair(account: string, counterpart: string, asset: AssetId, amount: Decimal): Posting[] {
  if (amount.isZero()) return [];
  return [
    { account, asset, amount: toText(amount) },
    { account: counterpart, asset, amount: toText(amount.negated()) },
  ];
}

export interface OpeningBalance {
  readonly exchange: ExchangeId;
  readonly asset: AssetId;
  readonly amount: DecimalText;
}

/** One entry per exchange and asset, so that a balance configured later opens without touching the others. */
export function openingEntries(balances: readonly OpeningBalance[], bookedAtMs: number): LedgerEntry[] {
  return balances
    .filter((balance) => !new Decimal(balance.amount).isZero())
    .map(({ exchange, asset, amount }) => ({
      entryId: `opening:${exchange}:${asset}`,
      kind: 'opening',
      arbitrageId: null,
      postings: pair(`exchange:${exchange}`, 'opening', asset, new Decimal(amount)),
      bookedAtMs,
    }));
}

/** @throws ArbotError ARB_LEDGER_UNBALANCED naming entry, asset and difference. */
export function requireBalanced(entry: LedgerEntry): void {
  const sums = new Map<AssetId, Decimal>();
  for (const { asset, amount } of entry.postings)
    sums.set(asset, (sums.get(asset) ?? new Decimal(0)).plus(amount));
  for (const [asset, sum] of sums)
    if (!sum.isZero())
      throw new ArbotError(
        'ARB_LEDGER_UNBALANCED',
        `entry ${entry.entryId}: postings of ${asset} sum to ${sum.toFixed()}, not 0`,
      );
}

/** Balance of one account in one asset. */
export interface AccountBalance {
  readonly account: string;
  readonly asset: AssetId;
  readonly amount: DecimalText;
}

/** The ledger in memory: sums per account and asset. Replaying the same entries in order gives the same sums, exactly. */
export class LedgerBook {
  private readonly sums = new Map<string, Decimal>();
  private readonly entryIds = new RecentIds(REMEMBERED_ENTRIES);
  /** Entries booked since the start of this book; grows by one per entry. */
  version = 0;

  /** Starts from sums that a store answered for. */
  static fromBalances(balances: readonly AccountBalance[]): LedgerBook {
    const book = new LedgerBook();
    for (const { account, asset, amount } of balances) book.add(account, asset, new Decimal(amount));
    return book;
  }

  /** Books a balanced entry; the same entryId again changes nothing. Throws ARB_LEDGER_UNBALANCED. */
  book(entry: LedgerEntry): 'booked' | 'duplicate' {
    requireBalanced(entry);
    if (!this.entryIds.add(entry.entryId)) return 'duplicate';
    this.apply(entry);
    return 'booked';
  }

  /** Applies an entry that a store has just booked: the store has already refused duplicates, for ever. */
  apply(entry: LedgerEntry): void {
    for (const { account, asset, amount } of entry.postings) this.add(account, asset, new Decimal(amount));
    this.version++;
  }

  /** Every account that is not zero, in a fixed order, so that equal books compare equal as text. */
  balances(): AccountBalance[] {
    return [...this.sums]
      .map(([key, amount]) => {
        const [account = '', asset = ''] = key.split('|');
        return { account, asset, amount: toText(amount) };
      })
      .sort((a, b) => compare(a.account, b.account) || compare(a.asset, b.asset));
  }

  /** What the exchanges hold. */
  holdings(): BalancesChanged['holdings'] {
    return this.balances()
      .filter(({ account }) => account.startsWith('exchange:'))
      .map(({ account, asset, amount }) => ({ exchange: account.slice('exchange:'.length), asset, amount }));
  }

  /** Sum over all accounts of one asset: zero, or the ledger is broken. */
  totalOf(asset: AssetId): Decimal {
    let total = new Decimal(0);
    for (const [key, amount] of this.sums) if (key.endsWith(`|${asset}`)) total = total.plus(amount);
    return total;
  }

  private add(account: string, asset: AssetId, amount: Decimal): void {
    const key = `${account}|${asset}`;
    const sum = (this.sums.get(key) ?? new Decimal(0)).plus(amount);
    if (sum.isZero()) this.sums.delete(key);
    else this.sums.set(key, sum);
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
