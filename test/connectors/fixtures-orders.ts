import { binance } from '../../src/connectors/binance.js';
import { bitget } from '../../src/connectors/bitget.js';
import { bithumb } from '../../src/connectors/bithumb.js';
import { bybit } from '../../src/connectors/bybit.js';
import { gate } from '../../src/connectors/gate.js';
import { kucoin } from '../../src/connectors/kucoin.js';
import { okx } from '../../src/connectors/okx.js';
import type {
  BalanceReport,
  ExchangeAnswer,
  OrderEntry,
  OrderReport,
  OrderTicket,
  PrivateSink,
  TradeReport,
} from '../../src/connectors/order-entry.js';
import { upbit } from '../../src/connectors/upbit.js';
import type { Connector } from '../../src/connectors/base.js';

/** Answers and private frames of order entry, written from the documentation of each exchange. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One exchange: its order entry, one order that fills half and is then dropped, and everything said about it. */
export interface OrderSubject {
  readonly connector: Connector;
  readonly orders: OrderEntry;
  readonly ticket: OrderTicket;
  readonly exchangeOrderId: string;
  readonly bodies: {
    readonly place: Json;
    readonly cancel: Json;
    /** One per look-up: found. */
    readonly lookups: readonly Json[];
    /** One per look-up: not there. */
    readonly absent: readonly { readonly status: number; readonly body: Json }[];
    readonly open: Json;
    readonly fills: Json;
    readonly balances: Json;
    readonly transfers: readonly Json[];
    readonly feeRates: Json;
    /** Where they are told only with a key: USDT on two networks, the second shut both ways. */
    readonly wallets?: Json;
  };
  readonly trade: Omit<TradeReport, 'clientOrderId'>;
  readonly balance: BalanceReport;
  /** Signed amounts of the transfers. */
  readonly transferred: readonly string[];
  readonly takerFeeRate: string;
  readonly frames: {
    readonly authorised: Json | null;
    readonly acknowledged: readonly Json[];
    readonly refused: Json;
    /** The half that fills, as the stream tells it: the trade, then the order or both in one. */
    readonly filled: readonly Json[];
    readonly ended: Json;
    readonly balance: Json;
  };
  /** True where a receipt may leave out the id of the client (KuCoin's older answers). */
  readonly echoIsOptional?: true;
  /** What the stream does not tell is asked for: KuCoin's matches have no fee. */
  readonly streamTellsNoTrades?: true;
  /** An error body as the exchange writes it. */
  readonly error: (code: string, message: string) => { readonly status: number; readonly body: Json };
}

const onNetwork = (network: string, isOpen: boolean) => ({
  network,
  depositEnable: isOpen,
  withdrawEnable: isOpen,
});

export const answer = (body: Json | Buffer, status = 200): ExchangeAnswer => ({
  status,
  headers: {},
  body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)),
});

/** Collects what a private stream tells. */
export class CollectingSink implements PrivateSink {
  readonly told: string[] = [];
  readonly orders: OrderReport[] = [];
  readonly trades: TradeReport[] = [];
  readonly balances: BalanceReport[] = [];
  authorised(): void {
    this.told.push('authorised');
  }
  subscribed(): void {
    this.told.push('subscribed');
  }
  refused(code: string): void {
    this.told.push(`refused ${code}`);
  }
  order(report: OrderReport): void {
    this.told.push('order');
    this.orders.push(report);
  }
  trade(report: TradeReport): void {
    this.told.push('trade');
    this.trades.push(report);
  }
  balance(report: BalanceReport): void {
    this.told.push('balance');
    this.balances.push(report);
  }
  transferred(ticker: string): void {
    this.told.push(`transferred ${ticker}`);
  }
  pong(): void {
    this.told.push('pong');
  }
  closing(reason: string): void {
    this.told.push(`closing ${reason}`);
  }
}

const TIME = 1_790_000_000_123;
/** Beyond 2^53. */
const LONG_ID = '9007199254740993123';

