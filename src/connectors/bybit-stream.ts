import { readBalances, readExecution, readOrder } from './bybit-order-rows.js';
import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { PrivateSink, PrivateStream } from './order-entry.js';
import { hmacHex } from './order-signing.js';

/** The private socket of Bybit v5 (PROTOCOLS §5): an `auth` frame, then orders and executions of spot, and the wallet. */

const TOPICS = ['order.spot', 'execution.spot', 'wallet'] as const;
/** For how long the login may be on its way. */
const LOGIN_VALID_MS = 10_000;

export const bybitStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: () => ({}),
  login: ({ apiKey, secret }, { timeMs }) => {
    const expiresMs = Math.floor(timeMs) + LOGIN_VALID_MS;
    return [
      JSON.stringify({
        req_id: 'auth',
        op: 'auth',
        args: [apiKey, expiresMs, hmacHex(secret, `GET/realtime${expiresMs}`)],
      }),
    ];
  },
  subscribe: () => [JSON.stringify({ req_id: 'topics', op: 'subscribe', args: TOPICS })],
  acknowledgements: 1,
  heartbeat: {
    everyMs: 20_000,
    probe: { kind: 'text', text: '{"op":"ping"}' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: null,
  isOpenAuthorised: false,
  decode: (data, sink) => {
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'op')) return readControl(frame, sink);
    if (!Object.hasOwn(frame, 'topic')) return;
    const topic = f.textAt(frame, 'topic', '');
    const rows = f
      .listAt(frame, 'data', '', 1000)
      .map((row, index) => ({ row: f.asFields(row, `data[${index}]`), path: `data[${index}].` }));
    // A category may follow the topic or stand in the rows only.
    if (topic === 'order' || topic === 'order.spot') readOrders(rows, sink);
    else if (topic === 'execution' || topic === 'execution.spot') readExecutions(rows, sink);
    else if (topic === 'wallet') readWallet(frame, rows, sink);
  },
};

type Rows = readonly { readonly row: f.Fields; readonly path: string }[];

function readControl(frame: f.Fields, sink: PrivateSink): void {
  const op = f.textAt(frame, 'op', '');
  // `{"op":"pong"}`, or `{"op":"ping","ret_msg":"pong"}`.
  if (op === 'pong' || (op === 'ping' && f.member(frame, 'ret_msg') === 'pong')) return sink.pong();
  if (op !== 'auth' && op !== 'subscribe') return;
  if (!f.booleanAt(frame, 'success', '')) {
    const message = f.member(frame, 'ret_msg');
    return sink.refused(op, typeof message === 'string' ? message.slice(0, 256) : '');
  }
  if (op === 'auth') sink.authorised();
  else sink.subscribed();
}

const isSpot = ({ row }: Rows[number]) => f.member(row, 'category') === 'spot';

/** All rows are read before one is told, so that a refused frame leaves nothing behind. */
function readOrders(rows: Rows, sink: PrivateSink): void {
  const orders = rows.filter(isSpot).map(({ row, path }) => readOrder(row, path));
  for (const order of orders) sink.order(order);
}

function readExecutions(rows: Rows, sink: PrivateSink): void {
  const trades = rows.filter(isSpot).flatMap(({ row, path }) => readExecution(row, path) ?? []);
  for (const trade of trades) sink.trade(trade);
}

function readWallet(frame: f.Fields, rows: Rows, sink: PrivateSink): void {
  const timeMs = f.timeAt(frame, 'creationTime', '');
  const balances = rows
    .filter(({ row }) => f.member(row, 'accountType') === 'UNIFIED')
    .flatMap(({ row, path }) => readBalances(row, path));
  for (const balance of balances) sink.balance(balance, timeMs);
}
