import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { DROP_REASONS } from '../recording/account.js';
import type { ActorNode, InspectionSource } from './source.js';

/** Prometheus metrics `arbot_*`, read from the source at each scrape. Label values are bounded: what exceeds is counted, not listed. */

const MAX_ACTORS = 500;
const MAX_REASONS = 64;

export interface Metrics {
  readonly contentType: string;
  /** The text of one scrape. */
  scrape(): Promise<string>;
  countRequest(route: string, status: number): void;
}

export function createMetrics(source: InspectionSource): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ node: source.node, mode: source.mode });
  collectDefaultMetrics({ register: registry, prefix: 'arbot_' });
  const make = seriesIn(registry);
  make.gauge('arbot_info', 'Version of this node.', ['version']).set({ version: source.version }, 1);
  const requests = make.counter('arbot_http_requests_total', 'HTTP requests by route and status class.', [
    'route',
    'status',
  ]);
  const updates = [
    actorSeries(make),
    feedSeries(make),
    moneySeries(make),
    busSeries(make),
    priceSeries(make),
    tickSeries(make),
  ];
  return {
    contentType: registry.contentType,
    scrape: async () => {
      for (const update of updates) await update(source);
      return registry.metrics();
    },
    countRequest: (route, status) => requests.inc({ route, status: `${Math.floor(status / 100)}xx` }),
  };
}

interface Make {
  gauge(name: string, help: string, labelNames?: string[]): Gauge;
  counter(name: string, help: string, labelNames?: string[]): Counter;
}
type Update = (source: InspectionSource) => void | Promise<void>;

const seriesIn = (registry: Registry): Make => ({
  gauge: (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers: [registry] }),
  counter: (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers: [registry] }),
});

function actorSeries(make: Make): Update {
  const labels = ['path', 'kind'];
  const restarts = make.counter('arbot_actor_restarts_total', 'Restarts of an actor.', labels);
  const crashes = make.counter('arbot_actor_crashes_total', 'Crashes of an actor.', labels);
  const handled = make.counter('arbot_actor_messages_total', 'Messages an actor handled.', labels);
  const dropped = make.counter('arbot_actor_dropped_total', 'Messages dropped by policy or age.', labels);
  const depth = make.gauge('arbot_actor_mailbox_depth', 'Messages waiting.', labels);
  const handling = make.gauge('arbot_actor_handling_seconds', 'Time to handle a message.', [
    ...labels,
    'quantile',
  ]);
  const omitted = make.gauge('arbot_metrics_actors_omitted', 'Actors beyond the bound of listed ones.');
  const dead = make.counter('arbot_dead_letters_total', 'Messages that nobody handled, by reason.', [
    'reason',
  ]);
  return (source) => {
    for (const series of [restarts, crashes, handled, dropped, depth, handling, dead]) series.reset();
    const all = workersOf(source.actors());
    omitted.set(Math.max(0, all.length - MAX_ACTORS));
    for (const { path, inspection } of all.slice(0, MAX_ACTORS)) {
      const of = { path, kind: inspection.kind };
      restarts.inc(of, inspection.restarts);
      crashes.inc(of, inspection.crashes);
      handled.inc(of, inspection.handled);
      dropped.inc(of, inspection.dropped);
      depth.set(of, inspection.mailboxDepth);
      handling.set({ ...of, quantile: '0.5' }, inspection.handlingP50Ms / 1_000);
      handling.set({ ...of, quantile: '0.99' }, inspection.handlingP99Ms / 1_000);
    }
    for (const [reason, count] of Object.entries(source.deadLetters().byReason).slice(0, MAX_REASONS))
      dead.inc({ reason }, count);
  };
}

function workersOf(node: ActorNode): ActorNode[] {
  return [node, ...node.children.flatMap(workersOf)];
}

function feedSeries(make: Make): Update {
  const labels = ['exchange'];
  const state = make.gauge('arbot_feed_state', '1 for the state a feed is in.', ['exchange', 'state']);
  const age = make.gauge('arbot_feed_age_seconds', 'Largest book age of a feed.', labels);
  const latency = make.gauge('arbot_feed_latency_seconds', 'Exchange time to local receipt.', labels);
  const trusted = make.gauge('arbot_feed_trusted_books', 'Books that may be used.', labels);
  const messages = make.counter('arbot_feed_messages_total', 'Frames received.', labels);
  const gaps = make.counter('arbot_feed_gaps_total', 'Gaps found in sequences.', labels);
  const reconnects = make.counter('arbot_feed_reconnects_total', 'Connections opened again.', labels);
  const invalid = make.counter('arbot_feed_invalid_frames_total', 'Frames that were refused.', labels);
  const fallbacks = make.counter(
    'arbot_feed_fallback_frames_total',
    'Frames that the byte scanner left to the JSON decoder.',
    ['exchange', 'channel'],
  );
  const all = [state, age, latency, trusted, messages, gaps, reconnects, invalid, fallbacks];
  return (source) => {
    for (const series of all) series.reset();
    for (const feed of source.feeds()) {
      const of = { exchange: feed.exchange };
      state.set({ ...of, state: feed.state }, 1);
      if (feed.ageMs !== null) age.set(of, feed.ageMs / 1_000);
      if (feed.latencyMs !== null) latency.set(of, feed.latencyMs / 1_000);
      trusted.set(of, feed.books.filter((book) => book.trusted).length);
      messages.inc(of, feed.messages);
      gaps.inc(of, feed.gaps);
      reconnects.inc(of, feed.reconnects);
      invalid.inc(of, feed.invalidFrames);
      for (const [channel, count] of Object.entries(feed.fallbackFrames))
        fallbacks.inc({ ...of, channel }, count);
    }
  };
}

