import type { OrderEntry } from '../../../src/connectors/order-entry.js';
import { TraderDesk, type Trading } from './trader-desk.js';

/** One numbered promise of order entry. */
export interface TradeCheck {
  /** `E01`, without a hole. */
  readonly id: string;
  readonly promise: string;
  /** Throws when the promise is broken. */
  run(desk: TraderDesk): void;
  /** The same order entry with this promise broken. */
  broken(orders: OrderEntry): OrderEntry;
  /** Where it can be held at all; absent = everywhere. */
  readonly applies?: (desk: TraderDesk) => boolean;
}

/** A desk whose order entry was tampered with. */
export function brokenDesk(name: Trading, { broken }: TradeCheck): TraderDesk {
  const desk = new TraderDesk(name);
  const orders = broken(desk.orders);
  return Object.assign(desk, { orders, connector: { ...desk.connector, orders } });
}
