import { resolve } from 'node:path';
import type { Connector } from '../connectors/base.js';
import { judgeKey, type KeyFinding } from '../connectors/key-facts.js';
import type {
  Credentials,
  ExchangeAnswer,
  OrderEntry,
  PrivateCall,
  RowsAnswer,
} from '../connectors/order-entry.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { connectorOf } from '../modes/connectors.js';
import { readExchangesFile } from '../modes/exchanges-file.js';
import type { HttpClient } from '../ports/network.js';
import { SystemClock } from '../runtime/platform/clock.js';
import { LocalFiles } from '../runtime/platform/files.js';
import { UndiciHttpClient } from '../runtime/platform/http-client.js';
import { CryptoRandom } from '../runtime/platform/random.js';
import { uuidOf } from '../actors/private-rest.js';
import { checkExchange, vaultOf, type KeysFlags } from './keys-run.js';
import { EXIT, type Terminal } from './output.js';

/** `arbot keys test`: three questions signed with the key, and what its exchange answers. Nothing is placed or changed. */

export interface KeysTestFlags extends KeysFlags {
  readonly exchangesAt?: string;
}

/** What a question needs of its process. */
export interface KeyProbe {
  readonly entry: OrderEntry;
  readonly credentials: Credentials;
  readonly restUrl: string;
  readonly http: HttpClient;
  readonly nowMs: () => number;
  readonly nonce: () => string;
}

/** Returns the exit code: 1 for a key that must not be used. Rejects with ARB_VAULT_… or ARB_CLI_USAGE. */
export async function testKey(exchange: string, flags: KeysTestFlags, terminal: Terminal): Promise<number> {
  checkExchange(exchange);
  const credentials = (await vaultOf(flags, terminal)).secretOf(exchange, flags.account);
  const connector = connectorOf(exchange, await placeOf(exchange, flags, terminal));
  const http = new UndiciHttpClient();
  try {
    const [clock, random] = [new SystemClock(), new CryptoRandom()];
    const probe = { credentials, http, nowMs: () => clock.nowMs(), nonce: () => uuidOf(random) };
    const findings = await keyFindings({
      ...probe,
      entry: entryOf(connector),
      restUrl: connector.endpoints.restUrl,
    });
    for (const { state, detail } of findings) terminal.print(`${state.padEnd(4)}  ${detail}`);
    return findings.some(({ state }) => state === 'bad') ? EXIT.failed : EXIT.done;
  } finally {
    await http.close();
  }
}

/** What the exchange says of a key and of the account behind it. Never rejects for what the exchange does. */
export async function keyFindings(probe: KeyProbe): Promise<KeyFinding[]> {
  const { entry, credentials } = probe;
  const rights = entry.keyFacts;
  const facts: KeyFinding[] =
    rights === undefined
      ? [{ state: 'warn', detail: 'the exchange tells nothing of the rights of a key: see its page of keys' }]
      : await asked(
          probe,
          'rights',
          rights.call(),
          (answer) => rights.parse(answer, credentials.apiKey),
          (rows) => rows.flatMap((row) => judgeKey(row, probe.nowMs())),
        );
  const balances = await asked(
    probe,
    'balances',
    entry.balances(),
    (answer) => entry.parseBalances(answer),
    (rows) => [
      { state: 'ok', detail: `reads balances: ${rows.length} assets` },
      ...rows
        .filter(({ borrowed }) => /[1-9]/.test(borrowed))
        .map(({ ticker }): KeyFinding => ({
          state: 'bad',
          detail: `the account owes ${ticker}: ArBot trades without loans`,
        })),
    ],
  );
  const open = entry.openOrders();
  const orders = await asked(
    probe,
    'open orders',
    open,
    (answer) => entry.parseOpenOrders(answer, open),
    (rows) => [
      rows.length === 0
        ? { state: 'ok', detail: 'no order is open' }
        : {
            state: 'warn',
            detail: `${rows.length} orders are open that are not of this program: use an account of its own`,
          },
    ],
  );
  return [...facts, ...balances, ...orders];
}

async function asked<Row>(
  probe: KeyProbe,
  what: string,
  call: PrivateCall,
  parse: (answer: ExchangeAnswer) => RowsAnswer<Row>,
  tell: (rows: readonly Row[]) => KeyFinding[],
): Promise<KeyFinding[]> {
  const answer = await carry(probe, call).then(parse, (error: unknown) => errorText(error));
  if (typeof answer === 'string') return [{ state: 'bad', detail: `${what}: ${answer}` }];
  if (answer.kind === 'rows') return tell(answer.rows);
  const reason = 'reason' in answer ? `: ${answer.reason}` : '';
  return [{ state: 'bad', detail: `${what}: ${answer.kind} ${answer.code}${reason}` }];
}

async function carry({ entry, credentials, restUrl, http, nowMs, nonce }: KeyProbe, call: PrivateCall) {
  const signed = entry.sign(call, credentials, { timeMs: nowMs(), validForMs: null, nonce: nonce() });
  const { method, path, headers, body } = signed;
  const { timeoutMs, maxBodyBytes } = call;
  return http.request({
    method,
    url: restUrl + path,
    headers,
    timeoutMs,
    maxBodyBytes,
    ...(body !== null && { body }),
  });
}

function entryOf({ exchange, orders }: Connector): OrderEntry {
  if (orders !== undefined) return orders;
  throw new ArbotError('ARB_CLI_USAGE', `keys test: ArBot cannot sign for ${exchange} yet`);
}

/** The real exchange, unless a file says where a simulated one is. */
async function placeOf(exchange: string, flags: KeysTestFlags, terminal: Terminal) {
  if (flags.exchangesAt === undefined) return {};
  const path = resolve(terminal.workingFolder, flags.exchangesAt);
  const { exchanges } = await readExchangesFile(new LocalFiles(), path);
  const found = exchanges[exchange];
  if (found === undefined)
    throw new ArbotError('ARB_CLI_USAGE', `--exchanges-at: ${path} names no ${exchange}`);
  return { restUrl: found.rest };
}
