import type { AssetId, Side } from '../../messages/primitives.js';
import { BPS, Decimal, decimalOf, ZERO } from '../../market/decimal.js';
import { buyFactor, effectiveRate, sellFactor, type Fee } from '../../market/fees.js';
import type { Instrument } from '../../market/instrument.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import { exactLimits, limitsOfPair, type QuoteLimitsExact } from '../spatial-parameters.js';
import { spatialMarket, type SpatialMarket } from '../spatial-route.js';
import { enumerateCycles, type Cycle } from './cycle-graph.js';
import type { TriangularParameters } from './triangular-parameters.js';

/** One trade of a cycle, in canonical units of its base. */
export interface RouteLeg {
  readonly market: SpatialMarket;
  readonly side: Side;
  /** What it spends, and what it yields. */
  readonly from: AssetId;
  readonly to: AssetId;
  readonly lot: Decimal;
  readonly minBase: Decimal;
  readonly maxBase: Decimal | null;
  /** Of what is traded, in quote. */
  readonly minNotional: Decimal;
  /** A buy takes from the account what it trades times `spend`, and keeps `keep` of the base; a sale yields `yieldFactor`. */
  readonly spend: Decimal;
  readonly keep: Decimal;
  readonly yieldFactor: Decimal;
}

/** A cycle in one direction, from its start asset back to it, all on one exchange. */
export interface CycleRoute {
  readonly legs: readonly RouteLeg[];
  readonly start: AssetId;
  /** `binance:BTC-USDT > binance:ETH-BTC > binance:ETH-USDT`. */
  readonly name: string;
  readonly limits: QuoteLimitsExact;
  /** Proportional cost of what is spent: latency decay. */
  readonly costRate: Decimal;
  /** Product of the fees alone, and what a net rate at best prices must reach for the cycle to be of interest. */
  readonly feeProduct: number;
  readonly openRate: number;
}

/** Every directed cycle of three legs on each exchange that is watched, and the markets that they use. */
export interface CycleRoutes {
  readonly routes: readonly CycleRoute[];
  readonly markets: readonly SpatialMarket[];
  /** The same cycles over indices of `markets`, in the same order. */
  readonly cycles: readonly Cycle[];
}

const LEGS = 3;

/** @throws ArbotError ARB_DECIMAL_INVALID naming what cannot be read. */
export function cycleRoutes(
  instruments: readonly Instrument[],
  board: QuoteBoard,
  parameters: TriangularParameters,
): CycleRoutes {
  const limits = exactLimits(parameters);
  const markets = instruments
    .filter((one) => isWatched(one, parameters))
    // States change more often than rules and are asked for at each look.
    .map((one) => spatialMarket({ ...one, state: 'trading' }, board.slotOf(one.id)));
  const found = { routes: [] as CycleRoute[], cycles: [] as Cycle[] };
  for (const exchange of new Set(markets.map(({ instrument }) => instrument.exchange))) {
    const own = markets.flatMap(({ instrument }, at) => (instrument.exchange === exchange ? [at] : []));
    const listed = own.map((at) => markets[at]!.instrument);
    for (const cycle of enumerateCycles(listed, LEGS)) {
      const begun = fromStart(cycle, [...limits.keys()]);
      if (begun === null) continue;
      const legs = begun.legs.map(({ market, side }) => ({ market: own[market]!, side }));
      found.routes.push(routeOf({ assets: begun.assets, legs }, markets, limits, parameters));
      found.cycles.push({ assets: begun.assets, legs });
    }
  }
  return { ...found, markets };
}

function isWatched({ identityKnown, exchange, pair }: Instrument, parameters: TriangularParameters): boolean {
  const { exchanges, pairs } = parameters;
  return identityKnown && exchanges?.includes(exchange) !== false && pairs?.has(pair) !== false;
}

/** The same walk from the first of these assets that it passes; null when it passes none. */
function fromStart({ assets, legs }: Cycle, starts: readonly AssetId[]): Cycle | null {
  const start = starts.find((asset) => assets.includes(asset));
  if (start === undefined) return null;
  const at = assets.indexOf(start);
  const turned = <T>(list: readonly T[]): T[] => [...list.slice(at), ...list.slice(0, at)];
  return { assets: turned(assets), legs: turned(legs) };
}

function routeOf(
  { assets, legs }: Cycle,
  markets: readonly SpatialMarket[],
  limits: ReadonlyMap<AssetId, QuoteLimitsExact>,
  parameters: TriangularParameters,
): CycleRoute {
  const start = assets[0]!;
  const used = legs.map(({ market }) => markets[market]!);
  const bounds = used.reduce((least, { instrument: { pair, quote } }) => {
    if (quote !== start) return least;
    const own = limitsOfPair(pair, least, parameters.pairs?.get(pair));
    return own.maxNotional.lessThan(least.maxNotional) ? own : least;
  }, limits.get(start)!);
  const built = legs.map(({ side }, at) => legOf(used[at]!, side, at === 0 ? bounds.minNotional : ZERO));
  const feeProduct = built.reduce((product, leg) => product * feeFactorOf(leg), 1);
  const byGross = feeProduct * (1 + parameters.reportFloorBps / 1e4);
  const byNet = 1 + (parameters.latencyDecayBps + Math.max(parameters.minNetBps, 0)) / 1e4;
  return {
    legs: built,
    start,
    name: used.map(({ instrument }) => instrument.id).join(' > '),
    limits: bounds,
    costRate: decimalOf(parameters.latencyDecayBps).div(BPS),
    feeProduct,
    openRate: Math.min(byGross, byNet),
  };
}

/** `least`: notional demanded beyond the exchange's, in what the leg spends. */
function legOf(market: SpatialMarket, side: Side, least: Decimal): RouteLeg {
  const { rules, units, instrument } = market;
  const { base, quote } = instrument;
  const minBase = rules.minQuantity.times(units);
  const isBuy = side === 'buy';
  return {
    market,
    side,
    from: isBuy ? quote : base,
    to: isBuy ? base : quote,
    lot: rules.lot.times(units),
    minBase: isBuy ? minBase : Decimal.max(minBase, least),
    maxBase: rules.maxQuantity?.times(units) ?? null,
    minNotional: isBuy ? Decimal.max(rules.minNotional, least) : rules.minNotional,
    spend: spendFactor(market.fee),
    keep: buyFactor(market.fee).keep,
    yieldFactor: sellFactor(market.fee),
  };
}

/** Quote taken for one quote traded: the fee is on top of it unless the base pays it. */
const spendFactor = (fee: Fee): Decimal =>
  fee.mode === 'received' ? buyFactor(fee).numerator : effectiveRate(fee).plus(1);

/** How a price of the exchange becomes the rate of an edge, in canonical units. */
export function rateTermsOf({ fee, units }: SpatialMarket) {
  const one = units.toNumber();
  return {
    sell: sellFactor(fee).toNumber() / one,
    keep: buyFactor(fee).keep.toNumber() * one,
    numerator: spendFactor(fee).toNumber(),
  };
}

const feeFactorOf = ({ side, spend, keep, yieldFactor }: RouteLeg): number =>
  side === 'buy' ? keep.toNumber() / spend.toNumber() : yieldFactor.toNumber();
