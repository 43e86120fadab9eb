import { BPS, Decimal, ZERO } from '../../market/decimal.js';
import { orderRulesOf } from '../../market/order-rules.js';
import type { AssetId } from '../../messages/primitives.js';
import { isTerminal } from '../order-state.js';
import type { Order } from '../order.js';
import { firstOrders } from '../saga-parts.js';
import type { SagaLeg, SagaPlan, SagaState, SagaTerms } from '../saga-state.js';
import { changesOf, fillsOf, netFilled } from './asset-changes.js';
import type { CarriedPosition, PairTerms } from './shape-terms.js';

/** A statistical pair: how far both legs went, and what became of the position. */

type View = Pick<SagaState, 'terms' | 'orders'>;

/** What a leg's market was expected to trade at: the price that a position is carried at from its first trade on. */
export const expectedPrice = ({ plan }: Pick<SagaTerms, 'plan'>, leg: SagaLeg): Decimal =>
  new Decimal(plan?.legs[leg.legIndex]?.expectedVwap ?? leg.limitPrice);

export interface PairStand {
  /** The leg of which more was done, and the other. */
  readonly lead: SagaLeg;
  readonly lag: SagaLeg;
  /** What they are apart, as a share of the plan; 0 and more. */
  readonly apart: Decimal;
}

/** Shares of the plan; what is unknown may be set on top of what is known. */
export function standOf({ terms, orders }: View, unknown: (leg: SagaLeg) => Decimal = () => ZERO): PairStand {
  const [first, second] = terms.legs as readonly [SagaLeg, SagaLeg];
  const shareOf = (leg: SagaLeg): Decimal => netFilled(orders, leg).plus(unknown(leg)).div(leg.quantity);
  const apart = shareOf(first).minus(shareOf(second));
  return apart.isNegative()
    ? { lead: second, lag: first, apart: apart.negated() }
    : { lead: first, lag: second, apart };
}

/** Share of a leg that may be missing where its market does not take so little. */
const DUST_SHARE = 0.01;

function toleranceOf({ instrument, quantity, limitPrice }: SagaLeg): Decimal {
  const { lot, minQuantity, minNotional } = orderRulesOf(instrument);
  const least = Decimal.max(minQuantity, minNotional.div(limitPrice), lot);
  return Decimal.max(lot, Decimal.min(least, new Decimal(quantity).times(DUST_SHARE)));
}

/** Neither taking the one back nor completing the other is more than rounding. */
export function isPairOpen(state: View): boolean {
  const { lead, lag, apart } = standOf(state);
  const isBeyond = (leg: SagaLeg): boolean => apart.times(leg.quantity).gt(toleranceOf(leg));
  return isBeyond(lead) && isBeyond(lag);
}

export interface PairMoney {
  /** What this trade made, in quote: its own change, with the position at what it is carried at before and after. */
  readonly realised: Decimal;
  readonly fees: Decimal;
  readonly after: CarriedPosition;
  /** Of a position that is closed: what is too little to be traded. */
  readonly left: CarriedPosition['carried'];
  readonly unvalued: readonly AssetId[];
}

export function pairMoney({ terms, orders }: View, { before }: PairTerms): PairMoney {
  const changes = changesOf(fillsOf(orders));
  const third = thirdOf(terms, changes);
  const cash = (changes.get(terms.quote) ?? ZERO).plus(third.worth);
  const carried = terms.legs.map((leg) =>
    carriedAfter(
      before,
      leg.instrument.base,
      changes.get(leg.instrument.base) ?? ZERO,
      expectedPrice(terms, leg),
    ),
  );
  const realised = cash.plus(worthOf(carried)).minus(worthOf(before.carried));
  // What neither market takes any more is no position: it is left over, at what it was carried at.
  const isFlat = carried.every(({ quantity }, at) => quantity.abs().lte(toleranceOf(terms.legs[at]!)));
  return {
    realised,
    left: isFlat ? carried.filter(({ quantity }) => !quantity.isZero()) : [],
    fees: orders.reduce((sum, order) => sum.plus(pairFees(terms, order)), ZERO),
    after: {
      carried: isFlat ? [] : carried.filter(({ quantity }) => !quantity.isZero()),
      net: before.net.plus(realised),
    },
    unvalued: third.unvalued,
  };
}

