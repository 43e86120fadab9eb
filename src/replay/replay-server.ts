import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { ArbotError, errorText } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { Clock, TimerHandle, Timers } from '../ports/time.js';
import { describeRecording } from './describe.js';
import type { RecordingDescription } from './describe.js';
import { protocolOf } from './exchanges/index.js';
import type { FrameFacts } from './protocol.js';
import { readFrames, readRest } from './recording.js';
import type { RecordedFrame, RecordingFiles } from './recording.js';
import { ReplaySession } from './replay-session.js';
import type { AckPolicy } from './replay-session.js';

/** A fault put into the replayed stream, for tests: the client gets it, the server's own books do not. */
export interface ReplayFault {
  readonly exchange: ExchangeId;
  /** 0-based line of the frames file. `swap` exchanges it with the next one. */
  readonly frame: number;
  readonly kind: 'drop' | 'duplicate' | 'swap' | 'truncate';
}

export interface ReplayOptions {
  readonly files: Files;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** At most one per exchange. */
  readonly recordings: readonly RecordingFiles[];
  /** Recording time per unit of the given clock; `max` = as fast as the readers keep up. */
  readonly speed: number | 'max';
  readonly acks?: AckPolicy;
  readonly faults?: readonly ReplayFault[];
  /** Quiet time after the last subscription before frames flow, so that all of them are placed first. Default 200. */
  readonly settleMs?: number;
  /** How long the stream waits for the client to fetch a recorded REST snapshot that belongs before the next frame. Default 5,000. */
  readonly snapshotWaitMs?: number;
  /** Once one exchange is subscribed, how long to wait for the others. Default 10,000. */
  readonly startWaitMs?: number;
}

export interface ReplayProgress {
  readonly exchange: ExchangeId;
  readonly sent: number;
  readonly total: number;
  readonly state: 'waiting' | 'running' | 'finished' | 'failed';
  /** Recording time reached, Unix ms. */
  readonly positionMs: number;
}

export interface ReplayServer {
  /** `ws` and `rest` have no path: the client appends the exchange's own. */
  readonly endpoints: Readonly<Record<ExchangeId, { readonly ws: string; readonly rest: string }>>;
  readonly descriptions: readonly RecordingDescription[];
  /** Resolves when the clients have subscribed and frames begin to flow, or at `close`. */
  readonly started: Promise<void>;
  /** Resolves when every frame was sent; rejects with ARB_RECORDING_INVALID when a recording is damaged on the way. */
  readonly finished: Promise<void>;
  progress(): readonly ReplayProgress[];
  close(): Promise<void>;
}

/** Recordings that begin within this time of each other keep their distance; others all begin at once. */
const SAME_SESSION_MS = 3_600_000;
/** Frames sent in one turn of the event loop at speed `max`. */
const FRAMES_PER_TURN = 32;

/**
 * Serves recordings over real WebSockets and HTTP on 127.0.0.1, one server per exchange. Nothing flows before the clients have
 * subscribed. Throws ARB_RECORDING_INVALID for a damaged recording, before anything is served.
 */
export async function startReplayServer(options: ReplayOptions): Promise<ReplayServer> {
  const names = options.recordings.map((one) => one.exchange);
  if (names.length === 0 || new Set(names).size !== names.length)
    throw new ArbotError(
      'ARB_RECORDING_INVALID',
      'a replay needs one recording per exchange, and at least one',
    );
  const runs: ExchangeRun[] = [];
  for (const recording of options.recordings) runs.push(await openRun(recording, options));
  const replay = new Replay(runs, options);
  return replay.start();
}

interface ExchangeRun {
  readonly session: ReplaySession;
  readonly recording: RecordingFiles;
  readonly server: Server;
  readonly sockets: WebSocketServer;
  state: ReplayProgress['state'];
  isReady: boolean;
  settle: TimerHandle | null;
}