function binanceSubject(): OrderSubject {
  const connector = binance();
  const order = {
    symbol: 'BTCUSDT',
    orderId: 4_293_153,
    orderListId: -1,
    clientOrderId: 'a1-0-1',
    price: '65000.10',
    origQty: '0.00200000',
    executedQty: '0.00100000',
    cummulativeQuoteQty: '65.00000000',
    status: 'EXPIRED',
    timeInForce: 'IOC',
    type: 'LIMIT',
    side: 'BUY',
  };
  const execution = (more: { [key: string]: Json }): Json => ({
    subscriptionId: 0,
    event: {
      e: 'executionReport',
      E: TIME,
      s: 'BTCUSDT',
      c: 'a1-0-1',
      S: 'BUY',
      o: 'LIMIT',
      f: 'IOC',
      q: '0.00200000',
      p: '65000.10',
      C: '',
      r: 'NONE',
      i: 4_293_153,
      z: '0.00100000',
      T: TIME,
      I: 8_641_984,
      ...more,
    },
  });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'BTCUSDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: '4293153',
    bodies: {
      place: {
        ...order,
        transactTime: TIME,
        fills: [
          {
            price: '65000.00',
            qty: '0.00100000',
            commission: '0.00000100',
            commissionAsset: 'BTC',
            tradeId: 56,
          },
        ],
      },
      cancel: { ...order, origClientOrderId: 'a1-0-1', clientOrderId: 'cancel-1', transactTime: TIME },
      lookups: [{ ...order, time: TIME, updateTime: TIME }],
      absent: [{ status: 400, body: { code: -2013, msg: 'Order does not exist.' } }],
      open: [{ ...order, status: 'PARTIALLY_FILLED', timeInForce: 'GTC', time: TIME, updateTime: TIME }],
      fills: [
        {
          symbol: 'BTCUSDT',
          id: 56,
          orderId: 4_293_153,
          price: '65000.00',
          qty: '0.00100000',
          quoteQty: '65',
          commission: '0.00000100',
          commissionAsset: 'BTC',
          time: TIME,
          isBuyer: true,
          isMaker: false,
        },
      ],
      balances: {
        canTrade: true,
        balances: [
          { asset: 'BTC', free: '1.50000000', locked: '0.25000000' },
          { asset: 'USDT', free: '10', locked: '0' },
        ],
      },
      transfers: [
        [
          { id: 'd1', amount: '0.5', coin: 'BTC', status: 1, insertTime: TIME, walletType: 0 },
          { id: 'd2', amount: '7', coin: 'BTC', status: 1, insertTime: TIME, walletType: 1 },
          { id: 'd3', amount: '8', coin: 'BTC', status: 2, insertTime: TIME },
        ],
        [
          {
            id: 'w1',
            amount: '8.91',
            transactionFee: '0.09',
            coin: 'USDT',
            status: 6,
            applyTime: '2026-09-21 14:13:20',
            walletType: 0,
          },
        ],
      ],
      feeRates: {
        symbol: 'BTCUSDT',
        standardCommission: { maker: '0.0008', taker: '0.001', buyer: '0', seller: '0' },
        taxCommission: { maker: '0', taker: '0.0001', buyer: '0.0002', seller: '0.0003' },
      },
      wallets: [
        {
          coin: 'USDT',
          networkList: [
            { ...onNetwork('TRX', true), withdrawFee: '1.5', withdrawMin: '10', minConfirm: 1 },
            { ...onNetwork('ETH', false), withdrawFee: '4', withdrawMin: '10', minConfirm: 6 },
          ],
        },
        { coin: 'ODD', networkList: [{ network: 'ODD', depositEnable: 'yes', withdrawEnable: true }] },
      ],
    },
    trade: {
      tradeId: 'BTCUSDT:56',
      exchangeOrderId: '4293153',
      symbol: 'BTCUSDT',
      side: 'buy',
      price: '65000.00',
      quantity: '0.00100000',
      fee: '0.00000100',
      feeTicker: 'BTC',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.50000000', locked: '0.25000000', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.0014',
    frames: {
      authorised: { id: 'private', status: 200, result: { subscriptionId: 0 } },
      acknowledged: [],
      refused: { id: 'private', status: 400, error: { code: -1022, msg: 'Signature is not valid.' } },
      filled: [
        execution({
          x: 'TRADE',
          X: 'PARTIALLY_FILLED',
          t: 56,
          l: '0.00100000',
          L: '65000.00',
          n: '0.00000100',
          N: 'BTC',
          m: false,
        }),
      ],
      ended: execution({ x: 'EXPIRED', X: 'EXPIRED', t: -1, l: '0', L: '0', n: '0', N: null, m: false }),
      balance: {
        subscriptionId: 0,
        event: {
          e: 'outboundAccountPosition',
          E: TIME,
          u: TIME,
          B: [{ a: 'BTC', f: '1.50000000', l: '0.25000000' }],
        },
      },
    },
    error: (code, message) => ({ status: 400, body: { code: Number(code), msg: message } }),
  };
}

