import type { FaceHttpResponse } from '../../../src/simulator/face-protocol.js';
import type { Owner } from '../scheduler.js';

/** What the exchanges allow from one address, from their documents: calls or weight within a window. */
const BUDGETS: Readonly<Record<string, { readonly windowMs: number; readonly most: number }>> = {
  binance: { windowMs: 60_000, most: 6_000 },
  okx: { windowMs: 2_000, most: 40 },
  bybit: { windowMs: 5_000, most: 600 },
};

/** Weight of a Binance call; elsewhere each call counts once. */
function weightOf(exchange: string, path: string): number {
  if (exchange !== 'binance') return 1;
  if (path.startsWith('/api/v3/exchangeInfo')) return 20;
  if (!path.startsWith('/api/v3/depth')) return 1;
  const limit = Number(/limit=(\d+)/.exec(path)?.[1] ?? 100);
  if (limit <= 100) return 5;
  if (limit <= 500) return 25;
  return limit <= 1_000 ? 50 : 250;
}

interface Scene {
  nowMs(): number;
  violated(name: string, detail: string): void;
  reached(point: string): void;
}

/** I14: calls as they arrive at the exchanges stay within the budgets, and none is made while an exchange wants silence. */
export class CallAuditor {
  private readonly scene: Scene;
  private readonly spent = new Map<string, { readonly atMs: number; readonly weight: number }[]>();
  /** Process and exchange → until when it was told to be silent. */
  private readonly silence = new Map<Owner, Map<string, number>>();

  constructor(scene: Scene) {
    this.scene = scene;
  }

  called(owner: Owner, exchange: string): void {
    const untilMs = this.silence.get(owner)?.get(exchange) ?? 0;
    const leftMs = untilMs - this.scene.nowMs();
    if (leftMs > 0)
      this.scene.violated('no-call-while-banned', `${exchange} asked for ${leftMs.toFixed(0)} ms more`);
  }

  /** Several nodes of a world may stand behind one address. */
  arrived(exchange: string, path: string, nodes: number): void {
    const budget = BUDGETS[exchange];
    if (budget === undefined) return;
    const nowMs = this.scene.nowMs();
    const window = (this.spent.get(exchange) ?? []).filter(({ atMs }) => nowMs - atMs < budget.windowMs);
    window.push({ atMs: nowMs, weight: weightOf(exchange, path) });
    this.spent.set(exchange, window);
    const sum = window.reduce((total, { weight }) => total + weight, 0);
    if (sum > budget.most * nodes)
      this.scene.violated('calls-within-budget', `${exchange}: ${sum} within ${budget.windowMs} ms`);
  }

  answered(owner: Owner, exchange: string, { status, headers }: FaceHttpResponse): void {
    if (status !== 429 && status !== 418) return;
    this.scene.reached('asked for silence');
    const until = this.silence.get(owner) ?? new Map<string, number>();
    // Drifting clocks: a hundredth of a percent earlier is no offence.
    const forMs = Number(headers['retry-after'] ?? 0) * 1_000 * 0.999;
    until.set(exchange, Math.max(until.get(exchange) ?? 0, this.scene.nowMs() + forMs));
    this.silence.set(owner, until);
  }
}
