import type { HaltMemory } from '../actors/halt-memory.js';
import {
  ORDER_GATEWAY_POLICY,
  type OrderGatewayOptions,
  type OrderGatewayPolicy,
} from '../actors/order-gateway-messages.js';
import { orderGatewayActor } from '../actors/order-gateway.js';
import { paperGatewayActor, type PaperGatewayOptions } from '../actors/paper-gateway.js';
import type { TradeFence } from '../actors/trade-fence.js';
import type { TradingConfig } from '../config/index.js';
import type { Connector } from '../connectors/base.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import { orderRoom } from '../connectors/order-room.js';
import type { RateLimiter } from '../connectors/rate-limiter.js';
import { curatedRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { HttpClient, Sockets } from '../ports/network.js';
import type { Stores } from '../ports/stores.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import type { WorkerSpec } from '../supervisors/spec.js';
import type { Market, TradingAccount } from './markets.js';
import { ADMISSION, deadManMsOf, latencyOf } from './parameters.js';
import { erased } from './tree.js';

/** On an accelerated clock a second of the market is a fraction of one of the machine, which a request has to cross. */
const ACCELERATED_EXPIRY_MS = 5_000;
const RETRY = { minMs: 100, maxMs: 2_000 };

export interface GatewayParts {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  readonly market: Market;
  readonly trading: TradingConfig;
  readonly stores: Stores;
  readonly halts: HaltMemory;
  readonly fence: TradeFence;
  readonly seal: VerdictSeal;
  readonly http: HttpClient;
  readonly sockets: Sockets;
  readonly clockOffsetMs: (exchange: ExchangeId) => number;
  /** Those known when an incarnation starts. */
  readonly instruments: () => readonly Instrument[];
  /** The limiter of an exchange that has joined; undefined before. */
  readonly limiterOf: (exchange: ExchangeId) => RateLimiter | undefined;
}

type SigningConnector = OrderGatewayOptions['connector'];

/** The connector and account of an exchange where signed orders can be sent; null = paper. */
export function signedAccountOf(
  market: Market,
  connector: Connector,
): {
  readonly connector: SigningConnector;
  readonly account: TradingAccount;
  readonly privateUrl: string;
} | null {
  const account = market.accounts?.get(connector.exchange);
  const { orders, endpoints } = connector;
  if (account === undefined || orders === undefined || endpoints.privateUrl === undefined) return null;
  return { connector: connector as SigningConnector, account, privateUrl: endpoints.privateUrl };
}

/** The longest that an order which was signed here may be acted on by an exchange that outlives this process, ms. */
export function longestExpiryMs(market: Market): number {
  const outliving = market.connectors.filter((connector) => {
    const signed = signedAccountOf(market, connector);
    return signed !== null && signed.account.open === null;
  });
  return outliving.length === 0 ? 0 : policyOf(market, null).requestExpiryMs;
}

function policyOf(market: Market, deadManMs: number | null): OrderGatewayPolicy {
  const requestExpiryMs =
    market.acceleration === null ? ORDER_GATEWAY_POLICY.requestExpiryMs : ACCELERATED_EXPIRY_MS;
  return { ...ORDER_GATEWAY_POLICY, requestExpiryMs, deadManMs };
}

/** One gateway per exchange: signed orders where there is an account, paper elsewhere. */
export function gatewaysOf(parts: GatewayParts): Map<ExchangeId, WorkerSpec['actor']> {
  return new Map(
    parts.market.connectors.map((connector) => [
      connector.exchange,
      signedGateway(parts, connector) ?? erased(paperGatewayActor(paperOptions(parts, connector.exchange))),
    ]),
  );
}

function signedGateway(parts: GatewayParts, wanted: Connector): WorkerSpec['actor'] | null {
  const { market, trading, bus, stores, halts, fence, seal, http, sockets } = parts;
  const signed = signedAccountOf(market, wanted);
  if (signed === null) return null;
  const { connector, account, privateUrl } = signed;
  const { exchange, endpoints } = connector;
  const options = {
    ...{ bus, stores, halts, fence, seal, http, sockets, connector },
    credentials: account.credentials,
    endpoints: { ...endpoints, privateUrl },
    timers: market.time,
    admission: ADMISSION,
    assetOf: (ticker: string) => curatedRegistry.resolve(exchange, ticker).asset,
    clockOffsetMs: () => parts.clockOffsetMs(exchange),
    policy: policyOf(market, deadManMsOf(trading, exchange)),
    retry: RETRY,
  };
  const own = restLimiterOf(connector);
  const current = {
    instruments: { get: parts.instruments, enumerable: true },
    limiter: { get: () => parts.limiterOf(exchange) ?? own, enumerable: true },
  };
  return erased(orderGatewayActor(Object.defineProperties<unknown>(options, current) as OrderGatewayOptions));
}

/** First orders that an exchange takes now, for the check before an arbitrage; null = nobody counts them (paper). */
export function orderRoomOf({
  market,
  limiterOf,
}: Pick<GatewayParts, 'market' | 'limiterOf'>): (exchange: ExchangeId) => number | null {
  const signing = new Map(
    market.connectors.flatMap((connector) => {
      const signed = signedAccountOf(market, connector);
      return signed === null ? [] : [[connector.exchange, signed.connector.orders]];
    }),
  );
  return (exchange) => {
    const [entry, limiter] = [signing.get(exchange), limiterOf(exchange)];
    return entry === undefined || limiter === undefined
      ? null
      : orderRoom(limiter, entry, market.time.monotonicMs());
  };
}

function paperOptions(parts: GatewayParts, exchange: ExchangeId): PaperGatewayOptions {
  const { bus, board, trading, stores, halts, fence, seal } = parts;
  const options = {
    ...{ bus, board, exchange, halts, fence, seal },
    ledger: stores.ledger,
    settings: stores.settings,
    latency: latencyOf(trading, exchange),
    faults: { rejectShare: 0, thinShare: 0 },
    admission: ADMISSION,
  };
  const current = { instruments: { get: parts.instruments, enumerable: true } };
  return Object.defineProperties<unknown>(options, current) as PaperGatewayOptions;
}
