import type { AssetId, ExchangeId } from '../../messages/primitives.js';
import { commonStep, Decimal, ONE } from '../../market/decimal.js';
import { BOARD_DEPTH } from '../../market/quote-board.js';
import {
  leastCosts,
  limitsOfPair,
  routeCosts,
  type PairTerms,
  type QuoteLimitsExact,
  type RouteCosts,
  type SpatialParameters,
} from '../spatial-parameters.js';
import type { SpatialMarket } from '../spatial-route.js';
import { bridgeTerms, type BridgeDirection, type BridgeKind, type BridgeTerms } from './bridge-terms.js';

/** Three books of one direction. Quantities in canonical coins, money in dollars where nothing else is said. */
export interface BridgeRoute {
  readonly direction: BridgeDirection;
  readonly kind: BridgeKind;
  /** The coin in dollars. */
  readonly dollar: SpatialMarket;
  /** The coin in local money, on another exchange. */
  readonly local: SpatialMarket;
  /** Dollars in local money, on that exchange. */
  readonly rate: SpatialMarket;
  readonly lot: Decimal;
  readonly minBase: Decimal;
  readonly maxBase: Decimal | null;
  readonly limits: QuoteLimitsExact;
  readonly costs: RouteCosts;
  readonly terms: BridgeTerms;
  readonly fast: FastBridgeTerms;
}

/** The same in float64, for the look at every tick; coin units of the exchanges are folded into the factors. */
export interface FastBridgeTerms {
  readonly isSellLocal: boolean;
  /** Local value over dollar value, at prices as the exchanges print them, times this: 1 = no gross edge. */
  readonly grossScale: number;
  /** The same after fees and proportional costs: above 1 something is earned. */
  readonly netScale: number;
}

const otherSide = (direction: BridgeDirection, kept: ExchangeId, local: ExchangeId) =>
  direction === 'sell-local' ? { buy: kept, sell: local } : { buy: local, sell: kept };

/** Where the coin is bought and where it is sold. */
export const exchangesOf = ({
  direction,
  dollar,
  local,
}: Pick<BridgeRoute, 'direction' | 'dollar' | 'local'>) =>
  otherSide(direction, dollar.instrument.exchange, local.instrument.exchange);

/** The markets in the order of the legs, from dollars to dollars. */
export const marketsOf = ({ direction, dollar, local, rate }: BridgeRoute): readonly SpatialMarket[] =>
  direction === 'sell-local' ? [dollar, local, rate] : [rate, local, dollar];

/** All markets that can be bridged: those of a coin in local money, with the dollars of their exchange and the coin elsewhere. */
export interface BridgeGround {
  readonly local: SpatialMarket;
  readonly rate: SpatialMarket;
  readonly dollars: readonly SpatialMarket[];
}

/** `parameters.pairs`, where given, must name all three pairs; the directions of the dollar pair are obeyed. */
export function bridgeGrounds(
  markets: readonly SpatialMarket[],
  dollar: AssetId,
  parameters: Pick<SpatialParameters, 'pairs'>,
): BridgeGround[] {
  const { pairs } = parameters;
  const usable = markets.filter(
    ({ instrument }) => instrument.identityKnown && pairs?.has(instrument.pair) !== false,
  );
  const rates = usable.filter(({ instrument, units }) => instrument.base === dollar && units.equals(ONE));
  return usable.flatMap((local) => {
    const { base, quote, exchange } = local.instrument;
    const rate = rates.find(
      ({ instrument }) => instrument.exchange === exchange && instrument.quote === quote,
    );
    if (rate === undefined || base === dollar) return [];
    const dollars = usable.filter(
      ({ instrument }) =>
        instrument.base === base && instrument.quote === dollar && instrument.exchange !== exchange,
    );
    return dollars.length === 0 ? [] : [{ local, rate, dollars }];
  });
}

/** Both directions of a ground with each of its dollar markets, as far as the trader allows them. */
export function bridgeRoutes(
  { local, rate, dollars }: BridgeGround,
  kind: BridgeKind,
  limits: QuoteLimitsExact,
  parameters: SpatialParameters,
): BridgeRoute[] {
  return dollars.flatMap((dollar) =>
    (['sell-local', 'buy-local'] as const).flatMap((direction) => {
      const { pair } = dollar.instrument;
      const terms = parameters.pairs?.get(pair);
      const route = { direction, dollar, local };
      if (!isAllowed(route, terms)) return [];
      return [routeOf({ ...route, rate, kind }, limitsOfPair(pair, limits, terms), parameters)];
    }),
  );
}

