import type { ArbotError } from '../messages/errors.js';
import type { FeedState, InstrumentState, TradePrint } from '../messages/feed.js';
import type { InstrumentId } from '../messages/primitives.js';
import type { RestRequest } from './base.js';

/** A REST request of the feed; the answer comes back with its id. */
export interface FeedRequest {
  readonly id: number;
  readonly symbol: string;
  readonly request: RestRequest;
}

/** What a feed asks of its owner. Called synchronously; none of them may throw for a slow outside. */
export interface FeedEffects {
  send(frame: string): void;
  request(request: FeedRequest): void;
  /** Give up this connection and open a new one. */
  reconnect(reason: string): void;
  /** The exchange will end this connection soon: open the next one beside it. Absent = `reconnect`. */
  renew?(reason: string): void;
  /** The exchange has greeted. */
  welcomed?(): void;
  /** `instrument` null = the whole connection. */
  status(instrument: InstrumentId | null, state: FeedState, reason: string): void;
  instrumentState(instrument: InstrumentId, state: InstrumentState, reason: string): void;
  trade(print: TradePrint): void;
  /** Beyond what the feed can heal: the owner ends as a crash. */
  fail(error: ArbotError): void;
}
