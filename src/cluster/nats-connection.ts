import { connect, NatsError, nkeyAuthenticator, type ConnectionOptions, type NatsConnection } from 'nats';
import { ArbotError, errorText } from '../messages/errors.js';
import type { BusStatistics } from '../ports/bus.js';
import type { Random } from '../ports/random.js';
import type { BusOptions } from './bus-options.js';
import { inboxPrefixOf } from './inbox.js';
import type { OutboundLimits } from './nats-outbound.js';
import { nodeKeyOf } from './nats-keys.js';
import { tlsOptions, type TlsFiles } from './nats-tls.js';
import { noResponder } from './pending-requests.js';

/** How a node connects to NATS: which servers, with which settings, and for how long it tries. */

export interface NatsBusOptions extends BusOptions {
  /** In order of preference: this node's own server first. */
  readonly servers: readonly string[];
  readonly random: Random;
  /** Which of the node's connections this is, shown by the server: `orders`, `market`. */
  readonly connection?: string;
  /** First tokens of every subject, so that several systems or modes can share servers without meeting. */
  readonly prefix?: string;
  readonly auth?:
    | { readonly user: string; readonly password: string }
    | { readonly token: string }
    | { readonly nkeySeed: string };
  readonly tls?: TlsFiles;
  readonly limits?: Partial<OutboundLimits>;
  /** How often the server is pinged; two missed answers end the connection. Default 1,000. */
  readonly pingIntervalMs?: number;
  /** Told at each change, e.g. to distrust books until their next snapshot. */
  readonly onState?: (state: BusStatistics['state']) => void;
  /** Ends the waiting for the first connection; `connect` then rejects with ARB_NO_RESPONDER. */
  readonly signal?: AbortSignal;
}

const PING_INTERVAL_MS = 1_000;
const MAX_PINGS_OUT = 2;
const DIAL_TIMEOUT_MS = 2_000;
const RECONNECT_WAIT_MS = 200;
const RECONNECT_JITTER_MS = 200;

function connectionOptions(options: NatsBusOptions): ConnectionOptions {
  const { tls, random, sender, connection } = options;
  return {
    servers: [...options.servers],
    name: connection === undefined ? sender : `${sender}/${connection}`,
    inboxPrefix: inboxPrefixOf(sender),
    noRandomize: true,
    noEcho: false,
    pingInterval: options.pingIntervalMs ?? PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    timeout: DIAL_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => reconnectWaitMs(random),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls, options.servers) }),
    ...credentials(options),
  };
}

function credentials({ auth }: NatsBusOptions): ConnectionOptions {
  if (auth === undefined) return {};
  if ('token' in auth) return auth;
  if ('user' in auth) return { user: auth.user, pass: auth.password };
  // Checked before it is used: the client would take a wrong seed for a server that is not there yet.
  const { seed } = nodeKeyOf(auth.nkeySeed);
  return { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) };
}

/**
 * Tries until a server answers. Not left to the client, whose own waiting cannot be ended. Rejects with ARB_NO_RESPONDER when
 * `signal` aborts or the server refuses the credentials.
 */
export async function firstConnection(options: NatsBusOptions): Promise<NatsConnection> {
  const { signal, log, timers, random } = options;
  const settings = connectionOptions(options);
  for (let attempt = 1; ; attempt++) {
    if (signal?.aborted === true) throw noResponder('NATS', 'gave up waiting for a server');
    try {
      return await connect(settings);
    } catch (error) {
      if (error instanceof NatsError && error.isAuthError()) {
        throw new ArbotError('ARB_NO_RESPONDER', `NATS refused the credentials: ${error.message}`, {
          cause: error,
        });
      }
      if (attempt === 1 || attempt % 50 === 0)
        log.warn({ attempt, error: errorText(error) }, 'waiting for NATS');
    }
    await new Promise<void>((resolve) => timers.setTimer(resolve, reconnectWaitMs(random)));
  }
}

function reconnectWaitMs(random: Random): number {
  return RECONNECT_WAIT_MS + random.next() * RECONNECT_JITTER_MS;
}
