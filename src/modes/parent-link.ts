import type { Channel } from '../cluster/isolation/channel-bus.js';
import type { FromFeedProcess } from '../messages/feed-process.js';
import type { Logger, LogLevel } from '../ports/log.js';

/** Lines and beats are left out while so many messages wait for a parent that does not read. */
const MOST_WAITING = 1_024;
const LONGEST_TEXT = 10_000;

/** What a process needs of the one that started it. */
export interface ParentProcess {
  send?(message: unknown, callback: (error: Error | null) => void): boolean;
}

/** The way from a feed's process to its parent. Messages arrive in order, or the parent is gone. */
export class ParentLink implements Channel {
  private readonly process: ParentProcess;
  private readonly flushing: (() => void)[] = [];
  waiting = 0;

  constructor(process: ParentProcess) {
    this.process = process;
  }

  tell(message: FromFeedProcess): void {
    this.waiting++;
    // Without a parent nobody waits for this; the end of the channel ends the process.
    this.process.send?.(message, () => this.taken());
  }

  /** Of what comes again, or is only for people. */
  tellUnlessFull(message: FromFeedProcess): void {
    if (this.waiting < MOST_WAITING) this.tell(message);
  }

  send(subject: string, bytes: Uint8Array): void {
    this.tell({ kind: 'bus', subject, bytes });
  }

  flush(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.flushing.push(resolve));
  }

  private taken(): void {
    this.waiting--;
    if (this.waiting === 0) for (const done of this.flushing.splice(0)) done();
  }
}

/** The log of a process whose lines are written by its parent. */
export class LinkLog implements Logger {
  private readonly link: ParentLink;
  private readonly base: Readonly<Record<string, unknown>>;

  constructor(link: ParentLink, base: Readonly<Record<string, unknown>> = {}) {
    this.link = link;
    this.base = base;
  }

  /** Too many to carry between processes. */
  debug(): void {}

  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.write('info', fields, message);
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.write('warn', fields, message);
  }

  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.write('error', fields, message);
  }

  child(fields: Readonly<Record<string, unknown>>): Logger {
    return new LinkLog(this.link, { ...this.base, ...fields });
  }

  private write(level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    const all = { ...this.base, ...fields };
    this.link.tellUnlessFull({ kind: 'log', level, fields: all, message: message.slice(0, LONGEST_TEXT) });
  }
}

export const shortened = (text: string): string => text.slice(0, LONGEST_TEXT);
