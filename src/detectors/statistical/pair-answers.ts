import { Decimal, roundForMessage, toText } from '../../market/decimal.js';
import type { PairPosition } from '../../messages/pair-positions.js';
import type { PairBook } from './pair-effects.js';
import { heldOf, isEmpty, type PairWatch } from './pair-watch.js';

/** What became of what was offered. */

/** Base of both markets and quote that an arbitrage has moved, signed, canonical. */
export interface Traded {
  readonly first: Decimal;
  readonly second: Decimal;
  readonly quote: Decimal;
}

export interface Declined {
  readonly phase: 'refused' | 'missed';
  readonly reason: string;
  readonly detail: string;
}

const NOT_FILLED: Declined = { phase: 'missed', reason: 'NOT_FILLED', detail: 'nothing was traded' };

const REASON_OF = {
  exit: 'TARGET',
  stop: 'STOP',
  'time-stop': 'TIME_STOP',
  'regime-break': 'REGIME_BREAK',
} as const;

/** Why a position ended. */
export const endReasonOf = ({ wanted }: PairPosition): string =>
  wanted === null ? 'CLOSED' : REASON_OF[wanted];

/** An entry is not held, an exit is offered again. */
export function declined(book: PairBook, watch: PairWatch, why: Declined, nowMs: number): void {
  const position = watch.position!;
  const isEntry = position.pending!.action === 'enter';
  const life = isEntry ? watch.life : watch.exitLife;
  if (life?.state === 'signalled') book.tell(life.declined(why.phase, why.reason, why.detail, nowMs));
  if (isEntry) {
    watch.entryRefusedAtMs = nowMs;
    watch.trader.entryFailed();
    watch.position = null;
  } else {
    watch.exitRefusedAtMs = nowMs;
    watch.position = { ...position, pending: null };
  }
  book.keep();
}

/** The end of what is waited for is known: what it has traded, or null where it has not. */
export function settle(book: PairBook, watch: PairWatch, traded: Traded | null, nowMs: number): void {
  if (traded === null || (traded.first.isZero() && traded.second.isZero()))
    return declined(book, watch, NOT_FILLED, nowMs);
  const before = watch.position!;
  const isEntry = before.pending!.action === 'enter';
  const position = { ...before, held: heldAfter(before, traded), pending: null };
  watch.position = position;
  const life = isEntry ? watch.life : watch.exitLife;
  if (life !== null && life.state !== 'executed') book.tell(life.executed(nowMs));
  // Each way out is an opportunity of its own: the gate lets one be traded once.
  if (!isEntry) book.endExit(watch, 'EXECUTED', nowMs);
  const { held, owed } = heldOf(position);
  if (isEmpty(position)) return book.finish(watch, endReasonOf(position), nowMs);
  if (isEntry && !(held.greaterThan(0) && owed.greaterThan(0))) return book.finish(watch, 'ONE_SIDED', nowMs);
  book.keep();
}

function heldAfter({ held }: PairPosition, traded: Traded): PairPosition['held'] {
  const plus = (text: string, change: Decimal) =>
    toText(roundForMessage(new Decimal(text).plus(change), 'down'));
  return {
    first: plus(held.first, traded.first),
    second: plus(held.second, traded.second),
    quote: plus(held.quote, traded.quote),
  };
}
