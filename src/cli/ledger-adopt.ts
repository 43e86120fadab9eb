import { join, resolve } from 'node:path';
import { ArbotError } from '../messages/errors.js';
import { assetId, exchangeId } from '../messages/primitives.js';
import type { HttpClient } from '../ports/network.js';
import { nodeApi } from './node-api.js';
import { EXIT, type Terminal } from './output.js';
import { loadWithFlags, type StartFlags } from './start.js';

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 65_536;

export interface AdoptFlags extends StartFlags {
  readonly url?: string;
}

export interface Adoption {
  readonly exchange: string;
  readonly asset: string;
}

/** Tells the running node. Returns the exit code; rejects with ARB_CLI_USAGE, or with what the node answered. */
export async function adoptNow(what: Adoption, flags: AdoptFlags, terminal: Terminal): Promise<number> {
  if (!exchangeId.safeParse(what.exchange).success || !assetId.safeParse(what.asset).success)
    throw new ArbotError('ARB_CLI_USAGE', 'ledger adopt: name an exchange and an asset, such as binance XRP');
  const loaded = await loadWithFlags(flags, terminal);
  const { url, token } = nodeApi(loaded, terminal, flags.url);
  const { UndiciHttpClient } = await import('../runtime/platform/http-client.js');
  const http = new UndiciHttpClient();
  try {
    const folder = resolve(terminal.workingFolder, loaded.node.dataFolder);
    await adopt(http, url, token ?? (await tokenIn(folder, loaded.node.http.tokenEnv)), what);
  } finally {
    await http.close();
  }
  terminal.print(`${what.asset} on ${what.exchange}: the difference is booked as an external flow.`);
  return EXIT.done;
}

/** @throws ArbotError ARB_HTTP_FAILED with the node's own words. */
export async function adopt(http: HttpClient, root: string, token: string, what: Adoption): Promise<void> {
  const response = await http.request({
    method: 'POST',
    url: `${root}api/ledger/adopt`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(what),
    timeoutMs: TIMEOUT_MS,
    maxBodyBytes: MAX_BYTES,
  });
  if (response.status === 200) return;
  const text = response.body.toString('utf8').slice(0, 300);
  throw new ArbotError('ARB_HTTP_FAILED', `${root}api/ledger/adopt answered ${response.status}: ${text}`);
}

async function tokenIn(folder: string, variable: string): Promise<string> {
  const { LocalFiles } = await import('../runtime/platform/files.js');
  const path = join(folder, 'http-token');
  try {
    return (await new LocalFiles().read(path)).toString('utf8').trim();
  } catch {
    throw new ArbotError('ARB_CLI_USAGE', `the node's token is neither in ${variable} nor in ${path}`);
  }
}
