import type { AssetId } from '../messages/primitives.js';
import { commonStep, Decimal, parsePositive, parseUnsigned, ZERO } from '../market/decimal.js';
import type { Fee } from '../market/fees.js';
import type { Instrument } from '../market/instrument.js';
import { orderRulesOf, type OrderRules } from '../market/order-rules.js';
import type { OpportunityLife } from './opportunity-life.js';
import { BOARD_DEPTH } from '../market/quote-board.js';
import { fastTermsOf, type FastTerms } from './optimal-size-fast.js';
import {
  leastCosts,
  limitsOfPair,
  type PairTerms,
  routeCosts,
  type QuoteLimitsExact,
  type RouteCosts,
  type SpatialParameters,
} from './spatial-parameters.js';
import { edgeTermsOf } from './two-books.js';

/** One market as the spatial detector sees it. Rules are in exchange units; `units` converts to canonical base. */
export interface SpatialMarket {
  readonly instrument: Instrument;
  readonly slot: number;
  readonly rules: OrderRules;
  readonly fee: Fee;
  readonly units: Decimal;
}

/** Buy on one market, sell on another. All quantities in canonical base. */
export interface SpatialRoute {
  readonly buy: SpatialMarket;
  readonly sell: SpatialMarket;
  /** Both legs' lots divide it: the coarser one, where one is a multiple of the other. */
  readonly lot: Decimal;
  readonly minBase: Decimal;
  readonly maxBase: Decimal | null;
  readonly limits: QuoteLimitsExact;
  readonly costs: RouteCosts;
  readonly fast: FastTerms;
  /** The way back that is not open, where only inventory above the reserve trades. */
  readonly unrefilled?: string;
}

/** @throws ArbotError ARB_DECIMAL_INVALID naming instrument and field. */
export function spatialMarket(instrument: Instrument, slot: number): SpatialMarket {
  const rate = parseUnsigned(instrument.takerFeeRate, `${instrument.id} takerFeeRate`);
  const discount = parseUnsigned(instrument.feeDiscount ?? '0', `${instrument.id} feeDiscount`);
  return {
    instrument,
    slot,
    rules: orderRulesOf(instrument),
    fee: { rate, mode: instrument.feeMode, discount: instrument.feeMode === 'third' ? discount : ZERO },
    units: parsePositive(instrument.unitMultiplier, `${instrument.id} unitMultiplier`),
  };
}

/**
 * The routes between all markets of equal, known base and quote, in the directions the pair's terms allow; quotes without
 * limits and pairs without terms are left out.
 */
export function spatialRoutes(
  markets: readonly SpatialMarket[],
  limits: ReadonlyMap<AssetId, QuoteLimitsExact>,
  parameters: SpatialParameters,
): SpatialRoute[] {
  const groups = new Map<string, SpatialMarket[]>();
  for (const market of markets) {
    const { identityKnown, base, quote } = market.instrument;
    if (!identityKnown) continue;
    const group = groups.get(`${base} ${quote}`);
    if (group === undefined) groups.set(`${base} ${quote}`, [market]);
    else group.push(market);
  }
  const routes: SpatialRoute[] = [];
  for (const group of groups.values()) {
    const { pair, quote } = group[0]!.instrument;
    const quoteLimits = limits.get(quote);
    const terms = parameters.pairs?.get(pair);
    if (quoteLimits === undefined || (parameters.pairs !== undefined && terms === undefined)) continue;
    const pairLimits = limitsOfPair(pair, quoteLimits, terms);
    for (const buy of group) {
      for (const sell of group) {
        if (isAllowed(buy, sell, terms)) routes.push(routeOf(buy, sell, pairLimits, parameters));
      }
    }
  }
  return routes;
}

function isAllowed(buy: SpatialMarket, sell: SpatialMarket, terms: PairTerms | undefined): boolean {
  const [from, to] = [buy.instrument.exchange, sell.instrument.exchange];
  const listed = terms?.directions;
  return from !== to && (listed === undefined || listed.some((one) => one.buy === from && one.sell === to));
}

