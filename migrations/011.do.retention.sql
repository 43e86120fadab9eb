-- Telemetry is added to and never edited. It may be forgotten, and only in one way: a row in retention_runs, whose trigger
-- removes what its policy allows and keeps the count. Money (ledger, fills, journal, arbitrages, daily rows) is not in reach.

create index opportunity_events_by_time on opportunity_events (at);
create index verdicts_refused_by_time on verdicts (decided_at) where decision = 'refused';
create index portfolio_snapshots_by_time on portfolio_snapshots (at_ms);

create function refuse_unless_retention() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and pg_trigger_depth() > 1 then
    return old;
  end if;
  raise exception using errcode = 'AR002',
    message = format('%s is insert-only; retention_runs alone forgets old rows', tg_table_name);
end $$;

do $$
declare
  guarded text;
begin
  foreach guarded in array array['arbitrage_signals', 'verdicts', 'opportunity_events', 'portfolio_snapshots'] loop
    execute format('create trigger %I before update or delete on %I for each row execute function refuse_unless_retention()',
      guarded || '_insert_only', guarded);
    execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()',
      guarded || '_no_truncate', guarded);
  end loop;
end $$;

create table retention_runs (
  position   bigint generated always as identity primary key,
  table_name text not null check (table_name in ('arbitrage_signals', 'opportunity_events', 'portfolio_snapshots')),
  keep_days  integer not null check (keep_days >= 1),
  -- From when the age is told.
  asked_at   timestamptz not null,
  batch      integer not null check (batch between 1 and 10000),
  removed    integer not null default 0,
  ran_at     timestamptz not null default now()
);

-- The age is told from the newest row of the table when the clock is ahead of it: a clock that jumped forgets nothing.
create function run_retention() returns trigger language plpgsql security definer set search_path from current as $$
declare
  newest timestamptz;
  cut    timestamptz;
begin
  -- Before the checks of the table, which see only rows that are kept.
  if new.keep_days < 1 or new.batch not between 1 and 10000
     or new.table_name not in ('arbitrage_signals', 'opportunity_events', 'portfolio_snapshots') then
    raise exception using errcode = 'AR002',
      message = format('retention keeps at least one day of telemetry: refused %s, %s days', new.table_name, new.keep_days);
  end if;
  newest := case new.table_name
    when 'arbitrage_signals' then (select max(decided_at) from verdicts where decision = 'refused')
    when 'opportunity_events' then (select max(at) from opportunity_events)
    else (select max(at) from portfolio_snapshots) end;
  cut := least(new.asked_at, newest) - make_interval(days => new.keep_days);
  if newest is null then
    return null;
  end if;
  if new.table_name = 'arbitrage_signals' then
    with aged as (
      select verdict_id from verdicts where decision = 'refused' and decided_at < cut order by decided_at limit new.batch
    ), gone as (
      delete from verdicts v using aged where v.verdict_id = aged.verdict_id returning v.signal_id
    )
    delete from arbitrage_signals s using gone where s.signal_id = gone.signal_id;
  elsif new.table_name = 'opportunity_events' then
    delete from opportunity_events where position in (
      select position from opportunity_events where at < cut order by at limit new.batch);
  else
    delete from portfolio_snapshots where position in (
      select position from portfolio_snapshots s
      where at_ms < extract(epoch from cut) * 1000
        and exists (select 1 from portfolio_snapshots l where l.currency = s.currency and l.at_ms > s.at_ms
                      and l.at_ms < (floor(s.at_ms / 86400000) + 1) * 86400000)
        and exists (select 1 from portfolio_snapshots e where e.currency = s.currency and e.at_ms < s.at_ms)
      order by at_ms limit new.batch);
  end if;
  get diagnostics new.removed = row_count;
  if new.removed = 0 then
    return null;
  end if;
  return new;
end $$;

create trigger retention_runs_remove before insert on retention_runs
  for each row execute function run_retention();
create trigger retention_runs_insert_only before update or delete on retention_runs
  for each row execute function refuse_change();
create trigger retention_runs_no_truncate before truncate on retention_runs
  for each statement execute function refuse_change();
