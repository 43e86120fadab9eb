/** People's messenger as a port: production is Telegram's Bot API. Nothing here rejects: what went wrong is an answer. */

export interface Button {
  readonly label: string;
  /** Comes back when it is pressed, at most 64 bytes. */
  readonly data: string;
}

export interface OutgoingMessage {
  readonly chat: string;
  /** Plain text, 1 to 4,096 UTF-16 units. */
  readonly text: string;
  readonly silent: boolean;
  /** One row. */
  readonly buttons: readonly Button[];
}

/** Why a call was not answered as wished. */
export type MessengerTrouble =
  /** Too many: not again before that. */
  | { readonly kind: 'wait'; readonly ms: number }
  /** This message, or this chat, is not taken; the same again would be refused again. */
  | { readonly kind: 'refused'; readonly about: 'message' | 'chat'; readonly reason: string }
  /** The credentials are wrong. */
  | { readonly kind: 'denied'; readonly reason: string }
  /** Somebody else reads the messages of this bot. */
  | { readonly kind: 'conflict'; readonly reason: string }
  /** No answer, or one of a server in trouble: whether it happened is not known. */
  | { readonly kind: 'failed'; readonly reason: string };

export type SendAnswer = { readonly kind: 'sent'; readonly messageId: number } | MessengerTrouble;

/** What a person wrote or pressed. */
export interface ChatEvent {
  readonly kind: 'text' | 'button';
  readonly chat: string;
  /** Null where the messenger does not say it (posts of a channel). */
  readonly user: string | null;
  /** Of the message that was written, or under which the button is. */
  readonly messageId: number;
  /** What was written, or the data of the button. */
  readonly text: string;
  /** Of a press: it wants an answer. */
  readonly pressId: string | null;
  /** Of a press: the text of the message above the button; null where the messenger does not send it along. */
  readonly above: string | null;
  /** When it was written by the messenger's clock, Unix ms; null for a press. */
  readonly atMs: number | null;
}

export type UpdatesAnswer =
  | { readonly kind: 'updates'; readonly events: readonly ChatEvent[]; readonly nextOffset: number }
  | MessengerTrouble;

export interface Messenger {
  /** Who the bot is. */
  me(signal?: AbortSignal): Promise<{ readonly kind: 'me'; readonly name: string } | MessengerTrouble>;
  send(message: OutgoingMessage, signal?: AbortSignal): Promise<SendAnswer>;
  /** Waits up to `waitSeconds` for what is new from `offset` on; asking with a larger offset forgets what is before it. */
  updates(offset: number, waitSeconds: number, signal?: AbortSignal): Promise<UpdatesAnswer>;
  /** Ends the waiting sign on a pressed button, with a short text. */
  answerPress(
    pressId: string,
    text: string,
    signal?: AbortSignal,
  ): Promise<{ readonly kind: 'done' } | MessengerTrouble>;
  /** Replaces the text of a message of ours, and takes its buttons away. */
  replace(
    chat: string,
    messageId: number,
    text: string,
    signal?: AbortSignal,
  ): Promise<{ readonly kind: 'done' } | MessengerTrouble>;
}

/** A message longer than this is refused. */
export const MAX_MESSAGE_TEXT = 4_096;
