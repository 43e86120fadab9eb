/**
 * The catalogue of operational errors. Outcomes (a refused signal) are values, broken invariants are `invariant()`;
 * everything else that goes wrong is an ArbotError with one of these codes. `docs/errors.md` lists the same codes, and
 * a test compares both ways.
 */
export const ERROR_CODES = {
  ARB_ACTION_REFUSED: 'What a person asked for is not done; the message says why.',
  ARB_ACTOR_STOPPED: 'The actor asked is stopped or has crashed; no answer will come.',
  ARB_ACTOR_UNKNOWN: 'No actor of this node has the path.',
  ARB_ASK_TIMEOUT: 'No answer arrived in time. For an order this means: outcome unknown.',
  ARB_CHECKSUM: 'A book does not match the checksum its exchange sent.',
  ARB_CLI_USAGE: 'The command line names an unknown command, option or value.',
  ARB_COMPUTE_BUSY: 'The bounded queue of heavy computations is full.',
  ARB_COMPUTE_FAILED: 'A heavy computation failed, or its worker ended before it was done.',
  ARB_CONFIG_INVALID: 'A configuration file has keys or values that are refused; each is named.',
  ARB_FX_INVALID: 'What an address answers for a bank rate is no rate.',
  ARB_DECIMAL_INVALID: 'A text is not a plain decimal number in the accepted range.',
  ARB_EXCHANGE_ERROR: 'The exchange answered with an error.',
  ARB_FEED_PROCESS: 'The process of a feed crashed, ended, fell silent or sent something unknown.',
  ARB_FENCE_STALE: 'A journal row was refused: its writer does not hold the lease of who may trade.',
  ARB_FOLDER_LOCKED: 'Another ArBot process is using this data folder.',
  ARB_FRAME_INVALID: 'A frame from an exchange has a wrong shape; the field is named.',
  ARB_HANDLER_HUNG: 'A message handler ran longer than its limit.',
  ARB_HOST_FAILED: 'A step of a launch failed on a machine; machine, step and its output are named.',
  ARB_HTTP_FAILED: 'An HTTP request failed before an answer came.',
  ARB_HTTP_TIMEOUT: 'An HTTP request got no answer in time.',
  ARB_HTTP_TOO_LARGE: 'An HTTP answer is larger than allowed.',
  ARB_INVARIANT: 'A broken invariant: a defect in ArBot itself.',
  ARB_LEDGER_UNBALANCED: 'The postings of a ledger entry do not sum to zero for an asset.',
  ARB_MAILBOX_FULL: 'The bounded mailbox of an actor refused a message.',
  ARB_MESSAGE_INVALID: 'A message does not match the schema of its kind.',
  ARB_MESSAGE_TOO_LARGE: 'A message is larger than the bus allows.',
  ARB_MIGRATION_REFUSED:
    'The schema of a database does not fit the migrations of this version; the file is named.',
  ARB_MODE_MIXED: 'A data folder written in one mode was opened in another.',
  ARB_NO_RESPONDER: 'Nobody answers requests on this subject.',
  ARB_RATE_LIMITED: 'The budget of calls to an exchange is spent, or the exchange told us to wait.',
  ARB_RECORDING_INVALID: 'A recording cannot be replayed; file and line are named.',
  ARB_RESPONDER_FAILED: 'The answering side of a request failed. For an order this means: outcome unknown.',
  ARB_SOCKET_FAILED: 'A WebSocket connection failed.',
  ARB_STALE_INCARNATION: 'An effect of a former incarnation of an actor was refused.',
  ARB_STORE_CONFLICT: 'A row exists already or breaks a constraint.',
  ARB_STORE_UNAVAILABLE: 'A store does not answer.',
  ARB_VAULT_REFUSED: 'The key vault does not open: wrong password, changed file, or no such key.',
  ARB_VAULT_UNSAFE: 'Others than its owner could read or replace the key vault.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export class ArbotError extends Error {
  readonly code: ErrorCode;
  /** True when the same call may succeed later without any change. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ArbotError';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Throws ARB_INVARIANT when a condition that ArBot itself guarantees does not hold. Never for input from outside. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ArbotError('ARB_INVARIANT', message);
}

/** The text of anything thrown, never empty. */
export function errorText(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message;
  return String(error);
}
