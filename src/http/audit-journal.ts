import { errorText } from '../messages/errors.js';
import type { AppendFile, Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import { auditEntry, type AuditEntry } from './cluster-answers.js';

export const AUDIT_FILE = 'audit.jsonl';
const MAX_BYTES = 4 << 20;
const KEPT = 500;
/** More than a person does at once; what comes beyond is in the log alone. */
const MAX_WAITING = 1_000;

export interface AuditJournalOptions {
  readonly files: Files;
  /** Absolute. */
  readonly path: string;
  readonly log: Logger;
  /** Unix ms. */
  readonly nowMs: () => number;
  readonly maxBytes?: number;
}

/**
 * What people did on this node, in a file of its own: a line per entry, on the disk before the next one. Full, its older half goes.
 * A disk that fails is told in the log and hinders no action: the kill switch must work without it.
 */
export class AuditJournal {
  private readonly options: AuditJournalOptions;
  private readonly maxBytes: number;
  private readonly entries: AuditEntry[];
  private file: AppendFile | null = null;
  private bytes: number;
  private waiting = 0;
  private written: Promise<void> = Promise.resolve();

  private constructor(options: AuditJournalOptions, entries: AuditEntry[], bytes: number) {
    this.options = options;
    this.maxBytes = options.maxBytes ?? MAX_BYTES;
    this.entries = entries;
    this.bytes = bytes;
  }

  /** With what former processes wrote. */
  static async open(options: AuditJournalOptions): Promise<AuditJournal> {
    const { files, path } = options;
    if (!(await files.exists(path))) return new AuditJournal(options, [], 0);
    const body = await files.read(path);
    const lines = body.toString('utf8').split('\n');
    const journal = new AuditJournal(options, lines.flatMap(entryOf).slice(-KEPT), body.length);
    // A line that was being written when the power went is ended, so that the next one is whole.
    if (body.length > 0 && lines.at(-1) !== '') journal.append('\n');
    return journal;
  }

  /** Newest first. */
  newest(limit: number): readonly AuditEntry[] {
    return this.entries.slice(-limit).reverse();
  }

  /** Fields of a log line with `audit: true`; see `runtime/audit.ts`. */
  record(fields: Readonly<Record<string, unknown>>): void {
    const { audit: _audit, action, by, outcome, error, ...detail } = fields;
    const atMs = this.options.nowMs();
    const entry = auditEntry.safeParse({
      ...{ atMs, action, outcome, detail },
      by: clipped(by, 300),
      ...(error !== undefined && { error: clipped(error, 1_000) }),
    });
    if (!entry.success) return this.options.log.error({ action }, 'an audit line has no known shape');
    this.entries.push(entry.data);
    if (this.entries.length > KEPT) this.entries.shift();
    this.append(`${JSON.stringify(entry.data)}\n`);
  }

  /** Resolves when everything recorded is on the disk, or was told to have failed. */
  async close(): Promise<void> {
    await this.written;
    await this.file?.close();
    this.file = null;
  }

  private append(line: string): void {
    const { log } = this.options;
    if (this.waiting >= MAX_WAITING) return log.error({}, 'an audit line is in the log alone: too many wait');
    this.waiting++;
    this.written = this.written
      .then(() => this.write(line))
      .catch((error: unknown) =>
        log.error({ error: errorText(error) }, 'an audit line is in the log alone: it could not be written'),
      )
      .finally(() => this.waiting--);
  }

  private async write(line: string): Promise<void> {
    const { files, path } = this.options;
    const { length } = Buffer.from(line);
    if (this.bytes + length > this.maxBytes) await this.halve();
    this.file ??= await files.openAppend(path, 0o600);
    await this.file.append(line);
    await this.file.sync();
    this.bytes += length;
  }

  private async halve(): Promise<void> {
    const { files, path } = this.options;
    await this.file?.close();
    this.file = null;
    const body = await files.read(path);
    const from = body.indexOf('\n', Math.max(0, body.length - Math.floor(this.maxBytes / 2))) + 1;
    const rest = body.subarray(from);
    await files.writeAtomic(path, rest, 0o600);
    this.bytes = rest.length;
  }
}

const clipped = (value: unknown, max: number): unknown =>
  typeof value === 'string' ? value.slice(0, max) : value;

function entryOf(line: string): AuditEntry[] {
  try {
    const entry = auditEntry.safeParse(JSON.parse(line));
    return entry.success ? [entry.data] : [];
  } catch {
    return [];
  }
}

/** A log that also keeps its audit lines in a journal. */
export function journaledLog(log: Logger, journal: AuditJournal): Logger {
  const kept =
    (level: 'info' | 'warn' | 'error') =>
    (fields: Readonly<Record<string, unknown>>, message: string): void => {
      log[level](fields, message);
      if (fields['audit'] === true) journal.record(fields);
    };
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: kept('info'),
    warn: kept('warn'),
    error: kept('error'),
    child: (fields) => journaledLog(log.child(fields), journal),
  };
}
