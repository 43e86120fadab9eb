import { ArbotError } from '../messages/errors.js';

/**
 * The life of one order (RELIABILITY §4.1, I10). `unknown` is a state, not an error: the order may or may not be at the
 * exchange and counts in full until it is settled by asking.
 */
export const ORDER_STATUSES = [
  'intent',
  'sent',
  'acknowledged',
  'unknown',
  'partially_filled',
  'filled',
  'cancelled',
  'expired',
  'rejected',
  'not_placed',
] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

export const ORDER_SIGNALS = [
  'send',
  'acknowledge',
  /** No answer, or one that cannot be read (R2). */
  'lose',
  'fill_part',
  'fill_all',
  'cancel',
  'expire',
  'reject',
  /** Proven never to have reached the exchange (R3), or never sent. */
  'disprove',
] as const;
export type OrderSignal = (typeof ORDER_SIGNALS)[number];

type Row = Readonly<Partial<Record<OrderSignal, OrderStatus>>>;

const open: Row = {
  fill_part: 'partially_filled',
  fill_all: 'filled',
  cancel: 'cancelled',
  expire: 'expired',
  lose: 'unknown',
};

/** A terminal state is left by nothing; a fill that comes late is applied and the state stays (R4). */
const closed = (status: OrderStatus): Row => ({ fill_part: status, fill_all: status });

export const TRANSITIONS: Readonly<Record<OrderStatus, Row>> = {
  intent: { send: 'sent', reject: 'rejected', disprove: 'not_placed' },
  sent: { ...open, acknowledge: 'acknowledged', reject: 'rejected' },
  acknowledged: { ...open, acknowledge: 'acknowledged' },
  // A partial fill tells that the order was placed, not what became of the rest.
  unknown: {
    ...open,
    fill_part: 'unknown',
    acknowledge: 'acknowledged',
    reject: 'rejected',
    disprove: 'not_placed',
  },
  partially_filled: open,
  filled: closed('filled'),
  cancelled: closed('cancelled'),
  expired: closed('expired'),
  rejected: closed('rejected'),
  not_placed: closed('not_placed'),
};

const TERMINAL: ReadonlySet<OrderStatus> = new Set([
  'filled',
  'cancelled',
  'expired',
  'rejected',
  'not_placed',
]);

export const isTerminal = (status: OrderStatus): boolean => TERMINAL.has(status);

export const mayTransit = (from: OrderStatus, signal: OrderSignal): boolean =>
  TRANSITIONS[from][signal] !== undefined;

/** @throws ArbotError ARB_INVARIANT for a transition the table does not have. */
export function transit(from: OrderStatus, signal: OrderSignal): OrderStatus {
  const to = TRANSITIONS[from][signal];
  if (to === undefined) throw new ArbotError('ARB_INVARIANT', `an order that is ${from} cannot ${signal}`);
  return to;
}
