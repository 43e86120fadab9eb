import { TradeFence } from '../actors/trade-fence.js';
import { LEASE_TIMES, tradeLeaseActor, type Candidacy, type LeaseTimes } from '../actors/trade-lease.js';
import type { Bus } from '../ports/bus.js';
import type { Random } from '../ports/random.js';
import type { Stores } from '../ports/stores.js';
import type { Clock, Timers } from '../ports/time.js';
import { erased } from './tree.js';

const NONCE_BYTES = 16;

/** Where others wait for it, a lease is shorter: they take over within ten seconds, what was under way looked into. */
const SHARED_LEASE_TIMES: LeaseTimes = { ...LEASE_TIMES, ttlMs: 4_000, renewMs: 1_300, retryMs: 250 };

export interface TradeLeaseParts {
  readonly bus: Bus;
  readonly stores: Pick<Stores, 'leases'>;
  /** The machine's own: a lease runs by the clock of its store, not at the pace of a market. */
  readonly time: Clock & Timers;
  readonly random: Random;
  /** The node's name. */
  readonly holder: string;
  /** Longest expiry of what is signed here and may outlive this process; 0 where nothing does. */
  readonly maxExpiryMs: number;
  /** Null = no other node may trade. */
  readonly candidacy: Candidacy | null;
}

/** The lease of who may trade, of one process: its keeper as an actor, and the fence that it hands out. */
export function tradeLeaseOf({ bus, stores, time, random, holder, maxExpiryMs, candidacy }: TradeLeaseParts) {
  const fence = new TradeFence(time);
  const nonce = Buffer.from(random.bytes(NONCE_BYTES)).toString('hex');
  const { leases } = stores;
  const times = { ...(candidacy === null ? LEASE_TIMES : SHARED_LEASE_TIMES), maxExpiryMs };
  const actor = tradeLeaseActor({ bus, leases, fence, timers: time, holder, nonce, times, candidacy });
  return { fence, actor: erased(actor) };
}
