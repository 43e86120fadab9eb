import type { ArbotError } from '../messages/errors.js';
import type { FeedState, InstrumentState, TradePrint } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { RestRequest } from './base.js';
import { FeedLine, type LineEvents, type LineParts } from './feed-line.js';
import type { FeedInstrument, SymbolFeed } from './feed-symbol.js';
import { RecentTrades } from '../market/recent-trades.js';

/** How a connection is replaced while it still serves. */
export interface RolloverPolicy {
  /** False: a connection is dropped and opened anew instead, e.g. while its raw frames are recorded. */
  readonly overlap: boolean;
  /** Both connections live no longer than this. */
  readonly maxOverlapMs: number;
  /** From here on a symbol is switched by its book alone, without its best quote. */
  readonly strictMs: number;
  /** After one that did not come about, and between two. */
  readonly retryMs: number;
}

export const DEFAULT_ROLLOVER: RolloverPolicy = {
  overlap: true,
  maxOverlapMs: 600_000,
  strictMs: 20_000,
  retryMs: 60_000,
};

/** What a shard asks of the exchange's feed. `lineId` names the connection that an answer goes to. */
export interface ShardEffects {
  newLineId(): number;
  /** Grows with each call: whoever speaks for a symbol last has the largest. */
  newEpoch(): number;
  ticket(lineId: number, attempt: number): void;
  request(lineId: number, id: number, request: RestRequest): void;
  /** `instrument` null = this connection. */
  status(instrument: InstrumentId | null, state: FeedState, reason: string): void;
  instrumentState(instrument: InstrumentId, state: InstrumentState, reason: string): void;
  trade(print: TradePrint): void;
  fail(error: ArbotError): void;
  connected(): void;
  sent(frame: string): void;
  received(wallMs: number, data: Buffer, isBinary: boolean): void;
  taken(): void;
}

/** How long after a switch trades are told apart by their ids. */
const DOUBLED_MS = 10_000;

interface Rollover {
  readonly line: FeedLine;
  readonly reason: string;
  readonly startedMs: number;
  /** Names of symbols that the old connection still speaks for. */
  readonly pending: Set<string>;
}

/**
 * Some symbols of an exchange on one connection of their own. Before the exchange ends that connection, the next one is opened
 * beside it and synchronises its books; each symbol moves over when its new book is trusted and not older, so that there is no
 * moment without a trusted book; then the old one is closed. What fails on the way leaves the old one in charge.
 */
export class FeedShard {
  private readonly instruments: readonly FeedInstrument[];
  private readonly parts: LineParts;
  private readonly effects: ShardEffects;
  private readonly policy: RolloverPolicy;
  private readonly trades = new RecentTrades();
  private active: FeedLine;
  private rollover: Rollover | null = null;
  /** Asked for while none could begin. */
  private wanted: string | null = null;
  private notBeforeMs = -Infinity;
  /** The new connection may still bring trades that the old one brought before it was closed. */
  private doubledUntilMs = -Infinity;
  private rollovers = 0;
  private abandoned = 0;

  constructor(
    instruments: readonly FeedInstrument[],
    parts: LineParts,
    effects: ShardEffects,
    policy: RolloverPolicy,
  ) {
    this.instruments = instruments;
    this.parts = parts;
    this.effects = effects;
    this.policy = policy;
    this.active = this.newLine(effects.newEpoch());
  }

  /** The connection that speaks for the shard. */
  get line(): FeedLine {
    return this.active;
  }

  /** Its connections by id: one, or two while one replaces the other. */
  lineOf(id: number): FeedLine | undefined {
    return this.lines().find((line) => line.id === id);
  }

  start(): void {
    this.active.manager.start();
  }

  stop(reason: string): void {
    this.endRollover();
    this.active.manager.stop();
    this.active.feed.closed(reason, this.nowMs());
  }

  /** Nobody may use its books any more. No effect is asked for. */
  abandon(): void {
    for (const line of this.lines()) line.feed.abandon();
  }

  /** Drops the connection and opens a new one. */
  recycle(reason: string): void {
    this.giveBack();
    this.endRollover();
    this.active.manager.reconnect(reason);
  }

  tick(): void {
    for (const line of this.lines()) line.tick();
    this.moveOver();
    this.judgeRollover();
    if (this.wanted !== null && this.rollover === null && this.nowMs() >= this.notBeforeMs)
      this.begin(this.wanted);
  }

  flush(): void {
    this.active.feed.flush();
    if (this.rollover === null) return;
    this.rollover.line.feed.flush();
    this.moveOver();
  }

  summary(): Readonly<Record<string, unknown>> {
    return {
      ...this.active.manager.summary(),
      symbols: this.instruments.length,
      rollovers: this.rollovers,
      rolloversAbandoned: this.abandoned,
      rollingOver:
        this.rollover === null ? null : { reason: this.rollover.reason, left: this.rollover.pending.size },
    };
  }

  private lines(): FeedLine[] {
    return this.rollover === null ? [this.active] : [this.active, this.rollover.line];
  }

  private newLine(epoch: number | null): FeedLine {
    return new FeedLine(this.effects.newLineId(), this.instruments, epoch, this.parts, this.lineEvents());
  }

