import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { tradingOf } from '../../bench/order-path.js';
import { Decimal } from '../../src/market/decimal.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import { describeExchanges } from '../../src/modes/exchange-process.js';
import { openingsOf } from '../../src/modes/parameters.js';
import type { ActorInspection } from '../../src/runtime/actor.js';
import { DEFAULT_EXCHANGES, DEFAULT_PAIRS } from '../../src/simulator/listings.js';
import { DEFAULT_PLANTS } from '../../src/simulator/plants.js';
import { Prng } from '../../src/simulator/prng.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../../src/simulator/server.js';
import type { SimulatedAccount } from '../../src/simulator/trading/simulated-account.js';
import { openDb } from '../../src/storage/open-stores.js';
import { sqlStores } from '../../src/storage/sql/sql-stores.js';
import { wrongRows } from '../chaos/stores.js';
import { BookHistory, type Taker } from './hedge-oracle.js';
import { ArbotProcess, getJson, until } from '../node/node-process.js';
import { RealTime } from '../runtime/real-time.js';
import { testPorts } from '../storage/ports.js';

/**
 * kill -9 of the real trading process while it trades with signed orders, again and again, on one data folder and the same exchanges,
 * which outlive it. What each half-done arbitrage became is read from the journal at the end, and compared with the exchanges.
 */

export interface KillsOptions {
  readonly times: number;
  readonly seed: number;
  /** Ends early once it has gone on so long, but never before two kills. */
  readonly budgetMs?: number;
  readonly heard?: (line: string) => void;
}

export interface KillsReport {
  readonly kills: number;
  /** Arbitrages that were open when their process was killed, by what became of them. */
  readonly halfDone: { resumed: number; unwound: number; handedOver: number };
  /** Of those, from the start of the process that ended them, ms. */
  readonly endedMs: readonly number[];
  /** And from the first readiness of all accounts in it. */
  readonly endedAfterReadyMs: readonly number[];
  /** Handed over although what was left over was known, and an exchange would have taken it within the cap. */
  readonly wronglyHandedOver: readonly string[];
  /** Handed over with an order of which nobody knew whether it had traded. */
  readonly unknownHandedOver: number;
  /** Recovery orders that carried a permit of the gate. */
  readonly permitted: number;
  /** Journalled arbitrages without exactly one end. */
  readonly endless: readonly string[];
  readonly arbitrages: number;
  /** Orders at the exchanges that are not in the journal, or there twice. */
  readonly strangers: readonly string[];
  readonly wrongBalances: readonly string[];
  readonly wrongRows: readonly string[];
  /** From the start of a process to the first readiness of all accounts, ms. */
  readonly readyMs: readonly number[];
}

/** One edge after the other on every pair; each rests a second on both sides. */
const PLANTS = {
  ...DEFAULT_PLANTS,
  firstAfterMs: 1_500,
  quietMs: [1_050, 1_400],
  durationMs: [1_200, 2_000],
  weights: { true: 1, stale: 0, crossed: 0, too_thin: 0, below_minimum: 0, eaten_by_fees: 0, too_good: 0 },
} as const;
const PATIENCE_MS = 120_000;
/** Without ticks, which have nothing to do with orders and take seconds to open. */
const CLUSTER = `export default {
  nodes: [{ name: 'local', region: 'local', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
  stores: { trades: { kind: 'pglite' }, ticks: { kind: 'none' } },
};`;
/** After an order has come to an exchange: into the middle of what follows. */
const MAX_MOMENT_MS = 900;

class Life {
  readonly process: ArbotProcess;
  private base = '';

  constructor(folder: string, exchangesFile: string) {
    const args = [
      'start',
      '--port',
      '0',
      '--config',
      folder,
      '--data',
      folder,
      '--exchanges-at',
      exchangesFile,
    ];
    this.process = new ArbotProcess(args);
  }

  async ready(): Promise<void> {
    this.base = await this.process.url(PATIENCE_MS);
    await this.settled(({ phase }) => phase === 'ready');
  }

  summary(path: string): Promise<Readonly<Record<string, unknown>>> {
    return getJson<ActorInspection>(`${this.base}api/actors/node/trade/${path}`).then(
      ({ summary }) => summary,
    );
  }

  private settled(holds: (summary: Readonly<Record<string, unknown>>) => boolean): Promise<unknown> {
    return until(
      () => Promise.all(DEFAULT_EXCHANGES.map((one) => this.summary(`gateway-${one}`).catch(() => ({})))),
      (all) => all.every(holds),
      PATIENCE_MS,
    );
  }

