import type { AppendFile, Files } from '../../src/ports/files.js';
import type { Timers } from '../../src/ports/time.js';
import type { Prng } from '../../src/simulator/prng.js';

/** One file: what is on the medium, and what only the operating system holds. */
interface Content {
  durable: Buffer[];
  buffered: Buffer[];
}

/**
 * The disk of one node. It outlives processes. A kill loses nothing that was handed over; a power cut loses what was not
 * synced, wholly or from some byte on.
 */
export class SimulatedDisk {
  full = false;
  /** Added to every write, ms. */
  slowMs = 0;
  /** Told after a file of this node was brought to the disk. */
  synced: ((path: string) => void) | null = null;
  /** Whether any write was refused or lost so far. */
  hasFailed = false;
  private readonly contents = new Map<string, Content>();
  private readonly prng: Prng;

  constructor(prng: Prng) {
    this.prng = prng;
  }

  /** Paths of all files, in the order in which they were made. */
  paths(): string[] {
    return [...this.contents.keys()];
  }

  /** What the disk holds of a file now, synced or not. */
  bytesOf(path: string): Buffer {
    const content = this.contents.get(path);
    if (content === undefined) throw failure('ENOENT', `no such file: ${path}`);
    return Buffer.concat([...content.durable, ...content.buffered]);
  }

  sizeOf(path: string): number {
    const { durable, buffered } = this.contents.get(path)!;
    return [...durable, ...buffered].reduce((sum, { length }) => sum + length, 0);
  }

  /** One byte of a file is no longer what was written. */
  rot(path: string, at: number): void {
    const bytes = this.bytesOf(path);
    bytes[at] = bytes[at]! ^ 1;
    const content = this.contents.get(path)!;
    content.durable = [bytes];
    content.buffered = [];
  }

  cutPower(): void {
    this.hasFailed = true;
    for (const content of this.contents.values()) {
      const unsynced = Buffer.concat(content.buffered);
      content.durable.push(unsynced.subarray(0, this.prng.below(unsynced.length + 1)));
      content.buffered = [];
    }
  }

  /** The files port of one process. */
  files(timers: Timers): Files {
    const wait = (): Promise<void> =>
      new Promise((resolve) => void timers.setTimer(resolve, this.prng.between(0.05, 1) + this.slowMs));
    const admit = async (): Promise<void> => {
      await wait();
      if (!this.full) return;
      this.hasFailed = true;
      throw failure('ENOSPC', 'no space left on device');
    };
    return {
      read: async (path) => {
        await wait();
        return this.bytesOf(path);
      },
      lines: (path) => linesOf(() => this.bytesOf(path)),
      writeAtomic: async (path, data) => {
        await admit();
        this.contents.set(path, { durable: [Buffer.from(data)], buffered: [] });
      },
      openAppend: async (path) => {
        await admit();
        return this.appender(path, admit, wait);
      },
      exists: async (path) => {
        await wait();
        return this.contents.has(path);
      },
      size: async (path) => {
        await wait();
        return this.sizeOf(path);
      },
      facts: async (path) => {
        await wait();
        return { kind: this.contents.has(path) ? 'file' : 'folder', mode: 0o600, ownerId: 0 };
      },
      truncate: async (path, bytes) => {
        await wait();
        this.contents.get(path)!.durable = [this.bytesOf(path).subarray(0, bytes)];
        this.contents.get(path)!.buffered = [];
      },
      remove: async (path) => {
        await wait();
        this.contents.delete(path);
      },
      makeFolder: () => wait(),
      list: async (path) => {
        await wait();
        const prefix = `${path}/`;
        return this.paths().flatMap((file) => (file.startsWith(prefix) ? [file.slice(prefix.length)] : []));
      },
    };
  }

  private appender(path: string, admit: () => Promise<void>, wait: () => Promise<void>): AppendFile {
    const content = this.contents.get(path) ?? { durable: [], buffered: [] };
    this.contents.set(path, content);
    return {
      append: async (data) => {
        const bytes = Buffer.from(data);
        await admit();
        content.buffered.push(bytes);
      },
      sync: async () => {
        await wait();
        content.durable.push(...content.buffered);
        content.buffered = [];
        this.synced?.(path);
      },
      close: () => wait(),
    };
  }
}

/** The same files with every call that waits for the disk led through `around`. */
export function aroundFiles(inner: Files, around: <T>(call: () => Promise<T>) => Promise<T>): Files {
  return {
    ...inner,
    writeAtomic: (path, data, mode) => around(() => inner.writeAtomic(path, data, mode)),
    truncate: (path, bytes) => around(() => inner.truncate(path, bytes)),
    remove: (path) => around(() => inner.remove(path)),
    openAppend: async (path) => {
      const file = await around(() => inner.openAppend(path));
      return {
        append: (data) => around(() => file.append(data)),
        sync: () => around(() => file.sync()),
        close: () => around(() => file.close()),
      };
    },
  };
}

const failure = (code: string, text: string): Error => Object.assign(new Error(`${code}: ${text}`), { code });

async function* linesOf(read: () => Buffer): AsyncGenerator<string> {
  const text = await Promise.resolve(read().toString('utf8'));
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  yield* lines;
}
