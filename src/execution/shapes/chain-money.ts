import { Decimal, ZERO } from '../../market/decimal.js';
import { orderRulesOf } from '../../market/order-rules.js';
import type { AssetId } from '../../messages/primitives.js';
import type { Order } from '../order.js';
import { firstOrders } from '../saga-parts.js';
import type { SagaLeg, SagaState, SagaTerms } from '../saga-state.js';
import { changesOf, fillsOf } from './asset-changes.js';
import type { ChainTerms } from './shape-terms.js';

/** The legs of a chain in the order of its route; link `i` leads from asset `i` of the route to asset `i + 1`. */
export interface Chain {
  readonly terms: ChainTerms;
  readonly links: readonly SagaLeg[];
  /** Reference price of each link: what its planned order was filled at, else what the plan expected. */
  readonly prices: readonly Decimal[];
  readonly isFilled: readonly boolean[];
}

/** What all orders came to, asset by asset. */
export interface ChainMoney {
  /** What is left between the ends of the route, signed, by place in the route; the ends are zero. */
  readonly residues: readonly Decimal[];
  /** Price of each of them in quote: what it was bought or sold for. */
  readonly worths: readonly Decimal[];
  /** In quote; residues count at what they cost, so that they neither earn nor lose until they are traded. */
  readonly realised: Decimal;
  /** All fees valued in quote. */
  readonly fees: Decimal;
  /** Assets without a price, which the figures miss. */
  readonly unvalued: readonly AssetId[];
}

type View = Pick<SagaState, 'terms' | 'orders'>;

export function chainOf({ terms: saga, orders }: View, terms: ChainTerms): Chain {
  const links = terms.order.map((index) => saga.legs.find((leg) => leg.legIndex === index)!);
  const first = firstOrders({ orders });
  const own = links.map((link) => first.find(({ submit }) => submit.legIndex === link.legIndex));
  return {
    terms,
    links,
    isFilled: own.map((order) => order?.filledBase.gt(0) === true),
    prices: links.map((link, at) => priceOf(saga, link, own[at])),
  };
}

function priceOf({ plan }: SagaTerms, link: SagaLeg, order: Order | undefined): Decimal {
  if (order?.filledBase.gt(0) === true) return order.filledQuote.div(order.filledBase);
  return new Decimal(plan?.legs[link.legIndex]?.expectedVwap ?? link.limitPrice);
}

/** Worth of every asset of the route counted from its beginning, at these prices. The last is what its end is worth. */
export function worthsAlong(
  { terms, links }: Pick<Chain, 'terms' | 'links'>,
  prices: readonly Decimal[],
): Decimal[] {
  const worths = [terms.startWorth ?? ZERO];
  for (const [at, link] of links.slice(0, -1).entries()) {
    const before = worths[at]!;
    worths.push(link.side === 'buy' ? before.times(prices[at]!) : before.div(prices[at]!));
  }
  return [...worths, terms.endWorth ?? ZERO];
}

/** The same counted back from its end. */
function worthsBack({ terms, links, prices }: Chain): Decimal[] {
  const worths = [terms.endWorth ?? ZERO];
  for (let at = links.length - 1; at > 0; at--) {
    const after = worths[0]!;
    worths.unshift(links[at]!.side === 'sell' ? after.times(prices[at]!) : after.div(prices[at]!));
  }
  return [terms.startWorth ?? ZERO, ...worths];
}

/** What is there too much was bought for this, and what is missing was sold for it, where the rest of the way was gone. */
function worthOf(chain: Chain, place: number, isMissing: boolean): Decimal {
  const isGone = chain.isFilled.slice(place).every(Boolean);
  return (isMissing && isGone ? worthsBack(chain) : worthsAlong(chain, chain.prices))[place]!;
}

