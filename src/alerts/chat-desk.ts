import type { AlertEvent, HandledAlert } from '../messages/alerts.js';
import type { OutgoingMessage } from '../ports/messenger.js';
import type { Alert } from './alert.js';
import { ChatQueue, type QueueTimes } from './chat-queue.js';
import { entryOf, isCritical, keyOf, type Entry } from './entry.js';
import { digestText, reminderText, singleText } from './message-text.js';
import { Reminders, type ReminderTimes, type Unacknowledged } from './reminders.js';

export interface ChatDeskOptions {
  readonly chat: string;
  /** Which cluster, in which mode: in every message. */
  readonly header: string;
  readonly queue: QueueTimes;
  /** Null = nobody can acknowledge, so nothing is repeated. */
  readonly reminders: ReminderTimes | null;
  /** The last fence before a text leaves. */
  readonly redact: (text: string) => string;
}

/** A message on its way, and what becomes of its alerts when it arrives or does not. */
export interface Composition {
  readonly message: OutgoingMessage;
  readonly entries: readonly Entry[];
  readonly dropped: ReadonlyMap<AlertEvent, number>;
  /** First number of its critical entries, in their order. */
  readonly sequence: number;
  readonly reminded: readonly Unacknowledged[];
}

/** What must survive a restart. */
export interface KeptChat {
  readonly sequence: number;
  readonly waiting: readonly Entry[];
  readonly unacknowledged: readonly Unacknowledged[];
}

const NO_COUNTS: ReadonlyMap<AlertEvent, number> = new Map();
/** After so many refusals of messages with it, an alert is given up: its text cannot be the reason any more. */
const MAX_REFUSALS = 3;
const MAX_REMEMBERED = 1_000;

/** Everything of one chat: what waits, what is on its way, what waits for an acknowledgement. Times are monotonic ms. */
export class ChatDesk {
  readonly chat: string;
  private readonly options: ChatDeskOptions;
  private readonly queue: ChatQueue;
  private readonly reminders: Reminders | null;
  private onItsWay: Composition | null = null;
  private sequence = 1;
  /** By event and subject: until when another node has told them. */
  private readonly toldElsewhere = new Map<string, number>();

  constructor(options: ChatDeskOptions, nowMs: number) {
    this.options = options;
    this.chat = options.chat;
    this.queue = new ChatQueue(options.queue, nowMs);
    this.reminders = options.reminders === null ? null : new Reminders(options.reminders);
  }

  get waiting(): number {
    return this.queue.size + (this.onItsWay?.entries.length ?? 0);
  }

  get unacknowledged(): readonly Unacknowledged[] {
    return this.reminders?.all() ?? [];
  }

  add(alert: Alert, silent: boolean): void {
    // Over the bus the news of having told it may be faster than what it tells.
    if (alert.atMs <= (this.toldElsewhere.get(keyOf(alert)) ?? -Infinity)) return;
    this.queue.add(entryOf(alert, silent));
  }

  /** 0 = there is something to send now; null = nothing, or one message is on its way. */
  dueInMs(nowMs: number): number | null {
    if (this.onItsWay !== null) return null;
    const dues = [this.queue.dueInMs(nowMs), this.reminders?.dueInMs(nowMs) ?? null].filter(
      (ms) => ms !== null,
    );
    return dues.length === 0 ? null : Math.min(...dues);
  }

  /** The next message, now on its way until `settle`; null = nothing is due. `criticalOnly`: others wait for whoever owns alerts. */
  compose(nowMs: number, criticalOnly = false): Composition | null {
    if (this.dueInMs(nowMs) !== 0) return null;
    this.onItsWay =
      this.single(nowMs, criticalOnly) ??
      this.digest(nowMs, criticalOnly) ??
      this.reminder(nowMs, criticalOnly);
    return this.onItsWay;
  }

  /** Answers what is delivered, for the other nodes; empty unless it was sent. `lost`: what will never be. */
  settle(outcome: 'sent' | 'failed' | 'refused', nowMs: number): { handled: HandledAlert[]; lost: Entry[] } {
    const composition = this.onItsWay;
    this.onItsWay = null;
    if (composition === null) return { handled: [], lost: [] };
    if (outcome === 'sent') return { handled: this.delivered(composition, nowMs), lost: [] };
    const { entries, dropped, reminded } = composition;
    const back = outcome === 'failed' ? entries : entries.map(safer);
    const lost = back.filter(({ refusals }) => refusals >= MAX_REFUSALS);
    this.queue.putBack(back.filter(({ refusals }) => refusals < MAX_REFUSALS));
    this.queue.putBackDropped(dropped);
    if (outcome === 'refused') this.reminders?.told(reminded, nowMs);
    return { handled: [], lost };
  }

  /** By the numbers of a button; without them all. */
  acknowledge(from = 0, to = Number.MAX_SAFE_INTEGER): readonly Unacknowledged[] {
    return this.reminders?.acknowledge(from, to) ?? [];
  }

