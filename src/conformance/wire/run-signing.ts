import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signedParameters } from '../../connectors/binance-orders.js';
import type { Credentials, OrderEntry, PrivateCall, SignedRequest } from '../../connectors/order-entry.js';
import { plainQuery, type Parameters } from '../../connectors/order-signing.js';
import { upbit } from '../../connectors/upbit.js';
import { linesOf } from './capture-file.js';
import { wireExchange } from './exchanges.js';
import { Comparison, type FileReport } from './report.js';

/** A vector that an exchange printed in its documentation. */
interface OfficialRow {
  readonly exchange: string;
  readonly kind: 'official';
  readonly apiKey: string;
  readonly secret: string;
  readonly method: PrivateCall['method'];
  readonly path: string;
  /** Before percent-encoding; absent where nothing has to be encoded. */
  readonly rawParams?: Readonly<Record<string, string>>;
  readonly signString: string;
  /** Of Gate's vectors; Binance's have their parameters in `signString`. */
  readonly query?: string;
  readonly body?: string;
  readonly timestamp?: string;
  readonly expect: { readonly signature?: string; readonly SIGN?: string };
}

/** What another client sends with a frozen clock and made-up keys. */
interface ClientRow {
  readonly exchange: string;
  readonly kind?: undefined;
  readonly label: string;
  readonly clock_ms: number;
  readonly uuid: string;
  readonly creds: { readonly apiKey: string; readonly secret: string; readonly password: string };
  readonly signed: {
    readonly url: string;
    readonly method: PrivateCall['method'];
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly jwtHeader?: unknown;
  readonly jwtPayload?: unknown;
  readonly queryStringHashed?: string;
}

/** Signs every row of the exchanges whose order entry is built, and compares what would be sent. */
export async function runSigningFile(folder: string, file: string): Promise<FileReport> {
  const comparison = new Comparison();
  for (const [index, line] of linesOf(await readFile(join(folder, file))).entries()) {
    const row = JSON.parse(line.toString('utf8')) as OfficialRow | ClientRow;
    const orders = ordersOf(row.exchange);
    const field = `[${index}] ${row.exchange}`;
    if (orders === undefined) comparison.skip(field, `signing of ${row.exchange} is not built yet`);
    else if (row.kind === 'official' && row.expect.SIGN !== undefined)
      compareHeader(comparison, field, orders, row);
    else if (row.kind === 'official') compareOfficial(comparison, field, orders, row);
    else compareClient(comparison, `${field} ${row.label}`, orders, row);
  }
  return comparison.report(file, 'signing');
}

/** The vectors of Upbit are signed with HS256. */
function ordersOf(exchange: string): OrderEntry | undefined {
  if (exchange === 'upbit') return upbit({ jwtAlgorithm: 'HS256' }).orders;
  return wireExchange(exchange)?.connector(null, null).orders;
}

const pairsOf = (query: string): [string, string][] =>
  query === ''
    ? []
    : query.split('&').map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at), decodeURIComponent(pair.slice(at + 1))];
      });

/** Binance prints its parameters in the order in which ArBot sends them. */
function compareOfficial(comparison: Comparison, field: string, orders: OrderEntry, row: OfficialRow): void {
  const parameters = row.rawParams === undefined ? pairsOf(row.signString) : Object.entries(row.rawParams);
  const given = new Map(parameters);
  const signed = orders.sign(
    callOf(
      row.method,
      row.path,
      parameters.filter(([name]) => name !== 'recvWindow' && name !== 'timestamp'),
    ),
    { apiKey: row.apiKey, secret: row.secret, passphrase: null },
    {
      timeMs: Number(given.get('timestamp')),
      validForMs: Number(given.get('recvWindow')),
      nonce: '',
    },
  );
  comparison.same(field, `${row.signString}&signature=${row.expect.signature}`, signed.body);
}

/** Gate prints query or body, and the header that belongs to it. */
function compareHeader(comparison: Comparison, field: string, orders: OrderEntry, row: OfficialRow): void {
  const { method, path, query = '', body = '', timestamp } = row;
  const parameters =
    body === '' ? pairsOf(query) : Object.entries(JSON.parse(body) as Record<string, string | number>);
  const signed = orders.sign(
    callOf(method, path, parameters),
    { apiKey: row.apiKey, secret: row.secret, passphrase: null },
    { timeMs: Number(timestamp) * 1000, validForMs: null, nonce: '' },
  );
  comparison.same(`${field} body`, body, signed.body ?? '');
  comparison.same(`${field} signature`, row.expect.SIGN, signed.headers['SIGN']);
}

function compareClient(comparison: Comparison, field: string, orders: OrderEntry, row: ClientRow): void {
  const { apiKey, secret, password } = row.creds;
  const credentials: Credentials = { apiKey, secret, passphrase: password };
  const url = new URL(row.signed.url);
  const query = url.search.slice(1);
  const body = row.signed.body ?? null;
  const moment = { timeMs: row.clock_ms, validForMs: null, nonce: row.uuid };
  if (row.exchange === 'binance')
    return compareUnordered(comparison, field, orders, { row, credentials, sent: body ?? query });
  const parameters =
    body === null ? pairsOf(query) : Object.entries(JSON.parse(body) as Record<string, string>);
  const signed = orders.sign(callOf(row.signed.method, url.pathname, parameters), credentials, moment);
  comparison.same(`${field} path`, url.pathname + url.search, signed.path);
  comparison.same(`${field} body`, body, signed.body);
  if (row.jwtPayload === undefined) {
    comparison.same(`${field} headers`, row.signed.headers, signed.headers);
    return;
  }
  // The order of claims is each signer's own, so that the text of the token says nothing.
  const token = signed.headers['Authorization']!.replace('Bearer ', '').split('.');
  const part = (index: number): unknown => JSON.parse(Buffer.from(token[index]!, 'base64url').toString());
  comparison.same(`${field} header`, row.jwtHeader, part(0));
  comparison.same(`${field} payload`, row.jwtPayload, part(1));
  comparison.same(`${field} hashed`, row.queryStringHashed, plainQuery(parameters));
}

/** Their order of parameters is not ours: the signature is compared in theirs, and then that nothing else is sent. */
function compareUnordered(
  comparison: Comparison,
  field: string,
  orders: OrderEntry,
  given: { readonly row: ClientRow; readonly credentials: Credentials; readonly sent: string },
): void {
  const { row, credentials, sent } = given;
  const pairs = pairsOf(sent).filter(([name]) => name !== 'signature');
  comparison.same(`${field} signature`, sent, signedParameters(pairs, credentials.secret));
  const own = orders.sign(
    callOf(
      row.signed.method,
      new URL(row.signed.url).pathname,
      pairs.filter(([name]) => name !== 'timestamp' && name !== 'recvWindow'),
    ),
    credentials,
    { timeMs: row.clock_ms, validForMs: Number(new Map(pairs).get('recvWindow')), nonce: row.uuid },
  );
  const sorted = (list: readonly [string, string][]) => Object.fromEntries([...list].sort());
  const ownPairs = pairsOf(sentBy(own)).filter(([name]) => name !== 'signature');
  comparison.same(`${field} parameters`, sorted(pairs), sorted(ownPairs));
  comparison.same(`${field} headers`, row.signed.headers, own.headers);
}

const sentBy = ({ body, path }: SignedRequest) => body ?? path.slice(path.indexOf('?') + 1);

function callOf(method: PrivateCall['method'], path: string, parameters: Parameters): PrivateCall {
  return { method, path, parameters, expires: true, costs: {}, timeoutMs: 1000, maxBodyBytes: 1024 };
}
