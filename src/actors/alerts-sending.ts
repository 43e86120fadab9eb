import type { AlertDesk } from '../alerts/alert-desk.js';
import type { ChatDesk } from '../alerts/chat-desk.js';
import { SendBudget } from '../alerts/send-budget.js';
import { subjectOf } from '../messages/catalogue.js';
import { errorText } from '../messages/errors.js';
import type { HandledAlert } from '../messages/alerts.js';
import type { Bus } from '../ports/bus.js';
import type { Button, Messenger, OutgoingMessage, SendAnswer } from '../ports/messenger.js';
import type { Clock } from '../ports/time.js';
import type { ActorContext } from '../runtime/actor.js';
import type { AlertsMessage } from './alerts-messages.js';
import { backoffMs } from './backoff.js';

export interface SendingOptions {
  readonly desk: AlertDesk;
  readonly messenger: Messenger;
  readonly bus: Bus;
  /** The machine's own. */
  readonly clock: Clock;
  readonly node: string;
  readonly redact: (text: string) => string;
}

interface Line {
  readonly desk: ChatDesk;
  /** One message is on its way. */
  isBusy: boolean;
  blockedUntilMs: number;
  tries: number;
  /** Answers to commands, which go first. */
  readonly replies: OutgoingMessage[];
}

const RETRY = { minMs: 1_000, maxMs: 60_000 };
/** A chat or a token that is refused is looked at again now and then. */
const REFUSED_PAUSE_MS = 600_000;
const MAX_REPLIES = 20;
const MAX_HANDLED = 200;

/** Sends what is due, one message at a time in each chat, as fast as the messenger allows and no faster. */
export class AlertSending {
  private readonly options: SendingOptions;
  private readonly context: ActorContext<AlertsMessage>;
  private readonly budget = new SendBudget();
  private readonly lines: readonly Line[];
  private lastError: string | null = null;
  private readonly counts = { sent: 0, failed: 0, waited: 0, refused: 0, lost: 0, repliesDropped: 0 };

  constructor(options: SendingOptions, context: ActorContext<AlertsMessage>) {
    this.options = options;
    this.context = context;
    this.lines = options.desk.chats.map((desk) => ({
      ...{ desk, isBusy: false, blockedUntilMs: -Infinity, tries: 0, replies: [] },
    }));
    // An incarnation before this one may have had messages on their way: they are sent again.
    for (const { desk } of this.lines) desk.settle('failed', this.nowMs());
  }

  /** `alerts`: all, only the critical ones, or none, since another node tells them. */
  pump(alerts: 'all' | 'critical' | 'none'): void {
    const nowMs = this.nowMs();
    this.lines.forEach((line, at) => {
      if (line.isBusy || nowMs < line.blockedUntilMs || this.budget.waitMs(line.desk.chat, nowMs) > 0) return;
      const reply = line.replies.shift();
      const message = reply ?? this.alertOf(line, alerts, nowMs);
      if (message === undefined) return;
      line.isBusy = true;
      this.budget.take(line.desk.chat, nowMs);
      const isReply = reply !== undefined;
      const answered = (answer: SendAnswer): AlertsMessage => ({ kind: 'sent', at, isReply, answer });
      this.context.pipe(this.options.messenger.send(message, this.context.signal), answered, (error) =>
        answered({ kind: 'failed', reason: errorText(error) }),
      );
    });
  }

  reply(chat: string, text: string, buttons: readonly Button[] = []): void {
    const line = this.lines.find(({ desk }) => desk.chat === chat);
    if (line === undefined) return;
    if (line.replies.length >= MAX_REPLIES) this.counts.repliesDropped++;
    else line.replies.push({ chat, text: this.options.redact(text), silent: false, buttons });
  }

  /** Something else was asked of the messenger in a chat. */
  spent(chat: string): void {
    this.budget.take(chat, this.nowMs());
  }

  settle({ at, isReply, answer }: Extract<AlertsMessage, { kind: 'sent' }>): void {
    const line = this.lines[at];
    if (line === undefined) return;
    line.isBusy = false;
    const nowMs = this.nowMs();
    if (!isReply) this.settleAlerts(line, at, answer, nowMs);
    if (answer.kind === 'sent') {
      this.counts.sent++;
      line.tries = 0;
      return;
    }
    this.lastError = answer.kind === 'wait' ? `told to wait ${answer.ms} ms` : answer.reason;
    const pauseMs = this.pauseAfter(answer, line);
    line.blockedUntilMs = nowMs + pauseMs;
    this.context.log.warn(
      { chat: at, answer: answer.kind, error: this.lastError, pauseMs },
      'the messenger did not take a message',
    );
  }

  private alertOf(
    line: Line,
    alerts: 'all' | 'critical' | 'none',
    nowMs: number,
  ): OutgoingMessage | undefined {
    if (alerts === 'none') return undefined;
    return line.desk.compose(nowMs, alerts === 'critical')?.message;
  }

  private settleAlerts({ desk }: Line, at: number, answer: SendAnswer, nowMs: number): void {
    const isRefused = answer.kind === 'refused' && answer.about === 'message';
    const outcome = answer.kind === 'sent' ? 'sent' : isRefused ? 'refused' : 'failed';
    const { handled, lost } = desk.settle(outcome, nowMs);
    if (outcome !== 'failed') this.options.desk.changed();
    this.tell(at, 'delivered', handled);
    for (const { event, subject, text } of lost) {
      this.counts.lost++;
      this.context.log.error({ event, subject, text }, 'the messenger refuses this alert, it is not told');
    }
  }

  private pauseAfter(answer: Exclude<SendAnswer, { kind: 'sent' }>, line: Line): number {
    switch (answer.kind) {
      case 'wait':
        this.counts.waited++;
        return answer.ms;
      case 'refused':
        this.counts.refused++;
        return answer.about === 'message' ? 0 : REFUSED_PAUSE_MS;
      case 'denied':
        this.counts.refused++;
        return REFUSED_PAUSE_MS;
      case 'conflict':
      case 'failed': {
        this.counts.failed++;
        const delayMs = backoffMs(RETRY, line.tries++);
        return delayMs * (0.75 + this.context.random.next() / 4);
      }
    }
  }

  /** The other nodes forget what was told or acknowledged here. */
  tell(chat: number, what: 'delivered' | 'acknowledged', handled: readonly HandledAlert[]): void {
    const { bus, node, clock } = this.options;
    for (let at = 0; at < handled.length; at += MAX_HANDLED) {
      const alerts = handled.slice(at, at + MAX_HANDLED);
      const body = { node, chat, what, alerts, atMs: clock.nowMs() };
      try {
        bus.publish(subjectOf('alertsHandled'), 'alertsHandled', body, { traceId: 'alerts' });
      } catch (error) {
        // They tell it again, should they have to take over: twice does no harm.
        this.context.log.warn({ error: errorText(error) }, 'other nodes were not told what is handled');
      }
    }
  }

  private nowMs(): number {
    return this.options.clock.monotonicMs();
  }

  summary() {
    const nowMs = this.nowMs();
    return {
      ...this.counts,
      chats: this.lines.map(({ desk, replies, blockedUntilMs }) => ({
        waiting: desk.waiting,
        unacknowledged: desk.unacknowledged.length,
        replies: replies.length,
        blockedMs: Math.max(0, Math.round(blockedUntilMs - nowMs)),
      })),
      lastSendError: this.lastError,
    };
  }
}
