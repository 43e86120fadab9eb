import { Decimal, roundForMessage, toText, ZERO } from '../market/decimal.js';
import type { Attribution } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import type { Order } from './order.js';
import { firstOrders, isRecovery } from './saga-parts.js';
import type { SagaPlan, SagaState } from './saga-state.js';

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
  const { plan, expectedNet } = state.terms;
  const fills = plan === null ? null : plannedFills(state, plan);
  if (plan === null || fills === null) return null;
  const share = matchedShare(fills);
  const parts = share.isZero() ? NOTHING : rounded(matchedParts(state, plan, fills, share));
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

function matchedParts(
  state: Pick<SagaState, 'terms'>,
  plan: SagaPlan,
  fills: readonly PlannedFill[],
  share: Decimal,
): Parts {
  const { edge } = plan;
  const matched = share.times(state.terms.wanted);
  const planned = new Decimal(edge.feeBuy).plus(edge.feeSell).plus(edge.transfer).minus(edge.inventory);
  let { priceMove, slippage } = NOTHING;
  let fees = share.times(planned);
  let latency = share.times(edge.latencyDecay);
  for (const fill of fills) {
    const { order, plan: leg, sign } = fill;
    const decided = new Decimal(leg.decisionPrice);
    const sent = order.sentPrice ?? decided;
    const met = bestFill(order);
    const average = order.filledQuote.div(order.filledBase);
    const size = matched.times(sign);
    latency = latency.plus(size.times(sent.minus(decided)));
    priceMove = priceMove.plus(size.times(met.minus(sent)));
    slippage = slippage.plus(size.times(average.minus(met).minus(decided.negated().plus(leg.expectedVwap))));
    const charged = feesOf(state, order).times(share).times(leg.quantity).div(order.filledBase);
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
