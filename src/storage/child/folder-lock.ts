import { mkdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import lockfile from 'proper-lockfile';
import { ArbotError, errorText } from '../../messages/errors.js';
import { judgeHolder, ownIdentity, readIdentity } from './process-identity.js';

/**
 * One ArBot process per data folder: two PGlite processes on one folder destroy it. The lock itself is proper-lockfile's
 * directory; beside it stands who holds it, so that the refusal names the process and the lock of a dead one is taken over
 * at once. A living holder is never robbed, however long it was stopped or busy.
 */

const GATE_STALE_MS = 5_000;
const TOUCH_EVERY_MS = 5_000;
/** A holder on another host shows that it lives by touching the lock; its pid cannot be asked. */
const FOREIGN_STALE_MS = 20_000;

export interface FolderLock {
  release(): Promise<void>;
}

interface Paths {
  readonly folder: string;
  readonly lock: string;
  readonly holder: string;
  readonly gate: string;
}

/** Holders inside this process: a pid cannot tell two of them apart. */
const heldHere = new Set<string>();

function locked(paths: Paths, by: string): ArbotError {
  return new ArbotError('ARB_FOLDER_LOCKED', `data folder ${paths.folder} is in use by ${by}`);
}

function lastTouchMs(paths: Paths): number | null {
  return statSync(paths.lock, { throwIfNoEntry: false })?.mtimeMs ?? null;
}

/** Throws ARB_FOLDER_LOCKED unless the lock's holder is gone. Only inside the gate. */
function requireGone(paths: Paths, nowMs: number): void {
  const touchedMs = lastTouchMs(paths);
  if (touchedMs === null) return;
  const holder = readIdentity(paths.holder);
  const state = holder === null ? 'unknown' : judgeHolder(holder);
  // Without start times an own pid can only be that of a predecessor: folders held here are known.
  const predecessor = state === 'alive' && holder?.pid === process.pid && holder.startTicks === null;
  if (state === 'dead' || predecessor) return;
  const who = holder === null ? 'an unknown process' : `process ${holder.pid} on ${holder.host}`;
  if (state === 'alive') throw locked(paths, who);
  const ageMs = Math.max(0, nowMs - touchedMs);
  if (ageMs < FOREIGN_STALE_MS)
    throw locked(
      paths,
      `${who}, last seen ${Math.round(ageMs / 1000)} s ago (taken over after ${FOREIGN_STALE_MS / 1000} s)`,
    );
}

function removeStaleLock(paths: Paths): void {
  try {
    rmdirSync(paths.lock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function writeHolder(paths: Paths): void {
  const temporary = `${paths.holder}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(ownIdentity()), { mode: 0o600 });
  renameSync(temporary, paths.holder);
}

async function takeLock(
  paths: Paths,
  nowMs: number,
  lost: (reason: string) => void,
): Promise<() => Promise<void>> {
  requireGone(paths, nowMs);
  removeStaleLock(paths);
  // Before the lock: a crash in between leaves a name without a lock, never a lock without a name.
  writeHolder(paths);
  const release = await lockfile.lock(paths.lock, {
    lockfilePath: paths.lock,
    realpath: false,
    // Age alone never makes a lock stale; the judgement above does.
    stale: Number.MAX_SAFE_INTEGER,
    update: TOUCH_EVERY_MS,
    onCompromised: (error) => lost(errorText(error)),
  });
  return release;
}

/**
 * Short critical section around looking and taking, so that two takers of a stale lock cannot both win. The retries outlast
 * a gate left by a process that was killed inside it.
 */
async function insideGate<T>(paths: Paths, work: () => Promise<T>): Promise<T> {
  const leave = await lockfile
    .lock(paths.gate, {
      lockfilePath: paths.gate,
      realpath: false,
      stale: GATE_STALE_MS,
      retries: { retries: 130, factor: 1, minTimeout: 50, maxTimeout: 50 },
      onCompromised: () => undefined,
    })
    .catch((error: unknown) => {
      throw locked(paths, `a process that is just starting (${errorText(error)})`);
    });
  try {
    return await work();
  } finally {
    await leave().catch(() => undefined);
  }
}

function releaseOf(paths: Paths, release: () => Promise<void>): FolderLock {
  let released = false;
  return {
    release: async () => {
      if (released) return;
      released = true;
      try {
        // The name stays: removing it after the lock could remove that of the next holder.
        await release();
      } finally {
        heldHere.delete(paths.folder);
      }
    },
  };
}

/**
 * Takes the lock of a data folder (made when absent). `lost` is told when the lock is removed from outside, after which the
 * folder must not be written. `nowMs` is wall time. Rejects ARB_FOLDER_LOCKED naming folder and holder.
 */
export async function lockFolder(
  folder: string,
  nowMs: number,
  lost: (reason: string) => void,
): Promise<FolderLock> {
  const root = resolve(folder);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const paths = {
    folder: root,
    lock: join(root, 'arbot.lock'),
    holder: join(root, 'arbot.lock.json'),
    gate: join(root, 'arbot.lock.gate'),
  };
  if (heldHere.has(root)) throw locked(paths, `process ${process.pid} (this one)`);
  heldHere.add(root);
  try {
    return releaseOf(paths, await insideGate(paths, () => takeLock(paths, nowMs, lost)));
  } catch (error) {
    heldHere.delete(root);
    throw error;
  }
}
