import {
  splitUrl,
  type FaceClient,
  type FaceHttpAnswer,
  type FaceHttpRequest,
  type FaceHttpResponse,
} from '../face-protocol.js';
import type { HoldingView } from './account-book.js';
import type { DeskEvent, OrderRequest } from './desk-types.js';
import type { CallKind } from './trading-faults.js';
import { TradingSide, type TradingParts } from './trading-side.js';
import { myAssetFrame } from './upbit-order-frames.js';
import { invalid } from './upbit-order-request.js';
import { KoreanTokens, paramsOf, upbitError, type TokenRules, type UpbitParams } from './upbit-signing.js';
import { readSubscription, type UpbitSubscription } from './upbit-subscription.js';

/** One call of the private side: whose budget it spends, and what may go wrong with it. */
export interface KoreanRoute<Group extends string> {
  readonly group: Group;
  readonly call: CallKind;
}

/** Counts calls of each group. */
export interface KoreanBudget<Group extends string> {
  /** Counts a call; the answer that refuses it, or null. */
  spend(group: Group, nowMs: number): FaceHttpResponse | null;
  /** What every answer tells of the budget. */
  header(group: Group, nowMs: number): Readonly<Record<string, string>>;
}

export interface KoreanTerms<Group extends string> {
  readonly socketPath: string;
  /** By method and path. */
  readonly routes: Readonly<Record<string, KoreanRoute<Group>>>;
  readonly budget: KoreanBudget<Group>;
  readonly tokens?: (serverMs: () => number) => TokenRules;
}

const asked = ({ method, url }: FaceHttpRequest): string => `${method} ${splitUrl(url).path}`;

/**
 * The private half of Upbit and Bithumb (PROTOCOLS §6, §7): a token in the header of each call and of the handshake, errors by name,
 * one private socket in the grammar of the public one. No call expires at the engine: a late one is carried out.
 */
export abstract class KoreanTrading<Group extends string> extends TradingSide {
  private readonly terms: KoreanTerms<Group>;
  private readonly tokens: KoreanTokens;
  private readonly subscriptions = new Map<number, UpbitSubscription>();

  constructor(parts: TradingParts, terms: KoreanTerms<Group>) {
    super(parts);
    this.terms = terms;
    this.tokens = new KoreanTokens(
      this.credentials,
      terms.tokens?.(() => this.serverMs()),
    );
  }

  isPrivateSocket(path: string): boolean {
    return path === this.terms.socketPath;
  }

  override refusal(url: string, headers: Readonly<Record<string, string>>): FaceHttpResponse | null {
    return super.refusal(url, headers) ?? this.tokens.check(headers['authorization'] ?? '', []);
  }

  override closed(id: number): void {
    this.subscriptions.delete(id);
    super.closed(id);
  }

  received(client: FaceClient, text: string): void {
    if (text === 'PING') return this.parts.send(client, '{"status":"UP"}');
    const subscription = readSubscription(text);
    if ('name' in subscription) {
      this.parts.send(client, JSON.stringify({ error: subscription }));
      return this.parts.close(client, 1000, '');
    }
    this.subscriptions.set(client.id, subscription);
  }

  protected isPrivate(request: FaceHttpRequest): boolean {
    return Object.hasOwn(this.terms.routes, asked(request));
  }

  protected answer(request: FaceHttpRequest): FaceHttpAnswer {
    const name = asked(request);
    const { group, call } = this.terms.routes[name]!;
    const dated = (answer: FaceHttpResponse): FaceHttpResponse => this.dated(answer, group);
    const params = paramsOf(request);
    if (params === null) return dated(invalid('the body is not JSON'));
    const refused = this.tokens.check(request.headers?.['authorization'] ?? '', params);
    if (refused !== null) return dated(refused);
    const limited = this.terms.budget.spend(group, this.parts.nowMs());
    if (limited !== null) return dated(limited);
    if (call === 'place') return this.place(params, dated);
    const symbol = new Map(params).get('market') ?? null;
    return this.carry({ call, symbol }, () => dated(this.route(name, params)));
  }

  protected broken(): FaceHttpResponse {
    return upbitError(500, 'server_error', '서버 오류가 발생했습니다.');
  }

  protected unavailable(): FaceHttpResponse {
    return upbitError(503, 'service_unavailable', '점검 중입니다.');
  }

  protected deliver(event: DeskEvent): void {
    const stampMs = this.stamp(event.timeMs);
    for (const [id, wanted] of this.subscriptions) {
      const client = this.clients.get(id)!;
      if (event.kind === 'order' && wanted.orders !== null && wanted.orders(event.order.symbol)) {
        for (const frame of this.orderFrames(event, stampMs)) this.parts.send(client, frame);
      }
      if (wanted.assets) this.parts.send(client, this.assetFrame(event.holdings, stampMs));
    }
  }

  protected readonly shown = (ms: number): number => this.stamp(ms);

  /** Reads a request to place. */
  protected abstract readOrder(params: UpbitParams): OrderRequest | FaceHttpResponse;
  /** Places it, and answers. */
  protected abstract enter(order: OrderRequest): FaceHttpResponse;
  /** Every other call. */
  protected abstract route(name: string, params: UpbitParams): FaceHttpResponse;
  /** What the socket says of one event of an order. */
  protected abstract orderFrames(event: DeskEvent & { readonly kind: 'order' }, stampMs: number): string[];

  protected assetFrame(holdings: readonly HoldingView[], stampMs: number): string {
    return myAssetFrame(holdings, this.prng.uuid(), stampMs);
  }

  private place(params: UpbitParams, dated: (answer: FaceHttpResponse) => FaceHttpResponse): FaceHttpAnswer {
    const order = this.readOrder(params);
    if ('status' in order) return dated(order);
    const failed = (): void => this.desk.burn(order.clientOrderId);
    const way = { call: 'place', symbol: order.market.listing.symbol, failed } as const;
    return this.carry(way, () => dated(this.enter(order)));
  }

  private dated(answer: FaceHttpResponse, group: Group): FaceHttpResponse {
    const now = this.parts.nowMs();
    const date = new Date(this.stamp(now)).toUTCString();
    return { ...answer, headers: { ...this.terms.budget.header(group, now), ...answer.headers, date } };
  }
}
