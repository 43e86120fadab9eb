import { ArbotError, errorText } from '../../messages/errors.js';
import type { ChildFailure } from '../child/protocol.js';

/** Codes of ClickHouse (its source, ErrorCodes.cpp) that say the statement itself is wrong: a defect of ArBot. */
const DEFECTS = new Set(['36', '42', '43', '46', '47', '62', '63', '456', '457']);
/** Values that a column cannot hold; the border should have refused them. */
const VALUES = new Set(['6', '26', '27', '38', '41', '53', '69', '72', '117', '131', '349', '407', '691']);
/** Wrong password, no privilege, no such database: a person has to act. */
const SETUP = new Set(['81', '192', '193', '194', '195', '497', '516']);

const MESSAGE_LENGTH = 300;

/** The first line of what an engine said; a stack trace follows in some versions. */
function shortened(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, MESSAGE_LENGTH);
}

/** The engine's refusal, or the network's failure, as the catalogue knows it. */
export function tickFailure({ code, message }: ChildFailure): ArbotError {
  const text = shortened(message);
  if (code !== undefined && VALUES.has(code)) return new ArbotError('ARB_STORE_CONFLICT', text);
  if (code !== undefined && DEFECTS.has(code))
    return new ArbotError('ARB_INVARIANT', `the tick store refused a statement: ${code} ${text}`);
  return new ArbotError('ARB_STORE_UNAVAILABLE', `the tick store does not answer: ${text}`, {
    retryable: code === undefined || !SETUP.has(code),
  });
}

/** Anything thrown by the client; an ArbotError passes. */
export function tickError(error: unknown): ArbotError {
  if (error instanceof ArbotError) return error;
  const { code } = (error ?? {}) as { code?: unknown };
  return tickFailure({ code: typeof code === 'string' ? code : undefined, message: errorText(error) });
}
