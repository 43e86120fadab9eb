import { assetsOf } from '../execution/ledger.js';
import { Decimal, ZERO } from '../market/decimal.js';
import { invariant } from '../messages/errors.js';
import type { LedgerEntry } from '../messages/ledger.js';
import type { Fill } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import { openHolding, proRata, type CostBasis, type Holding, type Lot, type Taken } from './lots.js';
import { movementsOf, type Movement } from './transfers.js';

/**
 * Disposals with what they had cost, over all accounts: a transfer between exchanges changes nothing. Prices are those of booked
 * fills and nothing else; what has none is said to have none. The reporting currency is money and never disposed of.
 */

export type DisposalKind = 'sale' | 'fee' | 'withdrawal' | 'residual lot';

/** A part of one disposal that has one acquisition, or a part of what is left at the end. Amounts in the reporting currency; null = not known. */
export interface Disposal {
  readonly kind: DisposalKind;
  readonly atMs: number | null;
  readonly exchange: string | null;
  readonly asset: AssetId;
  readonly quantity: Decimal;
  readonly acquiredAtMs: number | null;
  readonly cost: Decimal | null;
  readonly proceeds: Decimal | null;
  readonly gain: Decimal | null;
  /** What the reader has to know of cost and proceeds; empty when both are booked. */
  readonly note: string;
  /** Trade id, or id of the ledger entry. */
  readonly reference: string | null;
}

export interface TaxOptions {
  readonly currency: AssetId;
  readonly basis: CostBasis;
  /** Price per unit of opening balances, as their owner says; without one their cost is not known. */
  readonly openingPrices: ReadonlyMap<AssetId, Decimal>;
}

/** One fact of the ledger in booking order; a fill entry comes with its fill. */
export interface LedgerFact {
  readonly entry: LedgerEntry;
  readonly fill: Fill | null;
}

interface Occasion {
  readonly kind: DisposalKind;
  readonly atMs: number;
  readonly exchange: string | null;
  readonly reference: string;
}

/** An amount in the reporting currency and where it comes from. */
interface Value {
  readonly amount: Decimal | null;
  readonly note: string;
}

const joined = (...notes: readonly string[]): string =>
  [...new Set(notes)].filter((note) => note !== '').join('; ');

export class TaxBook {
  private readonly options: TaxOptions;
  private readonly holdings = new Map<AssetId, Holding>();
  /** Of the last fill against the reporting currency. */
  private readonly prices = new Map<AssetId, Decimal>();
  /** What the entries themselves say is held. */
  private readonly booked = new Map<AssetId, Decimal>();

  constructor(options: TaxOptions) {
    this.options = options;
  }

  /** Books one fact and returns what it disposed of. */
  apply({ entry, fill }: LedgerFact): Disposal[] {
    for (const { account, asset, amount } of entry.postings)
      if (account.startsWith('exchange:'))
        this.booked.set(asset, (this.booked.get(asset) ?? ZERO).plus(amount));
    return fill === null ? this.move(entry) : this.trade(fill);
  }

  /** What is left, asset by asset. */
  residual(): Disposal[] {
    return [...this.holdings].sort(byName).flatMap(([asset, holding]) =>
      holding.residual().map((part) => ({
        ...this.partOf(asset, part),
        kind: 'residual lot' as const,
        atMs: null,
        exchange: null,
        proceeds: null,
        gain: null,
        reference: null,
      })),
    );
  }

  /** Quantities are kept: what the lots say is held is what the entries say. Throws ARB_INVARIANT naming the asset. */
  requireConserved(): void {
    for (const [asset, booked] of this.booked) {
      if (asset === this.options.currency) continue;
      const held = this.holdings.get(asset)?.quantity ?? ZERO;
      invariant(
        held.eq(booked),
        `lots of ${asset} sum to ${held.toFixed()}, the ledger holds ${booked.toFixed()}`,
      );
    }
  }

  private trade(fill: Fill): Disposal[] {
    const { base, quote } = assetsOf(fill.instrument);
    const quantity = new Decimal(fill.quantity);
    const notional = quantity.times(fill.price);
    if (quote === this.options.currency) this.prices.set(base, new Decimal(fill.price));
    const value = this.valueOf({ base, quote, quantity, notional });
    const fee = this.feeOf(fill, { base, quote, quantity, notional }, value);
    const [baseSide, quoteSide] = [
      { asset: base, amount: quantity },
      { asset: quote, amount: notional },
    ];
    const [got, gave] = fill.side === 'buy' ? [baseSide, quoteSide] : [quoteSide, baseSide];
    // The fee belongs to the base: it makes a purchase dearer and a sale worth less. Where the base is money, to the other side.
    const feeOnGot = base === this.options.currency ? fill.side === 'sell' : fill.side === 'buy';
    const at = { atMs: fill.exchangeTimeMs, exchange: fill.exchange, reference: fill.tradeId };
    this.acquire(got.asset, {
      quantity: got.amount,
      cost: feeOnGot ? plus(value.amount, fee.amount) : value.amount,
      acquiredAtMs: fill.exchangeTimeMs,
      source: value.note,
    });
    const proceeds = feeOnGot
      ? value
      : { amount: minus(value.amount, fee.amount), note: joined(value.note, fee.note) };
    return [
      ...this.dispose(gave.asset, gave.amount, { ...at, kind: 'sale' }, proceeds),
      ...this.payFee(fill, { ...at, kind: 'fee' }, fee),
    ];
  }

