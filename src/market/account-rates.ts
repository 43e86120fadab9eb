import type { ExchangeId } from '../messages/primitives.js';
import type { MarketRates } from './fee-tiers.js';

/** What accounts pay by the exchanges' own word, market by market, in memory. */
export class AccountRates {
  private readonly known = new Map<ExchangeId, Map<string, MarketRates>>();

  /** `symbol` is the exchange's own name of the market. */
  set(exchange: ExchangeId, symbol: string, rates: MarketRates): void {
    const own = this.known.get(exchange) ?? new Map<string, MarketRates>();
    own.set(symbol, rates);
    this.known.set(exchange, own);
  }

  /** Null before the exchange has said it. */
  of(exchange: ExchangeId, symbol: string): MarketRates | null {
    return this.known.get(exchange)?.get(symbol) ?? null;
  }
}
