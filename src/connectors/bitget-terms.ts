import type { Capabilities } from './base.js';
import { FRAME_LIMITS } from './frame-parser.js';

/** `v2` is for classic accounts, in maintenance since 2026 [P]; `v3` for unified ones. Market data is open on both. */
export type BitgetApi = 'v2' | 'v3';
/** `books5` and `books15` send whole books of so many levels. */
export type BitgetBookChannel = 'books' | 'books5' | 'books15';

/** How the two public sockets of Bitget call the same things, and what the exchange promises, as data (PROTOCOLS §1, §10). */
export interface BitgetNames {
  /** Members of `arg`. */
  readonly channel: string;
  readonly symbol: string;
  readonly bids: string;
  readonly asks: string;
  /** The channel of trades and the members of one print. */
  readonly trades: string;
  readonly trade: {
    readonly id: string;
    readonly price: string;
    readonly quantity: string;
    readonly side: string;
    readonly time: string;
  };
}

const V2: BitgetNames = {
  channel: 'channel',
  symbol: 'instId',
  bids: 'bids',
  asks: 'asks',
  trades: 'trade',
  trade: { id: 'tradeId', price: 'price', quantity: 'size', side: 'side', time: 'ts' },
};

const V3: BitgetNames = {
  channel: 'topic',
  symbol: 'symbol',
  bids: 'b',
  asks: 'a',
  trades: 'publicTrade',
  trade: { id: 'i', price: 'p', quantity: 'v', side: 'S', time: 'T' },
};

export function namesOf(unified: boolean): BitgetNames {
  return unified ? V3 : V2;
}

function levelsOf(api: BitgetApi, depth: BitgetBookChannel): number {
  if (depth === 'books5') return 5;
  if (depth === 'books15') return 15;
  return api === 'v2' ? 500 : 1000;
}

export function bitgetCapabilities(api: BitgetApi, depth: BitgetBookChannel): Capabilities {
  return {
    syncRule: depth === 'books' ? 'linked' : 'whole',
    snapshotSource: 'socket',
    depthLevels: levelsOf(api, depth),
    subscriptionMode: 'add',
    entrance: { kind: 'direct' },
    awaitsWelcome: false,
    clockResolutionMs: 1,
    checksum: 'non-zero',
    quoteOrderIsExact: false,
    channels: { depth, bestQuote: 'books1', trades: namesOf(api === 'v3').trades },
    // Closed after about two minutes without a ping, also while data flows [P].
    heartbeat: {
      everyMs: 30_000,
      probe: { kind: 'text', text: 'ping' },
      probeAfterSilenceMs: 4000,
      deadAfterSilenceMs: 9000,
    },
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 300, windowMs: 300_000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 10, windowMs: 1000 },
      subscriptions: { kind: 'window', name: 'subscriptions', capacity: 240, windowMs: 3_600_000 },
      // v3 dropped sockets that asked for 25 books at once [P]; ten arguments have about 700 of the 4096 bytes.
      topicsPerRequest: 10,
      // Up to 1000 are taken, at most 50 are advised [O].
      topicsPerConnection: 50,
      lifetimeMs: 86_400_000,
    },
    restLimits: [
      { kind: 'window', name: 'requests', capacity: 6000, windowMs: 60_000 },
      // 20 a second for market data, 3 a second for coins [C].
      { kind: 'window', name: 'market', capacity: 20, windowMs: 1000 },
      { kind: 'window', name: 'coins', capacity: 3, windowMs: 1000 },
    ],
    // A wrong instType is acknowledged and never served [P].
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 60_000, silentConnectionMs: 15_000 },
    // PROTOCOLS §1.1 and §10 [O]: ids above 50 characters are refused in places; finished orders are found for 90 days.
    orders: {
      clientId: {
        field: 'clientOid',
        pattern: /^[A-Za-z0-9_-]{1,32}$/,
        reuse: 'unknown',
        lookupMs: 7_776_000_000,
      },
      // Without the field only the signature's 30 s bind an order.
      requestExpiry: { kind: 'window', field: 'receiveWindow', defaultMs: 30_000, maxMs: 59_999 },
      deadManSwitch: { kind: 'none' },
      selfTradePrevention: { field: 'stpMode', cancelTaker: 'cancel_taker' },
    },
  };
}
