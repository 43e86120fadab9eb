import { SeededRandom } from '../../src/runtime/platform/random.js';
import { openStores } from '../../src/storage/open-stores.js';
import type { LeaseTimes } from '../../src/actors/trade-lease.js';
import { testPorts } from '../storage/ports.js';
import { SocketWorld, type RemoteExchanges } from './socket-world.js';

/** Trades without end under its lease, and tells whether it holds it, until it is paused, resumed or ended from outside. */

export interface PausedPlan {
  readonly storeUrl: string;
  readonly remote: RemoteExchanges;
  readonly lease: LeaseTimes;
  readonly requestExpiryMs: number;
  readonly seed: number;
}

/** The budgets of the exchanges allow no more for long. */
const ORDER_EVERY_MS = 35;
/** Where an order is signed and not yet written: up to so much. */
const WRITE_DELAY_MS = 40;

const plan = JSON.parse(process.argv[2] ?? '') as PausedPlan;
process.once('disconnect', () => process.exit(1));
const random = new SeededRandom(`paused ${plan.seed}`);
const { log, timers, clock } = testPorts();
const stores = await openStores(
  { kind: 'postgres', url: plan.storeUrl, mode: 'SIMULATED' },
  { log, timers, clock },
);
const world = await SocketWorld.start({
  ...{ seed: plan.seed, stores, remote: plan.remote, lease: plan.lease },
  exchanges: Object.keys(plan.remote) as (keyof RemoteExchanges)[],
  policy: { requestExpiryMs: plan.requestExpiryMs, pauseMs: 100 },
  writeDelayMs: () => random.next() * WRITE_DELAY_MS,
});

let turn = 0;
const told = { fence: -1 };
function work(): void {
  const fence = world.fence.current() ?? -1;
  const isReady = world.exchanges.every((one) => world.summary(one)['phase'] === 'ready');
  const holding = isReady ? fence : -1;
  if (holding !== told.fence) process.send?.({ holding });
  told.fence = holding;
  // Whether it may is the gateway's to say, not ours: it is asked also when the lease is gone.
  const exchange = world.exchanges[turn++ % world.exchanges.length]!;
  const side = turn % 8 < 4 ? 'buy' : 'sell';
  void world.trade({ exchange, side, quantity: '0.0005', throughBps: 200 }).catch(() => undefined);
  setTimeout(work, ORDER_EVERY_MS);
}
work();
