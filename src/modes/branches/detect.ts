import { detectorActor } from '../../actors/detector.js';
import type { Instrument } from '../../market/instrument.js';
import type { Stores } from '../../ports/stores.js';
import type { NodeContext } from '../node-context.js';
import { spatialParametersOf } from '../parameters.js';
import { erased } from '../tree.js';

/** The detectors of a node. */
export function detectorOf(
  context: NodeContext,
  stores: Stores,
  /** Those of the assets that are this node's. */
  instruments: () => readonly Instrument[],
) {
  const { bus, board, parts, clockOffsetMs } = context;
  const options = {
    ...{ bus, board },
    trades: stores.trades,
    parameters: spatialParametersOf(parts.options.tradingConfig, clockOffsetMs),
  };
  const current = { instruments: { get: instruments, enumerable: true } };
  return erased(
    detectorActor(
      Object.defineProperties(options, current) as typeof options & {
        readonly instruments: readonly Instrument[];
      },
    ),
  );
}