function okxSubject(): OrderSubject {
  const connector = okx();
  const order = {
    instType: 'SPOT',
    instId: 'BTC-USDT',
    ordId: LONG_ID,
    clOrdId: 'a1x0x1',
    px: '65000.1',
    sz: '0.002',
    ordType: 'ioc',
    side: 'buy',
    tgtCcy: '',
    accFillSz: '0.001',
    state: 'canceled',
    cTime: String(TIME),
    uTime: String(TIME),
  };
  const fill = {
    tradeId: '744876980',
    fillPx: '65000',
    fillSz: '0.001',
    execType: 'T',
    fillTime: String(TIME),
  };
  const data = (...rows: Json[]): Json => ({ code: '0', msg: '', data: rows });
  const fillRow = {
    ...fill,
    instType: 'SPOT',
    instId: 'BTC-USDT',
    ordId: LONG_ID,
    clOrdId: 'a1x0x1',
    billId: '680800019754098688',
    side: 'buy',
    fee: '-0.000001',
    feeCcy: 'BTC',
    ts: String(TIME + 1),
  };
  const otherFill = {
    ...fillRow,
    tradeId: '744876979',
    ordId: '5',
    clOrdId: 'other',
    billId: '680800019754098687',
  };
  const receipt = data({
    clOrdId: 'a1x0x1',
    ordId: LONG_ID,
    tag: '',
    ts: String(TIME),
    sCode: '0',
    sMsg: '',
  });
  const push = (channel: string, ...rows: Json[]): Json => ({ arg: { channel }, data: rows });
  const detail = {
    ccy: 'BTC',
    availBal: '1.5',
    cashBal: '1.75',
    frozenBal: '0.25',
    liab: '',
    uTime: String(TIME),
  };
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1x0x1',
      symbol: 'BTC-USDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: LONG_ID,
    bodies: {
      place: receipt,
      cancel: receipt,
      lookups: [
        data(order),
        data({ ...order, ordId: '5', clOrdId: 'other' }, order),
        data(fillRow, otherFill),
      ],
      absent: [
        { status: 200, body: { code: '51603', msg: 'Order does not exist', data: [] } },
        { status: 200, body: data({ ...order, ordId: '5', clOrdId: 'other' }) },
        { status: 200, body: data(otherFill) },
      ],
      open: data({ ...order, state: 'partially_filled' }, { ...order, instType: 'SWAP', sz: 'one' }),
      fills: data(fillRow),
      balances: data({ totalEq: '1', details: [detail, { ...detail, ccy: 'USDT', availBal: '10' }] }),
      transfers: [
        data({ depId: '11', ccy: 'BTC', amt: '0.5', state: '2', ts: String(TIME) }),
        data(
          { wdId: '12', ccy: 'USDT', amt: '8.9', fee: '0.1', state: '2', ts: String(TIME) },
          { wdId: '13', ccy: 'USDT', amt: '7', fee: '0.1', state: '-2', ts: String(TIME) },
        ),
      ],
      feeRates: data({ instType: 'SPOT', maker: '-0.0008', taker: '-0.001', ts: String(TIME) }),
      wallets: data(
        {
          ccy: 'USDT',
          chain: 'USDT-TRC20',
          canDep: true,
          canWd: true,
          fee: '1.5',
          minWd: '10',
          burningFeeRate: '',
        },
        { ccy: 'USDT', chain: 'USDT-ERC20', canDep: false, canWd: false, minFee: '4', minWd: '10' },
        { ccy: 'ODD', chain: 'ODD-ODD', canDep: 'yes', canWd: true },
      ),
    },
    trade: {
      tradeId: 'BTC-USDT:744876980',
      exchangeOrderId: LONG_ID,
      symbol: 'BTC-USDT',
      side: 'buy',
      price: '65000',
      quantity: '0.001',
      fee: '0.000001',
      feeTicker: 'BTC',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.001',
    frames: {
      authorised: { event: 'login', code: '0', msg: '', connId: 'a4d3ae55' },
      acknowledged: ['orders', 'account'].map((channel) => ({
        event: 'subscribe',
        arg: { channel },
        connId: 'a4d3ae55',
      })),
      refused: { event: 'error', code: '60009', msg: 'Login failed.' },
      filled: [
        push('orders', {
          ...order,
          ...fill,
          state: 'partially_filled',
          fillFee: '-0.000001',
          fillFeeCcy: 'BTC',
        }),
      ],
      ended: push('orders', { ...order, tradeId: '', fillSz: '0', fillPx: '', fillTime: '' }),
      balance: push('account', { uTime: String(TIME), details: [detail] }),
    },
    error: (code, message) => ({
      status: 200,
      body: { code: '1', msg: '', data: [{ clOrdId: 'a1x0x1', ordId: '', sCode: code, sMsg: message }] },
    }),
  };
}

function bybitSubject(): OrderSubject {
  const connector = bybit();
  const order = {
    category: 'spot',
    orderId: '1321003749386327552',
    orderLinkId: 'a1-0-1',
    symbol: 'BTCUSDT',
    price: '65000.1',
    qty: '0.002',
    side: 'Buy',
    orderType: 'Limit',
    orderStatus: 'PartiallyFilledCanceled',
    cumExecQty: '0.001',
    timeInForce: 'IOC',
    createdTime: String(TIME - 5),
    updatedTime: String(TIME),
  };
  const execution = {
    category: 'spot',
    symbol: 'BTCUSDT',
    orderId: '1321003749386327552',
    orderLinkId: 'a1-0-1',
    side: 'Buy',
    execId: '7e2ae69c-4edf-5800-a352-893d52b446aa',
    execPrice: '65000',
    execQty: '0.001',
    execType: 'Trade',
    execFee: '0.000001',
    feeCurrency: 'BTC',
    isMaker: false,
    execTime: String(TIME),
  };
  const result = (value: Json): Json => ({
    retCode: 0,
    retMsg: 'OK',
    result: value,
    retExtInfo: {},
    time: TIME,
  });
  const list = (...rows: Json[]): Json =>
    result({ category: 'spot', list: rows, nextPageCursor: 'page_token%3D1%26' });
  const records = (...rows: Json[]): Json => result({ rows, nextPageCursor: '' });
  const empty = { status: 200, body: result({ category: 'spot', list: [], nextPageCursor: '' }) };
  const receipt = result({ orderId: '1321003749386327552', orderLinkId: 'a1-0-1' });
  const push = (topic: string, ...data: Json[]): Json => ({ id: 'x', topic, creationTime: TIME, data });
  const coin = (ticker: string, balance: string): Json => ({
    coin: ticker,
    walletBalance: balance,
    locked: '0.25',
    borrowAmount: '0',
    availableToWithdraw: '',
  });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'BTCUSDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: '1321003749386327552',
    bodies: {
      place: receipt,
      cancel: receipt,
      lookups: [list(order), list({ ...order, orderStatus: 'New', updatedTime: '1' }, order), list(order)],
      absent: [empty, empty, empty],
      open: list({ ...order, orderStatus: 'PartiallyFilled' }),
      fills: list(execution, { ...execution, execType: 'Funding', execId: 'f' }),
      balances: result({
        list: [{ accountType: 'UNIFIED', coin: [coin('BTC', '1.75'), coin('USDT', '10')] }],
      }),
      transfers: [
        records(
          { id: 'd1', coin: 'BTC', amount: '0.5', txID: 'x', status: 3, successAt: String(TIME) },
          { id: 'd2', coin: 'BTC', amount: '7', txID: 'y', status: 4, successAt: '' },
        ),
        records(
          {
            withdrawId: 'w1',
            coin: 'USDT',
            amount: '8',
            withdrawFee: '1',
            status: 'success',
            createTime: String(TIME),
          },
          {
            withdrawId: 'w2',
            coin: 'USDT',
            amount: '7',
            withdrawFee: '1',
            status: 'Reject',
            createTime: String(TIME),
          },
        ),
      ],
      feeRates: result({ list: [{ symbol: 'BTCUSDT', takerFeeRate: '0.001', makerFeeRate: '0.0008' }] }),
      wallets: result({
        rows: [
          {
            coin: 'USDT',
            chains: [
              { chain: 'TRX', chainDeposit: '1', chainWithdraw: '1', withdrawFee: '1.5', confirmation: '1' },
              { chain: 'ETH', chainDeposit: '0', chainWithdraw: '1', withdrawFee: '', confirmation: '6' },
            ],
          },
          { coin: 'ODD', chains: [{ chain: 'ODD', chainDeposit: 1, chainWithdraw: '1', withdrawFee: '1' }] },
        ],
      }),
    },
    trade: {
      tradeId: '7e2ae69c-4edf-5800-a352-893d52b446aa',
      exchangeOrderId: '1321003749386327552',
      symbol: 'BTCUSDT',
      side: 'buy',
      price: '65000',
      quantity: '0.001',
      fee: '0.000001',
      feeTicker: 'BTC',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.001',
    frames: {
      authorised: { success: true, ret_msg: '', op: 'auth', conn_id: 'c', req_id: 'auth' },
      acknowledged: [{ success: true, ret_msg: '', op: 'subscribe', conn_id: 'c', req_id: 'topics' }],
      refused: { success: false, ret_msg: 'Params Error', op: 'auth', conn_id: 'c' },
      filled: [
        push('execution.spot', execution),
        push('order.spot', { ...order, orderStatus: 'PartiallyFilled' }),
      ],
      ended: push('order.spot', order),
      balance: push('wallet', { accountType: 'UNIFIED', coin: [coin('BTC', '1.75')] }),
    },
    error: (code, message) => ({
      status: 200,
      body: { retCode: Number(code), retMsg: message, result: {}, time: TIME },
    }),
  };
}

