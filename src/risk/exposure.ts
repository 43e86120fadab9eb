import { Decimal } from '../market/decimal.js';
import { invariant } from '../messages/errors.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { RiskLimits } from './limits.js';

/** One order in flight at its worst: it may give all of `out` and it may bring all of `in`. */
export interface ReservedLeg {
  readonly exchange: ExchangeId;
  readonly outAsset: AssetId;
  readonly outAmount: Decimal;
  readonly inAsset: AssetId;
  readonly inAmount: Decimal;
}

export interface Reservation {
  readonly arbitrageId: string;
  /** Whose it is; counts against the limit of the strategy. */
  readonly strategy: string;
  readonly legs: readonly ReservedLeg[];
  /** From this time on a reservation that nobody claimed may lapse, Unix ms. */
  readonly lapsesAtMs: number;
}

/** Where an asset's trading exposure may end up: holdings − baseline, and with everything in flight at its worst. */
export interface ExposureInterval {
  readonly current: Decimal;
  readonly low: Decimal;
  readonly high: Decimal;
}

const ZERO = new Decimal(0);
const ONE = new Decimal(1);
const at = (exchange: ExchangeId, asset: AssetId): string => `${exchange}|${asset}`;

function addTo(sums: Map<string, Decimal>, key: string, amount: Decimal): void {
  const sum = (sums.get(key) ?? ZERO).plus(amount);
  if (sum.isZero()) sums.delete(key);
  else sums.set(key, sum);
}

/**
 * The one book of exposure for all strategies (TRADING §1). Holdings come from the ledger; orders in flight are reserved
 * at full size from approval until their arbitrage is closed, and a reservation is released exactly once (I3).
 */
export class ExposureBook {
  private readonly limits: RiskLimits;
  private readonly baseline: ReadonlyMap<AssetId, Decimal>;
  private readonly reserve: ReadonlyMap<string, Decimal>;
  private holdings = new Map<string, Decimal>();
  private assetTotals = new Map<AssetId, Decimal>();
  private version = -1;
  private readonly marks = new Map<AssetId, Decimal>();
  private readonly reservations = new Map<string, Reservation>();
  private readonly claimed = new Set<string>();
  private readonly outflow = new Map<string, Decimal>();
  private readonly inflow = new Map<string, Decimal>();
  private readonly assetOutflow = new Map<AssetId, Decimal>();
  private readonly assetInflow = new Map<AssetId, Decimal>();

  constructor(limits: RiskLimits) {
    this.limits = limits;
    this.baseline = new Map(limits.baseline.map((b) => [b.asset, new Decimal(b.amount)]));
    this.reserve = new Map(limits.reserve.map((r) => [at(r.exchange, r.asset), new Decimal(r.amount)]));
  }

  /** Takes the ledger's holdings; an older version than the one known is ignored. Returns whether it was taken. */
  setHoldings(changed: Pick<BalancesChanged, 'version' | 'holdings'>): boolean {
    if (changed.version < this.version) return false;
    this.version = changed.version;
    this.holdings = new Map();
    this.assetTotals = new Map();
    for (const held of changed.holdings) {
      const amount = new Decimal(held.amount);
      addTo(this.holdings, at(held.exchange, held.asset), amount);
      addTo(this.assetTotals, held.asset, amount);
    }
    return true;
  }

  /** False until the ledger has spoken: nothing may trade on holdings that are only assumed. */
  get holdingsKnown(): boolean {
    return this.version >= 0;
  }

  setMark(asset: AssetId, price: Decimal): void {
    this.marks.set(asset, price);
  }

  /** Price of one unit in the reporting currency; null while none is known. */
  markOf(asset: AssetId): Decimal | null {
    return asset === this.limits.reportingCurrency ? ONE : (this.marks.get(asset) ?? null);
  }

  held(exchange: ExchangeId, asset: AssetId): Decimal {
    return this.holdings.get(at(exchange, asset)) ?? ZERO;
  }

  /** What may still be spent: holdings − reserve − everything already promised. May be negative. */
  available(exchange: ExchangeId, asset: AssetId): Decimal {
    const key = at(exchange, asset);
    return this.held(exchange, asset)
      .minus(this.reserve.get(key) ?? ZERO)
      .minus(this.outflow.get(key) ?? ZERO);
  }

  intervalOf(asset: AssetId): ExposureInterval {
    const current = (this.assetTotals.get(asset) ?? ZERO).minus(this.baseline.get(asset) ?? ZERO);
    return {
      current,
      low: current.minus(this.assetOutflow.get(asset) ?? ZERO),
      high: current.plus(this.assetInflow.get(asset) ?? ZERO),
    };
  }

  /** Every asset that is or may become exposed; the reporting currency is not. */
  exposedAssets(): AssetId[] {
    const names = new Set([
      ...this.assetTotals.keys(),
      ...this.baseline.keys(),
      ...this.assetInflow.keys(),
      ...this.assetOutflow.keys(),
    ]);
    names.delete(this.limits.reportingCurrency);
    return [...names];
  }

