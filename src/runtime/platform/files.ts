import { randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import {
  access,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  type FileHandle,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { ArbotError } from '../../messages/errors.js';
import type { AppendFile, FileFacts, Files } from '../../ports/files.js';

/** Files on the local disk. Errors are Node's own, with their `code`. */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class LocalFiles implements Files {
  private readonly maxLineBytes: number;

  /** `maxLineBytes` bounds what `lines` keeps in memory; a longer line rejects with ARB_RECORDING_INVALID. */
  constructor(options: { maxLineBytes?: number } = {}) {
    this.maxLineBytes = options.maxLineBytes ?? 64 * 1024 * 1024;
  }

  read(path: string): Promise<Buffer> {
    return readFile(path);
  }

  async *lines(path: string): AsyncGenerator<string> {
    let parts: Buffer[] = [];
    let pendingBytes = 0;
    let line = 1;
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
        parts.push(chunk.subarray(from, end));
        yield lineText(parts);
        [parts, pendingBytes, from] = [[], 0, end + 1];
        line++;
      }
      parts.push(chunk.subarray(from));
      pendingBytes += chunk.length - from;
      if (pendingBytes > this.maxLineBytes) throw lineTooLong(path, line, this.maxLineBytes);
    }
    if (pendingBytes > 0) yield lineText(parts);
  }

  async writeAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
    const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      const file = await open(temporary, 'wx', mode);
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  }

  async openAppend(path: string, mode = 0o644): Promise<AppendFile> {
    return new LocalAppendFile(await open(path, 'a', mode));
  }

  async exists(path: string): Promise<boolean> {
    try {
      await access(path, constants.F_OK);
      return true;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw error;
    }
  }

  async size(path: string): Promise<number> {
    return (await stat(path)).size;
  }

  async facts(path: string): Promise<FileFacts> {
    const found = await lstat(path);
    const kind = found.isFile()
      ? 'file'
      : found.isDirectory()
        ? 'folder'
        : found.isSymbolicLink()
          ? 'link'
          : 'other';
    return { kind, mode: found.mode & 0o7777, ownerId: found.uid };
  }

  async truncate(path: string, bytes: number): Promise<void> {
    const file = await open(path, 'r+');
    try {
      await file.truncate(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** A file or a folder with all it holds; absent is fine. */
  remove(path: string): Promise<void> {
    return rm(path, { recursive: true, force: true });
  }

  async makeFolder(path: string): Promise<void> {
    await mkdir(path, { recursive: true });
  }

  /** Names in a folder, sorted. */
  async list(path: string): Promise<string[]> {
    return (await readdir(path)).sort();
  }
}

/** Appends one after the other in the order of the calls, whole or not at all as far as the disk allows. */
class LocalAppendFile implements AppendFile {
  private readonly file: FileHandle;
  private last: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.file = file;
  }

  append(data: string | Uint8Array): Promise<void> {
    return this.after(() => this.file.appendFile(data));
  }

  sync(): Promise<void> {
    return this.after(() => this.file.datasync());
  }

  close(): Promise<void> {
    return this.after(() => this.file.close());
  }

  private after(step: () => Promise<void>): Promise<void> {
    const result = this.last.then(step);
    // A failure belongs to the caller of that step; later steps still run.
    this.last = result.catch(() => undefined);
    return result;
  }
}

/** After a rename the new name itself must reach the disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function lineText(parts: readonly Buffer[]): string {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  return bytes.toString('utf8', 0, end);
}

function lineTooLong(path: string, line: number, maxBytes: number): ArbotError {
  return new ArbotError('ARB_RECORDING_INVALID', `${path}: line ${line} is longer than ${maxBytes} bytes`);
}
