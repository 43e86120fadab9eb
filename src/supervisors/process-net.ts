import { asError } from '../runtime/services.js';

/** The part of `process` that is needed. */
export interface ProcessEvents {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
  off(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

export interface EscapedError {
  readonly kind: 'uncaughtException' | 'unhandledRejection';
  readonly error: Error;
}

/**
 * The last net below all actors: turns an error that no actor could be blamed for into a report. While it is installed Node
 * does not exit by itself; whether the process goes on is decided by whoever gets the report. Returns how to remove it.
 */
export function installProcessNet(
  processEvents: ProcessEvents,
  report: (escaped: EscapedError) => void,
): () => void {
  const uncaught = (thrown: unknown): void => report({ kind: 'uncaughtException', error: asError(thrown) });
  const rejected = (thrown: unknown): void => report({ kind: 'unhandledRejection', error: asError(thrown) });
  processEvents.on('uncaughtException', uncaught);
  processEvents.on('unhandledRejection', rejected);
  return () => {
    processEvents.off('uncaughtException', uncaught);
    processEvents.off('unhandledRejection', rejected);
  };
}