async function openRun(recording: RecordingFiles, options: ReplayOptions): Promise<ExchangeRun> {
  const protocol = protocolOf(recording.exchange);
  const description = await describeRecording(options.files, recording);
  const rest = await readRest(options.files, recording);
  const session = new ReplaySession(description, protocol, rest, options.acks ?? 'auto');
  const server = createServer((request, response) => {
    answerHttp(session, request.method ?? 'GET', request.url ?? '/', response);
  });
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024, perMessageDeflate: false });
  server.on('upgrade', (request, socket, head) => {
    // Node has taken its own listener off: a client that resets the line now would end the process.
    socket.on('error', (error) =>
      options.log.debug({ exchange: recording.exchange, error: errorText(error) }, 'replay lost a client'),
    );
    const path = URL.canParse(request.url ?? '/', 'http://replay')
      ? new URL(request.url ?? '/', 'http://replay').pathname
      : '';
    if (!protocol.isSocketPath(path)) {
      // Nobody reads this line any more, so that the other side's end of it would never be noticed.
      socket.once('finish', () => socket.destroy());
      return void socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    }
    sockets.handleUpgrade(request, socket, head, (opened) => session.accept(opened, request));
  });
  return { session, recording, server, sockets, state: 'waiting', isReady: false, settle: null };
}

function answerHttp(session: ReplaySession, method: string, target: string, response: ServerResponse): void {
  const url = URL.canParse(target, 'http://replay') ? new URL(target, 'http://replay') : null;
  const answer = ['GET', 'POST'].includes(method) && url !== null ? session.answer(url) : null;
  const headers = {
    'content-type': 'application/json',
    // Some exchanges show their clock nowhere else.
    date: new Date(session.positionMs).toUTCString(),
    ...(answer?.inferred === true ? { 'x-arbot-inferred': '1' } : {}),
  };
  response.writeHead(answer?.status ?? 404, headers);
  response.end(answer?.body ?? JSON.stringify({ code: -1, msg: 'not in this recording' }));
}

class Replay {
  private readonly runs: readonly ExchangeRun[];
  private readonly options: ReplayOptions;
  private readonly sleeping = new Set<() => void>();
  private readonly faults = new Map<string, ReplayFault['kind']>();
  private startAll: () => void = () => undefined;
  private startDeadline: TimerHandle | null = null;
  private originMonotonicMs = 0;
  private closed = false;

  constructor(runs: readonly ExchangeRun[], options: ReplayOptions) {
    this.runs = runs;
    this.options = options;
    for (const fault of options.faults ?? []) this.faults.set(`${fault.exchange}:${fault.frame}`, fault.kind);
  }

  async start(): Promise<ReplayServer> {
    const endpoints: Record<string, { ws: string; rest: string }> = {};
    const started = new Promise<void>((resolve) => (this.startAll = resolve));
    for (const run of this.runs) {
      const port = await listen(run.server);
      endpoints[run.recording.exchange] = { ws: `ws://127.0.0.1:${port}`, rest: `http://127.0.0.1:${port}` };
      run.session.onSubscribed = () => this.onSubscribed(run);
    }
    const finished = started
      .then(() => Promise.all(this.runs.map((run) => this.pump(run))))
      .then(() => undefined);
    finished.catch((error: unknown) => this.options.log.error({ error: errorText(error) }, 'replay failed'));
    return {
      endpoints,
      descriptions: this.runs.map((run) => run.session.description),
      started,
      finished,
      progress: () => this.runs.map(progressOf),
      close: () => this.close(),
    };
  }

  /** The replay begins when every exchange was subscribed and then was quiet for a moment, or when the wait for the others is over. */
  private onSubscribed(run: ExchangeRun): void {
    if (run.isReady || this.closed) return;
    const { timers, settleMs = 200, startWaitMs = 10_000 } = this.options;
    if (run.settle !== null) timers.clearTimer(run.settle);
    run.settle = timers.setTimer(() => {
      run.isReady = true;
      if (this.runs.every((one) => one.isReady)) this.begin();
    }, settleMs);
    this.startDeadline ??= timers.setTimer(() => this.begin(), startWaitMs);
  }

  private begin(): void {
    if (this.startDeadline !== null) this.options.timers.clearTimer(this.startDeadline);
    this.originMonotonicMs = this.options.clock.monotonicMs();
    this.startAll();
  }