function upbitSubject(): OrderSubject {
  const connector = upbit();
  const at = '2026-09-21T23:13:20+09:00';
  const atMs = Date.parse(at);
  const order = {
    uuid: 'cdd92199-2897-4e14-9448-f923320408ad',
    side: 'bid',
    ord_type: 'limit',
    price: '90000000',
    state: 'cancel',
    market: 'KRW-BTC',
    created_at: at,
    volume: '0.002',
    remaining_volume: '0.001',
    executed_volume: '0.001',
    reserved_fee: '90',
    remaining_fee: '45',
    paid_fee: '45',
    locked: '0',
    trades_count: 1,
    time_in_force: 'ioc',
    identifier: 'a1-0-1',
  };
  const trade = {
    market: 'KRW-BTC',
    uuid: '9e8f8eba-7050-4837-8969-cfc272cbe083',
    price: '90000000',
    volume: '0.001',
    funds: '90000',
    trend: 'up',
    created_at: at,
    side: 'bid',
  };
  const push = {
    type: 'myOrder',
    code: 'KRW-BTC',
    uuid: order.uuid,
    ask_bid: 'BID',
    order_type: 'limit',
    identifier: 'a1-0-1',
    price: 90_000_000,
    remaining_volume: 0.001,
    executed_volume: 0.001,
    trades_count: 1,
    paid_fee: 45,
    timestamp: atMs,
    stream_type: 'REALTIME',
  };
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'KRW-BTC',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '90000000',
    },
    exchangeOrderId: order.uuid,
    bodies: {
      place: { ...order, state: 'wait', executed_volume: '0', remaining_volume: '0.002', paid_fee: '0' },
      cancel: order,
      lookups: [{ ...order, trades: [trade] }],
      absent: [
        { status: 404, body: { error: { name: 'order_not_found', message: 'The order was not found.' } } },
      ],
      open: [{ ...order, state: 'wait', time_in_force: null }],
      fills: { ...order, trades: [trade] },
      balances: [
        { currency: 'BTC', balance: '1.5', locked: '0.25', avg_buy_price: '0', unit_currency: 'KRW' },
        { currency: 'KRW', balance: '1000000.0', locked: '0.0', avg_buy_price: '0', unit_currency: 'KRW' },
      ],
      transfers: [
        [
          {
            type: 'deposit',
            uuid: 'd1',
            currency: 'BTC',
            state: 'ACCEPTED',
            created_at: at,
            done_at: at,
            amount: '0.5',
            fee: '0',
          },
          {
            type: 'deposit',
            uuid: 'd2',
            currency: 'BTC',
            state: 'CANCELLED',
            created_at: at,
            done_at: null,
            amount: '7',
            fee: '0',
          },
        ],
        [
          {
            type: 'withdraw',
            uuid: 'w1',
            currency: 'BTC',
            state: 'DONE',
            created_at: at,
            done_at: at,
            amount: '8',
            fee: '1',
          },
        ],
      ],
      feeRates: {
        bid_fee: '0.0005',
        ask_fee: '0.0004',
        maker_bid_fee: '0.0005',
        maker_ask_fee: '0.0005',
        market: { id: 'KRW-BTC' },
      },
      wallets: [
        { currency: 'USDT', wallet_state: 'working', net_type: 'TRX' },
        { currency: 'USDT', wallet_state: 'paused', net_type: 'ETH' },
        { currency: 7, wallet_state: 'working', net_type: 'ODD' },
      ],
    },
    trade: {
      tradeId: trade.uuid,
      exchangeOrderId: order.uuid,
      symbol: 'KRW-BTC',
      side: 'buy',
      price: '90000000',
      quantity: '0.001',
      fee: '45',
      feeTicker: 'KRW',
      liquidity: 'taker',
      timeMs: atMs,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.0005',
    frames: {
      authorised: null,
      acknowledged: [],
      refused: { error: { name: 'INVALID_AUTH', message: 'no' } },
      filled: [
        {
          ...push,
          state: 'trade',
          trade_uuid: trade.uuid,
          volume: 0.001,
          trade_fee: 45,
          is_maker: false,
          trade_timestamp: atMs,
        },
      ],
      ended: { ...push, state: 'cancel', volume: 0.002, trade_uuid: null },
      balance: {
        type: 'myAsset',
        asset_uuid: 'x',
        assets: [{ currency: 'BTC', balance: 1.5, locked: 0.25 }],
        asset_timestamp: atMs,
        timestamp: atMs,
        stream_type: 'REALTIME',
      },
    },
    error: (code, message) => ({
      status: code === 'order_not_found' ? 404 : ACCOUNT_ERRORS.includes(code) ? 401 : 400,
      body: { error: { name: code, message } },
    }),
  };
}

