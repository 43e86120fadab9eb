import { errorText } from '../messages/errors.js';
import type { Logger } from '../ports/log.js';

export interface AuditLine {
  /** What is done: `kill-switch`, `risk.control` … */
  readonly action: string;
  /** Who asked, and over what. */
  readonly by: string;
  readonly [detail: string]: unknown;
}

/**
 * An action of a person with its lines in the audit log: one before it, so that it is there even if the action ends the process, and
 * one with its outcome. Answers and rejects as the action does.
 */
export async function audited<T>(log: Logger, line: AuditLine, run: () => Promise<T>): Promise<T> {
  const fields = { audit: true, ...line };
  log.info({ ...fields, outcome: 'accepted' }, 'operator action');
  const result = await run().catch((error: unknown) => {
    log.warn({ ...fields, outcome: 'failed', error: errorText(error) }, 'operator action');
    throw error;
  });
  log.info({ ...fields, outcome: 'done' }, 'operator action');
  return result;
}
