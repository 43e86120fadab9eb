import type { AppendFile, Files } from '../../ports/files.js';
import type { Logger } from '../../ports/log.js';
import type { SpooledBatch, SpoolStatus, TickSpool } from '../../ports/tick-spool.js';
import type { TickBatch, TickTable } from '../../ports/tick-store.js';
import { encodeRecord, FILE_HEAD, recordAt, unavailable, type FoundRecord, type Pause } from './record.js';

export interface DiskSpoolOptions {
  readonly files: Files;
  readonly folder: string;
  /** Bound of all its files together. */
  readonly maxBytes: number;
  /** Names this life of the process: lower-case letters and digits, never used before. Two lives never write one file. */
  readonly life: string;
  readonly pause: Pause;
  readonly log: Logger;
  /** A file is closed at this size or this many records, whichever comes first. */
  readonly segmentBytes?: number;
  readonly segmentRecords?: number;
}

/** Of a record of this life, so that what damage costs can be counted. */
interface Noted {
  readonly batchId: string;
  readonly table: TickTable;
  readonly rows: number;
}

interface Segment {
  readonly path: string;
  /** Null when a former life wrote it. */
  readonly noted: Noted[] | null;
  bytes: number;
  /** Where the oldest record begins that was not forgotten. */
  at: number;
  /** Records before that. */
  passed: number;
  readFailures: number;
}

const SEGMENT_BYTES = 8 * 1024 * 1024;
/** What was stored of a file when the process died is stored once more: the store has to know so many batches again. */
const SEGMENT_RECORDS = 256;
const READ_TRIES = 5;
const NAME = /^(\d{12})-[0-9a-z]+\.ticks$/;

/** The spool as files of checked records. What cannot be written is cut off again; what cannot be read as written is never handed out. */
export class DiskSpool implements TickSpool {
  private readonly options: Required<DiskSpoolOptions>;
  /** Oldest first; the last may be the one being written. */
  private readonly segments: Segment[] = [];
  /** Read to their end, and not gone from the disk yet. */
  private readonly finished: Segment[] = [];
  private readonly aside: Segment[] = [];
  private writing: { readonly segment: Segment; readonly file: AppendFile } | null = null;
  private loaded: { readonly segment: Segment; readonly data: Buffer } | null = null;
  private head: { readonly segment: Segment; readonly found: SpooledBatch; readonly bytes: number } | null =
    null;
  /** Batches of this life on the disk, and those on their way there. */
  private readonly kept = new Set<string>();
  private readonly appending = new Map<string, Promise<'kept' | 'full'>>();
  private last: Promise<unknown> = Promise.resolve();
  private number = 0;
  private isOpen = false;
  private readonly damaged: Record<TickTable, number> = {
    tick_trades: 0,
    spread_history: 0,
    orderbook_snapshots: 0,
  };
  private readonly cut = { cuts: 0, cutBytes: 0 };

  constructor(options: DiskSpoolOptions) {
    this.options = { segmentBytes: SEGMENT_BYTES, segmentRecords: SEGMENT_RECORDS, ...options };
  }

  append(batch: TickBatch): Promise<'kept' | 'full'> {
    const { batchId } = batch;
    const underway = this.appending.get(batchId);
    if (underway !== undefined) return underway;
    const appended = this.inTurn(() => this.keep(batch)).finally(() => this.appending.delete(batchId));
    this.appending.set(batchId, appended);
    return appended;
  }

  oldest(): Promise<SpooledBatch | null> {
    return this.inTurn(() => this.readOldest());
  }

  forget(batchId: string): Promise<void> {
    return this.inTurn(async () => {
      if (this.head?.found.batch.batchId !== batchId) return;
      const { segment, bytes } = this.head;
      this.head = null;
      this.kept.delete(batchId);
      segment.at += bytes;
      segment.passed++;
      if (segment !== this.writing?.segment && segment.at >= segment.bytes) await this.finish(segment);
    });
  }

  status(): SpoolStatus {
    const all = [...this.segments, ...this.finished, ...this.aside];
    return {
      damaged: { ...this.damaged },
      ...this.cut,
      bytes: this.bytes,
      maxBytes: this.options.maxBytes,
      segments: all.length,
      setAside: this.aside.length,
    };
  }

  close(): Promise<void> {
    return this.inTurn(() => this.seal());
  }

  private get bytes(): number {
    const sum = (segments: readonly Segment[]) => segments.reduce((all, { bytes }) => all + bytes, 0);
    return sum(this.segments) + sum(this.finished) + sum(this.aside);
  }

  private inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.last.then(step);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Finds what former lives left. Tried again until the folder can be read. */
  private async open(): Promise<void> {
    if (this.isOpen) return;
    const { files, folder } = this.options;
    try {
      await files.makeFolder(folder);
      const found: Segment[] = [];
      for (const name of (await files.list(folder)).sort()) {
        const number = NAME.exec(name)?.[1];
        if (number === undefined) continue;
        const path = `${folder}/${name}`;
        found.push(segmentAt(path, null, await files.size(path)));
        this.number = Math.max(this.number, Number(number));
      }
      this.segments.push(...found);
      this.isOpen = true;
    } catch (error) {
      throw unavailable('be opened', error);
    }
  }

  private async keep(batch: TickBatch): Promise<'kept' | 'full'> {
    if (this.kept.has(batch.batchId)) return 'kept';
    await this.open();
    await this.removeFinished();
    const record = await encodeRecord(batch, this.options.pause);
    const more = record.length + (this.writing === null ? FILE_HEAD.length : 0);
    if (this.bytes + more > this.options.maxBytes) return 'full';
    await this.write(record, { batchId: batch.batchId, table: batch.table, rows: batch.rows.length });
    this.kept.add(batch.batchId);
    return 'kept';
  }

