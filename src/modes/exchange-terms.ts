import type { TradingConfig } from '../config/index.js';
import type { Connector } from '../connectors/base.js';
import { Decimal, toText } from '../market/decimal.js';
import { ratesInTier } from '../market/fee-tiers.js';
import type { ExchangeTerms } from '../ports/stores.js';
import { enabledExchanges } from './parameters.js';

/** The exchanges of the trader's file on the terms of this start, for the table `exchanges`. */
export function exchangeTermsOf(
  trading: TradingConfig,
  connectors: readonly Pick<Connector, 'exchange' | 'fees'>[],
): ExchangeTerms[] {
  const enabled = new Set(enabledExchanges(trading).map(([exchange]) => exchange));
  return connectors.map(({ exchange, fees }) => {
    const { takerFeeBps, feeTier } = trading.exchanges[exchange] ?? {};
    const isConfigured = takerFeeBps !== undefined;
    const listed = feeTier === undefined ? fees : ratesInTier(exchange, feeTier, fees);
    return {
      exchange,
      tier: isConfigured ? 'configured' : (feeTier ?? 'default'),
      makerFee: listed.makerFeeRate,
      takerFee: isConfigured ? toText(new Decimal(takerFeeBps).div(10_000)) : listed.takerFeeRate,
      active: enabled.has(exchange),
    };
  });
}
