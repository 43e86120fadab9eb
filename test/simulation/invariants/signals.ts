import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { Signal } from '../../../src/messages/signal.js';
import { TRUST_OK } from '../../../src/market/quote-board.js';
import { Exact } from '../cycle-fill.js';
import type { BookAuditor } from './books.js';
import type { Auditor, Scene } from './scene.js';

/** What every detector owes: only books that are trusted, true and not crossed, and a net that is its parts. Before any gate has looked at it. */
export class SignalAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly books: BookAuditor;

  constructor(scene: Scene, books: BookAuditor) {
    this.scene = scene;
    this.books = books;
  }

  told(kind: MessageKind, body: unknown): void {
    if (kind !== 'signal') return;
    const signal = body as Signal;
    this.scene.reached(`signal ${signal.strategy}`);
    const net = sumOfParts(signal);
    if (!net.eq(signal.edge.net))
      this.scene.violated(
        'signal-adds-up',
        `${signal.signalId}: net ${signal.edge.net}, its parts make ${net.toFixed()}`,
      );
    this.checkTrust(signal);
    for (const leg of signal.legs) {
      const fault = this.books.faultOfLevels(leg);
      if (fault !== null) this.scene.violated('signal-on-real-books', `${signal.signalId}: ${fault}`);
      if (this.books.isOfCrossed(leg))
        this.scene.violated('signal-on-uncrossed-books', `${signal.signalId}: ${leg.instrument} was crossed`);
    }
  }

  /** The signal of a pair waits for the journal first: its books are judged again by the gate. */
  private checkTrust({ signalId, shape, legs }: Signal): void {
    const board = this.scene.process()?.node?.board;
    if (board === undefined || shape === 'pair') return;
    for (const { instrument } of legs)
      if (board.trust[board.slotOf(instrument)] !== TRUST_OK)
        this.scene.violated('signal-on-trusted-books', `${signalId}: ${instrument} was not trusted`);
  }
}

const sumOfParts = ({ edge }: Signal) =>
  new Exact(edge.gross)
    .minus(edge.feeBuy)
    .minus(edge.feeSell)
    .minus(edge.latencyDecay)
    .minus(edge.transfer)
    .plus(edge.inventory)
    .plus(edge.marked ?? 0);
