import { Decimal, ZERO } from '../../market/decimal.js';
import type { AssetId, ExchangeId } from '../../messages/primitives.js';
import { valueAt } from '../exchange-value.js';
import { markUnknown } from '../mark-unknown.js';
import { isCertainlyBelow } from '../near.js';
import {
  amountText,
  exchangesOf,
  legsOf,
  orderPerUnit,
  refuse,
  type Question,
  type SizeCap,
  type SizeRule,
} from '../question.js';
import type { PlannedLeg } from '../../messages/signal.js';
import { reservedFor } from '../reserved-legs.js';

/** Counterparty risk: everything held at the exchange plus everything that may still arrive there, without subtracting what may leave. */
export const exchangeExposureRule: SizeRule = {
  fits: (question, trade) => {
    const { exposure, signal, buy, sell } = question;
    const bought = trade.buyQuantity * exposure.nearMarkOf(signal.base);
    const proceeds = trade.sellBrings * exposure.nearMarkOf(signal.quote);
    return (
      isCertainlyBelow(exposure.nearWorthAt(buy.exchange).plus(bought), Number(limitOf(question, buy))) &&
      isCertainlyBelow(exposure.nearWorthAt(sell.exchange).plus(proceeds), Number(limitOf(question, sell)))
    );
  },
  caps: (question) =>
    question.isPlain
      ? legsOf(question).map((leg) => capOf(question, leg, inflowValuePerUnit(question, leg)))
      : exchangesOf(question).map((exchange) => ofExchange(question, exchange)),
};

const limitOf = ({ limits }: Question, { exchange }: Pick<PlannedLeg, 'exchange'>): string =>
  limits.exchangeHoldingsOverrides[exchange] ?? limits.maxExchangeHoldings;

function capOf(
  question: Question,
  leg: Pick<PlannedLeg, 'exchange'>,
  perUnit: Decimal | { readonly unpriced: AssetId },
): SizeCap {
  const { limits, exposure, signal } = question;
  const limit = new Decimal(limitOf(question, leg));
  const held = valueAt(exposure, leg.exchange);
  if ('unpriced' in held) return markUnknown('EXCHANGE_EXPOSURE', held.unpriced);
  const { value } = held;
  if ('unpriced' in perUnit) return markUnknown('EXCHANGE_EXPOSURE', perUnit.unpriced);
  const room = limit.minus(value);
  return {
    cap: room.lte(0) ? new Decimal(0) : room.div(perUnit),
    refusal() {
      const actual = amountText(value.plus(perUnit.times(signal.quantity)));
      return refuse('EXCHANGE_EXPOSURE', limit.toFixed(), actual, limits.reportingCurrency, leg.exchange);
    },
  };
}

/** What one unit of the signal brings to the exchange of this leg, in the reporting currency. */
function inflowValuePerUnit(question: Question, leg: PlannedLeg): Decimal | { readonly unpriced: AssetId } {
  const { signal, exposure } = question;
  const perUnit = orderPerUnit(question, leg);
  if (leg.side === 'buy') return exposure.markOf(signal.base)?.times(perUnit) ?? { unpriced: signal.base };
  const price = Decimal.max(leg.expectedVwap, leg.limitPrice);
  return exposure.markOf(signal.quote)?.times(price).times(perUnit) ?? { unpriced: signal.quote };
}

/** The same for all legs of one exchange together, each with what it brings. */
function ofExchange(question: Question, exchange: ExchangeId): SizeCap {
  const { signal, limits, exposure } = question;
  let value = ZERO;
  for (const leg of reservedFor(question.legs, limits)) {
    if (leg.exchange !== exchange) continue;
    const mark = exposure.markOf(leg.inAsset);
    if (mark === null) return markUnknown('EXCHANGE_EXPOSURE', leg.inAsset);
    value = value.plus(leg.inAmount.times(mark));
  }
  return capOf(question, { exchange }, value.div(signal.quantity));
}
