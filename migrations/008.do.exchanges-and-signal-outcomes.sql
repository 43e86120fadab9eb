-- Since when an exchange is traded on these terms.
alter table exchanges add column since timestamptz not null default now();

-- What became of each signal, and why: detected (approved and under way), executed, refused, missed.
create view signal_outcomes as
  select s.position, s.signal_id, s.opportunity_id, s.strategy, s.pair, s.buy_exchange, s.sell_exchange, s.quantity,
         s.notional, s.expected_net, s.gross_bps, s.net_bps, s.detected_at, v.decided_at, a.arbitrage_id, a.closed_at,
         a.realised_net,
         case when v.decision = 'refused' then 'refused'
              when a.outcome = 'failed' then 'missed'
              when a.outcome is not null then 'executed'
              else 'detected' end as status,
         -- The first rule that refused, or how the arbitrage ended.
         coalesce(v.rule, upper(a.outcome)) as reason,
         v.body #>> '{refusals,0,limit}' as refused_limit,
         v.body #>> '{refusals,0,actual}' as refused_actual,
         v.body #>> '{refusals,0,unit}' as refused_unit,
         v.body #>> '{refusals,0,subject}' as refused_subject
  from arbitrage_signals s
  left join verdicts v on v.signal_id = s.signal_id
  left join arbitrages a on a.signal_id = s.signal_id;
create index arbitrages_by_signal on arbitrages (signal_id);

-- The books each signal was computed from, one row per leg.
create view signal_books as
  select s.signal_id, (leg.line - 1)::int as leg_index, leg.body ->> 'exchange' as exchange,
         leg.body ->> 'instrument' as instrument, leg.body ->> 'side' as side,
         (leg.body ->> 'quantity')::numeric as quantity, (leg.body ->> 'limitPrice')::numeric as limit_price,
         (leg.body ->> 'expectedVwap')::numeric as expected_vwap, (leg.body ->> 'feeRate')::numeric as fee_rate,
         (leg.body ->> 'bookEpoch')::bigint as book_epoch, (leg.body ->> 'bookSequence')::bigint as book_sequence,
         to_timestamp((leg.body ->> 'exchangeTimeMs')::float8 / 1000) as exchange_time,
         to_timestamp((leg.body ->> 'receiveTimeMs')::float8 / 1000) as receive_time,
         -- [price, size], best first.
         leg.body -> 'levels' as levels
  from arbitrage_signals s, jsonb_array_elements(s.body -> 'legs') with ordinality as leg (body, line);
