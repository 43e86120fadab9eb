import { portfolioActor } from '../../actors/portfolio.js';
import { recorderActor } from '../../actors/recorder.js';
import { tickRecorderActor } from '../../actors/tick-recorder.js';
import type { PriceStore } from '../../ports/price-cache.js';
import type { Stores } from '../../ports/stores.js';
import type { NodeAlerts } from '../alerts.js';
import type { NodeContext } from '../node-context.js';
import { baselineOf, dayBoundaryOffsetMs } from '../parameters.js';
import { publisherOf } from '../prices.js';
import { schedulerOf } from '../scheduling.js';
import { erased, type WatchActors } from '../tree.js';

/** Telemetry is given up after so many tries; nothing waits for it. */
const TELEMETRY_RETRY = { minMs: 100, maxMs: 10_000 };

/** What looks on and keeps: signals, ticks, the portfolio, the newest prices, and what is due by the clock. */
export function watchOf(
  context: NodeContext,
  stores: Stores,
  prices: PriceStore,
): Omit<WatchActors, 'alerts'> {
  const { bus, board, parts, recording } = context;
  const { clusterConfig, tradingConfig } = parts.options;
  return {
    recorder: erased(recorderActor({ bus, store: stores.signals, retry: TELEMETRY_RETRY })),
    tickRecorder: recording === null ? null : erased(tickRecorderActor(recording)),
    portfolio: erased(
      portfolioActor(
        context.live({
          ...{ bus, board, stores },
          currency: tradingConfig.reportingCurrency,
          baseline: baselineOf(tradingConfig),
          snapshotIntervalMs: clusterConfig.schedule.snapshotIntervalMs,
          dayBoundaryOffsetMs: dayBoundaryOffsetMs(tradingConfig),
        }),
      ),
    ),
    pricePublisher: publisherOf(bus, board, prices),
    scheduler: erased(schedulerOf(clusterConfig, tradingConfig, { stores, bus })),
  };
}

/** Each node hears what may be told; one of them tells it. `holdings`: what is held, for whoever asks; null = not known here. */
export function alertsOf(
  context: NodeContext,
  stores: Stores,
  holdings: Parameters<NodeAlerts['actor']>[2]['holdings'],
) {
  const { bus, parts } = context;
  const { alerts = null } = parts;
  alerts?.hear(bus);
  const premiums = async () => (await context.premiums()).rows;
  return alerts?.actor(bus, stores, { holdings, premiums }) ?? null;
}
