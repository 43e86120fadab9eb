import { type Capabilities, type Connector, type Endpoints } from './base.js';
import { FRAME_LIMITS } from './frame-parser.js';
import { withScanner } from './scan/scan-front.js';
import type { JwtAlgorithm } from './order-signing.js';
import { CHANNELS, MAX_LEVELS, NOTICE_CHANNEL, requestText, UpbitFrames } from './upbit-frames.js';
import { upbitOrders } from './upbit-orders.js';
import { UpbitScanner } from './upbit-scan.js';
import { EXCHANGE, FEES, upbitRest } from './upbit-rest.js';

/**
 * Upbit's public socket (PROTOCOLS §6). `orderbook`: 30 levels, the whole book in every frame, no number and no checksum;
 * `trade`; `ticker` for the state of the market. A request replaces the one before it. No channel is faster than the book.
 */

export interface UpbitOptions {
  readonly endpoints?: Partial<Endpoints>;
  /** Of the tokens that sign requests: `HS512` as documented [O]; `HS256` is accepted too [C]. */
  readonly jwtAlgorithm?: JwtAlgorithm;
}

const ALL_CHANNELS = [CHANNELS.depth, CHANNELS.trades, NOTICE_CHANNEL];

export const UPBIT_CAPABILITIES: Capabilities = {
  syncRule: 'whole',
  snapshotSource: 'socket',
  depthLevels: 30,
  subscriptionMode: 'replace',
  entrance: { kind: 'direct' },
  awaitsWelcome: false,
  clockResolutionMs: 1000,
  checksum: 'none',
  quoteOrderIsExact: false,
  channels: CHANNELS,
  // Closed after 60 s without a word of the client [P], whatever it receives. A ping frame is answered at once; the answer to
  // the text `PING` may take ten seconds.
  heartbeat: {
    everyMs: 20_000,
    probe: { kind: 'ping' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  limits: {
    maxFrameBytes: FRAME_LIMITS.maxBytes,
    connects: { kind: 'window', name: 'connects', capacity: 5, windowMs: 1000 },
    // 5 a second and 100 a minute [O]: a bucket that breaks neither.
    clientMessages: { kind: 'bucket', name: 'messages', capacity: 3, refillPerSecond: 1.6 },
    subscriptions: null,
    // One request is the whole list; all markets fit one connection [P].
    topicsPerRequest: 3000,
    topicsPerConnection: 3000,
    lifetimeMs: null,
  },
  restLimits: [
    { kind: 'window', name: 'market', capacity: 10, windowMs: 1000 },
    { kind: 'window', name: 'orderbook', capacity: 10, windowMs: 1000 },
  ],
  // Quiet pairs send nothing for minutes.
  watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 120_000, silentConnectionMs: 15_000 },
  // PROTOCOLS §1.1 [O]. The length of an identifier is not documented; 32 harmless characters are taken.
  orders: {
    clientId: { field: 'identifier', pattern: /^[A-Za-z0-9_-]{1,32}$/, reuse: 'never', lookupMs: null },
    requestExpiry: { kind: 'none' },
    deadManSwitch: { kind: 'none' },
    selfTradePrevention: { field: 'smp_type', cancelTaker: 'cancel_taker' },
  },
};

/** A new connector. It holds reusable buffers: one per feed. */
export function upbit(options: UpbitOptions = {}): Connector {
  const frames = new UpbitFrames({ ungrouped: 0 });
  // Whatever the scope: what a request leaves out is unsubscribed.
  const request = (symbols: readonly string[], id: number) =>
    symbols.length === 0
      ? []
      : [
          requestText({
            ticket: `arbot-${id}`,
            symbols,
            channels: ALL_CHANNELS,
            realtimeOnly: 'is_only_realtime',
          }),
        ];
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities: UPBIT_CAPABILITIES,
    endpoints: {
      websocketUrl: 'wss://api.upbit.com/websocket/v1',
      restUrl: 'https://api.upbit.com',
      privateUrl: 'wss://api.upbit.com/websocket/v1/private',
      ...options.endpoints,
    },
    fees: FEES,
    header: frames.header,
    subscribe: (symbols, _scope, id) => request(symbols, id),
    unsubscribe: (staying, _scope, id) => request(staying, id),
    decode: (data, sink) => frames.decode(data, sink),
    rest: upbitRest((row, path, symbol) => frames.readAnswer(row, path, symbol)),
    orders: upbitOrders(options.jwtAlgorithm ?? 'HS512'),
  };
  const rules = { channel: CHANNELS.depth, ungrouped: 0, maxLevels: MAX_LEVELS };
  return withScanner(connector, new UpbitScanner(frames.header, rules));
}
