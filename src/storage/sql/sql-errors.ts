import { ArbotError, errorText } from '../../messages/errors.js';

/** The part of an engine's error that the mapping reads; `code` is an SQLSTATE or a system error name. */
export interface EngineError {
  readonly code: string | undefined;
  readonly message: string;
  readonly constraint?: string | undefined;
}

export function engineError(error: unknown): EngineError {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
  return {
    code: typeof code === 'string' ? code : undefined,
    message: errorText(error),
    constraint: typeof constraint === 'string' ? constraint : undefined,
  };
}

/**
 * SQLSTATE (PostgreSQL manual, Appendix A) to the catalogue. AR001 to AR003 are raised by the project's own triggers.
 * An engine that does not answer is retryable, a broken rule never is.
 */
export function toArbotError(error: EngineError): ArbotError {
  const { code, message } = error;
  const where = error.constraint === undefined ? '' : ` (${error.constraint})`;
  if (code === 'AR001') return new ArbotError('ARB_LEDGER_UNBALANCED', message);
  if (code === 'AR003') return new ArbotError('ARB_FENCE_STALE', message);
  if (code === 'AR002' || code?.startsWith('23') === true || code?.startsWith('22') === true)
    return new ArbotError('ARB_STORE_CONFLICT', `${message}${where}`);
  if (code !== undefined && isDefect(code))
    return new ArbotError('ARB_INVARIANT', `the database refused a statement: ${code} ${message}`);
  return new ArbotError('ARB_STORE_UNAVAILABLE', `the database does not answer: ${message}`, {
    retryable: code === undefined || !isSetup(code),
  });
}

/** Class 42 (syntax, undefined object, privilege), 0A (unsupported), 25 (transaction state), 34, 26: wrong SQL. */
function isDefect(code: string): boolean {
  return /^(42|0A|25|26|34)/.test(code) && code !== '42501' && code !== '25006' && code !== '25P03';
}

/** Wrong password, unknown database, no privilege: the same call will not succeed without a person. */
function isSetup(code: string): boolean {
  return code.startsWith('28') || code.startsWith('3D') || code === '42501';
}
