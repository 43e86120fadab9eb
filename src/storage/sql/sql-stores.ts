import type { Clock } from '../../ports/time.js';
import type { Stores } from '../../ports/stores.js';
import type { Db } from './db.js';
import { sqlExchanges } from './exchange-store.js';
import { sqlLedger } from './ledger-store.js';
import { sqlLeases } from './lease-store.js';
import { sqlPerformance } from './performance-store.js';
import { sqlPortfolio } from './portfolio-store.js';
import { sqlRetention } from './retention-store.js';
import { sqlSettings } from './settings-store.js';
import { sqlSignals } from './signal-store.js';
import { sqlTrades } from './trade-store.js';

/** All stores over one database connection, whichever engine is behind it. */
export function sqlStores(db: Db, clock: Clock): Stores {
  return {
    ledger: sqlLedger(db),
    trades: sqlTrades(db),
    signals: sqlSignals(db),
    portfolio: sqlPortfolio(db),
    performance: sqlPerformance(db),
    retention: sqlRetention(db),
    settings: sqlSettings(db),
    leases: sqlLeases(db),
    exchanges: sqlExchanges(db),
    describe: async () => ({
      name: 'trades',
      engine: await db.engine(),
      location: db.location,
      unsafeForLive: [...db.hazards],
    }),
    ping: async () => {
      const startedMs = clock.monotonicMs();
      await db.query('select 1::text as one');
      return clock.monotonicMs() - startedMs;
    },
    close: () => db.close(),
  };
}
