-- Why an arbitrage made something else than was expected. The columns follow from the body, so that no writer can say something
-- else; rows from before have none.

alter table arbitrages
  add column price_move     numeric generated always as ((body -> 'attribution' ->> 'priceMove')::numeric) stored,
  add column fee_difference numeric generated always as ((body -> 'attribution' ->> 'fees')::numeric) stored,
  add column slippage       numeric generated always as ((body -> 'attribution' ->> 'slippage')::numeric) stored,
  add column latency        numeric generated always as ((body -> 'attribution' ->> 'latency')::numeric) stored,
  add column leg_failure    numeric generated always as ((body -> 'attribution' ->> 'legFailure')::numeric) stored,
  -- Nothing of the difference goes unexplained.
  add constraint attribution_adds_up check (
    not (body ? 'attribution')
    or (expected_net + price_move + fee_difference + slippage + latency + leg_failure = realised_net) is true);

-- What ended on a day, and why it made something else.
create view profit_and_loss as
  select (closed_at at time zone 'UTC')::date as day, pair, outcome, count(*) as arbitrages,
         sum(expected_net) as expected_net, sum(realised_net) as realised_net, sum(fees) as fees,
         count(price_move) as attributed, sum(price_move) as price_move, sum(fee_difference) as fee_difference,
         sum(slippage) as slippage, sum(latency) as latency, sum(leg_failure) as leg_failure
  from arbitrages group by 1, 2, 3;

-- What is left over of each asset, by the fills themselves: also by those that came after the end of their arbitrage.
create view residues as
  with left_over as (
    select arbitrage_id,
           sum(case side when 'buy' then quantity else -quantity end)
             - sum(case when fee_asset = split_part(split_part(instrument, ':', 2), '-', 1) then fee else 0 end) as amount
    from fills group by arbitrage_id
  )
  select split_part(a.pair, '-', 1) as asset, sum(coalesce(l.amount, 0)) as amount, count(*) as arbitrages,
         count(*) filter (where a.outcome = 'flagged') as flagged
  from arbitrages a left join left_over l on l.arbitrage_id = a.arbitrage_id
  group by 1;
