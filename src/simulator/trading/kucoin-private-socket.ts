import { jsonObject, type FaceClient } from '../face-protocol.js';
import type { Prng } from '../prng.js';
import { atomsText } from './atoms.js';
import type { HoldingView } from './account-book.js';
import type { DeskEvent } from './desk-types.js';
import { bareNumbers } from './kucoin-errors.js';
import { kucoinOrderPush, type KucoinPushType, type KucoinRow } from './kucoin-rows.js';

const TOPICS = ['/spotMarket/tradeOrdersV2', '/spotMarket/tradeOrders', '/account/balance'] as const;
type PrivateTopic = (typeof TOPICS)[number];

export interface KucoinSocketParts {
  readonly prng: Prng;
  /** The exchange's clock, Unix ms. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  /** Greets a connection that may be greeted by now. */
  readonly greet: (client: FaceClient) => void;
  readonly isGreeted: (client: FaceClient) => boolean;
  readonly send: (client: FaceClient, text: string) => void;
}

/** The classic socket behind a private ticket: the orders and balances of its account (PROTOCOLS §8). The ticket was the login. */
export class KucoinPrivateSocket {
  private readonly parts: KucoinSocketParts;
  private readonly sessions = new Map<
    number,
    { readonly client: FaceClient; readonly topics: Set<PrivateTopic> }
  >();

  constructor(parts: KucoinSocketParts) {
    this.parts = parts;
  }

  opened(client: FaceClient): void {
    this.sessions.set(client.id, { client, topics: new Set() });
    this.parts.greet(client);
  }

  closed(id: number): void {
    this.sessions.delete(id);
  }

  received(client: FaceClient, text: string): void {
    const session = this.sessions.get(client.id);
    const request = jsonObject(text);
    // The connection is usable only after its welcome.
    if (session === undefined || !this.parts.isGreeted(client)) return;
    const id = typeof request?.['id'] === 'string' ? request['id'].slice(0, 128) : '';
    const { type, topic, privateChannel } = request ?? {};
    if (type === 'ping')
      return this.frame(client, {
        id,
        type: 'pong',
        timestamp: `#${this.parts.stamp(this.parts.serverMs())}000`,
      });
    const known = TOPICS.find((name) => name === topic);
    if (type !== 'subscribe' && type !== 'unsubscribe')
      return this.frame(client, { id, type: 'error', code: 403, data: 'invalid type' });
    if (known === undefined || privateChannel !== true)
      return this.frame(client, {
        id,
        type: 'error',
        code: 404,
        data: `topic ${String(topic).slice(0, 64)} does not exist`,
      });
    if (type === 'subscribe') session.topics.add(known);
    else session.topics.delete(known);
    if (request?.['response'] === true) this.frame(client, { id, type: 'ack' });
  }

  /** Tells every connection that listens. */
  deliver(event: DeskEvent): void {
    for (const { client, topics } of this.sessions.values()) {
      for (const topic of topics) {
        const isBalance = topic === '/account/balance';
        const rows = isBalance ? this.balanceRows(event) : this.orderRows(event);
        const subject = isBalance ? 'account.balance' : 'orderChange';
        for (const data of rows)
          this.frame(client, {
            type: 'message',
            topic,
            subject,
            userId: 'simulated',
            channelType: 'private',
            data,
          });
      }
    }
  }

  /** The end of an order that was filled is a push of its own, without a trade. */
  private orderRows(event: DeskEvent): KucoinRow[] {
    if (event.kind !== 'order') return [];
    const { order, trade, cause } = event;
    const push = (type: KucoinPushType) =>
      kucoinOrderPush(order, type, type === 'match' ? trade : null, this.parts.stamp);
    if (cause === 'new') return [push('received')];
    if (cause === 'end') return [push('canceled')];
    return order.state === 'filled' ? [push('match'), push('filled')] : [push('match')];
  }

  private balanceRows(event: DeskEvent): KucoinRow[] {
    const relation =
      event.kind === 'transfer'
        ? 'trade.transfer'
        : { new: 'trade.hold', trade: 'trade.setted', end: 'trade.other' }[event.cause];
    return event.holdings.map((holding) => this.balanceRow(holding, relation, event));
  }

  private balanceRow(
    { asset, free, locked }: HoldingView,
    relationEvent: string,
    event: DeskEvent,
  ): KucoinRow {
    const relationContext =
      event.kind === 'transfer' ? {} : { symbol: event.order.symbol, orderId: event.order.exchangeOrderId };
    return {
      accountId: '5bd6e9216d99522a52e458d6',
      currency: asset,
      total: atomsText(free + locked),
      available: atomsText(free),
      hold: atomsText(locked),
      relationEvent,
      relationEventId: this.parts.prng.hex(24),
      relationContext,
      time: `${this.parts.stamp(event.timeMs)}`,
    };
  }

  private frame(client: FaceClient, body: object): void {
    this.parts.send(client, bareNumbers(JSON.stringify(body)));
  }
}