  /** Nothing new is risked any more, and everything under way has ended. */
  async quiet(): Promise<void> {
    await until(
      () => this.summary('saga'),
      ({ running }) => Number(running) === 0,
      PATIENCE_MS,
    );
    await this.settled(({ unsettled }) => Number(unsettled) === 0);
  }
}

class Kills {
  readonly readyMs: number[] = [];
  readonly killedAtMs: number[] = [];
  readonly lives: { readonly startedAtMs: number; readonly readyAtMs: number }[] = [];
  readonly history: BookHistory;
  private readonly folder: string;
  private readonly file: string;
  private readonly exchanges: SimulatedExchanges;

  constructor(folder: string, exchanges: SimulatedExchanges) {
    this.folder = folder;
    this.exchanges = exchanges;
    this.history = new BookHistory(exchanges, DEFAULT_PAIRS);
    this.file = join(folder, 'exchanges.json');
    writeFileSync(join(folder, 'cluster.config.ts'), CLUSTER);
    const trading = JSON.stringify(resolve(import.meta.dirname, '../../trading.config.ts'));
    writeFileSync(
      join(folder, 'trading.config.ts'),
      `import trading from ${trading};\nexport default trading;\n`,
    );
    writeFileSync(this.file, JSON.stringify(describeExchanges(exchanges, process.pid, Date.now())), {
      mode: 0o600,
    });
  }

  get accounts(): SimulatedAccount[] {
    return DEFAULT_EXCHANGES.map((one) => this.exchanges.accounts[one]!);
  }

  private placed(): number {
    return this.accounts.reduce((sum, { placeRequests }) => sum + placeRequests, 0);
  }

  async start(): Promise<Life> {
    const startedMs = performance.now();
    const startedAtMs = Date.now();
    const life = new Life(this.folder, this.file);
    try {
      await life.ready();
    } catch (error) {
      life.process.kill();
      throw error;
    }
    this.readyMs.push(performance.now() - startedMs);
    this.lives.push({ startedAtMs, readyAtMs: Date.now() });
    return life;
  }

  /** One life: it trades, and dies in the middle of it. */
  async killOnce(prng: Prng): Promise<void> {
    const life = await this.start();
    const before = this.placed();
    const deadline = performance.now() + 30_000;
    while (this.placed() === before && performance.now() < deadline) await sleep(2);
    await sleep(prng.between(0, MAX_MOMENT_MS) * prng.next());
    life.process.kill('SIGKILL');
    this.killedAtMs.push(Date.now());
    await life.process.exit();
  }
}

