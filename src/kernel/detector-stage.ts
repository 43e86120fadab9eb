import type { Detector, DetectorEffect } from '../detectors/detector.js';
import { BridgedSpatialDetector } from '../detectors/bridge/bridged-spatial.js';
import type { SpatialParameters } from '../detectors/spatial-parameters.js';
import { TriangularDetector } from '../detectors/triangular/triangular.js';
import type { TriangularParameters } from '../detectors/triangular/triangular-parameters.js';
import type { Instrument } from '../market/instrument.js';
import { OrderBook } from '../market/order-book.js';
import { QuoteBoard } from '../market/quote-board.js';
import type { BookTop } from '../messages/feed.js';
import type { BalancesChanged } from '../messages/ledger.js';
import type { Stage } from './stage.js';

/** The detector reads a board; here the board is part of its state and every change of a book is an event. */
export type DetectorEvent =
  | { readonly kind: 'book'; readonly top: BookTop; readonly monotonicMs: number }
  | { readonly kind: 'sweep'; readonly monotonicMs: number }
  | {
      readonly kind: 'refused';
      readonly opportunityId: string;
      readonly reason: string;
      readonly detail: string;
    }
  | { readonly kind: 'holdings'; readonly holdings: BalancesChanged['holdings'] }
  | { readonly kind: 'executed'; readonly opportunityId: string }
  | {
      readonly kind: 'missed';
      readonly opportunityId: string;
      readonly reason: string;
      readonly detail: string;
    };

export interface DetectorState {
  readonly board: QuoteBoard;
  readonly detector: Detector;
}

type DetectorStage = Stage<DetectorState, DetectorEvent, DetectorEffect>;

export const detectorStage = (
  instruments: readonly Instrument[],
  parameters: SpatialParameters,
): DetectorStage =>
  stageOf('detector', instruments, (parts) => new BridgedSpatialDetector({ ...parts, parameters }));

export const triangularStage = (
  instruments: readonly Instrument[],
  parameters: TriangularParameters,
): DetectorStage =>
  stageOf('triangular', instruments, (parts) => new TriangularDetector({ ...parts, parameters }));

interface DetectorParts {
  readonly instruments: readonly Instrument[];
  readonly board: QuoteBoard;
  readonly nextId: (prefix: string) => string;
}

function stageOf(
  name: string,
  instruments: readonly Instrument[],
  make: (parts: DetectorParts) => Detector,
): DetectorStage {
  return {
    name,
    start: () => {
      const board = new QuoteBoard(Math.max(1, instruments.length));
      for (const { id } of instruments) board.slotOf(id);
      let issued = 0;
      const nextId = (prefix: string) => `${prefix}-${++issued}`;
      return { board, detector: make({ instruments, board, nextId }) };
    },
    step: (state, event, nowMs) => ({ state, effects: stepDetector(state, event, nowMs) }),
  };
}

function stepDetector({ board, detector }: DetectorState, event: DetectorEvent, nowMs: number) {
  switch (event.kind) {
    case 'book':
      publishTop(board, event.top, event.monotonicMs);
      return detector.onSlotDirty(board.slotOf(event.top.instrument), nowMs, event.monotonicMs);
    case 'sweep':
      return detector.sweep(nowMs, event.monotonicMs);
    case 'holdings':
      detector.holdingsChanged?.(event.holdings);
      return [];
    case 'refused':
      return detector.markRefused(event.opportunityId, event.reason, event.detail, nowMs);
    case 'executed':
      return detector.markExecuted(event.opportunityId, nowMs);
    case 'missed':
      return detector.markMissed(event.opportunityId, event.reason, event.detail, nowMs);
  }
}

/** Writes a book top into a board, as the bridge of another node would. */
export function publishTop(board: QuoteBoard, top: BookTop, monotonicMs: number): void {
  const slot = board.slotOf(top.instrument);
  if (!top.trusted) return board.distrust(slot);
  const book = new OrderBook();
  for (const [price, size] of top.bids) book.setBid(price, size);
  for (const [price, size] of top.asks) book.setAsk(price, size);
  book.sequence = top.sequence;
  board.publish(slot, book, top.epoch, top.exchangeTimeMs, top.receiveTimeMs, monotonicMs);
}
