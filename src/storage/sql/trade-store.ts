import { ArbotError, invariant } from '../../messages/errors.js';
import {
  arbitrageClosed,
  legResult,
  submitLeg,
  type ArbitrageClosed,
  type LegResult,
  type SubmitLeg,
} from '../../messages/order.js';
import { strategy } from '../../messages/primitives.js';
import type { Booked, JournalledOrder, ProfitAndLoss, TradeStore } from '../../ports/stores.js';
import { restore } from '../border.js';
import { contradictingResult, judgeResult, legNotJournalled } from '../ledger-rules.js';
import { jsonOf, only, textOf, timeOf } from './columns.js';
import type { Db, Row } from './db.js';

/** In flight at once; more means that nobody settles legs, and a partial answer would hide exposure. */
const MAX_OPEN_LEGS = 10_000;
/** Two writers of results of one leg are rare; each round lets one through. */
const MAX_ROUNDS = 20;

const JOURNAL = `
  insert into order_legs (client_order_id, arbitrage_id, leg_index, attempt, verdict_id, instrument, exchange, side,
                          quantity, limit_price, submitted_at, body, fence)
  select l."clientOrderId", l."arbitrageId", l."legIndex", l.attempt, l."verdictId", l.instrument, l.exchange, l.side,
         l.quantity::numeric, l."limitPrice"::numeric, to_timestamp(l."submittedAtMs" / 1000), x.body, $2::text::bigint
  from jsonb_array_elements($1::text::jsonb) with ordinality as x (body, line),
       jsonb_to_record(x.body) as l ("clientOrderId" text, "arbitrageId" text, "legIndex" smallint, attempt smallint,
         "verdictId" text, instrument text, exchange text, side text, quantity text, "limitPrice" text,
         "submittedAtMs" float8)
  order by x.line`;

const KNOWN_RESULT = `
  select l.client_order_id, r.revision::text, r.body::text
  from order_legs l
  left join leg_results r on r.client_order_id = l.client_order_id
  where l.client_order_id = $1::text
  order by r.revision desc nulls last limit 1`;

const SAVE_RESULT = `
  insert into leg_results (client_order_id, revision, status, filled_quantity, average_price, acknowledged_at, body)
  values ($1::text, $2::text::int, $3::text, $4::text::numeric, $5::text::numeric,
          to_timestamp($6::text::float8 / 1000), $7::text::jsonb)
  on conflict (client_order_id, revision) do nothing
  returning revision::text`;

const CLOSE = `
  insert into arbitrages (arbitrage_id, opportunity_id, signal_id, pair, buy_exchange, sell_exchange, outcome,
                          bought_quantity, sold_quantity, residual_base, expected_net, realised_net, fees,
                          opened_at, closed_at, body)
  values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text::numeric, $9::text::numeric,
          $10::text::numeric, $11::text::numeric, $12::text::numeric, $13::text::numeric,
          to_timestamp($14::text::float8 / 1000), to_timestamp($15::text::float8 / 1000), $16::text::jsonb)
  on conflict (arbitrage_id) do nothing
  returning position::text`;

/** Kept by the database with every leg and result (migration 006). */
const OPEN_LEGS = `
  select l.body::text from open_legs o join order_legs l on l.position = o.position
  order by o.position limit ${MAX_OPEN_LEGS + 1}`;

const ARBITRAGES_OF = `
  select body::text from arbitrages
  where arbitrage_id = any (array(select jsonb_array_elements_text($1::text::jsonb))) order by position`;

const ORDERS_OF = `
  select l.body::text as leg, r.body::text as result
  from order_legs l
  left join lateral (
    select body from leg_results where client_order_id = l.client_order_id order by revision desc limit 1
  ) r on true
  where l.arbitrage_id = any (array(select jsonb_array_elements_text($1::text::jsonb))) order by l.position`;

const PROFIT_AND_LOSS = `
  select pair, strategy, quote, outcome, count(*)::text as arbitrages, count(price_move)::text as attributed,
         ${summed('expected_net', 'realised_net', 'fees', 'price_move', 'fee_difference', 'slippage', 'latency', 'leg_failure')}
  from arbitrages
  where closed_at >= to_timestamp($1::text::float8 / 1000) and closed_at < to_timestamp($2::text::float8 / 1000)
  group by pair, strategy, quote, outcome
  order by pair collate "C", strategy collate "C", quote collate "C", outcome collate "C"`;

/** More positions at once than pairs are followed would be a mistake. */
const MAX_POSITIONS = 1_000;

const OPEN_POSITIONS = `
  select body::text from (
    select distinct on (position_id) position, body from arbitrages
    where position_id is not null order by position_id, position desc
  ) as newest
  where jsonb_array_length(body -> 'position' -> 'carried') > 0
  order by position desc limit ${MAX_POSITIONS}`;

const RESIDUES = `
  select asset, trim_scale(amount)::text as amount, arbitrages::text, flagged::text from residues order by asset collate "C"`;

function summed(...columns: readonly string[]): string {
  return columns.map((name) => `trim_scale(coalesce(sum(${name}), 0))::text as ${name}`).join(', ');
}

const outcomeOf = arbitrageClosed.shape.outcome;

