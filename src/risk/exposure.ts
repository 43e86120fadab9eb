import { Decimal } from '../market/decimal.js';
import { invariant } from '../messages/errors.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { AssetId, DecimalText, ExchangeId } from '../messages/primitives.js';
import { Amount, NOTHING, Price } from './amount.js';
import type { RiskLimits } from './limits.js';
import { NearSum } from './near.js';

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
  /** Of a statistical pair: the position that it opens or closes. */
  readonly positionId?: string;
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
const ONE = new Price('1');
const at = (exchange: ExchangeId, asset: AssetId): string => `${exchange}|${asset}`;

type Sums<K> = Map<K, Amount>;

function addTo<K>(sums: Sums<K>, key: K, amount: Decimal): void {
  const sum = (sums.get(key) ?? NOTHING).exact.plus(amount);
  if (sum.isZero()) sums.delete(key);
  else sums.set(key, new Amount(sum));
}

/** Assets of one exchange; what has nothing left is forgotten. */
function addAt(
  sums: Map<ExchangeId, Sums<AssetId>>,
  exchange: ExchangeId,
  asset: AssetId,
  amount: Decimal,
): void {
  const known = sums.get(exchange) ?? new Map<AssetId, Amount>();
  addTo(known, asset, amount);
  if (known.size === 0) sums.delete(exchange);
  else sums.set(exchange, known);
}

/** What one strategy has in flight, by asset. */
interface StrategyFlows {
  readonly into: Sums<AssetId>;
  readonly out: Sums<AssetId>;
}

const NO_FLOWS: StrategyFlows = { into: new Map(), out: new Map() };

/**
 * The one book of exposure for all strategies (TRADING §1). Holdings come from the ledger; orders in flight are reserved
 * at full size from approval until their arbitrage is closed, and a reservation is released exactly once (I3).
 */
export class ExposureBook {
  private readonly limits: RiskLimits;
  private readonly baseline: ReadonlyMap<AssetId, Amount>;
  private readonly reserve: ReadonlyMap<string, Amount>;
  private holdings = new Map<ExchangeId, Sums<AssetId>>();
  private assetTotals: Sums<AssetId> = new Map();
  private version = -1;
  private readonly marks = new Map<AssetId, Price>();
  private readonly reservations = new Map<string, Reservation>();
  private readonly claimed = new Set<string>();
  private readonly outflow: Sums<string> = new Map();
  private readonly inflow = new Map<ExchangeId, Sums<AssetId>>();
  private readonly assetOutflow: Sums<AssetId> = new Map();
  private readonly assetInflow: Sums<AssetId> = new Map();
  private readonly byStrategy = new Map<string, StrategyFlows>();

  constructor(limits: RiskLimits) {
    this.limits = limits;
    this.baseline = new Map(limits.baseline.map((b) => [b.asset, new Amount(new Decimal(b.amount))]));
    this.reserve = new Map(
      limits.reserve.map((r) => [at(r.exchange, r.asset), new Amount(new Decimal(r.amount))]),
    );
  }

  /** Takes the ledger's holdings; an older version than the one known is ignored. Returns whether it was taken. */
  setHoldings(changed: Pick<BalancesChanged, 'version' | 'holdings'>): boolean {
    if (changed.version < this.version) return false;
    this.version = changed.version;
    this.holdings = new Map();
    this.assetTotals = new Map();
    for (const held of changed.holdings) {
      const amount = new Decimal(held.amount);
      addAt(this.holdings, held.exchange, held.asset, amount);
      addTo(this.assetTotals, held.asset, amount);
    }
    return true;
  }

  /** False until the ledger has spoken: nothing may trade on holdings that are only assumed. */
  get holdingsKnown(): boolean {
    return this.version >= 0;
  }

  setMark(asset: AssetId, price: DecimalText): void {
    if (this.marks.get(asset)?.text !== price) this.marks.set(asset, new Price(price));
  }

  /** Price of one unit in the reporting currency; null while none is known. */
  markOf(asset: AssetId): Decimal | null {
    return this.priceOf(asset)?.exact ?? null;
  }

  /** The same as it was told. */
  markTextOf(asset: AssetId): DecimalText | null {
    return this.priceOf(asset)?.text ?? null;
  }

  /** The float64 next to it; NaN while none is known. */
  nearMarkOf(asset: AssetId): number {
    return this.priceOf(asset)?.near ?? NaN;
  }

  private priceOf(asset: AssetId): Price | undefined {
    return asset === this.limits.reportingCurrency ? ONE : this.marks.get(asset);
  }

  private heldAt(exchange: ExchangeId, asset: AssetId): Amount {
    return this.holdings.get(exchange)?.get(asset) ?? NOTHING;
  }

  held(exchange: ExchangeId, asset: AssetId): Decimal {
    return this.heldAt(exchange, asset).exact;
  }

  /** What may still be spent: holdings − reserve − everything already promised. May be negative. */
  available(exchange: ExchangeId, asset: AssetId): Decimal {
    const key = at(exchange, asset);
    return this.held(exchange, asset)
      .minus((this.reserve.get(key) ?? NOTHING).exact)
      .minus((this.outflow.get(key) ?? NOTHING).exact);
  }

  /** What would be missing of `needed` units, as a float sum: negative where they are there. */
  nearShortage(exchange: ExchangeId, asset: AssetId, needed: number): NearSum {
    const key = at(exchange, asset);
    return new NearSum()
      .plus(needed)
      .plus(this.reserve.get(key)?.near ?? 0)
      .plus(this.outflow.get(key)?.near ?? 0)
      .minus(this.heldAt(exchange, asset).near);
  }

