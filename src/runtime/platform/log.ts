import { multistream, pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type { Logger, LogLevel } from '../../ports/log.js';
import type { Clock } from '../../ports/time.js';
import { LogFile } from './log-file.js';
import { redactFields, redactText } from './redaction.js';

/** pino behind the Logger port: JSON lines for machines, one plain line per entry for a person at a terminal. */

export interface LogOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Fields of every line, e.g. node and mode. */
  readonly base?: Readonly<Record<string, unknown>>;
  /** `auto` = pretty when the file descriptor is a terminal. */
  readonly format?: 'auto' | 'json' | 'pretty';
  /** 1 = standard output, 2 = standard error. */
  readonly descriptor?: 1 | 2;
  /** Takes whole lines instead of the descriptor. */
  readonly write?: (line: string) => void;
  /** Every line as JSON into a file, and only warnings and errors, in plain lines, to the descriptor. */
  readonly file?: { readonly path: string; readonly maxBytes: number };
}

export interface OpenedLog {
  readonly log: Logger;
  /** Writes what is still buffered, before the process ends. Throws when the other end is gone. */
  flush(): void;
  /** Resolves when every line is where it belongs. */
  close(): Promise<void>;
}

/** Past this many buffered bytes a reader that stands still costs lines, not memory. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
/** Names that pino writes itself; a field of the same name would give a line with the key twice. */
const RESERVED = new Set(['level', 'time', 'msg']);

/** Throws what the disk says when `file` cannot be opened. */
export function openLog(options: LogOptions): OpenedLog {
  const out =
    options.write === undefined ? descriptorOutput(options.descriptor ?? 2) : lineOutput(options.write);
  const { level, file } = options;
  if (file === undefined) {
    const format = options.format ?? 'auto';
    const pretty = format === 'pretty' || (format === 'auto' && out.isTerminal);
    const log = engineOf(options, { write: (line) => out.write(pretty ? prettyLine(line) : line) });
    return { log, flush: () => out.flush(), close: async () => out.flush() };
  }
  const known = Object.keys(options.base ?? {});
  const plain: DestinationStream = { write: (line) => out.write(prettyLine(line, known)) };
  const { path, maxBytes } = file;
  const kept = new LogFile({
    path,
    maxBytes,
    onError: ({ message }) => out.write(`the log file cannot be written: ${redactText(message)}\n`),
  });
  const log = engineOf(
    options,
    multistream([
      { level, stream: kept },
      { level: 'warn', stream: plain },
    ]),
  );
  const flush = () => {
    kept.flush();
    out.flush();
  };
  // A process that ends out of order still leaves its last lines.
  process.on('exit', flush);
  const close = async () => {
    await kept.close();
    process.off('exit', flush);
    out.flush();
  };
  return { log, flush, close };
}

function engineOf(options: LogOptions, stream: DestinationStream): Logger {
  const engine = pino(
    {
      level: options.level,
      base: { ...redactFields(options.base ?? {}) },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(options.clock.nowMs()).toISOString()}"`,
    },
    stream,
  );
  return new RedactingLogger(engine);
}

interface LineOutput {
  readonly isTerminal: boolean;
  write(line: string): void;
  flush(): void;
}

function descriptorOutput(descriptor: 1 | 2): LineOutput {
  const file = pino.destination({ dest: descriptor, sync: false, maxLength: MAX_BUFFERED_BYTES });
  const terminal = descriptor === 1 ? process.stdout : process.stderr;
  return {
    isTerminal: terminal.isTTY,
    write: (line) => void file.write(line),
    flush: () => file.flushSync(),
  };
}

function lineOutput(write: (line: string) => void): LineOutput {
  return { isTerminal: false, write, flush: () => undefined };
}

class RedactingLogger implements Logger {
  private readonly engine: PinoLogger;

  constructor(engine: PinoLogger) {
    this.engine = engine;
  }

  debug(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.write('debug', fields, message);
  }

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
    return new RedactingLogger(this.engine.child(safeFields(fields)));
  }

  private write(level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string): void {
    // Redaction costs more than the line; a level that is off must cost nothing.
    if (this.engine.isLevelEnabled(level)) this.engine[level](safeFields(fields), redactText(message));
  }
}

function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(redactFields(fields));
  return Object.fromEntries(entries.map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, value]));
}

const MARKS: Readonly<Record<string, string>> = { debug: '·', info: ' ', warn: '!', error: '✗' };

/** `12:00:01.250 ! feed stale exchange=okx ageMs=1200`: everything of the JSON line but `omitted`, on one line. */
export function prettyLine(json: string, omitted: readonly string[] = []): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const shown = Object.entries(fields).filter(([key]) => !omitted.includes(key));
  const rest = shown.map(([key, value]) => ` ${key}=${inline(value)}`);
  const mark = MARKS[String(level)] ?? '?';
  return `${String(time).slice(11, 23)} ${mark} ${oneLine(String(msg))}${rest.join('')}\n`;
}

function inline(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return oneLine(/\s/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text);
}

/** Text from outside must not write lines or terminal commands of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ');
}
