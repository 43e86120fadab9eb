import type { OrderEntry, OrderTicket } from './order-entry.js';
import type { RateLimiter } from './rate-limiter.js';

/** More than any plan has legs. */
const MOST = 16;
/** What placing costs does not depend on what is placed. */
const ANY: OrderTicket = { clientOrderId: 'a', symbol: 'A', side: 'buy', quantity: '1', limitPrice: '1' };

/** How many first orders the call budgets of an exchange take now, a reserve for cancels and hedges set aside; at most 16. */
export const orderRoom = (limiter: RateLimiter, entry: OrderEntry, nowMs: number): number =>
  limiter.roomFor(entry.place(ANY).costs, MOST, nowMs);
