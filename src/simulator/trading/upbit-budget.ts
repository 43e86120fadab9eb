import type { FaceHttpResponse } from '../face-protocol.js';
import { RateWindow } from './rate-window.js';
import { upbitError } from './upbit-signing.js';

export type UpbitGroup = 'order' | 'order-test' | 'order-cancel-all' | 'default';

/** Calls after a 429 that are borne before the block, which grows each time. */
const PATIENCE = 10;
const FIRST_BLOCK_MS = 10_000;

/** The budgets of one pocket [O 2026-10]: 429, then 418 with growing times. */
export class UpbitBudget {
  private readonly groups: Readonly<Record<UpbitGroup, RateWindow>> = {
    order: new RateWindow(8, 1_000),
    'order-test': new RateWindow(8, 1_000),
    'order-cancel-all': new RateWindow(1, 2_000),
    default: new RateWindow(30, 1_000),
  };
  private refused = 0;
  private blocks = 0;
  private blockedUntilMs = 0;

  /** Counts a call; the answer that refuses it, or null. */
  spend(group: UpbitGroup, nowMs: number): FaceHttpResponse | null {
    if (nowMs < this.blockedUntilMs) return this.blocked(nowMs);
    if (this.groups[group].spend(nowMs)) {
      this.refused = 0;
      return null;
    }
    if (++this.refused < PATIENCE) {
      return upbitError(429, 'too_many_requests', 'Too many API requests.', this.header(group, nowMs));
    }
    this.refused = 0;
    this.blockedUntilMs = nowMs + FIRST_BLOCK_MS * 2 ** this.blocks++;
    return this.blocked(nowMs);
  }

  /** `Remaining-Req` of an answer. */
  header(group: UpbitGroup, nowMs: number): Readonly<Record<string, string>> {
    const window = this.groups[group];
    return { 'remaining-req': `group=${group}; min=1800; sec=${window.limit - window.used(nowMs)}` };
  }

  private blocked(nowMs: number): FaceHttpResponse {
    const seconds = `${Math.ceil((this.blockedUntilMs - nowMs) / 1_000)}`;
    return upbitError(418, 'too_many_requests', `blocked for ${seconds} s`, { 'retry-after': seconds });
  }
}
