import type { Prng } from '../prng.js';
import type { Refusal } from './desk-types.js';

/** What may go wrong on the way of a request and its answer. They hit `place` unless the fault names another call. */
export const LINE_FAULTS = [
  'accept-then-timeout', // carried out, no answer
  'lose-request', // not carried out, no answer
  'place-late', // carried out after delayMs, no answer
  'error-5xx-placed', // carried out, answered with a server error
  'error-5xx-not-placed', // not carried out, answered with a server error
  'early-fill-push', // the stream tells of it before the answer, which comes after delayMs
  'slow', // reaches the engine and is answered after delayMs
] as const;
export type LineFault = (typeof LINE_FAULTS)[number];

/** What the exchange itself does wrong with an order. */
export const ORDER_FAULTS = [
  'reject', // refused with the exchange's own code for `refusal`
  'lie-missing', // acknowledged, and then nobody knows it
  'lie-overfill', // more is filled than was asked for
  'lie-off-tick', // filled at a price off the tick
  'leave-ioc-open', // the rest of an IOC order stays in the book
  'fill-after-cancel', // one more fill, delayMs after the order was told as cancelled
  'partial-then-disconnect', // filled in part; no answer, and the private connections break
] as const;
export type OrderFault = (typeof ORDER_FAULTS)[number];

/** What happens to the messages of the private stream. */
export const PUSH_FAULTS = [
  'duplicate-fill-push',
  'late-fill-push', // after delayMs
  'reorder-pushes', // after the one that follows
  'drop-pushes',
] as const;
export type PushFault = (typeof PUSH_FAULTS)[number];

/** States of the exchange, until they are switched off. */
export const STATE_FAULTS = [
  'ban', // every call is refused, with the time of the end where the exchange tells it
  'maintenance', // every private call gets 503, private connections are closed
  'skew', // the exchange's clock is wrong by skewMs
  'lie-negative-balance',
] as const;
export type StateFault = (typeof STATE_FAULTS)[number];

export type TradingFaultKind = LineFault | OrderFault | PushFault | StateFault;
export const TRADING_FAULT_KINDS: readonly TradingFaultKind[] = [
  ...LINE_FAULTS,
  ...ORDER_FAULTS,
  ...PUSH_FAULTS,
  ...STATE_FAULTS,
];

export type CallKind = 'place' | 'cancel' | 'query';

/** One misbehaviour as data (RELIABILITY F12-F19, F37). */
export interface TradingFault {
  readonly kind: TradingFaultKind;
  /** Default 1. */
  readonly probability?: number;
  /** Ends by itself after so many; for ever when absent. */
  readonly count?: number;
  /** The exchange's own name of a market; all when absent. */
  readonly symbol?: string;
  /** Which calls a fault of the line hits; `place` when absent. */
  readonly call?: CallKind;
  readonly delayMs?: number;
  readonly skewMs?: number;
  /** For `reject`; `insufficient_funds` when absent. */
  readonly refusal?: Refusal;
}

const DEFAULT_DELAY_MS: Readonly<Partial<Record<TradingFaultKind, number>>> = {
  'place-late': 3_000,
  'early-fill-push': 100,
  slow: 1_000,
  'fill-after-cancel': 500,
  'late-fill-push': 2_000,
  ban: 60_000,
};

export const delayOf = (fault: TradingFault): number => fault.delayMs ?? DEFAULT_DELAY_MS[fault.kind] ?? 0;

interface Entry {
  readonly fault: TradingFault;
  left: number;
}

/** The switches of one exchange's trading side. Which requests are hit follows from the seed and the order of calls. */
export class TradingFaultBoard {
  private readonly prng: Prng;
  private entries: Entry[] = [];

  constructor(prng: Prng) {
    this.prng = prng;
  }

  /** Switches a fault on; returns the switch that ends it. */
  add(fault: TradingFault): () => void {
    const entry: Entry = { fault, left: fault.count ?? Number.POSITIVE_INFINITY };
    this.entries.push(entry);
    return () => {
      this.entries = this.entries.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.entries = [];
  }

  /** A state that is on, without using it up. */
  state(kind: StateFault): TradingFault | null {
    return this.entries.find((entry) => entry.fault.kind === kind)?.fault ?? null;
  }

  takeLine(call: CallKind, symbol: string | null): TradingFault | null {
    return this.take(
      symbol,
      ({ kind, call: wanted = 'place' }) => isOneOf(LINE_FAULTS, kind) && wanted === call,
    );
  }

  takeOrder(symbol: string, kinds: readonly OrderFault[]): TradingFault | null {
    return this.take(symbol, ({ kind }) => isOneOf(kinds, kind));
  }

  takePush(symbol: string | null, isFill: boolean): TradingFault | null {
    return this.take(symbol, ({ kind }) => {
      if (kind === 'reorder-pushes' || kind === 'drop-pushes') return true;
      return isFill && (kind === 'duplicate-fill-push' || kind === 'late-fill-push');
    });
  }

  private take(symbol: string | null, wanted: (fault: TradingFault) => boolean): TradingFault | null {
    const entry = this.entries.find(({ fault }) => wanted(fault) && this.hits(fault, symbol));
    if (entry === undefined) return null;
    entry.left--;
    if (entry.left <= 0) this.entries = this.entries.filter((other) => other !== entry);
    return entry.fault;
  }

  private hits(fault: TradingFault, symbol: string | null): boolean {
    if (fault.symbol !== undefined && fault.symbol !== symbol) return false;
    return fault.probability === undefined || this.prng.next() < fault.probability;
  }
}

const isOneOf = (kinds: readonly TradingFaultKind[], kind: TradingFaultKind): boolean => kinds.includes(kind);
