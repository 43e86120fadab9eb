import { DEFAULT_EXCHANGES, type SimulatedExchange } from '../../src/simulator/listings.js';
import { Prng } from '../../src/simulator/prng.js';

export const FAULT_KINDS = [
  'crash', // an actor ends as a crash, between two messages
  'throw-before', // a handler throws before it does anything
  'throw-after', // a handler throws after it has done its work
  'hang', // a handler never comes to its end
  'kill', // the process dies and is started again
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
  'black-hole', // HTTP requests vanish
  'slow-line',
  'store-slow',
  'store-down',
  'store-lost-ack',
  'clock-jump',
  'bus-delay',
  'kill-switch', // a person engages it and clears it again
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One entry of a seed's schedule. What a kind does not need is 0 or ''. */
export interface PlannedFault {
  /** Stable within the seed, so that a shrunk schedule names the same faults. */
  readonly id: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  readonly exchange: SimulatedExchange;
  /** Path of an actor. */
  readonly actor: string;
  readonly amount: number;
}

export const ACTOR_PATHS = [
  'node/infra/clock-sync',
  'node/trade/ledger',
  'node/trade/gate',
  'node/trade/saga',
  'node/watch/recorder',
  'node/watch/portfolio',
  'node/detect/spatial',
  ...DEFAULT_EXCHANGES.flatMap((name) => [`node/trade/gateway-${name}`, `node/feeds/${name}`]),
] as const;

export interface PlanWindow {
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * A seed's faults: first a random subset of the kinds, then moments for them. `only` = the kinds that may occur at all.
 */
export function planFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
): PlannedFault[] {
  const prng = Prng.of(seed, 'faults');
  const allowed = FAULT_KINDS.filter((kind) => only === null || only.includes(kind));
  const drawn = allowed.filter(() => prng.next() < 0.45);
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
      // A person clears the switch later than any machine would.
      forMs:
        prng.pick([200, 1_000, 4_000, 12_000]) * prng.between(0.5, 1.5) * (kind === 'kill-switch' ? 4 : 1),
      exchange: prng.pick(DEFAULT_EXCHANGES),
      actor: prng.pick(ACTOR_PATHS),
      amount: prng.next(),
    };
  }).sort((a, b) => a.atMs - b.atMs);
}
