import {
  inChunks,
  type Capabilities,
  type Connector,
  type Endpoints,
  type SubscriptionScope,
} from './base.js';
import { FRAME_LIMITS } from './frame-parser.js';
import { KucoinDecoder } from './kucoin-decoder.js';
import { EXCHANGE, FEES, kucoinRest } from './kucoin-rest.js';
import { CHANNELS, requestIdOf, type KucoinBookChannel, type KucoinRole } from './kucoin-channels.js';
import { kucoinOrders, type KucoinKeyVersion } from './kucoin-orders.js';
import { KucoinScanner } from './kucoin-scan.js';
import { KUCOIN_PRIVATE_SOCKET } from './kucoin-stream.js';
import { ticketEntrance } from './kucoin-ticket.js';
import { withScanner } from './scan/scan-front.js';

export type { KucoinBookChannel };

/**
 * KuCoin spot (PROTOCOLS §8); books need no key. Three ways to a book, one socket each:
 *
 * - `obu` (the default): the Pro socket, no ticket. Snapshot, then 500 levels every 10 ms with first and last number [P];
 *   best quotes in real time with numbers of the same count; trades. Frames are binary.
 * - `level2Depth50`: the classic socket behind a ticket. Whole books of 50 levels every 100 ms, without a number.
 * - `level2`: the classic socket. Every change in real time, bridged onto a REST snapshot of 100 levels, since the full one
 *   needs a key [O].
 *
 * Unknown symbols are acknowledged and silent on both sockets [P].
 */
export interface KucoinOptions {
  readonly endpoints?: Partial<Endpoints>;
  readonly bookChannel?: KucoinBookChannel;
  /** Of the key that signs orders; 2 unless said otherwise. */
  readonly apiKeyVersion?: KucoinKeyVersion;
}

const PRO_SOCKET = 'wss://x-push-spot.kucoin.com/';
const CLASSIC_SOCKET = 'wss://ws-api-spot.kucoin.com/';
/** 300 topics on a connection of the classic socket [D], 600 of the Pro one [O]. */
const TOPICS = { classic: 300, pro: 600 } as const;

const ORDERS: Capabilities['orders'] = {
  // PROTOCOLS §1.1 [O].
  clientId: { field: 'clientOid', pattern: /^[0-9A-Za-z_-]{1,40}$/, reuse: 'never', lookupMs: null },
  // A request is refused anyway when its timestamp header is 5 s old [C].
  requestExpiry: { kind: 'window', field: 'allowMaxTimeWindow', defaultMs: 5000, maxMs: 5000 },
  deadManSwitch: { kind: 'timer', minMs: 5000, maxMs: 86_400_000, scope: 'up to 50 symbols, or all' },
  selfTradePrevention: { field: 'stp', cancelTaker: 'CN' },
};

const COMMON = {
  subscriptionMode: 'add',
  awaitsWelcome: true,
  clockResolutionMs: 1,
  checksum: 'none',
  quoteOrderIsExact: false,
  // Both sockets ask for a ping every 18 s and close after 60 s of silence [P]; more than one a second closes the Pro one [O].
  heartbeat: {
    everyMs: 10_000,
    probe: { kind: 'text', text: '{"id":"ping","type":"ping"}' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  restLimits: [{ kind: 'window', name: 'public', capacity: 2000, windowMs: 30_000 }],
  orders: ORDERS,
} as const satisfies Partial<Capabilities>;

function proCapabilities(): Capabilities {
  return {
    ...COMMON,
    syncRule: 'counted',
    snapshotSource: 'socket',
    depthLevels: 500,
    entrance: { kind: 'direct' },
    channels: channelsOf('obu'),
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 250, windowMs: 300_000 },
      // 300 in 10 s [O], pings included: some are left for them.
      clientMessages: { kind: 'window', name: 'messages', capacity: 290, windowMs: 10_000 },
      subscriptions: null,
      // `obu` refuses lists [P].
      topicsPerRequest: 1,
      topicsPerConnection: TOPICS.pro,
      lifetimeMs: 24 * 3_600_000,
    },
    // A snapshot took up to 6.2 s [P]; a quiet market says nothing for ten.
    watchdogs: { noSnapshotMs: 15_000, silentSymbolMs: 30_000, silentConnectionMs: 15_000 },
  };
}

