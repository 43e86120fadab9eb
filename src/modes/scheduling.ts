import { schedulerActor, type SchedulerActorOptions } from '../actors/scheduler.js';
import type { ClusterConfig, TradingConfig } from '../config/index.js';
import type { Bus } from '../ports/bus.js';
import type { Stores } from '../ports/stores.js';

/** A store that is away is asked again this often at most; nothing is in a hurry. */
const RETRY = { minMs: 5_000, maxMs: 300_000 };

/** How long telemetry is kept in the store of the cluster file; null = for ever, as on a server unless the file says otherwise. */
export function retentionOf({ retention, stores }: ClusterConfig): SchedulerActorOptions['retention'] {
  const { stores: where, signalDays, opportunityDays, snapshotDays } = retention;
  const isEmbedded = stores.trades.kind !== 'postgres';
  if (where === 'none' || (where === 'embedded' && !isEmbedded)) return null;
  return {
    arbitrage_signals: signalDays,
    opportunity_events: opportunityDays,
    portfolio_snapshots: snapshotDays,
  };
}

/** The actor of what is due once a day. */
export function schedulerOf(
  cluster: ClusterConfig,
  trading: TradingConfig,
  { stores, bus }: { readonly stores: Stores; readonly bus: Bus },
) {
  return schedulerActor({
    stores,
    bus,
    currency: trading.reportingCurrency,
    dailyDelayMs: cluster.schedule.dailyDelayMs,
    retention: retentionOf(cluster),
    retry: RETRY,
  });
}
