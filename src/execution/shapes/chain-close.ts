import { Decimal, ZERO } from '../../market/decimal.js';
import { assetsOf, legAssets } from '../../market/leg-assets.js';
import type { ArbitrageClosed, Fill } from '../../messages/order.js';
import type { AssetId } from '../../messages/primitives.js';
import { isTerminal } from '../order-state.js';
import { isReverse } from '../saga-parts.js';
import type { SagaState } from '../saga-state.js';
import { conservativeText } from '../settlement.js';
import { changesOf, fillsOf, isFilled, netFilled } from './asset-changes.js';
import { chainMoney, chainOf, openPlaces, type Chain, type ChainMoney } from './chain-money.js';
import type { ChainTerms } from './shape-terms.js';

/** The end of a chain of legs, in the words of `arbitrageClosed`. */

/** Of a leg, what rounding and fees may take off without making it another outcome. */
const ROUNDING = 0.01;

export function chainOutcome(state: SagaState, terms: ChainTerms): ArbitrageClosed['outcome'] {
  const { orders } = state;
  const chain = chainOf(state, terms);
  const money = chainMoney(state, terms);
  const isUncertain = orders.some((order) => !isTerminal(order.status) || order.doubts.length > 0);
  if (isUncertain || (isFilled(orders) && money.unvalued.length > 0)) return 'flagged';
  if (!isFilled(orders)) return 'failed';
  if (openPlaces(chain, money.residues).length > 0) return 'flagged';
  const share = wholeShare(state, chain);
  const isTakenBack = orders.some((order) => isReverse(state.terms, order) && order.filledBase.gt(0));
  if (share.gte(1 - ROUNDING)) return 'completed';
  return isTakenBack && share.lte(ROUNDING) ? 'unwound' : 'partial';
}

/** The part of the plan that every leg has traded in the end. */
function wholeShare({ orders }: SagaState, { links }: Chain): Decimal {
  const shares = links.map((link) => {
    const lots = new Decimal(link.instrument.lotSize).div(link.quantity);
    const share = netFilled(orders, link).div(link.quantity);
    // A coarse lot may keep back more than the rounding does.
    return share.lte(lots) ? ZERO : share.plus(Decimal.min(lots, ROUNDING));
  });
  return Decimal.max(ZERO, Decimal.min(...shares));
}

export function chainClosed(state: SagaState, terms: ChainTerms) {
  const money = chainMoney(state, terms);
  const gross = grossOf(fillsOf(state.orders), state.terms.base);
  const place = terms.route.indexOf(state.terms.base);
  return {
    outcome: chainOutcome(state, terms),
    boughtQuantity: conservativeText(gross.into),
    soldQuantity: conservativeText(gross.out),
    residualBase: conservativeText(place > 0 ? (money.residues[place] ?? ZERO) : ZERO),
    residues: residuesOf(state, terms, money),
    realised: money.realised,
    fees: money.fees,
  };
}

/** Everything that is left over, and of a bridged trade also what it has brought of the other quote. */
function residuesOf(state: SagaState, { route, startWorth, endWorth }: ChainTerms, money: ChainMoney) {
  const changes = changesOf(fillsOf(state.orders));
  const last = route.length - 1;
  const left = route.map((asset, place) => {
    const worth = place === 0 ? startWorth : place === last ? endWorth : money.worths[place]!;
    const isHome = asset === state.terms.quote;
    return { asset, amount: isHome ? ZERO : (changes.get(asset) ?? ZERO), worth: worth ?? ZERO };
  });
  return left.flatMap(({ asset, amount, worth }) =>
    amount.isZero()
      ? []
      : [{ asset, quantity: conservativeText(amount), worth: conservativeText(amount.times(worth)) }],
  );
}

/** What came in of an asset and what went out, without fees. */
function grossOf(fills: readonly Fill[], asset: AssetId) {
  let [into, out] = [ZERO, ZERO];
  for (const { instrument, side, price, quantity } of fills) {
    const { from, to } = legAssets({ instrument, side });
    const { base } = assetsOf(instrument);
    const amount = base === asset ? new Decimal(quantity) : new Decimal(quantity).times(price);
    if (to === asset) into = into.plus(amount);
    if (from === asset) out = out.plus(amount);
  }
  return { into, out };
}
