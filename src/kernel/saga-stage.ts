import type { StartFacts } from '../execution/pre-check.js';
import { startSaga, type SagaSetting } from '../execution/saga-start.js';
import type { SagaEffect, SagaEvent, SagaState } from '../execution/saga-state.js';
import { stepSaga } from '../execution/saga.js';
import type { Verdict } from '../messages/risk.js';
import { admitVerdict, arbitrageIdOf } from '../risk/approval.js';
import type { Stage } from './stage.js';

/** All sagas of one trader as a stage; each effect says which arbitrage it is of. */
export type SagaStageEvent =
  | { readonly kind: 'start'; readonly verdict: Verdict; readonly facts?: StartFacts }
  | { readonly kind: 'saga'; readonly arbitrageId: string; readonly event: SagaEvent };

export interface SagaStageEffect {
  readonly arbitrageId: string;
  readonly effect: SagaEffect;
}

export type SagaStageState = Map<string, SagaState>;

export function sagaStage(setting: SagaSetting): Stage<SagaStageState, SagaStageEvent, SagaStageEffect> {
  return {
    name: 'saga',
    start: () => new Map(),
    step: (state, event, nowMs) => ({ state, effects: stepSagas(state, event, setting, nowMs) }),
  };
}

function stepSagas(
  sagas: SagaStageState,
  event: SagaStageEvent,
  setting: SagaSetting,
  nowMs: number,
): SagaStageEffect[] {
  const arbitrageId = event.kind === 'start' ? arbitrageIdOf(event.verdict.verdictId) : event.arbitrageId;
  const step = event.kind === 'start' ? begin(sagas, event, setting, nowMs) : go(sagas, event, nowMs);
  if (step === null) return [];
  sagas.set(arbitrageId, step.state);
  return step.effects.map((effect) => ({ arbitrageId, effect }));
}

/** Null for a verdict that is refused, expired or was started before. */
function begin(
  sagas: SagaStageState,
  { verdict, facts }: Extract<SagaStageEvent, { kind: 'start' }>,
  setting: SagaSetting,
  nowMs: number,
) {
  const admitted = admitVerdict(verdict, nowMs);
  if (admitted === null || sagas.has(arbitrageIdOf(verdict.verdictId))) return null;
  return startSaga(admitted, setting, nowMs, facts);
}

function go(sagas: SagaStageState, event: Extract<SagaStageEvent, { kind: 'saga' }>, nowMs: number) {
  const state = sagas.get(event.arbitrageId);
  return state === undefined ? null : stepSaga(state, event.event, nowMs);
}
