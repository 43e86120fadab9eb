import * as f from './fields.js';
import { FRAME_LIMITS, parseJson } from './frame-parser.js';
import { momentAt } from './gate-fields.js';
import { readBalance, readOrder, readTrade } from './gate-order-rows.js';
import type { Credentials, PrivateSink, PrivateStream } from './order-entry.js';
import * as o from './order-fields.js';
import { hmacSha512Hex } from './order-signing.js';

/**
 * The private channels of Gate (PROTOCOLS §9.4): on the public socket, each subscription signed by itself. Orders of `orders_v2`,
 * trades with their fee of `usertrades`, and balances.
 */

export const GATE_PRIVATE_SOCKET = 'wss://api.gateio.ws/ws/v4/';

const CHANNELS = [
  { channel: 'spot.orders_v2', payload: ['!all'] },
  { channel: 'spot.usertrades', payload: ['!all'] },
  { channel: 'spot.balances', payload: null },
] as const;
/** Changes of a balance that orders make [C]; every other one came in or went out. */
const BY_ORDERS = /^(?:order-|trade-fee)/;

export const gateStream: PrivateStream = {
  url: ({ privateUrl }) => privateUrl ?? '',
  handshakeHeaders: () => ({}),
  // Each subscription is its own login.
  login: (credentials, { timeMs }) =>
    CHANNELS.map(({ channel, payload }, index) => {
      const time = Math.floor(timeMs / 1000);
      return JSON.stringify({
        time,
        id: index + 1,
        channel,
        event: 'subscribe',
        ...(payload !== null && { payload }),
        auth: authOf(credentials, channel, time),
      });
    }),
  subscribe: () => [],
  acknowledgements: CHANNELS.length,
  heartbeat: {
    everyMs: 15_000,
    probe: { kind: 'ping' },
    probeAfterSilenceMs: 4000,
    deadAfterSilenceMs: 9000,
  },
  maxFrameBytes: FRAME_LIMITS.maxBytes,
  lifetimeMs: null,
  isOpenAuthorised: true,
  decode: (data, sink) => {
    const frame = f.asFields(parseJson(data, FRAME_LIMITS), 'frame');
    if (!Object.hasOwn(frame, 'channel')) return;
    const channel = f.textAt(frame, 'channel', '');
    if (channel === 'spot.pong') return sink.pong();
    const event = f.member(frame, 'event');
    if (event === 'subscribe') readAnswer(frame, channel, sink);
    else if (event === 'update') readUpdate(frame, channel, sink);
  },
};

function authOf({ apiKey, secret }: Credentials, channel: string, time: number): object {
  const text = `channel=${channel}&event=subscribe&time=${time}`;
  return { method: 'api_key', KEY: apiKey, SIGN: hmacSha512Hex(secret, text) };
}

function readAnswer(frame: f.Fields, channel: string, sink: PrivateSink): void {
  if (!CHANNELS.some((one) => one.channel === channel)) return;
  const error = f.member(frame, 'error');
  if (error !== undefined && error !== null) {
    const { code, message } = f.asFields(error, 'error');
    return sink.refused(
      typeof code === 'number' || typeof code === 'string' ? String(code).slice(0, 32) : 'error',
      typeof message === 'string' ? message.slice(0, 256) : '',
    );
  }
  if (f.textAt(f.fieldsAt(frame, 'result', ''), 'status', 'result.') === 'success') sink.subscribed();
  else sink.refused('subscribe', channel);
}

/** All rows are read before one is told, so that a refused frame leaves nothing behind. */
function readUpdate(frame: f.Fields, channel: string, sink: PrivateSink): void {
  const rows = <Row>(read: (row: f.Fields, path: string) => Row): Row[] =>
    f
      .listAt(frame, 'result', '', 1000)
      .map((row, index) => read(f.asFields(row, `result[${index}]`), `result[${index}].`));
  switch (channel) {
    case 'spot.orders_v2':
    case 'spot.orders':
      return rows(readOrder).forEach((order) => sink.order(order));
    case 'spot.usertrades':
      return rows((row, path) => readTrade(row, path)).forEach((trade) => sink.trade(trade));
    case 'spot.balances':
      return rows(readChange).forEach(({ balance, timeMs, hasMoved }) => {
        sink.balance(balance, timeMs);
        if (hasMoved) sink.transferred(balance.ticker, timeMs);
      });
    default:
  }
}

function readChange(row: f.Fields, path: string) {
  const change = o.signedOrZeroAt(row, 'change', path);
  const type = o.wordAt(row, 'change_type', path);
  return {
    balance: readBalance(row, path, 'freeze'),
    timeMs: momentAt(row, 'timestamp', path),
    hasMoved: !o.isZero(change) && !BY_ORDERS.test(type),
  };
}
