import type { ClockSample } from '../../launch/clock-offset.js';

/** A machine that commands are run on. One implementation speaks ssh; tests have one that needs no network. */

export interface RemoteCommand {
  /** Of a POSIX shell; `$1`, `$2` … are the words. */
  readonly script: string;
  readonly words: readonly string[];
  readonly timeoutMs: number;
  /** Standard input: a text, or the path of a file here. */
  readonly input?: { readonly data: Buffer } | { readonly path: string };
}

export interface RemoteResult {
  /** Null = it did not end by itself: no connection, or not in time. */
  readonly code: number | null;
  /** Bounded; the beginning is kept. */
  readonly out: string;
  /** Bounded; the end is kept. */
  readonly err: string;
}

export interface Remote {
  run(command: RemoteCommand): Promise<RemoteResult>;
  /** Sends empty lines, one after each answer, and times them. */
  sampleClock(script: string, count: number): Promise<ClockSample[]>;
  /** Lines as they come; resolves at the end with the exit code. `stop` ends it. */
  follow(
    command: Pick<RemoteCommand, 'script' | 'words'>,
    onLine: (line: string) => void,
  ): { readonly ended: Promise<number | null>; readonly stop: () => void };
  close(): Promise<void>;
}
