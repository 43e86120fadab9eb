import type { ServerResponse } from 'node:http';
import type { TimerHandle, Timers } from '../ports/time.js';
import type { ClusterEvent } from './cluster-answers.js';
import type { EventRing } from './event-ring.js';

const MAX_READERS = 32;
/** A reader with this much unsent is ended: it comes back with the last id that it has seen. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** So that whoever stands between knows that it lives. */
const BEAT_MS = 15_000;

/** Supervision and membership of all nodes as server-sent events, resumed by `Last-Event-ID`. */
export class EventStream {
  private readonly ring: EventRing;
  private readonly timers: Timers;
  private readonly readers = new Set<ServerResponse>();
  private readonly forget: () => void;
  private beat: TimerHandle | null = null;

  constructor(ring: EventRing, timers: Timers) {
    this.ring = ring;
    this.timers = timers;
    this.forget = ring.onEvent((event) => {
      const text = textOf(event);
      for (const reader of this.readers) this.give(reader, text);
    });
  }

  /** Takes over a response whose headers are not sent yet; false = too many readers. `lastId`: null = what comes from now on. */
  add(response: ServerResponse, headers: Readonly<Record<string, string>>, lastId: string | null): boolean {
    if (this.readers.size >= MAX_READERS) return false;
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 1000\n\n');
    if (lastId !== null) {
      const { events, gap } = this.ring.since(lastId);
      if (gap !== null) response.write(`event: gap\ndata: ${JSON.stringify({ reason: gap })}\n\n`);
      response.write(events.map(textOf).join(''));
    }
    this.readers.add(response);
    response.on('close', () => this.readers.delete(response));
    response.on('error', () => this.readers.delete(response));
    if (this.beat === null) this.plan();
    return true;
  }

  close(): void {
    this.forget();
    if (this.beat !== null) this.timers.clearTimer(this.beat);
    this.beat = null;
    for (const reader of this.readers) reader.end();
    this.readers.clear();
  }

  private plan(): void {
    this.beat = this.timers.setTimer(() => {
      for (const reader of this.readers) this.give(reader, ': here\n\n');
      this.beat = null;
      if (this.readers.size > 0) this.plan();
    }, BEAT_MS);
  }

  private give(reader: ServerResponse, text: string): void {
    if (reader.writableLength < MAX_UNSENT_BYTES) reader.write(text);
    else reader.destroy();
  }
}

const textOf = (event: ClusterEvent): string =>
  `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event.event)}\n\n`;
