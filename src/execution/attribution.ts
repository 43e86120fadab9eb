import { Decimal, ONE, roundForMessage, toText, ZERO } from '../market/decimal.js';
import { assetsOf } from '../market/leg-assets.js';
import type { Attribution } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import type { Order } from './order.js';
import { firstOrders, isRecovery } from './saga-parts.js';
import type { SagaPlan, SagaState } from './saga-state.js';
import { chainOf, feesOfOrder, worthsAlong } from './shapes/chain-money.js';
import { pairFees, plannedCosts } from './shapes/pair-money.js';

/** One planned order with what became of it. */
interface PlannedFill {
  readonly order: Order;
  readonly plan: SagaPlan['legs'][number];
  /** +1 where a higher price is better for us. */
  readonly sign: 1 | -1;
}

interface Parts {
  readonly priceMove: Decimal;
  readonly fees: Decimal;
  readonly slippage: Decimal;
  readonly latency: Decimal;
}

const NOTHING: Parts = { priceMove: ZERO, fees: ZERO, slippage: ZERO, latency: ZERO };

/**
 * Splits realised − expected into five named parts that sum to it exactly. What both planned legs filled, as a share of what
 * was wanted, is compared with the same share of the plan: prices at decision, at sending and at matching tell latency and
 * price move apart, depth the slippage, and charges the fees. Everything that is not on both sides, with what it cost to
 * bring it home, is the leg failure. Null without a plan to compare with.
 */
export function attributionOf(
  state: Pick<SagaState, 'terms' | 'orders'>,
  realisedNet: Decimal,
): Attribution | null {
  const view: View = {
    sizeOf: (_, share) => share.times(state.terms.wanted),
    rateOf: () => ONE,
    feesOf: (order) => feesOf(state, order),
    costsOf: edgeCosts,
  };
  return attributionBy(state, view, { realisedNet, expectedNet: state.terms.expectedNet });
}

/** The same where each leg is of its own pair: sizes are each leg's own, and prices are turned into the quote of the arbitrage. */
export function attributionOfShape(
  state: SagaState,
  told: { readonly realisedNet: string; readonly expectedNet: string },
): Attribution | null {
  const view = shapeView(state);
  return attributionBy(state, view, { ...told, realisedNet: new Decimal(told.realisedNet) });
}

/** How an order counts. */
interface View {
  /** Its base quantity that is compared with the plan, unsigned. */
  readonly sizeOf: (fill: PlannedFill, share: Decimal) => Decimal;
  /** Worth in quote of one unit of what its prices are in. */
  readonly rateOf: (order: Order) => Decimal;
  /** What it was charged, in quote. */
  readonly feesOf: (order: Order) => Decimal;
  /** What the whole trade was to cost beside the decay. */
  readonly costsOf: (plan: SagaPlan) => Decimal;
}

const edgeCosts = ({ edge }: SagaPlan): Decimal =>
  new Decimal(edge.feeBuy).plus(edge.feeSell).plus(edge.transfer).minus(edge.inventory);

function shapeView(state: SagaState): View {
  const { terms } = state;
  const sizeOf = ({ plan }: PlannedFill, share: Decimal): Decimal => share.times(plan.quantity);
  if (terms.shape.kind !== 'chain')
    return { sizeOf, rateOf: () => ONE, feesOf: (order) => pairFees(terms, order), costsOf: plannedCosts };
  const chain = chainOf(state, terms.shape);
  const expected = chain.links.map(
    (link) => new Decimal(terms.plan?.legs[link.legIndex]?.expectedVwap ?? link.limitPrice),
  );
  const worths = worthsAlong(chain, expected);
  const rateOf = ({ submit }: Order): Decimal =>
    worths[chain.terms.route.indexOf(assetsOf(submit.instrument).quote)] ?? ONE;
  return { sizeOf, rateOf, feesOf: (order) => feesOfOrder(state, chain, order), costsOf: edgeCosts };
}

