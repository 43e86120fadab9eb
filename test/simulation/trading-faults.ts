import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';
import type { TradingFault, TradingFaultKind } from '../../src/simulator/trading/trading-faults.js';
import type { Refusal } from '../../src/simulator/trading/desk-types.js';
import { CRASH_POINTS, LEADS_TO, momentsOfDeath, SWITCHED_AT, type HeardPoint } from './crash-points.js';
import {
  TRADING_FAULT_KINDS,
  type FaultKind,
  type PlannedFault,
  type PlanWindow,
  type WorldTradingFaultKind,
} from './fault-plan.js';
import { throwSwitch, type FaultTargets, type NodeTarget } from './faults.js';
import { actorPathsOf, signedOrdinal } from './knobs.js';

/** What needs an order to hit waits for one. */
const LONGER: Partial<Record<FaultKind, number>> = {
  'crash-point': 5,
  'switch-at-point': 3,
  'pause-past-lease': 3,
  'forged-approvals': 3,
  'desk-fill-after-cancel': 5,
  'desk-place-late': 4,
};
/** Lies of an exchange end in its being left alone for a minute, so that most kinds are others. */
const RARE = new Set<FaultKind>([
  'desk-lie-missing',
  'desk-lie-overfill',
  'desk-lie-off-tick',
  'desk-lie-negative-balance',
  'desk-leave-ioc-open',
]);

/** A stream of its own, after all other faults; only for worlds whose orders are signed. */
export function planTradingFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  exchanges: readonly SimulatedExchange[],
  firstId: number,
): PlannedFault[] {
  const prng = Prng.of(seed, 'trading faults');
  const drawable = TRADING_FAULT_KINDS.filter((kind) => kind !== 'crash-at');
  const allowed = drawable.filter((kind) => only === null || only.includes(kind));
  const drawn = allowed.filter((kind) => prng.next() < (RARE.has(kind) ? 0.3 : 0.5));
  const kinds = only === null ? drawn : allowed;
  if (kinds.length === 0) return [];
  const count = Math.ceil(((window.untilMs - window.fromMs) / 60_000) * prng.pick([2, 6, 12]));
  return Array.from({ length: count }, (_, at) => {
    const kind = prng.pick(kinds);
    return {
      id: firstId + at,
      kind,
      atMs: prng.between(window.fromMs, window.untilMs),
      forMs: prng.pick([4_000, 12_000, 30_000]) * prng.between(0.5, 1.5) * (LONGER[kind] ?? 1),
      node: 0,
      exchange: prng.pick(exchanges),
      actor: prng.pick(actorPathsOf(exchanges)),
      amount: prng.next(),
    };
  });
}

const SWITCHED_MS = 45_000;

/** The points at which this world's process dies for certain, each with what makes the order path come to it. */
export function planDirectedCrashes(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  exchanges: readonly SimulatedExchange[],
  firstId: number,
): PlannedFault[] {
  if (only !== null && !only.includes('crash-at')) return [];
  const prng = Prng.of(seed, 'crash points');
  const actor = actorPathsOf(exchanges)[0]!;
  const planned: Omit<PlannedFault, 'id'>[] = [];
  for (const moment of momentsOfDeath(signedOrdinal(seed), () => prng.next())) {
    const atMs = window.fromMs + prng.between(0, 15_000);
    const bare = { node: 0, actor, atMs, exchange: exchanges[0]!, forMs: window.untilMs - atMs };
    planned.push({ ...bare, kind: 'crash-at', amount: prng.next(), moment });
    const point = SWITCHED_AT[moment.point];
    if (point !== undefined) {
      const times = { atMs: atMs + 20_000 * prng.next(), forMs: SWITCHED_MS };
      planned.push({ ...bare, ...times, kind: 'switch-at-point', amount: 0, moment: { point, passage: 1 } });
    }
    for (const kind of LEADS_TO[moment.point] ?? [])
      for (const exchange of exchanges)
        planned.push({ ...bare, kind: `desk-${kind}`, exchange, amount: prng.next() });
  }
  return planned.map((fault, at) => ({ ...fault, id: firstId + at }));
}

export const isTradingFault = (kind: FaultKind): kind is WorldTradingFaultKind =>
  (TRADING_FAULT_KINDS as readonly string[]).includes(kind);

