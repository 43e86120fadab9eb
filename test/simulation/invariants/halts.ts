import type { FaceHttpResponse } from '../../../src/simulator/face-protocol.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { SubmitLeg } from '../../../src/messages/order.js';
import { isWonExchange } from '../exchanges.js';
import type { Auditor, Scene } from './scene.js';

/** Addresses at which the exchanges list their markets with their states. The won exchanges tell them only on the socket. */
const LISTS =
  /^\/(api\/v3\/exchangeInfo|api\/v5\/public\/instruments|v5\/market\/instruments-info|api\/v2\/symbols|api\/v2\/spot\/public\/symbols|api\/v4\/spot\/currency_pairs)/;
const NOTICE = /"type":"ticker"/;
const SUSPENDED = /"is_trading_suspended":true/;
/** From hearing of a halt to everybody in the node knowing it, with slow buses and full mailboxes. */
const KNOWN_MS = 3_000;
/** A crash may lose what one answer said; the next one says it again. */
const LISTINGS = 2;
const LOOK_EVERY = 8;

interface Heard {
  /** List answers that said so. */
  answers: number;
  sinceMs: number;
}

/** A market that its exchange does not trade, and said so to this process, is neither traded nor called trading. */
export class HaltAuditor implements Auditor {
  private readonly scene: Scene;
  private readonly heard = new Map<string, Heard>();
  private looks = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  processEnded(): void {
    this.heard.clear();
  }

  answered(exchange: string, path: string, { status }: FaceHttpResponse, madeAtMs: number): void {
    if (this.scene.haltedSinceMs.size === 0 || status !== 200) return;
    if (!LISTS.test(path) || isWonExchange(exchange)) return;
    for (const [instrument, sinceMs] of this.scene.haltedSinceMs)
      if (instrument.startsWith(`${exchange}:`) && madeAtMs >= sinceMs) this.note(instrument);
  }

  frame(exchange: string, text: string): void {
    if (this.scene.haltedSinceMs.size === 0 || !isWonExchange(exchange)) return;
    if (!NOTICE.test(text) || !SUSPENDED.test(text)) return;
    for (const market of this.scene.world.marketsOf(exchange as 'upbit' | 'bithumb')) {
      const { symbol, pair } = market.listing;
      if (text.includes(`"code":"${symbol}"`)) this.note(`${exchange}:${pair}`, LISTINGS);
    }
  }

  approved({ verdictId, signal }: ApprovedVerdict): void {
    for (const { instrument } of signal.legs) this.refuseKnown(instrument, verdictId);
  }

  submitted({ instrument, clientOrderId }: SubmitLeg): void {
    this.refuseKnown(instrument, clientOrderId);
  }

  /** What is known stays known for as long as it is true. */
  sometimes(): void {
    for (const instrument of this.heard.keys())
      if (!this.scene.haltedSinceMs.has(instrument)) this.heard.delete(instrument);
    if (++this.looks % LOOK_EVERY !== 0) return;
    const known = [...this.heard.keys()].filter((instrument) => this.isKnown(instrument));
    if (known.length === 0) return;
    this.scene.reached('halt known');
    const books =
      this.scene
        .process()
        ?.node?.inspection.feeds()
        .flatMap((feed) => feed.books) ?? [];
    for (const { instrument, market } of books) {
      if (market !== 'trading' || !known.includes(instrument)) continue;
      this.scene.violated('halt-is-known', `${instrument} is halted and passes for ${market}`);
      this.heard.delete(instrument);
    }
  }

  private note(instrument: string, answers = 1): void {
    const heard = this.heard.get(instrument);
    if (heard !== undefined && heard.answers >= LISTINGS) return;
    const sum = (heard?.answers ?? 0) + answers;
    this.heard.set(instrument, { answers: sum, sinceMs: this.scene.nowMs() });
  }

  private isKnown(instrument: string): boolean {
    const heard = this.heard.get(instrument);
    return (
      this.scene.haltedSinceMs.has(instrument) &&
      heard !== undefined &&
      heard.answers >= LISTINGS &&
      this.scene.nowMs() - heard.sinceMs > KNOWN_MS
    );
  }

  private refuseKnown(instrument: string, what: string): void {
    if (this.isKnown(instrument))
      this.scene.violated('no-order-on-halted-market', `${what}: ${instrument} does not trade`);
  }
}
