import type { FaceHttpResponse } from '../../../src/simulator/face-protocol.js';
import type { Owner } from '../scheduler.js';

/** What the exchanges allow from one address, from their documents: calls or weight within a window, where some count by path. */
interface Budget {
  readonly windowMs: number;
  readonly most: number;
  /** What is counted together; absent = all calls. */
  readonly groupOf?: (path: string) => string;
  /** Groups that have a number of their own. */
  readonly mostOf?: Readonly<Record<string, number>>;
}

const wholePath = (path: string): string => path.split('?', 1)[0]!;
const secondPart = (path: string): string => path.split(/[/?]/)[2]!;

/** Signed calls are counted by path, all others together. */
const okxGroup = (path: string): string =>
  /^\/api\/v5\/(trade|account|asset)\//.test(path) ? wholePath(path) : 'public';
/** Within two seconds; placing and asking share a path, and have 60 each. */
const OKX_SIGNED: Readonly<Record<string, number>> = {
  '/api/v5/trade/order': 120,
  '/api/v5/trade/cancel-order': 60,
  '/api/v5/trade/orders-pending': 60,
  '/api/v5/trade/orders-history': 40,
  '/api/v5/trade/fills': 60,
  '/api/v5/account/balance': 10,
  '/api/v5/account/trade-fee': 5,
  '/api/v5/asset/deposit-history': 12,
  '/api/v5/asset/withdrawal-history': 12,
};

const BUDGETS: Readonly<Record<string, Budget>> = {
  binance: { windowMs: 60_000, most: 6_000 },
  okx: { windowMs: 2_000, most: 40, groupOf: okxGroup, mostOf: OKX_SIGNED },
  bybit: { windowMs: 5_000, most: 600 },
  upbit: { windowMs: 1_000, most: 10, groupOf: secondPart },
  bithumb: { windowMs: 1_000, most: 150, groupOf: secondPart },
  kucoin: { windowMs: 30_000, most: 2_000 },
  gate: { windowMs: 10_000, most: 200, groupOf: wholePath },
  bitget: { windowMs: 1_000, most: 20, groupOf: wholePath },
};

const KUCOIN_WEIGHTS: readonly (readonly [string, number])[] = [
  ['/api/v1/bullet-public', 10],
  ['/api/v2/symbols', 4],
  ['/api/v1/market/orderbook/level2_100', 4],
  ['/api/v1/market/orderbook/level2_20', 2],
];

const BINANCE_WEIGHTS: readonly (readonly [string, number])[] = [
  ['/api/v3/exchangeInfo', 20],
  ['/api/v3/openOrders', 80],
  ['/api/v3/order', 4],
  ['/api/v3/myTrades', 20],
  ['/api/v3/account', 20],
];

/** Weight of a call; where an exchange counts calls, each is one. */
function weightOf(exchange: string, path: string): number {
  if (exchange === 'kucoin') return KUCOIN_WEIGHTS.find(([start]) => path.startsWith(start))?.[1] ?? 3;
  if (exchange !== 'binance') return 1;
  if (!path.startsWith('/api/v3/depth'))
    return BINANCE_WEIGHTS.find(([start]) => path.startsWith(start))?.[1] ?? 1;
  const limit = Number(/limit=(\d+)/.exec(path)?.[1] ?? 100);
  if (limit <= 100) return 5;
  if (limit <= 500) return 25;
  return limit <= 1_000 ? 50 : 250;
}

/** How long an answer tells to be silent, ms, in the header of its exchange; 0 = it names no time. */
function silenceMs({ headers }: FaceHttpResponse): number {
  const retry = headers['retry-after'];
  if (retry !== undefined) return Number(retry) * 1_000;
  const untilSeconds = headers['x-gate-ratelimit-reset-timestamp'];
  const date = headers['date'];
  // Against the exchange's own clock, which is cut to seconds.
  return untilSeconds === undefined || date === undefined
    ? 0
    : Math.max(0, Number(untilSeconds) * 1_000 - Date.parse(date) - 1_000);
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
    const group = budget.groupOf?.(path) ?? '';
    const key = `${exchange} ${group}`;
    const window = (this.spent.get(key) ?? []).filter(({ atMs }) => nowMs - atMs < budget.windowMs);
    window.push({ atMs: nowMs, weight: weightOf(exchange, path) });
    this.spent.set(key, window);
    const sum = window.reduce((total, { weight }) => total + weight, 0);
    if (sum > (budget.mostOf?.[group] ?? budget.most) * nodes)
      this.scene.violated('calls-within-budget', `${exchange} ${group}: ${sum} within ${budget.windowMs} ms`);
  }

  answered(owner: Owner, exchange: string, answer: FaceHttpResponse): void {
    if (answer.status !== 429 && answer.status !== 418) return;
    this.scene.reached('asked for silence');
    const until = this.silence.get(owner) ?? new Map<string, number>();
    // Drifting clocks: a hundredth of a percent earlier is no offence.
    const forMs = silenceMs(answer) * 0.999;
    until.set(exchange, Math.max(until.get(exchange) ?? 0, this.scene.nowMs() + forMs));
    this.silence.set(owner, until);
  }
}
