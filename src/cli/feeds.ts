import { z } from 'zod';
import type { LoadedConfig } from '../config/index.js';
import { secretOf } from '../config/overrides.js';
import { ArbotError } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import type { HttpClient } from '../ports/network.js';
import { table, type Terminal } from './output.js';

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

const TIMEOUT_MS = 5000;
const MAX_BYTES = 16 << 20;
const WATCH_MS = 1000;
const CLEAR = '\u001b[2J\u001b[H';

export interface FeedsSetting {
  /** Root of the node's API, with a slash at its end. */
  readonly url: string;
  readonly token: string | null;
}

/** Where the node of a configuration is reached from here. */
export function feedsSetting(
  { node }: LoadedConfig,
  terminal: Terminal,
  url: string | undefined,
): FeedsSetting {
  const { host, port, tokenEnv } = node.http;
  const name = host.includes(':') ? `[${host}]` : host;
  const root = url ?? `http://${name}:${port}`;
  if (!/^https?:\/\/[^\s?#]+$/.test(root))
    throw new ArbotError('ARB_CLI_USAGE', '--url: must be an address such as http://127.0.0.1:8787');
  return { url: root.endsWith('/') ? root : `${root}/`, token: secretOf(terminal.environment, tokenEnv) };
}

/** Asks once. Rejects with what the network says, or ARB_MESSAGE_INVALID naming the field. */
export async function askFeeds({ url, token }: FeedsSetting, http: HttpClient): Promise<FeedsAnswer> {
  const response = await http.request({
    method: 'GET',
    url: `${url}api/feeds`,
    ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: MAX_BYTES,
  });
  if (response.status !== 200)
    throw new ArbotError('ARB_HTTP_FAILED', `${url}api/feeds answered ${response.status}`);
  const parsed = feedsAnswer.safeParse(jsonOf(response.body));
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_MESSAGE_INVALID', `${url}api/feeds: ${issueText(parsed.error, 'feeds')}`);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

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

export interface FeedsLoop {
  readonly http: HttpClient;
  /** Resolves after so many ms, or at once when told to stop. */
  readonly pause: (delayMs: number) => Promise<void>;
  readonly isOver: () => boolean;
}

/** Prints once, or again and again until it is over. In a watch, a node that is away is said and asked again. */
export async function showFeeds(
  setting: FeedsSetting,
  terminal: Terminal,
  loop: FeedsLoop,
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
