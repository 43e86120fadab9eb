import { Decimal, ONE } from '../market/decimal.js';
import { assetsOf } from '../market/leg-assets.js';
import type { Instrument } from '../market/instrument.js';
import type { AssetId, ExchangeId, InstrumentId } from '../messages/primitives.js';
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
  /** All legs; of a plain trade the buy first. */
  readonly legs: readonly PlannedLeg[];
  /** One pair in one quote, bought and sold: what the rules about sizes look at with floats first. */
  readonly isPlain: boolean;
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

/** How the legs of a signal are looked at. */
export type LegView = Pick<Question, 'buy' | 'sell' | 'legs' | 'isPlain'>;

export function legViewOf(signal: Signal, { bridge }: Pick<RiskLimits, 'bridge'>): LegView {
  const buy = legOf(signal, 'buy', 0);
  const sell = legOf(signal, 'sell', 1);
  const isTwoSided = signal.shape === undefined || signal.shape === 'two-sided';
  const isBridged =
    bridge === 'inventory' && assetsOf(buy.instrument).quote !== assetsOf(sell.instrument).quote;
  const isPlain = isTwoSided && !isBridged;
  return { buy, sell, legs: isPlain ? [buy, sell] : signal.legs, isPlain };
}

const legOf = ({ legs }: Signal, side: PlannedLeg['side'], position: number): PlannedLeg =>
  legs.find((leg) => leg.side === side) ?? legs[position]!;

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

/** Judges the legs one by one, of a plain trade the buy first; null lets a leg pass. */
export function perLeg(question: Question, judge: (leg: PlannedLeg) => Refusal | null): readonly Refusal[] {
  if (!question.isPlain) return question.legs.flatMap((leg) => judge(leg) ?? []);
  const [buy, sell] = [judge(question.buy), judge(question.sell)];
  if (buy === null) return sell === null ? NO_REFUSALS : [sell];
  return sell === null ? [buy] : [buy, sell];
}

export const legsOf = (question: Question): readonly PlannedLeg[] => question.legs;

/** What the price of a leg is in. */
export const quoteOf = ({ isPlain, signal }: Question, leg: PlannedLeg): AssetId =>
  isPlain ? signal.quote : assetsOf(leg.instrument).quote;

/** Every exchange of the trade, in order of the legs. */
export const exchangesOf = ({ isPlain, buy, sell, legs }: Question): readonly ExchangeId[] =>
  isPlain ? [buy.exchange, sell.exchange] : [...new Set(legs.map((leg) => leg.exchange))];

/** Every asset that one leg touches. */
export function assetsOfLeg({ isPlain, signal }: Question, leg: PlannedLeg): readonly AssetId[] {
  if (isPlain) return [signal.base, signal.quote];
  const { base, quote } = assetsOf(leg.instrument);
  return [base, quote];
}

/** A position of a pair is closed: that takes risk away, so nothing about profit or losses stands in its way. */
export const isExit = ({ signal: { position } }: Pick<Question, 'signal'>): boolean =>
  position !== undefined && position.action !== 'enter';

/** Base quantity of an order per unit of the signal's quantity: above 1 where the fee is taken from what is bought. */
export function orderPerUnit(question: Question, leg: PlannedLeg): Decimal {
  if (leg.quantity === question.signal.quantity) return ONE;
  return new Decimal(leg.quantity).div(question.signal.quantity);
}

/** Short text of an amount for a refusal: exact up to twelve decimals, cut towards zero beyond. */
export function amountText(amount: Decimal): string {
  return amount.toDecimalPlaces(12, Decimal.ROUND_DOWN).toFixed();
}
