/**
 * What an exchange promises about orders, as data (PROTOCOLS §1.1). Order entry, the gateway's fence and the contract suite
 * read the same rows, so that a rule stands in one place.
 */

export interface ClientIdRule {
  /** Name of the field on the wire. */
  readonly field: string;
  /** A whole id matches this expression. */
  readonly pattern: RegExp;
  /** When the exchange takes an id again. `open`: once the earlier order is no longer open; `never`: burned for ever. */
  readonly reuse: 'open' | 'never' | 'unknown';
  /** How long a finished order is found by its id, ms; null = long enough not to matter. */
  readonly lookupMs: number | null;
}

/** The exchange's own fence against late orders; `none` where it has no such field. */
export type RequestExpiry =
  | { readonly kind: 'none' }
  /** Valid for so long after the stamp of the request. */
  | { readonly kind: 'window'; readonly field: string; readonly defaultMs: number; readonly maxMs: number }
  /** Valid until a time of day. */
  | { readonly kind: 'deadline'; readonly field: string };

/** Cancels everything when we are no longer heard. */
export type DeadManSwitch =
  | { readonly kind: 'none' }
  | { readonly kind: 'timer'; readonly minMs: number; readonly maxMs: number; readonly scope: string };

export interface OrderCapabilities {
  readonly clientId: ClientIdRule;
  readonly requestExpiry: RequestExpiry;
  readonly deadManSwitch: DeadManSwitch;
  /** The field and the word that cancel our own new order rather than trade with ourselves; null = none, or not ours to set. */
  readonly selfTradePrevention: { readonly field: string; readonly cancelTaker: string } | null;
  /** Quote tickers in whose markets an order may be immediate-or-cancel; absent = in all. Others are never traded. */
  readonly immediateOrCancelQuotes?: readonly string[];
}

/** Whether the exchange itself refuses a request that comes too late. */
export const isFenced = ({ requestExpiry }: Pick<OrderCapabilities, 'requestExpiry'>): boolean =>
  requestExpiry.kind !== 'none';
