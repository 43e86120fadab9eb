import { Decimal, floorToStep, ONE, roundForMessage, ZERO } from '../../market/decimal.js';
import { buyFactor, effectiveRate } from '../../market/fees.js';
import type { Level } from '../depth.js';
import { legOf } from '../spatial-orders.js';
import type { NoTrade, TradePlan } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';
import { takeBase } from '../two-books.js';
import {
  booksOf,
  bps,
  brokenRule,
  edgeText,
  lotOf,
  nearestStep,
  none,
  ordersOf,
  up,
  type PlanGround,
  type SideBooks,
} from './pair-orders.js';

export interface ExitQuestion {
  /** Where what was bought is sold, and what was sold is bought back. */
  readonly sell: SpatialMarket;
  readonly buy: SpatialMarket;
  /** Canonical base held beyond the baseline, and owed to it; both above 0. */
  readonly held: Decimal;
  readonly owed: Decimal;
  /** Quote that the position has brought (or cost, below 0) so far. */
  readonly quoteFlow: Decimal;
}

/**
 * Out of a position, as much of it as both books take at once. What it nets is told and never a reason against it. `DUST` = what is left is too small
 * for an order.
 */
export function planExit(question: ExitQuestion, ground: PlanGround): TradePlan | NoTrade {
  const [sell, buy] = [booksOf(question.sell, ground), booksOf(question.buy, ground)];
  const { keep } = buyFactor(buy.market.fee);
  const total = (levels: readonly Level[]) => levels.reduce((sum, [, size]) => sum.plus(size), ZERO);
  const share = Decimal.min(
    ONE,
    total(sell.bids).div(question.held),
    total(buy.asks).times(keep).div(question.owed),
    ...[sell.market, buy.market].flatMap(({ rules, units }, at) =>
      rules.maxQuantity === null
        ? []
        : [
            rules.maxQuantity
              .times(units)
              .times(at === 0 ? ONE : keep)
              .div(at === 0 ? question.held : question.owed),
          ],
    ),
  );
  const isWhole = share.equals(ONE);
  const sold = floorToStep(question.held.times(share), lotOf(sell.market));
  const ordered = isWhole
    ? nearestStep(question.owed.div(keep), lotOf(buy.market))
    : floorToStep(question.owed.times(share).div(keep), lotOf(buy.market));
  const out = takeBase(sell.bids, sold);
  const into = takeBase(buy.asks, ordered);
  if (!sold.greaterThan(0) || !ordered.greaterThan(0) || out === null || into === null)
    return none(
      isWhole && !(sold.greaterThan(0) && ordered.greaterThan(0)) ? 'DUST' : 'DEPTH',
      'nothing to trade it for',
    );
  const money = exitMoney({ question, buy, sell, share, sold, ordered, into, out });
  const orders = ordersOf({ buy, sell }, money, ground.limitSlackBps);
  const broken = brokenRule(orders);
  if (broken !== null)
    return none(isWhole && broken.reason.startsWith('MIN_') ? 'DUST' : broken.reason, broken.detail);
  return {
    kind: 'trade',
    quantity: ordered,
    notional: money.notional,
    net: money.net,
    grossBps: bps(money.gross, into.quote),
    netBps: bps(money.net, money.notional),
    edge: edgeText(money),
    buy: legOf(orders[0], into.quote.div(ordered), buy.asks, ground.board),
    sell: legOf(orders[1], out.quote.div(sold), sell.bids, ground.board),
  };
}

function exitMoney(exit: {
  readonly question: ExitQuestion;
  readonly buy: SideBooks;
  readonly sell: SideBooks;
  readonly share: Decimal;
  readonly sold: Decimal;
  readonly ordered: Decimal;
  readonly into: { readonly quote: Decimal; readonly worst: Decimal };
  readonly out: { readonly quote: Decimal; readonly worst: Decimal };
}) {
  const { question, buy, sell, share, sold, ordered, into, out } = exit;
  const { keep } = buyFactor(buy.market.fee);
  const gross = roundForMessage(question.quoteFlow.times(share).plus(out.quote).minus(into.quote), 'down');
  // A fee that is taken out of the coin has been ordered on top, and is in what was paid.
  const feeBuy = keep.equals(ONE) ? up(into.quote.times(effectiveRate(buy.market.fee))) : ZERO;
  const feeSell = up(out.quote.times(effectiveRate(sell.market.fee)));
  const money = { gross, feeBuy, feeSell, latencyDecay: ZERO, transfer: ZERO };
  return {
    ...money,
    net: gross.minus(feeBuy).minus(feeSell),
    notional: up(into.quote.plus(feeBuy)),
    ...{ sold, ordered, worstBuy: into.worst, worstSell: out.worst },
  };
}