/** Brings one about; returns how to end it. */
export function inflictOnTrading(fault: PlannedFault, on: FaultTargets): () => void {
  const node = on.nodes[0]!;
  switch (fault.kind as WorldTradingFaultKind) {
    case 'crash-point':
      return crashAtPoint(fault, node);
    case 'crash-at': {
      const { point, passage } = fault.moment!;
      const restartMs = restartMsOf(fault);
      return node.arm(point, () => node.crashAt(point, restartMs), { passage, outlives: true });
    }
    case 'switch-at-point':
      return switchAtPoint(fault, node);
    case 'pause-past-lease':
      return node.arm(pointOf(fault, PAUSE_POINTS), () => node.pausePastLease(7_000 + 8_000 * fault.amount));
    case 'forged-approvals':
      node.forgesApprovals = true;
      return () => (node.forgesApprovals = false);
    case 'foreign-transfer':
      return transfer(fault, on);
    default:
      return misbehave(fault, on);
  }
}

/** Where an order is approved and not sent yet, or is to be recovered from. */
const SWITCH_POINTS: readonly HeardPoint[] = ['approved', 'order-asked', 'approved', 'result-told'];
const PAUSE_POINTS: readonly HeardPoint[] = ['order-asked', 'approved', 'order-written', 'result-told'];

const pointOf = <P>({ amount }: PlannedFault, points: readonly P[]): P =>
  points[Math.floor(amount * 1_000) % points.length]!;

function switchAtPoint(fault: PlannedFault, node: NodeTarget): () => void {
  const policy = fault.amount < 0.5 ? 'flatten' : 'freeze';
  const point = fault.moment?.point ?? pointOf(fault, SWITCH_POINTS);
  const disarm = node.arm(point, () => throwSwitch(true, node, policy));
  return () => {
    disarm();
    throwSwitch(false, node);
  };
}

const restartMsOf = ({ amount }: PlannedFault): number => 500 + (Math.floor(amount * 10_000) % 7_500);

function crashAtPoint(fault: PlannedFault, node: NodeTarget): () => void {
  const point = CRASH_POINTS[Math.floor(fault.amount * CRASH_POINTS.length)]!;
  return node.arm(point, () => node.crashAt(point, restartMsOf(fault)));
}

function misbehave(fault: PlannedFault, on: FaultTargets): () => void {
  const { exchange } = fault;
  const account = on.faces.get(exchange)?.account ?? null;
  if (account === null) return () => undefined;
  const wanted = tradingFaultOf(fault);
  const end = account.misbehave(wanted);
  if (wanted.kind !== 'skew') return end;
  const tell = (): void => {
    on.clocks.set(exchange, on.faces.get(exchange)!.faults.clockSkewMs, on.scheduler.nowMs);
  };
  tell();
  return () => {
    end();
    tell();
  };
}

const REFUSALS: readonly Refusal[] = [
  'insufficient_funds',
  'min_notional',
  'price_tick',
  'market_halted',
  'price_band',
];
const CALLS = ['place', 'place', 'query', 'cancel'] as const;

function tradingFaultOf({ kind, amount, forMs }: PlannedFault): TradingFault {
  const desk = kind.slice('desk-'.length) as TradingFaultKind;
  const some = { kind: desk, probability: 0.4 + 0.6 * amount };
  switch (desk) {
    case 'slow':
      return { ...some, delayMs: 3_000 * amount, call: CALLS[Math.floor(amount * 400) % CALLS.length]! };
    case 'lose-request':
    case 'accept-then-timeout':
      return { ...some, call: CALLS[Math.floor(amount * 400) % CALLS.length]! };
    case 'place-late':
      // Half of them within the life of a request: those the exchange still takes.
      return { ...some, delayMs: 200 + 6_000 * amount ** 3 };
    case 'late-fill-push':
      return { ...some, delayMs: 200 + 6_000 * amount };
    case 'fill-after-cancel':
      return { ...some, delayMs: 100 + 4_000 * amount };
    case 'ban':
      return { kind: desk, delayMs: forMs };
    case 'maintenance':
    case 'lie-negative-balance':
      return { kind: desk };
    case 'skew':
      return { kind: desk, skewMs: Math.round((amount - 0.5) * 3_000) };
    case 'reject':
      return { ...some, refusal: REFUSALS[Math.floor(amount * REFUSALS.length)]! };
    default:
      return some;
  }
}

/** Something comes in or goes out that the trader's program did not order; at most a little of what is free. */
function transfer({ exchange, amount }: PlannedFault, on: FaultTargets): () => void {
  const held =
    on.books?.accounts
      .get(exchange)
      ?.balances()
      .filter(({ free }) => Number(free) > 1e-3) ?? [];
  const chosen = held[Math.floor(amount * held.length)];
  if (chosen === undefined) return () => undefined;
  const share = Math.floor(amount * 1_000) % 2 === 0 ? 0.003 : -0.003;
  on.books?.transfer(exchange, chosen.asset, (Number(chosen.free) * share).toFixed(6));
  return () => undefined;
}
