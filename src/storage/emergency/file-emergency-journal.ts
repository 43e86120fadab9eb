import { ArbotError, errorText } from '../../messages/errors.js';
import type { EmergencyJournal, EmergencyRecord, EmergencyStatus } from '../../ports/emergency-journal.js';
import type { AppendFile, Files } from '../../ports/files.js';
import type { Logger } from '../../ports/log.js';
import { decodeEmergency, EMERGENCY_HEAD, encodeEmergency } from './record.js';

export interface FileEmergencyOptions {
  readonly files: Files;
  /** Folder of the node's data; the journal is one file in it. */
  readonly folder: string;
  readonly log: Logger;
}

const NAME = 'emergency.journal';
/** Orders that may wait for the store; a lease ends long before so many were sent. */
const MAX_WAITING = 1_000;

/**
 * The emergency journal as one append-only file of checked records. A damaged end is set aside as `.damaged` and cut off
 * before anything is written behind it; the file is emptied once everything in it is in the trade store.
 */
export class FileEmergencyJournal implements EmergencyJournal {
  private readonly options: FileEmergencyOptions;
  private readonly path: string;
  private records: EmergencyRecord[] = [];
  private soundBytes = 0;
  private file: AppendFile | null = null;
  private isRead = false;
  /** Half a record may be behind what is sound. */
  private isDirty = false;
  private damaged = 0;
  private damagedBytes = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: FileEmergencyOptions) {
    this.options = options;
    this.path = `${options.folder}/${NAME}`;
  }

  append(record: EmergencyRecord): Promise<void> {
    return this.inTurn('written', async () => {
      await this.read();
      if (this.records.some(({ leg }) => leg.clientOrderId === record.leg.clientOrderId)) return;
      if (this.records.length >= MAX_WAITING) throw new Error(`${MAX_WAITING} records wait already`);
      await this.write(record);
      this.records.push(record);
    });
  }

  waiting(): Promise<readonly EmergencyRecord[]> {
    return this.inTurn('read', async () => {
      await this.read();
      return [...this.records];
    });
  }

  migrated(clientOrderIds: readonly string[]): Promise<void> {
    const gone = new Set(clientOrderIds);
    return this.inTurn('shortened', async () => {
      await this.read();
      const rest = this.records.filter(({ leg }) => !gone.has(leg.clientOrderId));
      if (rest.length === this.records.length) return;
      // Whole, so that a crash leaves the old file or the new one; a record that is migrated twice does no harm.
      await this.closeFile();
      const content = Buffer.concat([EMERGENCY_HEAD, ...rest.map(encodeEmergency)]);
      await this.options.files.writeAtomic(this.path, content, 0o600);
      this.records = rest;
      this.soundBytes = content.length;
    });
  }

  status(): EmergencyStatus {
    return { waiting: this.records.length, damaged: this.damaged, damagedBytes: this.damagedBytes };
  }

  close(): Promise<void> {
    return this.inTurn('closed', () => this.closeFile());
  }

  private async inTurn<T>(what: string, step: () => Promise<T>): Promise<T> {
    const result = this.last.then(step);
    this.last = result.catch(() => undefined);
    try {
      return await result;
    } catch (error) {
      throw new ArbotError(
        'ARB_STORE_UNAVAILABLE',
        `the emergency journal cannot be ${what}: ${errorText(error)}`,
        { retryable: true, cause: error },
      );
    }
  }

  /** What former lives left, once. */
  private async read(): Promise<void> {
    if (this.isRead) return;
    const { files, folder } = this.options;
    await files.makeFolder(folder);
    if (await files.exists(this.path)) await this.take(await files.read(this.path));
    this.isRead = true;
  }

  private async take(content: Buffer): Promise<void> {
    const { files, log } = this.options;
    const { records, soundBytes } = decodeEmergency(content);
    if (soundBytes < content.length) {
      const bytes = content.length - soundBytes;
      await files.writeAtomic(`${this.path}.damaged`, content, 0o600);
      await files.truncate(this.path, soundBytes);
      this.damaged++;
      this.damagedBytes += bytes;
      log.error({ path: this.path, bytes }, 'the emergency journal was damaged; what can be read is kept');
    }
    this.records = [...records];
    this.soundBytes = soundBytes;
  }

  private async write(record: EmergencyRecord): Promise<void> {
    if (this.isDirty) await this.cutBack();
    const encoded = encodeEmergency(record);
    const bytes = this.soundBytes === 0 ? Buffer.concat([EMERGENCY_HEAD, encoded]) : encoded;
    try {
      this.file ??= await this.options.files.openAppend(this.path, 0o600);
      await this.file.append(bytes);
      await this.file.sync();
    } catch (error) {
      this.isDirty = true;
      throw error;
    }
    this.soundBytes += bytes.length;
  }

  /** A record behind half of another could never be read. */
  private async cutBack(): Promise<void> {
    const { files } = this.options;
    await this.closeFile();
    if (await files.exists(this.path)) await files.truncate(this.path, this.soundBytes);
    this.isDirty = false;
  }

  private async closeFile(): Promise<void> {
    const { file } = this;
    this.file = null;
    await file?.close();
  }
}
