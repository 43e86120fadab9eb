import { jsonObject, type FaceClient, type FaceHttpResponse } from '../face-protocol.js';
import { accountPosition, amount, executionReport } from './binance-order-frames.js';
import type { ExchangeClock } from './binance-queries.js';
import { binanceError, missing, outsideWindow, socketSignature, timed } from './binance-signing.js';
import type { DeskEvent } from './desk-types.js';
import type { AccountCredentials } from './simulated-account.js';

export const SOCKET_PATH = '/ws-api/v3';
/** Executions are counted from here; the exchange's own ids are of this size. */
const FIRST_EXECUTION_ID = 60_000_000_000;

/** The weight budget of an IP, which public and private calls share. */
export interface WeightBudget {
  /** Counts a call; the answer that refuses it, or null. */
  charge(weight: number): FaceHttpResponse | null;
  giveBack(weight: number): void;
  readonly usedWeight: number;
}

export interface UserStreamParts {
  readonly credentials: AccountCredentials;
  readonly clock: ExchangeClock;
  readonly budget: WeightBudget;
  readonly send: (client: FaceClient, text: string) => void;
}

/** The web socket API as far as the user data stream needs it [O]. */
export class BinanceUserStream {
  private readonly parts: UserStreamParts;
  /** How many subscriptions each connection has; their ids count from 0. */
  private readonly subscriptions = new Map<FaceClient, number>();
  /** Client ids of cancels, for the event that tells of them. */
  private readonly cancelIds = new Map<string, string>();
  private executions = 0;

  constructor(parts: UserStreamParts) {
    this.parts = parts;
  }

  closed(id: number): void {
    for (const client of this.subscriptions.keys()) {
      if (client.id === id) this.subscriptions.delete(client);
    }
  }

  /** An order is about to be cancelled by a request of this id. */
  cancelling(exchangeOrderId: string, cancelId: string): void {
    this.cancelIds.set(exchangeOrderId, cancelId);
  }

  received(client: FaceClient, text: string): void {
    const request = jsonObject(text);
    const id = request?.['id'] ?? null;
    const params = flatParams(request?.['params']);
    switch (request?.['method']) {
      case 'userDataStream.subscribe.signature':
        return this.reply(client, id, this.subscribe(client, params));
      case 'userDataStream.unsubscribe':
        this.subscriptions.delete(client);
        return this.reply(client, id, {});
      case 'ping':
        return this.reply(client, id, {});
      case 'time':
        return this.reply(client, id, { serverTime: Math.floor(this.parts.clock.serverMs()) });
      default:
        return this.reply(client, id, binanceError(400, -1000, 'Unknown method.'));
    }
  }

  /** Tells everybody of one event, and of the balances that it touched. */
  deliver(event: DeskEvent): void {
    const { stamp } = this.parts.clock;
    const eventMs = stamp(event.timeMs);
    if (event.kind === 'transfer') {
      const { asset, amount: delta } = event.transfer;
      this.publish({ e: 'balanceUpdate', E: eventMs, a: asset, d: amount(delta), T: eventMs });
    } else {
      const cancelId =
        event.cause === 'end' ? (this.cancelIds.get(event.order.exchangeOrderId) ?? null) : null;
      if (event.cause === 'end') this.cancelIds.delete(event.order.exchangeOrderId);
      const executionId = FIRST_EXECUTION_ID + ++this.executions;
      this.publish(executionReport({ ...event, cancelId, executionId }, stamp));
    }
    this.publish(accountPosition(event.holdings, eventMs));
  }

  private publish(event: object): void {
    for (const [client, count] of this.subscriptions) {
      for (let subscriptionId = 0; subscriptionId < count; subscriptionId++) {
        this.parts.send(client, JSON.stringify({ subscriptionId, event }));
      }
    }
  }

  private subscribe(client: FaceClient, params: Map<string, string>): object | FaceHttpResponse {
    const signature = params.get('signature');
    if (signature === undefined) return missing('signature');
    if (params.get('apiKey') !== this.parts.credentials.apiKey) {
      return binanceError(401, -2015, 'Invalid API-key, IP, or permissions for action.');
    }
    if (signature !== socketSignature(params, this.parts.credentials.secret)) {
      return binanceError(400, -1022, 'Signature for this request is not valid.');
    }
    const call = timed({ method: 'WS', path: SOCKET_PATH, params });
    if ('status' in call) return call;
    const late = outsideWindow(call, this.parts.clock.serverMs());
    if (late !== null) return late;
    const subscriptionId = this.subscriptions.get(client) ?? 0;
    this.subscriptions.set(client, subscriptionId + 1);
    return { subscriptionId };
  }

  /** Answers of the socket API: the result, or the error of the same call by REST. */
  private reply(client: FaceClient, id: unknown, result: object | FaceHttpResponse): void {
    const isError = 'status' in result && 'body' in result;
    const body = isError
      ? {
          id,
          status: result.status,
          error: JSON.parse(result.body) as unknown,
        }
      : { id, status: 200, result };
    const { usedWeight } = this.parts.budget;
    const limit = { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 6_000 };
    this.parts.send(client, JSON.stringify({ ...body, rateLimits: [{ ...limit, count: usedWeight }] }));
  }
}

/** The parameters of a socket request as the text that is signed. */
function flatParams(params: unknown): Map<string, string> {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return new Map();
  return new Map(Object.entries(params).map(([name, value]) => [name, String(value)]));
}
