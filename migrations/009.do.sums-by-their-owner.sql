-- Sums and open legs follow from rows that others insert. They are written by the owner of the schema, so that who may only
-- insert needs no right to change anything. The path names the schema first: a temporary table cannot stand in for a real one.

do $$
declare
  owned text;
begin
  foreach owned in array array['add_to_balances', 'open_leg', 'close_leg', 'check_fence', 'check_entry_balance', 'check_entry_open'] loop
    execute format('alter function %I() security definer', owned);
    execute format('alter function %I() set search_path = %I, pg_temp', owned, current_schema());
  end loop;
end $$;

-- They are called by their triggers alone.
revoke execute on function add_to_balances(), open_leg(), close_leg(), check_fence(), check_entry_balance(),
  check_entry_open() from public;
