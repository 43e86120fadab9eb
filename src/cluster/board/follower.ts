import { subjectOf } from '../../messages/catalogue.js';
import type { BoardWanted } from '../../messages/board.js';
import type { ExchangeId, InstrumentId } from '../../messages/primitives.js';
import type { Delivery, Subscription } from '../../ports/bus.js';
import type { TimerHandle } from '../../ports/time.js';
import { BoardApply, type ApplyCounts } from './apply.js';
import { BOARD_TRACE, type BoardBridgeOptions } from './options.js';
import { Source } from './source.js';

/** Publishers send each 25 ms, so this long a silence is a fault, and no book may be used longer. */
const SILENCE_MS = 1_000;
/** Then the publisher is forgotten. */
const FORGET_MS = 30_000;
const CHECK_MS = 100;
/** What is missing is asked for again after so long, then after twice as long each time. */
const ASK_AGAIN_MS = 500;
const ASK_AGAIN_MOST_MS = 8_000;
/** How often the list of loaded instruments is read again for books that are not in it. */
const RELOAD_MS = 1_000;
/** Publishers of one exchange at a time: two while it moves, the rest is a fault. */
const MOST_SOURCES = 4;

export interface SourceStatistics {
  readonly exchange: ExchangeId;
  readonly node: string;
  readonly boot: number;
  readonly batches: number;
  readonly books: number;
  /** Books that came since the last gap. */
  readonly freshBooks: number;
  readonly isSilent: boolean;
  /** How long the newest batch was on its way. */
  readonly transitMs: number;
}

export interface BoardFollowerStatistics extends ApplyCounts {
  readonly sources: readonly SourceStatistics[];
  readonly batches: number;
  /** Batches refused as a whole: bytes that are none, a number that went back, too many publishers. */
  readonly refusedBatches: number;
  /** Batches that did not come, seen by their numbers. */
  readonly lostBatches: number;
  /** Times that all books of an exchange were asked for. */
  readonly asked: number;
  /** The newest refusal, '' before the first. */
  readonly lastRefusal: string;
}

interface Following {
  readonly exchange: ExchangeId;
  readonly subscription: Subscription;
  /** By node. */
  readonly sources: Map<string, Source>;
  missing: BoardWanted['reason'] | null;
  askNextMs: number;
  askWaitMs: number;
}

/**
 * Writes the books that other nodes publish on this node's quote board, so that readers cannot tell them from its own feeds'. The
 * highest epoch shows, as on any board. Books are distrusted at once when batches are lost, the bus reconnects or the publisher falls
 * silent, restarts or withdraws; each is trusted again when it comes whole, and everything missing is asked for until it came.
 */
export class BoardFollower {
  private readonly options: BoardBridgeOptions;
  private readonly following = new Map<ExchangeId, Following>();
  private readonly apply: BoardApply;
  private known = new Set<InstrumentId>();
  private knownSinceMs = -Infinity;
  private timer: TimerHandle | null = null;
  private wasConnected = true;
  private readonly counts = { batches: 0, refusedBatches: 0, lostBatches: 0, asked: 0, lastRefusal: '' };

  constructor(options: BoardBridgeOptions) {
    this.options = options;
    const isKnown = (instrument: InstrumentId) => this.isKnown(instrument);
    this.apply = new BoardApply(options.board, isKnown, options.isOwn);
  }

  follow(exchange: ExchangeId): void {
    if (this.following.has(exchange)) return;
    const subscription = this.options.bus.subscribe(
      subjectOf('boardBatch', exchange),
      'boardBatch',
      (delivery) => this.received(exchange, delivery),
    );
    const following: Following = {
      exchange,
      subscription,
      sources: new Map(),
      missing: 'joined',
      askNextMs: -Infinity,
      askWaitMs: ASK_AGAIN_MS,
    };
    this.following.set(exchange, following);
    this.askWhatIsMissing(following);
    this.timer ??= this.options.timers.setTimer(() => this.check(), CHECK_MS);
  }

  /** What was followed is distrusted, unless a newer feed of this node shows it by now. */
  unfollow(exchange: ExchangeId): void {
    const following = this.following.get(exchange);
    if (following === undefined) return;
    following.subscription.unsubscribe();
    this.following.delete(exchange);
    for (const source of following.sources.values()) this.apply.release(source);
    if (this.following.size > 0 || this.timer === null) return;
    this.options.timers.clearTimer(this.timer);
    this.timer = null;
  }

  /** True while a publisher of the exchange is heard and all its books came since the last loss. */
  isFresh(exchange: ExchangeId): boolean {
    const sources = this.following.get(exchange)?.sources.values() ?? [];
    return [...sources].some((source) => !source.isSilent && source.books > 0 && source.isWhole);
  }

  close(): void {
    for (const exchange of [...this.following.keys()]) this.unfollow(exchange);
  }

  statistics(): BoardFollowerStatistics {
    const sources = [...this.following.values()].flatMap(({ exchange, sources }) =>
      [...sources.values()].map(({ node, boot, number, books, freshBooks, isSilent, transit }) => ({
        ...{ exchange, node, boot, books, freshBooks, isSilent },
        batches: number,
        transitMs: transit.lastMs,
      })),
    );
    return { sources, ...this.counts, ...this.apply.counts };
  }