function moneySeries(make: Make): Update {
  const seen = make.counter('arbot_opportunities_total', 'Opportunities by phase and reason.', [
    'phase',
    'reason',
  ]);
  const closed = make.counter('arbot_arbitrages_total', 'Executed arbitrages by outcome.', ['outcome']);
  const equity = make.gauge('arbot_equity', 'Equity in the reporting currency.', ['currency']);
  const realised = make.gauge('arbot_realised_net', 'Realised net profit in the reporting currency.', [
    'currency',
  ]);
  const halt = make.gauge('arbot_kill_switch_engaged', '1 while the kill switch is engaged.');
  const held = make.gauge('arbot_trade_lease_held', '1 while this node holds the lease of who may trade.');
  const fence = make.gauge('arbot_trade_lease_fence', 'Fence that journal rows are written under.');
  return async (source) => {
    for (const series of [seen, closed, equity, realised]) series.reset();
    const counters = source.counters();
    counters.opportunities.forEach(({ phase, reason, count }, index) =>
      seen.inc({ phase, reason: index < MAX_REASONS ? reason : 'other' }, count),
    );
    for (const { outcome, count } of counters.arbitrages.slice(0, MAX_REASONS))
      closed.inc({ outcome }, count);
    halt.set(source.killSwitch().engaged ? 1 : 0);
    const lease = source.lease();
    held.set(lease?.held === true ? 1 : 0);
    if (lease !== null && lease.fence !== null) fence.set(lease.fence);
    const { latest } = await source.portfolio();
    if (latest === null) return;
    // Floats are good enough for a graph; the books are kept in decimals.
    equity.set({ currency: latest.currency }, Number(latest.equity));
    realised.set({ currency: latest.currency }, Number(latest.realisedNet));
  };
}

function busSeries(make: Make): Update {
  const total = make.counter('arbot_bus_messages_total', 'Messages on the bus by what became of them.', [
    'result',
  ]);
  const connected = make.gauge('arbot_bus_connected', '1 while the bus is connected.');
  return (source) => {
    const { bus } = source.counters();
    if (bus === null) return;
    total.reset();
    for (const result of [
      'published',
      'delivered',
      'droppedStale',
      'droppedInvalid',
      'droppedFull',
      'handlerErrors',
    ] as const)
      total.inc({ result }, bus[result]);
    connected.set(bus.state === 'connected' ? 1 : 0);
  };
}

function priceSeries(make: Make): Update {
  const published = make.counter('arbot_prices_published_total', 'Copies for other programs by outcome.', [
    'what',
    'result',
  ]);
  const connected = make.gauge('arbot_prices_connected', '1 while the store of prices is connected.');
  const waiting = make.gauge('arbot_prices_events_waiting', 'Events that wait to be written.');
  const reconnects = make.counter('arbot_prices_reconnects_total', 'Connections made again.');
  const foreign = make.counter('arbot_prices_foreign_values_total', 'Values of other programs, left out.');
  return (source) => {
    for (const series of [published, reconnects, foreign]) series.reset();
    const { prices } = source.counters();
    if (prices === null) return;
    for (const what of ['books', 'events'] as const)
      for (const [result, count] of Object.entries(prices[what])) published.inc({ what, result }, count);
    connected.set(prices.connected ? 1 : 0);
    waiting.set(prices.waiting);
    reconnects.inc(prices.reconnects);
    foreign.inc(prices.foreignValues);
  };
}

/** received + carried = stored + spool rows + ring rows + dropped, for each table. */
function tickSeries(make: Make): Update {
  const labels = ['table'];
  const received = make.counter('arbot_ticks_received_total', 'Rows made of markets.', labels);
  const carried = make.counter(
    'arbot_ticks_carried_total',
    'Rows that a former life left in the spool.',
    labels,
  );
  const stored = make.counter('arbot_ticks_stored_total', 'Rows that the tick store took.', labels);
  const dropped = make.counter('arbot_ticks_dropped_total', 'Rows lost, by reason.', [...labels, 'reason']);
  const ring = make.gauge('arbot_ticks_ring_rows', 'Rows in memory.', labels);
  const spooled = make.gauge('arbot_ticks_spool_rows', 'Rows on the disk that wait for the store.', labels);
  const bytes = make.gauge('arbot_ticks_spool_bytes', 'Bytes of the spool.');
  const maxBytes = make.gauge('arbot_ticks_spool_max_bytes', 'Bound of the spool.');
  const cuts = make.counter('arbot_ticks_spool_cuts_total', 'Damaged records at which a file was cut.');
  const inserts = make.counter('arbot_tick_store_inserts_total', 'Inserts by result.', ['result']);
  const up = make.gauge('arbot_tick_store_up', '1 while the tick store answers.');
  return (source) => {
    const { ticks } = source.counters();
    if (ticks === null) return;
    for (const series of [received, carried, stored, dropped, inserts, cuts]) series.reset();
    for (const account of ticks.tables) {
      const of = { table: account.table };
      received.inc(of, account.received);
      carried.inc(of, account.carried);
      stored.inc(of, account.stored);
      ring.set(of, account.inRing);
      spooled.set(of, account.inSpool);
      for (const reason of DROP_REASONS) dropped.inc({ ...of, reason }, account.dropped[reason]);
    }
    bytes.set(ticks.spool.bytes);
    maxBytes.set(ticks.spool.maxBytes);
    cuts.inc(ticks.spool.cuts);
    inserts.inc({ result: 'stored' }, ticks.store.inserts);
    inserts.inc({ result: 'failed' }, ticks.store.failures);
    up.set(ticks.store.isUp ? 1 : 0);
  };
}