function isAllowed(
  route: Pick<BridgeRoute, 'direction' | 'dollar' | 'local'>,
  terms: PairTerms | undefined,
): boolean {
  const { buy, sell } = exchangesOf(route);
  const listed = terms?.directions;
  return listed === undefined || listed.some((one) => one.buy === buy && one.sell === sell);
}

function routeOf(
  route: Pick<BridgeRoute, 'direction' | 'kind' | 'dollar' | 'local' | 'rate'>,
  limits: QuoteLimitsExact,
  parameters: SpatialParameters,
): BridgeRoute {
  const { direction, dollar, local, rate } = route;
  const { buy, sell } = exchangesOf(route);
  // Terms of the moment (`RoutePricing`) are of two books; over a rate the fixed and learned costs count, and no credit.
  const { pair } = dollar.instrument;
  const least = leastCosts(parameters, { pair, buyOn: buy, sellOn: sell });
  const costs = routeCosts({ ...least, inventory: -(parameters.inventory?.limitBps ?? 0) });
  const fees = { dollar: dollar.fee, local: local.fee, rate: rate.fee };
  const terms = bridgeTerms(direction, fees, costs.rate);
  const most = [dollar, local].flatMap(({ rules, units }) =>
    rules.maxQuantity === null ? [] : [rules.maxQuantity.times(units)],
  );
  return {
    ...route,
    lot: commonStep(dollar.rules.lot.times(dollar.units), local.rules.lot.times(local.units)),
    minBase: Decimal.max(
      dollar.rules.minQuantity.times(dollar.units),
      local.rules.minQuantity.times(local.units),
    ),
    maxBase: most.length === 0 ? null : Decimal.min(...most),
    limits,
    costs,
    terms,
    fast: fastOf(terms, dollar, local),
  };
}

function fastOf(terms: BridgeTerms, dollar: SpatialMarket, local: SpatialMarket): FastBridgeTerms {
  const grossScale = dollar.units.div(local.units).toNumber();
  const localValue = terms.localTop.times(terms.rateKeep).times(terms.dollarKeep);
  const dollarValue = terms.dollarTop.times(terms.rateTop).times(terms.localKeep);
  return {
    isSellLocal: terms.direction === 'sell-local',
    grossScale,
    netScale: grossScale * localValue.div(dollarValue).toNumber(),
  };
}

/** Local value over dollar value at best prices: above 1 the coin is dearer in local money. */
export const localOverDollar = (dollarPrice: number, localPrice: number, ratePrice: number): number =>
  localPrice / (dollarPrice * ratePrice);

/** Gross and net edge at best prices as fractions of what is paid; NaN where a price is missing. */
export function bestEdges(
  fast: FastBridgeTerms,
  ratio: number,
): { readonly gross: number; readonly net: number } {
  const [gross, net] = [ratio * fast.grossScale, ratio * fast.netScale];
  return fast.isSellLocal ? { gross: gross - 1, net: net - 1 } : { gross: 1 / gross - 1, net: 1 / net - 1 };
}

/** Room for float64 rounding: what passes is judged exactly afterwards. */
const RATIO_SLACK = 1e-12;

/**
 * The ratio of local over dollar value from which a route without a life is of interest: at least this to sell in local money, at most this to
 * buy there.
 */
export function openRatioOf({ fast }: BridgeRoute, parameters: SpatialParameters): number {
  const byGross = 1 + parameters.reportFloorBps / 1e4;
  const byNet = 1 + Math.max(parameters.minNetBps, 0) / 1e4;
  return fast.isSellLocal
    ? Math.min(byGross / fast.grossScale, byNet / fast.netScale) * (1 - RATIO_SLACK)
    : Math.max(1 / (byGross * fast.grossScale), 1 / (byNet * fast.netScale)) * (1 + RATIO_SLACK);
}

/** Index of the best price of the side that a market gives to this direction, in the board's arrays. */
export const bestAt = ({ slot }: SpatialMarket): number => slot * BOARD_DEPTH;
