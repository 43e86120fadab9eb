import { applyFills, newOrder, resultOf, signalled } from '../execution/order.js';
import { isTerminal } from '../execution/order-state.js';
import { resumeSaga } from '../execution/saga-start.js';
import type { SagaStep } from '../execution/saga-state.js';
import type { ArbitrageClosed, Fill, LegResult, SubmitLeg } from '../messages/order.js';
import type { Verdict } from '../messages/risk.js';
import type { Signal } from '../messages/signal.js';
import type { CloseEffect, SagaActorOptions } from './saga-messages.js';

/** What a start finds of the life before: journalled legs without a result, by what is to be done about them. */
export interface UnfinishedWork {
  readonly resumed: readonly { readonly step: SagaStep; readonly signal: Signal | null }[];
  /** Arbitrages that ended, of which some results were not saved any more. */
  readonly toClose: readonly CloseEffect[];
  /** Arbitrages that cannot be taken up: their market is not configured any more. */
  readonly orphans: readonly string[];
}

export async function findUnfinished(options: SagaActorOptions, nowMs: number): Promise<UnfinishedWork> {
  const { trades, signals, ledger } = options.stores;
  const legs = await trades.openLegs();
  if (legs.length === 0) return { resumed: [], toClose: [], orphans: [] };
  const ids = [...new Set(legs.map((leg) => leg.arbitrageId))];
  const fills = await ledger.fillsOf(ids);
  const closed = new Map((await trades.arbitragesOf(ids)).map((row) => [row.arbitrageId, row]));
  const decisions = await signals.signalsOf([...new Set(legs.map((leg) => leg.verdictId))]);
  const known = new Map(decisions.map((row) => [row.verdict.verdictId, approvedSignal(row)]));
  const work = {
    resumed: [] as { step: SagaStep; signal: Signal | null }[],
    toClose: [] as CloseEffect[],
    orphans: [] as string[],
  };
  for (const id of ids) {
    const own = legs.filter((leg) => leg.arbitrageId === id);
    const row = closed.get(id);
    const filled = fills.filter((fill) => fill.arbitrageId === id);
    if (row !== undefined) work.toClose.push(closeAgain(row, own, filled, nowMs));
    else if (!isConfigured(options, own)) work.orphans.push(id);
    else work.resumed.push(resume(options, own, filled, known.get(own[0]!.verdictId) ?? null, nowMs));
  }
  return work;
}

/** What was approved counts, not what was asked: the gate may have made it smaller. */
const approvedSignal = ({
  signal,
  verdict,
}: {
  readonly signal: Signal;
  readonly verdict: Verdict;
}): Signal => (verdict.decision === 'approved' ? verdict.signal : signal);

function resume(
  options: SagaActorOptions,
  legs: readonly SubmitLeg[],
  fills: readonly Fill[],
  signal: Signal | null,
  nowMs: number,
) {
  const setting = {
    instruments: options.instruments,
    policy: options.policy,
    feeMarks: options.feeMarks?.() ?? [],
  };
  return { step: resumeSaga({ legs, fills, signal }, setting, nowMs), signal };
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