function attributionBy(
  state: Pick<SagaState, 'terms' | 'orders'>,
  view: View,
  { realisedNet, expectedNet }: { readonly realisedNet: Decimal; readonly expectedNet: string },
): Attribution | null {
  const { plan } = state.terms;
  const fills = plan === null ? null : plannedFills(state, plan);
  if (plan === null || fills === null) return null;
  const share = matchedShare(fills);
  const parts = share.isZero() ? NOTHING : rounded(matchedParts(view, plan, fills, share));
  const rest = realisedNet
    .minus(expectedNet)
    .minus(parts.priceMove)
    .minus(parts.fees)
    .minus(parts.slippage)
    .minus(parts.latency);
  // A trade that went as planned has no leg failure: the last decimals of its averages belong to the slippage.
  const isWhole = share.eq(1) && !state.orders.some(isRecovery) && fills.every(isExact);
  const legFailure = isWhole ? ZERO : rest;
  const slippage = isWhole ? parts.slippage.plus(rest) : parts.slippage;
  return {
    priceMove: toText(parts.priceMove),
    fees: toText(parts.fees),
    slippage: toText(slippage),
    latency: toText(parts.latency),
    legFailure: toText(legFailure),
  };
}

const isExact = ({ order, plan }: PlannedFill): boolean => order.filledBase.eq(plan.quantity);

/** Null where an order has no place in the plan. */
function plannedFills(state: Pick<SagaState, 'orders'>, plan: SagaPlan): PlannedFill[] | null {
  const fills = firstOrders(state).map((order): PlannedFill | null => {
    const planned = plan.legs[order.submit.legIndex];
    return planned === undefined
      ? null
      : { order, plan: planned, sign: order.submit.side === 'sell' ? 1 : -1 };
  });
  return fills.some((fill) => fill === null) ? null : (fills as PlannedFill[]);
}

/** The part of the plan that every leg filled; 0 where one has nothing, or an order is missing. */
function matchedShare(fills: readonly PlannedFill[]): Decimal {
  if (fills.length < 2) return ZERO;
  const shares = fills.map(({ order, plan }) => order.filledBase.div(plan.quantity));
  return Decimal.min(1, ...shares);
}

function matchedParts(view: View, plan: SagaPlan, fills: readonly PlannedFill[], share: Decimal): Parts {
  const { edge } = plan;
  const planned = view.costsOf(plan);
  let { priceMove, slippage } = NOTHING;
  let fees = share.times(planned);
  let latency = share.times(edge.latencyDecay);
  for (const fill of fills) {
    const { order, plan: leg, sign } = fill;
    const decided = new Decimal(leg.decisionPrice);
    const sent = order.sentPrice ?? decided;
    const met = bestFill(order);
    const average = order.filledQuote.div(order.filledBase);
    const size = view.sizeOf(fill, share).times(sign).times(view.rateOf(order));
    latency = latency.plus(size.times(sent.minus(decided)));
    priceMove = priceMove.plus(size.times(met.minus(sent)));
    slippage = slippage.plus(size.times(average.minus(met).minus(decided.negated().plus(leg.expectedVwap))));
    const charged = view.feesOf(order).times(share).times(leg.quantity).div(order.filledBase);
    fees = fees.minus(charged);
  }
  return { priceMove, slippage, fees, latency };
}

/** The best price an order met: where the book stood when it was matched. */
function bestFill(order: Order): Decimal {
  const prices = order.fills.map((fill) => fill.price);
  return order.submit.side === 'buy' ? Decimal.min(...prices) : Decimal.max(...prices);
}

/** What an order was charged, in quote; a coin whose price is not known counts as nothing, and then the end is flagged. */
function feesOf({ terms }: Pick<SagaState, 'terms'>, order: Order): Decimal {
  const markOf = (asset: AssetId): string =>
    terms.feeMarks.find((mark) => mark.asset === asset)?.price ?? '0';
  return order.fills.reduce((sum, { fee, feeAsset, price }) => {
    const rate = feeAsset === terms.quote ? '1' : feeAsset === terms.base ? price : markOf(feeAsset);
    return sum.plus(new Decimal(fee).times(rate));
  }, ZERO);
}

function rounded(parts: Parts): Parts {
  const down = (value: Decimal): Decimal => roundForMessage(value, 'down');
  return {
    priceMove: down(parts.priceMove),
    fees: down(parts.fees),
    slippage: down(parts.slippage),
    latency: down(parts.latency),
  };
}
