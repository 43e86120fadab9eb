import { Decimal } from '../../market/decimal.js';
import type { PlannedLeg } from '../../messages/signal.js';
import type { Refusal } from '../../messages/risk.js';
import { amountText, perLeg, refuse, type Question, type Rule } from '../question.js';

/**
 * A fee in a third coin needs that coin's price and balance (TRADING §3): without them nobody knows what the trade costs. A leg that
 * plans to pay in what it receives although its market would take the coin has planned the dearer of the two.
 */
export const feeCoinRule: Rule = (question) => perLeg(question, (leg) => judge(question, leg));

function judge({ instruments, exposure }: Question, leg: PlannedLeg): Refusal | null {
  const instrument = instruments.get(leg.instrument);
  const listed = instrument?.feeMode ?? leg.feeMode;
  if (leg.feeMode !== 'third' && (listed !== 'third' || leg.feeMode === 'received')) return null;
  const coin = listed === 'third' && leg.feeMode === 'third' ? instrument?.feeCoin : undefined;
  if (coin === undefined) return refuse('FEE_COIN', 'quote or received', 'third', 'fee mode', leg.instrument);
  const mark = exposure.markOf(coin);
  if (mark === null) return refuse('FEE_COIN', 'a price', 'none', coin, leg.exchange);
  const fee = new Decimal(leg.quantity).times(leg.limitPrice).times(leg.feeRate);
  const available = exposure.available(leg.exchange, coin);
  return available.times(mark).gte(fee)
    ? null
    : refuse('FEE_COIN', amountText(fee.div(mark)), amountText(available), coin, leg.exchange);
}
