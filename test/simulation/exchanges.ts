import type { Connector, Endpoints } from '../../src/connectors/base.js';
import { bitget } from '../../src/connectors/bitget.js';
import { gate, type GateBookChannel } from '../../src/connectors/gate.js';
import { kucoin, type KucoinBookChannel } from '../../src/connectors/kucoin.js';
import { connectorOf as plainConnectorOf } from '../../src/modes/connectors.js';
import type { PairId } from '../../src/messages/primitives.js';
import type { AnyFace, Faces } from '../../src/simulator/faces.js';
import { KucoinFace } from '../../src/simulator/kucoin-face.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';

/** Most worlds hold these three; they draw what they always drew, so that a seed of theirs stays the run it was. */
export const CLASSIC_EXCHANGES: readonly SimulatedExchange[] = ['binance', 'okx', 'bybit'];
const DOLLAR_EXCHANGES = ['binance', 'okx', 'bybit', 'gate', 'bitget', 'kucoin'] as const;
const NEWER = ['gate', 'bitget', 'kucoin'] as const;
const WON_EXCHANGES = ['upbit', 'bithumb'] as const;

/** Which exchanges a world holds and how they are spoken to. All ms are virtual. */
export interface ExchangeKnobs {
  readonly kind: 'classic' | 'wide';
  readonly exchanges: readonly SimulatedExchange[];
  /** Markets in won beside those in USDT; followed and never traded. */
  readonly wonPairs: readonly PairId[];
  readonly books: {
    readonly gate: GateBookChannel;
    readonly kucoin: KucoinBookChannel;
    readonly bitget: 'v2' | 'v3';
  };
  /** Ms between two `level2` frames of KuCoin; 0 = real time. */
  readonly kucoinPeriodMs: number;
  /** Gate's REST books are as old as this. */
  readonly gateBookAgeMs: number;
  /** Exchanges that end connections at all end them at this age; null = after a day, as they do. */
  readonly lifeMs: number | null;
  /** Clocks that are wrong from the start, ms. */
  readonly skewMs: Readonly<Partial<Record<SimulatedExchange, number>>>;
}

const CLASSIC: ExchangeKnobs = {
  kind: 'classic',
  exchanges: CLASSIC_EXCHANGES,
  wonPairs: [],
  books: { gate: 'spot.obu', kucoin: 'obu', bitget: 'v2' },
  kucoinPeriodMs: 0,
  gateBookAgeMs: 0,
  lifeMs: null,
  skewMs: {},
};

/** Seven of twenty seeds, evenly spread, so that a short run has both kinds; every second one of the plain engine. */
const WIDE_LAST_DIGITS = new Set([2, 3, 6]);
const isWide = (seed: number): boolean => WIDE_LAST_DIGITS.has(seed % 10) || seed % 20 === 0;

/** Its own stream, so that nothing else that a seed draws is shifted. */
export function drawExchanges(seed: number): ExchangeKnobs {
  if (!isWide(seed)) return CLASSIC;
  const prng = Prng.of(seed, 'exchanges');
  const count = prng.pick([3, 4, 4, 5]);
  const won = prng.shuffled(WON_EXCHANGES).slice(0, prng.pick([0, 1, 1, 2]));
  const newer = prng.pick(NEWER);
  const others = prng.shuffled(DOLLAR_EXCHANGES.filter((name) => name !== newer));
  const dollar = [newer, ...others].slice(0, Math.max(2, count - won.length));
  const exchanges = prng.shuffled<SimulatedExchange>([...dollar, ...won]);
  return {
    kind: 'wide',
    exchanges,
    wonPairs: won.length === 0 ? [] : prng.pick([['USDT-KRW'], [], []]),
    books: {
      gate: prng.pick(['spot.obu', 'spot.obu', 'spot.order_book_update']),
      kucoin: prng.pick(['obu', 'level2', 'level2Depth50']),
      bitget: prng.pick(['v2', 'v3']),
    },
    kucoinPeriodMs: prng.pick([0, 200, 500]),
    gateBookAgeMs: prng.pick([0, 0, 400]),
    lifeMs: prng.pick([null, 90_000, 140_000]),
    skewMs: Object.fromEntries(exchanges.map((name) => [name, prng.pick([0, 0, 0, -150, 120, 600])])),
  };
}

/** Upbit and Bithumb are asked for this market to learn their time, whatever else is followed. */
const CLOCK_PAIR = 'BTC-KRW';

