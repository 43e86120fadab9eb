import { invariant } from '../messages/errors.js';

/** A file of an archive. `path` is relative, with slashes. */
export interface ArchiveFile {
  readonly path: string;
  readonly data: Uint8Array;
  readonly executable: boolean;
}

const BLOCK = 512;

/**
 * A ustar archive that is a function of paths and contents alone: sorted, without times, owners or the umask of this machine, so
 * that the same sources have the same hash everywhere.
 */
export function tarOf(files: readonly ArchiveFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    parts.push(headerOf(file), Buffer.from(file.data));
    parts.push(Buffer.alloc((BLOCK - (file.data.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(file: ArchiveFile): Buffer {
  const header = Buffer.alloc(BLOCK);
  const { prefix, name } = split(file.path);
  header.write(name, 0);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(octal(file.executable ? 0o755 : 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(file.data.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\0', 257);
  header.write('00', 263);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** ustar keeps 100 bytes of a name and 155 of the folders before it. */
function split(path: string): { readonly prefix: string; readonly name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { prefix, name };
  }
  invariant(false, `no room for the name ${path} in an archive`);
}
