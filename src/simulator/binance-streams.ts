const ALL_LEVELS = 5_000;

export type StreamKind = 'diff' | 'partial' | 'bookTicker' | 'trade' | 'aggTrade';

/** A stream name, taken apart. */
export interface StreamName {
  readonly symbol: string;
  readonly kind: StreamKind;
  readonly channel: string;
  readonly periodMs: number;
  readonly depth: number;
}

/** `btcusdt@depth@100ms` and its relatives; null for every other name. Symbols are lower case. */
export function parseStream(text: string): StreamName | null {
  const match = /^([a-z0-9]+)@(depth(?:5|10|20)?(?:@100ms|@1000ms)?|bookTicker|trade|aggTrade)$/.exec(text);
  if (match === null) return null;
  const [, lower = '', channel = ''] = match;
  const symbol = lower.toUpperCase();
  const depth = /^depth(\d*)(@\d+ms)?$/.exec(channel);
  if (depth === null) {
    return { symbol, kind: channel as StreamKind, channel, periodMs: 0, depth: 1 };
  }
  const periodMs = depth[2] === '@100ms' ? 100 : 1_000;
  const isPartial = depth[1] !== '';
  return {
    symbol,
    kind: isPartial ? 'partial' : 'diff',
    channel,
    periodMs,
    depth: isPartial ? Number(depth[1]) : ALL_LEVELS,
  };
}

/** A 64-bit integer, null, or up to 36 letters and digits. */
export function isRequestId(id: unknown): boolean {
  if (id === null) return true;
  if (typeof id === 'number') return Number.isInteger(id);
  return typeof id === 'string' && /^[A-Za-z0-9_-]{1,36}$/.test(id);
}
