import { Decimal, ONE, toText, ZERO } from '../../market/decimal.js';
import type { ArbitrageClosed } from '../../messages/order.js';
import type { InstrumentId, Side } from '../../messages/primitives.js';
import { isTerminal } from '../order-state.js';
import {
  isCapAtStake,
  planRecovery,
  type LegQuote,
  type RecoveryLimits,
  type RecoveryPlan,
  type RecoveryQuestion,
} from '../recovery.js';
import { isReverse } from '../saga-parts.js';
import type { SagaLeg, SagaState } from '../saga-state.js';
import { conservativeText } from '../settlement.js';
import { busyMarkets, restOfLeg } from './approved-rest.js';
import { isFilled, netFilled } from './asset-changes.js';
import {
  expectedPrice,
  isPairOpen,
  pairLossCap,
  pairMoney,
  standOf,
  unknownOf,
  type PairStand,
} from './pair-money.js';
import type { CarriedPosition, PairTerms } from './shape-terms.js';

/** What a saga over the two legs of a statistical pair decides by. */

interface Prices {
  readonly quotes: readonly LegQuote[];
  readonly limits: RecoveryLimits;
}

/**
 * The leg that is behind is completed, or the one that is ahead is taken back: what costs less against the prices of the plan. Of an
 * entry what the completed part is expected to make counts too; an exit is completed wherever that is within the cap.
 */
export function planPairNow(
  state: SagaState,
  terms: PairTerms,
  prices: Prices,
  troubles: ReadonlyMap<InstrumentId, number>,
): RecoveryPlan | string {
  const stand = standOf(state);
  const room = pairMoney(state, terms).realised.plus(pairLossCap(state));
  const [forward, back] = [completing(state, stand, prices, room), reversing(state, stand, prices, room)];
  if (typeof forward === 'string') return typeof back === 'string' ? `${forward} ${back}` : back;
  if (typeof back === 'string') return forward;
  const trouble = (plan: RecoveryPlan): number => troubles.get(plan.instrument.id) ?? 0;
  if (trouble(forward) !== trouble(back)) return trouble(forward) < trouble(back) ? forward : back;
  const isExit = terms.position !== null && terms.position.action !== 'enter';
  const hoped = new Decimal(state.terms.plan?.edge.gross ?? 0).times(stand.apart);
  const completingCost = costOf(forward, expectedPrice(state.terms, stand.lag)).minus(
    Decimal.max(hoped, ZERO),
  );
  return isExit || completingCost.lte(costOf(back, ownPrice(state, stand.lead))) ? forward : back;
}

/** What an order costs at the best price with its fee, against a price. */
function costOf({ side, quantity, decisionPrice, instrument }: RecoveryPlan, own: Decimal): Decimal {
  const rate = new Decimal(instrument.takerFeeRate);
  const paid = new Decimal(decisionPrice).times(side === 'buy' ? ONE.plus(rate) : ONE.minus(rate));
  return (side === 'buy' ? paid.minus(own) : own.minus(paid)).times(quantity);
}

const opposite = (side: Side): Side => (side === 'buy' ? 'sell' : 'buy');

/** The average of what the leg's own orders traded. */
function ownPrice({ terms, orders }: SagaState, leg: SagaLeg): Decimal {
  const own = orders.filter(
    ({ submit }) => submit.instrument === leg.instrument.id && submit.side === leg.side,
  );
  const base = own.reduce((sum, { filledBase }) => sum.plus(filledBase), ZERO);
  if (!base.gt(0)) return expectedPrice(terms, leg);
  return own.reduce((sum, { filledQuote }) => sum.plus(filledQuote), ZERO).div(base);
}

function completing(state: SagaState, { lag, apart }: PairStand, prices: Prices, room: Decimal) {
  const amount = apart.times(lag.quantity);
  const own = expectedPrice(state.terms, lag);
  return planned(questionOf(state, { leg: lag, side: lag.side, amount, own, room }, prices));
}

function reversing(state: SagaState, { lead, apart }: PairStand, prices: Prices, room: Decimal) {
  return planned(reverseQuestion(state, lead, apart.times(lead.quantity), prices, room));
}

const reverseQuestion = (state: SagaState, lead: SagaLeg, amount: Decimal, prices: Prices, room: Decimal) =>
  questionOf(
    state,
    { leg: lead, side: opposite(lead.side), amount, own: ownPrice(state, lead), room },
    prices,
  );

