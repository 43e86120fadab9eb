import type { StopReason } from '../runtime/actor.js';
import type { Backoff, GiveUp, Intensity, RestartType, Strategy } from './spec.js';

/** The decisions of a supervisor as pure functions; times in ms. */

/** Whether an end that nobody asked for leads to a restart. */
export function shouldRestart(type: RestartType, reason: StopReason): boolean {
  switch (type) {
    case 'permanent':
      return true;
    case 'transient':
      return reason !== 'exit';
    case 'temporary':
      return false;
  }
}

export interface CrashDecision {
  /** Crashes since the last stable period, this one included. */
  readonly crashes: number;
  readonly giveUp: boolean;
}

/**
 * Counts a crash. Only time spent running counts towards the stable period, so that however long the back-off grows, a child
 * that always crashes early is given up after `intensity.restarts` crashes, and one that crashes at longer intervals
 * never is. `ranMs` is 0 for a start that failed.
 */
export function countCrash(crashesBefore: number, ranMs: number, intensity: Intensity): CrashDecision {
  const crashes = ranMs >= intensity.stableMs ? 1 : crashesBefore + 1;
  return { crashes, giveUp: crashes >= intensity.restarts };
}

/** Delay before the restart that follows the nth crash: doubling, capped, the jitter's share of it random. `chance` in [0, 1). */
export function backoffMs(backoff: Backoff, crashes: number, chance: number): number {
  const fullMs = growing(backoff.minMs, backoff.maxMs, crashes - 1);
  return fullMs * (1 - backoff.jitter * chance);
}

/** Delay before the nth probe (from 1) of a quarantined child. */
export function probeDelayMs(
  giveUp: Extract<GiveUp, { kind: 'quarantine' }>,
  probe: number,
  jitter: number,
  chance: number,
): number {
  return growing(giveUp.probeMinMs, giveUp.probeMaxMs, probe - 1) * (1 - jitter * chance);
}

export interface Group {
  /** First index, inclusive. */
  readonly from: number;
  /** Last index, exclusive. */
  readonly to: number;
}

/** Which children stop and start together with the one at `index`. */
export function groupOf(strategy: Strategy, index: number, size: number): Group {
  switch (strategy) {
    case 'one_for_one':
      return { from: index, to: index + 1 };
    case 'one_for_all':
      return { from: 0, to: size };
    case 'rest_for_one':
      return { from: index, to: size };
  }
}

function growing(minMs: number, maxMs: number, doublings: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(doublings, 60));
}
