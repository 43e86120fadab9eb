import type { Button, ChatEvent } from '../ports/messenger.js';
import {
  actionOf,
  commandOf,
  DANGEROUS_COMMANDS,
  helpText,
  questionOf,
  type Action,
  type Command,
  type DangerousCommand,
  type ReadingCommand,
} from './commands.js';
import { CONFIRM_WITHIN_MS, Confirmations, type Asker, type Confirmed } from './confirmations.js';
import { TokenBucket } from './token-bucket.js';

/** `none`: nobody is listened to. `read`: what changes nothing. `all`: pause, resume and kill too. */
export type CommandLevel = 'none' | 'read' | 'all';

export interface CommandDeskOptions {
  readonly level: CommandLevel;
  readonly chats: readonly string[];
  /** Null = everybody in these chats. */
  readonly users: readonly string[] | null;
  /** Of chance: for nonces and codes. */
  readonly bytes: (length: number) => Uint8Array;
  /** Judges the six digits that `/resume` asks for, each once; null = a button is enough. */
  readonly secondFactor: ((code: string, nowMs: number) => boolean) | null;
}

/** What to do about something that a person wrote or pressed. */
export type CommandStep =
  /** From a chat or a person that is not on the list: no answer. */
  | { readonly kind: 'stranger' }
  /** Not for us, or too much at once: no answer. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'reply'; readonly text: string; readonly buttons: readonly Button[] }
  | { readonly kind: 'read'; readonly what: Exclude<ReadingCommand, 'help' | 'ack'> }
  | { readonly kind: 'acknowledge'; readonly from: number; readonly to: number }
  | { readonly kind: 'act'; readonly action: Action }
  /** A press that does nothing, with the reason. */
  | { readonly kind: 'refuse'; readonly text: string };

/** What was written longer ago does not act: the bot was away, and the world has moved on. */
const MAX_AGE_MS = 60_000;
/** Per chat; beyond it commands are not answered. */
const RATE = { burst: 20, everyMs: 3_000 };

/** Who may tell the bot what, and what follows. It decides; whoever drives it carries out, answers and writes the audit lines. */
export class CommandDesk {
  private readonly options: CommandDeskOptions;
  private readonly confirmations = new Confirmations();
  private readonly rates: ReadonlyMap<string, TokenBucket>;

  constructor(options: CommandDeskOptions, nowMs: number) {
    this.options = options;
    this.rates = new Map(options.chats.map((chat) => [chat, new TokenBucket(RATE, nowMs)]));
  }

  /** `nowMs` monotonic; `wallMs` for the age of what was written and for second factors. */
  take(
    event: ChatEvent,
    botName: string,
    now: { readonly nowMs: number; readonly wallMs: number },
  ): CommandStep {
    const { chat, user, atMs } = event;
    const rate = this.rates.get(chat);
    if (rate === undefined) return { kind: 'stranger' };
    // People may talk in a group; only who wants something of the bot is told of.
    const wants = event.kind === 'button' || commandOf(event.text, botName) !== null;
    if (user === null || this.options.users?.includes(user) === false)
      return { kind: wants ? 'stranger' : 'nothing' };
    if (!rate.has(now.nowMs)) return { kind: 'nothing' };
    const asker = { chat, user };
    if (event.kind === 'button') {
      rate.take(now.nowMs);
      return this.pressed(asker, event.text, now.nowMs);
    }
    const command = commandOf(event.text, botName);
    if (command === null) return { kind: 'nothing' };
    rate.take(now.nowMs);
    if (atMs !== null && now.wallMs - atMs > MAX_AGE_MS)
      return reply('That was written while nobody listened. Send it again if you still want it.');
    return this.commanded(asker, command, now);
  }

  private commanded(
    asker: Asker,
    { name, rest }: Command,
    now: { readonly nowMs: number; readonly wallMs: number },
  ): CommandStep {
    const level = this.options.level === 'all' ? 'all' : 'read';
    if (isDangerous(name))
      return level === 'all'
        ? this.ask(asker, name, rest, now.nowMs)
        : reply(`/${name} is switched off here`);
    switch (name) {
      case 'start':
      case 'help':
        return reply(helpText(level));
      case 'ack':
        return { kind: 'acknowledge', from: 0, to: Number.MAX_SAFE_INTEGER };
      case 'confirm': {
        const isFactor = (code: string) => this.options.secondFactor?.(code, now.wallMs) ?? false;
        return written(this.confirmations.write(asker, rest, isFactor, now.nowMs));
      }
      default:
        return { kind: 'read', what: name };
    }
  }

  private ask(asker: Asker, name: DangerousCommand, rest: string, nowMs: number): CommandStep {
    const action = actionOf(name, rest);
    if (action === null)
      return reply(`/${name} takes the name of an exchange, such as /${name} okx, or nothing`);
    const [a = 0, b = 0, ...others] = this.options.bytes(8);
    const nonce = Buffer.from(others).toString('hex');
    // Adding risk again wants more than a press; stopping must be easy.
    const wantsFactor = action.kind === 'resume' && this.options.secondFactor !== null;
    const code = wantsFactor ? null : String((a * 256 + b) % 10_000).padStart(4, '0');
    this.confirmations.ask(asker, { action, nonce, code, askedMs: nowMs });
    const within = `within ${CONFIRM_WITHIN_MS / 1_000} seconds`;
    const how = wantsFactor
      ? `Write /confirm and the six digits of your authenticator ${within}.`
      : `Press the button, or write /confirm ${code}, ${within}.`;
    const no = { label: 'No', data: `no:${nonce}` };
    const buttons = wantsFactor ? [no] : [{ label: 'Yes', data: `yes:${nonce}` }, no];
    return { kind: 'reply', text: `${questionOf(action)}\n${how}`, buttons };
  }

  private pressed(asker: Asker, data: string, nowMs: number): CommandStep {
    const ack = /^ack:(\d{1,15})-(\d{1,15})$/.exec(data);
    if (ack !== null) return { kind: 'acknowledge', from: Number(ack[1]), to: Number(ack[2]) };
    const answer = /^(yes|no):([0-9a-f]{12})$/.exec(data);
    if (answer === null || this.options.level !== 'all')
      return { kind: 'refuse', text: 'This button does nothing any more.' };
    const confirmed = this.confirmations.press(asker, answer[2]!, answer[1] === 'yes', nowMs);
    if (confirmed.kind === 'confirmed') return { kind: 'act', action: confirmed.action };
    return { kind: 'refuse', text: wordsOf(confirmed) };
  }
}

const reply = (text: string): CommandStep => ({ kind: 'reply', text, buttons: [] });

const written = (answer: Confirmed): CommandStep =>
  answer.kind === 'confirmed' ? { kind: 'act', action: answer.action } : reply(wordsOf(answer));

function wordsOf(answer: Exclude<Confirmed, { kind: 'confirmed' }>): string {
  if (answer.kind === 'cancelled') return 'Nothing was done.';
  if (answer.kind === 'wrong')
    return answer.triesLeft > 0 ? `Wrong. ${answer.triesLeft} tries left.` : 'Wrong. Begin again.';
  return 'There is nothing of yours to confirm: it was answered already, or asked too long ago.';
}

const isDangerous = (name: Command['name']): name is DangerousCommand =>
  (DANGEROUS_COMMANDS as readonly string[]).includes(name);
