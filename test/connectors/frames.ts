import { binance } from '../../src/connectors/binance.js';
import { bybit } from '../../src/connectors/bybit.js';
import type { Connector } from '../../src/connectors/base.js';
import { okx } from '../../src/connectors/okx.js';
import { GATE_SAMPLE } from './fixtures-gate.js';
import { BITGET_SAMPLES } from './fixtures-bitget.js';

/** Hand-written frames of every kind that the connectors read, with the fields that must be judged. */

export type FieldKind =
  | 'price'
  | 'size'
  | 'positive'
  | 'counter'
  /** A counter as a number or as text, of any length. */
  | 'sequence'
  | 'previous'
  | 'time'
  | 'timeText'
  | 'nanoseconds'
  | 'counterText'
  | 'id'
  | 'word'
  | 'symbol'
  | 'list'
  | 'object'
  | 'flag'
  | 'verdict'
  | 'checksum';

export interface SampleFrame {
  readonly name: string;
  readonly frame: object;
  /** Path in the frame → kind. Paths are spelled as errors spell them. */
  readonly fields: Readonly<Record<string, FieldKind>>;
}

export interface SampleExchange {
  readonly name: string;
  readonly connector: () => Connector;
  readonly symbol: string;
  readonly frames: readonly SampleFrame[];
}

const T = 1_790_000_000_000;

