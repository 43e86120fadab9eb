import { feedActor, type FeedRecorder } from '../../actors/feed.js';
import { isolatedFeedActor } from '../../cluster/isolation/isolated-feed.js';
import type { ExchangeId } from '../../messages/primitives.js';
import type { StartFeedProcess } from '../../ports/feed-process.js';
import { Recorder } from '../../replay/recorder.js';
import type { WorkerSpec } from '../../supervisors/spec.js';
import type { ExchangeMarkets } from '../instruments.js';
import type { NodeContext } from '../node-context.js';
import { ccxtOf } from '../parameters.js';
import { erased, PATHS } from '../tree.js';

/** The feeds of a node, and while it records, the recordings of their raw traffic. */
export class Feeds {
  private readonly context: NodeContext;
  private readonly recorders: Recorder[] = [];
  /** While recording: the newest answers of each exchange about its markets, by address. */
  private readonly lists = new Map<ExchangeId, Map<string, string>>();

  constructor(context: NodeContext) {
    this.context = context;
  }

  /** Of every exchange that has listed its markets. */
  all(): Map<ExchangeId, WorkerSpec['actor']> {
    return new Map([...this.context.markets].map(([exchange, markets]) => [exchange, this.feed(markets)]));
  }

  feed(markets: ExchangeMarkets): WorkerSpec['actor'] {
    const start = this.processFor(markets.connector.exchange);
    return start === null ? this.plain(markets) : this.isolated(markets, start);
  }

  private plain({ connector, limiter, instruments }: ExchangeMarkets): WorkerSpec['actor'] {
    const { context } = this;
    const { sockets, http, market } = context.parts;
    const recorder = this.recorderOf(connector.exchange);
    return erased(
      feedActor({
        connector,
        instruments: instruments.map(({ id, symbol }) => ({ id, symbol })),
        board: context.board,
        sockets,
        http,
        bus: context.marketBus,
        timers: market.time,
        limiter,
        live: context.liveInstruments,
        ...(recorder !== null && { recorder }),
        trades: (print) => context.recording?.trade(print),
      }),
    );
  }

  private isolated(
    { connector, limiter, instruments }: ExchangeMarkets,
    start: StartFeedProcess,
  ): WorkerSpec['actor'] {
    const { context } = this;
    const { market, options } = context.parts;
    const { exchange, endpoints } = connector;
    const behind = market.name === 'live' ? ccxtOf(options.tradingConfig).get(exchange) : undefined;
    return erased(
      isolatedFeedActor({
        start,
        exchange,
        endpoints: { websocketUrl: endpoints.websocketUrl, restUrl: endpoints.restUrl },
        instruments: instruments.map(({ id, symbol }) => ({ id, symbol })),
        ccxt: behind === undefined ? null : { ccxtId: behind.ccxtId, assets: { ...behind.assets } },
        board: context.board,
        bus: context.marketBus,
        timers: market.time,
        machine: context.machine,
        limiter,
        notice: ({ instrument, state, reason }) =>
          void context.liveInstruments.notice(instrument, state, reason, market.time.monotonicMs()),
        trades: (print) => context.recording?.trade(print),
      }),
    );
  }

  /** Null = the feed runs in this process. */
  private processFor(exchange: ExchangeId): StartFeedProcess | null {
    const { options, market, startFeedProcess = null, log } = this.context.parts;
    if (options.clusterConfig.placement[exchange]?.isolation !== 'process') return null;
    const isApart = market.replay !== null || options.speed !== 1;
    if (!isApart && options.recordFolder === null) return startFeedProcess;
    const why = isApart ? 'time runs apart from the machine' : 'its raw traffic is recorded here';
    log.warn({ exchange, why }, 'the feed gets no process of its own in this run');
    return null;
  }

  /** What an exchange answered about its markets; kept only while recording. */
  listed(exchange: ExchangeId, url: string, body: Buffer): void {
    const answers = this.lists.get(exchange) ?? new Map<string, string>();
    this.lists.set(exchange, answers.set(url, body.toString('utf8')));
  }

  /** A recording that is incomplete is told of, and keeps no other open. */
  close(): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled(this.recorders.map((recorder) => recorder.close()));
  }

  private recorderOf(exchange: ExchangeId): FeedRecorder | null {
    const { options, files, market, log } = this.context.parts;
    if (options.recordFolder === null) return null;
    const recorder = new Recorder({
      files,
      folder: options.recordFolder,
      exchange,
      clock: market.time,
      log,
      // New files begin with the markets and with snapshots, so that each can be replayed alone.
      onRotated: (reason) => {
        this.recordList(exchange, recorder);
        this.context.system
          .address<{ kind: 'recycle'; reason: string }>(PATHS.feed(exchange))
          .tell({ kind: 'recycle', reason: `new recording files: ${reason}` });
      },
    });
    this.recorders.push(recorder);
    this.recordList(exchange, recorder);
    return recorder;
  }

  private recordList(exchange: ExchangeId, recorder: Recorder): void {
    for (const [url, body] of this.lists.get(exchange) ?? []) recorder.rest(url, body);
  }
}
