import { countWithin, jsonObject, type FaceClient } from '../face-protocol.js';
import type { HoldingView } from './account-book.js';
import type { DeskEvent } from './desk-types.js';
import { okxBalanceDetail, okxBalanceRow, okxOrderPush, type OkxRow } from './okx-rows.js';
import { okxLoginRefusal, type OkxKey } from './okx-signature.js';

const REQUESTS_PER_HOUR = 480;
const MAX_REQUEST_BYTES = 64 * 1_024;
const MAX_CONNECTIONS_PER_CHANNEL = 30;

type Channel = 'orders' | 'account';

/** One subscription: `symbol` narrows `orders`, `asset` narrows `account`; null = all. */
interface Subscription {
  readonly channel: Channel;
  readonly symbol: string | null;
  readonly asset: string | null;
  /** As the client named it, with the account's number: stands in front of every push. */
  readonly arg: OkxRow;
}

interface Session {
  readonly client: FaceClient;
  isLoggedIn: boolean;
  readonly subscriptions: Map<string, Subscription>;
}

export interface OkxSocketParts {
  readonly key: OkxKey;
  /** The account's number as pushes show it. */
  readonly uid: string;
  /** The exchange's clock, Unix ms. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  readonly symbols: ReadonlySet<string>;
  readonly holdings: () => readonly HoldingView[];
  /** What one unit of an asset is worth in dollars. */
  readonly usdOf: (asset: string) => number;
  readonly send: (client: FaceClient, text: string) => void;
}

/** `wss://…/ws/v5/private`: login, the channels `orders` and `account`, and what they push (PROTOCOLS §4). */
export class OkxPrivateSocket {
  private readonly parts: OkxSocketParts;
  private readonly sessions = new Map<number, Session>();

  constructor(parts: OkxSocketParts) {
    this.parts = parts;
  }

  opened(client: FaceClient): void {
    this.sessions.set(client.id, { client, isLoggedIn: false, subscriptions: new Map() });
  }

  closed(id: number): void {
    this.sessions.delete(id);
  }

  received(client: FaceClient, text: string): void {
    // Only requests count against the hourly limit; they are noted again below.
    client.received.pop();
    if (text === 'ping') return this.parts.send(client, 'pong');
    const session = this.sessions.get(client.id);
    const request = text.length > MAX_REQUEST_BYTES ? null : jsonObject(text);
    const { op, args } = request ?? {};
    const isKnown = op === 'login' || op === 'subscribe' || op === 'unsubscribe';
    if (session === undefined || !isKnown || !Array.isArray(args) || args.length === 0) {
      return this.fail(client, '60012', `Invalid request: ${text.slice(0, 200)}`);
    }
    const nowMs = this.parts.serverMs();
    if (countWithin(client.received, nowMs, 3_600_000) >= REQUESTS_PER_HOUR) {
      return this.fail(client, '60014', 'Requests too frequent.');
    }
    client.received.push(nowMs);
    if (op === 'login') return this.login(client, session, args[0]);
    if (!session.isLoggedIn) return this.fail(client, '60011', 'Please log in');
    for (const arg of args as unknown[]) this.change(client, session, op, arg);
  }

  /** Tells every connection that listens. */
  deliver(event: DeskEvent): void {
    for (const { client, subscriptions } of this.sessions.values()) {
      for (const subscription of subscriptions.values()) this.push(client, subscription, event);
    }
  }

  private login(client: FaceClient, session: Session, argument: unknown): void {
    const refusal = okxLoginRefusal(fieldsOf(argument), this.parts.key, this.parts.serverMs());
    if (refusal !== null) return this.fail(client, refusal.code, refusal.msg);
    session.isLoggedIn = true;
    this.answer(client, { event: 'login', code: '0', msg: '', connId: client.connectionName });
  }

