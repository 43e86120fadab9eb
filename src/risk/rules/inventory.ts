import { Decimal } from '../../market/decimal.js';
import { isCertainlyBelow } from '../near.js';
import { amountText, orderPerUnit, refuse, type Question, type SizeCap, type SizeRule } from '../question.js';
import { mayFollow } from '../follows.js';
import { reservedFor, reservedLegs } from '../reserved-legs.js';

/**
 * Prefunded: each exchange must hold, above its reserve and above what is promised already, what its leg gives at worst
 * (buy: limit price, recovery slack and a fee taken in quote; sell: the quantity).
 */
export const inventoryRule: SizeRule = {
  fits: ({ exposure, signal, buy, sell }, trade) =>
    trade.buyQuantity > 0 &&
    trade.sellQuantity > 0 &&
    isCertainlyBelow(exposure.nearShortage(buy.exchange, signal.quote, trade.buyGives), 0) &&
    isCertainlyBelow(exposure.nearShortage(sell.exchange, signal.base, trade.sellQuantity), 0),
  caps: (question) => {
    if (!question.isPlain) return fundedCaps(question);
    const [buy, sell] = reservedLegs(question.signal, question.buy, question.sell, question.limits);
    return [
      capOf(question, buy.exchange, buy.outAsset, buy.outAmount, orderPerUnit(question, question.buy)),
      capOf(question, sell.exchange, sell.outAsset, sell.outAmount, orderPerUnit(question, question.sell)),
    ];
  },
};

function capOf(
  question: Question,
  exchange: string,
  asset: string,
  needed: Decimal,
  perUnit: Decimal,
): SizeCap {
  const available = question.exposure.available(exchange, asset);
  const neededPerUnit = needed.div(question.signal.quantity);
  // needed grows with the order, so the cap in units of the signal is available ÷ (needed per unit); perUnit > 0 always.
  const cap = available.lte(0) || perUnit.lte(0) ? new Decimal(0) : available.div(neededPerUnit);
  return {
    cap,
    refusal() {
      return refuse('INVENTORY', amountText(available), amountText(needed), asset, exchange);
    },
  };
}

/** A leg that may wait for what the one before brings to the same exchange needs nothing of its own. */
function fundedCaps(question: Question): readonly SizeCap[] {
  return reservedFor(question.legs, question.limits).flatMap(({ exchange, outAsset, outAmount }, index) =>
    mayFollow(question.signal, index)
      ? []
      : [capOf(question, exchange, outAsset, outAmount, outAmount.div(question.signal.quantity))],
  );
}
