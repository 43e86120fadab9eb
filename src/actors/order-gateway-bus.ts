import { holdsNow, statusOf } from '../execution/gateway/gateway-phase.js';
import type { GatewayState } from '../execution/gateway/gateway-state.js';
import { subjectOf, type MessageKind, type MessageOf } from '../messages/catalogue.js';
import { ArbotError, errorText } from '../messages/errors.js';
import type { LegResult } from '../messages/order.js';
import type { AssetId, ExchangeId } from '../messages/primitives.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { ActorContext } from '../runtime/actor.js';
import type { Answer, OrderGatewayMessage } from './order-gateway-messages.js';

export interface OrderGatewayBusOptions {
  readonly bus: Bus;
  readonly exchange: ExchangeId;
  readonly context: ActorContext<OrderGatewayMessage>;
  /** First orders that the call budgets would take now. */
  readonly orderRoom: () => number;
}

/** A release is told again with so many announcements: what is said while the connection to a bus breaks is lost. */
const RELEASES = 4;

/** What an order gateway hears over the bus and tells there. */
export class OrderGatewayBus {
  private readonly options: OrderGatewayBusOptions;
  /** Assets that were let go, and how often that is still to be told. */
  private readonly released = new Map<AssetId, number>();

  constructor(options: OrderGatewayBusOptions) {
    this.options = options;
  }

  /** Until the incarnation ends. */
  listen(): void {
    const { bus, exchange, context } = this.options;
    const on = (subscription: Subscription) => context.onEnd(() => subscription.unsubscribe());
    on(
      bus.subscribe('risk.verdict.approved', 'verdict', (d) =>
        this.keep({ kind: 'verdict', verdict: d.message }),
      ),
    );
    on(
      bus.subscribe('ledger.balances', 'balancesChanged', ({ message }) => {
        const holdings = message.holdings.filter((one) => one.exchange === exchange);
        this.keep({ kind: 'event', event: { kind: 'ledger', holdings } });
      }),
    );
    const prefix = `fill:${exchange}:`;
    on(
      bus.subscribe('ledger.entry', 'ledgerEntry', ({ message: { entryId } }) => {
        if (!entryId.startsWith(prefix)) return;
        this.keep({ kind: 'event', event: { kind: 'booked', tradeId: entryId.slice(prefix.length) } });
      }),
    );
    on(
      bus.respond(subjectOf('submitLeg', exchange), 'submitLeg', 'legResult', ({ message, traceId }) =>
        this.ask((answer) => ({ kind: 'submit', leg: message, traceId, answer })),
      ),
    );
    on(
      bus.respond(subjectOf('queryOrder', exchange), 'queryOrder', 'legResult', ({ message }) =>
        this.ask((answer) => ({ kind: 'query', query: message, answer })),
      ),
    );
  }

  publish<K extends MessageKind>(
    kind: K,
    body: MessageOf<K>,
    tokens: readonly string[],
    traceId: string,
  ): void {
    try {
      this.options.bus.publish(subjectOf(kind, ...tokens), kind, body, { traceId });
    } catch (error) {
      // Whoever missed it asks, or hears it again with the next announcement.
      this.options.context.log.warn({ kind, error: errorText(error) }, 'could not publish');
    }
  }

  /** `asset` null = the whole exchange. */
  hold(asset: AssetId | null, held: boolean, reason: string): void {
    if (asset !== null && held) this.released.delete(asset);
    else if (asset !== null) this.released.set(asset, RELEASES);
    this.tellHold(asset, held, reason);
  }

  private tellHold(asset: AssetId | null, held: boolean, reason: string): void {
    const { exchange, context } = this.options;
    const source = asset === null ? `gateway-${exchange}` : `gateway-${exchange}-${asset}`;
    const scope = asset === null ? { exchange } : { exchange, asset };
    const body = { source, held, ...scope, reason: reason.slice(0, 300), atMs: context.clock.nowMs() };
    this.publish('riskHold', body, [], source);
  }

  status(state: GatewayState, nowMs: number): void {
    const { exchange, orderRoom } = this.options;
    const body = { ...statusOf(state, nowMs), orderRoom: orderRoom() };
    this.publish('gatewayStatus', body, [exchange], exchange);
  }

  /** Again and again, for who started later; and so that no hold of an incarnation before outlives it. */
  announce(state: GatewayState, nowMs: number): void {
    const holds = holdsNow(state, nowMs);
    if (!holds.has(null)) this.hold(null, false, '');
    for (const [asset, reason] of holds) this.hold(asset, true, reason);
    for (const [asset, left] of this.released) {
      if (left <= 1) this.released.delete(asset);
      else this.released.set(asset, left - 1);
      this.tellHold(asset, false, '');
    }
    this.status(state, nowMs);
  }

  /** What is told here is about money: rather start again from stores and exchange than lose it. */
  private keep(message: OrderGatewayMessage): void {
    const { context, exchange } = this.options;
    if (context.self.tell(message) === 'full')
      context.crash(new ArbotError('ARB_MAILBOX_FULL', `the ${exchange} gateway lost a ${message.kind}`));
  }

  private ask(build: (answer: Answer) => OrderGatewayMessage): Promise<LegResult> {
    const { context, exchange } = this.options;
    return new Promise((resolve, reject) => {
      const told = context.self.tell(build({ resolve, reject }));
      if (told === 'full' || told === 'dead')
        reject(new ArbotError('ARB_MAILBOX_FULL', `the ${exchange} gateway cannot take this`));
    });
  }
}
