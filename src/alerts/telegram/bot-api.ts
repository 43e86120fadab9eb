import { Api } from 'grammy';
import { z } from 'zod';
import type {
  ChatEvent,
  Messenger,
  MessengerTrouble,
  OutgoingMessage,
  SendAnswer,
  UpdatesAnswer,
} from '../../ports/messenger.js';
import type { HttpClient } from '../../ports/network.js';
import { portFetch } from './port-fetch.js';
import { troubleOf } from './trouble.js';

export interface BotApiOptions {
  readonly token: string;
  /** Of one's own Bot API server; absent = Telegram's. Without a slash at its end. */
  readonly apiRoot?: string;
  readonly http: HttpClient;
}

const TIMEOUT_MS = 15_000;
/** Beyond the wait of a long poll. */
const POLL_MARGIN_MS = 10_000;
const LONGEST_WAIT_S = 50;
const MAX_UPDATES = 100;
/** Telegram's bound of a text that a press is answered with. */
const MAX_PRESS_TEXT = 200;

const idOf = z.union([z.number().int(), z.string()]).transform(String);
const chat = z.object({ id: idOf });
const from = z.object({ id: idOf });
const updateSchema = z.object({
  update_id: z.number().int(),
  message: z
    .object({
      message_id: z.number().int(),
      date: z.number(),
      chat,
      from: from.optional(),
      text: z.string().max(8_192).optional(),
    })
    .optional(),
  callback_query: z
    .object({
      id: z.string().max(128),
      from,
      data: z.string().max(256).optional(),
      message: z
        .object({ message_id: z.number().int(), chat, text: z.string().max(8_192).optional() })
        .optional(),
    })
    .optional(),
});
const numbered = z.object({ update_id: z.number().int() });
const sentSchema = z.object({ message_id: z.number().int() });
const meSchema = z.object({ username: z.string().min(1).max(64) });

/**
 * Telegram's Bot API through grammY: one call each, without its own waiting and repeating, since whoever sends keeps the queue and
 * composes anew after a pause. Nothing rejects, and no answer of the API is believed without a check.
 */
export class BotApi implements Messenger {
  private readonly api: Api;
  private readonly polling: Api;

  constructor({ token, apiRoot, http }: BotApiOptions) {
    const apiOver = (timeoutMs: number): Api =>
      new Api(token, {
        ...(apiRoot !== undefined && { apiRoot }),
        fetch: portFetch(http, timeoutMs),
      });
    this.api = apiOver(TIMEOUT_MS);
    this.polling = apiOver(LONGEST_WAIT_S * 1_000 + POLL_MARGIN_MS);
  }

  me(signal?: AbortSignal) {
    return asked(async () => {
      const me = meSchema.parse(await this.api.getMe(signal as never));
      return { kind: 'me' as const, name: me.username };
    });
  }

  send({ chat: chatId, text, silent, buttons }: OutgoingMessage, signal?: AbortSignal): Promise<SendAnswer> {
    const keyboard = buttons.map(({ label, data }) => ({ text: label, callback_data: data }));
    const extra = {
      link_preview_options: { is_disabled: true },
      disable_notification: silent,
      ...(keyboard.length > 0 && { reply_markup: { inline_keyboard: [keyboard] } }),
    };
    return asked(async () => {
      const sent = sentSchema.parse(await this.api.sendMessage(chatId, text, extra, signal as never));
      return { kind: 'sent' as const, messageId: sent.message_id };
    });
  }

  updates(offset: number, waitSeconds: number, signal?: AbortSignal): Promise<UpdatesAnswer> {
    const timeout = Math.min(waitSeconds, LONGEST_WAIT_S);
    const ask = {
      offset,
      limit: MAX_UPDATES,
      timeout,
      allowed_updates: ['message', 'callback_query'] as const,
    };
    return asked(async () => eventsOf(await this.polling.getUpdates(ask, signal as never), offset));
  }

  answerPress(pressId: string, text: string, signal?: AbortSignal) {
    const said = { text: text.slice(0, MAX_PRESS_TEXT) };
    return asked(async () => {
      await this.api.answerCallbackQuery(pressId, said, signal as never);
      return { kind: 'done' as const };
    });
  }

  replace(chatId: string, messageId: number, text: string, signal?: AbortSignal) {
    return asked(async () => {
      await this.api.editMessageText(chatId, messageId, text, {}, signal as never);
      return { kind: 'done' as const };
    });
  }
}

async function asked<T>(call: () => Promise<T>): Promise<T | MessengerTrouble> {
  try {
    return await call();
  } catch (error) {
    return troubleOf(error);
  }
}

/** What cannot be read is passed over: asked again it would come again for ever. */
function eventsOf(updates: readonly unknown[], offset: number): UpdatesAnswer {
  let nextOffset = offset;
  const events: ChatEvent[] = [];
  for (const update of updates.slice(0, MAX_UPDATES)) {
    const number = numbered.safeParse(update);
    if (number.success) nextOffset = Math.max(nextOffset, number.data.update_id + 1);
    const parsed = updateSchema.safeParse(update);
    const event = parsed.success ? eventOf(parsed.data) : null;
    if (event !== null) events.push(event);
  }
  return { kind: 'updates', events, nextOffset };
}

function eventOf({ message, callback_query: press }: z.output<typeof updateSchema>): ChatEvent | null {
  if (message?.text !== undefined)
    return {
      kind: 'text',
      chat: message.chat.id,
      user: message.from?.id ?? null,
      messageId: message.message_id,
      text: message.text,
      pressId: null,
      above: null,
      atMs: message.date * 1_000,
    };
  if (press?.message === undefined) return null;
  return {
    kind: 'button',
    chat: press.message.chat.id,
    user: press.from.id,
    messageId: press.message.message_id,
    text: press.data ?? '',
    pressId: press.id,
    above: press.message.text ?? null,
    atMs: null,
  };
}
