import type { DeskRules } from './desk-rules.js';
import type { LiveOrder } from './live-order.js';

/** Ended orders beyond this many are forgotten, oldest first. */
const MAX_ORDERS = 500_000;

/** How a question names an order; the first that is given counts. */
export interface OrderName {
  readonly exchangeOrderId?: string | undefined;
  readonly clientOrderId?: string | undefined;
}

/** Every order of the account, by its names. The newest order of a client id stands for it. */
export class OrderArchive {
  private readonly rules: DeskRules;
  private readonly byNumber = new Map<number, LiveOrder>();
  private readonly byExchangeId = new Map<string, LiveOrder>();
  private readonly byClientId = new Map<string, LiveOrder>();
  private readonly openOrders = new Set<LiveOrder>();
  /** Client ids of requests that were refused, where that uses them up. */
  private readonly burned = new Set<string>();

  constructor(rules: DeskRules) {
    this.rules = rules;
  }

  add(order: LiveOrder): void {
    this.byNumber.set(order.number, order);
    this.byExchangeId.set(order.exchangeOrderId, order);
    if (order.clientOrderId !== '') this.byClientId.set(order.clientOrderId, order);
    this.openOrders.add(order);
    if (this.byNumber.size > MAX_ORDERS) this.forgetOldest();
  }

  ended(order: LiveOrder): void {
    this.openOrders.delete(order);
  }

  /** A request with this id came and was refused. */
  burn(clientOrderId: string | null): void {
    if (clientOrderId !== null && this.rules.clientIdReuse === 'burned') this.burned.add(clientOrderId);
  }

  isTaken(clientOrderId: string | null): boolean {
    if (clientOrderId === null) return false;
    const earlier = this.byClientId.get(clientOrderId);
    if (this.rules.clientIdReuse === 'open') return earlier?.state === 'open';
    return earlier !== undefined || this.burned.has(clientOrderId);
  }

  find({ exchangeOrderId, clientOrderId }: OrderName): LiveOrder | null {
    if (exchangeOrderId !== undefined && exchangeOrderId !== '') {
      return this.byExchangeId.get(exchangeOrderId) ?? null;
    }
    return this.byClientId.get(clientOrderId ?? '') ?? null;
  }

  /** True when the exchange does not find it any more: it ended without a fill too long ago. */
  isForgotten(order: LiveOrder, nowMs: number): boolean {
    const limit = this.rules.forgetsUnfilledAfterMs;
    if (limit === null || order.state === 'open' || order.filledLots > 0) return false;
    return nowMs - order.updatedAtMs > limit;
  }

  /** Oldest first. */
  open(): LiveOrder[] {
    return [...this.openOrders];
  }

  get openCount(): number {
    return this.openOrders.size;
  }

  /** All of them, oldest first. */
  all(): LiveOrder[] {
    return [...this.byNumber.values()];
  }

  private forgetOldest(): void {
    for (const [number, order] of this.byNumber) {
      if (order.state === 'open') continue;
      this.byNumber.delete(number);
      this.byExchangeId.delete(order.exchangeOrderId);
      return;
    }
  }
}
