import { ArbotError } from '../messages/errors.js';
import { excerpt } from './frame-error.js';
import { asFields, type Fields } from './fields.js';
import { parseJson, REST_LIMITS } from './frame-parser.js';

/** A REST answer as an object. @throws FrameError */
export function parseAnswer(body: Buffer, exchange: string): Fields {
  return asFields(parseJson(body, REST_LIMITS), `${exchange} answer`);
}

/** The exchange answered with an error code of its own. `tooFast` codes mean: stop calling. */
export function exchangeError(
  exchange: string,
  code: string,
  message: unknown,
  tooFast: boolean,
): ArbotError {
  return new ArbotError(
    tooFast ? 'ARB_RATE_LIMITED' : 'ARB_EXCHANGE_ERROR',
    `${exchange} answered ${code}: ${excerpt(message)}`,
    { retryable: tooFast },
  );
}
