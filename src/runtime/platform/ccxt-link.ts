import type { Worker } from 'node:worker_threads';
import { ArbotError, errorText } from '../../messages/errors.js';
import type {
  HttpClient,
  HttpRequest,
  HttpResponse,
  Socket,
  SocketHandlers,
  SocketOptions,
  Sockets,
} from '../../ports/network.js';
import { bootWorker } from './boot-worker.js';
import type { CcxtOrder, CcxtReport, CcxtServers, CcxtWorkerData } from './ccxt-protocol.js';

/** Address of an exchange behind ccxt: `ccxt://kraken/`. */
const ADDRESS = /^ccxt:\/\/([a-z0-9]{1,32})(\/.*)?$/;
const MAX_HEAP_MB = 1024;
const ABNORMAL = 1006;

export interface CcxtLinkOptions {
  /** What carries everything else. */
  readonly sockets: Sockets;
  readonly http: HttpClient;
  /** By ccxt id: where an exchange is reached instead of its own servers. */
  readonly servers?: Readonly<Record<string, CcxtServers>>;
}

/**
 * Sockets and HTTP for addresses `ccxt://<id>`, each id in a thread of its own that is started when it is first needed; other
 * addresses go to the ports handed in. What a thread cannot carry on ends as a closed socket or a failed request, never as an
 * error of the node.
 */
export class CcxtLink implements Sockets, HttpClient {
  private readonly options: CcxtLinkOptions;
  private readonly threads = new Map<string, CcxtThread>();

  constructor(options: CcxtLinkOptions) {
    this.options = options;
  }

  connect(url: string, options: SocketOptions, handlers: SocketHandlers): Socket {
    const ccxtId = ADDRESS.exec(url)?.[1];
    if (ccxtId === undefined) return this.options.sockets.connect(url, options, handlers);
    return this.thread(ccxtId).connect(handlers);
  }

  /** Rejects with ARB_HTTP_TIMEOUT, ARB_HTTP_TOO_LARGE or ARB_HTTP_FAILED. */
  request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    const [, ccxtId, path] = ADDRESS.exec(request.url) ?? [];
    if (ccxtId === undefined) return this.options.http.request(request, signal);
    return this.thread(ccxtId).request(path ?? '/', request, signal);
  }

  /** Ends the threads; open sockets are told. */
  async close(): Promise<void> {
    await Promise.all([...this.threads.values()].map((thread) => thread.end()));
  }

  private thread(ccxtId: string): CcxtThread {
    const known = this.threads.get(ccxtId);
    if (known !== undefined) return known;
    const data: CcxtWorkerData = { ccxtId, servers: this.options.servers?.[ccxtId] ?? null };
    const thread = new CcxtThread(data, () => this.threads.delete(ccxtId));
    this.threads.set(ccxtId, thread);
    return thread;
  }
}

interface Waiting {
  readonly resolve: (response: HttpResponse) => void;
  readonly reject: (error: ArbotError) => void;
}

class CcxtThread {
  private readonly ccxtId: string;
  private readonly worker: Worker;
  private readonly sockets = new Map<number, SocketHandlers>();
  private readonly requests = new Map<number, Waiting>();
  private lastId = 0;
  private failure: string | null = null;

  constructor(data: CcxtWorkerData, ended: () => void) {
    this.ccxtId = data.ccxtId;
    this.worker = bootWorker('ccxt-worker', { ...data }, MAX_HEAP_MB);
    // A node that ends waits for nobody's library.
    this.worker.unref();
    this.worker.on('message', (report: CcxtReport) => this.heard(report));
    this.worker.on('error', (error) => (this.failure ??= errorText(error)));
    this.worker.on('exit', (code) => {
      ended();
      this.lost(this.failure ?? `the thread of ccxt ended with code ${code}`);
    });
  }

  connect(handlers: SocketHandlers): Socket {
    const session = ++this.lastId;
    this.sockets.set(session, handlers);
    this.order({ kind: 'open', session });
    const close = () => this.order({ kind: 'close', session });
    return {
      send: (data) => this.order({ kind: 'send', session, text: data.toString() }),
      ping: () => this.order({ kind: 'ping', session }),
      close,
      terminate: close,
      bufferedBytes: () => 0,
    };
  }

  request(
    path: string,
    { timeoutMs, maxBodyBytes }: HttpRequest,
    signal?: AbortSignal,
  ): Promise<HttpResponse> {
    const id = ++this.lastId;
    const what = `ccxt ${this.ccxtId} ${path.split('?', 1)[0]!}`;
    return new Promise<HttpResponse>((resolve, reject) => {
      const stop = (error: ArbotError) => {
        this.requests.delete(id);
        clearTimeout(late);
        signal?.removeEventListener('abort', aborted);
        reject(error);
      };
      const late = setTimeout(() => {
        const text = `${what}: no answer within ${timeoutMs} ms`;
        stop(new ArbotError('ARB_HTTP_TIMEOUT', text, { retryable: true }));
      }, timeoutMs);
      const aborted = () => stop(new ArbotError('ARB_HTTP_FAILED', `${what}: aborted by the caller`));
      signal?.addEventListener('abort', aborted);
      this.requests.set(id, {
        resolve: (response) => {
          if (response.body.length > maxBodyBytes)
            return stop(
              new ArbotError('ARB_HTTP_TOO_LARGE', `${what}: answer larger than ${maxBodyBytes} bytes`),
            );
          this.requests.delete(id);
          clearTimeout(late);
          signal?.removeEventListener('abort', aborted);
          resolve(response);
        },
        reject: stop,
      });
      this.order({ kind: 'request', id, path });
    });
  }

  async end(): Promise<void> {
    this.failure ??= 'closed';
    await this.worker.terminate();
  }

  private order(order: CcxtOrder): void {
    this.worker.postMessage(order);
  }

  private heard(report: CcxtReport): void {
    if (report.kind === 'answer') {
      const { status, body } = report;
      return this.requests.get(report.id)?.resolve({ status, headers: {}, body: Buffer.from(body) });
    }
    const handlers = this.sockets.get(report.session);
    if (handlers === undefined) return;
    switch (report.kind) {
      case 'opened':
        return handlers.onOpen();
      case 'alive':
        return handlers.onPong?.(Buffer.alloc(0));
      case 'frame':
        handlers.onFrame(Buffer.from(report.text), false);
        if (report.key !== '') this.order({ kind: 'taken', session: report.session, key: report.key });
        return;
      case 'closed':
        this.sockets.delete(report.session);
        return handlers.onClose(report.code, report.reason);
    }
  }

  private lost(reason: string): void {
    const sockets = [...this.sockets.values()];
    this.sockets.clear();
    for (const handlers of sockets) handlers.onClose(ABNORMAL, reason);
    for (const waiting of [...this.requests.values()])
      waiting.reject(
        new ArbotError('ARB_HTTP_FAILED', `ccxt ${this.ccxtId}: ${reason}`, { retryable: true }),
      );
  }
}
