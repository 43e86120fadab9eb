import type { FrameCategory } from './base.js';

/** The channels of KuCoin's two public sockets by their role, and the request ids that name them. */

export type KucoinBookChannel = 'obu' | 'level2Depth50' | 'level2';
export type KucoinRole = 'depth' | 'quote' | 'trade' | 'state';

/**
 * Channel of each role; null where there is none. On the Pro socket `obu/1` is channel `obu` at depth `1`. The deltas of
 * `level2` come in real time, so that no quote is faster. Only the classic socket says whether a market trades.
 */
export const CHANNELS: Readonly<
  Record<
    KucoinBookChannel,
    Readonly<Record<'depth' | 'trade', string> & Record<'quote' | 'state', string | null>>
  >
> = {
  obu: { depth: 'obu/increment@10ms', quote: 'obu/1', trade: 'trade', state: null },
  level2Depth50: {
    depth: '/spotMarket/level2Depth50',
    quote: '/spotMarket/level1',
    trade: '/market/match',
    state: '/market/snapshot',
  },
  level2: { depth: '/market/level2', quote: null, trade: '/market/match', state: '/market/snapshot' },
};

const CATEGORIES: ReadonlyMap<string, FrameCategory> = new Map([
  ['obu/increment@10ms', 'book'],
  ['obu/1', 'bestQuote'],
  ['trade', 'trade'],
  ['/market/level2', 'book'],
  ['/spotMarket/level2Depth50', 'book'],
  ['/spotMarket/level2Depth5', 'book'],
  ['/spotMarket/level1', 'bestQuote'],
  ['/market/ticker', 'bestQuote'],
  ['/market/match', 'trade'],
  ['/market/snapshot', 'notice'],
]);

export function categoryOf(channel: string): FrameCategory {
  return CATEGORIES.get(channel) ?? 'foreign';
}

/** `s7.obu.depth.BTC-USDT`: answers repeat the id and nothing else of the request. */
export function requestIdOf(
  action: 'subscribe' | 'unsubscribe',
  number: number,
  book: KucoinBookChannel,
  role: KucoinRole,
  symbol: string,
): string {
  return `${action === 'subscribe' ? 's' : 'u'}${number}.${book}.${role}${symbol === '' ? '' : `.${symbol}`}`;
}

export interface RequestName {
  readonly isSubscription: boolean;
  readonly channel: string;
  /** '' when the request named several. */
  readonly symbol: string;
}

const REQUEST_ID = /^([su])\d+\.(obu|level2Depth50|level2)\.(depth|quote|trade|state)(?:\.(.{1,64}))?$/;

/** What a request asked for, by its id; empty texts for an id that is not ours. */
export function requestNamed(id: unknown): RequestName {
  const match = typeof id === 'string' ? REQUEST_ID.exec(id) : null;
  if (match === null) return { isSubscription: true, channel: '', symbol: '' };
  const channel = CHANNELS[match[2] as KucoinBookChannel][match[3] as KucoinRole] ?? '';
  return { isSubscription: match[1] === 's', channel, symbol: match[4] ?? '' };
}
