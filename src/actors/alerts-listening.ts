import type { AlertDesk } from '../alerts/alert-desk.js';
import { CommandDesk, type CommandDeskOptions, type CommandStep } from '../alerts/command-desk.js';
import type { Operator } from '../alerts/operator.js';
import { errorText } from '../messages/errors.js';
import type { ChatEvent, Messenger, UpdatesAnswer } from '../ports/messenger.js';
import type { Clock } from '../ports/time.js';
import type { ActorContext } from '../runtime/actor.js';
import type { AlertsMessage } from './alerts-messages.js';
import type { AlertSending } from './alerts-sending.js';
import { backoffMs } from './backoff.js';

export interface ListeningOptions {
  readonly desk: AlertDesk;
  readonly commands: CommandDeskOptions;
  readonly messenger: Messenger;
  /** The machine's own. */
  readonly clock: Clock;
  /** Null until the node stands. */
  readonly operator: () => Operator | null;
}

const WAIT_SECONDS = 25;
const RETRY = { minMs: 1_000, maxMs: 60_000 };
const CONFLICT_PAUSE_MS = 60_000;
const DENIED_PAUSE_MS = 600_000;

/** Reads what people write (long polling), has it judged by the CommandDesk, and carries it out. Every command is in the log. */
export class AlertListening {
  private readonly options: ListeningOptions;
  private readonly context: ActorContext<AlertsMessage>;
  private readonly sending: AlertSending;
  private readonly commandDesk: CommandDesk;
  private offset = 0;
  private botName: string | null = null;
  private isAsking = false;
  private pausedUntilMs = -Infinity;
  private tries = 0;
  private lastError: string | null = null;
  private readonly counts = { polls: 0, commands: 0 };

  constructor(options: ListeningOptions, context: ActorContext<AlertsMessage>, sending: AlertSending) {
    this.options = options;
    this.context = context;
    this.sending = sending;
    this.commandDesk = new CommandDesk(options.commands, options.clock.monotonicMs());
  }

  /** One question at a time; each waits at the messenger until there is something. */
  poll(): void {
    const { commands, messenger, clock } = this.options;
    if (commands.level === 'none' || this.isAsking || clock.monotonicMs() < this.pausedUntilMs) return;
    this.isAsking = true;
    const { signal } = this.context;
    const failed = (error: unknown): AlertsMessage => ({
      kind: 'heard',
      answer: { kind: 'failed', reason: errorText(error) },
    });
    if (this.botName === null)
      this.context.pipe(messenger.me(signal), (me) => ({ kind: 'named', me }), failed);
    else {
      this.counts.polls++;
      const asked = messenger.updates(this.offset, WAIT_SECONDS, signal);
      this.context.pipe(asked, (answer) => ({ kind: 'heard', answer }), failed);
    }
  }

  named(me: Extract<AlertsMessage, { kind: 'named' }>['me']): void {
    this.isAsking = false;
    if (me.kind !== 'me') return this.pause(me);
    this.botName = me.name;
    this.tries = 0;
  }

  /** `isMine`: what another node owns by now it reads itself, since only the next question forgets it. */
  heard(answer: UpdatesAnswer, isMine: boolean): void {
    this.isAsking = false;
    if (answer.kind !== 'updates') return this.pause(answer);
    this.tries = 0;
    this.lastError = null;
    if (!isMine) return;
    this.offset = answer.nextOffset;
    for (const event of answer.events) this.take(event);
  }

  /** A text that a command asked for. */
  answered({ chat, text }: Extract<AlertsMessage, { kind: 'answered' }>): void {
    this.sending.reply(chat, text);
  }

  private take(event: ChatEvent): void {
    const { clock, desk } = this.options;
    const now = { nowMs: clock.monotonicMs(), wallMs: clock.nowMs() };
    const step = this.commandDesk.take(event, this.botName ?? '', now);
    if (step.kind === 'nothing') return;
    if (step.kind === 'stranger') {
      const { chat, user } = event;
      this.context.log.warn(
        { audit: true, action: 'telegram.refused', chat, by: byOf(user) },
        'operator action',
      );
      return desk.stranger(now.nowMs, now.wallMs);
    }
    this.counts.commands++;
    this.audit(event, step);
    this.carryOut(event, step);
  }