/** A route and the life that is going on there, if any. The numbers are what almost every look ends with. */
export interface RouteWatch {
  /** As its markets list it, on the best terms it may have. */
  readonly listed: SpatialRoute;
  /** On the terms of the last look. */
  route: SpatialRoute;
  /** What those terms were worked out from; '' = not yet. */
  pricedBy: string;
  /** Why it may not trade on these terms, whatever its edge. */
  hindrance: Hindrance | null;
  /** Index of the best ask and of the best bid in the board's arrays. */
  readonly askAt: number;
  readonly bidAt: number;
  /** Bid over ask, in exchange units, below which a route without a life is of no interest. */
  readonly openRatio: number;
  life: OpportunityLife | null;
}

/** A reason that is not in the books, for machines and for people. */
export interface Hindrance {
  readonly reason: 'NOT_REFILLABLE' | 'FEE_COIN' | 'TRANSFER_COST';
  readonly on: string;
}

/** Room for float64 rounding: what passes is judged exactly afterwards. */
const RATIO_SLACK = 1 - 1e-12;

function watchOf(route: SpatialRoute, parameters: SpatialParameters): RouteWatch {
  const { numerator, keep, costRate, yieldFactor, askUnits, bidUnits } = route.fast;
  const byGross = 1 + parameters.reportFloorBps / 1e4;
  const byNet = ((numerator / keep + costRate) / yieldFactor) * (1 + Math.max(parameters.minNetBps, 0) / 1e4);
  return {
    listed: route,
    route,
    pricedBy: '',
    hindrance: null,
    askAt: route.buy.slot * BOARD_DEPTH,
    bidAt: route.sell.slot * BOARD_DEPTH,
    openRatio: (bidUnits / askUnits) * Math.min(byGross, byNet) * RATIO_SLACK,
    life: null,
  };
}

/** Every route under both of its slots, so that a dirty slot finds what it touches. */
export function watchesBySlot(
  routes: readonly SpatialRoute[],
  parameters: SpatialParameters,
): Map<number, RouteWatch[]> {
  const index = new Map<number, RouteWatch[]>();
  for (const route of routes) {
    const watch = watchOf(route, parameters);
    for (const { slot } of [route.buy, route.sell]) {
      const watches = index.get(slot);
      if (watches === undefined) index.set(slot, [watch]);
      else watches.push(watch);
    }
  }
  return index;
}

function routeOf(
  buy: SpatialMarket,
  sell: SpatialMarket,
  limits: QuoteLimitsExact,
  parameters: SpatialParameters,
): SpatialRoute {
  const { pair, exchange: buyOn } = buy.instrument;
  const costs = routeCosts(leastCosts(parameters, { pair, buyOn, sellOn: sell.instrument.exchange }));
  const most = [buy, sell].flatMap(({ rules, units }) =>
    rules.maxQuantity === null ? [] : [rules.maxQuantity.times(units)],
  );
  return withFastTerms({
    buy,
    sell,
    lot: commonStep(buy.rules.lot.times(buy.units), sell.rules.lot.times(sell.units)),
    minBase: Decimal.max(buy.rules.minQuantity.times(buy.units), sell.rules.minQuantity.times(sell.units)),
    maxBase: most.length === 0 ? null : Decimal.min(...most),
    limits,
    costs,
  });
}

/** The route with the float64 picture of its terms. */
export function withFastTerms(route: Omit<SpatialRoute, 'fast'>): SpatialRoute {
  const { buy, sell, costs, limits, maxBase } = route;
  const terms = edgeTermsOf({
    ...{ asks: [], bids: [], maxQuote: null, maxBase: null },
    feeBuy: buy.fee,
    feeSell: sell.fee,
    costRate: costs.rate,
  });
  return {
    ...route,
    fast: fastTermsOf(
      terms,
      { ask: buy.units.toNumber(), bid: sell.units.toNumber() },
      { maxQuote: limits.maxNotional.toNumber(), maxBase: maxBase?.toNumber() ?? Infinity },
    ),
  };
}
