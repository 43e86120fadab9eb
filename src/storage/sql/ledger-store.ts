import { ledgerEntry, type LedgerEntry } from '../../messages/ledger.js';
import { fill, type Fill } from '../../messages/order.js';
import type { Booked, LedgerStore } from '../../ports/stores.js';
import { restore } from '../border.js';
import { differentExecution, sameExecution } from '../ledger-rules.js';
import { jsonOf, only, textOf, timeOf } from './columns.js';
import type { Db, SqlValue, Statement } from './db.js';

/**
 * Booking takes one lock at a time per database, so that positions become visible in their own order and a reader that
 * continues after a position never misses an entry that was committed late.
 */
const BOOKING_LOCK: Statement = { sql: `select pg_advisory_xact_lock(8202101)::text`, values: [] };

const INSERT_POSTINGS = (source: string, json: string): string => `
  insert into ledger_postings (position, line, account, asset, amount)
  select ${source}.position, p.line, p.account, p.asset, p.amount::numeric
  from ${source}, jsonb_to_recordset(${json}::text::jsonb)
       as p (line smallint, account text, asset text, amount text)
  returning 1`;

const ENTRY_COLUMNS = `entry_id, kind, arbitrage_id, booked_at, body`;

const APPEND = `
  with entry as (
    insert into ledger_entries (${ENTRY_COLUMNS})
    values ($1::text, $2::text, $3::text, to_timestamp($4::text::float8 / 1000), $5::text::jsonb)
    on conflict (entry_id) do nothing
    returning position
  ), posted as (${INSERT_POSTINGS('entry', '$6')})
  select (select count(*) from entry)::text as booked, (select count(*) from posted)::text as posted`;

const BOOK_FILL = `
  with applied as (
    insert into fills (exchange, trade_id, client_order_id, arbitrage_id, instrument, side, price, quantity,
                       fee, fee_asset, liquidity, exchange_time, entry_id, body)
    values ($7::text, $8::text, $9::text, $10::text, $11::text, $12::text, $13::text::numeric, $14::text::numeric,
            $15::text::numeric, $16::text, $17::text, to_timestamp($18::text::float8 / 1000), $1::text, $19::text::jsonb)
    on conflict (exchange, trade_id) do nothing
    returning 1
  ), entry as (
    insert into ledger_entries (${ENTRY_COLUMNS})
    select $1::text, $2::text, $3::text, to_timestamp($4::text::float8 / 1000), $5::text::jsonb
    from applied
    returning position
  ), posted as (${INSERT_POSTINGS('entry', '$6')})
  select (select count(*) from applied)::text as booked, (select count(*) from posted)::text as posted,
         (select body::text from fills where exchange = $7::text and trade_id = $8::text) as earlier`;

/** Kept by the database with every posting (migration 006); the whole history is never summed. */
const BALANCES = `
  select account, asset, trim_scale(amount)::text as amount
  from ledger_balances order by account collate "C", asset collate "C"`;

const HOLDINGS = `
  select split_part(account, ':', 2) as exchange, asset, trim_scale(amount)::text as amount
  from ledger_balances where account like 'exchange:%' order by account collate "C", asset collate "C"`;

const FILLS_OF = `
  select body::text from fills
  where arbitrage_id = any (array(select jsonb_array_elements_text($1::text::jsonb))) order by position`;

/** `order by` names the column of the table: a bare `position` would sort the text of the output. */
const PAGE = (table: string): string => `
  select row.position::text, row.body::text from ${table} as row
  where row.position > $1::text::bigint order by row.position limit $2::text::int`;

function entryValues(entry: LedgerEntry): SqlValue[] {
  const postings = entry.postings.map((posting, line) => ({ line, ...posting }));
  const { entryId, kind, arbitrageId, bookedAtMs } = entry;
  return [entryId, kind, arbitrageId, timeOf(bookedAtMs), jsonOf(entry), jsonOf(postings)];
}

function fillValues(applied: Fill): SqlValue[] {
  const { exchange, tradeId, clientOrderId, arbitrageId, instrument, side, price, quantity } = applied;
  const { fee, feeAsset, liquidity, exchangeTimeMs } = applied;
  const trade = [exchange, tradeId, clientOrderId, arbitrageId, instrument, side, price, quantity];
  return [...trade, fee, feeAsset, liquidity, timeOf(exchangeTimeMs), jsonOf(applied)];
}

async function bookFill(db: Db, applied: Fill, entry: LedgerEntry): Promise<Booked> {
  const booking = { sql: BOOK_FILL, values: [...entryValues(entry), ...fillValues(applied)] };
  const row = only((await db.transaction([BOOKING_LOCK, booking]))[1]);
  if (row['booked'] === '1') return 'booked';
  if (!sameExecution(restore(fill, textOf(row, 'earlier'), 'stored fill'), applied))
    throw differentExecution(applied);
  return 'duplicate';
}

/** The ledger over SQL. Balance per entry and asset, uniqueness and insert-only are also held by the database itself. */
export function sqlLedger(db: Db): LedgerStore {
  return {
    append: async (entry) => {
      const results = await db.transaction([BOOKING_LOCK, { sql: APPEND, values: entryValues(entry) }]);
      return only(results[1])['booked'] === '1' ? 'booked' : 'duplicate';
    },
    bookFill: (applied, entry) => bookFill(db, applied, entry),
    holdings: async () =>
      (await db.query(HOLDINGS)).map((row) => ({
        exchange: textOf(row, 'exchange'),
        asset: textOf(row, 'asset'),
        amount: textOf(row, 'amount'),
      })),
    balances: async () =>
      (await db.query(BALANCES)).map((row) => ({
        account: textOf(row, 'account'),
        asset: textOf(row, 'asset'),
        amount: textOf(row, 'amount'),
      })),
    entries: async (after, limit) =>
      (await db.query(PAGE('ledger_entries'), [String(after), String(limit)])).map((row) => ({
        position: Number(textOf(row, 'position')),
        entry: restore(ledgerEntry, textOf(row, 'body'), 'stored entry'),
      })),
    fills: async (after, limit) =>
      (await db.query(PAGE('fills'), [String(after), String(limit)])).map((row) => ({
        position: Number(textOf(row, 'position')),
        fill: restore(fill, textOf(row, 'body'), 'stored fill'),
      })),
    fillsOf: async (arbitrageIds) =>
      (await db.query(FILLS_OF, [jsonOf(arbitrageIds)])).map((row) =>
        restore(fill, textOf(row, 'body'), 'stored fill'),
      ),
  };
}
