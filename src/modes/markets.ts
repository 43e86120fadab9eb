import type { Connector, Endpoints } from '../connectors/base.js';
import { bitget } from '../connectors/bitget.js';
import { bybit } from '../connectors/bybit.js';
import { ccxt, type CcxtOptions } from '../connectors/ccxt.js';
import type { Credentials } from '../connectors/order-entry.js';
import { gate, type GateBookChannel } from '../connectors/gate.js';
import { kucoin } from '../connectors/kucoin.js';
import { okx } from '../connectors/okx.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId, ModeName, PairId } from '../messages/primitives.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { Clock, Timers } from '../ports/time.js';
import { describe, type RecordingDescription } from '../replay/describe.js';
import { startReplayServer, type ReplayServer } from '../replay/replay-server.js';
import { ReplayTime, ScaledTime } from '../runtime/platform/clock.js';
import { lists, pairModel, SIMULATED_EXCHANGES, type SimulatedExchange } from '../simulator/listings.js';
import { WATCHED_TIES, type PriceTie } from '../simulator/price-ties.js';
import { BRIDGED_PLANTS, WATCHED_PLANTS } from '../simulator/plants.js';
import { startSimulatedExchanges, type SimulatedExchanges } from '../simulator/server.js';
import { connectorOf } from './connectors.js';
import { readExchangesFile } from './exchanges-file.js';
import { MODE_OF, type MarketName } from './mode-of.js';

/** How fast the clock of a replay runs when its frames come as fast as they can. */
const MAX_REPLAY_FACTOR = 50;
const MAX_FACTOR = 1_000;

export interface Market {
  readonly name: MarketName;
  readonly mode: ModeName;
  /** The clock and the timers of everything in this run. */
  readonly time: Clock & Timers;
  readonly connectors: readonly Connector[];
  /** Native symbols to follow per exchange; null = what the configured pairs name. */
  readonly symbols: ReadonlyMap<ExchangeId, readonly string[]> | null;
  readonly simulated: SimulatedExchanges | null;
  /** Accounts that signed orders go to; absent, or an exchange without one = paper. */
  readonly accounts?: ReadonlyMap<ExchangeId, TradingAccount>;
  readonly replay: ReplayServer | null;
  /** Accelerated time: it begins at the machine's pace, so that starting is not hurried. Null where time cannot be chosen. */
  readonly acceleration: { readonly maxFactor: number; setFactor(factor: number): void } | null;
  close(): Promise<void>;
}

export interface TradingAccount {
  readonly credentials: Credentials;
  /** Sets what is held there, where that is ours to say: an exchange that lives and dies with this process. */
  readonly open: ((balances: readonly { readonly asset: string; readonly amount: string }[]) => void) | null;
}

export interface MarketOptions {
  readonly exchanges: readonly ExchangeId[];
  /** Those of them that ccxt reads. Absent = none. */
  readonly ccxt?: ReadonlyMap<ExchangeId, CcxtOptions>;
  readonly pairs: readonly PairId[];
  /** Whether simulated prices hold a pair that belongs together; absent = none. */
  readonly hasTies?: boolean;
  /** A simulated world has edges between dollars and won too. Absent = false. */
  readonly bridged?: boolean;
  /** The machine's own time. */
  readonly time: Clock & Timers;
  /** Times real time; `max` = a recording as fast as its readers keep up. */
  readonly speed: number | 'max';
  /** Repeats a simulated world. */
  readonly seed: string;
  /** Simulated time begins here at the earliest, so that it never goes back over restarts of accelerated runs. Unix ms. */
  readonly notBeforeMs: number;
  /** Simulated exchanges of another process; null or absent = started here. */
  readonly exchangesAt?: string | null;
  readonly replayFolder: string | null;
  /** Names of the recordings to replay; null or absent = the newest of each exchange. */
  readonly recordings?: readonly string[] | null;
  readonly files: Files;
  readonly log: Logger;
}

