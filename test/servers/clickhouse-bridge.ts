import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { gunzipSync, gzipSync } from 'node:zlib';

/**
 * The part of ClickHouse's HTTP interface that the official client uses, in front of chdb, for machines without a server. For tests
 * only: one statement at a time, no sessions, no exception in the middle of an answer. Arguments: port, folder; user and password
 * in BRIDGE_USER and BRIDGE_PASSWORD. `POST /fault/lose` carries out the next INSERT and then breaks off without an answer.
 */

interface Result {
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
  bytes(): Uint8Array;
}
interface Session {
  queryAsync(sql: string, options: { format: string }): Promise<Result>;
  queryBindAsync(sql: string, params: object, options: { format: string }): Promise<Result>;
  close(): void;
}
const { Session: ChdbSession } = createRequire(import.meta.url)('chdb') as {
  Session: new (path: string) => Session;
};

const [port, folder] = process.argv.slice(2);
const USER = process.env['BRIDGE_USER'] ?? 'default';
const PASSWORD = process.env['BRIDGE_PASSWORD'] ?? '';
const session = new ChdbSession(folder!);

/** Parameters of the interface itself; every other one is a setting. */
const OWN = new Set(['query', 'database', 'query_id', 'session_id', 'default_format', 'role']);
/** Known to a server's HTTP layer only. */
const HTTP_ONLY = new Set(['wait_end_of_query', 'send_progress_in_http_headers', 'enable_http_compression']);
const STATUS: Readonly<Record<string, number>> = {
  '47': 404,
  '60': 404,
  '81': 404,
  '159': 408,
  '241': 500,
  '516': 403,
};

class Refused extends Error {}
let loseNext = false;
let turn: Promise<unknown> = Promise.resolve();

async function plain(sql: string, format = 'TabSeparated'): Promise<string> {
  return Buffer.from((await session.queryAsync(sql, { format })).bytes()).toString();
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Values of `param_*` come escaped as in a TabSeparated cell. */
function unescaped(text: string): string {
  const plainOf: Readonly<Record<string, string>> = {
    t: '\t',
    n: '\n',
    r: '\r',
    b: '\b',
    f: '\f',
    '0': '\0',
  };
  return text.replaceAll(/\\(.)/gs, (_, one: string) => plainOf[one] ?? one);
}

function credentials(request: IncomingMessage): readonly [string, string] {
  const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '');
  if (basic !== null) {
    const [user = '', ...rest] = Buffer.from(basic[1]!, 'base64').toString().split(':');
    return [user, rest.join(':')];
  }
  const { headers } = request;
  return [String(headers['x-clickhouse-user'] ?? 'default'), String(headers['x-clickhouse-key'] ?? '')];
}

/** Settings of the URL hold for this statement only. */
async function withSettings<T>(search: URLSearchParams, work: () => Promise<T>): Promise<T> {
  const changed: string[] = [];
  try {
    for (const [name, value] of search) {
      if (OWN.has(name) || HTTP_ONLY.has(name) || name.startsWith('param_')) continue;
      const known = await plain(`SELECT count() FROM system.settings WHERE name = ${quoted(name)}`);
      if (known.trim() === '0')
        throw new Refused(`Code: 115. DB::Exception: Setting ${name} is unknown. (UNKNOWN_SETTING)`);
      changed.push(name);
      await plain(`SET ${name} = ${quoted(value)}`);
    }
    return await work();
  } finally {
    for (const name of changed) await plain(`SET ${name} = DEFAULT`);
  }
}

async function run(search: URLSearchParams, body: Buffer): Promise<Result> {
  const database = search.get('database') ?? 'default';
  await plain(`USE \`${database}\``);
  const inUrl = search.get('query');
  const sql = inUrl === null ? body.toString() : body.length === 0 ? inUrl : `${inUrl}\n${body.toString()}`;
  const params = Object.fromEntries(
    [...search].flatMap(([name, value]) =>
      name.startsWith('param_') ? [[name.slice('param_'.length), unescaped(value)]] : [],
    ),
  );
  const format = search.get('default_format') ?? 'TabSeparated';
  return withSettings(search, () =>
    Object.keys(params).length === 0
      ? session.queryAsync(sql, { format })
      : session.queryBindAsync(sql, params, { format }),
  );
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(whole) : whole;
}

function fail(response: ServerResponse, message: string): void {
  const code = /Code: (\d+)/.exec(message)?.[1];
  const status = code === undefined ? 500 : (STATUS[code] ?? 400);
  response.writeHead(status, code === undefined ? {} : { 'X-ClickHouse-Exception-Code': code });
  response.end(message);
}

function succeed(request: IncomingMessage, response: ServerResponse, result: Result, queryId: string): void {
  const compressed = /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const bytes = Buffer.from(result.bytes());
  response.writeHead(200, {
    'X-ClickHouse-Query-Id': queryId,
    'X-ClickHouse-Timezone': 'UTC',
    'X-ClickHouse-Summary': JSON.stringify({
      read_rows: String(result.rowsRead),
      read_bytes: String(result.bytesRead),
      elapsed_ns: String(Math.round(result.elapsed * 1e9)),
    }),
    ...(compressed ? { 'Content-Encoding': 'gzip' } : {}),
  });
  response.end(compressed ? gzipSync(bytes) : bytes);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bridge');
  if (pathname === '/ping') return void response.end('Ok.\n');
  if (pathname === '/fault/lose') {
    loseNext = true;
    return void response.end('Ok.\n');
  }
  const body = await bodyOf(request);
  const [user, password] = credentials(request);
  if (user !== USER || password !== PASSWORD)
    return fail(
      response,
      `Code: 516. DB::Exception: ${user}: Authentication failed. (AUTHENTICATION_FAILED)`,
    );
  try {
    const result = turn.then(() => run(searchParams, body));
    turn = result.catch(() => undefined);
    const done = await result;
    if (loseNext && /^\s*INSERT\b/i.test(searchParams.get('query') ?? '')) {
      loseNext = false;
      request.socket.destroy();
      return;
    }
    succeed(request, response, done, searchParams.get('query_id') ?? '');
  } catch (error) {
    fail(response, error instanceof Error ? error.message : String(error));
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void turn.then(() => {
    session.close();
    process.exit(0);
  });
});
