import { settlementOf } from '../saga-parts.js';
import type { SagaState } from '../saga-state.js';
import { chainResidueText } from './chain-saga.js';
import { pairResidueText } from './pair-saga.js';

/** What is out of balance, for people. */
export function residueText(state: SagaState): string {
  const { shape, base } = state.terms;
  if (shape.kind === 'chain') return chainResidueText(state, shape);
  if (shape.kind === 'pair') return pairResidueText(state);
  return `${settlementOf(state, state.orders).residual.toFixed()} ${base}`;
}
