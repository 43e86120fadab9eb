import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { LeaseTimes } from '../../src/actors/trade-lease.js';
import { TRADE_LEASE } from '../../src/ports/leases.js';
import type { Stores } from '../../src/ports/stores.js';
import { Prng } from '../../src/simulator/prng.js';
import { NO_PLANTS } from '../../src/simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../../src/simulator/server.js';
import { openStores } from '../../src/storage/open-stores.js';
import { startPostgres } from '../servers/postgres.js';
import { testPorts } from '../storage/ports.js';
import { RealTime } from '../runtime/real-time.js';
import type { PausedPlan } from './paused-process.js';
import { FENCED, heldOn, PROOF_EXCHANGES, type ProofExchange, type RemoteExchanges } from './socket-world.js';

/**
 * A trading process that is stopped past its lease and goes on (RELIABILITY §4.2): real lease in PostgreSQL, real gateways, real
 * sockets. The successor waits as its lease says, and from then on the exchanges' records must show no order of the first.
 */

export interface PausesOptions {
  readonly pauses: number;
  readonly seed: number;
  readonly heard?: (line: string) => void;
}

export interface PausesReport {
  readonly pauses: number;
  /** Orders that the exchange took from the first process after the successor had begun. */
  readonly late: Readonly<Record<string, number>>;
  /** Requests that came after it and were refused by the exchange: what the expiry is for. */
  readonly refused: Readonly<Record<string, number>>;
  readonly orders: number;
  /** From the stop to the moment from which the successor may trade, ms. */
  readonly takeOverMs: readonly number[];
  /** Fences of both in turn: each larger than the one before. */
  readonly areFencesGrowing: boolean;
}

const EXPIRY_MS = 500;
/** Shorter than in production, so that a pause takes seconds; the rules between them are the same. */
const LEASE: LeaseTimes = {
  ttlMs: 900,
  renewMs: 200,
  retryMs: 100,
  marginMs: 100,
  maxExpiryMs: EXPIRY_MS,
  skewMs: 250,
};
/** What is late has come by then. */
const LATE_MS = 500;

interface Trader {
  readonly process: ChildProcess;
  fence: number;
}

function startTrader(plan: PausedPlan): Trader {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = fork(join(import.meta.dirname, 'paused-process.ts'), [JSON.stringify(plan)], {
    execArgv: ['--import', loader],
  });
  const trader: Trader = { process: child, fence: -1 };
  child.on('message', (told: { holding: number }) => (trader.fence = told.holding));
  return trader;
}

async function untilHolding(trader: Trader): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (trader.fence < 0) {
    if (trader.process.exitCode !== null) throw new Error(`the trader ended with ${trader.process.exitCode}`);
    if (performance.now() > deadline) throw new Error('the trader does not trade');
    await sleep(5);
  }
}

class Pauses {
  readonly takeOverMs: number[] = [];
  readonly fences: number[] = [];
  readonly late = new Map<ProofExchange, number>(PROOF_EXCHANGES.map((one) => [one, 0]));
  readonly refused = new Map<ProofExchange, number>(PROOF_EXCHANGES.map((one) => [one, 0]));
  private readonly exchanges: SimulatedExchanges;
  private readonly stores: Stores;
  private readonly trader: Trader;

  constructor(exchanges: SimulatedExchanges, stores: Stores, trader: Trader) {
    this.exchanges = exchanges;
    this.stores = stores;
    this.trader = trader;
  }

  async pause(prng: Prng): Promise<void> {
    const { trader, stores } = this;
    await untilHolding(trader);
    this.fences.push(trader.fence);
    await sleep(prng.between(20, 400));
    const stoppedMs = performance.now();
    trader.process.kill('SIGSTOP');
    const fence = await this.takeOver();
    this.takeOverMs.push(performance.now() - stoppedMs);
    this.fences.push(fence);
    const [ownedAtMs, before] = [Date.now(), this.counts()];
    await sleep(prng.between(0, 80));
    trader.fence = -1;
    trader.process.kill('SIGCONT');
    await sleep(LATE_MS);
    this.count(ownedAtMs, before);
    await stores.leases.release({ resource: TRADE_LEASE, fence, nonce: '2'.repeat(32) });
  }

