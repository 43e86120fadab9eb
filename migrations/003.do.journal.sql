-- The write-ahead journal of orders: a leg is committed here before it is sent.

create table order_legs (
  position        bigint generated always as identity primary key,
  client_order_id text not null unique,
  arbitrage_id    text not null,
  leg_index       smallint not null check (leg_index between 0 and 3),
  attempt         smallint not null check (attempt between 0 and 99),
  verdict_id      text not null,
  instrument      text not null,
  exchange        text not null,
  side            text not null check (side in ('buy', 'sell')),
  quantity        exact_decimal not null check (quantity > 0),
  limit_price     exact_decimal not null check (limit_price > 0),
  submitted_at    timestamptz not null,
  body            jsonb not null,
  -- One verdict buys each leg attempt once.
  unique (verdict_id, leg_index, attempt)
);
create index order_legs_by_arbitrage on order_legs (arbitrage_id);

-- What became of a leg. Knowledge only grows: `unknown`, then the outcome, then perhaps a late fill.
create table leg_results (
  client_order_id text not null references order_legs (client_order_id),
  revision        integer not null check (revision >= 1),
  status          text not null check (status in ('filled', 'partially_filled', 'expired', 'rejected', 'unknown')),
  filled_quantity exact_decimal not null check (filled_quantity >= 0),
  average_price   exact_decimal check (average_price > 0),
  acknowledged_at timestamptz not null,
  body            jsonb not null,
  primary key (client_order_id, revision)
);

create table arbitrages (
  position        bigint generated always as identity primary key,
  arbitrage_id    text not null unique,
  opportunity_id  text not null,
  signal_id       text not null,
  pair            text not null,
  buy_exchange    text not null,
  sell_exchange   text not null,
  outcome         text not null check (outcome in ('completed', 'partial', 'unwound', 'failed', 'flagged')),
  bought_quantity exact_decimal not null check (bought_quantity >= 0),
  sold_quantity   exact_decimal not null check (sold_quantity >= 0),
  residual_base   exact_decimal not null,
  expected_net    exact_decimal not null,
  realised_net    exact_decimal not null,
  fees            exact_decimal not null,
  opened_at       timestamptz not null,
  closed_at       timestamptz not null,
  body            jsonb not null
);
create index arbitrages_by_pair on arbitrages (pair, closed_at);

create trigger order_legs_insert_only before update or delete on order_legs
  for each row execute function refuse_change();
create trigger order_legs_no_truncate before truncate on order_legs
  for each statement execute function refuse_change();
create trigger leg_results_insert_only before update or delete on leg_results
  for each row execute function refuse_change();
create trigger leg_results_no_truncate before truncate on leg_results
  for each statement execute function refuse_change();
create trigger arbitrages_insert_only before update or delete on arbitrages
  for each row execute function refuse_change();
create trigger arbitrages_no_truncate before truncate on arbitrages
  for each statement execute function refuse_change();
