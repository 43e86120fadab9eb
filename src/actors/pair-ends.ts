import type { Traded } from '../detectors/statistical/pair-answers.js';
import { tradedBy } from '../detectors/statistical/pair-fills.js';
import type { Instrument } from '../market/instrument.js';
import type { PairPosition } from '../messages/pair-positions.js';
import type { Stores } from '../ports/stores.js';
import { arbitrageIdOf } from '../risk/approval.js';

/** What has become of a signal: what it traded, nothing, or nobody knows yet. */
export type PairEnd =
  | { readonly kind: 'traded'; readonly traded: Traded }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown'; readonly why: string };

export type PairEndStores = Pick<Stores, 'trades' | 'signals'>;

/** Rows looked through for a signal. */
const LOOK_BACK = 500;
/** A signal that nothing is known of after this has not been traded: its approval has long expired, and so has every order. */
const FORGOTTEN_MS = 180_000;

export interface PairEndQuestion {
  readonly position: PairPosition;
  /** Known where the verdict was heard. */
  readonly arbitrageId: string | null;
  readonly nowMs: number;
  readonly instruments: ReadonlyMap<string, Instrument>;
}

/** By the stores alone. Rejects ARB_STORE_UNAVAILABLE. */
export async function pairEnd(stores: PairEndStores, question: PairEndQuestion): Promise<PairEnd> {
  const { signalId, sentAtMs } = question.position.pending!;
  const closed = (await stores.trades.recentArbitrages(LOOK_BACK)).find((one) => one.signalId === signalId);
  if (closed !== undefined) return endOf(stores, closed.arbitrageId, question);
  const isForgotten = question.nowMs - sentAtMs >= FORGOTTEN_MS;
  const judged = question.arbitrageId ?? (await judgedAs(stores, signalId));
  if (judged === 'refused') return { kind: 'nothing' };
  if (judged === null) {
    const isQuiet = (await stores.trades.openLegs()).length === 0;
    if (isForgotten && isQuiet) return { kind: 'nothing' };
    return { kind: 'unknown', why: 'no verdict is known' };
  }
  const orders = await stores.trades.ordersOf([judged]);
  if (orders.length > 0) return { kind: 'unknown', why: `${judged} has not ended` };
  return isForgotten ? { kind: 'nothing' } : { kind: 'unknown', why: `${judged} has no order yet` };
}

/** The arbitrage of a stored signal; null = the signal is not stored. */
async function judgedAs({ signals }: PairEndStores, signalId: string): Promise<string | null> {
  const stored = (await signals.recentSignals(LOOK_BACK)).find(({ signal }) => signal.signalId === signalId);
  if (stored === undefined) return null;
  const { verdict } = stored;
  return verdict.decision === 'refused' ? 'refused' : arbitrageIdOf(verdict.verdictId);
}

async function endOf(
  { trades }: PairEndStores,
  arbitrageId: string,
  { position, instruments }: PairEndQuestion,
): Promise<PairEnd> {
  const orders = await trades.ordersOf([arbitrageId]);
  const traded = tradedBy(
    orders.map(({ result }) => result),
    position,
    instruments,
  );
  if (traded === null) return { kind: 'unknown', why: `an order of ${arbitrageId} has no known end` };
  const isNothing = traded.first.isZero() && traded.second.isZero();
  return isNothing ? { kind: 'nothing' } : { kind: 'traded', traded };
}