  intervalOf(asset: AssetId): ExposureInterval {
    const current = (this.assetTotals.get(asset) ?? NOTHING).exact.minus(
      (this.baseline.get(asset) ?? NOTHING).exact,
    );
    return {
      current,
      low: current.minus((this.assetOutflow.get(asset) ?? NOTHING).exact),
      high: current.plus((this.assetInflow.get(asset) ?? NOTHING).exact),
    };
  }

  /** The ends of the interval, the lower one with its sign turned, as float sums. */
  nearEndsOf(asset: AssetId): readonly [high: NearSum, minusLow: NearSum] {
    const held = this.assetTotals.get(asset)?.near ?? 0;
    const kept = this.baseline.get(asset)?.near ?? 0;
    return [
      new NearSum()
        .plus(held)
        .minus(kept)
        .plus(this.assetInflow.get(asset)?.near ?? 0),
      new NearSum()
        .plus(kept)
        .minus(held)
        .plus(this.assetOutflow.get(asset)?.near ?? 0),
    ];
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

  /** The worst of all exposed assets together in the reporting currency, as a float sum; NaN while a price is missing. */
  nearTotal(): NearSum {
    const total = new NearSum();
    for (const asset of this.exposedAssets()) {
      const [high, minusLow] = this.nearEndsOf(asset);
      total.plusWorst(high, minusLow, this.nearMarkOf(asset));
    }
    return total;
  }

  /** What a strategy has in flight, each asset at its worst: all of it may come in, or all of it may go out. */
  inFlightOf(strategy: string): ReadonlyMap<AssetId, Decimal> {
    const [into, out] = [new Map<AssetId, Amount>(), new Map<AssetId, Amount>()];
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
      [...assets].map((asset) => [
        asset,
        Decimal.max((into.get(asset) ?? NOTHING).exact, (out.get(asset) ?? NOTHING).exact),
      ]),
    );
  }

  /** The worth of that in the reporting currency, as a float sum that is kept up to date; NaN while a price is missing. */
  nearInFlightOf(strategy: string): NearSum {
    const worth = new NearSum();
    const { into, out } = this.byStrategy.get(strategy) ?? NO_FLOWS;
    for (const [asset, amount] of into)
      if (asset !== this.limits.reportingCurrency)
        worth.plus(Math.max(amount.near, out.get(asset)?.near ?? 0) * this.nearMarkOf(asset));
    for (const [asset, amount] of out)
      if (asset !== this.limits.reportingCurrency && !into.has(asset))
        worth.plus(amount.near * this.nearMarkOf(asset));
    return worth;
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
    return [...new Set([...this.holdings.keys(), ...this.inflow.keys()])];
  }

  /** Assets held at or on their way to an exchange, with the largest amount that may be there. */
  worstAt(exchange: ExchangeId): { readonly asset: AssetId; readonly amount: Decimal }[] {
    const held = this.holdings.get(exchange);
    const into = this.inflow.get(exchange);
    const assets = new Set([...(held?.keys() ?? []), ...(into?.keys() ?? [])]);
    return [...assets].map((asset) => ({
      asset,
      amount: (held?.get(asset) ?? NOTHING).exact.plus((into?.get(asset) ?? NOTHING).exact),
    }));
  }

  /** The worth of that in the reporting currency, as a float sum; NaN while a price is missing. */
  nearWorthAt(exchange: ExchangeId): NearSum {
    const worth = new NearSum();
    for (const sums of [this.holdings.get(exchange), this.inflow.get(exchange)])
      if (sums !== undefined)
        for (const [asset, amount] of sums) worth.plus(amount.near * this.nearMarkOf(asset));
    return worth;
  }

  reserveFor(reservation: Reservation): void {
    invariant(
      !this.reservations.has(reservation.arbitrageId),
      `${reservation.arbitrageId} is reserved already`,
    );
    this.reservations.set(reservation.arbitrageId, reservation);
    for (const leg of reservation.legs) this.count(reservation.strategy, leg, 1);
  }

  /** Frees a reservation. False when there is none: a second release changes nothing. */
  release(arbitrageId: string): boolean {
    const reservation = this.reservations.get(arbitrageId);
    if (reservation === undefined) return false;
    this.reservations.delete(arbitrageId);
    this.claimed.delete(arbitrageId);
    for (const leg of reservation.legs) this.count(reservation.strategy, leg, -1);
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

  /** A trade of this position has not ended. */
  isPositionBusy(positionId: string): boolean {
    for (const reservation of this.reservations.values())
      if (reservation.positionId === positionId) return true;
    return false;
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

  private count(strategy: string, leg: ReservedLeg, sign: 1 | -1): void {
    const out = sign === 1 ? leg.outAmount : leg.outAmount.negated();
    const into = sign === 1 ? leg.inAmount : leg.inAmount.negated();
    addTo(this.outflow, at(leg.exchange, leg.outAsset), out);
    addAt(this.inflow, leg.exchange, leg.inAsset, into);
    addTo(this.assetOutflow, leg.outAsset, out);
    addTo(this.assetInflow, leg.inAsset, into);
    const flows = this.byStrategy.get(strategy) ?? { into: new Map(), out: new Map() };
    addTo(flows.out, leg.outAsset, out);
    addTo(flows.into, leg.inAsset, into);
    if (flows.into.size + flows.out.size === 0) this.byStrategy.delete(strategy);
    else this.byStrategy.set(strategy, flows);
  }
}

/** The largest absolute exposure of an interval. */
export function worstOf(interval: ExposureInterval): Decimal {
  return Decimal.max(interval.high.abs(), interval.low.abs(), interval.current.abs());
}
