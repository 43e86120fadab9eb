import type { ExchangeStore } from '../../ports/stores.js';
import { jsonOf, textOf, timeOf } from './columns.js';
import type { Db } from './db.js';

/** Only rows that differ are written, so that `since` says when an exchange was last changed. */
const SAVE = `
  with named as (
    select t.exchange, t.tier, t."makerFee"::numeric as maker_fee, t."takerFee"::numeric as taker_fee, t.active
    from jsonb_to_recordset($1::text::jsonb)
         as t (exchange text, tier text, "makerFee" text, "takerFee" text, active boolean)
  ), gone as (
    update exchanges set active = false, since = to_timestamp($2::text::float8 / 1000)
    where active and name not in (select exchange from named)
  )
  insert into exchanges as known (name, tier, maker_fee, taker_fee, active, since)
  select exchange, tier, maker_fee, taker_fee, active, to_timestamp($2::text::float8 / 1000) from named
  on conflict (name) do update set
    tier = excluded.tier, maker_fee = excluded.maker_fee, taker_fee = excluded.taker_fee, active = excluded.active,
    since = excluded.since
  where (known.tier, known.maker_fee, known.taker_fee, known.active)
        is distinct from (excluded.tier, excluded.maker_fee, excluded.taker_fee, excluded.active)`;

const ALL = `
  select name, tier, maker_fee::text, taker_fee::text, active::text,
         (extract(epoch from since) * 1000)::float8::text as since_ms
  from exchanges order by name collate "C"`;

export function sqlExchanges(db: Db): ExchangeStore {
  return {
    saveExchanges: async (terms, nowMs) => {
      await db.query(SAVE, [jsonOf(terms), timeOf(nowMs)]);
    },
    exchanges: async () =>
      (await db.query(ALL)).map((row) => ({
        exchange: textOf(row, 'name'),
        tier: textOf(row, 'tier'),
        makerFee: textOf(row, 'maker_fee'),
        takerFee: textOf(row, 'taker_fee'),
        active: textOf(row, 'active') === 'true',
        sinceMs: Number(textOf(row, 'since_ms')),
      })),
  };
}
