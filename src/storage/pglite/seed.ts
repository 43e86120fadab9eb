import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ArbotError, errorText } from '../../messages/errors.js';
import { entryBeside, forkEntry } from '../child/fork-entry.js';

/**
 * The seed is an empty, cleanly closed cluster of the installed PGlite version. Initialising takes about 6 s of CPU and 790 MB,
 * copying the seed 0.2 s, so it is made once per installation, after `npm install` (bin/prepare.mjs) or else by the first
 * start, and kept in the package cache.
 */

/** Version and package folder of the installed PGlite. */
function installed(): { version: string; packages: string } {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  let folder = dirname(entry);
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { version, packages: dirname(dirname(folder)) };
}

export function pgliteVersion(): string {
  return installed().version;
}

const nameOf = (version: string): string => `pglite-seed-${version}`;
const sharedFolder = (packages: string): string => join(packages, '.cache', 'arbot');

/** The package cache when it can be written, else the data folder itself. */
function seedPath(dataFolder: string): string {
  const { version, packages } = installed();
  const name = nameOf(version);
  const shared = sharedFolder(packages);
  try {
    mkdirSync(shared, { recursive: true });
    return join(shared, name);
  } catch {
    // A read-only installation: each data folder keeps its own seed.
    return join(dataFolder, name);
  }
}

function runMaker(folder: string): Promise<void> {
  const maker = forkEntry(entryBeside(import.meta.url, 'seed-maker'), [folder]);
  return new Promise((done, failed) => {
    maker.process.once('error', failed);
    maker.process.once('exit', (code, signal) => {
      if (code === 0) done();
      else failed(new Error(`${signal ?? `exit ${String(code)}`} ${maker.complaint()}`));
    });
  });
}

/** Of several makers at once the first to finish wins; the others' seeds are as good and thrown away. */
function publish(made: string, seed: string): void {
  try {
    renameSync(made, seed);
  } catch (error) {
    if (!existsSync(seed)) throw error;
    rmSync(made, { recursive: true, force: true });
  }
}

/** Makes the seed of this installation ahead of its first use. Rejects when it cannot be made or kept. */
export async function prepareSeed(): Promise<void> {
  const { version, packages } = installed();
  const shared = sharedFolder(packages);
  mkdirSync(shared, { recursive: true });
  await ensure(join(shared, nameOf(version)));
}

/** The folder of the seed, made at first use. Rejects ARB_STORE_UNAVAILABLE when it cannot be made. */
export function ensureSeed(dataFolder: string): Promise<string> {
  return ensure(seedPath(dataFolder));
}

async function ensure(seed: string): Promise<string> {
  if (existsSync(seed)) return seed;
  const making = `${seed}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  try {
    await runMaker(making);
    publish(making, seed);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw new ArbotError(
      'ARB_STORE_UNAVAILABLE',
      `the embedded database could not be initialised: ${errorText(error)}`,
    );
  }
  return seed;
}
