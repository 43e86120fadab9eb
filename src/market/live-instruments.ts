import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import { changedRules } from './instrument-changes.js';
import type { Instrument, InstrumentState } from './instrument.js';

/** What became of an instrument, and why in the exchange's or our words. */
export interface InstrumentChange {
  readonly instrument: Instrument;
  readonly reason: string;
}

/** An exchange's answer: what it lists, and what could not be read of it. */
export interface InstrumentAnswer {
  readonly instruments: readonly Instrument[];
  readonly refused: readonly { readonly symbol: string; readonly reason: string }[];
  /** Monotonic ms at which it was asked for. */
  readonly askedMs: number;
  /** False = only followed instruments were asked for. */
  readonly isWhole: boolean;
  /** The exchange tells only by notices whether a market trades (`ConnectorRest.listOmitsHalts`). */
  readonly omitsHalts?: boolean;
}

interface Notice {
  readonly state: InstrumentState;
  readonly atMs: number;
}

/** A notice on the socket is believed against lists that were asked for up to this much later: they may be cached there. */
const NOTICE_MS = 30_000;

/**
 * The instruments that a node follows, as they are now: loaded at the start, refreshed from the exchanges' lists, corrected at
 * once by notices. Readers ask for them when they start and when they hear of a change. Times are monotonic ms of the caller.
 */
export class LiveInstruments {
  private readonly followed = new Map<InstrumentId, Instrument>();
  private readonly notices = new Map<InstrumentId, Notice>();
  private readonly listed = new Map<ExchangeId, Set<InstrumentId>>();
  private readonly refreshedMs = new Map<ExchangeId, number>();

  /** What is followed of an exchange, as its list said at the start. */
  follow(instruments: readonly Instrument[]): void {
    for (const instrument of instruments) this.followed.set(instrument.id, instrument);
  }

  all(): readonly Instrument[] {
    return [...this.followed.values()];
  }

  of(exchange: ExchangeId): readonly Instrument[] {
    return this.all().filter((instrument) => instrument.exchange === exchange);
  }

  get(id: InstrumentId): Instrument | undefined {
    return this.followed.get(id);
  }

  /** Ms since the exchange's list was last taken; null before the first refresh. */
  ageMs(exchange: ExchangeId, nowMs: number): number | null {
    const takenMs = this.refreshedMs.get(exchange);
    return takenMs === undefined ? null : nowMs - takenMs;
  }

  /** A notice of the exchange; null when it says nothing new, or of an instrument that is not followed. */
  notice(id: InstrumentId, state: InstrumentState, reason: string, nowMs: number): InstrumentChange | null {
    const known = this.followed.get(id);
    if (known === undefined) return null;
    this.notices.set(id, { state, atMs: nowMs });
    if (known.state === state) return null;
    return this.set({ ...known, state }, reason);
  }

  /** Takes an exchange's list: what changed of the followed instruments. What is listed no longer is halted. */
  refresh(exchange: ExchangeId, answer: InstrumentAnswer, nowMs: number): readonly InstrumentChange[] {
    this.refreshedMs.set(exchange, nowMs);
    const answered = new Map(answer.instruments.map((one) => [one.id, one]));
    return this.of(exchange).flatMap((known) => {
      const next = answered.get(known.id);
      const change = next === undefined ? this.missing(known, answer) : this.compared(known, next, answer);
      return change === null ? [] : [change];
    });
  }

  /** Instruments that are neither followed nor were in the whole list before. */
  newlyListed(exchange: ExchangeId, { instruments, isWhole }: InstrumentAnswer): readonly Instrument[] {
    if (!isWhole) return [];
    const before = this.listed.get(exchange);
    this.listed.set(exchange, new Set(instruments.map(({ id }) => id)));
    return instruments.filter(({ id }) => !this.followed.has(id) && before?.has(id) !== true);
  }

  private compared(
    known: Instrument,
    next: Instrument,
    { askedMs, omitsHalts }: InstrumentAnswer,
  ): InstrumentChange | null {
    const notice = this.notices.get(known.id);
    const isNoticed = notice !== undefined && (omitsHalts === true || askedMs < notice.atMs + NOTICE_MS);
    if (!isNoticed) this.notices.delete(known.id);
    const state = isNoticed ? notice.state : next.state;
    const reasons = [...(state === known.state ? [] : [`listed as ${state}`]), ...changedRules(known, next)];
    return reasons.length === 0 ? null : this.set({ ...next, state }, reasons.join(', '));
  }

  private missing(known: Instrument, { refused }: InstrumentAnswer): InstrumentChange | null {
    const problem = refused.find(({ symbol }) => symbol === known.symbol);
    const state = problem === undefined ? 'halted' : 'unknown';
    if (known.state === state) return null;
    const reason = problem === undefined ? 'no longer listed' : `its rules cannot be read: ${problem.reason}`;
    return this.set({ ...known, state }, reason);
  }

  private set(instrument: Instrument, reason: string): InstrumentChange {
    this.followed.set(instrument.id, instrument);
    return { instrument, reason: reason.slice(0, 300) };
  }
}
