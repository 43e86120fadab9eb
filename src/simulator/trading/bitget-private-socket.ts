import { countWithin, jsonObject, type FaceClient } from '../face-protocol.js';
import type { HoldingView } from './account-book.js';
import { bitgetAssetRow, bitgetOrderPush, type BitgetRow } from './bitget-rows.js';
import { bitgetLoginRefusal, type BitgetKey } from './bitget-signature.js';
import type { DeskEvent } from './desk-types.js';

const REQUESTS_PER_HOUR = 240;
const MAX_REQUEST_BYTES = 4_096;

/** `orders` of one market or `default`, `account` of one coin or `default`; null = all. */
interface Subscription {
  readonly channel: 'orders' | 'account';
  readonly only: string | null;
  /** As the client named it: stands in front of every push. */
  readonly arg: BitgetRow;
}

interface Session {
  readonly client: FaceClient;
  isLoggedIn: boolean;
  readonly subscriptions: Map<string, Subscription>;
}

export interface BitgetSocketParts {
  readonly key: BitgetKey;
  /** The exchange's clock, Unix ms. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  readonly symbols: ReadonlySet<string>;
  readonly holdings: () => readonly HoldingView[];
  readonly send: (client: FaceClient, text: string) => void;
}

/** `wss://…/v2/ws/private`: login, the channels `orders` and `account`, and what they push (PROTOCOLS §10). */
export class BitgetPrivateSocket {
  private readonly parts: BitgetSocketParts;
  private readonly sessions = new Map<number, Session>();

  constructor(parts: BitgetSocketParts) {
    this.parts = parts;
  }

  opened(client: FaceClient): void {
    this.sessions.set(client.id, { client, isLoggedIn: false, subscriptions: new Map() });
  }

  closed(id: number): void {
    this.sessions.delete(id);
  }

  received(client: FaceClient, text: string): void {
    if (text === 'ping') {
      client.lastPingMs = client.lastReceivedMs;
      return this.parts.send(client, 'pong');
    }
    const session = this.sessions.get(client.id);
    const request = text.length > MAX_REQUEST_BYTES ? null : jsonObject(text);
    const { op, args } = request ?? {};
    const isKnown = op === 'login' || op === 'subscribe' || op === 'unsubscribe';
    if (session === undefined || !isKnown || !Array.isArray(args) || args.length === 0)
      return this.fail(client, 30016, 'Param error');
    if (countWithin(client.received, this.parts.serverMs(), 3_600_000) > REQUESTS_PER_HOUR)
      return this.fail(client, 30006, 'request too many');
    if (op === 'login') return this.login(session, args[0]);
    if (!session.isLoggedIn) return this.fail(client, 30004, 'User not logged in');
    for (const arg of args as unknown[]) this.change(session, op, arg);
  }

  /** Tells every connection that listens. */
  deliver(event: DeskEvent): void {
    for (const { client, subscriptions } of this.sessions.values())
      for (const subscription of subscriptions.values()) this.push(client, subscription, event);
  }

  private login({ client }: Session, argument: unknown): void {
    const refusal = bitgetLoginRefusal(fieldsOf(argument), this.parts.key, this.parts.serverMs());
    if (refusal !== null) return this.fail(client, refusal.code, refusal.msg);
    this.sessions.get(client.id)!.isLoggedIn = true;
    this.frame(client, { event: 'login', code: 0, msg: '' });
  }

  /** A wrong instType is acknowledged and never served. */
  private change(session: Session, op: 'subscribe' | 'unsubscribe', value: unknown): void {
    const wanted = fieldsOf(value);
    const subscription = this.subscriptionOf(wanted);
    const { client, subscriptions } = session;
    if (subscription === null) {
      const what = `instType:${shown(wanted['instType'])},channel:${shown(wanted['channel'])}`;
      return this.fail(client, 30001, `${what} doesn't exist`);
    }
    this.frame(client, { event: op, arg: wanted });
    const key = `${subscription.channel}/${subscription.only}`;
    if (op === 'unsubscribe') return void subscriptions.delete(key);
    if (wanted['instType'] !== 'SPOT') return;
    subscriptions.set(key, subscription);
    if (subscription.channel === 'account') this.pushAccount(client, subscription, this.parts.holdings());
  }

  private subscriptionOf(wanted: Readonly<Record<string, unknown>>): Subscription | null {
    const { channel, instType, instId, coin } = wanted;
    if (channel === 'account' && typeof coin === 'string')
      return { channel, only: coin === 'default' ? null : coin, arg: { instType, channel, coin } };
    if (channel !== 'orders' || typeof instId !== 'string') return null;
    if (instId !== 'default' && !this.parts.symbols.has(instId)) return null;
    return { channel, only: instId === 'default' ? null : instId, arg: { instType, channel, instId } };
  }

  private push(client: FaceClient, subscription: Subscription, event: DeskEvent): void {
    if (subscription.channel === 'account') return this.pushAccount(client, subscription, event.holdings);
    if (event.kind !== 'order') return;
    const { order, trade } = event;
    if (subscription.only !== null && subscription.only !== order.symbol) return;
    this.told(client, subscription, [bitgetOrderPush(order, trade, this.parts.stamp)]);
  }

  private pushAccount(client: FaceClient, subscription: Subscription, held: readonly HoldingView[]): void {
    const atMs = Math.floor(this.parts.serverMs());
    const rows = held
      .filter(({ asset }) => subscription.only === null || asset === subscription.only)
      .map((holding) => bitgetAssetRow(holding, atMs));
    if (rows.length > 0) this.told(client, subscription, rows);
  }

  /** Private pushes are snapshots of what they are about [P]. */
  private told(client: FaceClient, { arg }: Subscription, data: readonly BitgetRow[]): void {
    this.frame(client, { action: 'snapshot', arg, data, ts: Math.floor(this.parts.serverMs()) });
  }

  private fail(client: FaceClient, code: number, msg: string): void {
    this.frame(client, { event: 'error', code, msg });
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
