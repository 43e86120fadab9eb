import type { ToFeedProcess } from '../messages/feed-process.js';

/** Processes that run one feed each, as a port: production forks, tests may fork something that misbehaves. */

export interface FeedProcessHandlers {
  /** Whatever it sent, unchecked. */
  message(message: unknown): void;
  /** It is gone, or will say nothing more. Before `ended`, once. */
  lost(): void;
  /** It is gone and everything it had sent was handed over; `code` 0 = it ended in order. Once. */
  ended(code: number | null, reason: string): void;
}

export interface FeedProcess {
  /** Null when it could not be started. */
  readonly pid: number | null;
  /** Bounded: false = it does not read, and this is lost. */
  send(message: ToFeedProcess): boolean;
  /** At once, whatever it is doing. */
  kill(): void;
}

/** Starts a process and resolves nothing: it says itself when it is ready. No handler is called before this returns. */
export type StartFeedProcess = (handlers: FeedProcessHandlers) => FeedProcess;
