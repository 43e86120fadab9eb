-- Double entry. One entry with its postings is one transaction; per entry and asset the postings sum to zero.

create table ledger_entries (
  position     bigint generated always as identity primary key,
  entry_id     text not null unique,
  kind         text not null check (kind in ('opening', 'fill', 'external', 'adjustment')),
  arbitrage_id text,
  booked_at    timestamptz not null,
  -- The message exactly as it was booked.
  body         jsonb not null,
  -- Closes the entry: postings may only come from the transaction that made it.
  created_by   xid8 not null default pg_current_xact_id()
);

create table ledger_postings (
  position bigint not null references ledger_entries (position),
  line     smallint not null check (line between 0 and 15),
  account  text not null check (account ~ '^(exchange:[a-z][a-z0-9]{1,31}|trading|fees|opening|external)$'),
  asset    text not null check (asset ~ '^[A-Z0-9][A-Z0-9._]{0,31}$'),
  amount   exact_decimal not null,
  primary key (position, line)
);
create index ledger_postings_by_account on ledger_postings (account, asset);

create function check_entry_balance() returns trigger language plpgsql as $$
declare
  entry   ledger_entries%rowtype;
  broken  record;
  lines   integer;
begin
  select * into entry from ledger_entries where position = new.position;
  select count(*) into lines from ledger_postings where position = new.position;
  if lines < 2 then
    raise exception using errcode = 'AR001',
      message = format('entry %s has %s postings, at least 2 are needed', entry.entry_id, lines);
  end if;
  select asset, sum(amount) as total into broken
    from ledger_postings where position = new.position
    group by asset having sum(amount) <> 0 order by asset limit 1;
  if found then
    raise exception using errcode = 'AR001',
      message = format('entry %s: postings of %s sum to %s, not 0', entry.entry_id, broken.asset, trim_scale(broken.total));
  end if;
  return null;
end $$;

create function check_entry_open() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1 from ledger_entries where position = new.position and created_by = pg_current_xact_id()
  ) then
    raise exception using errcode = 'AR002',
      message = format('the entry at position %s is closed: postings come with their entry', new.position);
  end if;
  return null;
end $$;

create constraint trigger ledger_entry_balanced after insert on ledger_entries
  deferrable initially deferred for each row execute function check_entry_balance();
create constraint trigger ledger_posting_balanced after insert on ledger_postings
  deferrable initially deferred for each row execute function check_entry_balance();
create constraint trigger ledger_posting_on_time after insert on ledger_postings
  deferrable initially deferred for each row execute function check_entry_open();

create trigger ledger_entries_insert_only before update or delete on ledger_entries
  for each row execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries
  for each statement execute function refuse_change();
create trigger ledger_postings_insert_only before update or delete on ledger_postings
  for each row execute function refuse_change();
create trigger ledger_postings_no_truncate before truncate on ledger_postings
  for each statement execute function refuse_change();

-- A fill is applied once by (exchange, trade id), for ever, together with its entry.
create table fills (
  position        bigint generated always as identity primary key,
  exchange        text not null,
  trade_id        text not null,
  client_order_id text not null,
  arbitrage_id    text not null,
  instrument      text not null,
  side            text not null check (side in ('buy', 'sell')),
  price           exact_decimal not null check (price > 0),
  quantity        exact_decimal not null check (quantity > 0),
  fee             exact_decimal not null,
  fee_asset       text not null,
  liquidity       text not null check (liquidity in ('taker', 'maker')),
  exchange_time   timestamptz not null,
  entry_id        text not null unique references ledger_entries (entry_id),
  body            jsonb not null,
  unique (exchange, trade_id)
);
create index fills_by_arbitrage on fills (arbitrage_id);
create index fills_by_order on fills (client_order_id);

create trigger fills_insert_only before update or delete on fills
  for each row execute function refuse_change();
create trigger fills_no_truncate before truncate on fills
  for each statement execute function refuse_change();

-- The name people look for.
create view trades as
  select position, exchange, trade_id, instrument, side, price, quantity, fee, fee_asset, liquidity,
         exchange_time, client_order_id, arbitrage_id
  from fills;
