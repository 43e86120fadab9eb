import type { AlertEvent } from '../messages/alerts.js';
import { MAX_MESSAGE_TEXT } from '../ports/messenger.js';
import { cutText, momentText } from './alert.js';
import { isCritical, type Entry } from './entry.js';

/** The texts of messages: plain, so that nothing in them is markup, and never longer than a message may be. */

/** Of an entry among others. */
const MAX_LINE = 240;
const MAX_ORDINARY_LINES = 30;
/** Kept free for what is only counted. */
const TAIL = 600;
const FOR_LINES = MAX_MESSAGE_TEXT - TAIL;

/** One alert with everything there is to say. `header`: which cluster, in which mode. */
export function singleText(entry: Entry, header: string): string {
  const { severity, text, count, firstAtMs, lastAtMs } = entry;
  const when =
    count === 1
      ? momentText(lastAtMs)
      : `${count} times from ${momentText(firstAtMs)} to ${momentText(lastAtMs)}`;
  return bounded(`${severity.toUpperCase()}  ${header}\n${text}\n${when}`);
}

export interface DigestText {
  readonly text: string;
  /** What this message tells, line by line or counted. */
  readonly told: readonly Entry[];
  /** False: more critical ones are left for the next message. */
  readonly isWhole: boolean;
}

/**
 * Many alerts in one message. Each critical one has its line, in this message or the next; of the others the first lines and
 * then their numbers. `entries`: critical ones first.
 */
export function digestText(
  entries: readonly Entry[],
  dropped: ReadonlyMap<AlertEvent, number>,
  header: string,
): DigestText {
  const total = entries.reduce((sum, { count }) => sum + count, 0);
  const lines = [`${total} ${total === 1 ? 'alert' : 'alerts'}  ${header}`];
  let length = lines[0]!.length;
  const fits = (line: string): boolean => {
    if (length + line.length + 1 > FOR_LINES) return false;
    lines.push(line);
    length += line.length + 1;
    return true;
  };
  const critical = entries.filter(isCritical);
  const shown = critical.findIndex((entry) => !fits(lineOf(entry)));
  if (shown >= 0) {
    const told = critical.slice(0, shown);
    lines.push(`${critical.length - shown} more critical ones follow`);
    return { text: bounded(lines.join('\n')), told, isWhole: false };
  }
  const ordinary = entries.slice(critical.length);
  const cut = ordinary.findIndex((entry, at) => at >= MAX_ORDINARY_LINES || !fits(lineOf(entry)));
  if (cut >= 0) lines.push(`and more: ${countsText(countByEvent(ordinary.slice(cut)))}`);
  if (dropped.size > 0) lines.push(`not kept, because too many waited: ${countsText(dropped)}`);
  return { text: bounded(lines.join('\n')), told: entries, isWhole: true };
}

/** What nobody has acknowledged: as many as fit, and the number of the others. */
export function reminderText(texts: readonly string[], header: string): string {
  const lines = [`NOT ACKNOWLEDGED: ${texts.length}  ${header}`];
  let length = lines[0]!.length;
  for (const text of texts) {
    const line = cutText(text, MAX_LINE);
    if (length + line.length + 1 > FOR_LINES) break;
    lines.push(line);
    length += line.length + 1;
  }
  const left = texts.length - (lines.length - 1);
  if (left > 0) lines.push(`and ${left} more`);
  return bounded(lines.join('\n'));
}

const lineOf = ({ severity, count, text, lastAtMs }: Entry): string => {
  const time = momentText(lastAtMs).slice(11, 19);
  const times = count === 1 ? '' : `${count}× `;
  const mark = severity === 'critical' ? 'CRITICAL ' : '';
  return `${time} ${mark}${times}${cutText(text.replaceAll(/\s+/g, ' '), MAX_LINE)}`;
};

function countByEvent(entries: readonly Entry[]): ReadonlyMap<AlertEvent, number> {
  const counts = new Map<AlertEvent, number>();
  for (const { event, count } of entries) counts.set(event, (counts.get(event) ?? 0) + count);
  return counts;
}

const countsText = (counts: ReadonlyMap<AlertEvent, number>): string =>
  [...counts].map(([event, count]) => `${event} ${count}`).join(', ');

const bounded = (text: string): string => cutText(text, MAX_MESSAGE_TEXT);
