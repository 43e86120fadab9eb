import { applyFills, newOrder, resultOf, signalled } from '../execution/order.js';
import { isTerminal } from '../execution/order-state.js';
import type { PairPositions } from '../execution/pair-positions.js';
import { resumeSaga, type Unfinished } from '../execution/saga-start.js';
import type { SagaStep } from '../execution/saga-state.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import type { CloseEffect, SagaActorOptions } from './saga-messages.js';

/** What a start finds of the life before: journalled legs without a result, by what is to be done about them. */
export interface UnfinishedWork {
  /** Also those that were handed to a person with an order whose end nobody knew: it is asked about again. */
  readonly resumed: readonly { readonly step: SagaStep; readonly signal: Signal | null }[];
  /** Arbitrages that ended, of which some results were not saved any more. */
  readonly toClose: readonly CloseEffect[];
  /** Arbitrages that cannot be taken up: their market is not configured any more. */
  readonly orphans: readonly string[];
}

interface Approval {
  readonly signal: Signal;
  readonly hedges: readonly string[];
}

/** `positions` as they were before whatever is unfinished. */
export async function findUnfinished(
  options: SagaActorOptions,
  positions: PairPositions,
  nowMs: number,
): Promise<UnfinishedWork> {
  const { trades, signals, ledger } = options.stores;
  const open = await openLegs(options);
  const work = {
    resumed: [] as { step: SagaStep; signal: Signal | null }[],
    toClose: [] as CloseEffect[],
    orphans: [] as string[],
  };
  if (open.length === 0) return work;
  const ids = [...new Set(open.map((leg) => leg.arbitrageId))];
  const fills = await ledger.fillsOf(ids);
  const closed = new Map((await trades.arbitragesOf(ids)).map((row) => [row.arbitrageId, row]));
  const orders = await trades.ordersOf(ids);
  const decisions = await signals.signalsOf([...new Set(open.map((leg) => leg.verdictId))]);
  const known = new Map(decisions.map((row) => [row.verdict.verdictId, approvalOf(row)]));
  for (const id of ids) {
    const own = open.filter((leg) => leg.arbitrageId === id);
    const row = closed.get(id);
    const filled = fills.filter((fill) => fill.arbitrageId === id);
    if (row !== undefined && row.outcome !== 'flagged') {
      work.toClose.push(closeAgain(row, own, filled, nowMs));
      continue;
    }
    const ended = orders.filter(({ leg, result }) => leg.arbitrageId === id && result !== null);
    const legs = [...ended.map(({ leg }) => leg), ...own].filter(isFirst);
    const results = ended.flatMap(({ result }) => result ?? []);
    if (!isConfigured(options, legs)) work.orphans.push(id);
    else {
      const approval = known.get(own[0]!.verdictId) ?? null;
      const carried = positions.of(approval?.signal.position?.positionId);
      const unfinished = {
        ...{ legs, results, fills: filled },
        ...(row !== undefined && { closed: row }),
        ...(carried !== undefined && { carried }),
      };
      work.resumed.push(resume(options, unfinished, approval, nowMs));
    }
  }
  return work;
}

/**
 * An arbitrage that this process has forgotten or never knew, as the stores have it: ended, and still able to take what its
 * exchanges tell late. Null for one that no store knows, or on a market that is not configured any more.
 */
export async function findForgotten(
  options: SagaActorOptions,
  arbitrageId: string,
  nowMs: number,
): Promise<{ readonly step: SagaStep; readonly signal: Signal | null } | null> {
  const { trades, signals, ledger } = options.stores;
  const [orders, fills, [closed]] = await Promise.all([
    trades.ordersOf([arbitrageId]),
    ledger.fillsOf([arbitrageId]),
    trades.arbitragesOf([arbitrageId]),
  ]);
  const legs = orders.map(({ leg }) => leg);
  if (closed === undefined || !isConfigured(options, legs)) return null;
  const [decision] = await signals.signalsOf([legs[0]!.verdictId]);
  const results = orders.flatMap(({ result }) => result ?? []);
  const approval = decision === undefined ? null : approvalOf(decision);
  return resume(options, { legs, results, fills, closed }, approval, nowMs);
}

const isFirst = (leg: SubmitLeg, at: number, all: readonly SubmitLeg[]): boolean =>
  all.findIndex((one) => one.clientOrderId === leg.clientOrderId) === at;

/** What the store holds open, and what was journalled beside it and has not come there yet. */
async function openLegs({ stores, emergency }: SagaActorOptions): Promise<readonly SubmitLeg[]> {
  const open = await stores.trades.openLegs();
  const beside = (await emergency?.waiting()) ?? [];
  const ids = new Set(open.map((leg) => leg.clientOrderId));
  return [...open, ...beside.map(({ leg }) => leg).filter((leg) => !ids.has(leg.clientOrderId))];
}

/** What was approved counts, not what was asked: the gate may have made it smaller. */
const approvalOf = ({ signal, verdict }: { readonly signal: Signal; readonly verdict: Verdict }): Approval =>
  verdict.decision === 'approved'
    ? { signal: verdict.signal, hedges: verdict.hedges ?? [] }
    : { signal, hedges: [] };

function resume(
  options: SagaActorOptions,
  unfinished: Omit<Unfinished, 'signal' | 'hedges'>,
  approval: Approval | null,
  nowMs: number,
) {
  const { instruments, policy, feeMarks, exchanges } = options;
  const setting = {
    instruments,
    policy,
    feeMarks: feeMarks?.() ?? [],
    ...(exchanges !== undefined && { exchanges }),
  };
  const signal = approval?.signal ?? null;
  const step = resumeSaga({ ...unfinished, signal, hedges: approval?.hedges ?? [] }, setting, nowMs);
  return { step, signal };
}

const isConfigured = (options: SagaActorOptions, legs: readonly SubmitLeg[]): boolean =>
  legs.some((leg) => leg.attempt === 0) &&
  legs.every((leg) => options.instruments.some((instrument) => instrument.id === leg.instrument));

/** The end is stored and known to be final; what is missing are rows, and they follow from the ledger. */
function closeAgain(
  closed: ArbitrageClosed,
  legs: readonly SubmitLeg[],
  fills: readonly Fill[],
  nowMs: number,
): CloseEffect {
  return { kind: 'close', closed, results: legs.map((leg) => resultFromLedger(leg, fills, nowMs)) };
}

function resultFromLedger(leg: SubmitLeg, fills: readonly Fill[], nowMs: number): LegResult {
  const own = fills.filter((fill) => fill.clientOrderId === leg.clientOrderId);
  const { order } = applyFills(signalled(signalled(newOrder(leg), 'send'), 'lose'), own);
  const ended = isTerminal(order.status) ? order : signalled(order, own.length > 0 ? 'expire' : 'disprove');
  return resultOf({ ...ended, reason: 'SETTLED_AFTER_RESTART' }, nowMs);
}
