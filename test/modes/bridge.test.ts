import t from 'tap';
import type { StartOptions } from '../../src/cli/options.js';
import { checkTrading, defineTrading } from '../../src/config/index.js';
import { clusterSchema } from '../../src/config/cluster.js';
import { tradingSchema } from '../../src/config/trading.js';
import type { ArbitrageClosed } from '../../src/messages/order.js';
import type { OpportunityEvent, Signal } from '../../src/messages/signal.js';
import { premiumReport, type PremiumReport } from '../../src/messages/premium.js';
import { startNode } from '../../src/modes/start.js';

/** A whole node between dollars and won: what is planted over the rate is found, judged, traded and told. */

t.setTimeout(400_000);

const DOLLAR = ['binance', 'okx'] as const;
const WON = ['upbit', 'bithumb'] as const;

const trading = (bridge: 'leg' | 'inventory') =>
  defineTrading({
    assets: { USDT: {}, BTC: {}, ETH: {}, KRW: { maxExposure: '50000' } },
    pairs: ['BTC-USDT', 'ETH-USDT', 'BTC-KRW', 'ETH-KRW', 'USDT-KRW'].map((pair) => ({ pair })),
    exchanges: Object.fromEntries(
      [...DOLLAR, ...WON].map((exchange) => [
        exchange,
        {
          takerFeeBps: 10,
          paperLatency: { medianMs: 10, p99Ms: 20 },
          opening: {
            USDT: '100000',
            BTC: '1',
            ETH: '20',
            ...(exchange === 'upbit' || exchange === 'bithumb' ? { KRW: '200000000' } : {}),
          },
        },
      ]),
    ),
    bridge,
    quotes: { KRW: { minNetProfit: '700', minNotional: '14000', maxNotional: '6900000' } },
    fxRates: { KRW: { rate: '1380', at: '2026-11-27T00:00:00Z' } },
    limits: { orderNotional: '5000', assetNotional: '20000', totalNotional: '50000' },
  });

function optionsOf(bridge: 'leg' | 'inventory', folder: string): StartOptions {
  const file = trading(bridge);
  t.same(checkTrading(file), []);
  const roles = ['feeds', 'detectors', 'trade', 'recorder'] as const;
  const clusterConfig = clusterSchema.parse({
    nodes: [{ name: 'local', region: 'seoul', roles }],
    stores: { trades: { kind: 'memory' }, ticks: { kind: 'none' } },
  });
  return {
    ...{ market: 'simulated', speed: 5, minutes: null, seed: 'bridge', dataFolder: folder, port: 0 },
    ...{ replayFolder: null, recordFolder: null, exchanges: null, quiet: true },
    ...{ clusterConfig, tradingConfig: tradingSchema.parse(file), node: clusterConfig.nodes[0]! },
    log: { to: 'file', level: 'info' },
  };
}

for (const bridge of ['leg', 'inventory'] as const)
  t.test(`edges over the rate are found, judged, traded and told, with bridge ${bridge}`, async (t) => {
    const running = await startNode(optionsOf(bridge, t.testdir({})));
    t.teardown(() => running.stop());
    const { node } = running;
    const signals = new Map<string, Signal>();
    const events: OpportunityEvent[] = [];
    node.bus.subscribe(
      'signal.*',
      'signal',
      ({ message }) => void signals.set(message.opportunityId, message),
    );
    node.bus.subscribe('opportunity.*', 'opportunityEvent', ({ message }) => void events.push(message));
    const isBridged = (id: string) => {
      const quotes = signals.get(id)?.legs.map(({ instrument }) => instrument.split('-')[1]) ?? [];
      return new Set(quotes).size > 1;
    };
    const closed: ArbitrageClosed[] = [];
    await new Promise<void>((resolve) =>
      node.bus.subscribe('arbitrage.closed.*', 'arbitrageClosed', ({ message }) => {
        if (isBridged(message.opportunityId)) closed.push(message);
        if (closed.some(({ outcome }) => outcome === 'completed') && closed.length > 1) resolve();
      }),
    );
    const done = closed.find(({ outcome }) => outcome === 'completed')!;
    const signal = signals.get(done.opportunityId)!;
    t.equal(signal.shape, bridge === 'leg' ? 'cycle' : 'two-sided');
    t.equal(signal.legs.length, bridge === 'leg' ? 3 : 2);
    t.match(done, { strategy: 'spatial', quote: 'USDT' });
    t.ok(Number(done.realisedNet) > 0, `it was to make ${done.expectedNet} and made ${done.realisedNet}`);
    const life = () => events.filter(({ opportunityId }) => opportunityId === done.opportunityId);
    while (!life().some(({ phase }) => phase === 'executed'))
      await new Promise((resolve) => setTimeout(resolve, 50));
    t.match(life()[0], { phase: 'opened', pair: /^(BTC|ETH)-USDT$/, route: /USDT-KRW/ });

    // Beside it the premium, at the executable rate and at the bank's.
    const report = async () =>
      (await (await fetch(new URL('/api/premium', running.url))).json()) as PremiumReport;
    let seen = await report();
    while (seen.rows.length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      seen = premiumReport.parse(await report());
    }
    t.same(
      seen.rows.map(({ instrument }) => instrument),
      ['bithumb:BTC-KRW', 'bithumb:ETH-KRW', 'upbit:BTC-KRW', 'upbit:ETH-KRW'],
    );
    t.match(seen.fx, [{ currency: 'KRW', rate: '1380', source: 'config', error: null }]);
    for (const { vsUsdtBps, vsFxBps, usdtBps } of seen.rows) {
      const whole = (1 + vsUsdtBps / 1e4) * (1 + usdtBps! / 1e4);
      t.ok(Math.abs(whole - (1 + vsFxBps! / 1e4)) < 1e-5, 'both premiums together are that against the bank');
    }
    await running.stop();
  });
