import { TriangularDetector } from '../detectors/triangular/triangular.js';
import type { TriangularParameters } from '../detectors/triangular/triangular-parameters.js';
import type { TradedRoute } from '../detectors/traded-routes.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { Bus } from '../ports/bus.js';
import type { TradeStore } from '../ports/stores.js';
import type { ActorDefinition } from '../runtime/actor.js';
import { DETECTOR_ACTOR, DetectorShell, type DetectorMessage } from './detector-shell.js';
import { tradedBefore } from './traded-before.js';

/** The cycles of one exchange, or of several, as an actor. */
export interface TriangularActorOptions {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  /** Of the exchanges that are its own. */
  readonly instruments: readonly Instrument[];
  readonly parameters: TriangularParameters;
  /** Where it learns at its start what was traded before; absent where nothing trades. */
  readonly trades?: TradeStore;
}

export function triangularActor(options: TriangularActorOptions): ActorDefinition<DetectorMessage> {
  return {
    kind: 'triangular-detector',
    ...DETECTOR_ACTOR,
    create: async (context) => {
      const { bus, board, parameters } = options;
      const traded = await tradedBefore(options.trades, context, () => everyCycle(options.instruments));
      context.assertCurrent();
      const { instruments } = options;
      return new DetectorShell<TriangularDetector>(
        {
          ...{ bus, board },
          get instruments() {
            return options.instruments;
          },
          strategy: 'triangular',
          reads: (detector, slot) => detector.reads(slot),
          make: (nextId) => new TriangularDetector({ instruments, board, parameters, nextId, traded }),
          figures: ({ cycleCount }) => ({ cycles: cycleCount }),
        },
        context,
      );
    },
  };
}

/** A cycle is known by the pair of its first leg. */
const everyCycle = (instruments: readonly Instrument[]): TradedRoute[] =>
  instruments.map(({ pair, exchange }) => ({ pair, buyExchange: exchange, sellExchange: exchange }));
