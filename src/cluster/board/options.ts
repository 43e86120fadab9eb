import type { Instrument } from '../../market/instrument.js';
import type { QuoteBoard } from '../../market/quote-board.js';
import type { Bus } from '../../ports/bus.js';
import type { Clock, Timers } from '../../ports/time.js';

/** What publisher and follower are made of. */
export interface BoardBridgeOptions {
  readonly board: QuoteBoard;
  /** The connection of market data, apart from the one of orders. */
  readonly bus: Bus;
  /** This node's name, the sender of its bus. */
  readonly node: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** What this node has loaded from the exchanges; asked again whenever a book with another name comes. */
  readonly instruments: () => readonly Pick<Instrument, 'id'>[];
  /**
   * Of a follower: the publisher is a process of this very node, so that its books are shown as this node's own and published to
   * the others. Absent = they are another node's.
   */
  readonly isOwn?: boolean;
}

/** Everything of the bridge happens under one trace: books have no single cause. */
export const BOARD_TRACE = { traceId: 'board' };