  private async pump(run: ExchangeRun): Promise<void> {
    run.state = 'running';
    const originMs = this.originOf(run);
    let held: { frame: RecordedFrame; facts: FrameFacts } | null = null;
    try {
      for await (const frame of readFrames(this.options.files, run.recording)) {
        await this.waitFor(run, frame, originMs);
        if (this.closed) return;
        const facts = run.session.advance(frame);
        const fault = this.faults.get(`${run.recording.exchange}:${frame.index}`);
        if (fault === 'swap') held = { frame, facts };
        else {
          deliverWithFault(run.session, frame, facts, fault);
          if (held !== null) run.session.deliver(held.frame.data, held.frame.isBinary, held.facts);
          held = null;
        }
      }
      if (held !== null) run.session.deliver(held.frame.data, held.frame.isBinary, held.facts);
      run.state = 'finished';
    } catch (error) {
      run.state = 'failed';
      throw error;
    }
  }

  /** Recording time that stands for the start of the replay. */
  private originOf(run: ExchangeRun): number {
    const starts = this.runs.map((one) => one.session.description.firstTimeMs);
    const together = Math.max(...starts) - Math.min(...starts) < SAME_SESSION_MS;
    return together ? Math.min(...starts) : run.session.description.firstTimeMs;
  }

  private async waitFor(run: ExchangeRun, frame: RecordedFrame, originMs: number): Promise<void> {
    const { clock, speed } = this.options;
    if (speed !== 'max') {
      const dueMs = this.originMonotonicMs + (frame.receiveTimeMs - originMs) / speed;
      while (!this.closed && dueMs - clock.monotonicMs() > 0.5) await this.sleep(dueMs - clock.monotonicMs());
    } else {
      if (frame.index % FRAMES_PER_TURN === 0) await this.turn();
      while (!this.closed && !run.session.hasReader) await this.sleep(20);
    }
    while (!this.closed && run.session.isBackedUp) await this.sleep(5);
    await this.waitForSnapshot(run, frame);
  }

  /** Keeps the order of the capture between a REST snapshot and the frames after it. The clock of the replay stands still meanwhile. */
  private async waitForSnapshot(run: ExchangeRun, frame: RecordedFrame): Promise<void> {
    const { clock, snapshotWaitMs = 5_000 } = this.options;
    const beganMs = clock.monotonicMs();
    for (let symbol = run.session.awaitedSnapshot(frame); symbol !== null && !this.closed;) {
      if (clock.monotonicMs() - beganMs > snapshotWaitMs) {
        this.options.log.warn(
          { exchange: run.recording.exchange, symbol },
          'recorded snapshot was not fetched',
        );
        run.session.giveUpSnapshot(symbol);
      } else await this.sleep(2);
      symbol = run.session.awaitedSnapshot(frame);
    }
    this.originMonotonicMs += clock.monotonicMs() - beganMs;
  }

  private sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.sleeping.delete(wake);
        this.options.timers.clearTimer(handle);
        resolve();
      };
      const handle = this.options.timers.setTimer(wake, delayMs);
      this.sleeping.add(wake);
    });
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.options.timers.setImmediate(resolve));
  }

  private async close(): Promise<void> {
    this.closed = true;
    if (this.startDeadline !== null) this.options.timers.clearTimer(this.startDeadline);
    this.startAll();
    for (const wake of [...this.sleeping]) wake();
    for (const run of this.runs) {
      if (run.settle !== null) this.options.timers.clearTimer(run.settle);
      run.session.closeConnections();
      for (const socket of run.sockets.clients) socket.terminate();
      run.sockets.close();
      run.server.closeAllConnections();
      await new Promise((resolve) => run.server.close(resolve));
    }
  }
}

function deliverWithFault(
  session: ReplaySession,
  frame: RecordedFrame,
  facts: FrameFacts,
  fault: ReplayFault['kind'] | undefined,
): void {
  if (fault === 'drop') return;
  const data = fault === 'truncate' ? frame.data.subarray(0, frame.data.length >> 1) : frame.data;
  session.deliver(data, frame.isBinary, facts);
  if (fault === 'duplicate') session.deliver(data, frame.isBinary, facts);
}

const progressOf = (run: ExchangeRun): ReplayProgress => ({
  exchange: run.recording.exchange,
  sent: run.session.sent,
  total: run.session.description.frames,
  state: run.state,
  positionMs: run.session.positionMs,
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}
