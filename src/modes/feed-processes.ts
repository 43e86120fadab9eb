import type { FeedProcess, FeedProcessHandlers, StartFeedProcess } from '../ports/feed-process.js';
import type { Timers } from '../ports/time.js';
import { entryBeside, forkEntry, type Forked } from '../storage/child/fork-entry.js';

/** Messages that may wait for a process that does not read; it is found out by its silence. */
const MOST_WAITING = 256;
/** What a process sent before it ended is awaited so long. */
const LAST_WORDS_MS = 1_000;

/** Forks the program that runs a single feed: no secrets in its environment, nothing of it outlives this process. */
export function feedProcesses(
  timers: Timers,
  entry = entryBeside(import.meta.url, 'feed-process'),
): StartFeedProcess {
  return (handlers) => new ForkedFeed(forkEntry(entry, [], 'advanced'), timers, handlers);
}

class ForkedFeed implements FeedProcess {
  private readonly forked: Forked;
  private readonly timers: Timers;
  private readonly handlers: FeedProcessHandlers;
  private waiting = 0;
  private exit: { readonly code: number | null; readonly reason: string } | null = null;
  private isOver = false;

  constructor(forked: Forked, timers: Timers, handlers: FeedProcessHandlers) {
    this.forked = forked;
    this.timers = timers;
    this.handlers = handlers;
    const { process } = forked;
    process.on('message', (message) => handlers.message(message));
    process.once('exit', (code, signal) => this.exited(code, signal ?? `exit ${String(code)}`));
    process.once('disconnect', () => {
      handlers.lost();
      if (this.exit !== null) this.finish();
      // Without a channel it can be of no more use, and would run on unseen.
      else this.kill();
    });
    // It could not be started, or a message found no reader.
    process.on('error', (error) => {
      if (process.pid === undefined) this.exited(null, error.message);
    });
  }

  get pid(): number | null {
    return this.forked.process.pid ?? null;
  }

  send(message: Parameters<FeedProcess['send']>[0]): boolean {
    const { process } = this.forked;
    if (!process.connected || this.waiting >= MOST_WAITING) return false;
    this.waiting++;
    process.send(message, () => this.waiting--);
    return true;
  }

  kill(): void {
    if (this.exit === null) this.forked.process.kill('SIGKILL');
  }

  private exited(code: number | null, reason: string): void {
    if (this.exit !== null) return;
    this.exit = { code, reason };
    this.handlers.lost();
    if (this.forked.process.connected) this.timers.setTimer(() => this.finish(), LAST_WORDS_MS);
    else this.finish();
  }

  private finish(): void {
    if (this.isOver || this.exit === null) return;
    this.isOver = true;
    const { code, reason } = this.exit;
    this.handlers.ended(code, `${reason} ${this.forked.complaint()}`.trim());
  }
}
