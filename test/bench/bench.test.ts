import t, { type Test } from 'tap';
import { busSeries } from '../../bench/bus.js';
import { CLUSTER_SIZES, clusterReport } from '../../bench/cluster.js';
import { detectorSeries } from '../../bench/detector.js';
import { EFFORTS, measure, type Series } from '../../bench/harness.js';
import { hotpathSeries, hotpathSets, mixedSeries } from '../../bench/hotpath.js';
import type { Peer } from '../../bench/peers/peer.js';
import { quartilesOf } from '../../bench/quartiles.js';
import { benchRecording, RECORDING_SIZES } from '../../bench/recording.js';
import { reportOf } from '../../bench/report.js';
import { runtimeSeries } from '../../bench/runtime.js';
import type { Connector } from '../../src/connectors/base.js';
import { chdbMissing } from '../../src/storage/clickhouse/chdb-package.js';
import { available as natsMissing } from '../servers/nats.js';
import { skipOrFail } from '../servers/server-process.js';

/** Every benchmark computes what it claims to compute; how fast it is belongs to no test. */

async function passes(t: Test, series: Series): Promise<void> {
  try {
    const result = await measure(series, EFFORTS.tiny);
    t.equal(result.rows.length, series.candidates.length, series.title);
    t.ok(Number.isFinite(result.consumed) && result.consumed > 0, `${series.title}: outputs were consumed`);
    for (const row of result.rows) t.match(reportOf(result), row.name);
  } finally {
    await series.close?.();
  }
}

/** A connector that reads the size of the first bid of each frame wrongly. */
function misreading(connector: Connector): Connector {
  return {
    ...connector,
    decode: (data, sink) =>
      connector.decode(data, {
        book: (event) => {
          if (event.bids.sizes[0]! > 0) event.bids.sizes[0]! += 1;
          sink.book(event);
        },
        bestQuote: (event) => sink.bestQuote(event),
        trade: (event) => sink.trade(event),
        instrumentState: () => undefined,
        control: (event) => sink.control(event),
      }),
  };
}

t.test('hot path: every feed and all interleaved equal the plain books', async (t) => {
  const sets = await hotpathSets({ frames: null, fixtureSeconds: 6 });
  t.same(
    sets.map(({ exchange }) => exchange),
    ['binance', 'okx', 'bybit'],
  );
  for (const set of sets) await passes(t, hotpathSeries(set));
  await passes(t, mixedSeries(sets));
});

t.test('a row whose output is wrong is an error, never a number', async (t) => {
  const [binance] = await hotpathSets({ frames: null, fixtureSeconds: 6 });
  const withoutSnapshots = hotpathSeries({ ...binance!, answers: [] });
  await t.rejects(measure(withoutSnapshots, EFFORTS.tiny), /only 0 of \d+ frames left a trusted book/);
  const wrong = hotpathSeries({ ...binance!, connector: () => misreading(binance!.connector()) });
  await t.rejects(measure(wrong, EFFORTS.tiny), /board .*, plain books|(bids|asks)\[\d+\]/);
});

t.test('a library whose book is wrong is an error too', async (t) => {
  const [binance] = await hotpathSets({ frames: null, fixtureSeconds: 6 });
  const empty: Peer = {
    name: 'empty books',
    leavesOut: 'everything',
    begin: () => undefined,
    step: () => 0,
    top: () => [],
  };
  await t.rejects(measure(hotpathSeries(binance!, [empty]), EFFORTS.tiny), /empty books, .* plain books/);
});

t.test('runtime', async (t) => {
  const series = runtimeSeries({ burst: 50, serial: 20, idleActors: 50, idleMs: 10 });
  for (const each of series) await passes(t, each);
});

t.test('detector', async (t) => {
  for (const each of detectorSeries({ assets: 10, exchanges: 4, updates: 500 })) await passes(t, each);
});

t.test('bus', async (t) => {
  for await (const each of busSeries({ burst: 5, questions: 3, nats: false })) await passes(t, each);
});

t.test('quartiles interpolate between ranks', async (t) => {
  t.same(quartilesOf([4, 1, 3, 2]), { low: 1.75, median: 2.5, high: 3.25 });
  t.same(quartilesOf([7]), { low: 7, median: 7, high: 7 });
  t.throws(() => quartilesOf([]), /empty sample/);
});

t.test('recording into ClickHouse stores every row that it received', async (t) => {
  if (skipOrFail(t, chdbMissing())) return;
  const lines: string[] = [];
  await benchRecording(RECORDING_SIZES.tiny, (line) => lines.push(line));
  t.match(lines.join('\n'), /event loop: p50 [\d.]+ ms, p99 [\d.]+ ms/);
  t.match(lines.join('\n'), /due quote → board p99: store there [\d.]+ ms, away [\d.]+ ms/);
});

t.test('cluster: books arrive at each rate and in each number of processes', async (t) => {
  if (skipOrFail(t, natsMissing())) return;
  const report = await clusterReport(CLUSTER_SIZES.tiny);
  t.match(report, /board over the bus +2,000/);
  t.match(report, /bare NATS client +2,000/);
  t.match(report, /^2 +[\d,]+ +\d+\.\d\d/m, 'two processes handled something');
});
