import {
  ErrorCode,
  NatsError,
  RequestStrategy,
  type NatsConnection,
  type Service,
  type ServiceMsg,
} from 'nats';
import { z } from 'zod';
import { MAX_MESSAGE_BYTES, MAX_NESTING } from '../messages/codec.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { exceedsDepth } from '../messages/inspection.js';
import type { Logger } from '../ports/log.js';
import type { DiscoveredNode, NodeServices, RunningService, ServedNode } from '../ports/node-services.js';

/** Each node as a NATS service (ADR-32): `nats micro ls` shows them too. The one file that knows that interface. */

const SERVICE = 'arbot-node';
const NANOSECONDS = 1_000_000;

export interface NatsNodeServicesOptions {
  readonly connection: NatsConnection;
  /** First tokens of every subject: nodes of other clusters on the same servers are not seen. */
  readonly prefix: string;
  readonly log: Logger;
}

const statistics = z.object({
  name: z.literal(SERVICE),
  version: z.string().max(40),
  started: z.iso.datetime(),
  metadata: z.record(z.string().max(64), z.string().max(500)),
  endpoints: z
    .array(
      z.object({
        name: z.string().max(64),
        num_requests: z.number(),
        num_errors: z.number(),
        average_processing_time: z.number(),
      }),
    )
    .max(64)
    .nullish(),
});
const ownFacts = z.object({ cluster: z.string(), node: z.string().min(1), nonce: z.string() });

export class NatsNodeServices implements NodeServices {
  private readonly options: NatsNodeServicesOptions;

  constructor(options: NatsNodeServicesOptions) {
    this.options = options;
  }

  async serve({ node, nonce, version, facts, endpoints }: ServedNode): Promise<RunningService> {
    const { connection, prefix } = this.options;
    const service = await connection.services.add({
      name: SERVICE,
      version,
      description: 'A node of ArBot: what it runs, and how it is',
      metadata: { ...facts, cluster: prefix, node, nonce },
    });
    for (const [endpoint, handle] of Object.entries(endpoints)) this.add(service, { node, endpoint, handle });
    return { stop: () => service.stop().then(() => undefined) };
  }

  async discover(withinMs: number): Promise<readonly DiscoveredNode[]> {
    const { connection, prefix } = this.options;
    const client = connection.services.client({ strategy: RequestStrategy.Timer, maxWait: withinMs });
    const found = new Map<string, DiscoveredNode>();
    try {
      for await (const answer of await client.stats(SERVICE)) {
        const one = discovered(answer, prefix);
        if (one !== null) found.set(`${one.node}:${one.nonce}`, one);
      }
    } catch (error) {
      if (!isNobody(error)) throw failure(error, 'discovery');
    }
    return [...found.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  async ask(node: string, endpoint: string, question: unknown, timeoutMs: number): Promise<unknown> {
    const { connection } = this.options;
    const subject = this.subjectOf(node, endpoint);
    const what = `${endpoint} of ${node}`;
    const answer = await connection
      .request(subject, JSON.stringify(question ?? null), { timeout: timeoutMs })
      .catch((error: unknown) => {
        throw failure(error, what);
      });
    const refusal = answer.headers?.get('Nats-Service-Error');
    if (refusal !== undefined && refusal !== '')
      throw new ArbotError('ARB_RESPONDER_FAILED', `${what}: ${refusal.slice(0, 300)}`);
    return parsed(answer.data, what);
  }

  /** Names come from the configuration file and hold no dots. */
  private subjectOf(node: string, endpoint: string): string {
    return `${this.options.prefix}.service.${node}.${endpoint}`;
  }

  /** A callback that throws would end the service: whatever goes wrong is an answer. */
  private add(
    service: Service,
    one: {
      readonly node: string;
      readonly endpoint: string;
      readonly handle: (question: unknown) => unknown;
    },
  ): void {
    const { node, endpoint, handle } = one;
    service.addEndpoint(endpoint, {
      subject: this.subjectOf(node, endpoint),
      // No queue: the subject is this node's own.
      handler: (error, message) => {
        if (error === null) void this.answer(message, endpoint, handle);
        else this.options.log.error({ endpoint, error: errorText(error) }, 'NATS refused an endpoint');
      },
    });
  }

  private async answer(
    message: ServiceMsg,
    endpoint: string,
    handle: (question: unknown) => unknown,
  ): Promise<void> {
    try {
      const bytes = Buffer.from(JSON.stringify((await handle(parsed(message.data, endpoint))) ?? null));
      if (bytes.length > MAX_MESSAGE_BYTES)
        throw new ArbotError('ARB_MESSAGE_TOO_LARGE', `${bytes.length} bytes, at most ${MAX_MESSAGE_BYTES}`);
      message.respond(bytes);
    } catch (error) {
      this.options.log.warn({ endpoint, error: errorText(error) }, 'a question to this node failed');
      // Nobody may be there any more to be told.
      tryTo(() => message.respondError(500, errorText(error).replaceAll(/\s+/g, ' ').slice(0, 300)));
    }
  }
}

function discovered(answer: unknown, cluster: string): DiscoveredNode | null {
  const known = statistics.safeParse(answer);
  if (!known.success) return null;
  const { version, started, metadata, endpoints } = known.data;
  const own = ownFacts.safeParse(metadata);
  if (!own.success || own.data.cluster !== cluster) return null;
  const { node, nonce } = own.data;
  return {
    ...{ node, nonce, version },
    facts: metadata,
    startedAtMs: Date.parse(started),
    endpoints: (endpoints ?? []).map((one) => ({
      endpoint: one.name,
      requests: one.num_requests,
      errors: one.num_errors,
      averageMs: one.average_processing_time / NANOSECONDS,
    })),
  };
}

/** Text of another process: capped before it is read. */
function parsed(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > MAX_MESSAGE_BYTES || exceedsDepth(bytes, MAX_NESTING * 2))
    throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: too large or nested too deeply`);
  const text = Buffer.from(bytes).toString('utf8');
  const value = text === '' ? null : jsonOf(text);
  if (value === undefined) throw new ArbotError('ARB_MESSAGE_INVALID', `${what}: not JSON text`);
  return value;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failure(error: unknown, what: string): ArbotError {
  if (isNobody(error)) return new ArbotError('ARB_NO_RESPONDER', `${what}: nobody answers`);
  if (error instanceof NatsError && error.code === (ErrorCode.Timeout as string))
    return new ArbotError('ARB_ASK_TIMEOUT', `${what}: no answer in time`, { retryable: true });
  return new ArbotError('ARB_NO_RESPONDER', `${what}: ${errorText(error)}`, { cause: error });
}

const isNobody = (error: unknown): boolean =>
  error instanceof NatsError && error.code === (ErrorCode.NoResponders as string);

function tryTo(step: () => void): void {
  try {
    step();
  } catch {
    // The connection is closed.
  }
}