function classicCapabilities(book: 'level2' | 'level2Depth50'): Capabilities {
  const whole = book === 'level2Depth50';
  const channels = channelsOf(book);
  const counted = channels.bestQuote === null ? 2 : 3;
  return {
    ...COMMON,
    syncRule: whole ? 'whole' : 'bridged',
    snapshotSource: whole ? 'socket' : 'rest',
    depthLevels: whole ? 50 : 100,
    entrance: ticketEntrance(CLASSIC_SOCKET),
    channels,
    limits: {
      maxFrameBytes: FRAME_LIMITS.maxBytes,
      connects: { kind: 'window', name: 'connects', capacity: 30, windowMs: 60_000 },
      clientMessages: { kind: 'window', name: 'messages', capacity: 95, windowMs: 10_000 },
      subscriptions: null,
      topicsPerRequest: 100,
      // Each symbol also takes a topic for its state, which is no channel of its own: so many of the others fit.
      topicsPerConnection: Math.floor(TOPICS.classic / (counted + 1)) * counted,
      lifetimeMs: 24 * 3_600_000,
    },
    watchdogs: { noSnapshotMs: 10_000, silentSymbolMs: 30_000, silentConnectionMs: 15_000 },
  };
}

function channelsOf(book: KucoinBookChannel): Capabilities['channels'] {
  const { depth, quote, trade } = CHANNELS[book];
  return { depth, bestQuote: quote, trades: trade };
}

/** A new connector. It holds reusable buffers: one per feed. */
export function kucoin(options: KucoinOptions = {}): Connector {
  const book = options.bookChannel ?? 'obu';
  const isPro = book === 'obu';
  const endpoints: Endpoints = {
    websocketUrl: isPro ? PRO_SOCKET : CLASSIC_SOCKET,
    restUrl: 'https://api.kucoin.com',
    privateUrl: KUCOIN_PRIVATE_SOCKET,
    ...options.endpoints,
  };
  const capabilities = isPro ? proCapabilities() : classicCapabilities(book);
  const decoder = new KucoinDecoder();
  const request = isPro ? proRequests : classicRequests;
  const connector: Connector = {
    exchange: EXCHANGE,
    capabilities,
    endpoints,
    fees: FEES,
    header: decoder.header,
    subscribe: (symbols, scope, id) => request('subscribe', symbols, rolesOf(book, scope), book, id),
    unsubscribe: (symbols, scope, id) => request('unsubscribe', symbols, rolesOf(book, scope), book, id),
    decode: (data, sink) => decoder.decode(data, sink),
    rest: kucoinRest((answer, path, symbol) =>
      decoder.readSnapshot(answer, path, CHANNELS[book].depth, symbol),
    ),
    orders: kucoinOrders(options.apiKeyVersion),
  };
  return withScanner(connector, new KucoinScanner(decoder.header));
}

function rolesOf(book: KucoinBookChannel, scope: SubscriptionScope): KucoinRole[] {
  if (scope === 'depth') return ['depth'];
  const channels = CHANNELS[book];
  // Books first: on the Pro socket 290 requests are all that go out in ten seconds.
  return (['depth', 'quote', 'trade', 'state'] as const).filter((role) => channels[role] !== null);
}

/** One request per symbol and channel; its id says which, since a refusal repeats only the id. */
function proRequests(
  action: 'subscribe' | 'unsubscribe',
  symbols: readonly string[],
  roles: readonly KucoinRole[],
  book: KucoinBookChannel,
  firstId: number,
): string[] {
  const wanted = roles.flatMap((role) => symbols.map((symbol) => ({ role, symbol })));
  return wanted.map(({ role, symbol }, index) => {
    const [channel, depth] = CHANNELS[book][role]!.split('/');
    return JSON.stringify({
      id: requestIdOf(action, firstId + index, book, role, symbol),
      action: action.toUpperCase(),
      channel,
      tradeType: 'SPOT',
      symbol,
      ...(depth !== undefined && { depth }),
    });
  });
}

/** Up to a hundred symbols of one channel in one topic. */
function classicRequests(
  action: 'subscribe' | 'unsubscribe',
  symbols: readonly string[],
  roles: readonly KucoinRole[],
  book: KucoinBookChannel,
  firstId: number,
): string[] {
  const wanted = roles.flatMap((role) => inChunks(symbols, 100).map((chunk) => ({ role, chunk })));
  return wanted.map(({ role, chunk }, index) =>
    JSON.stringify({
      id: requestIdOf(action, firstId + index, book, role, chunk.length === 1 ? chunk[0]! : ''),
      type: action,
      topic: `${CHANNELS[book][role]!}:${chunk.join(',')}`,
      privateChannel: false,
      response: true,
    }),
  );
}
