import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Agent, type Dispatcher } from 'undici';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../ports/network.js';

/** HTTP over undici. Any status resolves; everything else is one of three error codes. Redirects are not followed. */

const unzip = promisify(gunzip);

/**
 * Per origin. More than an exchange's budgets let go out before a silent request times out: a request that waits for a connection is
 * signed already, and behind orders that nobody answers a cancel would wait for seconds.
 */
const DEFAULT_CONNECTIONS = 256;

export interface UndiciHttpOptions {
  /** Connections per origin, `DEFAULT_CONNECTIONS` when absent. */
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
  readonly maxHeaderBytes?: number;
}

export class UndiciHttpClient implements HttpClient {
  private readonly agent: Agent;

  constructor(options: UndiciHttpOptions = {}) {
    this.agent = new Agent({
      connections: options.connections ?? DEFAULT_CONNECTIONS,
      pipelining: 1,
      connect: { timeout: options.connectTimeoutMs ?? 5_000 },
      maxHeaderSize: options.maxHeaderBytes ?? 16_384,
    });
  }

  /** Rejects with ARB_HTTP_TIMEOUT, ARB_HTTP_TOO_LARGE or ARB_HTTP_FAILED. The message never holds the query, which may be signed. */
  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpResponse> {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), request.timeoutMs);
    const signals = signal === undefined ? [deadline.signal] : [deadline.signal, signal];
    try {
      return await this.exchange(request, AbortSignal.any(signals));
    } catch (error) {
      throw mapped(error, request, deadline.signal.aborted, signal?.aborted ?? false);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends open connections; requests in flight reject. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const target = new URL(request.url);
    const answer = await this.agent.request({
      origin: target.origin,
      path: target.pathname + target.search,
      method: request.method,
      headers: { 'accept-encoding': 'gzip', ...request.headers },
      body: request.body ?? null,
      signal,
      headersTimeout: request.timeoutMs,
      bodyTimeout: request.timeoutMs,
    });
    const headers = plainHeaders(answer.headers);
    const body = await readBody(answer.body, request.maxBodyBytes, headers['content-length']);
    return { status: answer.statusCode, headers, body: await decoded(body, headers, request.maxBodyBytes) };
  }
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const plain: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}

async function readBody(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
  announced: string | undefined,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop by a throw destroys the stream and with it the connection.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes || Number(announced ?? 0) > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

async function decoded(body: Buffer, headers: Record<string, string>, maxBytes: number): Promise<Buffer> {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity' || body.length === 0) return body;
  if (encoding !== 'gzip') throw new Error(`content-encoding '${encoding}' was not asked for`);
  try {
    return await unzip(body, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw error;
  }
}

function tooLarge(maxBytes: number): ArbotError {
  return new ArbotError('ARB_HTTP_TOO_LARGE', `answer larger than ${maxBytes} bytes`);
}

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

function mapped(error: unknown, request: HttpRequest, timedOut: boolean, aborted: boolean): ArbotError {
  const what = `${request.method} ${request.url.replace(/[?#].*$/s, '')}`;
  if (error instanceof ArbotError) return new ArbotError(error.code, `${what}: ${error.message}`);
  if (aborted) return new ArbotError('ARB_HTTP_FAILED', `${what}: aborted by the caller`);
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  if (timedOut || TIMEOUTS.has(code)) {
    return new ArbotError('ARB_HTTP_TIMEOUT', `${what}: no answer within ${request.timeoutMs} ms`, {
      retryable: true,
      cause: error,
    });
  }
  // An address that does not parse is quoted by the parser's message, query included: it is not repeated.
  const why = code === 'ERR_INVALID_URL' ? 'not an address' : errorText(error);
  return new ArbotError('ARB_HTTP_FAILED', `${what}: ${why}`, {
    retryable: code !== 'ERR_INVALID_URL',
    cause: error,
  });
}
