import type { Logger } from '../ports/log.js';
import type { Ids, Random } from '../ports/random.js';
import type { Clock, Timers } from '../ports/time.js';
import type { DeadLetters } from './dead-letters.js';
import type { ActorEngine, EngineSystem } from './engine.js';

/** What went wrong inside an actor, with the stack that the log wants; supervision events say what became of it. */
export interface RuntimeReport {
  readonly kind:
    | 'crashed'
    | 'hung'
    /** An ordered stop passed its timeout; what still ran was left behind. */
    | 'abandoned'
    /** Something of an ended incarnation failed afterwards; it has no effect any more. */
    | 'failed_late'
    | 'stopping_failed'
    | 'cleanup_failed'
    | 'engine_fault';
  readonly path: string;
  readonly incarnation: number;
  readonly error: Error;
  /** Wall clock, Unix ms. */
  readonly atMs: number;
}

/** What every incarnation of one system shares. */
export interface RuntimeServices {
  readonly node: string;
  readonly engine: ActorEngine;
  readonly engineSystem: EngineSystem;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  /** Messages handled in one turn before others get theirs. */
  readonly batch: number;
  /** A turn also ends after this long, so that slow handlers do not starve timers. */
  readonly sliceMs: number;
  report(kind: RuntimeReport['kind'], path: string, incarnation: number, error: unknown): void;
}

/** Anything thrown, as an Error with a stack. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
