-- Which mode this database belongs to (one row), and the few settings that survive a restart.

create table installation (
  singleton  boolean primary key default true check (singleton),
  mode       text not null check (mode in ('SIMULATED', 'REPLAY', 'PAPER', 'LIVE')),
  claimed_at timestamptz not null default now()
);

create table settings (
  key        text primary key check (length(key) between 1 and 128),
  value      text not null check (octet_length(value) <= 8192),
  updated_at timestamptz not null default now()
);

-- Exchanges as traded here: fee tier, rates, on or off.
create table exchanges (
  name      text primary key check (name ~ '^[a-z][a-z0-9]{1,31}$'),
  tier      text not null default 'default',
  maker_fee numeric not null check (maker_fee > -0.1 and maker_fee < 0.1),
  taker_fee numeric not null check (taker_fee > -0.1 and taker_fee < 0.1),
  active    boolean not null default true
);

-- numeric also knows NaN and infinities; money does not.
create domain exact_decimal as numeric
  check (value <> 'NaN'::numeric and value < 'Infinity'::numeric and value > '-Infinity'::numeric);

-- History is added to, never edited: the database itself refuses.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'AR002', message = format('%s is insert-only', tg_table_name);
end $$;