  /** The fee in its own coin: paid, it is disposed of; a rebate is acquired. */
  private payFee(fill: Fill, occasion: Occasion, fee: Value): Disposal[] {
    const amount = new Decimal(fill.fee);
    if (amount.gt(0)) return this.dispose(fill.feeAsset, amount, occasion, fee);
    if (amount.isZero()) return [];
    this.acquire(fill.feeAsset, {
      quantity: amount.abs(),
      cost: fee.amount?.abs() ?? null,
      acquiredAtMs: occasion.atMs,
      source: joined('rebate', fee.note),
    });
    return [];
  }

  private valueOf({ base, quote, quantity, notional }: Trade): Value {
    const { currency } = this.options;
    if (quote === currency) return { amount: notional, note: '' };
    if (base === currency) return { amount: quantity, note: '' };
    const ofQuote = this.priced(quote, notional);
    return ofQuote.amount === null ? this.priced(base, quantity) : ofQuote;
  }

  /** At the price of this very trade where the fee is in one of its two coins. */
  private feeOf(fill: Fill, trade: Trade, value: Value): Value {
    const fee = new Decimal(fill.fee);
    if (fee.isZero()) return { amount: ZERO, note: '' };
    if (fill.feeAsset === this.options.currency) return { amount: fee, note: '' };
    const whole =
      fill.feeAsset === trade.base ? trade.quantity : fill.feeAsset === trade.quote ? trade.notional : null;
    if (whole === null) return this.priced(fill.feeAsset, fee);
    return { amount: value.amount === null ? null : proRata(value.amount, fee, whole), note: value.note };
  }

  private priced(asset: AssetId, quantity: Decimal): Value {
    const price = this.prices.get(asset);
    return price === undefined
      ? { amount: null, note: `no price of ${asset} was booked` }
      : { amount: price.times(quantity), note: `${asset} at the price of its last fill` };
  }

  private move(entry: LedgerEntry): Disposal[] {
    return movementsOf(entry).flatMap((movement) => this.movement(entry, movement));
  }

  private movement(entry: LedgerEntry, { asset, from, to, amount }: Movement): Disposal[] {
    const [leaves, arrives] = [from.startsWith('exchange:'), to.startsWith('exchange:')];
    if (leaves === arrives) return [];
    if (arrives) {
      const price = entry.kind === 'opening' ? this.options.openingPrices.get(asset) : undefined;
      const source = entry.kind === 'opening' ? 'opening balance' : `came by ${entry.kind} entry`;
      const cost = price === undefined ? null : price.times(amount);
      this.acquire(asset, { quantity: amount, cost, acquiredAtMs: entry.bookedAtMs, source });
      return [];
    }
    const occasion = {
      atMs: entry.bookedAtMs,
      exchange: from.slice('exchange:'.length),
      reference: entry.entryId,
    };
    if (to === 'fees')
      return this.dispose(asset, amount, { ...occasion, kind: 'fee' }, this.priced(asset, amount));
    return this.dispose(
      asset,
      amount,
      { ...occasion, kind: 'withdrawal' },
      { amount: null, note: 'moved out, not sold' },
    );
  }

  private acquire(asset: AssetId, lot: Lot): void {
    if (asset !== this.options.currency) this.holdingOf(asset).acquire(lot);
  }

  private holdingOf(asset: AssetId): Holding {
    const known = this.holdings.get(asset) ?? openHolding(this.options.basis);
    this.holdings.set(asset, known);
    return known;
  }

  /** Proceeds go with the parts by their quantity; the last takes the rest, so that they sum up. */
  private dispose(asset: AssetId, quantity: Decimal, occasion: Occasion, value: Value): Disposal[] {
    if (asset === this.options.currency) return [];
    let left = { quantity, amount: value.amount };
    return this.holdingOf(asset)
      .take(quantity)
      .map((part) => {
        const proceeds = left.amount === null ? null : proRata(left.amount, part.quantity, left.quantity);
        left = { quantity: left.quantity.minus(part.quantity), amount: minus(left.amount, proceeds) };
        const own = this.partOf(asset, part);
        const gain = proceeds === null || part.cost === null ? null : proceeds.minus(part.cost);
        return { ...occasion, ...own, proceeds, gain, note: joined(own.note, value.note) };
      });
  }

  private partOf(asset: AssetId, { quantity, cost, acquiredAtMs, source }: Taken) {
    const note = cost === null ? joined('cost not known', source) : '';
    return { asset, quantity, cost, acquiredAtMs, note };
  }
}

interface Trade {
  readonly base: AssetId;
  readonly quote: AssetId;
  readonly quantity: Decimal;
  readonly notional: Decimal;
}

/** A part that is not known leaves the rest as it is, and its note says so. */
const plus = (a: Decimal | null, b: Decimal | null): Decimal | null => (a === null ? null : a.plus(b ?? 0));
const minus = (a: Decimal | null, b: Decimal | null): Decimal | null => (a === null ? null : a.minus(b ?? 0));

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;
