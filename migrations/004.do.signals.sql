-- What was detected, what the gate said, and the life of each opportunity. Bodies are whole, columns are for queries.

create table arbitrage_signals (
  position       bigint generated always as identity primary key,
  signal_id      text not null unique,
  opportunity_id text not null,
  strategy       text not null,
  pair           text not null,
  buy_exchange   text not null,
  sell_exchange  text not null,
  quantity       exact_decimal not null,
  notional       exact_decimal not null,
  expected_net   exact_decimal not null,
  gross_bps      double precision not null,
  net_bps        double precision not null,
  detected_at    timestamptz not null,
  body           jsonb not null
);
create index arbitrage_signals_by_pair on arbitrage_signals (pair, detected_at);

create table verdicts (
  verdict_id text primary key,
  signal_id  text not null unique references arbitrage_signals (signal_id),
  decision   text not null check (decision in ('approved', 'refused')),
  -- The first rule that refused; null when approved.
  rule       text check ((decision = 'approved') = (rule is null)),
  decided_at timestamptz not null,
  body       jsonb not null
);
create index verdicts_by_rule on verdicts (rule, decided_at);

create table opportunity_events (
  position       bigint generated always as identity primary key,
  opportunity_id text not null,
  phase          text not null,
  strategy       text not null,
  pair           text not null,
  buy_exchange   text not null,
  sell_exchange  text not null,
  net_bps        double precision not null,
  net_profit     exact_decimal not null,
  reason         text not null,
  at             timestamptz not null,
  body           jsonb not null,
  -- A repeated save after a lost acknowledgement adds nothing. Bodies compare by value.
  body_hash      text not null generated always as (md5(body::text)) stored,
  unique (opportunity_id, phase, body_hash)
);
