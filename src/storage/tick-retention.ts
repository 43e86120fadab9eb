import type { TickTable } from '../ports/tick-store.js';

/** Days that each table keeps; the migrations say the same, and a test compares. */
export const TTL_DAYS: Readonly<Record<TickTable, number>> = {
  orderbook_snapshots: 90,
  tick_trades: 180,
  spread_history: 365,
};
