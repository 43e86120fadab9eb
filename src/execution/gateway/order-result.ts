import { Decimal, roundForMessage, toText } from '../../market/decimal.js';
import type { Fill, LegResult } from '../../messages/order.js';
import { ORDER_NOT_FOUND } from '../inquiry.js';
import { isSettled, type AccountOrder } from './account-order.js';

/** Fills that one message carries. */
const MAX_FILLS = 200;

/**
 * What is known of an order as answers to the saga: one, or several where it has more fills than one message carries. Only the last
 * says how it ended; each of the others is `unknown` with its share of the fills.
 */
export function resultsOf(order: AccountOrder, nowMs: number): readonly [...LegResult[], LegResult] {
  const pieces: Fill[][] = [];
  for (let at = 0; at < order.fills.length; at += MAX_FILLS)
    pieces.push(order.fills.slice(at, at + MAX_FILLS));
  const last = pieces.pop() ?? [];
  const parts = pieces.map((fills) => ({
    ...bare(order, nowMs, fills),
    status: 'unknown' as const,
    reason: 'MORE_FILLS',
  }));
  return [
    ...parts,
    { ...bare(order, nowMs, last), status: statusOf(order), reason: reasonOf(order).slice(0, 200) },
  ];
}

function bare(
  order: AccountOrder,
  nowMs: number,
  fills: readonly Fill[],
): Omit<LegResult, 'status' | 'reason'> {
  const { clientOrderId, arbitrageId, legIndex } = order.name;
  return {
    clientOrderId,
    arbitrageId,
    legIndex,
    filledQuantity: toText(order.filled),
    averagePrice: averageOf(order),
    fills: [...fills],
    acknowledgedAtMs: order.acknowledgedAtMs ?? nowMs,
  };
}

function averageOf({ fills, filled }: AccountOrder): string | null {
  if (filled.isZero()) return null;
  const paid = fills.reduce(
    (sum, fill) => sum.plus(new Decimal(fill.price).times(fill.quantity)),
    new Decimal(0),
  );
  return toText(roundForMessage(paid.div(filled), 'down'));
}

function statusOf(order: AccountOrder): LegResult['status'] {
  if (!isSettled(order) || (order.phase === 'absent' && order.filled.isZero())) return 'unknown';
  if (order.filled.isZero()) return order.phase === 'rejected' ? 'rejected' : 'expired';
  return order.quantity !== null && order.filled.gte(order.quantity) ? 'filled' : 'partially_filled';
}

/** The word "not found" is evidence for whoever asks, so that it is said for nothing but proof (R3, R5). */
function reasonOf(order: AccountOrder): string {
  if (order.phase === 'absent' && order.filled.isZero()) return ORDER_NOT_FOUND;
  if (isSettled(order)) return order.doubts[0] ?? order.reason;
  if (order.phase === 'open') return 'ORDER_OPEN';
  return order.phase === 'ended' ? 'FILLS_MISSING' : order.reason === '' ? 'ORDER_SENT' : order.reason;
}