  /** What a person wrote is not repeated: it may be anything. Actions have audit lines of their own beside this one. */
  private audit({ chat, user }: ChatEvent, step: CommandStep): void {
    const action = step.kind === 'read' ? `telegram.${step.what}` : `telegram.${step.kind}`;
    const detail = step.kind === 'act' ? { asks: step.action.kind } : {};
    this.context.log.info({ audit: true, action, by: byOf(user), chat, ...detail }, 'operator action');
  }

  private carryOut(event: ChatEvent, step: Exclude<CommandStep, { kind: 'stranger' | 'nothing' }>): void {
    const { chat } = event;
    switch (step.kind) {
      case 'reply':
        return this.sending.reply(chat, step.text, step.buttons);
      case 'refuse':
        return this.answerPress(event, step.text);
      case 'acknowledge':
        return this.acknowledge(event, step.from, step.to);
      case 'read':
        return this.ask(chat, (operator) => operator[step.what]());
      case 'act': {
        this.answerPress(event, 'Confirmed.');
        if (event.pressId !== null) this.replace(event, `${event.above ?? 'Asked.'}\nConfirmed.`);
        return this.ask(chat, (operator) => operator.act(step.action, byOf(event.user)));
      }
    }
  }

  private ask(chat: string, question: (operator: Operator) => Promise<string>): void {
    const operator = this.options.operator();
    if (operator === null) return this.sending.reply(chat, 'The node does not stand yet.');
    this.context.pipe(
      question(operator),
      (text) => ({ kind: 'answered', chat, text }),
      (error) => ({ kind: 'answered', chat, text: `That did not work: ${errorText(error)}` }),
    );
  }

  private acknowledge(event: ChatEvent, from: number, to: number): void {
    const { desk, clock } = this.options;
    const done = desk.acknowledge(event.chat, from, to, clock.monotonicMs());
    for (const [chat, alerts] of done) this.sending.tell(chat, 'acknowledged', alerts);
    const count = [...done.values()][0]?.length ?? 0;
    const text = count === 0 ? 'Nothing was open.' : `Acknowledged: ${count}.`;
    if (event.pressId === null) return this.sending.reply(event.chat, text);
    this.answerPress(event, text);
    if (event.above !== null) this.replace(event, `${event.above}\nAcknowledged.`);
  }

  private answerPress({ pressId }: ChatEvent, text: string): void {
    if (pressId === null) return;
    const { messenger } = this.options;
    this.forget(messenger.answerPress(pressId, text, this.context.signal));
  }

  private replace({ chat, messageId }: ChatEvent, text: string): void {
    this.sending.spent(chat);
    this.forget(this.options.messenger.replace(chat, messageId, text.slice(0, 4_000), this.context.signal));
  }

  /** A nicety: nothing waits for it, and nothing follows from its failing. */
  private forget(work: Promise<{ readonly kind: string }>): void {
    this.context.pipe(
      work,
      () => ({ kind: 'look' }),
      () => ({ kind: 'look' }),
    );
  }

  private pause(trouble: Exclude<UpdatesAnswer, { kind: 'updates' }>): void {
    const nowMs = this.options.clock.monotonicMs();
    this.lastError = trouble.kind === 'wait' ? `told to wait ${trouble.ms} ms` : trouble.reason;
    const pauseMs = this.pauseAfter(trouble);
    this.pausedUntilMs = nowMs + pauseMs;
    if (trouble.kind !== 'wait')
      this.context.log.warn({ error: this.lastError, pauseMs }, 'commands cannot be read for now');
  }

  private pauseAfter(trouble: Exclude<UpdatesAnswer, { kind: 'updates' }>): number {
    if (trouble.kind === 'wait') return trouble.ms;
    if (trouble.kind === 'conflict') return CONFLICT_PAUSE_MS;
    if (trouble.kind === 'denied') return DENIED_PAUSE_MS;
    return backoffMs(RETRY, this.tries++);
  }

  summary() {
    const { level } = this.options.commands;
    const { polls, commands } = this.counts;
    return { level, bot: this.botName, polls, commands, lastPollError: this.lastError };
  }
}

const byOf = (user: string | null): string => `telegram:${user ?? 'unknown'}`;