  /** Another node, or another chat, has dealt with these. */
  handledElsewhere(what: 'delivered' | 'acknowledged', alerts: readonly HandledAlert[], nowMs: number): void {
    for (const alert of alerts) {
      if (what === 'acknowledged') {
        this.reminders?.forget(alert);
        continue;
      }
      const key = keyOf(alert);
      const text = this.queue.entries().find((entry) => keyOf(entry) === key)?.text;
      this.queue.forget(key, alert.untilMs);
      this.remember(key, alert.untilMs);
      if (alert.sequence === 0) continue;
      this.sequence = Math.max(this.sequence, alert.sequence + 1);
      this.reminders?.add({ ...alert, text: text ?? `${alert.event} ${alert.subject}` }, nowMs);
    }
  }

  forgetOlderThan(atMs: number): void {
    this.queue.forgetOlderThan(atMs);
  }

  kept(): KeptChat {
    const waiting = [...(this.onItsWay?.entries ?? []), ...this.queue.entries()].filter(isCritical);
    return { sequence: this.sequence, waiting, unacknowledged: this.unacknowledged };
  }

  restore({ sequence, waiting, unacknowledged }: KeptChat, nowMs: number): void {
    this.sequence = Math.max(this.sequence, sequence);
    for (const entry of waiting) this.queue.add(entry);
    for (const alert of unacknowledged) this.reminders?.add(alert, nowMs);
  }

  private remember(key: string, untilMs: number): void {
    this.toldElsewhere.delete(key);
    this.toldElsewhere.set(key, untilMs);
    const [oldest] = this.toldElsewhere.keys();
    if (this.toldElsewhere.size > MAX_REMEMBERED && oldest !== undefined) this.toldElsewhere.delete(oldest);
  }

  private single(nowMs: number, criticalOnly: boolean): Composition | null {
    const entry = this.queue.nextSingle(nowMs);
    if (entry === null || (criticalOnly && !isCritical(entry))) return null;
    this.queue.takeSingle(entry, nowMs);
    return this.composition([entry], singleText(entry, this.options.header), NO_COUNTS);
  }

  private digest(nowMs: number, criticalOnly: boolean): Composition | null {
    const due = this.queue.nextDigest(nowMs);
    const entries = due?.filter((entry) => !criticalOnly || isCritical(entry)) ?? [];
    const dropped = due === null || criticalOnly ? NO_COUNTS : this.queue.takeDropped();
    if (entries.length === 0 && dropped.size === 0) return null;
    const { text, told, isWhole } = digestText(entries, dropped, this.options.header);
    if (!isWhole) this.queue.putBackDropped(dropped);
    this.queue.takeDigest(told, isWhole, nowMs);
    return this.composition(told, text, isWhole ? dropped : NO_COUNTS);
  }

  private reminder(nowMs: number, criticalOnly: boolean): Composition | null {
    if (criticalOnly || this.reminders === null || this.reminders.dueInMs(nowMs) !== 0) return null;
    const reminded = this.reminders.all();
    const texts = reminded.map((one) => one.text);
    const [first, last] = [reminded[0]?.sequence ?? 0, reminded.at(-1)?.sequence ?? 0];
    return {
      message: this.message(reminderText(texts, this.options.header), false, [ackButton(first, last)]),
      ...{ entries: [], dropped: NO_COUNTS, sequence: 0, reminded },
    };
  }

  private composition(
    entries: readonly Entry[],
    text: string,
    dropped: ReadonlyMap<AlertEvent, number>,
  ): Composition {
    const critical = entries.filter(isCritical).length;
    const { sequence } = this;
    this.sequence += critical;
    const silent = entries.every((entry) => entry.silent);
    const canAck = critical > 0 && this.reminders !== null;
    const buttons = canAck ? [ackButton(sequence, sequence + critical - 1)] : [];
    return { message: this.message(text, silent, buttons), entries, dropped, sequence, reminded: [] };
  }

  private message(text: string, silent: boolean, buttons: OutgoingMessage['buttons']): OutgoingMessage {
    return { chat: this.chat, text: this.options.redact(text), silent, buttons };
  }

  private delivered({ entries, sequence, reminded }: Composition, nowMs: number): HandledAlert[] {
    let next = sequence;
    this.reminders?.told(reminded, nowMs);
    return entries.map((entry) => {
      const { event, subject, text, lastAtMs } = entry;
      const alert = { event, subject, untilMs: lastAtMs, sequence: isCritical(entry) ? next++ : 0 };
      if (isCritical(entry)) this.reminders?.add({ ...alert, text }, nowMs);
      return alert;
    });
  }
}

/** 64 bytes at most: two numbers. */
export const ackButton = (from: number, to: number) => ({ label: 'Acknowledge', data: `ack:${from}-${to}` });

/** The messenger refused a message: after that its alerts are told in the plainest words there are. */
function safer(entry: Entry): Entry {
  const ascii = (text: string): string => text.replaceAll(/[^ -~]+/g, '?');
  const said = `${entry.event} ${ascii(entry.subject)}: its text was refused, see the log`;
  return { ...entry, refusals: entry.refusals + 1, text: entry.refusals === 0 ? ascii(entry.text) : said };
}
