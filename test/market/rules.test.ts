import t from 'tap';
import { assetId, pairId } from '../../src/messages/primitives.js';
import { AssetRegistry, CURATED_EXCHANGES, curatedRegistry } from '../../src/market/asset-registry.js';
import { CURATED_ASSETS } from '../../src/market/assets.js';
import { Decimal } from '../../src/market/decimal.js';
import {
  buyFactor,
  defaultFeeTerms,
  effectiveRate,
  feeOf,
  feeOfFill,
  FeeTable,
  sellFactor,
} from '../../src/market/fees.js';
import type { Instrument } from '../../src/market/instrument.js';
import { orderRulesOf, violationsOf, violationsOfText } from '../../src/market/order-rules.js';

const instrument: Instrument = {
  id: 'binance:BTC-USDT',
  exchange: 'binance',
  symbol: 'BTCUSDT',
  pair: 'BTC-USDT',
  base: 'BTC',
  quote: 'USDT',
  identityKnown: true,
  unitMultiplier: '1',
  tickSize: '0.01',
  lotSize: '0.00001',
  minQuantity: '0.0001',
  maxQuantity: '50',
  minNotional: '5',
  state: 'trading',
  takerFeeRate: '0.001',
  makerFeeRate: '0.001',
  feeMode: 'received',
};

t.test('an order names every rule it breaks, with limit and actual', async (t) => {
  const check = (quantity: string, limitPrice: string, changes: Partial<Instrument> = {}) =>
    violationsOfText({ side: 'buy', quantity, limitPrice }, { ...instrument, ...changes });
  t.strictSame(check('0.001', '60000.01'), []);
  t.strictSame(check('0.0001', '50000'), [], 'exactly at minimum quantity and notional');
  t.strictSame(check('0.00009', '50000.001'), [
    { rule: 'PRICE_TICK', limit: '0.01', actual: '50000.001' },
    { rule: 'MIN_QUANTITY', limit: '0.0001', actual: '0.00009' },
    { rule: 'MIN_NOTIONAL', limit: '5', actual: '4.50000009' },
  ]);
  t.strictSame(
    check('50.000001', '60000').map(({ rule }) => rule),
    ['LOT_SIZE', 'MAX_QUANTITY'],
  );
  t.strictSame(
    check('50.000001', '60000', { maxQuantity: null }).map(({ rule }) => rule),
    ['LOT_SIZE'],
  );
  t.strictSame(check('1', '60000', { state: 'cancel_only' }), [
    { rule: 'NOT_TRADING', limit: 'trading', actual: 'cancel_only' },
  ]);
  t.strictSame(
    check('0', '0').map(({ rule }) => rule),
    [...['PRICE_TICK', 'LOT_SIZE', 'MIN_QUANTITY', 'MIN_NOTIONAL']],
  );
  const tiny = { side: 'sell' as const, quantity: new Decimal(1).div(3), price: new Decimal(60000) };
  t.strictSame(
    violationsOf(tiny, orderRulesOf(instrument), 'trading').map(({ rule }) => rule),
    ['LOT_SIZE'],
  );
  t.throws(() => check('1e3', '5'), { code: 'ARB_DECIMAL_INVALID', message: /quantity/ });
  t.throws(() => orderRulesOf({ ...instrument, tickSize: '0' }), { message: /binance:BTC-USDT tickSize/ });
});

t.test('fees are charged in the coin they are paid in', async (t) => {
  const [price, quantity] = [new Decimal(100), new Decimal(2)];
  const charge = (fee: ReturnType<typeof feeOf>, side: 'buy' | 'sell', third: Decimal | null = null) => {
    const { paidIn, amount } = feeOfFill(fee, side, price, quantity, third);
    return [paidIn, amount.toString()];
  };
  t.strictSame(charge(feeOf('0.001', 'quote'), 'buy'), ['quote', '0.2']);
  t.strictSame(charge(feeOf('0.001', 'received'), 'buy'), ['base', '0.002']);
  t.strictSame(charge(feeOf('0.001', 'received'), 'sell'), ['quote', '0.2']);
  const third = feeOf('0.001', 'third', '0.25');
  t.strictSame(charge(third, 'buy', new Decimal(600)), ['third', '0.00025']);
  t.strictSame(
    charge(third, 'buy'),
    ['base', '0.002'],
    'without the coin: in what is received, undiscounted',
  );
  t.strictSame(charge(feeOf('-0.0001', 'quote'), 'sell'), ['quote', '-0.02'], 'a rebate');
  t.equal(effectiveRate(third).toString(), '0.00075');
  t.equal(effectiveRate(feeOf('0.001', 'quote', '0.25')).toString(), '0.001', 'only third has a discount');
  t.strictSame(Object.values(buyFactor(feeOf('0.001', 'received'))).map(String), ['1', '0.999']);
  t.equal(sellFactor(third).toString(), '0.99925');
  t.throws(() => feeOf('1', 'received'), { code: 'ARB_DECIMAL_INVALID' });
  t.throws(() => feeOf('0.001', 'third', '1.1'), { code: 'ARB_DECIMAL_INVALID' });
  t.throws(() => feeOf('free', 'quote'), { message: /fee rate/ });
});