export const SAMPLES: readonly SampleExchange[] = [
  {
    name: 'binance',
    connector: () => binance(),
    symbol: 'BTCUSDT',
    frames: [
      {
        name: 'diff',
        frame: {
          stream: 'btcusdt@depth@100ms',
          data: {
            e: 'depthUpdate',
            E: T,
            s: 'BTCUSDT',
            U: 101,
            u: 103,
            b: [['100.5', '2']],
            a: [['101.5', '3']],
          },
        },
        fields: {
          data: 'object',
          'data.e': 'word',
          'data.E': 'time',
          'data.s': 'symbol',
          'data.U': 'counter',
          'data.u': 'counter',
          'data.b': 'list',
          'data.a': 'list',
          'data.b[0][0]': 'price',
          'data.b[0][1]': 'size',
          'data.a[0][0]': 'price',
          'data.a[0][1]': 'size',
        },
      },
      {
        name: 'best quote',
        frame: {
          stream: 'btcusdt@bookTicker',
          data: { u: 104, s: 'BTCUSDT', b: '100.5', B: '2', a: '101.5', A: '3' },
        },
        fields: {
          data: 'object',
          'data.u': 'counter',
          'data.s': 'symbol',
          'data.b': 'price',
          'data.B': 'size',
          'data.a': 'price',
          'data.A': 'size',
        },
      },
      {
        name: 'trade',
        frame: {
          stream: 'btcusdt@trade',
          data: { e: 'trade', E: T, s: 'BTCUSDT', t: 7, p: '100.5', q: '2', T, m: true, M: true },
        },
        fields: {
          'data.e': 'word',
          'data.E': 'time',
          'data.s': 'symbol',
          'data.t': 'id',
          'data.p': 'positive',
          'data.q': 'positive',
          'data.T': 'time',
          'data.m': 'flag',
        },
      },
      {
        name: 'error',
        frame: { error: { code: 2, msg: 'Invalid request' }, id: 1 },
        fields: { 'error.msg': 'word' },
      },
    ],
  },
  {
    name: 'okx',
    connector: () => okx(),
    symbol: 'BTC-USDT',
    frames: [
      {
        name: 'snapshot',
        frame: {
          arg: { channel: 'books', instId: 'BTC-USDT' },
          action: 'snapshot',
          data: [
            {
              asks: [['101.5', '3', '0', '1']],
              bids: [['100.5', '2', '0', '1']],
              instId: 'BTC-USDT',
              ts: String(T),
              checksum: 0,
              seqId: 10,
              prevSeqId: -1,
            },
          ],
        },
        fields: {
          arg: 'object',
          'arg.instId': 'symbol',
          action: 'word',
          data: 'list',
          'data[0].asks': 'list',
          'data[0].bids': 'list',
          'data[0].asks[0][0]': 'price',
          'data[0].asks[0][1]': 'size',
          'data[0].bids[0][0]': 'price',
          'data[0].bids[0][1]': 'size',
          'data[0].instId': 'symbol',
          'data[0].ts': 'timeText',
          'data[0].checksum': 'checksum',
          'data[0].seqId': 'counter',
        },
      },
      {
        name: 'update',
        frame: {
          arg: { channel: 'books', instId: 'BTC-USDT' },
          action: 'update',
          data: [
            {
              asks: [['101.5', '4', '0', '1']],
              bids: [['100.5', '0', '0', '0']],
              ts: String(T),
              checksum: 0,
              seqId: 12,
              prevSeqId: 10,
            },
          ],
        },
        fields: {
          'arg.instId': 'symbol',
          action: 'word',
          data: 'list',
          'data[0].asks': 'list',
          'data[0].bids': 'list',
          'data[0].asks[0][0]': 'price',
          'data[0].asks[0][1]': 'size',
          'data[0].bids[0][0]': 'price',
          'data[0].bids[0][1]': 'size',
          'data[0].ts': 'timeText',
          'data[0].checksum': 'checksum',
          'data[0].seqId': 'counter',
          'data[0].prevSeqId': 'previous',
        },
      },
      {
        name: 'best quote',
        frame: {
          arg: { channel: 'bbo-tbt', instId: 'BTC-USDT' },
          data: [
            { asks: [['101.5', '3', '0', '1']], bids: [['100.5', '2', '0', '1']], ts: String(T), seqId: 11 },
          ],
        },
        fields: {
          'data[0].asks': 'list',
          'data[0].asks[0][0]': 'price',
          'data[0].bids[0][1]': 'size',
          'data[0].ts': 'timeText',
          'data[0].seqId': 'counter',
        },
      },
      {
        name: 'trade',
        frame: {
          arg: { channel: 'trades', instId: 'BTC-USDT' },
          data: [{ instId: 'BTC-USDT', tradeId: '9', px: '100.5', sz: '2', side: 'buy', ts: String(T) }],
        },
        fields: {
          'data[0].instId': 'symbol',
          'data[0].tradeId': 'id',
          'data[0].px': 'positive',
          'data[0].sz': 'positive',
          'data[0].side': 'word',
          'data[0].ts': 'timeText',
        },
      },
      {
        name: 'error',
        frame: { event: 'error', code: '60018', msg: 'no such channel', connId: 'a' },
        fields: { code: 'word' },
      },
    ],
  },
  {
    name: 'bybit',
    connector: () => bybit(),
    symbol: 'BTCUSDT',
    frames: [
      {
        name: 'snapshot',
        frame: {
          topic: 'orderbook.50.BTCUSDT',
          ts: T,
          type: 'snapshot',
          data: { s: 'BTCUSDT', b: [['100.5', '2']], a: [['101.5', '3']], u: 50, seq: 500 },
          cts: T - 3,
        },
        fields: {
          ts: 'time',
          type: 'word',
          data: 'object',
          'data.s': 'symbol',
          'data.b': 'list',
          'data.a': 'list',
          'data.b[0][0]': 'price',
          'data.b[0][1]': 'size',
          'data.a[0][0]': 'price',
          'data.a[0][1]': 'size',
          'data.u': 'counter',
          'data.seq': 'counter',
          cts: 'time',
        },
      },
      {
        name: 'delta',
        frame: {
          topic: 'orderbook.50.BTCUSDT',
          ts: T,
          type: 'delta',
          data: { s: 'BTCUSDT', b: [['100.5', '2']], a: [['101.5', '3']], u: 51, seq: 501 },
          cts: T - 3,
        },
        fields: {
          ts: 'time',
          type: 'word',
          data: 'object',
          'data.s': 'symbol',
          'data.b': 'list',
          'data.a': 'list',
          'data.b[0][0]': 'price',
          'data.b[0][1]': 'size',
          'data.a[0][0]': 'price',
          'data.a[0][1]': 'size',
          'data.u': 'counter',
          'data.seq': 'counter',
          cts: 'time',
        },
      },
      {
        name: 'level 1',
        frame: {
          topic: 'orderbook.1.BTCUSDT',
          ts: T,
          type: 'snapshot',
          data: { s: 'BTCUSDT', b: [['100.5', '2']], a: [['101.5', '3']], u: 70, seq: 501 },
          cts: T - 3,
        },
        fields: {
          ts: 'time',
          type: 'word',
          data: 'object',
          'data.s': 'symbol',
          'data.b': 'list',
          'data.a': 'list',
          'data.b[0][0]': 'price',
          'data.b[0][1]': 'size',
          'data.a[0][0]': 'price',
          'data.a[0][1]': 'size',
          'data.u': 'counter',
          'data.seq': 'counter',
          cts: 'time',
        },
      },
      {
        name: 'trade',
        frame: {
          topic: 'publicTrade.BTCUSDT',
          type: 'snapshot',
          ts: T,
          data: [{ T, s: 'BTCUSDT', S: 'Sell', v: '2', p: '100.5', i: '2290000000050703789', BT: false }],
        },
        fields: {
          ts: 'time',
          data: 'list',
          'data[0].T': 'time',
          'data[0].s': 'symbol',
          'data[0].S': 'word',
          'data[0].v': 'positive',
          'data[0].p': 'positive',
          'data[0].i': 'id',
        },
      },
      { name: 'answer', frame: { success: true, ret_msg: '', op: 'subscribe' }, fields: { success: 'flag' } },
    ],
  },
  GATE_SAMPLE,
  ...BITGET_SAMPLES,
];
