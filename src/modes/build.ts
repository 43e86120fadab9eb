import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Files } from '../ports/files.js';

/** Two levels up from here, in the sources as in what is built of them. */
const PROGRAM = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = /\.(?:ts|js|mjs|sql)$/;
const HEX_DIGITS = 16;

/**
 * The build of this program: a hash over its sources, its migrations and its lock file by name and content. Hosts with the
 * same files have the same; nodes that differ do not trade together (RELIABILITY §4.4). 16 hex digits.
 */
export async function buildOf(files: Files, roots: BuildRoots = OWN): Promise<string> {
  const hash = createHash('sha256');
  for (const { name, path } of await filesOf(files, roots)) {
    const content = await files.read(path);
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, HEX_DIGITS);
}

export interface BuildRoots {
  /** Folders with the program; every source below counts. */
  readonly folders: readonly string[];
  /** Single files; one that is absent counts as absent. */
  readonly files: readonly string[];
}

const OWN: BuildRoots = {
  folders: [PROGRAM, `${PACKAGE}migrations`],
  files: [`${PACKAGE}package.json`, `${PACKAGE}package-lock.json`],
};

interface Found {
  /** Relative to its root, so that it does not matter where the program lies. */
  readonly name: string;
  readonly path: string;
}

async function filesOf(files: Files, roots: BuildRoots): Promise<Found[]> {
  const found: Found[] = [];
  for (const folder of roots.folders) found.push(...(await below(files, folder.replace(/\/$/, ''), '')));
  for (const path of roots.files)
    if (await files.exists(path)) found.push({ name: path.slice(path.lastIndexOf('/') + 1), path });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function below(files: Files, folder: string, prefix: string): Promise<Found[]> {
  const found: Found[] = [];
  if (!(await files.exists(folder))) return found;
  for (const name of await files.list(folder)) {
    const path = `${folder}/${name}`;
    if (SOURCE.test(name)) found.push({ name: prefix + name, path });
    else if (!name.includes('.')) found.push(...(await below(files, path, `${prefix}${name}/`)));
  }
  return found;
}
