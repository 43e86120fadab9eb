import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Captured frames and reference numbers that are not part of the repository. Tests that need them skip without them. */

const repository = resolve(import.meta.dirname, '..');

/** Folder of captured frames: ARBOT_WIRE_DIR, else `../shared/wire` beside the repository; null when absent. */
export function wireFolder(): string | null {
  return existing(process.env['ARBOT_WIRE_DIR'] ?? resolve(repository, '../shared/wire'));
}

/** Folder of exact expected numbers: ARBOT_REFERENCE_DIR, else `../shared/reference/given`; null when absent. */
export function referenceFolder(): string | null {
  return existing(process.env['ARBOT_REFERENCE_DIR'] ?? resolve(repository, '../shared/reference/given'));
}

function existing(folder: string): string | null {
  return existsSync(folder) ? folder : null;
}
