import { Decimal, ONE } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import type { ExchangeId, InstrumentId } from '../messages/primitives.js';
import type { Refusal } from '../messages/risk.js';
import type { PlannedLeg, Signal } from '../messages/signal.js';
import type { ExposureBook } from './exposure.js';
import type { Holds } from './holds.js';
import type { KillSwitch } from './kill-switch.js';
import type { RiskLimits } from './limits.js';
import type { Monitors } from './monitors.js';

/** What the gate is told about the book of one leg at the moment of decision. */
export interface BookCondition {
  readonly instrument: InstrumentId;
  readonly trusted: boolean;
  readonly epoch: number;
  /** TRADING §2: since the connection proved alive + transit lag of the last frame. */
  readonly ageMs: number;
  /** Since the book last changed. */
  readonly unchangedMs: number;
}

/** What is proven of an exchange's clock against ours at the moment of decision; null = never measured. */
export interface ClockCondition {
  readonly exchange: ExchangeId;
  readonly skewMs: number | null;
}

/** Everything the rules may look at; they look at nothing else. */
export interface Question {
  readonly signal: Signal;
  readonly buy: PlannedLeg;
  readonly sell: PlannedLeg;
  readonly books: ReadonlyMap<InstrumentId, BookCondition>;
  /** By exchange; null or absent = never measured. */
  readonly clockSkewMs: ReadonlyMap<ExchangeId, number | null>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly exposure: ExposureBook;
  readonly limits: RiskLimits;
  readonly killSwitch: KillSwitch;
  /** The parts that asked not to add risk, each with its scope. */
  readonly holds: Holds;
  /** Losses, breakers, health, rate and alarms. */
  readonly monitors: Monitors;
  readonly signalSeen: boolean;
  readonly opportunityTaken: boolean;
  readonly nowMs: number;
}

/** Judges yes or no. An empty list allows. */
export type Rule = (question: Question) => readonly Refusal[];

/** The two orders of a question in float64: what the rules about sizes look at first. All of it for the whole trade. */
export interface NearTrade {
  readonly quantity: number;
  readonly buyQuantity: number;
  readonly sellQuantity: number;
  readonly buyPrice: number;
  readonly sellPrice: number;
  /** What the buy order may give at worst, and the sell order bring: see `reservedLegs`. */
  readonly buyGives: number;
  readonly sellBrings: number;
}

/** The largest base quantity a limit still allows, and what to say when that is too little. */
export interface SizeCap {
  readonly cap: Decimal;
  readonly refusal: () => Refusal;
}

/** Judges how much. */
export interface SizeRule {
  /** By floats: true only when the whole trade is certainly inside the limit, so that no cap has to be worked out. */
  fits(question: Question, trade: NearTrade): boolean;
  /** Exact. May answer for both legs. */
  caps(question: Question): readonly SizeCap[];
}

export function refuse(
  rule: string,
  limit: string | number,
  actual: string | number,
  unit: string,
  subject: string,
): Refusal {
  return {
    rule,
    limit: String(limit).slice(0, 80),
    actual: String(actual).slice(0, 80),
    unit: unit.slice(0, 24),
    subject: subject.slice(0, 96),
  };
}

export const NO_REFUSALS: readonly Refusal[] = Object.freeze([]);

/** Judges the two legs one by one, the buy first; null lets a leg pass. */
export function perLeg(question: Question, judge: (leg: PlannedLeg) => Refusal | null): readonly Refusal[] {
  const [buy, sell] = [judge(question.buy), judge(question.sell)];
  if (buy === null) return sell === null ? NO_REFUSALS : [sell];
  return sell === null ? [buy] : [buy, sell];
}

export const legsOf = (question: Question): readonly PlannedLeg[] => [question.buy, question.sell];

/** Base quantity of an order per unit of the signal's quantity: above 1 where the fee is taken from what is bought. */
export function orderPerUnit(question: Question, leg: PlannedLeg): Decimal {
  if (leg.quantity === question.signal.quantity) return ONE;
  return new Decimal(leg.quantity).div(question.signal.quantity);
}

/** Short text of an amount for a refusal: exact up to twelve decimals, cut towards zero beyond. */
export function amountText(amount: Decimal): string {
  return amount.toDecimalPlaces(12, Decimal.ROUND_DOWN).toFixed();
}
