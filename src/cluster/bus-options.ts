import type { Logger } from '../ports/log.js';
import type { Ids } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';

/** What both transports are made of. */
export interface BusOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Logger;
  /** Who sends: the node's name. Letters, digits and `._:/-`. */
  readonly sender: string;
  /** Requests waiting for an answer at once; one more rejects with ARB_MAILBOX_FULL. */
  readonly maxPendingRequests?: number;
}

export const DEFAULT_PENDING_REQUESTS = 4_096;
/** Requests that one responder works on at once; one more is answered with ARB_MAILBOX_FULL. */
export const MAX_REQUESTS_IN_HAND = 1_024;
/** Queue group of all responders: of several on one subject, one gets the request. */
export const RESPONDERS = 'responders';
