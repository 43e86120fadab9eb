import { BPS, Decimal, floorToStep, ONE, ZERO } from '../../market/decimal.js';
import { orderRulesOf, violationsOf } from '../../market/order-rules.js';
import type { InstrumentId } from '../../messages/primitives.js';
import { isTerminal } from '../order-state.js';
import type { Order } from '../order.js';
import type { LegQuote, RecoveryLimits, RecoveryPlan } from '../recovery.js';
import { firstOrders } from '../saga-parts.js';
import type { SagaLeg, SagaState } from '../saga-state.js';
import { busyMarkets, restOfLeg } from './approved-rest.js';
import { changesOf } from './asset-changes.js';
import { chainMoney, chainOf, feesOfOrder, openPlaces, type Chain } from './chain-money.js';
import { bestGain, moved, planChain, type ChainQuestion } from './chain-recovery.js';
import type { ChainTerms } from './shape-terms.js';

/** What a saga over a chain of legs decides by. */

/** Note of a saga that has traded half of an uncertainty away. */
export const INTERVAL_HEDGED = 'INTERVAL_HEDGED';

export const isChainOpen = (state: SagaState, terms: ChainTerms): boolean =>
  openPlaces(chainOf(state, terms), chainMoney(state, terms).residues).length > 0;

/** The plan for now: by healthy markets first, then by all. */
export function planChainNow(
  state: SagaState,
  terms: ChainTerms,
  prices: { readonly quotes: readonly LegQuote[]; readonly limits: RecoveryLimits },
  troubles: ReadonlyMap<InstrumentId, number>,
): RecoveryPlan | string {
  const { residues } = chainMoney(state, terms);
  let plan: RecoveryPlan | string = 'NO_MARKET';
  for (const most of [...new Set(troubles.values())].sort((a, b) => a - b)) {
    const avoided = [...troubles].flatMap(([id, trouble]) => (trouble > most ? [id] : []));
    plan = planChain(questionOf(state, terms, { ...prices, residues, avoided }));
    if (typeof plan !== 'string') return plan;
  }
  return plan;
}

function questionOf(
  state: SagaState,
  terms: ChainTerms,
  asked: {
    readonly quotes: readonly LegQuote[];
    readonly limits: RecoveryLimits;
    readonly residues: readonly Decimal[];
    readonly avoided?: readonly InstrumentId[];
  },
): ChainQuestion {
  const chain = chainOf(state, terms);
  const { worths, realised } = chainMoney(state, terms);
  const { quotes, limits, residues, avoided = [] } = asked;
  return {
    ...{ chain, residues, worths, quotes, limits },
    room: realised.plus(chainLossCap(state, chain)),
    most: (link, side) => restOfLeg(state, link, side),
    closed: new Set([...busyMarkets(state.orders), ...avoided]),
  };
}

/** What an arbitrage may lose in all, in quote: the cap on what its first leg gives, and the fees of the planned orders. */
export function chainLossCap(state: SagaState, chain: Chain): Decimal {
  const { policy } = state.terms;
  const fees = firstOrders(state).reduce((sum, one) => sum.plus(feesOfOrder(state, chain, one)), ZERO);
  return spentOf(chain).times(policy.maxRecoveryLossBps).div(BPS).plus(Decimal.max(fees, ZERO));
}

function spentOf({ links, terms }: Chain): Decimal {
  const first = links[0]!;
  const amount =
    first.side === 'buy' ? new Decimal(first.quantity).times(first.limitPrice) : new Decimal(first.quantity);
  return amount.times(terms.startWorth ?? ZERO);
}

/**
 * While orders are unknown: the corners of what they may have traded. When the worst of them could be brought home within the cap
 * now, and not any more once every price had moved by the slack, the middle of all is traded away.
 */
export function halveChain(
  state: SagaState,
  terms: ChainTerms,
  prices: { readonly quotes: readonly LegQuote[]; readonly limits: RecoveryLimits },
): RecoveryPlan | string | null {
  const chain = chainOf(state, terms);
  const corners = cornersOf(state, chain);
  const ask = (residues: readonly Decimal[]): ChainQuestion =>
    questionOf(state, terms, { ...prices, residues });
  const middle = middleOf(corners);
  if (openPlaces(chain, middle).length === 0) return null;
  const isBegun = state.notes.includes(INTERVAL_HEDGED);
  if (!isBegun && !corners.some((corner) => isAtStake(ask(corner)))) return null;
  return planChain(ask(middle));
}

function isAtStake(question: ChainQuestion): boolean {
  const [now, then] = [bestGain(question), bestGain(moved(question))];
  const isWithin = (gain: Decimal | null): boolean => gain !== null && gain.gte(question.room.negated());
  return isWithin(now) && !isWithin(then);
}

function middleOf(corners: readonly (readonly Decimal[])[]): Decimal[] {
  return corners[0]!.map((_, place) =>
    corners.reduce((sum, corner) => sum.plus(corner[place]!), ZERO).div(corners.length),
  );
}

/** Every unknown order may have traded nothing more, or all of its rest at its limit. At most two to the number of legs and one. */
function cornersOf(state: SagaState, chain: Chain): Decimal[][] {
  const { residues } = chainMoney(state, chain.terms);
  let corners: Decimal[][] = [[...residues]];
  for (const order of state.orders.filter(isOut).slice(0, 5)) {
    const change = restChange(order, chain);
    corners = corners.flatMap((corner) => [
      corner,
      corner.map((amount, place) => amount.plus(change[place]!)),
    ]);
  }
  return corners;
}

const isOut = (order: Order): boolean => order.status !== 'intent' && !isTerminal(order.status);

function restChange({ submit, filledBase }: Order, { terms, links }: Chain): Decimal[] {
  const rest = Decimal.max(new Decimal(submit.quantity).minus(filledBase), ZERO);
  const fill = {
    ...submit,
    price: submit.limitPrice,
    quantity: rest.toFixed(),
    fee: '0',
    feeAsset: terms.route[0]!,
  };
  const changes = changesOf([{ ...fill, tradeId: '', liquidity: 'taker', exchangeTimeMs: 0 }]);
  const last = links.length;
  return terms.route.map((asset, place) =>
    place === 0 || place === last ? ZERO : (changes.get(asset) ?? ZERO),
  );
}

/** How large a leg may be for what the one before has filled, or the rule that forbids such an order. */
export function chainedQuantity(lead: Order, leg: SagaLeg): Decimal | string {
  const gives = leg.side === 'buy' ? leg.instrument.quote : leg.instrument.base;
  const there = changesOf(lead.fills).get(gives) ?? ZERO;
  if (!there.gt(0)) return 'LEAD_NOT_FILLED';
  const { instrument, side } = leg;
  const price = new Decimal(leg.limitPrice);
  const fee = instrument.feeMode === 'quote' ? ONE.plus(instrument.takerFeeRate) : ONE;
  const funded = side === 'sell' ? there : there.div(price.times(fee));
  const rules = orderRulesOf(instrument);
  const quantity = floorToStep(Decimal.min(funded, leg.quantity), rules.lot);
  const broken = violationsOf({ side, quantity, price }, rules, instrument.state)[0];
  return broken === undefined ? quantity : broken.rule;
}

/** What is left over where, for people. */
export function chainResidueText(state: SagaState, terms: ChainTerms): string {
  const { residues } = chainMoney(state, terms);
  const parts = residues.flatMap((amount, place) =>
    amount.isZero() ? [] : [`${amount.toSignificantDigits(20).toFixed()} ${terms.route[place]!}`],
  );
  return parts.join(', ') || '0';
}
