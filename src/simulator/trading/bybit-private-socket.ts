import { jsonObject, type FaceClient } from '../face-protocol.js';
import type { Prng } from '../prng.js';
import {
  bybitCoinRow,
  bybitExecutionPush,
  bybitFastExecution,
  bybitLateCancelPush,
  bybitOrderPush,
  bybitWalletRow,
  type BybitRow,
} from './bybit-rows.js';
import { bybitLoginRefusal, type BybitKey } from './bybit-signature.js';
import type { HoldingView } from './account-book.js';
import type { DeskEvent, OrderView } from './desk-types.js';
import { bybitSequence, executionPlace } from './bybit-executions.js';
import type { OrderDesk } from './order-desk.js';

/** Topics that come in a form for all products and one for spot; a connection takes one of the two (PROTOCOLS §5 [O]). */
const TOPICS = ['order', 'execution', 'execution.fast', 'wallet'] as const;
type Kind = (typeof TOPICS)[number];
const MAX_ARGS_PER_REQUEST = 10;

interface Session {
  readonly client: FaceClient;
  isLoggedIn: boolean;
  /** What is listened to, by the name under which it was asked for. */
  readonly topics: Map<string, Kind>;
}

export interface BybitSocketParts {
  readonly key: BybitKey;
  readonly desk: OrderDesk;
  readonly prng: Prng;
  /** The exchange's clock, Unix ms. */
  readonly serverMs: () => number;
  readonly stamp: (ms: number) => number;
  /** What one unit of an asset is worth in dollars. */
  readonly usdOf: (asset: string) => number;
  readonly send: (client: FaceClient, text: string) => void;
}

/** `wss://…/v5/private`: auth, the topics `order`, `execution` and `wallet`, and what they push (PROTOCOLS §5). */
export class BybitPrivateSocket {
  private readonly parts: BybitSocketParts;
  private readonly sessions = new Map<number, Session>();

  constructor(parts: BybitSocketParts) {
    this.parts = parts;
  }

  opened(client: FaceClient): void {
    this.sessions.set(client.id, { client, isLoggedIn: false, topics: new Map() });
  }

  closed(id: number): void {
    this.sessions.delete(id);
  }

  received(client: FaceClient, text: string): void {
    const session = this.sessions.get(client.id);
    const request = jsonObject(text);
    if (session === undefined) return;
    const requestId = typeof request?.['req_id'] === 'string' ? request['req_id'] : null;
    const { op, args } = request ?? {};
    switch (op) {
      case 'ping':
        return this.pong(client, requestId);
      case 'auth':
        return this.login(session, args, requestId);
      case 'subscribe':
      case 'unsubscribe':
        return this.change(session, op, args, requestId);
      default:
        return this.reply(client, 'Invalid Op', requestId, typeof op === 'string' ? op.slice(0, 50) : '');
    }
  }

  /** Tells every connection that listens. */
  deliver(event: DeskEvent): void {
    for (const { client, topics } of this.sessions.values()) {
      for (const [topic, kind] of topics) {
        const rows = this.rowsOf(kind, event);
        if (rows.length > 0) this.push(client, topic, rows);
      }
    }
  }

  /** A cancel lost the race against a fill: the order is told as filled once more (PROTOCOLS §5 [O]). */
  lateCancel(order: OrderView): void {
    for (const { client, topics } of this.sessions.values()) {
      for (const [topic, kind] of topics) {
        if (kind === 'order') this.push(client, topic, [bybitLateCancelPush(order, this.parts.stamp)]);
      }
    }
  }

  private pong(client: FaceClient, requestId: string | null): void {
    const id = requestId === null ? {} : { req_id: requestId };
    const args = [`${Math.floor(this.parts.serverMs())}`];
    this.frame(client, { ...id, op: 'pong', args, conn_id: client.connectionName });
  }

  private login(session: Session, args: unknown, requestId: string | null): void {
    const refusal = bybitLoginRefusal(args, this.parts.key, this.parts.serverMs());
    session.isLoggedIn ||= refusal === null;
    this.reply(session.client, refusal, requestId, 'auth');
  }

  private change(
    session: Session,
    op: 'subscribe' | 'unsubscribe',
    args: unknown,
    requestId: string | null,
  ): void {
    const isList = Array.isArray(args) && args.length > 0 && args.every((arg) => typeof arg === 'string');
    if (!session.isLoggedIn) return this.reply(session.client, 'Request not authorized', requestId, op);
    if (!isList) return this.reply(session.client, 'Params Error', requestId, op);
    if (args.length > MAX_ARGS_PER_REQUEST) return this.reply(session.client, 'args size >10', requestId, op);
    const wrong = op === 'subscribe' ? this.wrongTopic(session, args) : null;
    if (wrong !== null) return this.reply(session.client, wrong, requestId, op);
    for (const topic of args) {
      if (op === 'unsubscribe') session.topics.delete(topic);
      else session.topics.set(topic, kindOf(topic)!);
    }
    this.reply(session.client, null, requestId, op);
  }

  /** Why a topic is not served; null = all are. */
  private wrongTopic(session: Session, topics: readonly string[]): string | null {
    const taken = new Map(session.topics);
    for (const topic of topics) {
      const kind = kindOf(topic);
      if (kind === null) return `error:handler not found,topic:${topic.slice(0, 50)}`;
      if ([...taken.values()].includes(kind)) return `error:already subscribed,topic:${topic}`;
      taken.set(topic, kind);
    }
    return null;
  }

  private rowsOf(kind: Kind, event: DeskEvent): readonly BybitRow[] {
    const { stamp } = this.parts;
    if (kind === 'wallet') return event.holdings.length === 0 ? [] : [this.walletRow(event.holdings)];
    if (event.kind !== 'order') return [];
    const { order, trade } = event;
    if (kind === 'order') return [bybitOrderPush(order, stamp)];
    if (trade === null) return [];
    if (kind === 'execution.fast') return [bybitFastExecution(trade, bybitSequence(trade), stamp)];
    return [bybitExecutionPush(trade, executionPlace(trade, order, this.parts.desk.rules), stamp)];
  }

  private walletRow(holdings: readonly HoldingView[]): BybitRow {
    return bybitWalletRow(holdings.map((holding) => bybitCoinRow(holding, this.parts.usdOf(holding.asset))));
  }

  private push(client: FaceClient, topic: string, data: readonly BybitRow[]): void {
    const creationTime = Math.floor(this.parts.serverMs());
    const id = kindOf(topic) === 'execution.fast' ? {} : { id: `592324${this.parts.prng.uuid()}` };
    this.frame(client, { ...id, topic, creationTime, data });
  }

  /** `failure` null = it was done. */
  private reply(client: FaceClient, failure: string | null, requestId: string | null, op: string): void {
    const id = requestId === null ? {} : { req_id: requestId };
    const ret_msg = failure ?? (op === 'auth' ? '' : op);
    this.frame(client, { success: failure === null, ret_msg, conn_id: client.connectionName, ...id, op });
  }

  private frame(client: FaceClient, body: object): void {
    this.parts.send(client, JSON.stringify(body));
  }
}

/** `order` and `order.spot` are the same topic; null for what is not served. */
function kindOf(topic: string): Kind | null {
  return TOPICS.find((kind) => topic === kind || (kind !== 'wallet' && topic === `${kind}.spot`)) ?? null;
}
