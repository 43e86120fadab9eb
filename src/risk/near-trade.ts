import type { AssetId } from '../messages/primitives.js';
import type { NearTrade, Question } from './question.js';

const BPS = 10_000;

export function nearTradeOf({ signal, buy, sell, limits }: Question): NearTrade {
  const buyQuantity = Number(buy.quantity);
  const sellQuantity = Number(sell.quantity);
  const [buyPrice, sellPrice] = [Number(buy.limitPrice), Number(sell.limitPrice)];
  const fee = buy.feeMode === 'quote' ? 1 + Number(buy.feeRate) : 1;
  return {
    quantity: Number(signal.quantity),
    ...{ buyQuantity, sellQuantity, buyPrice, sellPrice },
    buyGives: buyQuantity * buyPrice * (1 + limits.recoverySlackBps / BPS) * fee,
    sellBrings: sellQuantity * Math.max(sellPrice, Number(sell.expectedVwap)),
  };
}

/** What the trade may move at worst beside the reporting currency, in that; NaN while a price is missing. */
export function nearWorth(question: Question, trade: NearTrade): number {
  const { base, quote } = question.signal;
  return (
    worthOf(question, base, Math.max(trade.buyQuantity, trade.sellQuantity)) +
    worthOf(question, quote, Math.max(trade.sellBrings, trade.buyGives))
  );
}

const worthOf = ({ limits, exposure }: Question, asset: AssetId, amount: number): number =>
  asset === limits.reportingCurrency ? 0 : amount * exposure.nearMarkOf(asset);
