import { ArbotError } from '../messages/errors.js';
import type { Entrance } from './base.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';
import { dataOf, publicRequest } from './kucoin-rest.js';

/**
 * The ticket of the classic socket: `POST /api/v1/bullet-public` answers a token for 24 h and where to use it [O]. No key is
 * needed for it.
 */

/** `socketUrl` is the real socket; another one in the endpoints stands for whatever the ticket names. */
export function ticketEntrance(socketUrl: string): Entrance {
  return {
    kind: 'ticket',
    request: { ...publicRequest('/api/v1/bullet-public', 10, 64 << 10), method: 'POST' },
    parse: (body, connectionId, { websocketUrl }) =>
      addressIn(body, connectionId, { at: websocketUrl, socketUrl }),
    pingEveryMs: (body) => readTicket(body).pingEveryMs,
  };
}

/** The address of one connection. `at` other than the real socket stands for whatever the ticket names. @throws FrameError */
export function addressIn(
  body: Buffer,
  connectionId: string,
  { at, socketUrl }: { readonly at: string; readonly socketUrl: string },
): string {
  const { token, endpoint } = readTicket(body);
  const base = at === socketUrl ? checkedHost(endpoint) : at;
  return `${base}?token=${encodeURIComponent(token)}&connectId=${encodeURIComponent(connectionId)}`;
}

function readTicket(body: Buffer): { token: string; endpoint: string; pingEveryMs: number } {
  const data = f.asFields(dataOf(body), 'data');
  const token = f.member(data, 'token');
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,2048}$/.test(token)) {
    throw new FrameError('data.token', 'a token', typeof token);
  }
  const servers = f.listAt(data, 'instanceServers', 'data.', 64);
  if (servers.length === 0) throw new ArbotError('ARB_EXCHANGE_ERROR', 'kucoin offers no socket');
  const server = f.asFields(servers[0], 'data.instanceServers[0]');
  const path = 'data.instanceServers[0].';
  const pingEveryMs = f.counterAt(server, 'pingInterval', path, 1000);
  return { token, endpoint: f.textAt(server, 'endpoint', path), pingEveryMs };
}

/** A ticket that leads elsewhere than to the exchange is refused: whoever answers it would choose our books. */
function checkedHost(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isOurs = url?.protocol === 'wss:' && /(?:^|\.)kucoin\.com$/.test(url.hostname);
  if (!isOurs) throw new FrameError('data.instanceServers[0].endpoint', 'a socket of kucoin.com', endpoint);
  return `${url.origin}${url.pathname}`;
}