t.test('start-up rates follow the exchange and the market, overrides win, strangers are dear', async (t) => {
  const taker = (exchange: string, base: string, quote: string) =>
    defaultFeeTerms(exchange, base, quote).takerFeeRate;
  t.strictSame(
    [taker('binance', 'BTC', 'USDT'), taker('gate', 'BTC', 'USDT'), taker('bitget', 'BTC', 'USDT')],
    ['0.001', '0.002', '0.002'],
  );
  t.strictSame([taker('bitget', 'SOL', 'USDT'), taker('upbit', 'BTC', 'KRW')], ['0.001', '0.0005']);
  t.strictSame([taker('upbit', 'ETH', 'BTC'), taker('bithumb', 'ETH', 'BTC')], ['0.0025', '0']);
  t.equal(taker('bithumb', 'BTC', 'KRW'), '0.0025', 'without the coupon that expires silently');
  t.ok(
    CURATED_EXCHANGES.every((e) => Number(taker(e, 'XYZ', 'EUR')) < Number(taker('nowhere', 'XYZ', 'EUR'))),
  );
  const own = { takerFeeRate: '0.0002', makerFeeRate: '0', feeMode: 'quote' as const };
  const special = { ...own, takerFeeRate: '0.0001' };
  const table = new FeeTable(
    new Map([
      ['okx', own],
      ['okx:BTC-USDT', special],
    ]),
  );
  t.equal(table.termsOf('okx', 'BTC', 'USDT'), special);
  t.equal(table.termsOf('okx', 'ETH', 'USDT'), own);
  t.equal(table.termsOf('bybit', 'ETH', 'USDT').takerFeeRate, '0.001');
  t.throws(() => new FeeTable(new Map([['okx', { ...own, makerFeeRate: 'x' }]])), {
    message: /okx maker fee/,
  });
});

t.test('the curated registry names the same asset on every exchange and keeps namesakes apart', async (t) => {
  const resolve = (exchange: string, ticker: string) => curatedRegistry.resolve(exchange, ticker);
  t.ok(CURATED_ASSETS.length >= 60, `${CURATED_ASSETS.length} assets`);
  for (const exchange of CURATED_EXCHANGES) {
    for (const ticker of ['BTC', 'ETH', 'XRP', 'SOL', 'USDT', 'USDC', 'DOGE', 'LINK', 'PEPE']) {
      const { asset, identityKnown, unitMultiplier } = resolve(exchange, ticker);
      t.strictSame([asset, identityKnown, unitMultiplier], [ticker, true, '1'], `${exchange} ${ticker}`);
    }
  }
  for (const { id, identity } of CURATED_ASSETS) {
    t.ok(assetId.safeParse(id).success, id);
    t.match(
      identity,
      /^(native:[a-z-]+|fiat:[A-Z]{3}|eip155:\d+\/erc20:0x[0-9a-f]{40}|[a-z]+\/[a-z0-9]+:\w+)$/,
    );
    t.equal(curatedRegistry.identityOf(id), identity);
  }
  const pack = resolve('binance', '1000SATS');
  t.strictSame([pack.asset, pack.unitMultiplier], ['SATS', '1000']);
  t.equal(resolve('okx', 'SATS').identity, pack.identity);
  t.equal(resolve('binance', '1MBABYDOGE').unitMultiplier, '1000000');
  t.equal(resolve('binance', '1000CAT').asset, 'CAT');
  t.equal(resolve('kucoin', 'BCHSV').asset, 'BSV');
  t.strictSame(resolve('binance', 'KRW').identityKnown, false, 'no won outside Korea');
  t.strictSame([resolve('upbit', 'KRW').asset, resolve('binance', 'TON').asset], ['KRW', 'TON']);
  t.notOk(resolve('upbit', 'TON').identityKnown, 'Korean TON has meant another coin');
});

t.test(
  'a ticker nobody vouched for becomes an asset of its exchange alone, whatever it looks like',
  async (t) => {
    const odd = [
      'FOO',
      'foo',
      '币安人生',
      '$ACT',
      '_x',
      '',
      '__proto__',
      'A'.repeat(90),
      'constructor',
      '1000FOO',
    ];
    const seen = new Set<string>();
    for (const exchange of ['gate', 'kucoin', 'averyveryverylongexchangename']) {
      for (const ticker of odd) {
        const { asset, identityKnown, identity } = curatedRegistry.resolve(exchange, ticker);
        t.notOk(identityKnown);
        t.equal(identity, null);
        t.ok(assetId.safeParse(asset).success, asset);
        seen.add(asset);
      }
    }
    t.equal(seen.size, 3 * (odd.length - 1), 'only upper and lower case of one ticker are the same');
    const unequal = ['A'.repeat(90), `${'A'.repeat(89)}B`].map(
      (x) => curatedRegistry.resolve('gate', x).asset,
    );
    t.not(unequal[0], unequal[1], 'over-long tickers stay apart');
  },
);

t.test('a market is known when both its assets are, and a pack never serves as money', async (t) => {
  const market = curatedRegistry.resolveMarket('binance', '1000SATS', 'USDT');
  t.strictSame(
    [market.pair, market.identityKnown, market.unitMultiplier, pairId.safeParse(market.pair).success],
    ['SATS-USDT', true, '1000', true],
  );
  const foreign = curatedRegistry.resolveMarket('gate', 'FOO', 'USDT');
  t.strictSame([foreign.pair, foreign.identityKnown], ['FOO.GATE-USDT', false]);
  t.notOk(curatedRegistry.resolveMarket('binance', 'BTC', '1000SATS').identityKnown);
  const twice = { id: 'AAA', identity: 'native:a' };
  t.throws(() => new AssetRegistry([twice, twice]), { code: 'ARB_INVARIANT' });
  t.throws(() => new AssetRegistry([twice, { id: 'BBB', identity: 'native:a' }]), { message: /identity/ });
  const clash = [twice, { id: 'BBB', identity: 'native:b', aliases: [{ exchange: 'okx', ticker: 'AAA' }] }];
  t.throws(() => new AssetRegistry(clash), { message: /two assets claim AAA on okx/ });
});
