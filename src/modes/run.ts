import { join } from 'node:path';
import type { RunningNode, StartOptions } from '../cli/options.js';
import { AUDIT_FILE, AuditJournal, journaledLog } from '../http/audit-journal.js';
import { startHttp, type RunningHttp } from '../http/server.js';
import { openToken } from '../http/token.js';
import { errorText } from '../messages/errors.js';
import type { HaltChanged, HaltPolicy } from '../messages/risk.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { HttpClient } from '../ports/network.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Stores } from '../ports/stores.js';
import type { TickStore } from '../ports/tick-store.js';
import { secretOf } from '../config/overrides.js';
import { openVerdictSeal, VERDICT_KEY_VARIABLE } from '../security/hmac-seal.js';
import { KILL_SWITCH_KEY, decodeKillSwitch, newerSwitch } from '../risk/kill-switch.js';
import { WorkerCompute } from '../runtime/platform/compute.js';
import { CcxtLink } from '../runtime/platform/ccxt-link.js';
import { UndiciHttpClient } from '../runtime/platform/http-client.js';
import { CryptoRandom } from '../runtime/platform/random.js';
import { WsSockets } from '../runtime/platform/sockets.js';
import { installProcessNet } from '../supervisors/process-net.js';
import { assembleNode, type TradingNode } from './assemble.js';
import { exchangeTermsOf } from './exchange-terms.js';
import { accountLines } from './account-report.js';
import { openAccounts } from './accounts.js';
import { actionsOf } from './actions.js';
import { alertOperator } from './alert-operator.js';
import { openAlerts, type NodeAlerts } from './alerts.js';
import { buildOf } from './build.js';
import { KILL_FILE, KillFlag } from './kill-switch.js';
import { KillSources } from './kill-sources.js';
import { feedProcesses } from './feed-processes.js';
import { Governor } from './governor.js';
import { TASKS_URL } from './compute-tasks.js';
import { Console } from './console.js';
import { MachineTime } from './machine-time.js';
import { openMarket, type Market } from './markets.js';
import { looksForPairs } from './branches/statistical.js';
import { MODE_OF } from './mode-of.js';
import {
  ccxtOf,
  enabledExchanges,
  enabledPairs,
  openingsOf,
  tradedPairs,
  tradingStrategies,
} from './parameters.js';
import { OracleReport } from './oracle-report.js';
import type { Teardown } from './teardown.js';

/** Until when simulated time has run; the next run begins there, so that time never goes back. */
const TIME_KEY = 'time-high-water';

/** One thread, started by the first task: what comes to it is rare and may wait for its turn. */
const COMPUTE = { workers: 1, queueLimit: 32, taskTimeoutMs: 30_000 };

/** A running node with its parts, for whoever embeds it. */
export interface StartedNode extends RunningNode {
  readonly node: TradingNode;
  readonly market: Market;
  /** Null unless the market is simulated. */
  readonly report: OracleReport | null;
  /** The kill switch for whoever embeds this node: in force at once, resolves once it is written. `freeze` unless said. */
  engageKillSwitch(reason: string, by: string, policy?: HaltPolicy): Promise<void>;
}

/** What stands before anything runs. */
export interface NodeGround {
  readonly options: StartOptions;
  readonly machine: MachineTime;
  readonly log: Logger;
  /** Where the log is, for people. */
  readonly logPlace: string;
  readonly files: Files;
  /** Data folder of the mode. */
  readonly folder: string;
  /** Null while recording: nothing trades and nothing is stored. */
  readonly stores: Stores | null;
  /** Null = the node keeps prices and events itself. */
  readonly prices: PriceStore | null;
  /** Null = ticks are not kept. */
  readonly ticks: TickStore | null;
  readonly teardown: Teardown;
}

