import type { GatewayEffect, GatewayEvent } from '../execution/gateway/gateway-state.js';
import type { AccountQuestions } from './account-questions.js';

export type QuestionEffect = Extract<
  GatewayEffect,
  { kind: 'lookUp' | 'cancel' | 'readFills' | 'readOpenOrders' | 'readBalances' | 'readTransfers' }
>;

/** Asks what the machine wants to know; the answer is its next event. Never rejects: no answer is an answer. */
export async function askFor(
  questions: AccountQuestions,
  effect: QuestionEffect,
  askedAtMs: number,
): Promise<GatewayEvent> {
  switch (effect.kind) {
    case 'lookUp': {
      const { clientOrderId } = effect.order;
      return { kind: 'looked', clientOrderId, word: await questions.lookUp(effect.order), askedAtMs };
    }
    case 'cancel': {
      const { clientOrderId } = effect.order;
      return { kind: 'cancelled', clientOrderId, word: await questions.cancel(effect.order) };
    }
    case 'readFills': {
      const { clientOrderId, instrument, sinceMs } = effect;
      const trades = await questions.fills(effect);
      return { kind: 'fills', clientOrderId, instrument, trades, sinceMs, askedAtMs };
    }
    case 'readOpenOrders':
      return { kind: 'openOrders', orders: await questions.openOrders(), askedAtMs };
    case 'readBalances': {
      const { epoch } = effect;
      return { kind: 'balances', balances: await questions.balances(), askedAtMs, epoch };
    }
    case 'readTransfers':
      return { kind: 'transfers', transfers: await questions.transfers(effect.sinceMs) };
  }
}
