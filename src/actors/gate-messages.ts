import type { Instrument } from '../market/instrument.js';
import type { QuoteBoard } from '../market/quote-board.js';
import type { RecoveryAnswer, SubmitLeg } from '../messages/order.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { ControlRisk, LimitOverrides, LimitsChanged } from '../messages/risk-control.js';
import type { Signal } from '../messages/signal.js';
import type { Bus } from '../ports/bus.js';
import type { LedgerStore, SettingsStore, SignalStore, TradeStore } from '../ports/stores.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import type { GateEvent } from '../risk/gate.js';
import type { KillSwitch } from '../risk/kill-switch.js';
import type { RiskLimits } from '../risk/limits.js';
import type { RecoveryFacts } from '../risk/recovery-permit.js';
import type { RiskView } from '../risk/readings.js';
import type { Reply } from '../runtime/actor.js';
import type { RetryBackoff } from './backoff.js';
import type { HaltMemory } from './halt-memory.js';
import type { RecordInput } from './recording.js';

export interface GateActorOptions {
  readonly bus: Bus;
  /** Of the node whose holds count: whatever may hold this gate runs beside it. Absent = of every sender. */
  readonly node?: string;
  /** Sources of holds that have to speak before anything new is risked. */
  readonly heldUntilHeard?: readonly string[];
  readonly board: QuoteBoard;
  readonly instruments: readonly Instrument[];
  /** Of the file. */
  readonly limits: RiskLimits;
  /** The same with what a person changed since. Throws ARB_CONFIG_INVALID when the two do not fit together. */
  readonly limitsWith: (overrides: LimitOverrides) => RiskLimits;
  /** Marks approvals as this gate's own. */
  readonly seal: VerdictSeal;
  readonly settings: SettingsStore;
  /** What this process knows of the kill switch whatever became of the store. */
  readonly halts: HaltMemory;
  readonly trades: TradeStore;
  /** Which opportunity an unfinished arbitrage belongs to. */
  readonly signals: SignalStore;
  /** What is held at the start; from then on the ledger actor tells. */
  readonly ledger: LedgerStore;
  readonly retry: RetryBackoff;
  /** Exchange clock − local clock, ms; 0 where it is not measured. */
  readonly clockOffsetMs?: (exchange: ExchangeId) => number;
  /** What is proven of the skew of an exchange's clock, ms, at least 0; null = not measured. Absent = none is measured. */
  readonly clockSkewMs?: (exchange: ExchangeId) => number | null;
  /** Whether refusals are told as events in the life of their opportunity; false where a detector does so itself. */
  readonly announceOpportunities: boolean;
  readonly record?: RecordInput;
}

export type GateMessage =
  | { readonly kind: 'signal'; readonly signal: Signal; readonly traceId: string }
  | { readonly kind: 'fact'; readonly event: GateEvent }
  /** A look at the markets, and now and then at the rest. */
  | { readonly kind: 'look' }
  | { readonly kind: 'limits'; readonly changed: LimitsChanged }
  | { readonly kind: 'control'; readonly command: ControlRisk; readonly answer: Reply<ControlRisk> }
  | { readonly kind: 'view'; readonly reply: Reply<RiskView> }
  /** A recovery order whose verdict was given in a life before asks for leave; then what the stores say of its arbitrage. */
  | { readonly kind: 'recovery'; readonly leg: SubmitLeg; readonly answer: Reply<RecoveryAnswer> }
  | {
      readonly kind: 'recoveryFacts';
      readonly leg: SubmitLeg;
      readonly facts: RecoveryFacts | null;
      readonly answer: Reply<RecoveryAnswer>;
    }
  | { readonly kind: 'keep'; readonly tries: number }
  | { readonly kind: 'kept'; readonly record: string }
  | { readonly kind: 'notKept'; readonly tries: number; readonly error: string }
  /** What the journal holds open; `asked` are the arbitrages handed to a person before it was asked. */
  | { readonly kind: 'journal'; readonly legs: readonly SubmitLeg[]; readonly asked: readonly string[] }
  | { readonly kind: 'journalAway'; readonly error: string }
  | { readonly kind: 'persist'; readonly tries: number }
  | { readonly kind: 'persisted'; readonly killSwitch: KillSwitch }
  | { readonly kind: 'persistFailed'; readonly tries: number; readonly error: string };
