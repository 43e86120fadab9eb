import type { Strategy } from '../messages/primitives.js';
import type { OpportunityEvent } from '../messages/signal.js';
import { roundForMessage, toText, type Decimal, ZERO } from '../market/decimal.js';

/**
 * open: seen, not yet tradeable · signalled: offered to the gate, answer awaited · refused: the gate or the saga declined ·
 * executed: traded, never again in this life.
 */
export type LifeState = 'open' | 'signalled' | 'refused' | 'executed';

/** Who and what an opportunity is; the same in each of its events. */
export interface OpportunityIdentity {
  readonly opportunityId: string;
  readonly pair: string;
  readonly buyExchange: string;
  readonly sellExchange: string;
  readonly openedAtMs: number;
  /** Absent = `spatial`. */
  readonly strategy?: Strategy;
  /** As in the event; absent = the two exchanges say it. */
  readonly route?: string;
}

/** What the newest look at it said. */
export interface EdgeNow {
  readonly grossBps: number;
  readonly netBps: number;
  readonly quantity: Decimal;
  readonly net: Decimal;
}

/** Why it is not traded now, or that it was. */
type Standing = Pick<OpportunityEvent, 'phase' | 'reason' | 'detail'>;

/** Repeated events per life; a life may last for days. */
const MAX_REPEATS = 8;

/** One life of an opportunity, from its edge opening to its closing, and the events that tell of it (bounded). */
export class OpportunityLife {
  readonly identity: OpportunityIdentity;
  state: LifeState = 'open';
  /** Profit and time of the last refusal by gate or saga. */
  refusedNet: Decimal = ZERO;
  refusedAtMs = 0;
  /** Why the detector itself does not offer it; '' = not judged yet. */
  obstacle = '';
  /** What the float64 walk said at the last exact look. */
  private sizedProfit = NaN;
  private sizedQuantity = NaN;
  private latest: EdgeNow;
  private reportedGrossBps: number;
  private obstacleReports = 0;
  private improvementReports = 0;
  private standing: Standing = { phase: 'opened', reason: 'EDGE_OPENED', detail: '' };

  constructor(identity: OpportunityIdentity, edge: EdgeNow) {
    this.identity = identity;
    this.latest = edge;
    this.reportedGrossBps = edge.grossBps;
  }

  opened(): OpportunityEvent {
    return this.event('opened', 'EDGE_OPENED', '', this.identity.openedAtMs);
  }

  /** Notes the newest edge; an event when it grew by `factor` since last told, at most eight times. */
  improved(edge: EdgeNow, factor: number, atMs: number): OpportunityEvent | null {
    this.latest = edge;
    if (this.improvementReports >= MAX_REPEATS || !(edge.grossBps > this.reportedGrossBps * factor))
      return null;
    this.improvementReports++;
    this.reportedGrossBps = edge.grossBps;
    return this.event('improved', 'EDGE_GREW', '', atMs);
  }

  /** The detector's own reason not to offer it; told when it changes, at most eight times. */
  obstructed(reason: string, detail: string, atMs: number): OpportunityEvent | null {
    this.standing = { phase: 'refused', reason, detail };
    if (reason === this.obstacle) return null;
    this.obstacle = reason;
    if (this.obstacleReports >= MAX_REPEATS) return null;
    this.obstacleReports++;
    return this.event('refused', reason, detail, atMs);
  }

  /** False when the float64 walk says what it said at the last exact look, which then need not be repeated. */
  isNews(profit: number, quantity: number): boolean {
    if (profit === this.sizedProfit && quantity === this.sizedQuantity) return false;
    this.sizedProfit = profit;
    this.sizedQuantity = quantity;
    return true;
  }

  /** The next look must be exact again: something else than the size decided in between. */
  forgetSizing(): void {
    this.sizedProfit = NaN;
    this.sizedQuantity = NaN;
  }

  /** It was offered with these figures. */
  offered(edge: EdgeNow): void {
    this.latest = edge;
    this.state = 'signalled';
    this.standing = { phase: 'opened', reason: 'OFFERED', detail: '' };
    this.obstacle = '';
  }

  /** It would be offered with these figures, were the strategy not only watched. */
  watched(edge: EdgeNow, atMs: number): OpportunityEvent | null {
    this.latest = edge;
    const detail = `strategies.${this.identity.strategy ?? 'spatial'} is watch`;
    return this.obstructed('WATCH_ONLY', detail, atMs);
  }

  executed(atMs: number): OpportunityEvent {
    this.state = 'executed';
    this.standing = { phase: 'executed', reason: 'EXECUTED', detail: '' };
    return this.event('executed', 'EXECUTED', '', atMs);
  }

  /** Declined after it was offered: by the gate (`refused`) or because nothing filled (`missed`). */
  declined(phase: 'refused' | 'missed', reason: string, detail: string, atMs: number): OpportunityEvent {
    this.state = 'refused';
    this.standing = { phase, reason, detail };
    this.refusedAtMs = atMs;
    this.refusedNet = this.latest.net;
    this.forgetSizing();
    return this.event(phase, reason, detail, atMs);
  }

  closed(reason: string, atMs: number): OpportunityEvent {
    return this.event('closed', reason, '', atMs);
  }

  /** Net edge at the last look, in bps of what is spent. */
  get netBps(): number {
    return this.latest.netBps;
  }

  /** As it stands: the newest figures, and why it is not traded. Told to nobody, but shown to whoever asks. */
  asItStands(atMs: number): OpportunityEvent {
    const { phase, reason, detail } = this.standing;
    return this.event(phase, reason, detail, atMs);
  }

  private event(
    phase: OpportunityEvent['phase'],
    reason: string,
    detail: string,
    atMs: number,
  ): OpportunityEvent {
    const { opportunityId, pair, buyExchange, sellExchange, openedAtMs } = this.identity;
    const { strategy = 'spatial', route } = this.identity;
    const { grossBps, netBps, quantity, net } = this.latest;
    return {
      opportunityId,
      pair,
      buyExchange,
      sellExchange,
      openedAtMs,
      phase,
      strategy,
      ...(route !== undefined && { route }),
      grossBps,
      netBps,
      quantity: textDown(quantity),
      netProfit: textDown(net),
      reason: reason.slice(0, 64),
      detail: detail.slice(0, 300),
      atMs,
    };
  }
}

/** The lives of the largest net edge, the largest first, as they stand. */
export function bestLives(
  lives: readonly OpportunityLife[],
  limit: number,
  atMs: number,
): OpportunityEvent[] {
  return [...lives]
    .sort((a, b) => b.netBps - a.netBps)
    .slice(0, limit)
    .map((life) => life.asItStands(atMs));
}

const textDown = (value: Decimal): string => (value === ZERO ? '0' : toText(roundForMessage(value, 'down')));