/** Opens the market of a run. Throws ARB_CLI_USAGE or ARB_RECORDING_INVALID naming what is wrong. */
export function openMarket(name: MarketName, options: MarketOptions): Promise<Market> {
  switch (name) {
    case 'simulated':
      return options.exchangesAt === undefined || options.exchangesAt === null
        ? openSimulated(withoutCcxt(options))
        : openElsewhere(withoutCcxt(options), options.exchangesAt);
    case 'replay':
      return openReplay(withoutCcxt(options));
    case 'live':
      return Promise.resolve(openLive(options));
  }
}

/** ccxt has its own sockets: it can be neither simulated nor replayed. */
function withoutCcxt(options: MarketOptions): MarketOptions {
  const left = options.exchanges.filter((exchange) => options.ccxt?.has(exchange) === true);
  if (left.length > 0)
    options.log.warn({ exchanges: left }, 'exchanges behind ccxt are left out of this market');
  return { ...options, exchanges: options.exchanges.filter((exchange) => !left.includes(exchange)) };
}

/** The exchange's own paths behind another server. */
function relocated(connector: Connector, at: { readonly ws: string; readonly rest: string }): Endpoints {
  const { websocketUrl, privateUrl } = connector.endpoints;
  const behind = (url: string) => at.ws.replace(/\/$/, '') + new URL(url).pathname;
  return {
    websocketUrl: behind(websocketUrl),
    restUrl: at.rest.replace(/\/$/, ''),
    ...(privateUrl !== undefined && { privateUrl: behind(privateUrl) }),
  };
}

async function openSimulated(options: MarketOptions): Promise<Market> {
  const { speed, seed, log } = options;
  const factor = checkedSpeed(speed);
  const startAtMs = Math.max(options.time.nowMs(), options.notBeforeMs);
  const time = new ScaledTime({
    clock: options.time,
    timers: options.time,
    factor: Math.min(1, factor),
    startAtMs,
  });
  const simulated = await startSimulatedExchanges({
    seed: seedNumber(seed),
    clock: time,
    timers: time,
    log,
    exchanges: options.exchanges.map((exchange) => simulatedName(exchange)),
    pairs: simulatedPairs(options),
    ties: options.hasTies === true ? WATCHED_TIES.filter(isSimulated(options)) : [],
    plants: options.bridged === true ? BRIDGED_PLANTS : WATCHED_PLANTS,
  });
  const connectors = options.exchanges.map((exchange) => {
    const at = simulated.endpoints[simulatedName(exchange)]!;
    return connectorOf(exchange, relocated(connectorOf(exchange, {}), at));
  });
  return {
    name: 'simulated',
    mode: MODE_OF.simulated,
    time,
    connectors,
    symbols: null,
    simulated,
    accounts: ownAccounts(simulated),
    replay: null,
    acceleration: factor <= 1 ? null : { maxFactor: factor, setFactor: (now) => time.setFactor(now) },
    close: () => simulated.close(),
  };
}

const isSimulated =
  ({ pairs }: MarketOptions) =>
  ({ y, x }: PriceTie): boolean =>
    pairs.includes(y) && pairs.includes(x);

/** Accounts that live and die with this process hold what its ledger says. */
function ownAccounts({ accounts }: SimulatedExchanges): Map<ExchangeId, TradingAccount> {
  return new Map(
    Object.entries(accounts).map(([exchange, account]) => [
      exchange,
      { credentials: account.credentials, open: (balances) => account.open(balances) },
    ]),
  );
}

/** Simulated exchanges that run in a process of their own and outlive this one. */
async function openElsewhere(options: MarketOptions, path: string): Promise<Market> {
  const { exchanges } = await readExchangesFile(options.files, path);
  const known = options.exchanges.filter((exchange) => exchanges[exchange] !== undefined);
  const accounts = known.flatMap((exchange) => {
    const { credentials } = exchanges[exchange]!;
    return credentials === null ? [] : [[exchange, { credentials, open: null }] as const];
  });
  return {
    name: 'simulated',
    mode: MODE_OF.simulated,
    time: options.time,
    connectors: known.map((exchange) =>
      connectorOf(exchange, relocated(connectorOf(exchange, {}), exchanges[exchange]!)),
    ),
    symbols: null,
    simulated: null,
    accounts: new Map(accounts),
    replay: null,
    acceleration: null,
    close: () => Promise.resolve(),
  };
}

