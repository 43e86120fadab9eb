import {
  startGate,
  stepGate,
  type GateEffect,
  type GateEvent,
  type GateStart,
  type GateState,
} from '../risk/gate.js';
import type { Stage } from './stage.js';

/** The risk gate as a stage: what the gate actor runs, without the actor. */
export function gateStage(start: GateStart): Stage<GateState, GateEvent, GateEffect> {
  return {
    name: 'gate',
    start: () => startGate(start),
    step: (state, event, nowMs) => ({ state, effects: stepGate(state, event, nowMs) }),
  };
}
