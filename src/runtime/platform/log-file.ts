import { closeSync, fstatSync, openSync, renameSync, write, writeSync } from 'node:fs';

/**
 * Log lines in a file of bounded size: one that is full becomes `<path>.1` in place of the one before, so that both together
 * hold at most twice the bound. Lines are handed to the operating system in the order of the calls, without waiting.
 */

export interface LogFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** A disk that refuses costs lines, never the process; told once until it takes lines again. */
  readonly onError: (error: Error) => void;
}

/** Past this many waiting bytes a disk that stands still costs lines, not memory. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** Only its owner reads it. */
const MODE = 0o600;

export class LogFile {
  private readonly options: LogFileOptions;
  private fd: number;
  private bytes: number;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  private isWriting = false;
  private isFailing = false;
  private isClosed = false;

  /** Continues a file that is there. Throws what the disk says when it cannot be opened. */
  constructor(options: LogFileOptions) {
    this.options = options;
    this.fd = openSync(options.path, 'a', MODE);
    this.bytes = fstatSync(this.fd).size;
  }

  write(line: string): void {
    const data = Buffer.from(line);
    if (this.isClosed || this.waitingBytes + data.length > MAX_WAITING_BYTES) return;
    this.waiting.push(data);
    this.waitingBytes += data.length;
    if (!this.isWriting) this.writeNext();
  }

  /** Hands over what still waits, before the process ends. */
  flush(): void {
    if (this.isClosed) return;
    try {
      const data = this.take();
      for (let at = 0; at < data.length;) at += writeSync(this.fd, data, at);
    } catch (error) {
      this.failed(error as Error);
    }
  }

  /** Flushes and closes. Lines that come later are dropped. */
  close(): void {
    if (this.isClosed) return;
    this.flush();
    this.isClosed = true;
    // A write under way ends first: its callback closes.
    if (!this.isWriting) closeSync(this.fd);
  }

  private take(): Buffer {
    const data = Buffer.concat(this.waiting);
    this.waiting = [];
    this.waitingBytes = 0;
    this.bytes += data.length;
    return data;
  }

  private writeNext(): void {
    this.rotateWhenFull();
    this.isWriting = true;
    this.writeRest(this.take());
  }

  private writeRest(data: Buffer): void {
    write(this.fd, data, (error, written) => {
      if (error !== null) this.failed(error);
      else if (written < data.length) return this.writeRest(data.subarray(written));
      else this.isFailing = false;
      this.isWriting = false;
      if (this.isClosed) closeSync(this.fd);
      else if (this.waiting.length > 0) this.writeNext();
    });
  }

  /** Only while nothing is being written. */
  private rotateWhenFull(): void {
    const { path, maxBytes } = this.options;
    if (this.bytes === 0 || this.bytes + this.waitingBytes <= maxBytes) return;
    try {
      renameSync(path, `${path}.1`);
      const next = openSync(path, 'a', MODE);
      closeSync(this.fd);
      this.fd = next;
      this.bytes = fstatSync(next).size;
    } catch (error) {
      this.failed(error as Error);
    }
  }

  private failed(error: Error): void {
    if (!this.isFailing) this.options.onError(error);
    this.isFailing = true;
  }
}
