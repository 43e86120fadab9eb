import type { StoreDescription } from '../../ports/stores.js';
import type {
  MidBucket,
  SpreadBucket,
  TickBatch,
  TickRows,
  TickStore,
  TickTable,
  TickTableStatus,
  TimeRange,
} from '../../ports/tick-store.js';
import type { Clock, Timers } from '../../ports/time.js';
import { borderedTicks, microsOf, TICK_TABLES } from '../tick-border.js';
import type { Engine } from './engine.js';
import { exportRows } from './export.js';
import { encodePiece, piecesOf, type Piece } from './insert-pieces.js';
import { SHAPES, type QueryParams, type TableShape } from './tick-tables.js';

export interface TickStorePorts {
  readonly timers: Timers;
  readonly clock: Clock;
}

/** What only whoever opened the engine knows. */
export interface TickPlace {
  /** `chdb 3.4.0`, `clickhouse`; the version that the engine names itself follows. */
  readonly engine: string;
  /** Folder, or host and database; never a password. */
  readonly location: string;
  readonly unsafeForLive: readonly string[];
}

/**
 * Settings of one insert, in its statement. Without waiting for other inserts (a server would gather them and lose the token),
 * with floats read to the last bit, and with the token by which an insert that is still under way is recognised.
 */
const insertSettings = (id: string): string =>
  `SETTINGS async_insert = 0, precise_float_parsing = 1, insert_deduplication_token = '${id}'`;

async function isStored<R>(engine: Engine, table: TickTable, shape: TableShape<R>, piece: Piece<R>) {
  const { where, params } = shape.keyOf(piece.rows[0] as R);
  const found = await engine.select(
    `SELECT 1 FROM ${table} WHERE ${where} AND batch_id = {id:String} LIMIT 1`,
    { ...params, id: piece.id },
  );
  return found.length > 0;
}

/**
 * Stores a piece once, however often it comes. Its first row carries its id, so that a piece which was stored long ago is found by
 * the primary key; two that come at the same time are told apart by the engine's token, which it forgets after 10,000 inserts.
 */
async function insertPiece<R>(
  engine: Engine,
  table: TickTable,
  piece: Piece<R>,
  rest: () => Promise<void>,
): Promise<void> {
  const shape = SHAPES[table] as unknown as TableShape<R>;
  if (await isStored(engine, table, shape, piece)) return;
  const chunks = await encodePiece(piece, shape, rest);
  const columns = [...shape.columns, 'batch_id'].join(', ');
  await engine.insert(
    `INSERT INTO ${table} (${columns}) ${insertSettings(piece.id)} FORMAT TabSeparated`,
    chunks,
  );
}

async function insert(engine: Engine, batch: TickBatch, rest: () => Promise<void>): Promise<void> {
  const shape = SHAPES[batch.table] as TableShape<TickRows[TickTable]>;
  for (const piece of piecesOf<TickRows[TickTable]>(batch.batchId, batch.rows, shape))
    await insertPiece(engine, batch.table, piece, rest);
}

async function rowsOf<T extends TickTable>(
  engine: Engine,
  table: T,
  chosen: { readonly where: string; readonly params: QueryParams; readonly range: TimeRange },
  limit: number,
): Promise<TickRows[T][]> {
  const shape: TableShape<TickRows[T]> = SHAPES[table];
  const time = shape.within(microsOf(chosen.range.fromMs), microsOf(chosen.range.toMs));
  const found = await engine.select(
    `SELECT ${shape.selected} FROM ${table} WHERE ${chosen.where} AND ${time.where} ORDER BY ${shape.orderBy} LIMIT ${limit}`,
    { ...chosen.params, ...time.params },
  );
  return found.map((cells) => shape.decode(cells));
}

async function spreadBuckets(
  engine: Engine,
  pair: string,
  range: TimeRange,
  bucketMs: number,
): Promise<SpreadBucket[]> {
  const time = SHAPES.spread_history.within(microsOf(range.fromMs), microsOf(range.toMs));
  const found = await engine.select(
    `SELECT intDiv(toUnixTimestamp(second), {bucket:UInt32}) * {bucket:UInt32} AS start, buy_exchange, sell_exchange, count(),
       avg(gross_bps), max(max_gross_bps), argMax(gross_bps, second)
     FROM spread_history WHERE pair = {pair:String} AND ${time.where}
     GROUP BY start, buy_exchange, sell_exchange ORDER BY start, buy_exchange, sell_exchange`,
    { ...time.params, pair, bucket: bucketMs / 1_000 },
  );
  return found.map((cells) => ({
    fromMs: Number(cells[0]) * 1_000,
    buyExchange: cells[1] as string,
    sellExchange: cells[2] as string,
    seconds: Number(cells[3]),
    averageGrossBps: cells[4] as number,
    maxGrossBps: cells[5] as number,
    lastGrossBps: cells[6] as number,
  }));
}