/** The pairs that one of the exchanges in use lists. Throws ARB_CONFIG_INVALID for a pair that has no model. */
export function simulatedPairs({
  pairs,
  exchanges,
  log,
}: Pick<MarketOptions, 'pairs' | 'exchanges' | 'log'>): PairId[] {
  return pairs.filter((pair) => {
    pairModel(pair);
    const isListed = exchanges.some((exchange) => lists(simulatedName(exchange), pair));
    if (!isListed) log.warn({ pair }, 'no simulated exchange in use lists this pair');
    return isListed;
  });
}

export function simulatedName(exchange: ExchangeId): SimulatedExchange {
  const known = SIMULATED_EXCHANGES.find((id) => id === exchange);
  if (known !== undefined) return known;
  throw new ArbotError('ARB_CLI_USAGE', `${exchange} has no simulated exchange yet`);
}

function openLive(options: MarketOptions): Market {
  if (options.speed !== 1)
    throw new ArbotError('ARB_CLI_USAGE', '--speed must be 1 on live market data: it cannot run faster');
  return {
    name: 'live',
    mode: MODE_OF.live,
    time: options.time,
    connectors: options.exchanges.map((exchange) => {
      const behind = options.ccxt?.get(exchange);
      return behind === undefined ? connectorOf(exchange, {}) : ccxt(behind);
    }),
    symbols: null,
    simulated: null,
    replay: null,
    acceleration: null,
    close: () => Promise.resolve(),
  };
}

async function openReplay(options: MarketOptions): Promise<Market> {
  const { replayFolder, files, log, speed } = options;
  if (replayFolder === null) throw new ArbotError('ARB_CLI_USAGE', '--market replay needs --replay <folder>');
  const named = chosen(await describe(files, replayFolder), options.recordings ?? null, replayFolder);
  const recordings = onePerExchange(named, options.exchanges, log);
  if (recordings.length === 0)
    throw new ArbotError(
      'ARB_RECORDING_INVALID',
      `${replayFolder} holds no recording of an exchange in use (${options.exchanges.join(', ')})`,
    );
  const firstTimestampMs = Math.min(...recordings.map((one) => one.firstTimeMs));
  const factor = speed === 'max' ? MAX_REPLAY_FACTOR : speed;
  const time = new ReplayTime({
    clock: options.time,
    timers: options.time,
    firstTimestampMs,
    speed: Math.min(1, factor),
  });
  const replay = await startReplayServer({
    files,
    clock: time,
    timers: time,
    log,
    recordings: recordings.map((one) => one.files),
    speed: speed === 'max' ? 'max' : 1,
  });
  // Only while frames flow is time faster: starting must not be hurried, and the silence after the last frame would look like
  // a line that has died.
  const slowDown = () => time.setFactor(Math.min(1, factor));
  void replay.started.then(() => time.setFactor(factor));
  replay.finished.then(slowDown, slowDown);
  return {
    name: 'replay',
    mode: MODE_OF.replay,
    time,
    connectors: recordings.map((one) => recordedConnector(one, replay.endpoints[one.exchange]!)),
    symbols: new Map(
      recordings.map((one) => [one.exchange, bookSymbols(one).map((symbol) => symbol.symbol)]),
    ),
    simulated: null,
    replay,
    acceleration: null,
    close: () => replay.close(),
  };
}

/** The recordings of these names. Throws ARB_CLI_USAGE for a name that is not there, and for two of one exchange. */
function chosen(
  all: readonly RecordingDescription[],
  names: readonly string[] | null,
  folder: string,
): readonly RecordingDescription[] {
  if (names === null) return all;
  const found = names.map((name) => {
    const one = all.find((recording) => recording.name === name);
    if (one === undefined)
      throw new ArbotError('ARB_CLI_USAGE', `--recording: ${folder} holds no recording ${name}, see --list`);
    return one;
  });
  if (new Set(found.map((one) => one.exchange)).size < found.length)
    throw new ArbotError('ARB_CLI_USAGE', '--recording: one recording per exchange can be replayed');
  return found;
}