  private async write(record: Buffer, noted: Noted): Promise<void> {
    const isNew = this.writing === null;
    const { segment, file } = (this.writing ??= await this.begin());
    const bytes = isNew ? Buffer.concat([FILE_HEAD, record]) : record;
    try {
      await file.append(bytes);
      await file.sync();
    } catch (error) {
      await this.abandon(segment, file);
      throw unavailable('be written', error);
    }
    segment.bytes += bytes.length;
    segment.noted!.push(noted);
    const { segmentBytes, segmentRecords } = this.options;
    if (segment.bytes >= segmentBytes || segment.noted!.length >= segmentRecords) await this.seal();
  }

  private async begin(): Promise<{ segment: Segment; file: AppendFile }> {
    const { files, folder, life } = this.options;
    const path = `${folder}/${String(++this.number).padStart(12, '0')}-${life}.ticks`;
    try {
      const file = await files.openAppend(path, 0o600);
      const segment = segmentAt(path, [], 0);
      this.segments.push(segment);
      return { segment, file };
    } catch (error) {
      throw unavailable('be written', error);
    }
  }

  /** A write that failed may have left part of itself: nothing is written behind it. */
  private async abandon(segment: Segment, file: AppendFile): Promise<void> {
    const { files } = this.options;
    this.writing = null;
    await this.attempt('close a file', () => file.close());
    if (segment.noted!.length > 0)
      await this.attempt('cut off half a record', () => files.truncate(segment.path, segment.bytes));
    else await this.finish(segment);
  }

  private async seal(): Promise<void> {
    const { writing } = this;
    this.writing = null;
    if (writing === null) return;
    await this.attempt('close a file', () => writing.file.close());
    if (writing.segment.at >= writing.segment.bytes) await this.finish(writing.segment);
  }

  private async finish(segment: Segment): Promise<void> {
    const at = this.segments.indexOf(segment);
    if (at >= 0) this.segments.splice(at, 1);
    if (this.loaded?.segment === segment) this.loaded = null;
    this.finished.push(segment);
    await this.removeFinished();
  }

  private async removeFinished(): Promise<void> {
    for (const segment of [...this.finished]) {
      if (!(await this.attempt('remove a file', () => this.options.files.remove(segment.path)))) return;
      this.finished.splice(this.finished.indexOf(segment), 1);
    }
  }

  private async readOldest(): Promise<SpooledBatch | null> {
    await this.open();
    if (this.head !== null) return this.head.found;
    for (;;) {
      const [segment] = this.segments;
      if (segment === undefined) return null;
      // Read whole, so that nothing is written to it any more.
      if (segment === this.writing?.segment) await this.seal();
      const data = await this.load(segment);
      if (data === null) continue;
      const hasHead = segment.at > 0 || data.subarray(0, FILE_HEAD.length).equals(FILE_HEAD);
      if (hasHead && segment.at === 0) segment.at = FILE_HEAD.length;
      // A file without a byte was opened and never written.
      const isAtEnd = data.length === 0 || (hasHead && segment.at === data.length);
      const record = hasHead && !isAtEnd ? await this.recordIn(data, segment.at) : null;
      if (record !== null) {
        const found = { batch: record.batch, isCarried: segment.noted === null };
        this.head = { segment, found, bytes: record.bytes };
        return found;
      }
      if (!isAtEnd || this.isShort(segment)) this.cutOff(segment, data.length);
      await this.finish(segment);
    }
  }

  private recordIn(data: Buffer, at: number): Promise<FoundRecord | null> {
    return recordAt(data, at, this.options.pause);
  }

  /** Fewer records than were written in this life. */
  private isShort({ noted, passed }: Segment): boolean {
    return noted !== null && passed < noted.length;
  }

  /** Null when the file is none of the waiting any more. */
  private async load(segment: Segment): Promise<Buffer | null> {
    if (this.loaded?.segment === segment) return this.loaded.data;
    try {
      const whole = await this.options.files.read(segment.path);
      // Half a record that could not be cut off is known to be none.
      const data = segment.noted === null ? whole : whole.subarray(0, segment.bytes);
      this.loaded = { segment, data };
      return data;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        this.cutOff(segment, 0);
        await this.finish(segment);
        return null;
      }
      if (++segment.readFailures < READ_TRIES) throw unavailable('be read', error);
      this.options.log.error(
        { file: segment.path, error: String(error) },
        'a file of the spool is set aside',
      );
      this.segments.splice(this.segments.indexOf(segment), 1);
      this.aside.push(segment);
      return null;
    }
  }

  /** Nothing behind a damaged record can be trusted. */
  private cutOff(segment: Segment, bytes: number): void {
    const lost = (segment.noted ?? []).slice(segment.passed);
    for (const { batchId, table, rows } of lost) {
      this.damaged[table] += rows;
      this.kept.delete(batchId);
    }
    const cutBytes = Math.max(0, bytes - segment.at);
    this.cut.cuts++;
    this.cut.cutBytes += cutBytes;
    const { path: file, at: offset } = segment;
    const fields = { file, offset, cutBytes, rows: lost.reduce((sum, { rows }) => sum + rows, 0) };
    this.options.log.error(fields, 'a record of the spool is damaged; it and what follows it is cut off');
  }

  /** What only tidies up may fail: it is tried again later. */
  private async attempt(what: string, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.options.log.warn({ error: String(error) }, `the spool could not ${what}`);
      return false;
    }
  }
}

const segmentAt = (path: string, noted: Noted[] | null, bytes: number): Segment => ({
  path,
  noted,
  bytes,
  at: 0,
  passed: 0,
  readFailures: 0,
});
