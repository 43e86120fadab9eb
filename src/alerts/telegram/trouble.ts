import { GrammyError, HttpError } from 'grammy';
import { z } from 'zod';
import { errorText } from '../../messages/errors.js';
import type { MessengerTrouble } from '../../ports/messenger.js';

const parameters = z.object({ retry_after: z.number().min(0).max(86_400).optional() });
/** Where Telegram says to wait without saying how long. */
const DEFAULT_WAIT_MS = 5_000;
const MAX_REASON = 200;

/** Of a chat rather than of the message: it is not there, or the bot may not write there (any more). */
const ABOUT_CHAT =
  /chat not found|bot was (?:kicked|blocked)|user is deactivated|not enough rights|have no rights|group chat was (?:deactivated|upgraded)|peer_id_invalid|forbidden/i;

/** What an error of the Bot API means. The token is in none of these texts: grammY's own messages leave it out. */
export function troubleOf(error: unknown): MessengerTrouble {
  if (error instanceof GrammyError) return answered(error);
  if (error instanceof HttpError) return failed(`no answer (${errorText(error.error)})`);
  return failed(errorText(error));
}

function answered(error: GrammyError): MessengerTrouble {
  const reason = `${error.error_code} ${error.description}`.slice(0, MAX_REASON);
  switch (error.error_code) {
    case 429: {
      const parsed = parameters.safeParse(error.parameters);
      const seconds = parsed.success ? parsed.data.retry_after : undefined;
      return { kind: 'wait', ms: seconds === undefined ? DEFAULT_WAIT_MS : Math.ceil(seconds * 1_000) };
    }
    // 404: no bot has this token.
    case 401:
    case 404:
      return { kind: 'denied', reason };
    case 409:
      return { kind: 'conflict', reason };
    case 400:
    case 403:
    case 413: {
      const isChat = error.error_code === 403 || ABOUT_CHAT.test(error.description);
      return { kind: 'refused', about: isChat ? 'chat' : 'message', reason };
    }
    default:
      return failed(reason);
  }
}

const failed = (reason: string): MessengerTrouble => ({
  kind: 'failed',
  reason: reason.slice(0, MAX_REASON),
});
