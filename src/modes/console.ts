import type { StartOptions } from '../cli/options.js';
import { VERSION } from '../cli/version.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { OpportunityEvent } from '../messages/signal.js';
import type { Subscription } from '../ports/bus.js';
import type { StoreDescription } from '../ports/stores.js';
import type { TimerHandle } from '../ports/time.js';
import type { OracleVerdict } from '../simulator/oracle.js';
import type { TradingNode } from './assemble.js';
import type { Market } from './markets.js';
import type { OracleReport } from './oracle-report.js';

const STATUS_MS = 10_000;
/** What the oracle finds wanting is told one by one up to here. */
const ORACLE_LINES = 20;

export interface ConsoleOptions {
  readonly options: StartOptions;
  readonly node: TradingNode;
  readonly market: Market;
  readonly report: OracleReport | null;
  readonly url: string;
  readonly tokenSource: string;
  /** Path of the log, or what it goes to. */
  readonly logPlace: string;
}

/** What a person sees at the terminal: a few lines at the start, one per executed trade, a status line, a summary. */
export class Console {
  private readonly parts: ConsoleOptions;
  private readonly subscriptions: Subscription[] = [];
  private readonly refused = new Map<string, number>();
  private executed = 0;
  private status: TimerHandle | null = null;

  constructor(parts: ConsoleOptions) {
    this.parts = parts;
  }

  async open(): Promise<void> {
    const { node, options } = this.parts;
    const stores = storesLine(await node.inspection.stores(), options.clusterConfig.bus.kind);
    this.print(
      `ArBot ${VERSION}  [${node.inspection.mode}]  ${this.parts.market.connectors.length} exchanges`,
    );
    this.print(`stores  ${stores}`);
    this.print(`page    ${this.parts.url}`);
    this.print(`token   ${this.parts.tokenSource}`);
    this.print(`log     ${this.parts.logPlace}`);
    this.print('Ctrl-C stops in order.');
    this.listen();
    this.plan();
  }

  private listen(): void {
    const { bus } = this.parts.node;
    this.subscriptions.push(
      bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => this.closed(message)),
      bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => this.opportunity(message)),
    );
  }

  private closed(closed: ArbitrageClosed): void {
    this.executed++;
    const { pair, buyExchange, sellExchange, outcome, boughtQuantity, expectedNet, realisedNet } = closed;
    const isAround = closed.shape === 'cycle' && buyExchange === sellExchange;
    const route = isAround ? `around a cycle on ${buyExchange}` : `${buyExchange} → ${sellExchange}`;
    this.print(
      `trade   ${pair} ${route} ${outcome}: ${boughtQuantity}, net ${realisedNet} (expected ${expectedNet})`,
    );
  }

  private opportunity(event: OpportunityEvent): void {
    if (event.phase !== 'refused') return;
    this.refused.set(event.reason, (this.refused.get(event.reason) ?? 0) + 1);
  }

  private plan(): void {
    this.status = this.parts.node.machine.setTimer(() => {
      this.printStatus();
      this.plan();
    }, STATUS_MS);
  }

  private printStatus(): void {
    const feeds = this.parts.node.inspection.feeds();
    const live = feeds.filter(({ state }) => state === 'live').length;
    const ages = feeds.flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]));
    const oldest = ages.length === 0 ? '–' : String(Math.max(...ages));
    const rate = Math.round(feeds.reduce((sum, feed) => sum + feed.messagesPerSecond, 0));
    const replay = this.parts.market.replay
      ?.progress()
      .map(({ exchange, sent, total }) => `${exchange} ${sent}/${total}`);
    this.print(
      `status  feeds ${live}/${feeds.length} live, oldest book ${oldest} ms, ${rate} frames/s, ${this.executed} trades, refused ${this.refusals()}${replay === undefined ? '' : `, replayed ${replay.join(' ')}`}`,
    );
  }

  private refusals(): string {
    const sorted = [...this.refused].sort((a, b) => b[1] - a[1]);
    return sorted.length === 0 ? 'none' : sorted.map(([reason, count]) => `${reason} ${count}`).join(' ');
  }

  close(): void {
    if (this.status !== null) this.parts.node.machine.clearTimer(this.status);
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    this.printStatus();
    const verdict = this.parts.report?.judge();
    if (verdict === undefined) return;
    this.print(
      `oracle  planted opportunities traded ${verdict.matched.length}, missed ${verdict.missed.length}, wrongly traded ${verdict.wrong.length}`,
    );
    for (const line of oracleLines(verdict).slice(0, ORACLE_LINES)) this.print(line);
  }

  private print(line: string): void {
    if (!this.parts.options.quiet) process.stdout.write(`${line}\n`);
  }
}

/** What the oracle finds wanting, one line each. */
function oracleLines({ missed, wrong }: OracleVerdict): string[] {
  const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 23);
  return [
    ...missed.map(({ pair, buyExchange, sellExchange, cycle, startMs, endMs, planted }) => {
      const way = cycle?.map((leg) => leg.pair).join(' > ') ?? pair;
      return `missed  ${way} ${buyExchange} → ${sellExchange}, from ${clock(startMs)} to ${clock(endMs)}, ${planted?.grossBps.toFixed(1) ?? '?'} bps gross`;
    }),
    ...wrong.map(
      ({ trade: { pair, buyExchange, sellExchange, atMs }, reason }) =>
        `wrong   ${pair} ${buyExchange} → ${sellExchange} at ${clock(atMs)}: ${reason}`,
    ),
  ];
}

/** Each store in use and where it is; what lives in this process has no place of its own. */
export function storesLine(stores: readonly StoreDescription[], bus: string): string {
  const named = stores.map(({ name, engine, location }) =>
    engine === 'in-process' ? `${name}: ${engine}` : `${name}: ${engine} at ${location}`,
  );
  return [...named, `bus: ${bus}`].join(' · ');
}
