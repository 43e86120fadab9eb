import type { TradingFaultKind } from '../../src/simulator/trading/trading-faults.js';

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

/** Come about only where something went wrong before: these are armed more often, and wait for the first passage. */
const SELDOM: readonly CrashPoint[] = ['order-queried', 'look-up-written', 'cancel-written', 'fills-written'];

/** What has to go wrong with an exchange, so that the order path comes to a point at all. */
export const LEADS_TO: Readonly<Partial<Record<CrashPoint, readonly TradingFaultKind[]>>> = {
  'order-queried': ['accept-then-timeout', 'lose-request'],
  'look-up-written': ['accept-then-timeout', 'error-5xx-placed'],
  'cancel-written': ['leave-ioc-open'],
  'fills-written': ['partial-then-disconnect', 'drop-pushes'],
};
/** Whatever may still fill is cancelled when a person engages the kill switch, here with an order just written. */
export const SWITCHED_AT: Readonly<Partial<Record<CrashPoint, HeardPoint>>> = {
  'cancel-written': 'order-written',
};

/** The points in the order in which worlds are given them, so that a few dozen worlds hold each of them more than once. */
const DEALT: readonly CrashPoint[] = [
  ...CRASH_POINTS,
  ...SELDOM,
  ...CRASH_POINTS,
  ...CRASH_POINTS,
  ...SELDOM,
];
const PER_WORLD = 3;
const MOST_PASSAGES = 3;

/** A passage of a point. */
export interface Moment {
  readonly point: CrashPoint;
  /** 1 = the first. */
  readonly passage: number;
}

/** Where the process of a world dies for certain if it comes there; `ordinal` counts the worlds that have order entry. */
export function momentsOfDeath(ordinal: number, draw: () => number): Moment[] {
  return Array.from({ length: PER_WORLD }, (_, at) => {
    const point = DEALT[(ordinal * PER_WORLD + at) % DEALT.length]!;
    const passage = 1 + Math.floor(draw() * MOST_PASSAGES);
    return { point, passage: SELDOM.includes(point) ? 1 : passage };
  });
}

/** The write that a point is about, and whether it takes effect; null for one that is heard. */
export function storePointOf(
  point: CrashPoint,
): { readonly of: string; readonly as: 'lost' | 'kept' } | null {
  const [of = '', as] = point.split(' ');
  return as === 'lost' || as === 'kept' ? { of, as } : null;
}