function kucoinSubject(): OrderSubject {
  const connector = kucoin();
  const order = {
    id: '67c1437ea5226600071cc080',
    symbol: 'BTC-USDT',
    opType: 'DEAL',
    type: 'limit',
    side: 'buy',
    price: '65000.1',
    size: '0.002',
    funds: '0',
    dealSize: '0.001',
    dealFunds: '65',
    fee: '0.065',
    feeCurrency: 'USDT',
    stp: 'CN',
    timeInForce: 'IOC',
    clientOid: 'a1-0-1',
    cancelExist: true,
    createdAt: TIME - 5,
    lastUpdatedAt: TIME,
    inOrderBook: false,
    active: false,
  };
  const other = { ...order, id: '67c1437ea5226600071cc07f', clientOid: 'other' };
  const fill = {
    id: 2_678_765_568,
    symbol: 'BTC-USDT',
    // Beyond 2^53: a number on the wire.
    tradeId: LONG_ID,
    orderId: order.id,
    counterOrderId: '6306cf4027ecbe0001e1df4d',
    side: 'buy',
    liquidity: 'taker',
    price: '65000',
    size: '0.001',
    funds: '65',
    fee: '0.065',
    feeRate: '0.001',
    feeCurrency: 'USDT',
    tradeType: 'TRADE',
    createdAt: TIME,
  };
  const data = (value: Json): Json => ({ code: '200000', data: value });
  const list = (...items: Json[]): Json => data({ lastId: 2_682_265_600, items });
  const pages = (...items: Json[]): Json =>
    data({ currentPage: 1, pageSize: 500, totalNum: items.length, totalPage: 1, items });
  const account = (currency: string, type: string, available: string): Json => ({
    id: `id-${currency}-${type}`,
    currency,
    type,
    balance: '1.75',
    available,
    holds: '0.25',
  });
  const transfer = { chain: 'x', status: 'SUCCESS', isInner: false, createdAt: TIME, updatedAt: TIME };
  const push = (topic: string, subject: string, value: Json): Json => ({
    type: 'message',
    topic,
    subject,
    channelType: 'private',
    data: value,
  });
  const change = (more: { [key: string]: Json }): Json =>
    push('/spotMarket/tradeOrdersV2', 'orderChange', {
      symbol: 'BTC-USDT',
      orderType: 'limit',
      side: 'buy',
      orderId: order.id,
      orderTime: `${TIME}000000`,
      price: '65000.1',
      clientOid: 'a1-0-1',
      size: '0.002',
      filledSize: '0.001',
      remainSize: '0.001',
      originSize: '0.002',
      originFunds: '0',
      ts: `${TIME}123456`,
      ...more,
    });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'BTC-USDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: order.id,
    bodies: {
      place: data({ orderId: order.id, clientOid: 'a1-0-1' }),
      cancel: data({ orderId: order.id }),
      lookups: [data(order), list(other, order)],
      absent: [
        { status: 200, body: data(null) },
        { status: 200, body: list(other) },
      ],
      open: data({ symbols: ['BTC-USDT', 'ETH-USDT'] }),
      fills: list(fill, { ...fill, id: 5, tradeId: 7, orderId: 'other' }),
      balances: data([
        account('BTC', 'trade', '1.5'),
        account('USDT', 'trade', '10'),
        account('BTC', 'main', '3'),
      ]),
      transfers: [
        pages(
          { ...transfer, currency: 'BTC', amount: '0.5', fee: '0', walletTxId: 't1' },
          { ...transfer, currency: 'BTC', amount: '7', fee: '0', walletTxId: 't2', status: 'FAILURE' },
        ),
        pages(
          { ...transfer, id: '63564dbbd17bef00019371fb', currency: 'USDT', amount: '8.5', fee: '0.5' },
          {
            ...transfer,
            id: '63564dbbd17bef00019371fc',
            currency: 'USDT',
            amount: '7',
            fee: '1',
            status: 'FAILURE',
          },
        ),
      ],
      feeRates: data([{ symbol: 'BTC-USDT', takerFeeRate: '0.001', makerFeeRate: '0.0008' }]),
    },
    trade: {
      tradeId: `BTC-USDT:${LONG_ID}`,
      exchangeOrderId: order.id,
      symbol: 'BTC-USDT',
      side: 'buy',
      price: '65000',
      quantity: '0.001',
      fee: '0.065',
      feeTicker: 'USDT',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.001',
    frames: {
      authorised: { id: 'hQvf8jkno', type: 'welcome' },
      acknowledged: ['1', '2'].map((id) => ({ id, type: 'ack' })),
      refused: { id: '1', type: 'error', code: 401, data: 'token is invalid' },
      filled: [
        change({
          type: 'match',
          status: 'match',
          liquidity: 'taker',
          feeType: 'takerFee',
          matchPrice: '65000',
          matchSize: '0.001',
          tradeId: LONG_ID,
        }),
      ],
      ended: change({ type: 'canceled', status: 'done', remainSize: '0', canceledSize: '0.001' }),
      balance: push('/account/balance', 'account.balance', {
        currency: 'BTC',
        total: '1.75',
        available: '1.5',
        hold: '0.25',
        relationEvent: 'trade.setted',
        time: String(TIME),
      }),
    },
    echoIsOptional: true,
    streamTellsNoTrades: true,
    error: (code, message) => ({ status: 200, body: { code, msg: message } }),
  };
}

