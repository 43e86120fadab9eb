import t from 'tap';
import { binance } from '../../src/connectors/binance.js';
import { RateLimiter } from '../../src/connectors/rate-limiter.js';
import { tasks, TASKS_URL } from '../../src/modes/compute-tasks.js';
import { loadMarkets, type ExchangeMarkets, type InstrumentLoading } from '../../src/modes/instruments.js';
import { MachineTime } from '../../src/modes/machine-time.js';
import type { Compute } from '../../src/ports/compute.js';
import type { HttpClient } from '../../src/ports/network.js';
import { InlineCompute, WorkerCompute } from '../../src/runtime/platform/compute.js';
import { KeptLog } from '../runtime/harness.js';
import { longestTurnMs } from '../runtime/on-processor.js';

/** As many markets as Binance lists, halted ones included. */
const MARKETS = 3_400;
const ORDER_TYPES = [
  'LIMIT',
  'LIMIT_MAKER',
  'MARKET',
  'STOP_LOSS',
  'STOP_LOSS_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
];

function market(baseAsset: string, quoteAsset: string, isTrading: boolean) {
  return {
    symbol: baseAsset + quoteAsset,
    status: isTrading ? 'TRADING' : 'BREAK',
    baseAsset,
    baseAssetPrecision: 8,
    quoteAsset,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: ORDER_TYPES,
    icebergAllowed: true,
    ocoAllowed: true,
    otoAllowed: true,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: true,
    cancelReplaceAllowed: true,
    amendAllowed: true,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: [
      {
        filterType: 'PRICE_FILTER',
        minPrice: '0.01000000',
        maxPrice: '1000000.00000000',
        tickSize: '0.01000000',
      },
      { filterType: 'LOT_SIZE', minQty: '0.00001000', maxQty: '9000.00000000', stepSize: '0.00001000' },
      { filterType: 'ICEBERG_PARTS', limit: 50 },
      { filterType: 'MARKET_LOT_SIZE', minQty: '0.00000000', maxQty: '99.33641241', stepSize: '0.00000000' },
      { filterType: 'TRAILING_DELTA', minTrailingAboveDelta: 10, maxTrailingAboveDelta: 2000 },
      {
        filterType: 'PERCENT_PRICE_BY_SIDE',
        bidMultiplierUp: '5',
        bidMultiplierDown: '0.2',
        avgPriceMins: 5,
      },
      {
        filterType: 'NOTIONAL',
        minNotional: '5.00000000',
        applyMinToMarket: true,
        maxNotional: '9000000.00000000',
      },
      { filterType: 'MAX_NUM_ORDERS', maxNumOrders: 200 },
      { filterType: 'MAX_NUM_ALGO_ORDERS', maxNumAlgoOrders: 5 },
    ],
    permissions: [],
    permissionSets: [
      ['SPOT', 'MARGIN', ...Array.from({ length: 60 }, (_, i) => `TRD_GRP_${String(i).padStart(3, '0')}`)],
    ],
    defaultSelfTradePreventionMode: 'EXPIRE_MAKER',
    allowedSelfTradePreventionModes: ['EXPIRE_TAKER', 'EXPIRE_MAKER', 'EXPIRE_BOTH', 'DECREMENT'],
  };
}

/** A whole `exchangeInfo`: BTC-USDT and ETH-USDT among thousands nobody follows, and one market that breaks its protocol. */
function exchangeInfo(): Buffer {
  const others = Array.from({ length: MARKETS - 3 }, (_, i) =>
    market(`C${i}X`, i % 2 === 0 ? 'USDT' : 'BTC', i % 2 === 0),
  );
  const broken = { ...market('BAD', 'USDT', true), filters: 'none' };
  const symbols = [market('BTC', 'USDT', true), ...others, broken, market('ETH', 'USDT', true)];
  return Buffer.from(
    JSON.stringify({ timezone: 'UTC', serverTime: 1_790_000_000_000, rateLimits: [], symbols }),
  );
}

function loading(body: Buffer, compute: Compute): InstrumentLoading & { readonly log: KeptLog } {
  const http: HttpClient = {
    request: () => Promise.resolve({ status: 200, headers: {}, body }),
  };
  return {
    http,
    time: new MachineTime(),
    log: new KeptLog(),
    compute,
    wanted: { by: 'pair', pairs: ['BTC-USDT', 'ETH-USDT'] },
    adjust: (instrument) => instrument,
  };
}

const load = (from: InstrumentLoading) => loadMarkets(binance(), new RateLimiter([]), from);

t.test('a long list of markets is read beside the event loop, with the same result', async (t) => {
  const body = exchangeInfo();
  const threads = new WorkerCompute({ tasksUrl: TASKS_URL, workers: 1, queueLimit: 4 });
  t.teardown(() => threads.close());
  const inline = new InlineCompute(tasks);

  const beside = loading(body, threads);
  let there: ExchangeMarkets | null = null;
  const startMs = await longestTurnMs(async () => (there = await load(beside)));
  const here = await load(loading(body, inline));
  t.same(there!.instruments, here.instruments, 'a thread reads what this one would');
  t.same(there!.instruments.map(({ id }) => id).sort(), ['binance:BTC-USDT', 'binance:ETH-USDT']);
  t.match(
    beside.log.lines.find(({ message }) => message === 'markets refused'),
    { fields: { count: 1, refused: [{ symbol: 'BADUSDT' }] } },
    'what was refused is still told',
  );
  t.match(beside.log.lines.at(-1), { fields: { listed: MARKETS - 1, followed: 2 } });

  const turns = async (compute: Compute) => {
    const measured: number[] = [];
    for (let round = 0; round < 3; round++)
      measured.push((await longestTurnMs(() => load(loading(body, compute)))) ?? Number.NaN);
    return Math.min(...measured);
  };
  const [besideMs, inPlaceMs] = [await turns(threads), await turns(inline)];
  if (startMs === null) return t.comment('the time of a thread is not known here');
  t.comment(
    `${MARKETS} markets, ${body.length} bytes: longest turn ${besideMs.toFixed(1)} ms beside, ${startMs.toFixed(1)} ms with the thread's start, ${inPlaceMs.toFixed(1)} ms in place`,
  );
  t.ok(besideMs < inPlaceMs / 2, 'the loop is free while the list is read');
});

t.test('a long answer that is no list ends as the same refusal, and the next list is read', async (t) => {
  const threads = new WorkerCompute({ tasksUrl: TASKS_URL, workers: 1, queueLimit: 4 });
  t.teardown(() => threads.close());
  const page = Buffer.alloc(1 << 20, '<html>');
  await t.rejects(load(loading(page, threads)), { code: 'ARB_FRAME_INVALID', message: /not JSON/ });
  await t.rejects(load(loading(page.subarray(0, 1_000), threads)), { code: 'ARB_FRAME_INVALID' });
  const { instruments } = await load(loading(exchangeInfo(), threads));
  t.equal(instruments.length, 2);
});

t.test('a short list never waits for a thread', async (t) => {
  const none: Compute = {
    run: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  };
  const body = Buffer.from(JSON.stringify({ symbols: [market('BTC', 'USDT', true)] }));
  t.equal((await load(loading(body, none))).instruments.length, 1);
});
