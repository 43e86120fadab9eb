-- Sums that would otherwise be taken over the whole history at every start: kept by the database itself, in the
-- transaction of the rows they sum. Nobody else may write them.

create function refuse_hand_made() returns trigger language plpgsql as $$
begin
  if pg_trigger_depth() < 2 then
    raise exception using errcode = 'AR002', message = format('%s follows from other tables', tg_table_name);
  end if;
  return null;
end $$;

-- Room on the page for the next version of a row: these few rows change with every entry.
create table ledger_balances (
  account text not null,
  asset   text not null,
  amount  exact_decimal not null,
  primary key (account, asset)
) with (fillfactor = 20);

create function add_to_balances() returns trigger language plpgsql as $$
begin
  insert into ledger_balances as known (account, asset, amount)
  select account, asset, sum(amount) from posted group by account, asset order by account, asset
  on conflict (account, asset) do update set amount = known.amount + excluded.amount;
  return null;
end $$;

insert into ledger_balances (account, asset, amount)
  select account, asset, sum(amount) from ledger_postings group by account, asset;

create trigger ledger_postings_summed after insert on ledger_postings
  referencing new table as posted for each statement execute function add_to_balances();
create trigger ledger_balances_follow before insert or update or delete on ledger_balances
  for each statement execute function refuse_hand_made();
create trigger ledger_balances_no_truncate before truncate on ledger_balances
  for each statement execute function refuse_change();

-- Legs without a final result: what a restart must settle.
create table open_legs (
  position        bigint primary key,
  client_order_id text not null unique
);

create function open_leg() returns trigger language plpgsql as $$
begin
  insert into open_legs (position, client_order_id) select position, client_order_id from journalled;
  return null;
end $$;

create function close_leg() returns trigger language plpgsql as $$
begin
  delete from open_legs o using saved s where o.client_order_id = s.client_order_id and s.status <> 'unknown';
  return null;
end $$;

insert into open_legs (position, client_order_id)
  select position, client_order_id from order_legs l
  where not exists (select 1 from leg_results r where r.client_order_id = l.client_order_id and r.status <> 'unknown');

create trigger order_legs_opened after insert on order_legs
  referencing new table as journalled for each statement execute function open_leg();
create trigger leg_results_closed after insert on leg_results
  referencing new table as saved for each statement execute function close_leg();
create trigger open_legs_follow before insert or update or delete on open_legs
  for each statement execute function refuse_hand_made();
create trigger open_legs_no_truncate before truncate on open_legs
  for each statement execute function refuse_change();
