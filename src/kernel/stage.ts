import { invariant } from '../messages/errors.js';

/**
 * One stage of the data path as a pure function: (state, event, now) → effects. The state belongs to its stage: a step may
 * change the object it is given and hands back the one to go on with, and the old one is not used again.
 */
export interface Stage<State, Event, Effect> {
  readonly name: string;
  /** A state as it is before the first event. */
  start(): State;
  step(
    state: State,
    event: Event,
    nowMs: number,
  ): { readonly state: State; readonly effects: readonly Effect[] };
}

export interface RecordedInput<Event> {
  readonly event: Event;
  readonly nowMs: number;
}

/** Runs a stage and keeps what went in and what came out, in processing order, up to a bound. */
export class StageRun<State, Event, Effect> {
  private readonly stage: Stage<State, Event, Effect>;
  private readonly capacity: number;
  private current: State;
  readonly inputs: RecordedInput<Event>[] = [];
  readonly effects: (readonly Effect[])[] = [];

  constructor(stage: Stage<State, Event, Effect>, capacity: number) {
    this.stage = stage;
    this.capacity = capacity;
    this.current = stage.start();
  }

  get state(): State {
    return this.current;
  }

  /** @throws ArbotError ARB_INVARIANT when the record is full: a record with a hole proves nothing. */
  step(event: Event, nowMs: number): readonly Effect[] {
    invariant(this.inputs.length < this.capacity, `the record of ${this.stage.name} is full`);
    // Copied before the step: nothing the stage does to the event afterwards may change the record.
    this.inputs.push({ event: structuredClone(event), nowMs });
    const { state, effects } = this.stage.step(this.current, event, nowMs);
    this.current = state;
    this.effects.push(effects);
    return effects;
  }
}

/** The effects of recorded inputs on a fresh state. Equal to the recorded ones, or the stage is not a function of its inputs. */
export function replayStage<State, Event, Effect>(
  stage: Stage<State, Event, Effect>,
  inputs: readonly RecordedInput<Event>[],
): (readonly Effect[])[] {
  let state = stage.start();
  return inputs.map(({ event, nowMs }) => {
    const stepped = stage.step(state, event, nowMs);
    state = stepped.state;
    return stepped.effects;
  });
}