/** Puts a node together over open stores and starts it: market, bus, actors, page, console. */
export async function startPrepared(ground: NodeGround): Promise<StartedNode> {
  const { options, machine, log, files, folder, stores, prices, ticks, teardown } = ground;
  const market = await openMarket(options.market, {
    exchanges: exchangesOf(options),
    ccxt: ccxtOf(options.tradingConfig),
    pairs: enabledPairs(options.tradingConfig).map(({ pair }) => pair),
    hasTies: looksForPairs(options.tradingConfig),
    bridged: options.tradingConfig.bridge !== 'none',
    time: machine,
    speed: options.speed,
    seed: options.seed,
    notBeforeMs: await timeHighWater(stores),
    exchangesAt: options.exchangesAt ?? null,
    replayFolder: options.replayFolder,
    recordings: options.recordings ?? null,
    files,
    log,
  });
  teardown.add('market', () => market.close());
  if (stores !== null && options.market === 'simulated')
    teardown.add('time', () => stores.settings.set(TIME_KEY, String(Math.ceil(market.time.nowMs()))));

  if (stores !== null) {
    await openAccounts(market, stores.ledger, openingsOf(options.tradingConfig));
    // After the actors have stopped, and before market and stores are closed.
    teardown.add('account report', () => printAccounts(ground, market));
  }

  const http = new UndiciHttpClient();
  teardown.add('http client', () => http.close());
  // Starts a thread only when an address of ccxt is used.
  const network = new CcxtLink({ sockets: new WsSockets(), http });
  teardown.add('ccxt', () => network.close());
  const compute = new WorkerCompute({ tasksUrl: TASKS_URL, ...COMPUTE });
  teardown.add('compute', () => compute.close());
  const audit = await AuditJournal.open({
    ...{ files, log },
    path: join(folder, AUDIT_FILE),
    nowMs: () => machine.nowMs(),
  });
  teardown.add('audit', () => audit.close());
  const auditLog = journaledLog(log, audit);
  const alerts = await openNodeAlerts({ ...ground, log: auditLog }, http);
  const node = await assembleNode({
    options,
    alerts,
    auditLog,
    mode: MODE_OF[options.market],
    folder,
    log,
    files,
    stores,
    ...(prices !== null && { prices }),
    ticks,
    market,
    sockets: network,
    http: network,
    random: new CryptoRandom(),
    seal: openVerdictSeal(secretOf(process.env, VERDICT_KEY_VARIABLE), new CryptoRandom()),
    compute,
    startFeedProcess: feedProcesses(machine),
    killSwitch: await persistedSwitch(ground, market),
    ...(options.clusterConfig.nodes.length > 1 && { build: await buildOf(files) }),
  });
  teardown.add('actors', () => node.stop());
  // Said at the start, and not by a gate that cannot.
  await node.limitChanges?.inForce();
  if (stores !== null) await keepExchangeTerms(stores, market, ground);
  return serve({ ...ground, log: auditLog }, node, { market, alerts, audit });
}

async function printAccounts({ stores, options }: NodeGround, { simulated }: Market): Promise<void> {
  if (stores === null || simulated === null || options.quiet) return;
  for (const line of await accountLines(simulated, stores.ledger)) process.stdout.write(`${line}\n`);
}

/** For whoever reads the tables; a start does not hang on it. */
async function keepExchangeTerms(
  stores: Stores,
  market: Market,
  { options, log }: NodeGround,
): Promise<void> {
  const terms = exchangeTermsOf(options.tradingConfig, market.connectors);
  await stores.exchanges.saveExchanges(terms, market.time.nowMs()).catch((error: unknown) => {
    log.warn({ error: errorText(error) }, 'the terms of the exchanges were not stored');
  });
}

interface ServedParts {
  readonly market: Market;
  /** Null where nobody is told anything. */
  readonly alerts: NodeAlerts | null;
  readonly audit: AuditJournal;
}

/** Null while recording, and where none are configured. */
async function openNodeAlerts(
  { options, machine, log, files, folder, stores }: NodeGround,
  http: HttpClient,
): Promise<NodeAlerts | null> {
  if (stores === null) return null;
  return openAlerts({
    cluster: options.clusterConfig,
    trading: options.tradingConfig,
    mode: MODE_OF[options.market],
    node: options.node.name,
    environment: process.env,
    random: new CryptoRandom(),
    time: machine,
    ...{ folder, files, http, log },
  });
}

