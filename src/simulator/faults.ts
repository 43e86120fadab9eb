import type { Prng } from './prng.js';

/**
 * What may go wrong with the frames of an exchange, as data (RELIABILITY F2–F11). A fault without `symbol`, `channel` or
 * `connection` concerns all; `count` ends it after so many frames, `probability` (default 1) picks frames.
 */
export interface FrameFault {
  readonly kind:
    | 'drop' // the frame is lost: a gap in the sequence
    | 'duplicate' // sent twice
    | 'reorder' // sent after the one that follows it
    | 'mute' // like drop, for a channel that falls silent while the connection lives
    | 'garbage' // replaced by bytes that are no JSON
    | 'truncate' // cut in the middle
    | 'corrupt'; // one digit is changed
  readonly symbol?: string;
  readonly channel?: string;
  readonly connection?: number;
  readonly probability?: number;
  readonly count?: number;
}

/** Frames of a symbol arrive late; the lag grows by `growth` ms per ms up to `maxDelayMs`, from `sinceMs` on. */
export interface DelayFault {
  readonly symbol: string;
  readonly sinceMs: number;
  readonly growth: number;
  readonly maxDelayMs: number;
}

/** Answers REST calls wrongly. `path` = a prefix; absent = all. */
export interface HttpFault {
  readonly status: 403 | 418 | 429 | 500 | 502 | 503;
  readonly path?: string;
  readonly retryAfterSeconds?: number;
  readonly count?: number;
}

interface Counted<F> {
  readonly id: number;
  readonly fault: F;
  left: number;
}

/** Where a frame belongs, for the faults to choose by. */
export interface FrameOrigin {
  readonly connection: number;
  readonly symbol: string | null;
  readonly channel: string;
}

/** The switches of one exchange. Everything is off at first. */
export class FaultBoard {
  private readonly prng: Prng;
  private frames: Counted<FrameFault>[] = [];
  private http: Counted<HttpFault>[] = [];
  private readonly delays = new Map<string, DelayFault>();
  private readonly halfOpen = new Set<number>();
  private lastId = 0;
  /** Added to every time stamp that the exchange puts on frames and answers, ms. */
  clockSkewMs = 0;
  /** New connections are refused. */
  refuseConnections = false;

  constructor(prng: Prng) {
    this.prng = prng;
  }

  /** Switches a frame fault on; returns the switch that ends it. */
  add(fault: FrameFault): () => void {
    const entry = { id: ++this.lastId, fault, left: fault.count ?? Number.POSITIVE_INFINITY };
    this.frames.push(entry);
    return () => (this.frames = this.frames.filter((other) => other !== entry));
  }

  addHttp(fault: HttpFault): () => void {
    const entry = { id: ++this.lastId, fault, left: fault.count ?? Number.POSITIVE_INFINITY };
    this.http.push(entry);
    return () => (this.http = this.http.filter((other) => other !== entry));
  }

  /** Delays a symbol's frames until `stopDelay`; then everything held back is sent at once, in order. */
  delay(fault: DelayFault): void {
    this.delays.set(fault.symbol, fault);
  }

  stopDelay(symbol: string): void {
    this.delays.delete(symbol);
  }

  /** The connection neither sends nor answers any more, and does not close (F2). */
  makeHalfOpen(connection: number): void {
    this.halfOpen.add(connection);
  }

  /** Forgets what concerns one connection, which is gone. */
  forgetConnection(connection: number): void {
    this.halfOpen.delete(connection);
    this.frames = this.frames.filter((entry) => entry.fault.connection !== connection);
  }

  clear(): void {
    this.frames = [];
    this.http = [];
    this.delays.clear();
    this.halfOpen.clear();
    this.clockSkewMs = 0;
    this.refuseConnections = false;
  }

  isHalfOpen(connection: number): boolean {
    return this.halfOpen.has(connection);
  }

  /** World ms by which a frame sent now is late; 0 = not delayed. */
  delayMs(symbol: string | null, nowMs: number): number {
    const fault = symbol === null ? undefined : this.delays.get(symbol);
    return fault === undefined ? 0 : Math.min(fault.maxDelayMs, (nowMs - fault.sinceMs) * fault.growth);
  }

  /** The fault that hits this frame, used up by one; null = it goes through. */
  takeFrameFault(origin: FrameOrigin): FrameFault['kind'] | null {
    if (this.frames.length === 0) return null;
    const entry = this.frames.find((candidate) => this.hits(candidate.fault, origin));
    if (entry === undefined) return null;
    entry.left--;
    if (entry.left <= 0) this.frames = this.frames.filter((other) => other !== entry);
    return entry.fault.kind;
  }

  /** True when the next call of `path` will be answered by a fault. */
  hasHttpFault(path: string): boolean {
    return this.http.some((candidate) => path.startsWith(candidate.fault.path ?? ''));
  }

  takeHttpFault(path: string): HttpFault | null {
    const entry = this.http.find((candidate) => path.startsWith(candidate.fault.path ?? ''));
    if (entry === undefined) return null;
    entry.left--;
    if (entry.left <= 0) this.http = this.http.filter((other) => other !== entry);
    return entry.fault;
  }

  /** A copy of a frame with one digit changed, at a random place. */
  corrupted(frame: string): string {
    const digits = [...frame.matchAll(/\d/g)];
    const match = digits[this.prng.below(digits.length)];
    if (match === undefined) return frame;
    const other = (Number(match[0]) + 1 + this.prng.below(9)) % 10;
    return `${frame.slice(0, match.index)}${other}${frame.slice(match.index + 1)}`;
  }

  private hits(fault: FrameFault, origin: FrameOrigin): boolean {
    if (fault.symbol !== undefined && fault.symbol !== origin.symbol) return false;
    if (fault.channel !== undefined && fault.channel !== origin.channel) return false;
    if (fault.connection !== undefined && fault.connection !== origin.connection) return false;
    return fault.probability === undefined || this.prng.next() < fault.probability;
  }
}
