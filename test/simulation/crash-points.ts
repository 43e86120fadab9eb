/**
 * The moments in the life of an order at which a process may die (RELIABILITY §3): each is passed by what the harness hears at the
 * ports, and a fault of kind `crash-point` kills the process the next time one of them is passed.
 */
const HEARD_POINTS = [
  'approved', // the verdict has left the gate
  'order-asked', // the saga hands the order to its gateway
  'order-written', // the signed request is with the network
  'order-reached', // the exchange has acted on it, its answer is on the way
  'order-answered', // the answer is here and nobody has read it
  'result-told', // the gateway tells what became of it
  'push-heard', // a frame of the private stream is here
  'fill-told', // the saga hands a fill to the ledger
  'entry-told', // the ledger has booked it
  'order-queried', // the saga asks about an order
  'look-up-written', // the exchange is asked about one
  'cancel-written',
  'fills-written', // an exchange is asked for fills that are missing
  'balances-written', // the account is being compared
  'end-told', // the arbitrage has its end
] as const;

/** Writes of the stores: before the commit, and after it with the acknowledgement lost. */
const STORE_POINTS = [
  'trades.journalLegs',
  'ledger.bookFill',
  'trades.closeArbitrage',
  'trades.saveLegResult',
] as const;

export type HeardPoint = (typeof HEARD_POINTS)[number];
export type CrashPoint = HeardPoint | `${(typeof STORE_POINTS)[number]} ${'lost' | 'kept'}`;

export const CRASH_POINTS: readonly CrashPoint[] = [
  ...HEARD_POINTS,
  ...STORE_POINTS.flatMap((write): CrashPoint[] => [`${write} lost`, `${write} kept`]),
];

/** The write that a point is about, and whether it takes effect; null for one that is heard. */
export function storePointOf(
  point: CrashPoint,
): { readonly of: string; readonly as: 'lost' | 'kept' } | null {
  const [of = '', as] = point.split(' ');
  return as === 'lost' || as === 'kept' ? { of, as } : null;
}
