import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { EXIT } from './protocol.js';
import { judgeHolder, ownIdentity, readIdentity } from './process-identity.js';

/**
 * Second guard beside the parent's lock, taken by the child that opens an engine: the child of a killed parent may live for a
 * moment, and two on one folder destroy it, or refuse each other without saying why. The file is made exclusively; one whose maker
 * is dead is replaced. Ends the process with the code that the parent waits and tries again for.
 */
export function claimEngine(path: string): void {
  const holder = readIdentity(path);
  if (holder !== null && holder.pid !== process.pid && judgeHolder(holder) === 'alive')
    process.exit(EXIT.folderBusy);
  rmSync(path, { force: true });
  try {
    writeFileSync(path, JSON.stringify(ownIdentity()), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') process.exit(EXIT.folderBusy);
    throw error;
  }
}

/** After the engine was closed in order. */
export function releaseEngine(path: string): void {
  unlinkSync(path);
}
