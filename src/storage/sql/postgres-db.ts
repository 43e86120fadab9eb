import pg from 'pg';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Logger } from '../../ports/log.js';
import type { Db, Row, Session, SqlValue, Statement } from './db.js';
import { engineError, toArbotError } from './sql-errors.js';

/** Enough for booking, signals and reading at once; the order path never waits behind a report. */
const POOL_SIZE = 8;
const CONNECT_TIMEOUT_MS = 3_000;
/** The server gives a statement up after this, the client a little later. */
const STATEMENT_TIMEOUT_MS = 5_000;
const CLIENT_TIMEOUT_MS = 6_000;
/** On the connection of the leases: an answer that comes later than this is of no use there. */
const ASIDE_STATEMENT_TIMEOUT_MS = 1_500;
const ASIDE_CLIENT_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 800;

/** Columns arrive as the text the server sent. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

/** Throws ARB_CONFIG_INVALID, without echoing the URL since it holds a password. */
function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol))
    throw new ArbotError(
      'ARB_CONFIG_INVALID',
      'the PostgreSQL URL is not of the form postgresql://user@host:port/database',
    );
  return parsed;
}

function locationOf(url: URL): string {
  const host = url.hostname === '' ? (url.searchParams.get('host') ?? 'local socket') : url.hostname;
  return `${host}:${url.port === '' ? '5432' : url.port}${url.pathname}`;
}

function openPool(url: string, log: Logger, own: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: CLIENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'arbot',
    types: AS_TEXT,
    ...own,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ reason: errorText(error) }, 'an idle database connection broke'));
  // The same for one that breaks while it is taken, between two statements; the next statement on it fails.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ reason: errorText(error) }, 'a database connection broke'));
  });
  return pool;
}

async function run(
  client: pg.Pool | pg.PoolClient,
  sql: string,
  values: readonly SqlValue[],
): Promise<readonly Row[]> {
  const result = await client.query<Record<string, SqlValue>>(sql, [...values]);
  return result.rows;
}

/** Runs work between BEGIN and COMMIT; a connection on which anything failed is rolled back, or dropped when it cannot be. */
async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((second: unknown) => {
      broken = second instanceof Error ? second : new Error(errorText(second));
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ArbotError ? error : toArbotError(engineError(error));
  }
}

function runAll(pool: pg.Pool, statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> {
  return inTransaction(pool, async (client) => {
    const results: (readonly Row[])[] = [];
    for (const { sql, values } of statements) results.push(await run(client, sql, values));
    return results;
  });
}

function sessionOver(client: pg.PoolClient): Session {
  return {
    query: (sql, values = []) => run(client, sql, values),
    exec: async (script) => {
      await client.query(script);
    },
  };
}

/** What makes a server unfit for real money: an acknowledged commit that a power cut can undo. */
async function hazardsOf(pool: pg.Pool, url: URL): Promise<string[]> {
  const rows = await run(
    pool,
    `select name, setting from pg_settings where name = any (string_to_array($1::text, ','))`,
    ['fsync,synchronous_commit,full_page_writes'],
  );
  const off = rows
    .filter(
      (row) =>
        row['setting'] === 'off' || (row['name'] === 'synchronous_commit' && row['setting'] === 'local'),
    )
    .map((row) => `${row['name']} is ${row['setting']}: a power cut can undo acknowledged commits`);
  return url.password === '' ? [...off, 'no password in the URL'] : off;
}

/** One connection that is kept, so that its session lasts as long as the process and the server do. */
const openAside = (url: string, log: Logger): pg.Pool =>
  openPool(url, log, {
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: ASIDE_CLIENT_TIMEOUT_MS,
    statement_timeout: ASIDE_STATEMENT_TIMEOUT_MS,
    lock_timeout: ASIDE_STATEMENT_TIMEOUT_MS,
    query_timeout: ASIDE_CLIENT_TIMEOUT_MS,
    application_name: 'arbot lease',
  });

/** Ends the pools; connections still busy after the limit are left to the server's own timeouts. */
async function endPools(pools: readonly pg.Pool[], wait: (ms: number) => Promise<void>): Promise<void> {
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: both ends mean that the pools are let go
  await Promise.race([Promise.all(pools.map((pool) => pool.end())), wait(CLOSE_TIMEOUT_MS)]);
}

/**
 * Connects to a PostgreSQL 14 or later. `wait` bounds the closing. Rejects ARB_STORE_UNAVAILABLE when the server cannot be
 * reached, ARB_CONFIG_INVALID for a URL that is none.
 */
export async function openPostgresDb(
  url: string,
  log: Logger,
  wait: (ms: number) => Promise<void>,
): Promise<Db> {
  const parsed = parseUrl(url);
  const pool = openPool(url, log);
  const aside = openAside(url, log);
  const close = () => endPools([pool, aside], wait);
  try {
    const hazards = await mapped(() => hazardsOf(pool, parsed));
    return {
      query: (sql, values = []) => mapped(() => run(pool, sql, values)),
      aside: (sql, values = []) => mapped(() => run(aside, sql, values)),
      transaction: (statements) => mapped(() => runAll(pool, statements)),
      session: (work) => mapped(() => inTransaction(pool, (client) => work(sessionOver(client)))),
      engine: async () => {
        const rows = await mapped(() => run(pool, `select current_setting('server_version') as version`, []));
        return `postgresql ${rows[0]?.['version'] ?? ''}`;
      },
      location: locationOf(parsed),
      hazards,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
