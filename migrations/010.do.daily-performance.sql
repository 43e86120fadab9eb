-- One row per closed UTC day and currency, written once.

create table daily_performance (
  position       bigint generated always as identity primary key,
  day            date not null,
  currency       text not null check (currency ~ '^[A-Z0-9][A-Z0-9._]{0,31}$'),
  -- No snapshot was taken in the day: the equity is an earlier one's.
  carried        boolean not null,
  opening_equity exact_decimal not null,
  closing_equity exact_decimal not null,
  flows          exact_decimal,
  trading_net    exact_decimal,
  revaluation    exact_decimal,
  realised_net   exact_decimal not null,
  fees           exact_decimal not null,
  completed      integer not null check (completed >= 0),
  partial        integer not null check (partial >= 0),
  unwound        integer not null check (unwound >= 0),
  failed         integer not null check (failed >= 0),
  flagged        integer not null check (flagged >= 0),
  day_return     exact_decimal,
  index          exact_decimal not null,
  peak_index     exact_decimal not null check (peak_index >= index),
  drawdown       exact_decimal not null check (drawdown <= 0),
  sharpe         exact_decimal,
  sharpe_days    integer not null check (sharpe_days >= 0),
  body           jsonb not null,
  unique (currency, day),
  -- Nothing of the change goes unexplained.
  check (trading_net is null or closing_equity = opening_equity + flows + trading_net + revaluation)
);

create trigger daily_performance_insert_only before update or delete on daily_performance
  for each row execute function refuse_change();
create trigger daily_performance_no_truncate before truncate on daily_performance
  for each statement execute function refuse_change();

-- What a day is worked out from, found by its time.
create index arbitrages_by_time on arbitrages (closed_at);
create index ledger_entries_but_fills on ledger_entries (booked_at) where kind <> 'fill';
