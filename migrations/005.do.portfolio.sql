-- Equity over time, for the page and for daily figures.

create table portfolio_snapshots (
  position     bigint generated always as identity primary key,
  at_ms        numeric not null,
  at           timestamptz not null generated always as (to_timestamp(at_ms::double precision / 1000)) stored,
  currency     text not null,
  equity       exact_decimal not null,
  realised_net exact_decimal not null,
  body         jsonb not null,
  unique (currency, at_ms)
);