async function mids(
  engine: Engine,
  instrument: string,
  range: TimeRange,
  bucketMs: number,
): Promise<MidBucket[]> {
  const time = SHAPES.orderbook_snapshots.within(microsOf(range.fromMs), microsOf(range.toMs));
  const found = await engine.select(
    `SELECT intDiv(toUnixTimestamp64Micro(receive_time), {bucket:Int64}) AS place,
       argMax((bid_prices[1] + ask_prices[1]) / 2, (receive_time, epoch, sequence))
     FROM orderbook_snapshots WHERE instrument = {key:String} AND ${time.where} AND notEmpty(bid_prices) AND notEmpty(ask_prices)
     GROUP BY place ORDER BY place`,
    { ...time.params, key: instrument, bucket: bucketMs * 1_000 },
  );
  return found.map((cells) => ({ fromMs: Number(cells[0]) * bucketMs, mid: cells[1] as number }));
}

async function statusOf(engine: Engine, table: TickTable): Promise<TickTableStatus> {
  const { timeColumn, timeMicros } = SHAPES[table];
  const extreme = (pick: string): string => timeMicros.replace(timeColumn, `${pick}(${timeColumn})`);
  const [counted] = await engine.select(`SELECT count(), ${extreme('min')}, ${extreme('max')} FROM ${table}`);
  const [kept] = await engine.select(
    `SELECT (SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active),
       extract(create_table_query, 'toIntervalDay\\\\((\\\\d+)\\\\)')
     FROM system.tables WHERE database = currentDatabase() AND name = {table:String}`,
    { table },
  );
  const rows = Number(counted?.[0] ?? 0);
  const ms = (cell: unknown): number | null => (rows === 0 ? null : Number(cell) / 1_000);
  return {
    table,
    rows,
    bytes: Number(kept?.[0] ?? 0),
    oldestMs: ms(counted?.[1]),
    newestMs: ms(counted?.[2]),
    ttlDays: Number(kept?.[1]),
  };
}

async function describe(engine: Engine, place: TickPlace): Promise<StoreDescription> {
  const [row] = await engine.select('SELECT version()');
  return {
    name: 'ticks',
    engine: `${place.engine} ${String(row?.[0])}`,
    location: place.location,
    unsafeForLive: place.unsafeForLive,
  };
}

async function ping(engine: Engine, clock: Clock): Promise<number> {
  const startedMs = clock.monotonicMs();
  await engine.select('SELECT 1');
  return clock.monotonicMs() - startedMs;
}

/** Ticks in ClickHouse, over an engine whose tables stand (migrate.ts). `closed` ends what is behind the client. */
export function clickHouseTicks(
  engine: Engine,
  place: TickPlace,
  ports: TickStorePorts,
  closed: () => Promise<void> = () => Promise.resolve(),
): TickStore {
  const rest = (): Promise<void> => new Promise((resume) => ports.timers.setImmediate(resume));
  const ofMarket = (key: string, range: TimeRange) => ({
    where: 'instrument = {key:String}',
    params: { key },
    range,
  });
  return borderedTicks({
    insert: (batch) => insert(engine, batch, rest),
    books: (instrument, range, limit) =>
      rowsOf(engine, 'orderbook_snapshots', ofMarket(instrument, range), limit),
    trades: (instrument, range, limit) => rowsOf(engine, 'tick_trades', ofMarket(instrument, range), limit),
    spreads: (pair, range, limit) =>
      rowsOf(engine, 'spread_history', { where: 'pair = {key:String}', params: { key: pair }, range }, limit),
    spreadBuckets: (pair, range, bucketMs) => spreadBuckets(engine, pair, range, bucketMs),
    mids: (instrument, range, bucketMs) => mids(engine, instrument, range, bucketMs),
    export: (table, range) => exportRows(engine, table, range),
    status: async () => {
      const found: TickTableStatus[] = [];
      for (const table of TICK_TABLES) found.push(await statusOf(engine, table));
      return found;
    },
    describe: () => describe(engine, place),
    ping: () => ping(engine, ports.clock),
    close: async () => {
      await engine.close();
      await closed();
    },
  });
}