/** The won markets of a world: those of its assets, and what was drawn. */
export function withWonPairs(knobs: ExchangeKnobs, pairs: readonly PairId[]): ExchangeKnobs {
  if (!knobs.exchanges.some(isWonExchange)) return knobs;
  const ofAssets = pairs.map((pair) => pair.replace(/-USDT$/, '-KRW'));
  return { ...knobs, wonPairs: [...new Set([...ofAssets, CLOCK_PAIR, ...knobs.wonPairs])] };
}

/**
 * A recorded line is renewed by dropping it. A book bridged onto REST then waits for its first diff, which never comes when the
 * world has come to a stop meanwhile: such lines live for a day.
 */
export function fitToRecording(knobs: ExchangeKnobs): ExchangeKnobs {
  const { exchanges, books } = knobs;
  const isBridged = (name: SimulatedExchange): boolean =>
    name === 'binance' ||
    (name === 'kucoin' && books.kucoin === 'level2') ||
    (name === 'gate' && books.gate === 'spot.order_book_update');
  return exchanges.some(isBridged) ? { ...knobs, lifeMs: null } : knobs;
}

export const isWonExchange = (exchange: string): boolean =>
  (WON_EXCHANGES as readonly string[]).includes(exchange);

/** The real connector of an exchange, looking for it inside the simulation. */
export function simulatedConnector(exchange: string, knobs: ExchangeKnobs): Connector {
  const make = makerOf(exchange, knobs);
  const { websocketUrl, privateUrl } = make({}).endpoints;
  const inside = (url: string): string => `wss://${exchange}.sim${new URL(url).pathname}`;
  const connector = make({
    websocketUrl: inside(websocketUrl),
    restUrl: `https://${exchange}.sim`,
    ...(privateUrl !== undefined && { privateUrl: inside(privateUrl) }),
  });
  const { capabilities } = connector;
  const { lifetimeMs } = capabilities.limits;
  if (knobs.lifeMs === null || lifetimeMs === null) return connector;
  // The age at which the exchange ends a connection is data; here a day is shorter.
  const limits = { ...capabilities.limits, lifetimeMs: knobs.lifeMs };
  return { ...connector, capabilities: { ...capabilities, limits } };
}

/** Whether the exchange ends connections by their age. */
export const endsConnections = (exchange: string): boolean =>
  plainConnectorOf(exchange, {}).capabilities.limits.lifetimeMs !== null;

function makerOf(exchange: string, { books }: ExchangeKnobs): (at: Partial<Endpoints>) => Connector {
  switch (exchange) {
    case 'gate':
      return (endpoints) => gate({ endpoints, bookChannel: books.gate });
    case 'kucoin':
      return (endpoints) => kucoin({ endpoints, bookChannel: books.kucoin });
    case 'bitget':
      return (endpoints) => bitget({ endpoints, api: books.bitget });
    default:
      return (endpoints) => plainConnectorOf(exchange, endpoints);
  }
}

/** Switches of the simulated exchanges that hold for a whole run. */
export function adjustFaces(faces: Faces, knobs: ExchangeKnobs): void {
  if (faces.kucoin !== undefined) faces.kucoin.level2PeriodMs = knobs.kucoinPeriodMs;
  if (faces.gate !== undefined) faces.gate.rest.bookAgeMs = knobs.gateBookAgeMs;
}

/** Changes that wait for their period would never come once the world stands still. */
export function sendAtOnce(faces: Iterable<AnyFace>): void {
  for (const face of faces) if (face instanceof KucoinFace) face.level2PeriodMs = 0;
}

/** How wrong the exchanges' clocks were lately. */
export class ExchangeClocks {
  private readonly settings = new Map<string, { readonly fromMs: number; readonly skewMs: number }[]>();

  set(exchange: string, skewMs: number, nowMs: number): void {
    this.settings.set(exchange, [...(this.settings.get(exchange) ?? []), { fromMs: nowMs, skewMs }]);
  }

  /** The most that the clock of an exchange was wrong by since then, in either direction. */
  mostWrongMs(exchange: string, sinceMs: number): number {
    const settings = this.settings.get(exchange) ?? [];
    const inForce = settings.filter((_, at) => (settings[at + 1]?.fromMs ?? Infinity) >= sinceMs);
    return Math.max(0, ...inForce.map(({ skewMs }) => Math.abs(skewMs)));
  }

  /** The furthest ahead that the clock of an exchange was since then; 0 for one that was never wrong. */
  mostAheadMs(exchange: string, sinceMs: number): number {
    const settings = this.settings.get(exchange) ?? [];
    const inForce = settings.filter((_, at) => (settings[at + 1]?.fromMs ?? Infinity) >= sinceMs);
    return Math.max(0, ...inForce.map(({ skewMs }) => skewMs));
  }
}
