import type { Capabilities, Connector } from '../../../src/connectors/base.js';
import type { SampleExchange } from '../../connectors/frames.js';
import type { FeedRig } from './rig.js';

export type Levels = readonly (readonly [string, string])[];
export type Wire = object | string;

/**
 * What the contract suite must know of an exchange to speak to its connector: how its frames are written. Numbers count the
 * changes of a book one by one; prices and sizes are plain decimals.
 */
export interface Subject {
  readonly exchange: string;
  readonly connector: () => Connector;
  /** The market that the frames are about, and two more names. */
  readonly symbol: string;
  readonly others: readonly [string, string];
  /** The market's pair in the terms of the asset registry, and pairs of the simulated exchange. */
  readonly pair: string;
  readonly simulatedPairs: readonly [string, string];
  /** How the exchange spells prices and sizes: `"100.5"`, or `100.5`. */
  readonly amounts: 'text' | 'number';
  /** One good frame of each kind with its fields, for malformed values. A price that may be 0 is a `size`. */
  readonly sample: SampleExchange;
  /** The whole book as of change `n`: a frame, or the REST answer where snapshots come from there. */
  snapshot(n: number, bids: Levels, asks: Levels, symbol?: string): Wire;
  /** Change `n` alone; null where every frame is a whole book. */
  readonly delta: ((n: number, bids: Levels, asks: Levels, symbol?: string) => Wire) | null;
  /** The best quote as of change `n`; null where there is no such channel. */
  readonly quote: ((n: number, bid: Levels[number], ask: Levels[number]) => Wire) | null;
  /** The REST answer with the whole book as of change `n`. */
  restBook(n: number, bids: Levels, asks: Levels): Wire;
  /** With a checksum over the levels; absent where the exchange has none. */
  readonly checked?: (n: number, bids: Levels, asks: Levels, checksum: number) => Wire;
  /** A sell of 0.0150 at 100.50 as the exchange spells it. */
  trade(id: string): string;
  /** Unix ms that the frame of change `n` carries; 0 where it has none. */
  timeOf(n: number): number;
  /** null where the exchange acknowledges nothing. */
  readonly ack: Wire | null;
  /** `symbol` '' where the exchange does not say whom it refused. */
  readonly refusal: { readonly frame: Wire; readonly symbol: string };
  /** What answers the probe of `heartbeat`; null for ping frames. */
  readonly pong: Wire | null;
  /** Says on the socket that the market stopped or goes on; absent where the exchange says it elsewhere. */
  readonly notice?: (trading: boolean) => Wire;
  /** Well-formed frames of other channels, markets and former protocols. */
  readonly foreign: readonly Wire[];
  readonly rest: {
    /** A list of the subject's market, and of `others[0]` spoilt in one field when asked for. */
    instruments(state: 'trading' | 'halted', withBroken?: boolean): unknown;
    /** Answers to `instrumentDetails` about the same markets; absent where the list is complete. */
    readonly details?: readonly unknown[];
    readonly rules: { readonly tickSize: string; readonly lotSize: string };
    readonly errors: readonly { readonly body: unknown; readonly tooFast: boolean }[];
    /** The answer that says 1,790,000,000,123 ms; headers for exchanges that only have those. */
    readonly time: { readonly body: unknown; readonly headers?: Readonly<Record<string, string>> };
  };
}

export const BIDS: Levels = [
  ['100', '5'],
  ['99', '6'],
];
export const ASKS: Levels = [
  ['101', '7'],
  ['102', '8'],
];

/** A frame or an answer as it stands on the wire. */
export const textOf = (wire: unknown): string => (typeof wire === 'string' ? wire : JSON.stringify(wire));

/** Change `n` where there are changes; where every frame is a whole book, the book that it leads to. */
export function changed(
  subject: Subject,
  n: number,
  change: { readonly bids?: Levels; readonly asks?: Levels; readonly symbol?: string },
): Wire {
  const { bids, asks, symbol } = change;
  if (subject.delta !== null) return subject.delta(n, bids ?? [], asks ?? [], symbol);
  return subject.snapshot(n, bids ?? BIDS, asks ?? ASKS, symbol);
}

export const needsDeltas = ({ syncRule }: Capabilities): boolean => syncRule !== 'whole';

/** Brings a feed to a trusted book of `BIDS` and `ASKS` as of change 101. */
export function begin(rig: FeedRig, subject: Subject, source: Capabilities['snapshotSource']): void {
  if (source === 'rest') rig.give(subject.delta!(100, [], []));
  load(rig, subject, source, 100, BIDS, ASKS);
}

/** A new snapshot of change `n` as the exchange gives one when it is asked, and the empty change after it. */
export function load(
  rig: FeedRig,
  subject: Subject,
  source: Capabilities['snapshotSource'],
  n: number,
  bids: Levels,
  asks: Levels,
): void {
  const body = subject.snapshot(n, bids, asks);
  if (source === 'rest') {
    for (let i = 0; i < 8 && rig.requests.length === 0; i++) rig.wait(1000);
    if (rig.requests.length === 0) throw new Error('no snapshot is asked for');
    rig.answer(body);
  } else {
    rig.give(body);
  }
  if (subject.delta !== null) rig.give(subject.delta(n + 1, [], []));
}
