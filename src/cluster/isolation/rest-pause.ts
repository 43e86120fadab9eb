/** What is known here of the exchange's own limits. */
export interface RestBudget {
  blockedForMs(nowMs: number): number;
  pause(durationMs: number, nowMs: number): number;
}

/** A pause that two processes tell each other grows by the way there; so much is none. */
const SAME_PAUSE_MS = 1_000;

/** An exchange that wants silence wants it of every process of this machine: takes over what the other one was told. */
export function learnPause(budget: RestBudget, toldMs: number, nowMs: number): void {
  if (toldMs > budget.blockedForMs(nowMs) + SAME_PAUSE_MS) budget.pause(toldMs, nowMs);
}
