import { Decimal, ZERO } from '../../market/decimal.js';
import type { PairPosition } from '../../messages/pair-positions.js';
import type { PairAction as PairActionMessage, Signal } from '../../messages/signal.js';
import type { OpportunityLife } from '../opportunity-life.js';
import type { TradePlan } from '../spatial-plan.js';
import type { SpatialMarket } from '../spatial-route.js';
import type { FoundPair } from './pair-discovery.js';
import { PairTrader, type LeaveReason, type PairSide, type PairTerms } from './pair-trader.js';

export const ACTION_OF: Readonly<Record<LeaveReason, Exclude<PairActionMessage['action'], 'enter'>>> = {
  target: 'exit',
  stop: 'stop',
  time: 'time-stop',
  regime: 'regime-break',
};

/** One found pair: its machine, what is held of it, and the lives that tell of it. */
export interface PairWatch {
  readonly key: string;
  readonly found: FoundPair;
  /** y and x; null while one of them is not listed. */
  first: SpatialMarket | null;
  second: SpatialMarket | null;
  readonly trader: PairTrader;
  /** An excursion of the spread, from where it may be entered to its end. */
  life: OpportunityLife | null;
  /** The way out of a position. */
  exitLife: OpportunityLife | null;
  position: PairPosition | null;
  failedTests: number;
  brokenAtBar: number | null;
  /** When its last offer was refused or missed, Unix ms. */
  entryRefusedAtMs: number;
  exitRefusedAtMs: number;
}

/** The same for both orders of the two markets. */
export const pairKey = (a: string, b: string): string => (a < b ? `${a}~${b}` : `${b}~${a}`);

export function newWatch(found: FoundPair, trader: PairTrader, position: PairPosition | null): PairWatch {
  return {
    ...{ key: pairKey(found.y, found.x), found, trader, position },
    first: null,
    second: null,
    life: null,
    exitLife: null,
    failedTests: 0,
    brokenAtBar: null,
    entryRefusedAtMs: -Infinity,
    exitRefusedAtMs: -Infinity,
  };
}

/** Of a position from before: its pair as it was found, and a machine that holds it. Half-lives are counted in bars of today. */
export function watchOfPosition(
  position: PairPosition,
  terms: PairTerms,
  at: { readonly barMs: number; readonly nowMs: number },
): PairWatch {
  const { first: y, second: x, found: then, alpha, beta, direction, enteredAtMs } = position;
  const halfLife = (then.halfLife * position.barMs) / at.barMs;
  const found = { y, x, ...then, halfLife };
  const heldFor = Math.max(0, Math.floor((at.nowMs - enteredAtMs) / at.barMs));
  const trader = new PairTrader(found, terms, { side: direction, alpha, beta, heldFor });
  return newWatch(found, trader, position);
}

/** Which market is bought and which is sold to enter a side. */
export function legsOf(watch: PairWatch, side: PairSide) {
  const [first, second] = [watch.first!, watch.second!];
  return side === 'long' ? { buy: first, sell: second } : { buy: second, sell: first };
}

export interface HeldBase {
  /** Canonical base held beyond the baseline, and owed to it. */
  readonly held: Decimal;
  readonly owed: Decimal;
}

/** What a position is made of; below 0 where it is the other way round than it should be. */
export function heldOf({ direction, held }: PairPosition): HeldBase {
  const [first, second] = [new Decimal(held.first), new Decimal(held.second)];
  return direction === 'long'
    ? { held: first, owed: second.negated() }
    : { held: second, owed: first.negated() };
}

export const isEmpty = ({ held }: PairPosition): boolean =>
  new Decimal(held.first).equals(ZERO) && new Decimal(held.second).equals(ZERO);

export const otherSide = (side: PairSide): PairSide => (side === 'long' ? 'short' : 'long');

/** Bases of both markets. */
export function basesOf({ first, second }: Pick<PairPosition, 'first' | 'second'>): string[] {
  return [first, second].map((id) => id.slice(id.indexOf(':') + 1).split('-')[0]!);
}

export interface SignalIds {
  readonly signalId: string;
  readonly opportunityId: string;
}

/** The message that offers a plan of a pair to the risk gate. */
export function pairSignal(
  plan: TradePlan,
  market: SpatialMarket,
  of: SignalIds & { readonly action: PairActionMessage; readonly nowMs: number; readonly ttlMs: number },
): Signal {
  const { pair, base, quote } = market.instrument;
  const { signalId, opportunityId, action, nowMs, ttlMs } = of;
  return {
    ...{ signalId, opportunityId, pair, base, quote },
    strategy: 'statistical',
    shape: 'pair',
    legs: [plan.buy, plan.sell],
    quantity: plan.quantity.toFixed(),
    notional: plan.notional.toFixed(),
    edge: plan.edge,
    position: action,
    grossBps: plan.grossBps,
    netBps: plan.netBps,
    detectedAtMs: nowMs,
    exchangeToSignalMs: nowMs - Math.min(plan.buy.exchangeTimeMs, plan.sell.exchangeTimeMs),
    expiresAtMs: nowMs + ttlMs,
  };
}