  /** What a strategy has in flight, each asset at its worst: all of it may come in, or all of it may go out. */
  inFlightOf(strategy: string): ReadonlyMap<AssetId, Decimal> {
    const [into, out] = [new Map<AssetId, Decimal>(), new Map<AssetId, Decimal>()];
    for (const reservation of this.reservations.values()) {
      if (reservation.strategy !== strategy) continue;
      for (const leg of reservation.legs) {
        addTo(into, leg.inAsset, leg.inAmount);
        addTo(out, leg.outAsset, leg.outAmount);
      }
    }
    const assets = new Set([...into.keys(), ...out.keys()]);
    assets.delete(this.limits.reportingCurrency);
    return new Map(
      [...assets].map((asset) => [asset, Decimal.max(into.get(asset) ?? ZERO, out.get(asset) ?? ZERO)]),
    );
  }

  /** Strategies that have something in flight. */
  strategies(): string[] {
    return [...new Set([...this.reservations.values()].map(({ strategy }) => strategy))];
  }

  /**
   * Σ (holdings − baseline) × price in the reporting currency: what trading has made of what was held on purpose. Null while
   * the price of something that is exposed is unknown, or the holdings are.
   */
  tradingValue(): Decimal | null {
    if (!this.holdingsKnown) return null;
    let value = ZERO;
    for (const asset of new Set([...this.assetTotals.keys(), ...this.baseline.keys()])) {
      const { current } = this.intervalOf(asset);
      if (current.isZero()) continue;
      const mark = this.markOf(asset);
      if (mark === null) return null;
      value = value.plus(current.times(mark));
    }
    return value;
  }

  /** Exchanges at which something is held or arrives. */
  exchanges(): ExchangeId[] {
    const keys = [...this.holdings.keys(), ...this.inflow.keys()];
    return [...new Set(keys.map((key) => key.slice(0, key.indexOf('|'))))];
  }

  /** Assets held at or on their way to an exchange, with the largest amount that may be there. */
  worstAt(exchange: ExchangeId): { readonly asset: AssetId; readonly amount: Decimal }[] {
    const prefix = `${exchange}|`;
    const keys = new Set(
      [...this.holdings.keys(), ...this.inflow.keys()].filter((k) => k.startsWith(prefix)),
    );
    return [...keys].map((key) => ({
      asset: key.slice(prefix.length),
      amount: (this.holdings.get(key) ?? ZERO).plus(this.inflow.get(key) ?? ZERO),
    }));
  }

  reserveFor(reservation: Reservation): void {
    invariant(
      !this.reservations.has(reservation.arbitrageId),
      `${reservation.arbitrageId} is reserved already`,
    );
    this.reservations.set(reservation.arbitrageId, reservation);
    for (const leg of reservation.legs) this.count(leg, 1);
  }

  /** Frees a reservation. False when there is none: a second release changes nothing. */
  release(arbitrageId: string): boolean {
    const reservation = this.reservations.get(arbitrageId);
    if (reservation === undefined) return false;
    this.reservations.delete(arbitrageId);
    this.claimed.delete(arbitrageId);
    for (const leg of reservation.legs) this.count(leg, -1);
    return true;
  }

  /** Orders of this arbitrage have left: from now on only its end releases the reservation. */
  claim(arbitrageId: string): void {
    if (this.reservations.has(arbitrageId)) this.claimed.add(arbitrageId);
  }

  /** Reservations that may lapse: never claimed, and past the time at which an order could still have left. */
  lapsedAt(nowMs: number): string[] {
    return [...this.reservations.values()]
      .filter((r) => !this.claimed.has(r.arbitrageId) && nowMs >= r.lapsesAtMs)
      .map((r) => r.arbitrageId);
  }

  /** Reservations of which nothing was heard yet. */
  unclaimed(): string[] {
    return [...this.reservations.keys()].filter((arbitrageId) => !this.claimed.has(arbitrageId));
  }

  isReserved(arbitrageId: string): boolean {
    return this.reservations.has(arbitrageId);
  }

  /** Null when it is not reserved. */
  strategyOf(arbitrageId: string): string | null {
    return this.reservations.get(arbitrageId)?.strategy ?? null;
  }

  /** Its orders have left, as far as anybody knows. */
  isClaimed(arbitrageId: string): boolean {
    return this.claimed.has(arbitrageId);
  }

  get reservationCount(): number {
    return this.reservations.size;
  }

  private count(leg: ReservedLeg, sign: 1 | -1): void {
    const out = leg.outAmount.times(sign);
    const into = leg.inAmount.times(sign);
    addTo(this.outflow, at(leg.exchange, leg.outAsset), out);
    addTo(this.inflow, at(leg.exchange, leg.inAsset), into);
    addTo(this.assetOutflow, leg.outAsset, out);
    addTo(this.assetInflow, leg.inAsset, into);
  }
}

/** The largest absolute exposure of an interval. */
export function worstOf(interval: ExposureInterval): Decimal {
  return Decimal.max(interval.high.abs(), interval.low.abs(), interval.current.abs());
}
