import { z } from 'zod';
import { gatewayStatus, type GatewayStatus } from '../messages/gateway.js';
import type { HttpClient } from '../ports/network.js';
import type { NodeApi } from './node-api.js';
import type { Finding } from './finding.js';

/** How the accounts of a running node stand with their exchanges, by its own word. */

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 1 << 20;
const answer = z.array(gatewayStatus).max(64);

/** One finding per signed account; none where no node runs here, or it trades on paper. Rejects for an answer that is none. */
export async function accountFindings({ url, token }: NodeApi, http: HttpClient): Promise<Finding[]> {
  const response = await http
    .request({
      method: 'GET',
      url: `${url}api/accounts`,
      ...(token !== null && { headers: { authorization: `Bearer ${token}` } }),
      timeoutMs: TIMEOUT_MS,
      maxBodyBytes: MAX_BYTES,
    })
    // Nobody answers there: the doctor is asked before a start as well.
    .catch(() => null);
  if (response === null || response.status === 404) return [];
  if (response.status !== 200) throw new Error(`${url}api/accounts answered ${response.status}`);
  return answer.parse(JSON.parse(response.body.toString('utf8'))).map(findingOf);
}

export function findingOf(status: GatewayStatus): Finding {
  const { exchange, phase, reasons, unexplained, counts, orderRoom } = status;
  const parts = [
    phase,
    ...reasons,
    ...(phase === 'halted' ? [haltText(status)] : []),
    ...unexplained.map(({ asset, difference }) => `${asset} differs by ${difference}: arbot ledger adopt`),
    ...(counts.unsettled === 0
      ? []
      : [`${counts.unsettled} orders without an end, ${counts.unknown} unknown`]),
    `room for ${orderRoom} orders`,
  ];
  const isWell = phase === 'ready' && unexplained.length === 0;
  return { name: `account ${exchange}`, state: isWell ? 'ok' : 'warn', detail: parts.join('; ') };
}

function haltText({ emptyAtMs, equalAtMs }: GatewayStatus): string {
  if (emptyAtMs === null) return 'not proven that no order is open';
  return equalAtMs === null
    ? 'no order open, balances not proven'
    : 'no order open, balances equal the ledger';
}
