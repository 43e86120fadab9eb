import { clockSyncActor } from '../../actors/clock-sync.js';
import { instrumentWatchActor } from '../../actors/instrument-watch.js';
import { curatedRegistry } from '../../market/asset-registry.js';
import type { ExchangeId } from '../../messages/primitives.js';
import { accountTermsOf, feeAskedOf, walletsAsked } from '../account-terms.js';
import { CLOCK_BOUND } from '../connectors.js';
import { refreshMarkets, type InstrumentLoading } from '../instruments.js';
import type { NodeContext } from '../node-context.js';
import { erased } from '../tree.js';

/** What everything else goes by: the clocks of the exchanges, and what they list. Every node keeps both itself. */

export function clockSyncOf(context: NodeContext) {
  const { options } = context.parts;
  return erased(
    clockSyncActor({
      offsets: context.offsets,
      exchanges: () => context.restContexts(),
      maxSkewMs: options.tradingConfig.limits.clockSkewMaxMs,
      binding: new Set(CLOCK_BOUND),
    }),
  );
}

/** What was recorded does not change any more. */
export function instrumentWatchOf(context: NodeContext, loading: InstrumentLoading) {
  const { market, options } = context.parts;
  const trading = options.tradingConfig;
  const feesOf = new Set(feeAskedOf(trading));
  const wantsWallets = walletsAsked(trading);
  return erased(
    instrumentWatchActor({
      bus: context.bus,
      live: context.liveInstruments,
      wallets: context.wallets,
      exchanges: () => (market.replay === null ? context.restContexts() : []),
      load: (rest, symbols) => refreshMarkets(rest, symbols, loading),
      tickerLookup: (exchange, ticker) => curatedRegistry.resolve(exchange, ticker),
      ...((feesOf.size > 0 || wantsWallets) && {
        account: {
          ...{ feesOf, wantsWallets, rates: context.rates },
          of: (exchange: ExchangeId, signal: AbortSignal) => accountTermsOf(context, exchange, signal),
        },
      }),
    }),
  );
}
