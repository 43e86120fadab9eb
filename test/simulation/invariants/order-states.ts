import { Decimal } from 'decimal.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { LegResult } from '../../../src/messages/order.js';
import { ORDER_NOT_FOUND } from '../../../src/execution/inquiry.js';
import type { ExchangeOrder } from '../accounts.js';
import type { WireCall } from '../order-wire.js';
import type { SimulatedProcess } from '../process.js';
import type { Auditor, Scene } from './scene.js';

/** An IOC order that rests for longer has to have been cancelled, whatever the line to its exchange was like. */
const CANCELLED_WITHIN_MS = 60_000;
/** Wrong clocks of exchanges are measured anew within this; till then an order may be taken after its own expiry. */
const MEASURED_MS = 90_000;

interface Known {
  readonly body: string;
  readonly status: LegResult['status'];
  readonly filled: Decimal;
}

/**
 * I10, R3, R4 and TRADING §4: an end stays an end and its fills only grow; "never placed" is said of nothing that its exchange has or
 * gets; and what should not rest in a book is cancelled.
 */
export class OrderStateAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly rows = new Map<string, Known>();
  private readonly saidAbsent = new Set<string>();
  private readonly taken = new Map<string, ExchangeOrder>();
  /** By any of its names. */
  private readonly cancelled = new Set<string>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  sometimes(): void {
    for (const [id, body] of this.scene.database.results) {
      const before = this.rows.get(id);
      if (before?.body === body) continue;
      const { status, filledQuantity } = JSON.parse(body) as LegResult;
      const now: Known = { body, status, filled: new Decimal(filledQuantity) };
      this.rows.set(id, now);
      if (before !== undefined) this.compare(id, before, now);
    }
  }

  private compare(id: string, before: Known, now: Known): void {
    const isUndone = before.status !== 'unknown' && now.status === 'unknown';
    if (isUndone || now.filled.lt(before.filled))
      this.scene.violated(
        'end-stays',
        `${id}: ${before.status} ${before.filled.toFixed()} became ${now.status} ${now.filled.toFixed()}`,
      );
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind !== 'legResult') return;
    const { clientOrderId, reason } = body as LegResult;
    if (reason !== ORDER_NOT_FOUND) return;
    this.scene.reached('order proven absent');
    this.saidAbsent.add(clientOrderId);
    const order = this.taken.get(clientOrderId);
    if (order !== undefined) this.contradicted(order, 'it has it');
  }

  placed(order: ExchangeOrder): void {
    this.taken.set(order.clientOrderId, order);
    if (this.saidAbsent.has(order.clientOrderId)) this.contradicted(order, 'it takes it now');
  }

  private contradicted({ exchange, clientOrderId }: ExchangeOrder, what: string): void {
    if (this.scene.clocks.mostWrongMs(exchange, this.scene.nowMs() - MEASURED_MS) > 0) return;
    this.scene.violated('absence-is-true', `${exchange} ${clientOrderId} was said never placed: ${what}`);
  }

  called(_process: SimulatedProcess, _exchange: string, wire: WireCall): void {
    for (const name of wire.cancels) this.cancelled.add(name);
  }

  ended(order: ExchangeOrder): void {
    const { exchange, clientOrderId, exchangeOrderId, createdAtMs, updatedAtMs } = order;
    const restedMs = updatedAtMs - createdAtMs;
    if (order.type === 'ioc' && restedMs > 1_000) this.scene.reached('order left open');
    if (order.type !== 'ioc' || restedMs < CANCELLED_WITHIN_MS) return;
    if (!this.cancelled.has(clientOrderId) && !this.cancelled.has(exchangeOrderId))
      this.scene.violated(
        'left-open-is-cancelled',
        `${exchange} ${clientOrderId} rested for ${restedMs.toFixed(0)} ms and nobody cancelled it`,
      );
  }
}
