import { type Capabilities, type Connector, type Endpoints } from './base.js';
import { BITHUMB_ORDERS } from './bithumb-orders.js';
import { bithumbRest, EXCHANGE, FEES, IOC_QUOTES } from './bithumb-rest.js';
import { withScanner } from './scan/scan-front.js';
import { CHANNELS, MAX_LEVELS, NOTICE_CHANNEL, requestText, UpbitFrames } from './upbit-frames.js';
import { UpbitScanner } from './upbit-scan.js';
import { UPBIT_CAPABILITIES } from './upbit.js';

/**
 * Bithumb's public socket (PROTOCOLS §7), in Upbit's grammar: at most 15 levels, the whole book in every frame, its time in
 * microseconds, sizes of four decimals, so that a live price may show size 0. Options are camelCase [P].
 */

export interface BithumbOptions {
  readonly endpoints?: Partial<Endpoints>;
}

const ALL_CHANNELS = [CHANNELS.depth, CHANNELS.trades, NOTICE_CHANNEL];

export const BITHUMB_CAPABILITIES: Capabilities = {
  ...UPBIT_CAPABILITIES,
  depthLevels: 15,
  limits: {
    ...UPBIT_CAPABILITIES.limits,
    // 10 a second; abuse is blocked for ten minutes [O].
    connects: { kind: 'window', name: 'connects', capacity: 10, windowMs: 1000 },
    // No limit of messages is documented; Upbit's is kept.
    topicsPerRequest: 1500,
    topicsPerConnection: 1500,
  },
  restLimits: [
    { kind: 'window', name: 'other', capacity: 150, windowMs: 1000 },
    { kind: 'window', name: 'orderbook', capacity: 150, windowMs: 1000 },
  ],
  // PROTOCOLS §1.1: length and reuse of the id are unknown, so that no id is used twice. The exchange itself cancels the new
  // order that would meet one of ours [O]. Outside of won markets an order cannot be told not to rest [O].
  orders: {
    clientId: {
      field: 'client_order_id',
      pattern: /^[A-Za-z0-9_-]{1,32}$/,
      reuse: 'unknown',
      lookupMs: null,
    },
    requestExpiry: { kind: 'none' },
    deadManSwitch: { kind: 'none' },
    selfTradePrevention: null,
    immediateOrCancelQuotes: IOC_QUOTES,
  },
};

/** A new connector. It holds reusable buffers: one per feed. */
export function bithumb(options: BithumbOptions = {}): Connector {
  const frames = new UpbitFrames({ ungrouped: null });
  // Whatever the scope: what a request leaves out is unsubscribed.
  const request = (symbols: readonly string[], id: number) =>
    symbols.length === 0
      ? []
      : [
          requestText({
            ticket: `arbot-${id}`,
            symbols,
            channels: ALL_CHANNELS,
            realtimeOnly: 'isOnlyRealtime',
          }),
        ];
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities: BITHUMB_CAPABILITIES,
    endpoints: {
      websocketUrl: 'wss://ws-api.bithumb.com/websocket/v1',
      restUrl: 'https://api.bithumb.com',
      privateUrl: 'wss://ws-api.bithumb.com/websocket/v2/private',
      ...options.endpoints,
    },
    fees: FEES,
    header: frames.header,
    subscribe: (symbols, _scope, id) => request(symbols, id),
    unsubscribe: (staying, _scope, id) => request(staying, id),
    decode: (data, sink) => frames.decode(data, sink),
    rest: bithumbRest((row, path, symbol) => frames.readAnswer(row, path, symbol)),
    orders: BITHUMB_ORDERS,
  };
  const rules = { channel: CHANNELS.depth, ungrouped: null, maxLevels: MAX_LEVELS };
  return withScanner(connector, new UpbitScanner(frames.header, rules));
}