/** Every process that it starts has ended when it returns. */
export async function runKills({
  times,
  seed,
  budgetMs = Infinity,
  heard = () => undefined,
}: KillsOptions): Promise<KillsReport> {
  const folder = mkdtempSync(join(tmpdir(), 'arbot-kills-'));
  const time = new RealTime();
  const { log } = testPorts();
  const exchanges = await startSimulatedExchanges({
    ...{
      seed,
      clock: time,
      timers: time,
      log,
      plants: PLANTS,
      pairs: DEFAULT_PAIRS,
      exchanges: DEFAULT_EXCHANGES,
    },
  });
  let history: BookHistory | null = null;
  try {
    const openings = openingsOf(await tradingOf());
    const run = new Kills(folder, exchanges);
    history = run.history;
    for (const account of run.accounts) {
      account.open(openings.filter(({ exchange }) => exchange === account.exchange));
      account.misbehave({ kind: 'slow', probability: 0.3, delayMs: 250 });
      account.misbehave({ kind: 'accept-then-timeout', probability: 0.08 });
      account.misbehave({ kind: 'lose-request', probability: 0.05 });
      account.misbehave({ kind: 'reject', probability: 0.08 });
    }
    const prng = Prng.of(seed, 'kills');
    const startedMs = performance.now();
    while (
      run.killedAtMs.length < times &&
      (run.killedAtMs.length < 2 || performance.now() - startedMs < budgetMs)
    ) {
      await run.killOnce(prng);
      const { length } = run.killedAtMs;
      if (length % 5 === 0 || length < 3)
        heard(`${length} kills, ready after ${Math.round(run.readyMs.at(-1)!)} ms`);
    }
    return await lookAtTheEnd(run, folder, heard);
  } finally {
    history?.stop();
    await exchanges.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A last life ends what is open; then journal and exchanges are compared. */
async function lookAtTheEnd(run: Kills, folder: string, heard: (line: string) => void): Promise<KillsReport> {
  const last = await run.start();
  try {
    await last.quiet();
    last.process.kill('SIGINT');
    await last.process.exit();
  } finally {
    last.process.kill();
  }
  heard('the last life has ended in order');
  const db = await openDb(
    { kind: 'pglite', folder: join(folder, 'simulated/pglite'), mode: 'SIMULATED' },
    { ...testPorts() },
  );
  try {
    const stores = sqlStores(db, testPorts().clock);
    const legs = await db.query(
      `select l.client_order_id as id, l.arbitrage_id as arbitrage, l.attempt::text as attempt, l.side, l.limit_price::text as price,
              (l.body ? 'permit')::text as permit, coalesce(r.status, 'unknown') as status
       from order_legs l left join lateral (
         select status from leg_results where client_order_id = l.client_order_id order by revision desc limit 1) r on true`,
    );
    const closed = await stores.trades.recentArbitrages(100_000);
    const ends = new Map<string, ArbitrageClosed[]>();
    for (const one of closed) ends.set(one.arbitrageId, [...(ends.get(one.arbitrageId) ?? []), one]);
    const journalled = new Set(legs.map((row) => row['arbitrage']!));
    const halfDone = { resumed: 0, unwound: 0, handedOver: 0 };
    const [endedMs, endedAfterReadyMs, wronglyHandedOver]: [number[], number[], string[]] = [[], [], []];
    let unknownHandedOver = 0;
    for (const end of closed) {
      if (!run.killedAtMs.some((atMs) => end.openedAtMs < atMs && atMs < end.closedAtMs)) continue;
      const own = legs.filter((row) => row['arbitrage'] === end.arbitrageId);
      const life = run.lives.findLast(({ startedAtMs }) => startedAtMs <= end.closedAtMs);
      endedMs.push(end.closedAtMs - (life?.startedAtMs ?? end.closedAtMs));
      endedAfterReadyMs.push(Math.max(0, end.closedAtMs - (life?.readyAtMs ?? end.closedAtMs)));
      const isUnknown = own.some((row) => row['status'] === 'unknown');
      const takers = end.outcome === 'flagged' ? takersAt(run.history, end, own) : [];
      if (isUnknown && end.outcome === 'flagged') unknownHandedOver++;
      else if (takers.length > 0)
        wronglyHandedOver.push(`${end.arbitrageId} residue ${end.residualBase}: ${JSON.stringify(takers)}`);
      const isRecovered = own.some((row) => row['attempt'] !== '0');
      if (end.outcome === 'flagged') halfDone.handedOver++;
      else if (end.outcome === 'unwound' || isRecovered) halfDone.unwound++;
      else halfDone.resumed++;
    }
    return {
      ...{ kills: run.killedAtMs.length, halfDone, arbitrages: journalled.size, readyMs: run.readyMs },
      ...{ endedMs, endedAfterReadyMs, wronglyHandedOver, unknownHandedOver },
      permitted: legs.filter((row) => row['permit'] === 'true').length,
      endless: [...journalled].filter((id) => ends.get(id)?.length !== 1),
      strangers: strangersOf(run.accounts, new Set(legs.map((row) => row['id']!))),
      wrongBalances: wrongBalances(run.accounts, await stores.ledger.holdings()),
      wrongRows: await wrongRows(db),
    };
  } finally {
    await db.close();
  }
}

function takersAt(
  history: BookHistory,
  end: ArbitrageClosed,
  orders: readonly Readonly<Record<string, unknown>>[],
): Taker[] {
  const base = Number(end.residualBase);
  if (base === 0) return [];
  const planned = orders.filter((row) => row['attempt'] === '0');
  const own = Number(planned.find((row) => (row['side'] === 'buy') === base > 0)?.['price'] ?? 0);
  return history.takersAt(end.closedAtMs, { pair: end.pair, base, own });
}

/** Orders of the exchanges that the journal does not know, or that are there twice. */
export function strangersOf(
  accounts: readonly SimulatedAccount[],
  journalled: ReadonlySet<string>,
): string[] {
  return accounts.flatMap((account) => {
    const seen = new Set<string>();
    return account.orders().flatMap(({ clientOrderId }) => {
      const isStrange = !journalled.has(clientOrderId) || seen.has(clientOrderId);
      seen.add(clientOrderId);
      return isStrange ? [`${account.exchange} ${clientOrderId}`] : [];
    });
  });
}

/** Where the ledger differs from the exchanges, a line each. */
export function wrongBalances(
  accounts: readonly SimulatedAccount[],
  holdings: readonly { readonly exchange: string; readonly asset: string; readonly amount: string }[],
): string[] {
  return accounts.flatMap((account) =>
    account.balances().flatMap(({ asset, free, locked }) => {
      const told =
        holdings.find((one) => one.exchange === account.exchange && one.asset === asset)?.amount ?? '0';
      const real = new Decimal(free).plus(locked);
      return real.eq(told)
        ? []
        : [`${account.exchange} ${asset}: exchange ${real.toFixed()}, ledger ${told}`];
    }),
  );
}
