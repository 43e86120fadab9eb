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
  private closed: Promise<void> | null = null;
  private ended: (() => void) | null = null;

  /** Continues a file that is there. Throws what the disk says when it cannot be opened. */
  constructor(options: LogFileOptions) {
    this.options = options;
    this.fd = openSync(options.path, 'a', MODE);
    this.bytes = fstatSync(this.fd).size;
  }

  write(line: string): void {
    const data = Buffer.from(line);
    if (this.closed !== null || this.waitingBytes + data.length > MAX_WAITING_BYTES) return;
    this.waiting.push(data);
    this.waitingBytes += data.length;
    if (!this.isWriting) this.writeNext();
  }

  /** For a process that ends at once: hands over what still waits, without waiting for what is being written. */
  flush(): void {
    try {
      const data = this.take(Infinity);
      for (let at = 0; at < data.length;) at += writeSync(this.fd, data, at);
    } catch (error) {
      this.failed(error as Error);
    }
  }

  /** Resolves when every line so far was handed over and the file is closed. Lines that come later are dropped. */
  close(): Promise<void> {
    this.closed ??= new Promise((resolve) => {
      this.ended = resolve;
      if (!this.isWriting) this.end();
    });
    return this.closed;
  }

  private end(): void {
    closeSync(this.fd);
    this.ended?.();
  }

  /** The lines that fit into so many bytes, at least one. */
  private take(roomBytes: number): Buffer {
    let [count, size] = [0, 0];
    for (const { length } of this.waiting) {
      if (count > 0 && size + length > roomBytes) break;
      count++;
      size += length;
    }
    const data = Buffer.concat(this.waiting.splice(0, count));
    this.waitingBytes -= size;
    this.bytes += size;
    return data;
  }

  private writeNext(): void {
    this.rotateWhenFull();
    this.isWriting = true;
    this.writeRest(this.take(this.options.maxBytes - this.bytes));
  }

  private writeRest(data: Buffer): void {
    write(this.fd, data, (error, written) => {
      if (error !== null) this.failed(error);
      else if (written < data.length) return this.writeRest(data.subarray(written));
      else this.isFailing = false;
      this.isWriting = false;
      if (this.waiting.length > 0) this.writeNext();
      else if (this.closed !== null) this.end();
    });
  }

  /** Only while nothing is being written. */
  private rotateWhenFull(): void {
    const { path, maxBytes } = this.options;
    if (this.bytes === 0 || this.bytes + (this.waiting[0]?.length ?? 0) <= maxBytes) return;
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