function gateSubject(): OrderSubject {
  const connector = gate();
  const seconds = String(Math.floor(TIME / 1000));
  const order = {
    id: '1852454420',
    text: 't-a1-0-1',
    amend_text: '-',
    create_time: seconds,
    update_time: seconds,
    create_time_ms: TIME - 5,
    update_time_ms: TIME,
    status: 'cancelled',
    currency_pair: 'BTC_USDT',
    type: 'limit',
    account: 'spot',
    side: 'buy',
    amount: '0.002',
    price: '65000.1',
    time_in_force: 'ioc',
    left: '0.001',
    filled_amount: '0.001',
    filled_total: '65',
    avg_deal_price: '65000',
    fee: '0.000002',
    fee_currency: 'BTC',
    point_fee: '0',
    gt_fee: '0',
    finish_as: 'ioc',
  };
  const other = { ...order, id: '1852454419', text: 't-other' };
  const trade = {
    id: '1232893232',
    create_time: seconds,
    create_time_ms: `${TIME}.456`,
    currency_pair: 'BTC_USDT',
    order_id: '1852454420',
    side: 'buy',
    role: 'taker',
    amount: '0.001',
    price: '65000',
    fee: '0.000002',
    fee_currency: 'BTC',
    point_fee: '0',
    gt_fee: '0',
    sequence_id: '588018',
    text: 't-a1-0-1',
  };
  const otherTrade = { ...trade, id: '1232893231', order_id: '1852454419', text: 'web' };
  const transfer = { timestamp: seconds, withdraw_order_id: '', txid: 'x', memo: '', chain: 'TRX' };
  const frame = (channel: string, event: string, more: { [key: string]: Json }): Json => ({
    time: Number(seconds),
    time_ms: TIME,
    channel,
    event,
    ...more,
  });
  const push = (channel: string, ...result: Json[]): Json => frame(channel, 'update', { result });
  const { status: _status, ...pushed } = order;
  const changed = (more: { [key: string]: Json }): Json =>
    push('spot.orders_v2', { ...pushed, update_time_ms: String(TIME), user: 3_497_082, ...more });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'BTC_USDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: '1852454420',
    bodies: {
      place: order,
      cancel: order,
      // Whatever list it stands in, its own words count.
      lookups: [order, [order], [other, order], [otherTrade, trade]],
      absent: [
        { status: 404, body: { label: 'ORDER_NOT_FOUND', message: 'Order not found' } },
        { status: 200, body: [] },
        { status: 200, body: [other] },
        { status: 200, body: [otherTrade] },
      ],
      open: [{ currency_pair: 'BTC_USDT', total: 1, orders: [{ ...order, status: 'open' }] }],
      fills: [trade, otherTrade],
      balances: [
        { currency: 'BTC', available: '1.5', locked: '0.25', update_id: 98 },
        { currency: 'USDT', available: '10', locked: '0', update_id: 99 },
      ],
      transfers: [
        [
          { ...transfer, id: 'd1', currency: 'BTC', amount: '0.5', status: 'DONE' },
          { ...transfer, id: 'd2', currency: 'BTC', amount: '7', status: 'CANCEL' },
        ],
        [
          { ...transfer, id: 'w1', currency: 'USDT', amount: '8.9', fee: '0.1', status: 'DONE' },
          { ...transfer, id: 'w2', currency: 'USDT', amount: '7', fee: '0.1', status: 'FAIL' },
        ],
      ],
      feeRates: { user_id: 10_001, taker_fee: '0.002', maker_fee: '0.0018', gt_discount: false },
    },
    trade: {
      tradeId: 'BTC_USDT:1232893232',
      exchangeOrderId: '1852454420',
      symbol: 'BTC_USDT',
      side: 'buy',
      price: '65000',
      quantity: '0.001',
      fee: '0.000002',
      feeTicker: 'BTC',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.002',
    frames: {
      authorised: null,
      acknowledged: ['spot.orders_v2', 'spot.usertrades', 'spot.balances'].map((channel) =>
        frame(channel, 'subscribe', { result: { status: 'success' } }),
      ),
      refused: frame('spot.balances', 'subscribe', {
        error: { code: 4, message: 'Signature mismatch' },
        result: { status: 'fail' },
      }),
      filled: [
        push('spot.usertrades', { ...trade, id: 1_232_893_232, user_id: 1 }),
        changed({ event: 'update', finish_as: 'open' }),
      ],
      ended: changed({ event: 'finish', finish_as: 'ioc' }),
      balance: push('spot.balances', {
        timestamp: seconds,
        timestamp_ms: String(TIME),
        user: '1',
        currency: 'BTC',
        change: '0',
        total: '1.75',
        available: '1.5',
        freeze: '0.25',
        freeze_change: '0.25',
        change_type: 'order-create',
      }),
    },
    error: (code, message) => ({ status: 400, body: { label: code, message } }),
  };
}

