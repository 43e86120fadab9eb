import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Bot API server as Telegram's behaves towards a bot, on loopback: what it refuses there it refuses here. */

export const TOKEN = '123456789:AAabcdefghijklmnopqrstuvwxyz_012345';

export interface SentMessage {
  readonly chatId: string;
  readonly messageId: number;
  readonly text: string;
  readonly silent: boolean;
  readonly buttons: readonly { readonly text: string; readonly callback_data: string }[];
  readonly atMs: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const ok = (result: unknown): Answer => ({ status: 200, body: { ok: true, result } });
const refused = (code: number, description: string, parameters?: object): Answer => ({
  status: code,
  body: { ok: false, error_code: code, description, ...(parameters !== undefined && { parameters }) },
});

export class BotApiServer {
  readonly sent: SentMessage[] = [];
  readonly edits: { readonly messageId: number; readonly text: string }[] = [];
  readonly pressAnswers: { readonly id: string; readonly text: string }[] = [];
  readonly calls: string[] = [];
  /** What the next calls of `sendMessage` meet, first come first. */
  readonly plan: ('429' | '500' | 'page' | 'hang up')[] = [];
  retryAfterSeconds = 1;
  /** Nothing answers. */
  isAway = false;
  /** Chats that do not exist. */
  readonly missingChats = new Set<string>();
  private readonly server: Server;
  private updates: { readonly update_id: number; readonly [what: string]: unknown }[] = [];
  private nextUpdate = 1_000;
  private nextMessage = 1;
  private poll: { readonly answer: () => void; readonly conflict: () => void } | null = null;

  private constructor() {
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  static async start(): Promise<BotApiServer> {
    const server = new BotApiServer();
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.poll?.answer();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A person writes. */
  write(chat: string, user: string, text: string, atMs = Date.now()): void {
    this.push({
      message: {
        message_id: this.nextMessage++,
        date: Math.floor(atMs / 1_000),
        chat: { id: Number(chat), type: chat.startsWith('-') ? 'group' : 'private' },
        from: { id: Number(user), is_bot: false, first_name: 'A person' },
        text,
      },
    });
  }

  /** A person presses the button of a message that says so. */
  press(message: SentMessage, label: string, user: string): string {
    const button = message.buttons.find(({ text }) => text === label);
    if (button === undefined) throw new Error(`no button ${label}`);
    return this.pressData(message, button.callback_data, user);
  }

  pressData(message: SentMessage, data: string, user: string): string {
    const id = `press-${this.nextUpdate}`;
    this.push({
      callback_query: {
        id,
        from: { id: Number(user), is_bot: false, first_name: 'A person' },
        chat_instance: '1',
        data,
        message: { message_id: message.messageId, chat: { id: Number(message.chatId) }, text: message.text },
      },
    });
    return id;
  }

  /** An update as it is, for what a bot may meet. */
  push(update: object): void {
    this.updates.push({ update_id: this.nextUpdate++, ...update });
    this.poll?.answer();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (this.isAway) return void request.socket.destroy();
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>;
    this.calls.push(method ?? '');
    const answer =
      token === TOKEN ? await this.answer(method ?? '', body, request) : refused(401, 'Unauthorized');
    if (answer === null) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  }

  private async answer(method: string, body: Record<string, unknown>, request: IncomingMessage) {
    switch (method) {
      case 'getMe':
        return ok({ id: 123456789, is_bot: true, first_name: 'ArBot', username: 'arbot_test_bot' });
      case 'sendMessage':
        return this.send(body, request);
      case 'getUpdates':
        return this.longPoll(body);
      case 'answerCallbackQuery':
        this.pressAnswers.push({ id: String(body['callback_query_id']), text: String(body['text']) });
        return ok(true);
      case 'editMessageText':
        this.edits.push({ messageId: Number(body['message_id']), text: String(body['text']) });
        return ok({ message_id: body['message_id'] });
      default:
        return refused(404, 'Not Found: method not found');
    }
  }

  private send(body: Record<string, unknown>, request: IncomingMessage): Answer | null {
    const fault = this.plan.shift();
    if (fault === '429')
      return refused(429, `Too Many Requests: retry after ${this.retryAfterSeconds}`, {
        retry_after: this.retryAfterSeconds,
      });
    if (fault === '500') return refused(500, 'Internal Server Error');
    if (fault === 'page') return { status: 502, body: '<html>Bad Gateway</html>' };
    if (fault === 'hang up') {
      request.socket.destroy();
      return null;
    }
    const chatId = String(body['chat_id']);
    const text = typeof body['text'] === 'string' ? body['text'] : '';
    if (this.missingChats.has(chatId)) return refused(400, 'Bad Request: chat not found');
    if (text === '') return refused(400, 'Bad Request: message text is empty');
    if (text.length > 4_096) return refused(400, 'Bad Request: message is too long');
    const markup = body['reply_markup'] as { inline_keyboard?: SentMessage['buttons'][] } | undefined;
    const buttons = markup?.inline_keyboard?.flat() ?? [];
    if (buttons.some(({ callback_data: data }) => Buffer.byteLength(data) > 64))
      return refused(400, 'Bad Request: BUTTON_DATA_INVALID');
    const messageId = this.nextMessage++;
    const silent = body['disable_notification'] === true;
    this.sent.push({ chatId, messageId, text, silent, buttons, atMs: Date.now() });
    return ok({ message_id: messageId, date: 0, chat: { id: Number(chatId), type: 'private' }, text });
  }

  /** A second reader ends the first one's question, as Telegram does. */
  private longPoll(body: Record<string, unknown>): Promise<Answer> {
    const offset = Number(body['offset'] ?? 0);
    this.updates = this.updates.filter((update) => update.update_id >= offset);
    this.poll?.conflict();
    if (this.updates.length > 0) return Promise.resolve(ok([...this.updates]));
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(ok([...this.updates])), Number(body['timeout'] ?? 0) * 1_000);
      const finish = (answer: Answer): void => {
        clearTimeout(timer);
        this.poll = null;
        resolve(answer);
      };
      this.poll = {
        answer: () => finish(ok([...this.updates])),
        conflict: () => finish(refused(409, 'Conflict: terminated by other getUpdates request')),
      };
    });
  }
}
