/** Files as a port: only what ArBot needs, whole or append-only. Paths are absolute. */

export interface AppendFile {
  /** Resolves when the bytes were handed to the operating system. */
  append(data: string | Uint8Array): Promise<void>;
  /** Resolves when everything appended so far is on the disk (fdatasync). */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What a path leads to, without following a link at its end. */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  readonly ownerId: number;
}

export interface Files {
  /** Rejects with code ENOENT when absent. */
  read(path: string): Promise<Buffer>;
  /** Reads a file as lines of text without loading it whole. */
  lines(path: string): AsyncIterable<string>;
  /** Writes to a temporary name, syncs and renames, so that a crash leaves the old or the new file. */
  writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  openAppend(path: string, mode?: number): Promise<AppendFile>;
  exists(path: string): Promise<boolean>;
  /** Bytes of a file. Rejects with code ENOENT when absent. */
  size(path: string): Promise<number>;
  /** Rejects with code ENOENT when absent. */
  facts(path: string): Promise<FileFacts>;
  /** Cuts a file to its first `bytes` and brings that to the disk. */
  truncate(path: string, bytes: number): Promise<void>;
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
}
