import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RELEASE_PATHS } from '../../src/launch/release.js';

const repository = resolve(import.meta.dirname, '../..');

/**
 * The program as it is now, so that nodes that start later are of the same build: whoever works on the sources meanwhile would
 * make a node that starts anew a stranger to the others, and a cluster of two builds rightly does not trade.
 */
export function copyProgram(to: string): string {
  for (const path of [...RELEASE_PATHS, 'trading.config.ts'])
    if (existsSync(join(repository, path)))
      cpSync(join(repository, path), join(to, path), { recursive: true });
  symlinkSync(join(repository, 'node_modules'), join(to, 'node_modules'), 'dir');
  return to;
}
