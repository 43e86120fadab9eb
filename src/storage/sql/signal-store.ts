import { verdict, type Verdict } from '../../messages/risk.js';
import { opportunityEvent, signal, type OpportunityEvent, type Signal } from '../../messages/signal.js';
import type { Booked, SignalStore } from '../../ports/stores.js';
import { restore } from '../border.js';
import { exchangeOfSide } from '../ledger-rules.js';
import { jsonOf, only, textOf, timeOf } from './columns.js';
import type { Db, Row } from './db.js';

const SAVE_SIGNAL = `
  with detected as (
    insert into arbitrage_signals (signal_id, opportunity_id, strategy, pair, buy_exchange, sell_exchange, quantity,
                                   notional, expected_net, gross_bps, net_bps, detected_at, body)
    values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text::numeric, $8::text::numeric,
            $9::text::numeric, $10::text::float8, $11::text::float8, to_timestamp($12::text::float8 / 1000),
            $13::text::jsonb)
    on conflict (signal_id) do nothing
    returning signal_id
  ), decided as (
    insert into verdicts (verdict_id, signal_id, decision, rule, decided_at, body)
    select $14::text, signal_id, $15::text, $16::text, to_timestamp($17::text::float8 / 1000), $18::text::jsonb
    from detected
    returning 1
  )
  select (select count(*) from detected)::text as booked, (select count(*) from decided)::text as decided`;

const SAVE_OPPORTUNITY = `
  insert into opportunity_events (opportunity_id, phase, strategy, pair, buy_exchange, sell_exchange, net_bps,
                                  net_profit, reason, at, body)
  values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text::float8, $8::text::numeric, $9::text,
          to_timestamp($10::text::float8 / 1000), $11::text::jsonb)
  on conflict (opportunity_id, phase, body_hash) do nothing`;

const RECENT_SIGNALS = `
  select s.body::text as signal, v.body::text as verdict
  from arbitrage_signals s join verdicts v on v.signal_id = s.signal_id
  order by s.position desc limit $1::text::int`;

const SIGNALS_OF = `
  select s.body::text as signal, v.body::text as verdict
  from verdicts v join arbitrage_signals s on s.signal_id = v.signal_id
  where v.verdict_id = any (array(select jsonb_array_elements_text($1::text::jsonb))) order by s.position`;

const RECENT_OPPORTUNITIES = `
  select body::text from opportunity_events order by position desc limit $1::text::int`;

const decisionOf = (row: Row) => ({
  signal: restore(signal, textOf(row, 'signal'), 'stored signal'),
  verdict: restore(verdict, textOf(row, 'verdict'), 'stored verdict'),
});

async function saveSignal(db: Db, detected: Signal, decided: Verdict): Promise<Booked> {
  const { signalId, opportunityId, strategy, pair, legs, quantity, notional, edge } = detected;
  const places = [exchangeOfSide(legs, 'buy'), exchangeOfSide(legs, 'sell')];
  const numbers = [String(detected.grossBps), String(detected.netBps), timeOf(detected.detectedAtMs)];
  const rule = decided.decision === 'refused' ? (decided.refusals[0]?.rule ?? null) : null;
  const rows = await db.query(SAVE_SIGNAL, [
    ...[signalId, opportunityId, strategy, pair, ...places, quantity, notional, edge.net, ...numbers],
    ...[
      jsonOf(detected),
      decided.verdictId,
      decided.decision,
      rule,
      timeOf(decided.decidedAtMs),
      jsonOf(decided),
    ],
  ]);
  return only(rows)['booked'] === '1' ? 'booked' : 'duplicate';
}

async function saveOpportunity(db: Db, event: OpportunityEvent): Promise<void> {
  const { opportunityId, phase, strategy, pair, buyExchange, sellExchange, netBps, netProfit, reason } =
    event;
  const names = [opportunityId, phase, strategy, pair, buyExchange, sellExchange];
  const rest = [String(netBps), netProfit, reason, timeOf(event.atMs), jsonOf(event)];
  await db.query(SAVE_OPPORTUNITY, [...names, ...rest]);
}

/** Signals with their verdicts, and the life of opportunities, over SQL. */
export function sqlSignals(db: Db): SignalStore {
  return {
    saveSignal: (detected, decided) => saveSignal(db, detected, decided),
    saveOpportunity: (event) => saveOpportunity(db, event),
    recentSignals: async (limit) => (await db.query(RECENT_SIGNALS, [String(limit)])).map(decisionOf),
    signalsOf: async (verdictIds) => (await db.query(SIGNALS_OF, [jsonOf(verdictIds)])).map(decisionOf),
    recentOpportunities: async (limit) =>
      (await db.query(RECENT_OPPORTUNITIES, [String(limit)])).map((row) =>
        restore(opportunityEvent, textOf(row, 'body'), 'stored opportunity'),
      ),
  };
}