const worthOf = (carried: CarriedPosition['carried']): Decimal =>
  carried.reduce((sum, { worth }) => sum.plus(worth), ZERO);

/** What is added counts at the expected price; what is taken off leaves the rest at what it was carried at. */
function carriedAfter(before: CarriedPosition, asset: AssetId, change: Decimal, price: Decimal) {
  const known = before.carried.find((one) => one.asset === asset);
  const held = known?.quantity ?? ZERO;
  const quantity = held.plus(change);
  const worth = known?.worth ?? ZERO;
  const isAdded = held.isZero() || change.isZero() || held.isNegative() === change.isNegative();
  if (isAdded) return { asset, quantity, worth: worth.plus(change.times(price)) };
  const isTurned = quantity.isNegative() !== held.isNegative();
  return { asset, quantity, worth: isTurned ? quantity.times(price) : worth.times(quantity).div(held) };
}

function thirdOf({ feeMarks, quote, legs }: SagaTerms, changes: ReadonlyMap<AssetId, Decimal>) {
  let worth = ZERO;
  const unvalued: AssetId[] = [];
  for (const [asset, amount] of changes) {
    if (asset === quote || amount.isZero() || legs.some(({ instrument }) => instrument.base === asset))
      continue;
    const mark = feeMarks.find((one) => one.asset === asset)?.price;
    if (mark === undefined) unvalued.push(asset);
    else worth = worth.plus(amount.times(mark));
  }
  return { worth, unvalued };
}

/** What an order was charged, in quote. */
export function pairFees({ feeMarks, quote }: SagaTerms, { fills, submit }: Order): Decimal {
  const base = submit.instrument.slice(submit.instrument.indexOf(':') + 1).split('-')[0];
  return fills.reduce((sum, { fee, feeAsset, price }) => {
    const mark = feeMarks.find(({ asset }) => asset === feeAsset)?.price ?? '0';
    const rate = feeAsset === quote ? '1' : feeAsset === base ? price : mark;
    return sum.plus(new Decimal(fee).times(rate));
  }, ZERO);
}

/** What this trade would make if all of it went as planned; null where the plan is not known. */
export function expectedOf(terms: SagaTerms, { before }: PairTerms): Decimal | null {
  const { plan } = terms;
  if (plan === null) return null;
  let made = ZERO;
  for (const leg of terms.legs) {
    const price = expectedPrice(terms, leg);
    const change = leg.side === 'buy' ? new Decimal(leg.quantity) : new Decimal(leg.quantity).negated();
    const after = carriedAfter(before, leg.instrument.base, change, price);
    const own = before.carried.find(({ asset }) => asset === leg.instrument.base)?.worth ?? ZERO;
    made = made.minus(change.times(price)).plus(after.worth).minus(own);
  }
  return made.minus(plannedCosts(plan)).minus(plan.edge.latencyDecay);
}

/** What this trade itself was to cost: the edge of an entry counts the fees of the way back too, which another trade will pay. */
export function plannedCosts({ legs, edge }: SagaPlan): Decimal {
  const fees = legs.reduce(
    (sum, { quantity, expectedVwap, feeRate }) =>
      sum.plus(new Decimal(quantity).times(expectedVwap).times(feeRate)),
    ZERO,
  );
  return fees.plus(edge.transfer).minus(edge.inventory);
}

/** What an arbitrage may lose in all, in quote: the cap on its larger leg, and the fees of the planned orders. */
export function pairLossCap(state: SagaState): Decimal {
  const { legs, policy } = state.terms;
  const notional = Decimal.max(...legs.map((leg) => new Decimal(leg.quantity).times(leg.limitPrice)));
  const fees = firstOrders(state).reduce((sum, one) => sum.plus(pairFees(state.terms, one)), ZERO);
  return notional.times(policy.maxRecoveryLossBps).div(BPS).plus(Decimal.max(fees, ZERO));
}

/** What an order may still trade of its leg, where nobody knows. */
export function unknownOf({ orders }: View, leg: SagaLeg): Decimal {
  return orders
    .filter(
      ({ submit, status }) =>
        submit.instrument === leg.instrument.id && status !== 'intent' && !isTerminal(status),
    )
    .reduce((sum, { submit, filledBase }) => {
      const rest = Decimal.max(new Decimal(submit.quantity).minus(filledBase), ZERO);
      return submit.side === leg.side ? sum.plus(rest) : sum.minus(rest);
    }, ZERO);
}
