import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';
import { TRADING_FAULT_KINDS as DESK_FAULT_KINDS } from '../../src/simulator/trading/trading-faults.js';
import type { Moment } from './crash-points.js';
import { planExchangeFaults } from './exchange-faults.js';
import { planTickFaults } from './tick-faults.js';
import { planDirectedCrashes, planTradingFaults } from './trading-faults.js';
import { actorPathsOf, type ActorPath, type Knobs } from './knobs.js';
import { strategyActors } from './strategy-worlds.js';

/** What every world may suffer. */
const COMMON_FAULT_KINDS = [
  'crash', // an actor ends as a crash, between two messages
  'crash-loop', // an actor crashes as soon as it runs, until it is given up
  'throw-before', // a handler throws before it does anything
  'throw-after', // a handler throws after it has done its work
  'hang', // a handler never comes to its end
  'kill', // the process dies and is started again
  'power-cut', // the same, and what its disk had not made durable is lost or torn
  'pause', // the process stands still
  'socket-drop',
  'half-open',
  'refuse-connections',
  'mute',
  'gap',
  'duplicate',
  'reorder',
  'garbage',
  'truncate',
  'http-errors',
  'too-many-requests', // 429 with Retry-After
  'black-hole', // HTTP requests vanish
  'slow-line',
  'store-slow',
  'store-down',
  'store-full', // writes are refused, reads are answered
  'store-lost-ack',
  'store-torn', // the process dies with a write under way: it is lost, or kept and never acknowledged
  'disk-slow',
  'disk-full',
  'clock-jump',
  'bus-delay',
  'bus-cut', // nothing passes between nodes
  'kill-switch', // a person engages it and clears it again
  'bad-signals', // a strategy sends signals that no gate may take as they are
] as const;

/** What worlds suffer that hold other exchanges than the classic three. */
export const EXCHANGE_FAULT_KINDS = [
  'bad-subscription', // a market is subscribed, perhaps acknowledged, and not served
  'ban', // 429 or 418 with a time to wait, and no connection
  'maintenance', // 503 or the exchange's own word, everybody is dropped
  'market-halted', // a market stands still: in the list of markets, or by a notice
  'upgrade', // an exchange announces that it ends its connections, and does
  'clock-skew', // an exchange's clock is wrong for a while
  'book-restart', // books are counted anew, or sent whole unasked
  'damaged-frames', // one frame in ten is lost, cut, doubled or late
] as const;
export type ExchangeFaultKind = (typeof EXCHANGE_FAULT_KINDS)[number];

/** What befalls the recording of ticks; it may touch nothing that trades. */
export const TICK_FAULT_KINDS = [
  'ticks-slow',
  'ticks-down',
  'ticks-full', // its writes are refused
  'ticks-lost-ack',
  'spool-rot', // a byte on the disk is no longer what was written
] as const;
export type TickFaultKind = (typeof TICK_FAULT_KINDS)[number];

/** What befalls orders that are signed and sent: everything that a simulated account can be made to do, and more. */
export const TRADING_FAULT_KINDS = [
  ...DESK_FAULT_KINDS.map((kind) => `desk-${kind}` as const),
  'crash-point', // the process dies at one of the moments of an order's life, where it comes by in time
  'crash-at', // it dies at a certain passage of a moment that is dealt out to the world
  'switch-at-point', // the kill switch is engaged at one of them
  'pause-past-lease', // the process stands still until another has taken its lease, and goes on
  'forged-approvals', // approvals that no gate has sealed
  'foreign-transfer', // a deposit or withdrawal that nobody here ordered
] as const;
export type WorldTradingFaultKind = (typeof TRADING_FAULT_KINDS)[number];