/** The newest recording of each exchange in use; the others are named in the log. */
function onePerExchange(
  all: readonly RecordingDescription[],
  exchanges: readonly ExchangeId[],
  log: Logger,
): RecordingDescription[] {
  const chosen = new Map<ExchangeId, RecordingDescription>();
  for (const one of [...all].sort((a, b) => b.firstTimeMs - a.firstTimeMs)) {
    if (exchanges.includes(one.exchange) && !chosen.has(one.exchange) && one.frames > 0)
      chosen.set(one.exchange, one);
    else log.warn({ recording: one.name, exchange: one.exchange }, 'recording is not replayed');
  }
  return [...chosen.values()];
}

/** Channels that carry a book, as the recordings name them. */
const BOOK_CHANNEL = /^(depth|books|orderbook|obu|level2)|\.(obu|order_book_update)\b/;

const bookSymbols = (recording: RecordingDescription) =>
  recording.symbols.filter((symbol) => symbol.channels.some((channel) => BOOK_CHANNEL.test(channel)));

/** A connector for what was recorded: its market and its book channel. */
function recordedConnector(
  recording: RecordingDescription,
  at: { readonly ws: string; readonly rest: string },
): Connector {
  const channels = recording.symbols.flatMap((symbol) => symbol.channels);
  switch (recording.exchange) {
    case 'bybit': {
      const depths = channels.flatMap((channel) => /^orderbook\.(\d+)/.exec(channel)?.[1] ?? []).map(Number);
      const depth = ([1000, 200, 50, 1] as const).find((one) => depths.includes(one)) ?? 200;
      const category = recording.urls.some((url) => url.includes('/linear')) ? 'linear' : 'spot';
      const endpoints = relocated(bybit({ category }), at);
      return bybit({ category, depth, endpoints });
    }
    case 'bitget': {
      const api = recording.urls.some((url) => url.includes('/v3/')) ? 'v3' : 'v2';
      const bookChannel = (['books', 'books15', 'books5'] as const).find((one) => channels.includes(one));
      const endpoints = relocated(bitget({ api }), at);
      return bitget({ api, endpoints, ...(bookChannel !== undefined && { bookChannel }) });
    }
    case 'okx': {
      const bookChannel =
        (['books-l2-tbt', 'books50-l2-tbt'] as const).find((one) => channels.includes(one)) ?? 'books';
      return okx({ bookChannel, endpoints: relocated(okx(), at) });
    }
    case 'gate': {
      const diffs = (['spot.order_book_update', 'futures.order_book_update'] as const).find((one) =>
        channels.includes(one),
      );
      const bookChannel: GateBookChannel = channels.some((one) => one.startsWith('spot.obu'))
        ? 'spot.obu'
        : (diffs ?? 'spot.obu');
      const depth = channels.includes('spot.obu.50') && !channels.includes('spot.obu.400') ? 50 : 400;
      return gate({ bookChannel, depth, endpoints: relocated(gate({ bookChannel }), at) });
    }
    case 'kucoin': {
      const bookChannel =
        (['level2Depth50', 'level2'] as const).find((one) => channels.includes(one)) ?? 'obu';
      return kucoin({ bookChannel, endpoints: relocated(kucoin({ bookChannel }), at) });
    }
    default:
      return connectorOf(recording.exchange, relocated(connectorOf(recording.exchange, {}), at));
  }
}

function checkedSpeed(speed: number | 'max'): number {
  if (speed === 'max') throw new ArbotError('ARB_CLI_USAGE', '--speed max is for replays only');
  if (speed > 0 && speed <= MAX_FACTOR) return speed;
  throw new ArbotError('ARB_CLI_USAGE', `--speed must be above 0 and at most ${MAX_FACTOR}`);
}

/** FNV-1a: a seed of letters as the number the simulator wants. */
export function seedNumber(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
