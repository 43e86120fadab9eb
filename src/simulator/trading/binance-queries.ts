import { response, type FaceHttpResponse } from '../face-protocol.js';
import { amount, tradeAnswer } from './binance-order-frames.js';
import type { BinanceCall } from './binance-signing.js';
import { depositRow, withdrawalRow } from './binance-transfers.js';
import type { OrderDesk } from './order-desk.js';

const MAX_TRADES = 1_000;
const MAX_TRANSFERS = 1_000;

/** The exchange's clock. */
export interface ExchangeClock {
  readonly serverMs: () => number;
  /** A time as the exchange writes it. */
  readonly stamp: (ms: number) => number;
}

interface Rates {
  readonly maker: string;
  readonly taker: string;
  readonly buyer: string;
  readonly seller: string;
}

export interface Commission {
  readonly symbol: string;
  readonly standardCommission: Rates;
  readonly specialCommission: Rates;
  readonly taxCommission: Rates;
  readonly discount: object;
}

/** What Binance answers about the account itself: balances, rates, trades, transfers. */
export class BinanceQueries {
  private readonly desk: OrderDesk;
  private readonly clock: ExchangeClock;

  constructor(desk: OrderDesk, clock: ExchangeClock) {
    this.desk = desk;
    this.clock = clock;
  }

  /** `GET /api/v3/account`. */
  account({ params }: BinanceCall): FaceHttpResponse {
    const omitsZero = params.get('omitZeroBalances') === 'true';
    const held = this.desk
      .holdings()
      .filter(({ free, locked }) => !omitsZero || free !== 0n || locked !== 0n);
    const { makerFeeRate, takerFeeRate } = this.desk.rules;
    const basisPoints = (rate: bigint): number => Number(rate / 10n ** 14n);
    return json({
      makerCommission: basisPoints(makerFeeRate),
      takerCommission: basisPoints(takerFeeRate),
      buyerCommission: 0,
      sellerCommission: 0,
      commissionRates: this.rates(),
      canTrade: true,
      canWithdraw: true,
      canDeposit: true,
      brokered: false,
      requireSelfTradePrevention: false,
      preventSor: false,
      updateTime: Math.floor(this.clock.serverMs()),
      accountType: 'SPOT',
      balances: held.map(({ asset, free, locked }) => ({
        asset,
        free: amount(free),
        locked: amount(locked),
      })),
      permissions: ['SPOT'],
      uid: 354_000_000,
    });
  }

  private rates(): Rates {
    const { makerFeeRate, takerFeeRate } = this.desk.rules;
    return {
      maker: amount(makerFeeRate),
      taker: amount(takerFeeRate),
      buyer: amount(0n),
      seller: amount(0n),
    };
  }

  /** The rates of one market; no discount is on. */
  commission(symbol: string): Commission {
    const none = { maker: amount(0n), taker: amount(0n), buyer: amount(0n), seller: amount(0n) };
    return {
      symbol,
      standardCommission: this.rates(),
      specialCommission: none,
      taxCommission: none,
      discount: {
        enabledForAccount: false,
        enabledForSymbol: true,
        discountAsset: 'BNB',
        discount: '0.75000000',
      },
    };
  }

  /** From `fromId` or `startTime` on, else the newest; oldest first. */
  myTrades({ params }: BinanceCall): FaceHttpResponse {
    const limit = Math.min(MAX_TRADES, numberIn(params, 'limit') ?? 500);
    const orderId = params.get('orderId');
    const fromId = numberIn(params, 'fromId');
    const [from, to] = [numberIn(params, 'startTime'), numberIn(params, 'endTime')];
    const rows = this.desk
      .trades(params.get('symbol')!)
      .filter(({ exchangeOrderId }) => orderId === undefined || exchangeOrderId === orderId)
      .filter(({ id }) => fromId === null || Number(id) >= fromId)
      .filter(({ timeMs }) => from === null || this.clock.stamp(timeMs) >= from)
      .filter(({ timeMs }) => to === null || this.clock.stamp(timeMs) <= to);
    const isForward = fromId !== null || from !== null;
    const page = isForward ? rows.slice(0, limit) : rows.slice(-limit);
    return json(page.map((trade) => tradeAnswer(trade, this.clock.stamp)));
  }

  /** Deposits or withdrawals, newest first. */
  transfers({ path, params }: BinanceCall): FaceHttpResponse {
    const isDeposit = path.endsWith('hisrec');
    const [from, to] = [numberIn(params, 'startTime'), numberIn(params, 'endTime')];
    const rows = this.desk
      .transfers()
      .filter(({ amount: moved }) => moved > 0n === isDeposit)
      .filter(({ timeMs }) => from === null || this.clock.stamp(timeMs) >= from)
      .filter(({ timeMs }) => to === null || this.clock.stamp(timeMs) <= to)
      .reverse();
    const first = numberIn(params, 'offset') ?? 0;
    const page = rows.slice(
      first,
      first + Math.min(MAX_TRANSFERS, numberIn(params, 'limit') ?? MAX_TRANSFERS),
    );
    const rowOf = isDeposit ? depositRow : withdrawalRow;
    return json(page.map((row) => rowOf(row, this.clock.stamp(row.timeMs))));
  }
}

export const json = (body: object): FaceHttpResponse => response(200, JSON.stringify(body));

function numberIn(params: ReadonlyMap<string, string>, name: string): number | null {
  const text = params.get(name);
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : null;
}
