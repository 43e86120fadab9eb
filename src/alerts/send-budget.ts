/**
 * How often the messenger may be spoken to (Telegram: one message a second in a chat, 20 a minute in a group, 30 a second in all;
 * beyond that it answers 429). Windows slide; times are monotonic ms.
 */
export interface SendLimits {
  readonly chatPauseMs: number;
  readonly groupPerMinute: number;
  readonly totalPerSecond: number;
}

export const TELEGRAM_LIMITS: SendLimits = { chatPauseMs: 1_000, groupPerMinute: 20, totalPerSecond: 30 };

const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

export class SendBudget {
  private readonly limits: SendLimits;
  /** Times of the last sends, oldest first; no longer than a limit. */
  private readonly byChat = new Map<string, number[]>();
  private total: number[] = [];

  constructor(limits: SendLimits = TELEGRAM_LIMITS) {
    this.limits = limits;
  }

  /** 0 = now. */
  waitMs(chat: string, nowMs: number): number {
    const { chatPauseMs, groupPerMinute, totalPerSecond } = this.limits;
    const sent = this.byChat.get(chat) ?? [];
    const last = sent.at(-1) ?? -Infinity;
    const nth = isGroup(chat) ? (sent.at(-groupPerMinute) ?? -Infinity) : -Infinity;
    const nthOfAll = this.total.at(-totalPerSecond) ?? -Infinity;
    return Math.max(0, last + chatPauseMs - nowMs, nth + MINUTE_MS - nowMs, nthOfAll + SECOND_MS - nowMs);
  }

  take(chat: string, nowMs: number): void {
    const { groupPerMinute, totalPerSecond } = this.limits;
    this.byChat.set(chat, [...(this.byChat.get(chat) ?? []), nowMs].slice(-groupPerMinute));
    this.total = [...this.total, nowMs].slice(-totalPerSecond);
  }
}

/** Groups and channels have negative ids, or a name with @. */
const isGroup = (chat: string): boolean => chat.startsWith('-') || chat.startsWith('@');
