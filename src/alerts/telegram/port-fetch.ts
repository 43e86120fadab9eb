import { ArbotError } from '../../messages/errors.js';
import type { HttpClient } from '../../ports/network.js';

/** What grammY uses of `fetch`. */
interface FetchInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: {
    readonly aborted: boolean;
    addEventListener(name: 'abort', listener: () => void): void;
  } | null;
}

const MAX_BODY_BYTES = 4 << 20;

/**
 * `fetch` over the HTTP port, so that grammY opens no socket of its own: bodies are bounded, time-outs are ours, and a simulation
 * can answer. The address holds the bot's token, and the port's errors name the address: only their code comes out of here.
 */
export function portFetch(http: HttpClient, timeoutMs: number) {
  return async (
    url: unknown,
    init: FetchInit = {},
  ): Promise<{ status: number; json(): Promise<unknown> }> => {
    const abort = new AbortController();
    if (init.signal?.aborted === true) abort.abort();
    init.signal?.addEventListener('abort', () => abort.abort());
    const { status, body } = await http
      .request(
        {
          method: init.method === 'GET' ? 'GET' : 'POST',
          url: String(url),
          headers: { 'content-type': 'application/json' },
          body: typeof init.body === 'string' ? init.body : '{}',
          timeoutMs,
          maxBodyBytes: MAX_BODY_BYTES,
        },
        abort.signal,
      )
      .catch((error: unknown) => {
        throw new Error(error instanceof ArbotError ? error.code : 'ARB_HTTP_FAILED');
      });
    return { status, json: async () => jsonOf(body, status) };
  };
}

/** A proxy in trouble answers with a page. */
function jsonOf(body: Buffer, status: number): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error(`HTTP ${status} without an answer of the Bot API`);
    throw error;
  }
}