async function serve(
  ground: NodeGround,
  node: TradingNode,
  { market, alerts, audit }: ServedParts,
): Promise<StartedNode> {
  const { options, log, logPlace, files, stores, teardown } = ground;
  const { inspection } = node;
  const token = await openToken({
    environment: process.env,
    variable: options.node.http.tokenEnv,
    dataFolder: options.dataFolder,
    files,
    random: new CryptoRandom(),
  });
  const flag = killFlagOf(ground);
  const settings = stores?.settings ?? null;
  const actions = actionsOf(node, market.time, { settings, log, ...(settings !== null && { flag }) });
  alerts?.operate(alertOperator({ source: inspection, actions, log }));
  const web: RunningHttp = await startHttp({
    host: options.node.http.host,
    port: options.port,
    token: token.token,
    source: inspection,
    actions,
    cluster: { source: node.cluster, actions: node.cluster, audit },
    log,
    clock: new MachineTime(),
    timers: new MachineTime(),
    allowedHosts: options.node.http.allowedHosts,
  });
  teardown.add('page', () => web.close());
  node.member?.servesAt(web.url);
  const engageKillSwitch = (reason: string, by: string, policy?: HaltPolicy) =>
    actions.setKillSwitch(true, reason, by, policy);
  if (settings !== null) {
    const sources = new KillSources({
      ...{ flag, log, halts: node.halts, machine: node.machine, engage: engageKillSwitch },
    });
    sources.start(process);
    teardown.add('kill switch', () => sources.stop());
  }
  const traded = tradedPairs(options.tradingConfig).map(({ pair }) => pair);
  const report =
    market.simulated === null
      ? null
      : new OracleReport(market.simulated, node.bus, traded, tradingStrategies(options.tradingConfig));
  if (report !== null) teardown.add('oracle report', () => report.close());
  await node.start();
  if (market.acceleration !== null) {
    const governor = new Governor({
      machine: new MachineTime(),
      stores,
      ...market.acceleration,
    });
    teardown.add('governor', () => governor.stop());
    governor.start();
  }
  const console = new Console({
    options,
    node,
    market,
    report,
    url: web.url,
    tokenSource: token.source,
    logPlace,
  });
  await console.open();
  teardown.add('console', () => console.close());

  const finished = endOf(options, node, market);
  teardown.add(
    'process net',
    installProcessNet(process, ({ kind, error }) => {
      log.error({ kind, error: errorText(error), stack: error.stack }, 'an error escaped every actor');
      node.fail(error);
    }),
  );
  let stopping: Promise<void> | null = null;
  return {
    mode: market.mode,
    url: web.url,
    finished,
    node,
    market,
    report,
    engageKillSwitch,
    stop: () =>
      (stopping ??= teardown.run((what, error) => log.error({ what, error }, 'could not be closed'))),
  };
}

/** What ends a run by itself: its minutes, the recording, or the root supervisor. */
function endOf(options: StartOptions, node: TradingNode, market: Market): Promise<number> {
  const ends: Promise<number>[] = [node.failed.then(() => 1)];
  const { minutes } = options;
  if (minutes !== null)
    ends.push(new Promise((resolve) => market.time.setTimer(() => resolve(0), minutes * 60_000)));
  if (market.replay !== null)
    ends.push(
      market.replay.finished.then(
        // What was sent last still has to come through.
        () => new Promise((resolve) => node.machine.setTimer(() => resolve(0), 500)),
        () => 1,
      ),
    );
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: whichever end comes first ends the process
  return Promise.race(ends);
}

function exchangesOf(options: StartOptions): string[] {
  const enabled = enabledExchanges(options.tradingConfig).map(([exchange]) => exchange);
  return enabled.filter((exchange) => options.exchanges?.includes(exchange) ?? true);
}

async function timeHighWater(stores: Stores | null): Promise<number> {
  const text = await stores?.settings.get(TIME_KEY);
  return text === undefined || text === null || !/^\d{1,15}$/.test(text) ? 0 : Number(text);
}

const killFlagOf = ({ files, folder }: NodeGround): KillFlag => new KillFlag(files, join(folder, KILL_FILE));

/** What store and file say; a file that a person made is newer than anything written before. */
async function persistedSwitch(ground: NodeGround, market: Market): Promise<HaltChanged> {
  const written = decodeKillSwitch((await ground.stores?.settings.get(KILL_SWITCH_KEY)) ?? null);
  const inFile = await killFlagOf(ground).read(Math.max(market.time.nowMs(), written.atMs + 1));
  return inFile === null ? written : newerSwitch(written, inFile);
}
