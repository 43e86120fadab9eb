import { setTimeout as sleep } from 'node:timers/promises';
import { Prng } from '../../src/simulator/prng.js';
import { openPgliteDb } from '../../src/storage/pglite/pglite-db.js';
import type { Db } from '../../src/storage/sql/db.js';
import { migrate } from '../../src/storage/sql/migrate.js';
import { openPostgresDb } from '../../src/storage/sql/postgres-db.js';
import type { ServerControl } from '../servers/server-process.js';
import { testPorts } from '../storage/ports.js';
import { hasEnded, startWriter, until, type Writer, type WriterPlace } from '../storage/writer.js';

/**
 * Kills a database and whoever writes to it at random moments, again and again, and looks after each time whether the next
 * start is clean and everything that was ever acknowledged is there.
 */

export interface KillOptions {
  readonly times: number;
  readonly seed: number;
  /** Ends early once it has gone on so long, but never before two rounds. */
  readonly budgetMs?: number;
  readonly heard?: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  readonly entries: number;
  readonly journalled: number;
  readonly lostEntries: readonly string[];
  readonly lostJournalRows: readonly string[];
  /** What a start found that is not as it should be. */
  readonly unclean: readonly string[];
  readonly fences: readonly number[];
}

/** How one kind of database is killed and opened again. */
interface Victim {
  readonly place: WriterPlace;
  /** SIGKILL to everything that is the database. */
  killDatabase(writer: Writer): Promise<void> | void;
  /** The next start. */
  openAgain(): Promise<Db>;
}

const MAX_MOMENT_MS = 1_500;

const WRONG: Readonly<Record<string, string>> = {
  'entries without all their postings': `
    select entry_id as id from ledger_entries e
    where (select count(*) from ledger_postings p where p.position = e.position) <> jsonb_array_length(e.body -> 'postings')`,
  'entries that do not sum to zero': `
    select position::text as id from ledger_postings group by position, asset having sum(amount) <> 0`,
  'balances that are not their postings': `
    select account || ' ' || asset as id from ledger_balances
    full join (select account, asset, sum(amount) as total from ledger_postings group by account, asset) as history
      using (account, asset) where amount is distinct from total`,
  'fills without their entry': `
    select trade_id as id from fills f where not exists (select 1 from ledger_entries e where e.entry_id = f.entry_id)`,
  'open legs that have an end, or the other way round': `
    select l.client_order_id as id from order_legs l
    where exists (select 1 from open_legs o where o.client_order_id = l.client_order_id)
      = exists (select 1 from leg_results r where r.client_order_id = l.client_order_id and r.status <> 'unknown')`,
  'journal rows under a fence that never was': `
    select client_order_id as id from order_legs l
    where l.fence > (select fence from leases where resource = 'trade')`,
};

/** What no crash and no outage may leave in the tables; each line says what and names one. */
export async function wrongRows(db: Db, checks: Readonly<Record<string, string>> = WRONG): Promise<string[]> {
  const lines: string[] = [];
  for (const [what, sql] of Object.entries(checks)) {
    const rows = await db.query(sql);
    if (rows.length > 0) lines.push(`${rows.length} ${what}: ${rows[0]?.['id']}`);
  }
  return lines;
}

/** The writer journals two legs in one commit. */
const HALF_JOURNALLED = {
  'arbitrages of which a leg is missing': `
    select arbitrage_id as id from order_legs group by arbitrage_id having count(*) <> 2`,
};

class Rounds {
  readonly acknowledged = new Set<string>();
  readonly journalled = new Set<string>();
  readonly unclean: string[] = [];
  readonly fences: number[] = [];
  lostEntries: string[] = [];
  lostJournalRows: string[] = [];
  private readonly victim: Victim;
  private readonly prng: Prng;

  constructor(victim: Victim, seed: number) {
    this.victim = victim;
    this.prng = Prng.of(seed, victim.place.kind);
  }

  async round(): Promise<void> {
    const writer = await startWriter(this.victim.place);
    this.fences.push(writer.fence());
    await sleep(this.prng.between(0, MAX_MOMENT_MS));
    const first = this.prng.below(2);
    const pauseMs = this.prng.pick([0, 0, 5, 40]);
    for (const who of [first, 1 - first]) {
      if (who === 0) await this.victim.killDatabase(writer);
      else writer.process.kill('SIGKILL');
      await sleep(pauseMs);
    }
    await until('the writer is gone', () => hasEnded(writer));
    for (const id of writer.acknowledged) this.acknowledged.add(id);
    for (const id of writer.journalled) this.journalled.add(id);
    await this.look();
  }

  private async look(): Promise<void> {
    const db = await this.victim.openAgain();
    try {
      const applied = await migrate(db);
      if (applied.length > 0) this.unclean.push(`the schema had to be made again: ${applied.join(', ')}`);
      this.unclean.push(...(await wrongRows(db, { ...WRONG, ...HALF_JOURNALLED })));
      const ids = async (sql: string): Promise<Set<string>> =>
        new Set((await db.query(sql)).map((row) => row['id'] ?? ''));
      const entries = await ids('select entry_id as id from ledger_entries');
      const legs = await ids('select client_order_id as id from order_legs');
      this.lostEntries = [...this.acknowledged].filter((id) => !entries.has(id));
      this.lostJournalRows = [...this.journalled].filter((id) => !legs.has(id));
    } finally {
      await db.close();
    }
  }
}

async function killAgainAndAgain(victim: Victim, options: KillOptions): Promise<KillReport> {
  const { times, seed, budgetMs = Infinity, heard = () => undefined } = options;
  const rounds = new Rounds(victim, seed);
  const startedMs = performance.now();
  let kills = 0;
  for (; kills < times && (kills < 2 || performance.now() - startedMs < budgetMs); kills++) {
    await rounds.round();
    const { acknowledged, journalled, lostEntries, lostJournalRows } = rounds;
    heard(
      `${victim.place.kind} kill ${kills + 1}: ${acknowledged.size} entries and ${journalled.size} journal rows ` +
        `acknowledged so far, ${lostEntries.length + lostJournalRows.length} lost`,
    );
    if (lostEntries.length + lostJournalRows.length > 0) break;
  }
  return {
    kills,
    entries: rounds.acknowledged.size,
    journalled: rounds.journalled.size,
    lostEntries: rounds.lostEntries,
    lostJournalRows: rounds.lostJournalRows,
    unclean: rounds.unclean,
    fences: rounds.fences,
  };
}

/** The child that is the database, and the process that writes. */
export function killPglite(folder: string, options: KillOptions): Promise<KillReport> {
  const victim: Victim = {
    place: { kind: 'pglite', folder },
    killDatabase: (writer) => {
      try {
        process.kill(writer.databasePid(), 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    },
    openAgain: () => openPgliteDb(folder, testPorts()),
  };
  return killAgainAndAgain(victim, options);
}

/** The server with all its processes, and the process that writes. */
export function killPostgres(server: ServerControl, options: KillOptions): Promise<KillReport> {
  const victim: Victim = {
    place: { kind: 'postgres', url: server.url },
    killDatabase: () => server.kill(),
    openAgain: async () => {
      await server.restart();
      return openPostgresDb(server.url, testPorts().log, (ms) => sleep(ms));
    },
  };
  return killAgainAndAgain(victim, options);
}
