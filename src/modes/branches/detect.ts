import { detectorActor } from '../../actors/detector.js';
import { triangularActor } from '../../actors/triangular-detector.js';
import type { Instrument } from '../../market/instrument.js';
import type { ExchangeId } from '../../messages/primitives.js';
import type { Stores } from '../../ports/stores.js';
import type { NodeContext } from '../node-context.js';
import { edgeTermsOf, needsHoldings } from '../edge-terms.js';
import { loadDecays } from '../learned-decays.js';
import { spatialParametersOf, triangularExchanges, triangularParametersOf } from '../parameters.js';
import { erased } from '../tree.js';

/** The detectors of a node. */

/** Null while the strategy is off. */
export function detectorOf(
  context: NodeContext,
  stores: Stores,
  /** Those of the assets that are this node's. */
  instruments: () => readonly Instrument[],
) {
  const { parts, clockOffsetMs, wallets, decays } = context;
  const { tradingConfig: trading, market } = parts.options;
  if (trading.strategies.spatial === 'off') return null;
  const parameters = {
    ...spatialParametersOf(trading, clockOffsetMs),
    ...edgeTermsOf(trading, { wallets, decays, nowMs: () => parts.market.time.monotonicMs() }),
  };
  const isLearned = trading.edge.latencyDecaySource === 'learned';
  const options = {
    ...sharedOf(context, stores),
    parameters,
    ...(needsHoldings(trading) && { holdings: () => stores.ledger.holdings() }),
    ...(isLearned && { learn: () => loadDecays(stores.settings, decays, market) }),
  };
  return erased(detectorActor(current(options, instruments)));
}

/** The cycles of one exchange. */
export function cycleDetectorOf(context: NodeContext, stores: Stores, exchange: ExchangeId) {
  const { parts, clockOffsetMs } = context;
  const parameters = triangularParametersOf(parts.options.tradingConfig, clockOffsetMs);
  const own = () => context.liveInstruments.of(exchange);
  return erased(triangularActor(current({ ...sharedOf(context, stores), parameters }, own)));
}

/** Of every exchange that has listed its markets and on which cycles are looked for. */
export function cycleDetectorsOf(context: NodeContext, stores: Stores) {
  const exchanges = triangularExchanges(context.parts.options.tradingConfig);
  return new Map(
    exchanges
      .filter((exchange) => context.markets.has(exchange))
      .map((exchange) => [exchange, cycleDetectorOf(context, stores, exchange)]),
  );
}

const sharedOf = ({ bus, board }: NodeContext, { trades }: Stores) => ({ bus, board, trades });

/** Options whose instruments are those known when they are asked for. */
const current = <T extends object>(options: T, instruments: () => readonly Instrument[]) =>
  Object.defineProperty(options, 'instruments', { get: instruments, enumerable: true }) as T & {
    readonly instruments: readonly Instrument[];
  };
