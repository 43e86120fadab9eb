import type { Logger } from '../../src/ports/log.js';
import { RealTime } from '../runtime/real-time.js';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Real time and a log that is kept. */
export function testPorts(): { log: Logger; timers: RealTime; clock: RealTime; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      lines.push({ level, message, fields });
    };
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  };
  const time = new RealTime();
  return { log, timers: time, clock: time, lines };
}