const planned = (question: RecoveryQuestion | string): RecoveryPlan | string =>
  typeof question === 'string' ? question : planRecovery(question);

function questionOf(
  state: SagaState,
  order: {
    readonly leg: SagaLeg;
    readonly side: Side;
    readonly amount: Decimal;
    readonly own: Decimal;
    readonly room: Decimal;
  },
  { quotes, limits }: Prices,
): RecoveryQuestion | string {
  const { leg, side, amount, own, room } = order;
  if (busyMarkets(state.orders).has(leg.instrument.id)) return `${leg.instrument.exchange}:BUSY`;
  const { legIndex, instrument, side: planned } = leg;
  return {
    residue: side === 'sell' ? amount : amount.negated(),
    ...{ own, room, quotes, limits },
    markets: [{ legIndex, instrument, side: planned, most: restOfLeg(state, leg, side) }],
  };
}

/** While the leg that is behind is unknown: half of what may be too much of the other is taken back, once the cap is at stake. */
export function halvePair(state: SagaState, terms: PairTerms, prices: Prices): RecoveryPlan | string | null {
  const known = standOf(state);
  const then = standOf(state, (leg) => unknownOf(state, leg));
  const { lead } = known;
  const signed = then.lead === lead ? then.apart : then.apart.negated();
  const middle = known.apart.plus(signed).div(2);
  const room = pairMoney(state, terms).realised.plus(pairLossCap(state));
  const worst = Decimal.max(known.apart, signed);
  const whole = reverseQuestion(state, lead, worst.times(lead.quantity), prices, room);
  if (typeof whole === 'string' || !isCapAtStake(whole) || !middle.gt(0)) return null;
  return planned(reverseQuestion(state, lead, middle.times(lead.quantity), prices, room));
}

export function pairResidueText(state: SagaState): string {
  const { lead, lag, apart } = standOf(state);
  const cut = (leg: SagaLeg): string => apart.times(leg.quantity).toSignificantDigits(12).toFixed();
  return `${cut(lead)} ${lead.instrument.base} too much or ${cut(lag)} ${lag.instrument.base} missing`;
}

const ROUNDING = 0.01;

function pairOutcome(state: SagaState, unvalued: boolean): ArbitrageClosed['outcome'] {
  const { orders, terms } = state;
  const isUncertain = orders.some((order) => !isTerminal(order.status) || order.doubts.length > 0);
  if (isUncertain || unvalued) return 'flagged';
  if (!isFilled(orders)) return 'failed';
  if (isPairOpen(state)) return 'flagged';
  const shares = terms.legs.map((leg) => ({
    lots: new Decimal(leg.instrument.lotSize).div(leg.quantity),
    share: netFilled(orders, leg).div(leg.quantity),
  }));
  const isBack = orders.some((order) => isReverse(terms, order) && order.filledBase.gt(0));
  if (shares.every(({ share, lots }) => share.plus(Decimal.min(lots, ROUNDING)).gte(1 - ROUNDING)))
    return 'completed';
  return isBack && shares.every(({ share, lots }) => share.lte(Decimal.max(lots, ROUNDING)))
    ? 'unwound'
    : 'partial';
}

/** The end of a trade of a pair, in the words of `arbitrageClosed`. */
export function pairClosed(state: SagaState, terms: PairTerms) {
  const money = pairMoney(state, terms);
  const filled = (side: Side): string => {
    const leg = state.terms.legs.find((one) => one.side === side);
    return leg === undefined ? '0' : toText(Decimal.max(netFilled(state.orders, leg), ZERO));
  };
  const { lead, apart } = standOf(state);
  const isOpen = isPairOpen(state);
  const { position } = terms;
  const told = (assets: CarriedPosition['carried']) =>
    assets.map(({ asset, quantity, worth }) => ({
      asset,
      quantity: conservativeText(quantity),
      worth: conservativeText(worth),
    }));
  return {
    outcome: pairOutcome(state, money.unvalued.length > 0),
    boughtQuantity: filled('buy'),
    soldQuantity: filled('sell'),
    residualBase:
      isOpen && lead.instrument.base === state.terms.base
        ? conservativeText(apart.times(lead.quantity))
        : '0',
    residues: told(money.left),
    realised: money.realised,
    fees: money.fees,
    ...(position !== null && {
      position: {
        positionId: position.positionId,
        action: position.action,
        carried: told(money.after.carried),
        net: conservativeText(money.after.net),
      },
    }),
  };
}
