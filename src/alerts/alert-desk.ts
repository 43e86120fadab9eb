import type { AlertsHandled, HandledAlert } from '../messages/alerts.js';
import type { PremiumRow } from '../messages/premium.js';
import { RecentIds } from '../risk/recent-ids.js';
import type { Alert, Deliveries } from './alert.js';
import { ChatDesk, type KeptChat } from './chat-desk.js';
import { QUEUE_TIMES, type QueueTimes } from './chat-queue.js';
import { InventoryWatch, type Amount } from './inventory-watch.js';
import { News, type NewsMessage } from './news.js';
import { PremiumWatch, type PremiumBounds } from './premium-watch.js';
import type { ReminderTimes } from './reminders.js';

export interface AlertDeskOptions {
  /** As the configuration lists them; alerts go to each. */
  readonly chats: readonly string[];
  /** Which cluster, in which mode. */
  readonly header: string;
  readonly deliveries: Deliveries;
  readonly reminders: ReminderTimes | null;
  /** A text without what looks like a secret. */
  readonly redact: (text: string) => string;
  readonly inventory: { readonly reserves: readonly Amount[]; readonly factor: number };
  readonly premium: PremiumBounds;
  readonly queue?: QueueTimes;
}

export const REMINDER_TIMES: ReminderTimes = { firstMs: 300_000, longestMs: 3_600_000 };

/** Messages that wait to be looked at; beyond it the oldest are looked at in the turn that brings another. */
const INBOX = 4_096;
/** In one turn of the event loop, which trading shares. */
const AT_ONCE = 64;
const REMEMBERED_IDS = 8_192;
const STRANGER_PAUSE_MS = 3_600_000;

/**
 * Everything that a process knows of its alerts. It outlives the actor that drives it: what is told between a crash and the restart
 * of that actor is not lost. Taking a message in costs its sender a push; the rest is done in the actor's turn.
 */
export class AlertDesk {
  readonly chats: readonly ChatDesk[];
  private readonly options: AlertDeskOptions;
  private readonly news = new News();
  private readonly inventory: InventoryWatch;
  private readonly premium: PremiumWatch;
  private readonly ids = new RecentIds(REMEMBERED_IDS);
  private readonly inbox: NewsMessage[] = [];
  private strangers = { count: 0, toldMs: -Infinity };
  /** Something that must survive a restart has changed since it was last asked. */
  private isChanged = false;
  readonly counts = { heard: 0, alerts: 0, repeated: 0, off: 0, strangers: 0 };

  constructor(options: AlertDeskOptions, nowMs: number) {
    this.options = options;
    const { header, reminders, redact, queue = QUEUE_TIMES } = options;
    this.chats = options.chats.map((chat) => new ChatDesk({ chat, header, queue, reminders, redact }, nowMs));
    this.inventory = new InventoryWatch(options.inventory.reserves, options.inventory.factor);
    this.premium = new PremiumWatch(options.premium);
  }

  /** From the bus. */
  hear(message: NewsMessage): void {
    this.inbox.push(message);
    if (this.inbox.length > INBOX) this.takeIn();
  }

  /** Turns what was heard into alerts in every chat's queue, a few milliseconds' worth. True = more is waiting. */
  takeIn(): boolean {
    const some = this.inbox.splice(0, AT_ONCE);
    this.counts.heard += some.length;
    for (const message of some) for (const alert of this.news.take(message)) this.tell(alert);
    return this.inbox.length > 0;
  }

  /** Counts each alert once, whoever brings it again. */
  tell(alert: Alert): void {
    const delivery = this.options.deliveries[alert.event];
    if (delivery === 'off') {
      this.counts.off++;
      return;
    }
    if (!this.ids.add(alert.id)) {
      this.counts.repeated++;
      return;
    }
    this.counts.alerts++;
    const { redact } = this.options;
    const clean = { ...alert, text: redact(alert.text), subject: redact(alert.subject) };
    for (const chat of this.chats) chat.add(clean, delivery === 'silent');
    if (alert.severity === 'critical') this.isChanged = true;
  }

  get watchesInventory(): boolean {
    return !this.inventory.isEmpty && this.options.deliveries.inventory !== 'off';
  }

  holdings(holdings: readonly Amount[], atMs: number): void {
    for (const alert of this.inventory.take(holdings, atMs)) this.tell(alert);
  }

  get watchesPremium(): boolean {
    return this.options.deliveries.premium !== 'off';
  }

  premiums(rows: readonly PremiumRow[], atMs: number): void {
    for (const alert of this.premium.take(rows, atMs)) this.tell(alert);
  }

  /** Somebody who is not on the list wrote to the bot: told once an hour, with the number. */
  stranger(nowMs: number, atMs: number): void {
    this.counts.strangers++;
    this.strangers.count++;
    if (nowMs - this.strangers.toldMs < STRANGER_PAUSE_MS) return;
    const { count } = this.strangers;
    this.strangers = { count: 0, toldMs: nowMs };
    const times = count === 1 ? '' : ` (${count} times since the last such alert)`;
    this.tell({
      id: `stranger:${atMs}`,
      event: 'unknownChat',
      severity: 'warning',
      subject: 'strangers',
      text: `somebody who is not on the list wrote to this bot and got no answer${times}`,
      atMs,
    });
  }

  /** What another node did. */
  handledElsewhere({ chat, what, alerts }: AlertsHandled, nowMs: number): void {
    this.chats[chat]?.handledElsewhere(what, alerts, nowMs);
    this.isChanged = true;
  }

  /** In one chat, and so in all: by the numbers of its button. Answers what was open, by chat. */
  acknowledge(chatId: string, from: number, to: number, nowMs: number): Map<number, HandledAlert[]> {
    const at = this.chats.findIndex(({ chat }) => chat === chatId);
    const open = (this.chats[at]?.acknowledge(from, to) ?? []).map(
      ({ event, subject, untilMs, sequence }): HandledAlert => ({ event, subject, untilMs, sequence }),
    );
    const done = new Map<number, HandledAlert[]>();
    if (open.length === 0) return done;
    this.isChanged = true;
    this.chats.forEach((chat, index) => {
      if (index !== at) chat.handledElsewhere('acknowledged', open, nowMs);
      done.set(index, open);
    });
    return done;
  }

  /** Something was sent, or gave up being sent. */
  changed(): void {
    this.isChanged = true;
  }

  /** True once after each change. */
  takeChanged(): boolean {
    const { isChanged } = this;
    this.isChanged = false;
    return isChanged;
  }

  kept(): Readonly<Record<string, KeptChat>> {
    return Object.fromEntries(this.chats.map((chat) => [chat.chat, chat.kept()]));
  }

  restore(kept: Readonly<Record<string, KeptChat>>, nowMs: number): void {
    for (const chat of this.chats) {
      const known = kept[chat.chat];
      if (known !== undefined) chat.restore(known, nowMs);
    }
  }
}