  private lineEvents(): LineEvents {
    const { effects } = this;
    return {
      ticket: (line, attempt) => effects.ticket(line.id, attempt),
      request: (line, id, request) => effects.request(line.id, id, request),
      status: (line, instrument, state, reason) => {
        if (instrument !== null || line === this.active) effects.status(instrument, state, reason);
      },
      instrumentState: (instrument, state, reason) => effects.instrumentState(instrument, state, reason),
      trade: (print) => this.trade(print),
      opened: () => effects.connected(),
      closing: (line) => this.closing(line),
      renew: (line, reason) => this.renew(line, reason),
      fail: (line, error) => this.failed(line, error),
      received: (wallMs, data, isBinary) => effects.received(wallMs, data, isBinary),
      taken: () => effects.taken(),
      sent: (frame) => effects.sent(frame),
    };
  }

  /** While two connections bring the same trades, each is told once, whichever comes first. */
  private trade(print: TradePrint): void {
    const isDoubled = this.rollover !== null || this.nowMs() < this.doubledUntilMs;
    if (!isDoubled || this.trades.isNew(print.instrument, print.tradeId)) this.effects.trade(print);
  }

  private renew(line: FeedLine, reason: string): void {
    if (!this.policy.overlap) return line.manager.reconnect(reason);
    if (this.rollover !== null && line === this.active) return;
    this.wanted = reason;
    if (this.rollover === null && this.nowMs() >= this.notBeforeMs) this.begin(reason);
  }

  private begin(reason: string): void {
    this.wanted = null;
    const line = this.newLine(null);
    const pending = new Set(this.instruments.map(({ symbol }) => symbol));
    this.rollover = { line, reason, startedMs: this.nowMs(), pending };
    this.trades.clear();
    line.manager.start();
  }

  /** Symbols whose new book is as good as the old one. */
  private moveOver(): void {
    const { rollover } = this;
    if (rollover === null || !rollover.line.isOpen || rollover.pending.size === 0) return;
    const isStrict = this.nowMs() - rollover.startedMs < this.policy.strictMs;
    for (const name of rollover.pending) {
      const next = rollover.line.feed.follow(name)!;
      if (!next.depth.trusted) continue;
      const old = this.active.feed.follow(name)!;
      if (old.depth.trusted && !isNotOlder(next, old, isStrict)) continue;
      rollover.pending.delete(name);
      this.handOver(name, this.active, rollover.line);
    }
    if (rollover.pending.size === 0) this.promote();
  }

  private judgeRollover(): void {
    const { rollover } = this;
    if (rollover === null) return;
    const ageMs = this.nowMs() - rollover.startedMs;
    const { noSnapshotMs } = this.parts.connector.capabilities.watchdogs;
    const isWaiting = [...rollover.pending].some((name) => this.active.feed.follow(name)!.depth.trusted);
    if (ageMs < this.policy.maxOverlapMs && (isWaiting || ageMs < noSnapshotMs || !rollover.line.isOpen))
      return;
    // What is left had no good book on the old connection, or waited long enough for one on the new.
    if (rollover.line.isOpen) this.promote();
    else this.giveUpRollover();
  }

  /** The new connection takes over whatever is left, and the old one is closed. */
  private promote(): void {
    const { rollover, active } = this;
    if (rollover === null) return;
    for (const name of rollover.pending) this.handOver(name, active, rollover.line);
    rollover.line.feed.inherit(active.feed);
    this.active = rollover.line;
    this.rollover = null;
    this.rollovers++;
    this.notBeforeMs = this.nowMs() + this.policy.retryMs;
    this.doubledUntilMs = this.nowMs() + DOUBLED_MS;
    active.manager.stop();
    const { state, reason } = this.active.feed.standing;
    this.effects.status(null, state, reason);
  }

  private handOver(name: string, from: FeedLine, to: FeedLine): void {
    const old = from.feed.follow(name)!;
    old.epoch = null;
    to.feed.grant(to.feed.follow(name)!, this.effects.newEpoch(), old.state);
  }

  private closing(line: FeedLine): void {
    const { rollover } = this;
    if (line === rollover?.line) return this.giveBack();
    this.wanted = null;
    // The old one went first: whatever the new one has is better than nothing.
    if (line === this.active) this.promote();
  }

  /** The old connection speaks for all symbols again. */
  private giveBack(): void {
    const { rollover } = this;
    if (rollover === null) return;
    for (const { symbol } of this.instruments) {
      if (rollover.pending.has(symbol)) continue;
      rollover.pending.add(symbol);
      this.handOver(symbol, rollover.line, this.active);
    }
  }

  private giveUpRollover(): void {
    const { rollover } = this;
    if (rollover === null) return;
    this.giveBack();
    this.endRollover();
    this.abandoned++;
    this.wanted = rollover.reason;
    this.notBeforeMs = this.nowMs() + this.policy.retryMs;
  }

  private endRollover(): void {
    const { rollover } = this;
    this.rollover = null;
    rollover?.line.manager.stop();
  }

  private failed(line: FeedLine, error: ArbotError): void {
    if (line === this.rollover?.line) this.giveUpRollover();
    else if (line === this.active) this.effects.fail(error);
  }

  private nowMs(): number {
    return this.parts.clock.monotonicMs();
  }
}

/** By the exchange's own order where it has one on both connections, else by its clock. */
function isNotOlder(next: SymbolFeed, old: SymbolFeed, withQuotes: boolean): boolean {
  const ours = withQuotes ? next.publishedOrder : next.depth.order;
  const theirs = withQuotes ? old.publishedOrder : old.depth.order;
  const isOrdered = !Number.isNaN(ours) && !Number.isNaN(theirs);
  return isOrdered ? ours >= theirs : next.depth.exchangeTimeMs >= old.depth.exchangeTimeMs;
}
