import type { ServerResponse } from 'node:http';
import { errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';
import type { Clock, TimerHandle, Timers } from '../ports/time.js';
import type { InspectionSource } from './source.js';

/** Two pictures a second: people cannot read faster, and the page calls itself stale after 3 s. At most 4 a second are promised. */
const INTERVAL_MS = 500;
const MAX_READERS = 16;
/** A reader that has this much unsent misses pictures until it has caught up. */
const MAX_UNSENT_BYTES = 2 * 1024 * 1024;
/** One that has not caught up for so long is gone, and would keep its place from others. */
const MAX_BEHIND_MS = 30_000;

/** Everything the page shows, as one coherent picture. */
export async function pictureOf(source: InspectionSource): Promise<Record<string, unknown>> {
  const [ready, opportunities, trades, portfolio, events, stores] = await Promise.all([
    source.ready(),
    source.opportunities(60),
    source.arbitrages(50),
    source.portfolio(),
    source.events(100),
    source.stores(),
  ]);
  return {
    status: statusOf(source, ready.ok, stores),
    feeds: source.feeds(),
    opportunities,
    trades,
    portfolio,
    accounts: source.accounts(),
    actors: source.actors(),
    events,
    deadLetters: source.deadLetters().total,
  };
}

export function statusOf(
  source: InspectionSource,
  isReady: boolean,
  stores: unknown,
): Record<string, unknown> {
  const { mode, node, version, startedAtMs } = source;
  return {
    mode,
    node,
    version,
    startedAtMs,
    ready: isReady,
    killSwitch: source.killSwitch(),
    lease: source.lease(),
    stores,
  };
}

export interface StreamOptions {
  readonly source: InspectionSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
}

/** Server-sent events for the page. One picture is made for all readers, and none while nobody reads. */
export class PictureStream {
  private readonly options: StreamOptions;
  /** With the monotonic time since which a reader has been behind; null = it keeps up. */
  private readonly readers = new Map<ServerResponse, number | null>();
  private timer: TimerHandle | null = null;
  private sequence = 0;

  constructor(options: StreamOptions) {
    this.options = options;
  }

  /** Takes over a response whose headers are not sent yet; false = too many readers. */
  add(response: ServerResponse, headers: Readonly<Record<string, string>>): boolean {
    if (this.readers.size >= MAX_READERS) return false;
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 1000\n\n');
    this.readers.set(response, null);
    response.on('close', () => this.readers.delete(response));
    response.on('error', () => this.readers.delete(response));
    if (this.timer === null) this.schedule(0);
    return true;
  }

  close(): void {
    if (this.timer !== null) this.options.timers.clearTimer(this.timer);
    this.timer = null;
    for (const reader of this.readers.keys()) reader.end();
    this.readers.clear();
  }

  private schedule(delayMs: number): void {
    this.timer = this.options.timers.setTimer(() => void this.send(), delayMs);
  }

  private async send(): Promise<void> {
    let text: string;
    try {
      const picture = await pictureOf(this.options.source);
      // The node's own time, by which everything in the picture is stamped: it may be accelerated or a recording's.
      const body = { sequence: ++this.sequence, atMs: this.options.source.nowMs(), ...picture };
      text = `event: picture\ndata: ${JSON.stringify(body)}\n\n`;
    } catch (error) {
      // The page keeps its last picture and marks it stale by itself.
      this.options.log.warn({ error: errorText(error) }, 'the page could not be updated');
      text = `event: problem\ndata: ${JSON.stringify({ message: errorText(error) })}\n\n`;
    }
    const nowMs = this.options.clock.monotonicMs();
    for (const [reader, behindSinceMs] of this.readers) this.give(reader, text, behindSinceMs, nowMs);
    if (this.timer !== null && this.readers.size > 0) this.schedule(INTERVAL_MS);
    else this.timer = null;
  }

  private give(reader: ServerResponse, text: string, behindSinceMs: number | null, nowMs: number): void {
    if (reader.writableLength < MAX_UNSENT_BYTES) {
      reader.write(text);
      this.readers.set(reader, null);
    } else if (behindSinceMs === null) this.readers.set(reader, nowMs);
    else if (nowMs - behindSinceMs > MAX_BEHIND_MS) reader.destroy();
  }
}
