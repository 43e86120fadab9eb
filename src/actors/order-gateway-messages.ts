import type { Connector, Endpoints } from '../connectors/base.js';
import type { Credentials, ExchangeAnswer, OrderEntry } from '../connectors/order-entry.js';
import type { RateLimiter } from '../connectors/rate-limiter.js';
import type { GatewayEvent } from '../execution/gateway/gateway-state.js';
import type { AdmissionLimits } from '../execution/order-admission.js';
import type { Instrument } from '../market/instrument.js';
import type { LegResult, QueryOrder, SubmitLeg } from '../messages/order.js';
import type { AssetId } from '../messages/primitives.js';
import type { HaltChanged, Verdict } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { HttpClient, Sockets } from '../ports/network.js';
import type { Stores } from '../ports/stores.js';
import type { Timers } from '../ports/time.js';
import type { SealCheck } from '../risk/verdict-text.js';
import type { RetryBackoff } from './backoff.js';
import type { HaltMemory } from './halt-memory.js';
import type { TradeFence } from './trade-fence.js';

/** How an account is traded; times in ms. */
export interface OrderGatewayPolicy {
  /** The longest that a signed order may be acted on, where the exchange has such a fence. */
  readonly requestExpiryMs: number;
  /** Kept of the lease beyond the expiry of an order. */
  readonly leaseMarginMs: number;
  /** An order that would have to expire sooner is not sent. */
  readonly leastExpiryMs: number;
  /** Where there is no such fence, an order may still be acted on so long after it was written (PROTOCOLS §2). */
  readonly unfencedLifeMs: number;
  /** Skew of two clocks. */
  readonly skewMs: number;
  /** How long an order that ends a risk waits for budget; a first order does not wait. */
  readonly recoveryWaitMs: number;
  readonly reconcileEveryMs: number;
  readonly pauseMs: number;
  /** After a key or a signature was refused. */
  readonly accountPauseMs: number;
  /** Armed on the exchange again and again; null = off. Only for an account that nobody else trades on (TRADING §1). */
  readonly deadManMs: number | null;
}

export const ORDER_GATEWAY_POLICY: OrderGatewayPolicy = {
  requestExpiryMs: 1_000,
  leaseMarginMs: 100,
  leastExpiryMs: 50,
  unfencedLifeMs: 60_000,
  skewMs: 250,
  recoveryWaitMs: 1_000,
  reconcileEveryMs: 60_000,
  pauseMs: 60_000,
  accountPauseMs: 60_000,
  deadManMs: null,
};

export interface OrderGatewayOptions {
  readonly bus: Bus;
  readonly connector: Connector & { readonly orders: OrderEntry };
  readonly endpoints: Endpoints & { readonly privateUrl: string };
  readonly credentials: Credentials;
  /** Of all exchanges, as they are when an incarnation starts. */
  readonly instruments: readonly Instrument[];
  readonly http: HttpClient;
  readonly sockets: Sockets;
  /** The one of the exchange, shared with market data. */
  readonly limiter: RateLimiter;
  readonly timers: Timers;
  readonly stores: Pick<Stores, 'trades' | 'ledger' | 'settings'>;
  /** What this process knows of the kill switch whatever became of store and bus. */
  readonly halts: HaltMemory;
  /** Asked in the turn in which an order is written. */
  readonly fence: Pick<TradeFence, 'leftMs' | 'formerMayActMs'>;
  readonly admission: AdmissionLimits;
  readonly seal: SealCheck;
  readonly assetOf: (ticker: string) => AssetId;
  /** Exchange clock minus ours, ms. */
  readonly clockOffsetMs: () => number;
  readonly policy: OrderGatewayPolicy;
  readonly retry: RetryBackoff;
}

export interface Answer {
  resolve(result: LegResult): void;
  reject(error: Error): void;
}

/** What an operator gets back: whether there was a difference to adopt. */
export interface AdoptAnswer {
  resolve(adopted: boolean): void;
  reject(error: Error): void;
}

export type OrderGatewayMessage =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'halt'; readonly halt: HaltChanged }
  | { readonly kind: 'submit'; readonly leg: SubmitLeg; readonly traceId: string; readonly answer: Answer }
  /** Budget for an order that waited may be there. */
  | { readonly kind: 'write'; readonly clientOrderId: string }
  | { readonly kind: 'query'; readonly query: QueryOrder; readonly answer: Answer }
  | { readonly kind: 'event'; readonly event: GatewayEvent }
  /** An answer from the exchange that may also want silence. */
  | { readonly kind: 'told'; readonly event: GatewayEvent; readonly pauseMs: number | null }
  | { readonly kind: 'seed'; readonly tries: number }
  | { readonly kind: 'seedFailed'; readonly tries: number; readonly error: string }
  | { readonly kind: 'seeded'; readonly seeds: Seeds }
  | { readonly kind: 'adopt'; readonly asset: AssetId; readonly by: string; readonly reply: AdoptAnswer }
  /** Of a connection of the private stream; a text = why there is none. */
  | { readonly kind: 'ticket'; readonly attempt: number; readonly answer: ExchangeAnswer | string }
  | { readonly kind: 'due' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'announce' }
  | { readonly kind: 'deadMan' };

/** What stores know of this account. */
export interface Seeds {
  readonly openLegs: readonly SubmitLeg[];
  /** Trades of their arbitrages that are in the ledger. */
  readonly bookedTrades: readonly string[];
  readonly holdings: readonly { readonly asset: AssetId; readonly amount: string }[];
  readonly halt: HaltChanged;
}
