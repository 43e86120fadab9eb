-- Arbitrages of several pairs: whose they are, what their money is counted in, and what they left over of each asset. The columns
-- follow from the body; rows from before are of the one strategy that there was.

alter table arbitrages
  add column strategy    text generated always as (coalesce(body ->> 'strategy', 'spatial')) stored,
  add column quote       text generated always as (coalesce(body ->> 'quote', split_part(pair, '-', 2))) stored,
  add column position_id text generated always as (body -> 'position' ->> 'positionId') stored;
create index arbitrages_by_position_id on arbitrages (position_id, position) where position_id is not null;

create or replace view profit_and_loss as
  select (closed_at at time zone 'UTC')::date as day, pair, outcome, count(*) as arbitrages,
         sum(expected_net) as expected_net, sum(realised_net) as realised_net, sum(fees) as fees,
         count(price_move) as attributed, sum(price_move) as price_move, sum(fee_difference) as fee_difference,
         sum(slippage) as slippage, sum(latency) as latency, sum(leg_failure) as leg_failure, strategy, quote
  from arbitrages group by 1, 2, 3, strategy, quote;

-- Of one pair what is left of its base; of legs in several pairs what is left of every asset but the quote; of a position of a pair
-- only what was too little to be traded when it was closed, since the position itself is carried and not left over.
create or replace view residues as
  with sides as (
    select f.arbitrage_id, f.side, f.quantity, f.price, f.fee, f.fee_asset, a.quote as home, a.body ->> 'shape' as shape,
           split_part(split_part(f.instrument, ':', 2), '-', 1) as base,
           split_part(split_part(f.instrument, ':', 2), '-', 2) as quote
    from fills f join arbitrages a on a.arbitrage_id = f.arbitrage_id
    where (a.body ->> 'shape') is distinct from 'pair'
  ), moved as (
    select arbitrage_id, base as asset, home, shape,
           case side when 'buy' then quantity else -quantity end - case when fee_asset = base then fee else 0 end as amount
    from sides
    union all
    select arbitrage_id, quote, home, shape,
           case side when 'buy' then -quantity * price else quantity * price end
             - case when fee_asset = quote then fee else 0 end
    from sides where shape is not null
  ), left_over as (
    select arbitrage_id, asset, sum(amount) as amount
    from moved where shape is null or asset <> home group by arbitrage_id, asset
  ), ended as (
    select a.arbitrage_id, a.outcome, split_part(a.pair, '-', 1) as asset, coalesce(l.amount, 0) as amount
    from arbitrages a
    left join left_over l on l.arbitrage_id = a.arbitrage_id and l.asset = split_part(a.pair, '-', 1)
    where not (a.body ? 'shape')
    union all
    select a.arbitrage_id, a.outcome, l.asset, l.amount
    from arbitrages a join left_over l on l.arbitrage_id = a.arbitrage_id
    where a.body ? 'shape'
    union all
    select a.arbitrage_id, a.outcome, r.one ->> 'asset', (r.one ->> 'quantity')::numeric
    from arbitrages a, jsonb_array_elements(a.body -> 'residues') as r (one)
    where a.body ->> 'shape' = 'pair'
  )
  select asset, sum(amount) as amount, count(*) as arbitrages, count(*) filter (where outcome = 'flagged') as flagged
  from ended group by asset;