  private change(
    client: FaceClient,
    session: Session,
    op: 'subscribe' | 'unsubscribe',
    value: unknown,
  ): void {
    const wanted = fieldsOf(value);
    const subscription = this.subscriptionOf(wanted);
    if (subscription === null) {
      const what = `channel:${shown(wanted['channel'])},instType:${shown(wanted['instType'])}`;
      const rest =
        "doesn't exist. Please use the correct URL, channel and parameters referring to API document.";
      return this.fail(client, '60018', `Subscribe failed, wrong URL or ${what} ${rest}`);
    }
    const { channel } = subscription;
    const key = `${channel}/${subscription.symbol}/${subscription.asset}`;
    const isNew = op === 'subscribe' && !session.subscriptions.has(key);
    if (isNew && this.listeners(channel) >= MAX_CONNECTIONS_PER_CHANNEL) {
      return this.answer(client, this.count('channel-conn-count-error', client, channel));
    }
    this.answer(client, { event: op, arg: wanted, connId: client.connectionName });
    if (op === 'unsubscribe') return void session.subscriptions.delete(key);
    session.subscriptions.set(key, subscription);
    this.answer(client, this.count('channel-conn-count', client, channel));
    if (channel === 'account') this.pushAccount(client, subscription, 'snapshot', this.parts.holdings());
  }

  private subscriptionOf(wanted: Readonly<Record<string, unknown>>): Subscription | null {
    const { channel, instType, instId, ccy } = wanted;
    const { uid, symbols } = this.parts;
    if (channel === 'account') {
      const asset = typeof ccy === 'string' ? ccy : null;
      return { channel, symbol: null, asset, arg: { channel, ...(asset === null ? {} : { ccy }), uid } };
    }
    if (channel !== 'orders' || (instType !== 'SPOT' && instType !== 'ANY')) return null;
    if (instId === undefined) return { channel, symbol: null, asset: null, arg: { channel, instType, uid } };
    if (typeof instId !== 'string' || !symbols.has(instId)) return null;
    return { channel, symbol: instId, asset: null, arg: { channel, instType, instId, uid } };
  }

  private push(client: FaceClient, subscription: Subscription, event: DeskEvent): void {
    if (subscription.channel === 'account') {
      return this.pushAccount(client, subscription, 'event_update', event.holdings);
    }
    if (event.kind !== 'order') return;
    if (subscription.symbol !== null && subscription.symbol !== event.order.symbol) return;
    for (const row of this.orderRows(event)) this.frame(client, { arg: subscription.arg, data: [row] });
  }

  /** A market order is told as `filled` by a push of its own, without a trade (PROTOCOLS §4). */
  private orderRows({ order, trade }: DeskEvent & { kind: 'order' }): OkxRow[] {
    const { stamp } = this.parts;
    const isLast = order.type === 'market' && order.state === 'filled' && trade !== null;
    if (!isLast) return [okxOrderPush(order, trade, stamp)];
    return [okxOrderPush({ ...order, state: 'open' }, trade, stamp), okxOrderPush(order, null, stamp)];
  }

  private pushAccount(
    client: FaceClient,
    { arg, asset }: Subscription,
    eventType: 'snapshot' | 'event_update',
    holdings: readonly HoldingView[],
  ): void {
    const { serverMs, usdOf } = this.parts;
    const atMs = Math.floor(serverMs());
    const details = holdings
      .filter((holding) => asset === null || holding.asset === asset)
      .map((holding) => okxBalanceDetail(holding, usdOf(holding.asset), atMs));
    if (eventType === 'event_update' && details.length === 0) return;
    const data = [okxBalanceRow(details, atMs)];
    this.frame(client, { arg, eventType, curPage: 1, lastPage: true, data });
  }

  private listeners(channel: Channel): number {
    const counts = [...this.sessions.values()].map(({ subscriptions }) =>
      [...subscriptions.values()].some((subscription) => subscription.channel === channel),
    );
    return counts.filter(Boolean).length;
  }

  private count(event: string, client: FaceClient, channel: Channel): object {
    return { event, channel, connCount: `${this.listeners(channel)}`, connId: client.connectionName };
  }

  private fail(client: FaceClient, code: string, msg: string): void {
    this.answer(client, { event: 'error', msg, code, connId: client.connectionName });
  }

  private answer(client: FaceClient, body: object): void {
    this.frame(client, body);
  }

  private frame(client: FaceClient, body: object): void {
    this.parts.send(client, JSON.stringify(body));
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** A client's value inside an error text: only texts, and not endless ones. */
function shown(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : '';
}
