import type { Detector, DetectorEffect } from '../detectors/detector.js';
import { bestLives } from '../detectors/opportunity-life.js';
import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { InstrumentStateChanged } from '../messages/feed.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { Strategy } from '../messages/primitives.js';
import type { Verdict } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { ActorBehaviour, ActorContext, ActorDefinition } from '../runtime/actor.js';
import { DetectorNews, refusalOf } from './detector-news.js';

/**
 * What the detectors' actors have in common. Feeds mark slots of the board dirty; however many do so before the next turn, one
 * wake-up message waits, and every dirty slot is looked at once. What an edge is worth is decided in the detector.
 */
export interface DetectorShellOptions<D extends Detector> {
  readonly bus: Bus;
  readonly board: QuoteBoard;
  /** As they are known now. */
  readonly instruments: readonly Instrument[];
  readonly strategy: Strategy;
  /** Whether the slot of a market that has changed is this detector's; absent = all are. */
  readonly reads?: (detector: D, slot: number) => boolean;
  readonly make: (nextId: (prefix: string) => string) => D;
  /** Takes what is held; absent = nothing of the detector hangs on it, and it is not listened for. */
  readonly hold?: (detector: D, holdings: BalancesChanged['holdings']) => void;
  /** Figures of its own, for people. */
  readonly figures: (detector: D) => Readonly<Record<string, unknown>>;
}

export type DetectorMessage =
  | { readonly kind: 'dirty' }
  | { readonly kind: 'sweep' }
  | { readonly kind: 'instruments'; readonly instruments: readonly Instrument[] }
  | { readonly kind: 'instrumentState'; readonly changed: InstrumentStateChanged }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'holdings'; readonly holdings: BalancesChanged['holdings'] }
  | { readonly kind: 'closed'; readonly closed: ArbitrageClosed };

const MAILBOX = 4_096;
/** How many of the best lives are shown. */
const SHOWN_LIVES = 20;
/** Books also age when nothing arrives. */
const SWEEP_MS = 250;

/** Mailbox and time limit of a detector's actor. */
export const DETECTOR_ACTOR: Pick<ActorDefinition<DetectorMessage>, 'mailbox' | 'handlerTimeoutMs'> = {
  mailbox: {
    capacity: MAILBOX,
    policyOf: ({ kind }) =>
      kind === 'dirty' || kind === 'sweep' || kind === 'holdings'
        ? { kind: 'conflate', key: kind }
        : { kind: 'dropOldest' },
  },
  handlerTimeoutMs: 2_000,
};

export class DetectorShell<D extends Detector> implements ActorBehaviour<DetectorMessage> {
  private readonly options: DetectorShellOptions<D>;
  private readonly bus: Bus;
  private readonly context: ActorContext<DetectorMessage>;
  private readonly detector: D;
  private readonly dirty = new Set<number>();
  private woken = false;
  private looks = 0;
  private readonly news: DetectorNews;

  constructor(options: DetectorShellOptions<D>, context: ActorContext<DetectorMessage>) {
    const { bus, board } = options;
    this.options = options;
    this.bus = bus;
    this.news = new DetectorNews(bus);
    this.context = context;
    this.detector = options.make((prefix) => context.ids.next(prefix));
    context.onEnd(board.onDirty((slot) => this.note(slot)));
    // What was published before this incarnation lived counts as new.
    for (const slot of this.detector.slots) this.note(slot);
    this.subscribe();
    context.every('sweep', SWEEP_MS, { kind: 'sweep' });
  }

  private subscribe(): void {
    const { self } = this.context;
    const subscriptions = [
      this.bus.subscribe('risk.verdict.*', 'verdict', ({ message }) => {
        self.tell({ kind: 'verdict', verdict: message });
      }),
      this.bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => {
        self.tell({ kind: 'closed', closed: message });
      }),
      this.bus.subscribe('feed.instrument.*', 'instrumentStateChanged', ({ message }) => {
        self.tell({ kind: 'instrumentState', changed: message });
      }),
    ];
    if (this.options.hold !== undefined)
      subscriptions.push(
        this.bus.subscribe('ledger.balances', 'balancesChanged', ({ message }) => {
          self.tell({ kind: 'holdings', holdings: message.holdings });
        }),
      );
    for (const subscription of subscriptions) this.context.onEnd(() => subscription.unsubscribe());
  }

  /** Called by the feed that publishes; it only notes the slot. */
  private note(slot: number): void {
    if (this.options.reads?.(this.detector, slot) === false) return;
    this.dirty.add(slot);
    if (this.woken) return;
    this.woken = true;
    this.context.self.tell({ kind: 'dirty' });
  }

  handle(message: DetectorMessage): void {
    const nowMs = this.context.clock.nowMs();
    switch (message.kind) {
      case 'dirty':
        return this.look(nowMs);
      case 'sweep':
        return this.send(this.detector.sweep(nowMs, this.context.clock.monotonicMs()));
      case 'instruments':
        return this.send(this.detector.replaceInstruments(message.instruments, nowMs));
      case 'instrumentState':
        return this.instrumentChanged(message.changed, nowMs);
      case 'verdict':
        return this.answered(message.verdict, nowMs);
      case 'holdings':
        return this.options.hold?.(this.detector, message.holdings);
      case 'closed':
        return this.closed(message.closed, nowMs);
    }
  }

  private look(nowMs: number): void {
    this.woken = false;
    const monotonicMs = this.context.clock.monotonicMs();
    const slots = [...this.dirty];
    this.dirty.clear();
    for (const slot of slots) {
      this.looks++;
      this.send(this.detector.onSlotDirty(slot, nowMs, monotonicMs));
    }
  }

  /** The rules are where all instruments are kept; the message says the state, also where that is another node's. */
  private instrumentChanged({ instrument: id, state }: InstrumentStateChanged, nowMs: number): void {
    const found = this.options.instruments.find((one) => one.id === id);
    if (found === undefined) return;
    const monotonicMs = this.context.clock.monotonicMs();
    this.send(this.detector.instrumentChanged({ ...found, state }, nowMs, monotonicMs));
  }

  private answered(verdict: Verdict, nowMs: number): void {
    if (verdict.decision === 'approved') return;
    const { reason, detail } = refusalOf(verdict);
    this.send(this.detector.markRefused(verdict.opportunityId, reason, detail, nowMs));
  }

  /** One fill per life: whatever filled ends the offer; when nothing did, the edge may be offered again. */
  private closed(closed: ArbitrageClosed, nowMs: number): void {
    const filled = /[1-9]/.test(closed.boughtQuantity) || /[1-9]/.test(closed.soldQuantity);
    const { opportunityId, outcome } = closed;
    this.send(
      filled
        ? this.detector.markExecuted(opportunityId, nowMs)
        : this.detector.markMissed(opportunityId, 'NOT_FILLED', `the arbitrage ended ${outcome}`, nowMs),
    );
  }

  private send(effects: readonly DetectorEffect[]): void {
    for (const effect of effects) this.news.send(effect);
  }

  summary() {
    return {
      strategy: this.options.strategy,
      ...this.options.figures(this.detector),
      openLives: this.detector.openLives,
      looks: this.looks,
      ...this.news.figures(),
      // What `arbot scan` shows.
      best: bestLives(this.detector.current(), SHOWN_LIVES, this.context.clock.nowMs()),
    };
  }
}