function bithumbSubject(): OrderSubject {
  const connector = bithumb();
  const at = '2026-09-21T23:13:20+09:00';
  const atMs = Date.parse(at);
  const id = 'C0101000003152406454';
  const order = {
    uuid: id,
    client_order_id: 'a1-0-1',
    side: 'bid',
    ord_type: 'limit',
    price: '90000000',
    // Half of it filled, and it says done.
    state: 'done',
    market: 'KRW-BTC',
    created_at: at,
    volume: '0.002',
    remaining_volume: '0.001',
    executed_volume: '0.001',
    executed_funds: '90000',
    reserved_fee: '72',
    remaining_fee: '0',
    paid_fee: '36',
    locked: '0',
    trades_count: 1,
    time_in_force: 'ioc',
    stp_type: 'cancel_taker',
    cancel_type: 'tif_cancel',
  };
  const trade = {
    market: 'KRW-BTC',
    uuid: 'C0102000000001744207',
    price: '90000000',
    volume: '0.001',
    funds: '90000',
    created_at: at,
    side: 'bid',
  };
  const receipt = { order_id: id, client_order_id: 'a1-0-1', created_at: at };
  const push = {
    type: 'myOrder',
    code: 'KRW-BTC',
    order_id: id,
    client_order_id: 'a1-0-1',
    side: 'buy',
    order_type: 'limit',
    time_in_force: 'ioc',
    order_price: 90_000_000,
    order_quantity: 0.002,
    order_amount: 180_000,
    remaining_quantity: 0.001,
    executed_quantity: 0.001,
    executed_amount: 90_000,
    paid_fee: 36,
    timestamp: atMs,
    stream_type: 'REALTIME',
  };
  const moved = (uuid: string, type: string, state: string, amount: string, fee = '0') => ({
    ...{ type, uuid, currency: 'BTC', net_type: 'BTC', state, created_at: at, done_at: at, amount, fee },
  });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'KRW-BTC',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '90000000',
    },
    exchangeOrderId: id,
    bodies: {
      place: { ...receipt, market: 'KRW-BTC', side: 'bid', order_type: 'limit', stp_type: 'cancel_taker' },
      cancel: receipt,
      lookups: [{ ...order, trades: [trade] }],
      absent: [
        { status: 404, body: { error: { name: 'order_not_found', message: 'The order was not found.' } } },
      ],
      open: {
        has_next: false,
        next_key: null,
        orders: [{ ...order, state: 'wait', time_in_force: null, cancel_type: null }],
      },
      fills: { ...order, trades: [trade] },
      balances: [
        { currency: 'BTC', balance: '1.5', locked: '0.25', avg_buy_price: '0', unit_currency: 'KRW' },
        { currency: 'KRW', balance: '1000000', locked: '0', avg_buy_price: '0', unit_currency: 'KRW' },
      ],
      transfers: [
        [moved('d1', 'deposit', 'DEPOSIT_ACCEPTED', '0.5'), moved('d2', 'deposit', 'DEPOSIT_CANCELLED', '7')],
        [],
        [moved('w1', 'withdraw', 'done', '8', '1'), moved('w2', 'withdraw', 'cancelled', '7')],
        [],
      ],
      feeRates: { bid_fee: '0.0004', ask_fee: '0.0003', market: { id: 'KRW-BTC' } },
    },
    trade: {
      tradeId: trade.uuid,
      exchangeOrderId: id,
      symbol: 'KRW-BTC',
      side: 'buy',
      price: '90000000',
      quantity: '0.001',
      fee: '36',
      feeTicker: 'KRW',
      liquidity: 'taker',
      timeMs: atMs,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.0004',
    frames: {
      authorised: null,
      acknowledged: [],
      refused: { error: { name: 'INVALID_AUTH', message: 'no' } },
      filled: [
        {
          ...push,
          state: 'trade',
          trade_id: trade.uuid,
          trade_price: 90_000_000,
          trade_quantity: 0.001,
          trade_amount: 90_000,
          trade_timestamp: atMs,
        },
      ],
      ended: { ...push, state: 'done', cancel_type: 'tif_cancel' },
      balance: {
        type: 'myAsset',
        assets: [{ currency: 'BTC', balance: '1.5', locked: '0.25' }],
        asset_timestamp: atMs,
        timestamp: atMs,
        stream_type: 'REALTIME',
      },
    },
    error: (code, message) => ({
      status: NAMED_STATUS[code] ?? 400,
      body: { error: { name: code, message } },
    }),
  };
}

