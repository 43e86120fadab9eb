import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ArbotError } from '../../messages/errors.js';
import type { Db, Session } from '../sql/db.js';
import { lockFolder, type FolderLock } from '../child/folder-lock.js';
import { ensureSeed, pgliteVersion } from './seed.js';
import { entryBeside } from '../child/fork-entry.js';
import { SupervisedChild, type ChildPorts } from '../child/supervised-child.js';
import { toArbotError } from '../sql/sql-errors.js';
import { PLACES, type Request, type Results } from './protocol.js';

/** PGlite's WASM build runs with fsync off (measured: `show fsync`). */
const HAZARD = 'the embedded database does not sync to the disk: a power cut can lose acknowledged rows';

type Child = SupervisedChild<Request, Results>;

/** `Db` over the supervised child, plus what tests and inspection look at. */
export interface PgliteDb extends Db {
  childPid(): number | undefined;
  childRestarts(): number;
}

function sessionOver(child: Child): Session {
  return {
    query: async (sql, values = []) => (await child.call({ kind: 'query', sql, values }))[0] ?? [],
    exec: async (script) => {
      await child.call({ kind: 'exec', script });
    },
  };
}

/** The child has one connection, so a session is simply a transaction that nobody else is there to share. */
async function inSession<T>(child: Child, work: (session: Session) => Promise<T>): Promise<T> {
  const session = sessionOver(child);
  await session.exec('begin');
  try {
    const result = await work(session);
    await session.exec('commit');
    return result;
  } catch (error) {
    // A child that died took its open transaction with it.
    await session.exec('rollback').catch(() => undefined);
    throw error;
  }
}

async function startChild(folder: string, seed: string, ports: ChildPorts): Promise<Child> {
  const child: Child = new SupervisedChild(
    {
      what: 'embedded database',
      entry: entryBeside(import.meta.url, 'child'),
      args: [folder, seed],
      serialization: 'json',
      maxInFlight: 512,
      answerLimitMs: 15_000,
      closeLimitMs: 800,
      errorOf: toArbotError,
    },
    ports,
  );
  try {
    await child.start();
    return child;
  } catch (error) {
    await child.close();
    throw error;
  }
}

function dbOver(folder: string, child: Child, lock: FolderLock): PgliteDb {
  return {
    query: async (sql, values = []) => (await child.call({ kind: 'query', sql, values }))[0] ?? [],
    aside: async (sql, values = []) => (await child.call({ kind: 'query', sql, values }))[0] ?? [],
    transaction: (statements) => child.call({ kind: 'transaction', statements }),
    session: (work) => inSession(child, work),
    engine: () => Promise.resolve(`pglite ${pgliteVersion()}`),
    location: folder,
    hazards: [HAZARD],
    childPid: () => child.pid,
    childRestarts: () => child.restarts,
    close: async () => {
      try {
        await child.close();
      } finally {
        await lock.release();
      }
    },
  };
}

/** True once a database was made in the folder; asking makes none. */
export const hasCluster = (folder: string): boolean => existsSync(join(resolve(folder), PLACES.cluster));

/**
 * Opens the embedded database of a data folder: lock first, then the child. Rejects ARB_FOLDER_LOCKED naming the holder, or
 * ARB_STORE_UNAVAILABLE when the database cannot be started. A first start ever makes the seed (about 9 s), a first start
 * in a folder copies it.
 */
export async function openPgliteDb(folder: string, ports: ChildPorts): Promise<PgliteDb> {
  const root = resolve(folder);
  const held: { child?: Child; lostBecause?: string } = {};
  const lock = await lockFolder(root, ports.clock.nowMs(), (reason) => {
    held.lostBecause = reason;
    ports.log.error(
      { folder: root, reason },
      'the lock of the data folder was taken away; the database is closed',
    );
    held.child?.kill();
    void held.child?.close('the lock of its folder was taken away');
  });
  try {
    held.child = await startChild(root, await ensureSeed(root), ports);
    if (held.lostBecause !== undefined)
      throw new ArbotError('ARB_FOLDER_LOCKED', `data folder ${root}: ${held.lostBecause}`);
    return dbOver(root, held.child, lock);
  } catch (error) {
    await held.child?.close();
    await lock.release();
    throw error;
  }
}
