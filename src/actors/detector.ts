import { SpatialDetector } from '../detectors/spatial.js';
import type { SpatialParameters } from '../detectors/spatial-parameters.js';
import type { TradedRoute } from '../detectors/traded-routes.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { Bus } from '../ports/bus.js';
import type { TradeStore } from '../ports/stores.js';
import type { ActorDefinition } from '../runtime/actor.js';
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
}

export function detectorActor(options: DetectorActorOptions): ActorDefinition<DetectorMessage> {
  return {
    kind: 'detector',
    ...DETECTOR_ACTOR,
    create: async (context) => {
      const { board, parameters } = options;
      const traded = await tradedBefore(options.trades, context, () => everyRoute(options.instruments));
      context.assertCurrent();
      const { instruments } = options;
      return new DetectorShell(
        {
          ...{ bus: options.bus, board },
          get instruments() {
            return options.instruments;
          },
          strategy: 'spatial',
          make: (nextId) => new SpatialDetector({ instruments, board, parameters, nextId, traded }),
          figures: ({ routeCount }) => ({ routes: routeCount }),
        },
        context,
      );
    },
  };
}

const everyRoute = (instruments: readonly Instrument[]): TradedRoute[] =>
  instruments.flatMap((buy) =>
    instruments
      .filter((sell) => sell.pair === buy.pair && sell.exchange !== buy.exchange)
      .map((sell) => ({ pair: buy.pair, buyExchange: buy.exchange, sellExchange: sell.exchange })),
  );
