/** What a client of Gate may subscribe to (PROTOCOLS §9.2; gate.com/docs/developers/apiv4/ws). */
export type GateTopicKind = 'obu' | 'diff' | 'snapshot' | 'quote' | 'trades' | 'tickers';

export interface GateTopicName {
  readonly kind: GateTopicKind;
  readonly channel: string;
  readonly symbol: string;
  /** Unique among all topics. */
  readonly key: string;
  /** Levels per side; Infinity where books play no part. */
  readonly levels: number;
  /** Least time between two frames. */
  readonly periodMs: number;
}

const DIFF_LEVELS: Readonly<Record<string, number>> = { '20ms': 20, '100ms': 100 };
const LISTS: Readonly<Record<string, GateTopicKind>> = {
  'spot.book_ticker': 'quote',
  'spot.trades': 'trades',
  'spot.tickers': 'tickers',
};

/** The topics of one request, or the words in which the exchange refuses it. */
export function parseGateTopic(channel: unknown, payload: unknown): readonly GateTopicName[] | string {
  const isTexts =
    Array.isArray(payload) && payload.length > 0 && payload.every((one) => typeof one === 'string');
  if (typeof channel !== 'string') return 'Unknown channel';
  if (!isTexts) return 'invalid payload';
  const texts = payload as readonly string[];
  if (channel === 'spot.obu') return obuTopics(texts);
  if (channel === 'spot.order_book_update') return diffTopics(texts);
  if (channel === 'spot.order_book') return snapshotTopics(texts);
  const kind = Object.hasOwn(LISTS, channel) ? LISTS[channel] : undefined;
  if (kind === undefined) return `Unknown channel ${channel.slice(0, 64)}`;
  return texts.map((symbol) => topic(kind, channel, symbol, Infinity, 0));
}

/** One pair in a request: of several none is served, though the request is acknowledged [D]. */
function obuTopics(texts: readonly string[]): readonly GateTopicName[] | string {
  if (texts.length > 1) return [];
  const [, symbol, levels] = /^ob\.([^.]{1,32})\.(50|400)$/.exec(texts[0]!) ?? [];
  if (symbol === undefined) return `invalid payload: ${texts[0]!.slice(0, 64)}`;
  return [
    { ...topic('obu', 'spot.obu', symbol, Number(levels), levels === '50' ? 20 : 100), key: texts[0]! },
  ];
}

function diffTopics([symbol = '', interval = '']: readonly string[]): readonly GateTopicName[] | string {
  const levels = Object.hasOwn(DIFF_LEVELS, interval) ? DIFF_LEVELS[interval]! : 0;
  if (levels === 0) return `incorrect update interval specified: ${interval.slice(0, 32)}`;
  return [topic('diff', 'spot.order_book_update', symbol, levels, parseInt(interval, 10))];
}

function snapshotTopics(texts: readonly string[]): readonly GateTopicName[] | string {
  const [symbol = '', level = '', interval = ''] = texts;
  if (!['5', '10', '20', '50', '100'].includes(level))
    return `provided level not supported: ${level.slice(0, 32)}`;
  if (interval !== '100ms' && interval !== '1000ms')
    return `incorrect update interval specified: ${interval.slice(0, 32)}`;
  return [topic('snapshot', 'spot.order_book', symbol, Number(level), parseInt(interval, 10))];
}

function topic(
  kind: GateTopicKind,
  channel: string,
  symbol: string,
  levels: number,
  periodMs: number,
): GateTopicName {
  const short = symbol.slice(0, 64);
  return { kind, channel, symbol: short, key: `${channel}/${short}/${levels}/${periodMs}`, levels, periodMs };
}
