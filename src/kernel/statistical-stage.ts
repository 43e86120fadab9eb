import type { StatisticalEffect } from '../detectors/statistical/pair-effects.js';
import type { PairTestResult } from '../detectors/statistical/pair-test.js';
import { StatisticalDetector, type PastMid } from '../detectors/statistical/statistical.js';
import type { StatisticalParameters } from '../detectors/statistical/statistical-parameters.js';
import { Decimal } from '../market/decimal.js';
import type { Instrument } from '../market/instrument.js';
import { QuoteBoard } from '../market/quote-board.js';
import type { BookTop } from '../messages/feed.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { PairPosition } from '../messages/pair-positions.js';
import type { DecimalText, InstrumentId } from '../messages/primitives.js';
import { publishTop } from './detector-stage.js';
import type { Stage } from './stage.js';

/** Whatever reaches the detector of pairs: what was computed elsewhere or read from a store is an event as any other. */
export type StatisticalEvent =
  | { readonly kind: 'book'; readonly top: BookTop; readonly monotonicMs: number }
  | { readonly kind: 'sweep'; readonly monotonicMs: number }
  | { readonly kind: 'past'; readonly instrument: InstrumentId; readonly mids: readonly PastMid[] }
  | { readonly kind: 'learned' }
  | { readonly kind: 'tested'; readonly result: PairTestResult }
  | { readonly kind: 'balances'; readonly holdings: BalancesChanged['holdings'] }
  | {
      readonly kind: 'refused';
      readonly opportunityId: string;
      readonly reason: string;
      readonly detail: string;
    }
  | {
      readonly kind: 'settled';
      readonly signalId: string;
      /** Null = nothing was traded. */
      readonly traded: {
        readonly first: DecimalText;
        readonly second: DecimalText;
        readonly quote: DecimalText;
      } | null;
    };

export interface StatisticalStart {
  readonly instruments: readonly Instrument[];
  readonly parameters: StatisticalParameters;
  readonly positions: readonly PairPosition[];
  readonly nowMs: number;
}

export interface StatisticalState {
  readonly board: QuoteBoard;
  readonly detector: StatisticalDetector;
}

/** The detector of statistical pairs as a stage: what its actor runs, without the actor. */
export function statisticalStage(
  start: StatisticalStart,
): Stage<StatisticalState, StatisticalEvent, StatisticalEffect> {
  return {
    name: 'statistical',
    start: () => {
      const board = new QuoteBoard(Math.max(1, start.instruments.length));
      for (const { id } of start.instruments) board.slotOf(id);
      let issued = 0;
      const nextId = (prefix: string) => `${prefix}-${++issued}`;
      return { board, detector: new StatisticalDetector({ ...start, board, nextId }) };
    },
    step: (state, event, nowMs) => ({ state, effects: stepPairs(state, event, nowMs) }),
  };
}

const NOTHING: readonly StatisticalEffect[] = Object.freeze([]);

function stepPairs({ board, detector }: StatisticalState, event: StatisticalEvent, nowMs: number) {
  switch (event.kind) {
    case 'book':
      publishTop(board, event.top, event.monotonicMs);
      return NOTHING;
    case 'sweep':
      return detector.sweep(nowMs, event.monotonicMs);
    case 'past':
      detector.learn(event.instrument, event.mids);
      return NOTHING;
    case 'learned':
      detector.historyLoaded();
      return NOTHING;
    case 'tested':
      detector.tested(event.result);
      return NOTHING;
    case 'balances':
      detector.balances(event.holdings);
      return NOTHING;
    case 'refused':
      return detector.markRefused(event.opportunityId, event.reason, event.detail, nowMs);
    case 'settled': {
      const { traded } = event;
      const moved = traded === null ? null : decimalsOf(traded);
      return detector.settled(event.signalId, moved, nowMs);
    }
  }
}

const decimalsOf = (traded: { first: DecimalText; second: DecimalText; quote: DecimalText }) => ({
  first: new Decimal(traded.first),
  second: new Decimal(traded.second),
  quote: new Decimal(traded.quote),
});
