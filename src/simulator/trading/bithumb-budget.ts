import type { FaceHttpResponse } from '../face-protocol.js';
import type { KoreanBudget } from './korean-trading.js';
import { RateWindow } from './rate-window.js';
import { upbitError } from './upbit-signing.js';

export type BithumbGroup = 'order' | 'cancel' | 'other';

const CALLS_PER_SECOND = 140;
/** Calls after a 429 that are borne before the address is blocked, and for how long. */
const PATIENCE = 50;
const BLOCK_MS = 600_000;

/** Private calls of one address, by category [O 2026-10]: 429, and ten minutes of silence for who goes on. */
export class BithumbBudget implements KoreanBudget<BithumbGroup> {
  private readonly groups: Readonly<Record<BithumbGroup, RateWindow>> = {
    order: new RateWindow(CALLS_PER_SECOND, 1_000),
    cancel: new RateWindow(CALLS_PER_SECOND, 1_000),
    other: new RateWindow(CALLS_PER_SECOND, 1_000),
  };
  private refused = 0;
  private blockedUntilMs = 0;

  spend(group: BithumbGroup, nowMs: number): FaceHttpResponse | null {
    if (nowMs < this.blockedUntilMs) return this.tooFast(Math.ceil((this.blockedUntilMs - nowMs) / 1_000));
    if (this.groups[group].spend(nowMs)) {
      this.refused = 0;
      return null;
    }
    if (++this.refused >= PATIENCE) {
      this.refused = 0;
      this.blockedUntilMs = nowMs + BLOCK_MS;
    }
    return this.tooFast(1);
  }

  header(group: BithumbGroup, nowMs: number): Readonly<Record<string, string>> {
    const { limit } = this.groups[group];
    return {
      'x-ratelimit-remaining': `${limit - this.groups[group].used(nowMs)}`,
      'x-ratelimit-replenish-rate': `${limit}`,
    };
  }

  private tooFast(seconds: number): FaceHttpResponse {
    return upbitError(429, 'too_many_requests', 'Too many requests.', { 'retry-after': `${seconds}` });
  }
}