  /** Resolves when the successor may trade: it has the lease, and what its predecessor signed is over. */
  private async takeOver(): Promise<number> {
    const claim = { resource: TRADE_LEASE, holder: 'second', nonce: '2'.repeat(32), ttlMs: 60_000 };
    for (;;) {
      const { kind, lease } = await this.stores.leases.acquire({
        ...claim,
        maxExpiryMs: EXPIRY_MS,
        succeeds: false,
      });
      if (kind === 'granted') {
        await sleep(lease.formerExpiryMs + LEASE.skewMs);
        return lease.fence;
      }
      await sleep(10);
    }
  }

  private counts(): Map<ProofExchange, number> {
    return new Map(PROOF_EXCHANGES.map((one) => [one, this.exchanges.accounts[one]!.placeRequests]));
  }

  private count(ownedAtMs: number, before: ReadonlyMap<ProofExchange, number>): void {
    for (const exchange of PROOF_EXCHANGES) {
      const { placeRequests, orders } = this.exchanges.accounts[exchange]!;
      const late = orders().filter(({ createdAtMs }) => createdAtMs >= ownedAtMs).length;
      const came = placeRequests - before.get(exchange)!;
      this.late.set(exchange, this.late.get(exchange)! + late);
      this.refused.set(exchange, this.refused.get(exchange)! + Math.max(0, came - late));
    }
  }
}

/** Needs a private PostgreSQL. Every process that it starts has ended when it returns. */
export async function runPauses({
  pauses,
  seed,
  heard = () => undefined,
}: PausesOptions): Promise<PausesReport> {
  const time = new RealTime();
  const server = await startPostgres();
  const closing: (() => Promise<unknown>)[] = [() => server.stop()];
  try {
    const { log } = testPorts();
    const stores = await openStores(
      { kind: 'postgres', url: server.url, mode: 'SIMULATED' },
      { log, timers: time, clock: time },
    );
    closing.push(() => stores.close());
    const exchanges = await startSimulatedExchanges({
      ...{ seed, clock: time, timers: time, log, exchanges: PROOF_EXCHANGES, plants: NO_PLANTS },
      pairs: ['BTC-USDT', 'BTC-KRW'],
    });
    closing.push(() => exchanges.close());
    const remote = describe(exchanges);
    const trader = startTrader({
      storeUrl: server.url,
      remote,
      lease: LEASE,
      requestExpiryMs: EXPIRY_MS,
      seed,
    });
    closing.push(() => end(trader));
    const run = new Pauses(exchanges, stores, trader);
    const prng = Prng.of(seed, 'pauses');
    for (let n = 1; n <= pauses; n++) {
      await run.pause(prng);
      if (n % 20 === 0)
        heard(
          `${n} pauses: late ${JSON.stringify(Object.fromEntries(run.late))}, refused ${JSON.stringify(Object.fromEntries(run.refused))}`,
        );
    }
    const { takeOverMs, fences } = run;
    return {
      ...{ pauses, takeOverMs },
      late: Object.fromEntries(run.late),
      refused: Object.fromEntries(run.refused),
      orders: PROOF_EXCHANGES.reduce((sum, one) => sum + exchanges.accounts[one]!.orders().length, 0),
      areFencesGrowing: fences.every((fence, at) => at === 0 || fence > fences[at - 1]!),
    };
  } finally {
    for (const close of closing.reverse()) await close().catch(() => undefined);
  }
}

async function end({ process: child }: Trader): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function describe(exchanges: SimulatedExchanges): RemoteExchanges {
  const rows = PROOF_EXCHANGES.map((exchange) => {
    const account = exchanges.accounts[exchange]!;
    account.open(heldOn(exchange));
    // Its connections are slow now and then, so that requests wait for one another.
    account.misbehave({ kind: 'slow', probability: 0.2, delayMs: 150 });
    const market = exchanges.world.market(exchange, exchange === 'upbit' ? 'BTC-KRW' : 'BTC-USDT');
    const { bids, asks } = market.ladder();
    const price = (ticks: number) => (ticks * market.listing.tick.value).toFixed(2);
    const best = { bid: price(bids.prices[0]!), ask: price(asks.prices[0]!) };
    return [
      exchange,
      { ...exchanges.endpoints[exchange]!, credentials: account.credentials, ...best },
    ] as const;
  });
  return Object.fromEntries(rows);
}

export const isLateAllowed = (exchange: string): boolean => !FENCED.some((one) => one === exchange);