function profitAndLossOf(row: Row): ProfitAndLoss {
  return {
    pair: textOf(row, 'pair'),
    strategy: strategy.parse(row['strategy']),
    quote: textOf(row, 'quote'),
    outcome: outcomeOf.parse(row['outcome']),
    arbitrages: Number(textOf(row, 'arbitrages')),
    expectedNet: textOf(row, 'expected_net'),
    realisedNet: textOf(row, 'realised_net'),
    fees: textOf(row, 'fees'),
    attributed: Number(textOf(row, 'attributed')),
    parts: {
      priceMove: textOf(row, 'price_move'),
      fees: textOf(row, 'fee_difference'),
      slippage: textOf(row, 'slippage'),
      latency: textOf(row, 'latency'),
      legFailure: textOf(row, 'leg_failure'),
    },
  };
}

async function ordersOf(db: Db, arbitrageIds: readonly string[]): Promise<readonly JournalledOrder[]> {
  const rows = await db.query(ORDERS_OF, [jsonOf(arbitrageIds)]);
  return rows.map((row) => ({
    leg: restore(submitLeg, textOf(row, 'leg'), 'stored leg'),
    result: row['result'] === null ? null : restore(legResult, textOf(row, 'result'), 'stored result'),
  }));
}

async function knownResult(
  db: Db,
  clientOrderId: string,
): Promise<{ revision: number; result: LegResult | null }> {
  const rows = await db.query(KNOWN_RESULT, [clientOrderId]);
  if (rows.length === 0) throw legNotJournalled(clientOrderId);
  const row = only(rows);
  if (row['revision'] === null) return { revision: 0, result: null };
  return {
    revision: Number(textOf(row, 'revision')),
    result: restore(legResult, textOf(row, 'body'), 'stored result'),
  };
}

/** Optimistic: judged against the newest revision, inserted as the next; a writer that was faster means judging again. */
async function saveLegResult(db: Db, next: LegResult): Promise<void> {
  const { clientOrderId, status, filledQuantity, averagePrice, acknowledgedAtMs } = next;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const known = await knownResult(db, clientOrderId);
    const judged = judgeResult(known.result, next);
    if (judged === 'nothing_new') return;
    if (judged === 'contradiction' && known.result !== null) throw contradictingResult(known.result, next);
    const revision = String(known.revision + 1);
    const facts = [clientOrderId, revision, status, filledQuantity, averagePrice];
    const saved = await db.query(SAVE_RESULT, [...facts, timeOf(acknowledgedAtMs), jsonOf(next)]);
    if (saved.length === 1) return;
  }
  throw new ArbotError('ARB_STORE_UNAVAILABLE', `leg ${clientOrderId}: too many writers at once`, {
    retryable: true,
  });
}

async function closeArbitrage(db: Db, closed: ArbitrageClosed): Promise<Booked> {
  const { arbitrageId, opportunityId, signalId, pair, buyExchange, sellExchange, outcome } = closed;
  const { boughtQuantity, soldQuantity, residualBase, expectedNet, realisedNet, fees } = closed;
  const names = [arbitrageId, opportunityId, signalId, pair, buyExchange, sellExchange, outcome];
  const amounts = [boughtQuantity, soldQuantity, residualBase, expectedNet, realisedNet, fees];
  const times = [timeOf(closed.openedAtMs), timeOf(closed.closedAtMs)];
  const rows = await db.query(CLOSE, [...names, ...amounts, ...times, jsonOf(closed)]);
  return rows.length === 1 ? 'booked' : 'duplicate';
}

async function openLegs(db: Db): Promise<readonly SubmitLeg[]> {
  const rows = await db.query(OPEN_LEGS);
  invariant(rows.length <= MAX_OPEN_LEGS, `more than ${MAX_OPEN_LEGS} legs are open`);
  return rows.map((row) => restore(submitLeg, textOf(row, 'body'), 'stored leg'));
}

/** Order journal, results and closed arbitrages over SQL. */
export function sqlTrades(db: Db): TradeStore {
  return {
    journalLegs: async (legs, fence) => {
      await db.query(JOURNAL, [jsonOf(legs), String(fence)]);
    },
    saveLegResult: (result) => saveLegResult(db, result),
    closeArbitrage: (closed) => closeArbitrage(db, closed),
    recentArbitrages: async (limit) => {
      const sql = `select body::text from arbitrages order by position desc limit $1::text::int`;
      const rows = await db.query(sql, [String(limit)]);
      return rows.map((row) => restore(arbitrageClosed, textOf(row, 'body'), 'stored arbitrage'));
    },
    arbitragesOf: async (arbitrageIds) =>
      (await db.query(ARBITRAGES_OF, [jsonOf(arbitrageIds)])).map((row) =>
        restore(arbitrageClosed, textOf(row, 'body'), 'stored arbitrage'),
      ),
    openLegs: () => openLegs(db),
    ordersOf: (arbitrageIds) => ordersOf(db, arbitrageIds),
    profitAndLoss: async (fromMs, toMs) =>
      (await db.query(PROFIT_AND_LOSS, [timeOf(fromMs), timeOf(toMs)])).map(profitAndLossOf),
    residues: async () =>
      (await db.query(RESIDUES)).map((row) => ({
        asset: textOf(row, 'asset'),
        amount: textOf(row, 'amount'),
        arbitrages: Number(textOf(row, 'arbitrages')),
        flagged: Number(textOf(row, 'flagged')),
      })),
    openPositions: async () =>
      (await db.query(OPEN_POSITIONS)).map((row) =>
        restore(arbitrageClosed, textOf(row, 'body'), 'stored arbitrage'),
      ),
  };
}
