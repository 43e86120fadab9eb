import type { ExchangeAnswer, FillsQuery, OrderEntry, OrderReference } from '../../connectors/order-entry.js';

/** Which recorded answers of order entry ArBot reads, by the end of their name, and what each has to come to. */
export interface OrderReader {
  readonly exchange: string;
  readonly names: RegExp;
  readonly wanted: 'accepted' | 'found' | 'rows';
  /** `body` as JSON, for the names that the answer has to repeat. */
  readonly read: (orders: OrderEntry, answer: ExchangeAnswer, body: unknown) => { readonly kind: string };
}

/** The first object that has `key`, however deep: examples wrap one order differently. */
function textIn(body: unknown, key: string): string {
  if (typeof body !== 'object' || body === null) return '';
  if (Object.hasOwn(body, key)) return String((body as Record<string, unknown>)[key]);
  for (const value of Object.values(body)) {
    const found = textIn(value, key);
    if (found !== '') return found;
  }
  return '';
}

const ticket = (symbol: string, clientOrderId: string) =>
  ({ symbol, clientOrderId, side: 'buy', quantity: '1', limitPrice: '1' }) as const;
const query = (symbol: string): FillsQuery => ({ symbol, sinceMs: 0, exchangeOrderId: null });
const reference = (symbol: string, clientOrderId: string, exchangeOrderId: string): OrderReference => ({
  symbol,
  clientOrderId,
  exchangeOrderId,
});

/** What cannot be read is left out, so that nothing read is a failure. */
function walletsIn(orders: OrderEntry, answer: ExchangeAnswer): { readonly kind: string } {
  const lookup = (_exchange: string, ticker: string) => ({ asset: ticker, identityKnown: true });
  const read = orders.wallets!.parse(answer, lookup);
  return read.kind === 'rows' && read.rows.length === 0 ? { kind: 'empty' } : read;
}

const BINANCE: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/(?:Spot\/Trading\/PlaceOrder\.txt|new_order_full_response\.json)$/,
    wanted: 'accepted',
    read: (orders, answer, body) =>
      orders.parsePlace(answer, ticket(textIn(body, 'symbol'), textIn(body, 'clientOrderId'))),
  },
  {
    names: /\/(?:Spot\/Trading\/CancelOrder\.txt|cancel_order_response\.json)$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/(?:Spot\/Trading\/GetOrder\.txt|http_json\/order_response\.json)$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'symbol'), '', textIn(body, 'orderId')), 0),
  },
  {
    names: /\/(?:Spot\/Trading\/Get(?:Open)?Orders\.txt|(?:open|all)_orders_response\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/(?:Spot\/Trading\/GetUserTrades\.txt|account_trades_response\.json)$/,
    wanted: 'rows',
    read: (orders, answer, body) => {
      const asked = query(textIn(body, 'symbol'));
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/(?:Spot\/Account\/GetAccountInfo\.txt|account_response\.json|http_spot_wallet_account\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/Spot\/Account\/GetCommissionRates\.txt$/,
    wanted: 'rows',
    read: (orders, answer, body) => orders.parseFeeRates(answer, textIn(body, 'symbol')),
  },
  {
    names: /\/Spot\/Account\/GetDepositHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[0]!),
  },
  {
    names: /\/Spot\/Account\/GetWithdrawalHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
  {
    names: /\/Spot\/Account\/GetUserAssets\.txt$/,
    wanted: 'rows',
    read: walletsIn,
  },
];

const OKX: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/Trading\/PlaceOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer, body) => orders.parsePlace(answer, ticket('BTC-USDT', textIn(body, 'clOrdId'))),
  },
  {
    names: /\/Trading\/CancelOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/Trading\/CancelAllAfter\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.deadMan!.parse(answer),
  },
  {
    names: /\/Trading\/GetOrderDetails\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'instId'), '', textIn(body, 'ordId')), 0),
  },
  {
    names: /\/Trading\/GetOrderHistory\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'instId'), '', textIn(body, 'ordId')), 1),
  },
  {
    names:
      /\/(?:Trading\/GetOrders\.txt|http_get_orders_(?:pending|history|pending_with_attached_tp_sl)\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/Trading\/GetUserTrades\.txt$/,
    wanted: 'rows',
    read: (orders, answer, body) => {
      const asked = query(textIn(body, 'instId'));
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/(?:Account\/GetAccountBalance\.txt|http_get_account_balance\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/(?:Account\/GetFeeRates\.txt|http_get_trade_fee_response\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseFeeRates(answer, 'BTC-USDT'),
  },
  {
    names: /\/Account\/GetDepositHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[0]!),
  },
  {
    names: /\/Account\/GetWithdrawalHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
  {
    names: /\/Account\/GetAssets\.txt$/,
    wanted: 'rows',
    read: walletsIn,
  },
];

const BYBIT: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/V5Api\/Trading\/PlaceOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer, body) => orders.parsePlace(answer, ticket('BTCUSDT', textIn(body, 'orderLinkId'))),
  },
  {
    names: /\/V5Api\/Trading\/CancelOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/(?:V5Api\/Trading\/GetOrderHistory\.txt|http_get_order_partially_filled_rejected\.json)$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'symbol'), '', textIn(body, 'orderId')), 2),
  },
  {
    names:
      /\/(?:V5Api\/Trading\/GetOrders\.txt|http_get_orders_(?:history|history_with_duplicate|realtime|realtime_tp_sl)\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/(?:V5Api\/Trading\/GetUserTrades\.txt|http_get_executions\.json)$/,
    wanted: 'rows',
    read: (orders, answer, body) => {
      const asked = query(textIn(body, 'symbol'));
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/(?:V5Api\/Account\/GetBalances\.txt|http_get_wallet_balance\w*\.json)$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/(?:V5Api\/Account\/GetFeeRate\.txt|http_get_fee_rate\.json)$/,
    wanted: 'rows',
    read: (orders, answer, body) => orders.parseFeeRates(answer, textIn(body, 'symbol')),
  },
  {
    names: /\/V5Api\/Account\/GetWithdrawals\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
  {
    names: /\/V5Api\/Account\/GetAssetInfo\.txt$/,
    wanted: 'rows',
    read: walletsIn,
  },
];

const BITGET: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/Spot\/Trading\/PlaceOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer, body) => orders.parsePlace(answer, ticket('BTCUSDT', textIn(body, 'clientOid'))),
  },
  {
    names: /\/Spot\/Trading\/CancelOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/Spot\/Trading\/GetOrder\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'symbol'), '', textIn(body, 'orderId')), 0),
  },
  {
    names: /\/Spot\/Trading\/GetOpenOrders\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/Spot\/Trading\/GetUserTrades\.txt$/,
    wanted: 'rows',
    read: (orders, answer, body) => {
      const asked = query(textIn(body, 'symbol'));
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/Spot\/Account\/GetSpotBalances\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/Spot\/Account\/GetTradeFee\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseFeeRates(answer, 'BTCUSDT'),
  },
  {
    names: /\/Spot\/Account\/GetDepositHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[0]!),
  },
  {
    names: /\/Spot\/Account\/GetWithdrawalHistory\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
];

