import { BridgedSpatialDetector } from '../detectors/bridge/bridged-spatial.js';
import type { SpatialParameters } from '../detectors/spatial-parameters.js';
import type { TradedRoute } from '../detectors/traded-routes.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import { errorText } from '../messages/errors.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { Bus } from '../ports/bus.js';
import type { TradeStore } from '../ports/stores.js';
import type { ActorContext, ActorDefinition } from '../runtime/actor.js';
import { DETECTOR_ACTOR, DetectorShell, type DetectorMessage } from './detector-shell.js';
import { tradedBefore } from './traded-before.js';

export type { DetectorMessage } from './detector-shell.js';

/** The spatial detector as an actor. */
export interface DetectorActorOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  readonly parameters: SpatialParameters;
  /** Where it learns at its start what was traded before; absent where nothing trades. */
  readonly trades?: TradeStore;
  /** What is held, for a detector whose terms hang on it; absent = it does not listen for that. */
  readonly holdings?: () => Promise<BalancesChanged['holdings']>;
  /** Fetches what was learned before it starts; absent = nothing is used. */
  readonly learn?: () => Promise<void>;
}

export function detectorActor(options: DetectorActorOptions): ActorDefinition<DetectorMessage> {
  return {
    kind: 'detector',
    ...DETECTOR_ACTOR,
    create: async (context) => {
      const { board, parameters } = options;
      const traded = await tradedBefore(options.trades, context, () => everyRoute(options.instruments));
      const { learn, holdings } = options;
      if (learn !== undefined) await askedBefore(learn, 'what was learned is not known', context);
      const held =
        holdings === undefined ? null : await askedBefore(holdings, 'what is held is not known yet', context);
      context.assertCurrent();
      const { instruments } = options;
      return new DetectorShell(
        {
          ...{ bus: options.bus, board },
          get instruments() {
            return options.instruments;
          },
          strategy: 'spatial',
          make: (nextId) => {
            const detector = new BridgedSpatialDetector({ instruments, board, parameters, nextId, traded });
            if (held !== null) detector.holdingsChanged(held);
            return detector;
          },
          ...(holdings !== undefined && {
            hold: (detector: BridgedSpatialDetector, now: BalancesChanged['holdings']) =>
              detector.holdingsChanged(now),
          }),
          figures: ({ routeCount }) => ({ routes: routeCount }),
        },
        context,
      );
    },
  };
}

/** Null while the store is away: the detector then goes by the worst of what may be. */
async function askedBefore<T>(
  ask: () => Promise<T>,
  otherwise: string,
  { log }: ActorContext<DetectorMessage>,
): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    log.warn({ error: errorText(error) }, otherwise);
    return null;
  }
}

const everyRoute = (instruments: readonly Instrument[]): TradedRoute[] =>
  instruments.flatMap((buy) =>
    instruments
      .filter((sell) => sell.base === buy.base && sell.exchange !== buy.exchange)
      .map((sell) => ({ pair: buy.pair, buyExchange: buy.exchange, sellExchange: sell.exchange })),
  );