  private received(exchange: ExchangeId, { message, sender, sentAtMs }: Delivery<'boardBatch'>): void {
    const following = this.following.get(exchange);
    if (following === undefined || sender === this.options.node) return;
    this.counts.batches++;
    const { clock } = this.options;
    const { reader } = this.apply;
    const nowMs = clock.monotonicMs();
    const fault = reader.open(message.bytes);
    if (fault !== null) {
      this.refuse(`${exchange} from ${sender}: ${fault}`);
      return;
    }
    const source = this.sourceOf(following, sender, nowMs);
    if (source === null) return;
    if (reader.isWithdrawn) {
      this.forget(following, source);
      return;
    }
    const wallNowMs = clock.nowMs();
    const transitMs = source.transit.measure(reader.sentMonotonicMs, nowMs, wallNowMs - sentAtMs);
    source.heardMs = nowMs;
    source.books = reader.books;
    this.apply.batch(source, { exchange, nowMs, wallNowMs, transitMs });
    this.judge(following, 'unknown-book');
  }

  /** Asks for what any living publisher has not sent; `reason` where none is known yet. */
  private judge(following: Following, reason: BoardWanted['reason']): void {
    if ([...following.sources.values()].every((source) => source.isSilent || source.isWhole)) {
      following.missing = null;
      following.askWaitMs = ASK_AGAIN_MS;
      return;
    }
    following.missing ??= reason;
    this.askWhatIsMissing(following);
  }

  /** The publication that the batch belongs to, brought up to it; null = the batch is refused. */
  private sourceOf(following: Following, node: string, nowMs: number): Source | null {
    const { reader } = this.apply;
    const known = following.sources.get(node);
    if (known === undefined || known.boot < reader.boot) return this.newSource(following, node, nowMs);
    if (known.boot > reader.boot || reader.number <= known.number || reader.books < known.books) {
      this.refuse(`${following.exchange} from ${node}: batch ${reader.number} after ${known.number}`);
      return null;
    }
    const lost = reader.number - known.number - 1;
    known.number = reader.number;
    if (lost > 0 || known.isSilent) {
      this.counts.lostBatches += lost;
      this.apply.distrust(known);
      this.miss(following, known.isSilent ? 'silence' : 'gap');
      known.isSilent = false;
    }
    return known;
  }

  private newSource(following: Following, node: string, nowMs: number): Source | null {
    const { reader } = this.apply;
    const before = following.sources.get(node);
    if (before !== undefined) this.forget(following, before);
    if (following.sources.size >= MOST_SOURCES) {
      this.refuse(`${following.exchange} from ${node}: ${MOST_SOURCES} other nodes publish it`);
      return null;
    }
    const source = new Source(node, { boot: reader.boot, number: reader.number, nowMs });
    following.sources.set(node, source);
    this.miss(following, 'joined');
    return source;
  }

  /** Something new is missing, so waiting for former answers counts no more. */
  private miss(following: Following, reason: BoardWanted['reason']): void {
    following.missing = reason;
    following.askWaitMs = ASK_AGAIN_MS;
    following.askNextMs = Math.min(following.askNextMs, this.options.clock.monotonicMs() + ASK_AGAIN_MS);
  }

  private forget(following: Following, source: Source): void {
    following.sources.delete(source.node);
    this.release(following, source);
  }

  /** The books of a publisher that is gone may be shown by another one that still sends them, so those are wanted again. */
  private release(following: Following, source: Source): void {
    this.apply.release(source);
    for (const other of following.sources.values()) {
      if (other === source || other.isSilent) continue;
      other.lostAll();
      this.miss(following, 'silence');
    }
  }

  private refuse(why: string): void {
    this.counts.refusedBatches++;
    this.counts.lastRefusal = why;
  }

  private isKnown(instrument: InstrumentId): boolean {
    if (this.known.has(instrument)) return true;
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.knownSinceMs < RELOAD_MS) return false;
    this.knownSinceMs = nowMs;
    this.known = new Set(this.options.instruments().map(({ id }) => id));
    return this.known.has(instrument);
  }

  private check(): void {
    this.timer = this.options.timers.setTimer(() => this.check(), CHECK_MS);
    const nowMs = this.options.clock.monotonicMs();
    const isConnected = this.options.bus.statistics().state === 'connected';
    const isCut = this.wasConnected && !isConnected;
    this.wasConnected = isConnected;
    for (const following of this.following.values()) {
      for (const source of [...following.sources.values()]) {
        const silentMs = nowMs - source.heardMs;
        if (silentMs > FORGET_MS) this.forget(following, source);
        else if ((silentMs > SILENCE_MS || isCut) && !source.isSilent) {
          source.isSilent = true;
          this.release(following, source);
        } else if (source.lostStrangers((name) => this.isKnown(name))) this.miss(following, 'unknown-book');
      }
      this.askWhatIsMissing(following);
    }
  }

  private askWhatIsMissing(following: Following): void {
    const { bus, clock, node } = this.options;
    const nowMs = clock.monotonicMs();
    if (following.missing === null || nowMs < following.askNextMs) return;
    following.askNextMs = nowMs + following.askWaitMs;
    following.askWaitMs = Math.min(ASK_AGAIN_MOST_MS, following.askWaitMs * 2);
    this.counts.asked++;
    const { exchange, missing: reason } = following;
    bus.publish(subjectOf('boardWanted', exchange), 'boardWanted', { exchange, node, reason }, BOARD_TRACE);
  }
}
