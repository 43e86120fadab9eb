import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { strangersOf, wrongBalances } from '../proofs/kills.js';
import type { LeaseWatch } from './lease-watch.js';

/** What must be so whatever happened (RELIABILITY §9), from rows of the database and the exchanges' own records. */
export interface Audit {
  /** Two owners at once: of the lease's row, of the journal, of what exchanges accepted. */
  readonly fences: readonly string[];
  /** Accepted after a successor's first order, or later than lease and expiry allow. */
  readonly late: readonly string[];
  readonly strangers: readonly string[];
  readonly ledger: readonly string[];
  readonly orders: number;
  /** Orders accepted after their lease's deadline, within the life of a request that was signed before. */
  readonly inGrace: number;
}

interface Leg {
  readonly id: string;
  readonly fence: number;
}

const LEDGER_WITHIN_MS = 90_000;
const LOOK_MS = 250;

export async function audit(
  url: string,
  accounts: readonly SimulatedAccount[],
  watch: LeaseWatch,
): Promise<Audit> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const ledger = await ledgerDifferences(client, accounts);
    const orders = accounts.flatMap((account) =>
      account.orders().map(({ clientOrderId, createdAtMs }) => ({
        exchange: account.exchange,
        clientOrderId,
        createdAtMs,
      })),
    );
    // After the orders: whatever an exchange has was journalled before.
    const legs = await legsOf(client);
    const fenceOf = new Map(legs.map(({ id, fence }) => [id, fence]));
    const accepted = orders
      .map((order) => ({ ...order, fence: fenceOf.get(order.clientOrderId) ?? NaN }))
      .sort((a, b) => a.createdAtMs - b.createdAtMs);
    return {
      fences: [...watch.wrong, ...backwards(legs)],
      ...lateOf(accepted, watch),
      strangers: strangersOf(accounts, new Set(fenceOf.keys())),
      ledger,
      orders: orders.length,
    };
  } finally {
    await client.end();
  }
}

async function legsOf(client: pg.Client): Promise<Leg[]> {
  const { rows } = await client.query<{ id: string; fence: string }>(
    'select client_order_id as id, fence::text from order_legs order by position',
  );
  return rows.map(({ id, fence }) => ({ id, fence: Number(fence) }));
}

/** Rows that were written under a fence below one that the journal had seen before. */
function backwards(legs: readonly Leg[]): string[] {
  let highest = 0;
  return legs.flatMap(({ id, fence }) => {
    const isBehind = fence < highest;
    highest = Math.max(highest, fence);
    return isBehind ? [`journal: ${id} under fence ${fence} after ${highest}`] : [];
  });
}

interface Accepted {
  readonly exchange: string;
  readonly clientOrderId: string;
  readonly createdAtMs: number;
  readonly fence: number;
}

/** `accepted` by time. All three exchanges of the stage refuse a request after its expiry. */
export function lateOf(
  accepted: readonly Accepted[],
  watch: Pick<LeaseWatch, 'terms'>,
): { late: string[]; inGrace: number } {
  const late: string[] = [];
  let [highest, inGrace] = [0, 0];
  for (const { exchange, clientOrderId, createdAtMs, fence } of accepted) {
    const what = `${exchange} ${clientOrderId} under fence ${fence}`;
    if (fence < highest) late.push(`${what}: accepted after the first order under fence ${highest}`);
    highest = Math.max(highest, fence || 0);
    const term = watch.terms.find((one) => one.fence === fence);
    if (term === undefined || createdAtMs <= term.deadlineMs) continue;
    if (createdAtMs <= term.deadlineMs + term.graceMs) inGrace++;
    else late.push(`${what}: accepted ${Math.round(createdAtMs - term.deadlineMs)} ms after its lease`);
  }
  return { late, inGrace };
}

/** Between two trades both sides are equal; what is under way is waited for. */
async function ledgerDifferences(
  client: pg.Client,
  accounts: readonly SimulatedAccount[],
): Promise<readonly string[]> {
  const deadline = performance.now() + LEDGER_WITHIN_MS;
  for (;;) {
    const { rows } = await client.query<{ exchange: string; asset: string; amount: string }>(HOLDINGS);
    const wrong = wrongBalances(accounts, rows);
    if (wrong.length === 0 || performance.now() > deadline) return wrong;
    await sleep(LOOK_MS);
  }
}

const HOLDINGS = `select split_part(account, ':', 2) as exchange, asset, trim_scale(amount)::text as amount
  from ledger_balances where account like 'exchange:%'`;
