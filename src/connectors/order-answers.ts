import { ArbotError } from '../messages/errors.js';
import { excerpt } from './frame-error.js';
import { parseJson, type ParseLimits } from './frame-parser.js';
import type {
  CancelAnswer,
  ExchangeAnswer,
  NoAnswer,
  OrderAnswer,
  PlaceAnswer,
  RowsAnswer,
} from './order-entry.js';

/**
 * What an answer of an exchange comes to, whatever was asked (PROTOCOLS §2). Statuses first, then the body: 5xx, redirects and
 * bodies that are no answer of that exchange say nothing about the outcome, never "rejected". An error body is read by its code,
 * also under status 200.
 */

export type Fault = Extract<PlaceAnswer, { kind: 'rejected' }>['fault'];

/** What a code means. `absent`: there is no such order, or no longer one that could be cancelled. */
export type Meaning = Fault | 'duplicate' | 'absent' | 'limited' | 'unknown';

/** An error in the exchange's own words. */
export interface ErrorSaid {
  readonly code: string;
  /** As received; it is cut before it goes further. */
  readonly message: unknown;
  readonly meaning: Meaning;
  /** How long "too fast" lasts where neither status nor headers say it; absent = they do. */
  readonly pauseMs?: number;
}

/** How one exchange wraps its answers. */
export interface Envelope {
  /** Statuses of "too fast": the call was not carried out, unless the body has a code that leaves it open (OKX 50013). */
  readonly tooFast: readonly number[];
  /** The error in a body that is JSON; null = content. @throws FrameError */
  errorIn(value: unknown, status: number): ErrorSaid | null;
}

/** A list of a thousand orders has about a megabyte; nothing that is asked for is larger. */
const BODY_LIMITS: ParseLimits = { maxBytes: 4 << 20, maxDepth: 32 };

export function unknownAnswer(code: string, reason: string): NoAnswer {
  return { kind: 'unknown', code, reason };
}

/** Content goes to `content`, an error with an outcome to `said`. Never throws for what was received. */
export function readAnswer<Result>(
  { status, body }: ExchangeAnswer,
  envelope: Envelope,
  content: (value: unknown) => Result,
  said: (error: ErrorSaid) => Result,
): Result | NoAnswer {
  if (envelope.tooFast.includes(status)) return tooFast(status, body, envelope);
  if (!(status >= 200 && status < 300) && !(status >= 400 && status < 500))
    return unknownAnswer(`HTTP ${status}`, excerptOf(body));
  try {
    const value = parseJson(body, BODY_LIMITS);
    const error = envelope.errorIn(value, status);
    if (error === null)
      return status < 300 ? content(value) : unknownAnswer(`HTTP ${status}`, excerptOf(body));
    if (error.meaning === 'limited')
      return { kind: 'limited', code: error.code, pauseMs: error.pauseMs ?? null };
    return error.meaning === 'unknown' ? unknownAnswer(error.code, excerpt(error.message)) : said(error);
  } catch (error) {
    if (!(error instanceof ArbotError)) throw error;
    return unknownAnswer(status < 300 ? 'BODY' : `HTTP ${status}`, error.message);
  }
}

function tooFast(status: number, body: Buffer, envelope: Envelope): NoAnswer {
  const limited = { kind: 'limited', code: `HTTP ${status}`, pauseMs: null } as const;
  try {
    const said = envelope.errorIn(parseJson(body, BODY_LIMITS), status);
    return said?.meaning === 'unknown' ? unknownAnswer(said.code, excerpt(said.message)) : limited;
  } catch (error) {
    if (!(error instanceof ArbotError)) throw error;
    return limited;
  }
}

function excerptOf(body: Buffer): string {
  return excerpt(body.toString('utf8', 0, 256));
}

const FAULTS: readonly Meaning[] = ['order', 'funds', 'account', 'expired', 'market'] satisfies Fault[];

const isFault = (meaning: Meaning): meaning is Fault => FAULTS.includes(meaning);

/** A code that belongs to another kind of call is not understood here. */
function misplaced({ code, message }: ErrorSaid): NoAnswer {
  return unknownAnswer(code, excerpt(message));
}

export function placeRefusal(error: ErrorSaid): PlaceAnswer {
  const { code, message, meaning } = error;
  if (meaning === 'duplicate') return { kind: 'duplicate', code };
  if (!isFault(meaning)) return misplaced(error);
  return { kind: 'rejected', code, reason: excerpt(message), fault: meaning };
}

export function cancelRefusal(error: ErrorSaid): CancelAnswer {
  const { code, message, meaning } = error;
  if (meaning === 'absent') return { kind: 'gone', code };
  return isFault(meaning) ? { kind: 'refused', code, reason: excerpt(message) } : misplaced(error);
}

export function lookupRefusal(error: ErrorSaid): OrderAnswer {
  const { code, message, meaning } = error;
  if (meaning === 'absent') return { kind: 'notFound', code };
  return isFault(meaning) ? { kind: 'refused', code, reason: excerpt(message) } : misplaced(error);
}

export function rowsRefusal<Row>(error: ErrorSaid): RowsAnswer<Row> {
  const { code, message, meaning } = error;
  return isFault(meaning) || meaning === 'absent'
    ? { kind: 'refused', code, reason: excerpt(message) }
    : misplaced(error);
}