function bitgetSubject(): OrderSubject {
  const connector = bitget();
  const order = {
    userId: '1',
    symbol: 'BTCUSDT',
    orderId: LONG_ID,
    clientOid: 'a1-0-1',
    price: '65000.10',
    size: '0.0020000000000000',
    orderType: 'limit',
    side: 'buy',
    status: 'cancelled',
    priceAvg: '65000.0000000000000000',
    baseVolume: '0.0010000000000000',
    quoteVolume: '65.0000000000000000',
    enterPointSource: 'API',
    feeDetail:
      '{"newFees":{"c":0,"d":0,"deduction":false,"r":-0.000002,"t":-0.000002,"totalDeductionFee":0}}',
    cTime: String(TIME - 5),
    uTime: String(TIME),
  };
  const fill = {
    userId: '1',
    symbol: 'BTCUSDT',
    orderId: LONG_ID,
    tradeId: '1385127468519825409',
    orderType: 'limit',
    side: 'buy',
    priceAvg: '65000',
    size: '0.001',
    amount: '65',
    feeDetail: { deduction: 'no', feeCoin: 'BTC', totalDeductionFee: '', totalFee: '-0.000002' },
    tradeScope: 'taker',
    cTime: String(TIME),
    uTime: String(TIME + 1),
  };
  const success = (data: Json): Json => ({ code: '00000', msg: 'success', requestTime: TIME, data });
  const failure = (code: string, msg: string): Json => ({ code, msg, requestTime: TIME, data: null });
  const receipt = success({ orderId: LONG_ID, clientOid: 'a1-0-1' });
  const push = (channel: string, ...data: Json[]): Json => ({
    action: 'snapshot',
    arg: { instType: 'SPOT', channel },
    data,
    ts: TIME,
  });
  const pushed = {
    instId: 'BTCUSDT',
    orderId: LONG_ID,
    clientOid: 'a1-0-1',
    size: '0.002',
    orderType: 'limit',
    force: 'ioc',
    side: 'buy',
    accBaseVolume: '0.001',
    status: 'partially_filled',
    cTime: String(TIME - 5),
    uTime: String(TIME),
  };
  const asset = (coin: string, available: string): { [key: string]: Json } => ({
    ...{ coin, available, frozen: '0.2', locked: '0.05', limitAvailable: '0', uTime: String(TIME) },
  });
  const record = (orderId: string, status: string, size: string): { [key: string]: Json } => ({
    ...{ orderId, tradeId: 'x', coin: 'BTC', size, status, dest: 'on_chain', cTime: String(TIME) },
  });
  return {
    connector,
    orders: connector.orders!,
    ticket: {
      clientOrderId: 'a1-0-1',
      symbol: 'BTCUSDT',
      side: 'buy',
      quantity: '0.002',
      limitPrice: '65000.1',
    },
    exchangeOrderId: LONG_ID,
    bodies: {
      place: receipt,
      cancel: receipt,
      lookups: [success([order])],
      absent: [{ status: 200, body: success([]) }],
      open: success([{ ...order, status: 'partially_filled' }]),
      fills: success([fill]),
      balances: success([asset('BTC', '1.5'), asset('USDT', '10')]),
      transfers: [
        success([record('11', 'success', '0.5'), record('12', 'fail', '7')]),
        success([{ ...record('13', 'success', '8'), fee: '-1.00000000' }, record('14', 'reject', '7')]),
      ],
      feeRates: success({ makerFeeRate: '0.0008', takerFeeRate: '0.002' }),
    },
    trade: {
      tradeId: '1385127468519825409',
      exchangeOrderId: LONG_ID,
      symbol: 'BTCUSDT',
      side: 'buy',
      price: '65000',
      quantity: '0.001',
      fee: '0.000002',
      feeTicker: 'BTC',
      liquidity: 'taker',
      timeMs: TIME,
    },
    balance: { ticker: 'BTC', free: '1.5', locked: '0.25', borrowed: '0' },
    transferred: ['0.5', '-9'],
    takerFeeRate: '0.002',
    frames: {
      authorised: { event: 'login', code: 0, msg: '' },
      acknowledged: ['orders', 'account'].map((channel) => ({
        event: 'subscribe',
        arg: { instType: 'SPOT', channel },
      })),
      refused: { event: 'error', code: 30015, msg: 'Invalid signature' },
      filled: [
        push('orders', {
          ...pushed,
          tradeId: '1385127468519825409',
          fillPrice: '65000.0',
          baseVolume: '0.001',
          fillTime: String(TIME),
          fillFee: '-0.000002',
          fillFeeCoin: 'BTC',
          tradeScope: 'T',
        }),
      ],
      ended: push('orders', { ...pushed, status: 'cancelled' }),
      balance: push('account', asset('BTC', '1.5')),
    },
    error: (code, message) => ({ status: 400, body: failure(code, message) }),
  };
}

/** Of Bithumb's errors that do not come with 400. */
const NAMED_STATUS: Readonly<Record<string, number>> = {
  order_not_found: 404,
  order_not_ready: 422,
  blocked_member_id: 403,
  jwt_verification: 401,
  invalid_query_payload: 401,
  expired_jwt: 401,
  NotAllowIP: 401,
  out_of_scope: 401,
  some_new_key_error: 401,
};

const ACCOUNT_ERRORS = ['jwt_verification', 'invalid_access_key', 'nonce_used', 'no_authorization_ip'];

export const orderSubjects = (): readonly OrderSubject[] => [
  binanceSubject(),
  okxSubject(),
  bybitSubject(),
  upbitSubject(),
  kucoinSubject(),
  gateSubject(),
  bithumbSubject(),
  bitgetSubject(),
];