export const FAULT_KINDS = [
  ...COMMON_FAULT_KINDS,
  ...EXCHANGE_FAULT_KINDS,
  ...TICK_FAULT_KINDS,
  ...TRADING_FAULT_KINDS,
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One entry of a seed's schedule. What a kind does not need is 0 or ''. */
export interface PlannedFault {
  /** Stable within the seed, so that a shrunk schedule names the same faults. */
  readonly id: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Whom it hits, counted round over the nodes there are. */
  readonly node: number;
  readonly exchange: SimulatedExchange;
  readonly actor: ActorPath;
  readonly amount: number;
  /** When it happens, where that is no matter of time alone: of `crash-at`, and perhaps of `switch-at-point`. */
  readonly moment?: Moment;
}

export interface PlanWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A person clears the switch later than any machine would; and what needs an opportunity waits for one. */
const LONGER: Partial<Record<FaultKind, number>> = {
  'kill-switch': 4,
  'bad-signals': 6,
  'crash-loop': 4,
  'store-torn': 6,
  'too-many-requests': 2,
};

const COMMON_IN_SIGNED = 3;

/**
 * A seed's faults: first a random subset of the kinds, then moments for them. `only` = the kinds that may occur at all.
 */
export function planFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  knobs: Knobs,
): PlannedFault[] {
  const { markets, orderEntry, strategies } = knobs;
  if (strategies !== null) return planStrategyFaults(seed, window, only, knobs);
  const { exchanges, kind } = markets;
  const common = planCommonFaults(seed, window, { only, exchanges, actors: actorPathsOf(exchanges) });
  // Where orders are signed, the others leave room for orders that something can happen to.
  const planned = orderEntry === 'signed' ? common.filter(({ id }) => id % COMMON_IN_SIGNED === 0) : common;
  if (kind === 'wide') planned.push(...planExchangeFaults(seed, window, only, exchanges, planned.length));
  planned.push(...planTickFaults(seed, window, only, exchanges, common.length));
  if (orderEntry === 'signed') {
    planned.push(...planTradingFaults(seed, window, only, exchanges, common.length + planned.length));
    planned.push(...planDirectedCrashes(seed, window, only, exchanges, 2 * common.length + planned.length));
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/** Nothing at all, or what every world may suffer. A strategy with defects is about edges between two exchanges. */
function planStrategyFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  knobs: Knobs,
): PlannedFault[] {
  if (knobs.strategies?.isCalm === true && only === null) return [];
  const { exchanges } = knobs.markets;
  const actors = [...actorPathsOf(exchanges), ...strategyActors(knobs)];
  const planned = planCommonFaults(seed, window, { only, exchanges, actors });
  return planned.filter(({ kind }) => kind !== 'bad-signals');
}

function planCommonFaults(
  seed: number,
  window: PlanWindow,
  {
    only,
    exchanges,
    actors,
  }: {
    readonly only: readonly FaultKind[] | null;
    readonly exchanges: readonly SimulatedExchange[];
    readonly actors: readonly ActorPath[];
  },
): PlannedFault[] {
  const prng = Prng.of(seed, 'faults');
  const allowed = COMMON_FAULT_KINDS.filter((kind) => only === null || only.includes(kind));
  const drawn = allowed.filter(() => prng.next() < 0.4);
  const kinds = only === null ? drawn : allowed;
  if (kinds.length === 0) return [];
  const perMinute = prng.pick([3, 8, 16]);
  const count = Math.ceil(((window.untilMs - window.fromMs) / 60_000) * perMinute);
  return Array.from({ length: count }, (_, id) => {
    const kind = prng.pick(kinds);
    return {
      id,
      kind,
      atMs: prng.between(window.fromMs, window.untilMs),
      forMs: prng.pick([200, 1_000, 4_000, 12_000]) * prng.between(0.5, 1.5) * (LONGER[kind] ?? 1),
      node: prng.below(2),
      exchange: prng.pick(exchanges),
      actor: prng.pick(actors),
      amount: prng.next(),
    };
  }).sort((a, b) => a.atMs - b.atMs);
}
