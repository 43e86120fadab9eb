import { z } from 'zod';
import { ArbotError } from '../messages/errors.js';
import type { HttpClient } from '../ports/network.js';
import { askApi, type ApiLoop, type NodeApi } from './node-api.js';
import { CLEAR, table, type Terminal } from './output.js';

/** `arbot feeds`: what a running node says of its market data. */

const number = z.number();
const maybe = z.number().nullable();

/** Fields that are shown of `/api/feeds`; others may be there. */
const feedsAnswer = z.array(
  z.object({
    exchange: z.string(),
    state: z.string(),
    reason: z.string(),
    ageMs: maybe,
    messagesPerSecond: number,
    gaps: number,
    resyncs: number,
    reconnects: number,
    fallbackFrames: z.record(z.string(), number),
    latencyMs: maybe,
    latencyP99Ms: maybe,
    connections: z.array(z.object({ phase: z.string() })),
    books: z.array(
      z.object({
        instrument: z.string(),
        trusted: z.boolean(),
        state: z.string(),
        market: z.string().nullable(),
        ageMs: maybe,
        messagesPerSecond: number,
        gaps: number,
        resyncs: number,
        latencyMs: maybe,
        latencyP99Ms: maybe,
      }),
    ),
  }),
);
export type FeedsAnswer = z.infer<typeof feedsAnswer>;
type Book = FeedsAnswer[number]['books'][number];

const WATCH_MS = 1000;

/** Asks once. Rejects with what the network says, or ARB_MESSAGE_INVALID naming the field. */
export const askFeeds = (api: NodeApi, http: HttpClient): Promise<FeedsAnswer> =>
  askApi(api, http, { path: 'api/feeds', schema: feedsAnswer, what: 'feeds' });

const HEAD = [
  'exchange',
  'market',
  'trust',
  'state',
  'age',
  'msg/s',
  'gaps',
  'resyncs',
  'reconnects',
  'p50',
  'p99',
  'fallbacks',
];

/** One line per exchange, and below it one per symbol. */
export function feedLines(feeds: FeedsAnswer): string[] {
  const rows = feeds.flatMap((feed) => {
    const { exchange, state, books, connections } = feed;
    const trusted = books.filter((book) => book.trusted).length;
    const open = connections.filter(({ phase }) => phase === 'open').length;
    const lines = connections.length > 1 ? ` (${open} of ${connections.length} lines)` : '';
    const whole = [exchange, '', `${trusted}/${books.length}`, `${state}${lines}`];
    const counts = [String(feed.gaps), String(feed.resyncs), String(feed.reconnects)];
    return [
      [
        ...whole,
        ms(feed.ageMs),
        rate(feed.messagesPerSecond),
        ...counts,
        ...latency(feed),
        String(summed(feed.fallbackFrames)),
      ],
      ...books.map((book) => bookRow(exchange, book)),
    ];
  });
  return table([HEAD, ...rows]);
}

function bookRow(exchange: string, book: Book): string[] {
  const market = book.market === null || book.market === 'trading' ? '' : ` (${book.market})`;
  return [
    '',
    `${book.instrument.slice(exchange.length + 1)}${market}`,
    book.trusted ? 'yes' : 'NO',
    book.state,
    ms(book.ageMs),
    rate(book.messagesPerSecond),
    String(book.gaps),
    String(book.resyncs),
    '',
    ...latency(book),
    '',
  ];
}

const summed = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

const rate = (perSecond: number): string => perSecond.toFixed(1);

const latency = (of: {
  readonly latencyMs: number | null;
  readonly latencyP99Ms: number | null;
}): string[] => [ms(of.latencyMs), ms(of.latencyP99Ms)];

function ms(value: number | null): string {
  if (value === null) return '-';
  return Math.abs(value) < 10_000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(0)} s`;
}

/** Prints once, or again and again until it is over. In a watch, a node that is away is said and asked again. */
export async function showFeeds(
  setting: NodeApi,
  terminal: Terminal,
  loop: ApiLoop,
  isWatch: boolean,
): Promise<void> {
  for (;;) {
    const lines = await askFeeds(setting, loop.http).then(feedLines, (error: unknown) => {
      if (!isWatch || !(error instanceof ArbotError)) throw error;
      return [`${setting.url} does not answer: ${error.message}`];
    });
    if (loop.isOver()) return;
    terminal.print(isWatch ? `${CLEAR}${lines.join('\n')}` : lines.join('\n'));
    if (!isWatch) return;
    await loop.pause(WATCH_MS);
    if (loop.isOver()) return;
  }
}
