-- Who may trade, and under which fence. Whether a lease is in force is judged by this server's clock alone.

create table leases (
  resource         text primary key check (resource ~ '^[a-z][a-z0-9:-]{0,63}$'),
  -- Both null after a release.
  holder           text check (length(holder) between 1 and 64),
  nonce            text check (nonce ~ '^[0-9a-f]{32}$'),
  fence            bigint not null check (fence between 1 and 9007199254740991),
  renewals         bigint not null check (renewals >= 0),
  ttl_ms           integer not null check (ttl_ms between 50 and 3600000),
  max_expiry_ms    integer not null check (max_expiry_ms between 0 and 600000),
  former_expiry_ms integer not null check (former_expiry_ms between 0 and 600000),
  expires_at       timestamptz not null,
  check ((holder is null) = (nonce is null))
);

-- A fence grows by one with each new holder and never otherwise; a lease is released, never forgotten.
create function keep_fence() returns trigger language plpgsql as $$
begin
  if tg_op <> 'UPDATE' then
    raise exception using errcode = 'AR002', message = format('%s is never removed: its fence must not begin anew', tg_table_name);
  end if;
  if new.resource <> old.resource or new.fence not in (old.fence, old.fence + 1)
     or (new.fence = old.fence and new.nonce is not null and new.nonce is distinct from old.nonce) then
    raise exception using errcode = 'AR002',
      message = format('lease %s: fence %s of %s cannot become %s of %s', old.resource, old.fence,
                       coalesce(old.nonce, 'nobody'), new.fence, coalesce(new.nonce, 'nobody'));
  end if;
  return new;
end $$;

create trigger leases_keep_fence before update or delete on leases
  for each row execute function keep_fence();
create trigger leases_no_truncate before truncate on leases
  for each statement execute function keep_fence();

-- 0 = written before there were fences.
alter table order_legs add column fence bigint not null default 0 check (fence >= 0);
alter table order_legs alter column fence drop default;

-- The row lock is the fence: a take-over waits for the rows that are being written under the old one, and whoever comes
-- after it finds another fence. `for key share` would not do, since a take-over changes no key.
create function check_fence() returns trigger language plpgsql as $$
declare
  known leases%rowtype;
begin
  perform 1 from leases
    where resource = 'trade' and fence = new.fence and nonce is not null and expires_at > clock_timestamp()
    for share;
  if not found then
    select * into known from leases where resource = 'trade';
    raise exception using errcode = 'AR003',
      message = format('leg %s under fence %s: lease trade is at fence %s, %s', new.client_order_id, new.fence,
        coalesce(known.fence, 0),
        case when known.nonce is null then 'held by nobody'
             when known.expires_at > clock_timestamp() then 'held by ' || known.holder
             else 'expired' end);
  end if;
  return new;
end $$;

create trigger order_legs_fenced before insert on order_legs
  for each row execute function check_fence();