const KUCOIN: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/HfTrading\/PlaceOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parsePlace(answer, ticket('BTC-USDT', '')),
  },
  {
    names: /\/HfTrading\/CancelOrder(?:ByClientOrderId)?\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/HfTrading\/CancelAfter\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.deadMan!.parse(answer),
  },
  {
    names: /\/HfTrading\/GetOrder(?:ByClientOrderId)?\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'symbol'), '', textIn(body, 'id')), 0),
  },
  {
    names: /\/HfTrading\/GetClosedOrders\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'symbol'), '', textIn(body, 'id')), 1),
  },
  {
    names: /\/HfTrading\/GetSymbolsWithOpenOrders\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/HfTrading\/GetOpenOrders\.txt$/,
    wanted: 'rows',
    read: (orders, answer) =>
      orders.parseOpenOrders(answer, { ...orders.openOrders(), path: '/api/v1/hf/orders/active' }),
  },
  {
    names: /\/HfTrading\/GetUserTrades\.txt$/,
    wanted: 'rows',
    read: (orders, answer, body) => {
      const asked = query(textIn(body, 'symbol'));
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/Account\/GetAccounts\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/Account\/GetSymbolTradingFees\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseFeeRates(answer, 'BTC-USDT'),
  },
  {
    names: /\/Account\/GetDeposits\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[0]!),
  },
  {
    names: /\/Account\/GetWithdrawals\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
];

const GATE: readonly Omit<OrderReader, 'exchange'>[] = [
  {
    names: /\/Trading\/PlaceOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer, body) =>
      orders.parsePlace(
        answer,
        ticket(textIn(body, 'currency_pair'), textIn(body, 'text').replace(/^t-/, '')),
      ),
  },
  {
    names: /\/Trading\/CancelOrder\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.parseCancel(answer),
  },
  {
    names: /\/Trading\/CancelOrdersAfter\.txt$/,
    wanted: 'accepted',
    read: (orders, answer) => orders.deadMan!.parse(answer),
  },
  {
    names: /\/Trading\/GetOrder\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'currency_pair'), '', textIn(body, 'id')), 0),
  },
  {
    names: /\/Trading\/GetOrders\.txt$/,
    wanted: 'found',
    read: (orders, answer, body) =>
      orders.parseLookup(answer, reference(textIn(body, 'currency_pair'), '', textIn(body, 'id')), 2),
  },
  {
    names: /\/Trading\/GetOpenOrders\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseOpenOrders(answer, orders.openOrders()),
  },
  {
    names: /\/Trading\/GetUserTrades\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => {
      const asked = query('ETH_BTC');
      return orders.parseFills(answer, asked, orders.fills(asked));
    },
  },
  {
    names: /\/Account\/GetBalances\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseBalances(answer),
  },
  {
    names: /\/Account\/GetTradingFee\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseFeeRates(answer, 'BTC_USDT'),
  },
  {
    names: /\/Account\/GetDeposits\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[0]!),
  },
  {
    names: /\/Account\/GetWithdrawals\.txt$/,
    wanted: 'rows',
    read: (orders, answer) => orders.parseTransfers(answer, 0, orders.transfers(0)[1]!),
  },
];

const of = (exchange: string, readers: readonly Omit<OrderReader, 'exchange'>[]): OrderReader[] =>
  readers.map((reader) => ({ exchange, ...reader }));

export const ORDER_READERS: readonly OrderReader[] = [
  ...of('binance', BINANCE),
  ...of('okx', OKX),
  ...of('bybit', BYBIT),
  ...of('kucoin', KUCOIN),
  ...of('gate', GATE),
  ...of('bitget', BITGET),
];
