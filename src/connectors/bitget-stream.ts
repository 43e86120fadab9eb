import { readBalance, readPushedOrder, readPushedTrade } from './bitget-order-rows.js';
import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import type { PrivateSink, PrivateStream } from './order-entry.js';
import { hmacBase64 } from './order-signing.js';

/** The private socket of Bitget v2 (PROTOCOLS §10): a login frame, then the channels `orders`, whose pushes carry trades, and `account`. */

const CHANNELS = [
  { instType: 'SPOT', channel: 'orders', instId: 'default' },
  { instType: 'SPOT', channel: 'account', coin: 'default' },
] as const;

export const bitgetStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: () => ({}),
  login: ({ apiKey, secret, passphrase }, { timeMs }) => {
    const timestamp = String(Math.floor(timeMs / 1000));
    const sign = hmacBase64(secret, `${timestamp}GET/user/verify`);
    return [
      JSON.stringify({ op: 'login', args: [{ apiKey, passphrase: passphrase ?? '', timestamp, sign }] }),
    ];
  },
  subscribe: () => [JSON.stringify({ op: 'subscribe', args: CHANNELS })],
  // Each channel is acknowledged by itself.
  acknowledgements: CHANNELS.length,
  // Closed after about two minutes without a ping, also while data flows [P].
  heartbeat: {
    everyMs: 30_000,
    probe: { kind: 'text', text: 'ping' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: 86_400_000,
  isOpenAuthorised: false,
  decode: (data, sink) => {
    if (data.length === 4 && data.toString('latin1') === 'pong') return sink.pong();
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) return readControl(frame, sink);
    if (!Object.hasOwn(frame, 'arg')) return;
    const arg = f.fieldsAt(frame, 'arg', '');
    // Contracts have channels of the same names.
    if (f.member(arg, 'instType') !== 'SPOT') return;
    const rows = f
      .listAt(frame, 'data', '', 1000)
      .map((row, index) => ({ row: f.asFields(row, `data[${index}]`), path: `data[${index}].` }));
    switch (f.textAt(arg, 'channel', 'arg.')) {
      case 'orders':
        return readOrders(rows, sink);
      case 'account':
        return readAccount(rows, sink);
      default:
    }
  },
};

type Rows = readonly { readonly row: f.Fields; readonly path: string }[];

/** Codes are numbers or text. */
function readControl(frame: f.Fields, sink: PrivateSink): void {
  const event = f.textAt(frame, 'event', '');
  const code = f.member(frame, 'code');
  const message = f.member(frame, 'msg');
  if (event === 'login' && (code === 0 || code === '0')) return sink.authorised();
  if (event === 'subscribe') {
    const channel = f.textAt(f.fieldsAt(frame, 'arg', ''), 'channel', 'arg.');
    if (CHANNELS.some((one) => one.channel === channel)) sink.subscribed();
    return;
  }
  if (event !== 'error' && event !== 'login') return;
  const isCode = typeof code === 'number' || typeof code === 'string';
  sink.refused(
    isCode ? String(code).slice(0, 32) : event,
    typeof message === 'string' ? message.slice(0, 256) : '',
  );
}

/** All rows are read before one is told, so that a refused frame leaves nothing behind. */
function readOrders(rows: Rows, sink: PrivateSink): void {
  const told = rows.map(({ row, path }) => {
    const order = readPushedOrder(row, path);
    return { order, trade: readPushedTrade(row, path, order) };
  });
  for (const { order, trade } of told) {
    if (trade !== null) sink.trade(trade);
    sink.order(order);
  }
}

function readAccount(rows: Rows, sink: PrivateSink): void {
  const told = rows.map(({ row, path }) => ({
    balance: readBalance(row, path),
    timeMs: f.timeTextAt(row, 'uTime', path),
  }));
  for (const { balance, timeMs } of told) sink.balance(balance, timeMs);
}
