import { ArbotError, errorText } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { AppendFile, Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { Clock } from '../ports/time.js';
import { encodeFrame, MAX_LINE_BYTES } from './recording.js';

export interface RecorderOptions {
  readonly files: Files;
  readonly folder: string;
  readonly exchange: ExchangeId;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes waiting for the disk above which frames are dropped, so that recording never slows trading. Default 32 MiB. */
  readonly maxBufferedBytes?: number;
  /** Size at which a new set of files begins. Default 512 MiB. */
  readonly rotateBytes?: number;
  /**
   * Called when a new set of files begins after the first. The owner should subscribe again, so that the new files begin with
   * snapshots; `gap` = frames were lost before it.
   */
  readonly onRotated?: (reason: 'size' | 'gap') => void;
}

export interface RecorderStatistics {
  readonly frames: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly segments: number;
  readonly bufferedBytes: number;
  /** Text of the last write error, null when there was none. */
  readonly lastError: string | null;
}

type Stream = 'frames' | 'times' | 'sent' | 'rest';
type Lines = Record<Stream, Uint8Array[]>;
const EXTENSIONS: Record<Stream, string> = {
  frames: '.jsonl',
  times: '.ts',
  sent: '.sent.jsonl',
  rest: '.rest.jsonl',
};
/** Times before frames: after a crash there is never a frame without its time, and the reader ignores surplus times. */
const STREAMS = ['rest', 'sent', 'times', 'frames'] as const;
const LINE_FEED = Buffer.from('\n');

/** Lines of one set of files that wait for the disk. */
interface Segment {
  readonly base: string;
  /** Those that no write has taken yet. */
  pending: Lines;
  readonly open: Partial<Record<Stream, AppendFile>>;
  bytes: number;
  frames: number;
}

/**
 * Writes the raw traffic of one exchange in the recording format (recording.ts). Memory is bounded: when the disk falls behind,
 * frames are dropped and counted, and the next kept frame begins a new set of files, so that no file has a hidden hole.
 * Only public sockets may be recorded: nothing is redacted.
 */
export class Recorder {
  private readonly options: Required<Omit<RecorderOptions, 'onRotated'>>;
  private readonly onRotated: (reason: 'size' | 'gap') => void;
  private segment: Segment;
  private readonly finished: Segment[] = [];
  private writing: Promise<void> | null = null;
  private bufferedBytes = 0;
  private frames = 0;
  private bytes = 0;
  private dropped = 0;
  private segments = 0;
  private inGap = false;
  private closed = false;
  private lastError: string | null = null;

  constructor(options: RecorderOptions) {
    const { onRotated, ...rest } = options;
    this.options = { maxBufferedBytes: 32 * 1024 * 1024, rotateBytes: 512 * 1024 * 1024, ...rest };
    this.onRotated = onRotated ?? (() => undefined);
    this.segment = this.newSegment();
  }

  /** One received frame. `receiveTimeMs`: Unix ms, fractions kept to the microsecond. The bytes are copied. */
  frame(receiveTimeMs: number, data: Uint8Array, isBinary: boolean): void {
    if (this.closed) return;
    if (this.bufferedBytes + data.byteLength > this.options.maxBufferedBytes) return this.drop();
    if (this.inGap) this.rotate('gap');
    else if (this.segment.bytes >= this.options.rotateBytes) this.rotate('size');
    // Copied, since the socket reuses its buffer.
    this.push('frames', Buffer.concat([encodeFrame(data, isBinary), LINE_FEED]));
    this.push('times', Buffer.from(`${(receiveTimeMs / 1_000).toFixed(6)}\n`));
    this.segment.frames++;
    this.frames++;
    this.kick();
  }

  /** A connection opened (`data` null) or a frame the client sent. */
  sent(kind: 'connect' | 'send', url: string, data: string | null): void {
    this.note('sent', { kind, url, data });
  }

  /** A REST answer, e.g. a depth snapshot or the instruments; `body` is the raw text. */
  rest(url: string, body: string): void {
    this.note('rest', { url, body, after_frame: this.segment.frames });
  }

  statistics(): RecorderStatistics {
    const { frames, bytes, dropped, segments, bufferedBytes, lastError } = this;
    return { frames, bytes, dropped, segments, bufferedBytes, lastError };
  }

  /** Writes what waits, syncs and closes. Rejects with ARB_STORE_UNAVAILABLE when the disk refused something. */
  async close(): Promise<void> {
    this.closed = true;
    this.finished.push(this.segment);
    while (this.writing !== null || this.finished.length > 0) {
      this.kick();
      await this.writing;
    }
    if (this.lastError !== null)
      throw new ArbotError('ARB_STORE_UNAVAILABLE', `recording is incomplete: ${this.lastError}`);
  }

  private note(stream: 'sent' | 'rest', fields: Record<string, unknown>): void {
    if (this.closed) return;
    const t = (this.options.clock.nowMs() / 1_000).toFixed(6);
    const line = Buffer.from(`${JSON.stringify({ t, ...fields })}\n`);
    if (line.length > MAX_LINE_BYTES) {
      // One line that no reader takes would spoil the whole recording.
      const { exchange } = this.options;
      this.options.log.warn({ exchange, url: fields['url'], bytes: line.length }, 'too long to be recorded');
      return;
    }
    if (this.bufferedBytes + line.length > this.options.maxBufferedBytes) return this.drop();
    this.push(stream, line);
    this.kick();
  }

  private push(stream: Stream, line: Uint8Array): void {
    this.segment.pending[stream].push(line);
    this.segment.bytes += line.byteLength;
    this.bufferedBytes += line.byteLength;
    this.bytes += line.byteLength;
  }

  private drop(): void {
    this.dropped++;
    if (this.inGap) return;
    this.inGap = true;
    this.options.log.warn(
      { exchange: this.options.exchange },
      'recording fell behind the disk, frames are dropped',
    );
  }

  private rotate(reason: 'size' | 'gap'): void {
    this.inGap = false;
    this.finished.push(this.segment);
    this.segment = this.newSegment();
    this.onRotated(reason);
  }

  private newSegment(): Segment {
    this.segments++;
    const stamp = new Date(this.options.clock.nowMs()).toISOString().replaceAll(/[-:.]/g, '');
    const number = this.segments === 1 ? '' : `-${String(this.segments).padStart(4, '0')}`;
    const base = `${this.options.folder}/${this.options.exchange}-${stamp}${number}`;
    return { base, pending: noLines(), open: {}, bytes: 0, frames: 0 };
  }

  /** Starts the writer unless it runs; it ends when nothing waits. */
  private kick(): void {
    if (this.writing !== null) return;
    this.writing = this.writeAll()
      .catch((error: unknown) => this.discard(errorText(error)))
      .finally(() => {
        this.writing = null;
      });
  }

  private async writeAll(): Promise<void> {
    for (;;) {
      const done = this.finished[0];
      const segment = done ?? this.segment;
      const wrote = await this.writePending(segment);
      if (done !== undefined) {
        await closeSegment(done);
        this.finished.shift();
      } else if (!wrote) return;
    }
  }

  private async writePending(segment: Segment): Promise<boolean> {
    // Taken together before anything is awaited: a frame that arrives meanwhile waits for the next round with its time.
    const taken = segment.pending;
    segment.pending = noLines();
    try {
      return await this.write(segment, taken);
    } catch (error) {
      this.lose(taken);
      throw error;
    }
  }

  private async write(segment: Segment, taken: Lines): Promise<boolean> {
    let wrote = false;
    for (const stream of STREAMS) {
      const lines = taken[stream];
      if (lines.length === 0) continue;
      const file = (segment.open[stream] ??= await this.open(segment, stream));
      const bytes = Buffer.concat(lines);
      await file.append(bytes);
      taken[stream] = [];
      this.bufferedBytes -= bytes.length;
      wrote = true;
    }
    return wrote;
  }

  private async open(segment: Segment, stream: Stream): Promise<AppendFile> {
    await this.options.files.makeFolder(this.options.folder);
    return this.options.files.openAppend(`${segment.base}${EXTENSIONS[stream]}`, 0o600);
  }

  /** After a write error: what waits is lost and counted, later frames begin new files. */
  private async discard(error: string): Promise<void> {
    this.options.log.error({ exchange: this.options.exchange, error }, 'recording failed');
    const lost = this.closed ? this.finished.splice(0) : [...this.finished.splice(0), this.segment];
    // Before anything is awaited, so that a frame that arrives meanwhile goes into new files.
    if (!this.closed) this.segment = this.newSegment();
    this.inGap = !this.closed;
    this.lastError ??= error;
    for (const segment of lost) {
      this.lose(segment.pending);
      await closeSegment(segment).catch((again: unknown) => {
        this.options.log.warn({ error: errorText(again) }, 'a recording file could not be closed');
      });
    }
  }

  private lose(lines: Lines): void {
    this.dropped += lines.frames.length;
    for (const stream of STREAMS) {
      this.bufferedBytes -= lines[stream].reduce((sum, line) => sum + line.byteLength, 0);
      lines[stream] = [];
    }
  }
}

const noLines = (): Lines => ({ frames: [], times: [], sent: [], rest: [] });

async function closeSegment(segment: Segment): Promise<void> {
  for (const file of Object.values(segment.open)) {
    await file.sync();
    await file.close();
  }
}