export function chainMoney(state: View, terms: ChainTerms): ChainMoney {
  const chain = chainOf(state, terms);
  const { route } = terms;
  const fills = fillsOf(state.orders);
  const changes = changesOf(fills);
  const last = route.length - 1;
  const isEnd = (place: number): boolean => place === 0 || place === last;
  const residues = route.map((asset, place) => (isEnd(place) ? ZERO : (changes.get(asset) ?? ZERO)));
  const worths = residues.map((amount, place) => worthOf(chain, place, amount.isNegative()));
  const third = thirdOf(state.terms, changes, route);
  const start = (changes.get(route[0]!) ?? ZERO).times(terms.startWorth ?? ZERO);
  const end =
    route[0] === route[last] ? ZERO : (changes.get(route[last]!) ?? ZERO).times(terms.endWorth ?? ZERO);
  const held = residues.reduce((sum, amount, place) => sum.plus(amount.times(worths[place]!)), ZERO);
  const isPriced = terms.startWorth !== null && terms.endWorth !== null;
  return {
    residues,
    worths,
    realised: start.plus(end).plus(held).plus(third.worth),
    fees: feesOf(state, chain),
    unvalued: [...third.unvalued, ...(isPriced ? [] : [route[last]!])],
  };
}

/** Coins that only fees were taken in. */
function thirdOf(
  { feeMarks }: Pick<SagaTerms, 'feeMarks'>,
  changes: Map<AssetId, Decimal>,
  route: readonly AssetId[],
) {
  let worth = ZERO;
  const unvalued: AssetId[] = [];
  for (const [asset, amount] of changes) {
    if (route.includes(asset) || amount.isZero()) continue;
    const mark = feeMarks.find((one) => one.asset === asset)?.price;
    if (mark === undefined) unvalued.push(asset);
    else worth = worth.plus(amount.times(mark));
  }
  return { worth, unvalued };
}

/** Of all orders, each fee in quote; a coin without a price counts as nothing, and then the end is flagged. */
function feesOf(state: View, chain: Chain): Decimal {
  return state.orders.reduce((sum, order) => sum.plus(feesOfOrder(state, chain, order)), ZERO);
}

export function feesOfOrder({ terms }: Pick<View, 'terms'>, chain: Chain, order: Order): Decimal {
  const worths = worthsAlong(chain, chain.prices);
  return order.fills.reduce((sum, { fee, feeAsset }) => {
    const place = chain.terms.route.indexOf(feeAsset);
    const rate =
      place >= 0 ? worths[place]! : (terms.feeMarks.find((one) => one.asset === feeAsset)?.price ?? 0);
    return sum.plus(new Decimal(fee).times(rate));
  }, ZERO);
}

/** Share of a leg that may be left over, where no market takes so little. */
const DUST_SHARE = 0.01;

/**
 * What may be left of an asset without being an imbalance: a lot of each market beside it, what the plan leaves over itself, and what
 * neither market would take, as long as that is a small part of the trade.
 */
export function chainTolerance(chain: Chain, place: number): Decimal {
  const [before, after] = [chain.links[place - 1]!, chain.links[place]!];
  const asset = chain.terms.route[place]!;
  const sides = [before, after].map((link, at) => inUnits(link, asset, chain.prices[place - 1 + at]!));
  const lots = sides.reduce((sum, { lot }) => sum.plus(lot), ZERO);
  const least = Decimal.min(...sides.map((side) => side.least));
  const whole = Decimal.max(...sides.map((side) => side.whole));
  return Decimal.max(
    lots,
    Decimal.min(least, whole.times(DUST_SHARE)),
    chain.terms.planned.get(asset) ?? ZERO,
  );
}

/** Lot, least order and size of a leg, in units of one of its two assets. */
function inUnits({ instrument, quantity }: SagaLeg, asset: AssetId, price: Decimal) {
  const { lot, minQuantity, minNotional } = orderRulesOf(instrument);
  const least = Decimal.max(minQuantity, minNotional.div(price), lot);
  const units = instrument.base === asset ? new Decimal(1) : price;
  return { lot: lot.times(units), least: least.times(units), whole: units.times(quantity) };
}

/** Places in the route at which more than dust is left or missing. */
export function openPlaces(chain: Chain, residues: readonly Decimal[]): number[] {
  return residues.flatMap((amount, place) =>
    !amount.isZero() && amount.abs().gt(chainTolerance(chain, place)) ? [place] : [],
  );
}
