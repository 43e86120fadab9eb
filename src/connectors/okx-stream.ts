import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { isSpot, readBalance, readOrder, readPushedFill } from './okx-order-rows.js';
import type { PrivateSink, PrivateStream } from './order-entry.js';
import { hmacBase64 } from './order-signing.js';

/** The private socket of OKX (PROTOCOLS §4): a login frame, then the channels `orders` and `account`. */

const CHANNELS = [{ channel: 'orders', instType: 'SPOT' }, { channel: 'account' }] as const;

export const okxStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: () => ({}),
  login: ({ apiKey, secret, passphrase }, { timeMs }) => {
    const timestamp = String(Math.floor(timeMs / 1000));
    const sign = hmacBase64(secret, `${timestamp}GET/users/self/verify`);
    return [
      JSON.stringify({ op: 'login', args: [{ apiKey, passphrase: passphrase ?? '', timestamp, sign }] }),
    ];
  },
  subscribe: () => [JSON.stringify({ op: 'subscribe', args: CHANNELS })],
  // Each channel is acknowledged by itself.
  acknowledgements: CHANNELS.length,
  heartbeat: {
    everyMs: null,
    probe: { kind: 'text', text: 'ping' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: null,
  isOpenAuthorised: false,
  decode: (data, sink) => {
    if (data.length === 4 && data.toString('latin1') === 'pong') return sink.pong();
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (Object.hasOwn(frame, 'event')) return readControl(frame, sink);
    if (!Object.hasOwn(frame, 'arg')) return;
    const rows = f.listAt(frame, 'data', '', 1000).map((row, index) => f.asFields(row, `data[${index}]`));
    switch (f.textAt(f.fieldsAt(frame, 'arg', ''), 'channel', 'arg.')) {
      case 'orders':
        return readOrders(rows, sink);
      case 'account':
        return readAccount(rows, sink);
      default:
    }
  },
};

function readControl(frame: f.Fields, sink: PrivateSink): void {
  const event = f.textAt(frame, 'event', '');
  const code = f.member(frame, 'code');
  const message = f.member(frame, 'msg');
  if (event === 'login' && code === '0') return sink.authorised();
  if (event === 'subscribe') {
    const channel = f.textAt(f.fieldsAt(frame, 'arg', ''), 'channel', 'arg.');
    if (CHANNELS.some((one) => one.channel === channel)) sink.subscribed();
    return;
  }
  // 64008: the connection closes for an upgrade in about a minute [O].
  if (event === 'notice') return sink.closing(typeof code === 'string' ? code.slice(0, 32) : 'notice');
  if (event === 'error' || event === 'login' || event === 'channel-conn-count-error')
    sink.refused(
      typeof code === 'string' ? code.slice(0, 32) : event,
      typeof message === 'string' ? message.slice(0, 256) : '',
    );
}

/** All rows are read before one is told, so that a refused frame leaves nothing behind. */
function readOrders(rows: readonly f.Fields[], sink: PrivateSink): void {
  const told = rows.flatMap((row, index) => {
    if (!isSpot(row)) return [];
    const path = `data[${index}].`;
    return [{ trade: readPushedFill(row, path), order: readOrder(row, path) }];
  });
  for (const { trade, order } of told) {
    if (trade !== null) sink.trade(trade);
    sink.order(order);
  }
}

function readAccount(rows: readonly f.Fields[], sink: PrivateSink): void {
  const told = rows.flatMap((row, index) =>
    f.listAt(row, 'details', `data[${index}].`, 10_000).map((detail, at) => {
      const path = `data[${index}].details[${at}]`;
      const fields = f.asFields(detail, path);
      return {
        balance: readBalance(fields, `${path}.`),
        timeMs: f.timeTextAt(fields, 'uTime', `${path}.`),
      };
    }),
  );
  for (const { balance, timeMs } of told) sink.balance(balance, timeMs);
}
