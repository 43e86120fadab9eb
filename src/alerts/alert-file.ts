import { z } from 'zod';
import { alertEvent, alertSeverity } from '../messages/alerts.js';
import * as p from '../messages/primitives.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import { MAX_ALERT_TEXT, MAX_SUBJECT } from './alert.js';
import type { KeptChat } from './chat-desk.js';

/** In the data folder of the mode: what is critical and not yet told, or not yet acknowledged. */
export const ALERT_FILE = 'alerts.json';

const named = {
  event: alertEvent,
  subject: z.string().max(MAX_SUBJECT),
  text: z.string().max(MAX_ALERT_TEXT + MAX_SUBJECT),
};
const entry = z.strictObject({
  ...named,
  severity: alertSeverity,
  silent: z.boolean(),
  count: p.count,
  firstAtMs: p.timeMs,
  lastAtMs: p.timeMs,
  refusals: p.count,
});
const unacknowledged = z.strictObject({ ...named, untilMs: p.timeMs, sequence: p.count });
const chat = z.strictObject({
  sequence: p.count,
  waiting: z.array(entry).max(2_000),
  unacknowledged: z.array(unacknowledged).max(1_000),
});
const file = z.strictObject({ version: z.literal(1), chats: z.record(z.string().max(64), chat) });

export type KeptChats = Readonly<Record<string, KeptChat>>;

/** Critical alerts on the disk, so that a restart tells them. */
export class AlertFile {
  private readonly files: Files;
  private readonly path: string;
  private readonly log: Logger;

  constructor(files: Files, path: string, log: Logger) {
    this.files = files;
    this.path = path;
    this.log = log;
  }

  /** Rejects with what the disk says. */
  async write(chats: KeptChats): Promise<void> {
    await this.files.writeAtomic(this.path, `${JSON.stringify({ version: 1, chats })}\n`, 0o600);
  }

  /** Empty when there is none, or none that can be read: that is logged, and alerts begin anew. */
  async read(): Promise<KeptChats> {
    if (!(await this.files.exists(this.path))) return {};
    const parsed = file.safeParse(jsonOrUndefined((await this.files.read(this.path)).toString('utf8')));
    if (parsed.success) return parsed.data.chats;
    this.log.error({ path: this.path }, 'kept alerts cannot be read, they are left out');
    return {};
  }
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
