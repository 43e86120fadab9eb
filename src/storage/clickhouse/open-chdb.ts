import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { resolve } from 'node:path';
import { ArbotError } from '../../messages/errors.js';
import type { ModeName } from '../../messages/primitives.js';
import type { TickStore } from '../../ports/tick-store.js';
import { entryBeside } from '../child/fork-entry.js';
import { lockFolder, type FolderLock } from '../child/folder-lock.js';
import { SupervisedChild, type ChildPorts } from '../child/supervised-child.js';
import { connectionTo, type ChdbChild } from './chdb-connection.js';
import { chdbMissing, chdbVersion } from './chdb-package.js';
import { tickFailure } from './clickhouse-errors.js';
import { Engine } from './engine.js';
import { claimTickMode, migrateTicks } from './migrate.js';
import { clickHouseTicks } from './tick-store.js';

/** The slowest question is an aggregate over a year; an insert takes milliseconds. */
const ANSWER_LIMIT_MS = 60_000;
/** An orderly end waits for merges under way. */
const CLOSE_LIMIT_MS = 2_000;
const MAX_IN_FLIGHT = 64;

/** Ticks in chdb, plus what tests and inspection look at. */
export interface ChdbTicks extends TickStore {
  childPid(): number | undefined;
  childRestarts(): number;
}

function newChild(folder: string, ports: ChildPorts): ChdbChild {
  return new SupervisedChild(
    {
      what: 'embedded tick store',
      entry: entryBeside(import.meta.url, 'chdb-child'),
      args: [folder],
      serialization: 'advanced',
      maxInFlight: MAX_IN_FLIGHT,
      answerLimitMs: ANSWER_LIMIT_MS,
      closeLimitMs: CLOSE_LIMIT_MS,
      errorOf: tickFailure,
    },
    ports,
  );
}

async function openOver(
  child: ChdbChild,
  folder: string,
  mode: ModeName | null,
  ports: ChildPorts,
): Promise<Engine> {
  await child.start();
  const engine = new Engine(
    createClient({ connection: connectionTo(child), log: { level: ClickHouseLogLevel.OFF } }),
  );
  const applied = await migrateTicks(engine);
  if (mode !== null) await claimTickMode(engine, mode, folder);
  ports.log.info(
    { engine: `chdb ${chdbVersion()}`, location: folder, mode, applied },
    'the tick store is open',
  );
  return engine;
}

function storeOver(
  engine: Engine,
  child: ChdbChild,
  place: { readonly folder: string; readonly lock: FolderLock },
  ports: ChildPorts,
): ChdbTicks {
  const closed = async (): Promise<void> => {
    try {
      await child.close();
    } finally {
      await place.lock.release();
    }
  };
  const description = {
    engine: `chdb ${chdbVersion()}, ClickHouse`,
    location: place.folder,
    unsafeForLive: [],
  };
  return {
    ...clickHouseTicks(engine, description, ports, closed),
    childPid: () => child.pid,
    childRestarts: () => child.restarts,
  };
}

/**
 * Opens the embedded tick store of a data folder: lock first, then chdb in its child, then the tables. `mode` null reads a store
 * of any mode. Rejects ARB_STORE_UNAVAILABLE when chdb is absent or cannot be started, ARB_FOLDER_LOCKED naming the holder,
 * ARB_MIGRATION_REFUSED, ARB_MODE_MIXED; nothing stays open then.
 */
export async function openChdbTicks(
  folder: string,
  mode: ModeName | null,
  ports: ChildPorts,
): Promise<ChdbTicks> {
  const missing = chdbMissing();
  if (missing !== null) throw new ArbotError('ARB_STORE_UNAVAILABLE', missing);
  const root = resolve(folder);
  const child = newChild(root, ports);
  const held: { lostBecause?: string } = {};
  const lock = await lockFolder(root, ports.clock.nowMs(), (reason) => {
    held.lostBecause = reason;
    ports.log.error({ folder: root, reason }, 'the lock of the tick store was taken away; it is closed');
    child.kill();
    void child.close('the lock of its folder was taken away');
  });
  try {
    const engine = await openOver(child, root, mode, ports);
    if (held.lostBecause !== undefined)
      throw new ArbotError('ARB_FOLDER_LOCKED', `tick store ${root}: ${held.lostBecause}`);
    return storeOver(engine, child, { folder: root, lock }, ports);
  } catch (error) {
    await child.close();
    await lock.release();
    throw error;
  }
}
