import type { z } from 'zod';
import type { LoadedConfig } from '../config/index.js';
import { secretOf } from '../config/overrides.js';
import { ArbotError } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import type { HttpClient } from '../ports/network.js';
import type { Terminal } from './output.js';

/** The HTTP API of a running node, as commands read it. */

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 16 << 20;

export interface NodeApi {
  /** Root of the node's API, with a slash at its end. */
  readonly url: string;
  readonly token: string | null;
}

/** A command that asks once, or again and again until it is over. */
export interface ApiLoop {
  readonly http: HttpClient;
  /** Resolves after so many ms, or at once when told to stop. */
  readonly pause: (delayMs: number) => Promise<void>;
  readonly isOver: () => boolean;
}

/** Where the node of a configuration is reached from here. */
export function nodeApi({ node }: LoadedConfig, terminal: Terminal, url: string | undefined): NodeApi {
  const { host, port, tokenEnv } = node.http;
  const name = host.includes(':') ? `[${host}]` : host;
  const root = url ?? `http://${name}:${port}`;
  if (!/^https?:\/\/[^\s?#]+$/.test(root))
    throw new ArbotError('ARB_CLI_USAGE', '--url: must be an address such as http://127.0.0.1:8787');
  return { url: root.endsWith('/') ? root : `${root}/`, token: secretOf(terminal.environment, tokenEnv) };
}

export interface ApiQuestion<S extends z.ZodType> {
  /** Without the slash at its beginning. */
  readonly path: string;
  readonly schema: S;
  /** Begins the name of a field that is refused. */
  readonly what: string;
}

/** Asks once. Rejects with what the network or the node says, or ARB_MESSAGE_INVALID naming the field. */
export async function askApi<S extends z.ZodType>(
  { url, token }: NodeApi,
  http: HttpClient,
  { path, schema, what }: ApiQuestion<S>,
): Promise<z.output<S>> {
  const response = await http.request({
    method: 'GET',
    url: `${url}${path}`,
    ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: MAX_BYTES,
  });
  const body = jsonOf(response.body);
  if (response.status !== 200)
    throw new ArbotError('ARB_HTTP_FAILED', `${url}${path} answered ${response.status}${messageOf(body)}`);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_MESSAGE_INVALID', `${url}${path}: ${issueText(parsed.error, what)}`);
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function messageOf(body: unknown): string {
  const { message } = (typeof body === 'object' && body !== null ? body : {}) as { message?: unknown };
  return typeof message === 'string' ? `: ${message.slice(0, 300)}` : '';
}
