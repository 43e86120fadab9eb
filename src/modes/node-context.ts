import { ClockOffsets } from '../actors/clock-sync.js';
import { HaltMemory } from '../actors/halt-memory.js';
import type { StartOptions } from '../cli/options.js';
import { LearnedDecays } from '../detectors/latency-decay.js';
import { AccountRates } from '../market/account-rates.js';
import { LiveInstruments } from '../market/live-instruments.js';
import type { Instrument } from '../market/instrument.js';
import { QuoteBoard } from '../market/quote-board.js';
import { WalletStatuses } from '../market/wallet-statuses.js';
import type { ExchangeId, InstrumentId, ModeName } from '../messages/primitives.js';
import type { HaltChanged } from '../messages/risk.js';
import type { Bus } from '../ports/bus.js';
import type { Compute } from '../ports/compute.js';
import type { EmergencyJournal } from '../ports/emergency-journal.js';
import type { StartFeedProcess } from '../ports/feed-process.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { NodeServices } from '../ports/node-services.js';
import type { HttpClient, Sockets } from '../ports/network.js';
import type { PriceStore } from '../ports/price-cache.js';
import type { Ids, Random } from '../ports/random.js';
import type { Stores } from '../ports/stores.js';
import type { TickStore } from '../ports/tick-store.js';
import type { Clock, Timers } from '../ports/time.js';
import type { VerdictSeal } from '../ports/verdict-seal.js';
import type { TickRecording } from '../recording/tick-recording.js';
import type { ActorEngine } from '../runtime/engine.js';
import type { ActorSystem } from '../runtime/system.js';
import { FileEmergencyJournal } from '../storage/emergency/file-emergency-journal.js';
import type { Intensity } from '../supervisors/spec.js';
import type { NodeAlerts } from './alerts.js';
import type { ExchangeMarkets } from './instruments.js';
import { LimitChanges } from './limit-changes.js';
import { MachineTime } from './machine-time.js';
import type { Market } from './markets.js';
import { FxRates } from './fx-rates.js';
import { premiumReport } from './premiums.js';

export interface NodeParts {
  readonly options: StartOptions;
  readonly mode: ModeName;
  readonly folder: string;
  readonly log: Logger;
  /** Where actions of people are written; absent = to the log. */
  readonly auditLog?: Logger;
  readonly files: Files;
  readonly stores: Stores | null;
  /** Closed by whoever hands it in; absent = kept in this process. */
  readonly prices?: PriceStore;
  /** Closed by whoever hands it in; null = ticks are not kept. */
  readonly ticks: TickStore | null;
  readonly market: Market;
  readonly sockets: Sockets;
  readonly http: HttpClient;
  readonly random: Random;
  /** Of approvals: one for the gate and for the gateways that take its word. */
  readonly seal: VerdictSeal;
  readonly killSwitch: HaltChanged;
  /** Hash of the program's files; absent where the node is alone. */
  readonly build?: string;
  /** What a simulation hands in; absent = nact with its own batches, and the bus of `cluster.config.ts`. */
  readonly engine?: ActorEngine;
  readonly bus?: Bus;
  readonly batch?: number;
  /** The machine's own time; absent = the real one. */
  readonly machine?: Clock & Timers;
  /** Closed by whoever hands it in; absent = computed in place. */
  readonly compute?: Compute;
  /** For feeds with `isolation: process`; absent = they run in this process too. */
  readonly startFeedProcess?: StartFeedProcess;
  /** When a feed that keeps crashing is given up; absent = as everything else. */
  readonly feedIntensity?: Intensity;
  /** Absent or null = nobody is told anything. */
  readonly alerts?: NodeAlerts | null;
}

export interface ContextParts {
  readonly parts: NodeParts;
  readonly bus: Bus;
  /** The connection of market data; the same as `bus` in one process. */
  readonly marketBus: Bus;
  /** How nodes find and ask each other; null in one process. */
  readonly services: NodeServices | null;
  readonly ids: Ids;
  readonly system: ActorSystem;
}

/** What the branches of a node's tree share: it outlives every actor. */
export class NodeContext {
  readonly parts: NodeParts;
  readonly bus: Bus;
  readonly marketBus: Bus;
  readonly services: NodeServices | null;
  readonly ids: Ids;
  readonly system: ActorSystem;
  readonly machine: Clock & Timers;
  readonly board = new QuoteBoard();
  readonly offsets = new ClockOffsets();
  readonly liveInstruments = new LiveInstruments();
  readonly wallets = new WalletStatuses();
  /** What accounts pay by the exchanges' own word. */
  readonly rates = new AccountRates();
  /** Losses of edges until orders arrive; loaded by the detector that starts. */
  readonly decays = new LearnedDecays();
  readonly fx: FxRates;
  /** Exchanges that have listed their markets. */
  readonly markets = new Map<ExchangeId, ExchangeMarkets>();
  readonly halts: HaltMemory;
  /** Null while recording. */
  readonly limitChanges: LimitChanges | null;
  /** Opened by whoever writes or reads it first. */
  readonly emergency: EmergencyJournal;
  /** Null while ticks are not kept. */
  recording: TickRecording | null = null;

  constructor({ parts, bus, marketBus, services, ids, system }: ContextParts) {
    const { files, folder, log, killSwitch } = parts;
    this.parts = parts;
    this.bus = bus;
    this.marketBus = marketBus;
    this.services = services;
    this.ids = ids;
    this.system = system;
    this.machine = parts.machine ?? new MachineTime();
    this.halts = new HaltMemory(bus, killSwitch);
    this.limitChanges = limitChangesOf(parts, bus);
    this.fx = new FxRates(parts.options.tradingConfig.fxRates, parts.http, this.machine);
    this.emergency = new FileEmergencyJournal({ files, folder, log });
  }

  /** One of several that share a `cluster.config.ts`. */
  get isMember(): boolean {
    const { clusterConfig, recordFolder } = this.parts.options;
    return clusterConfig.nodes.length > 1 && recordFolder === null && this.parts.stores !== null;
  }

  join(markets: ExchangeMarkets): void {
    this.markets.set(markets.connector.exchange, markets);
    this.liveInstruments.follow(markets.instruments);
  }

  instruments(): readonly Instrument[] {
    return this.liveInstruments.all();
  }

  instrumentOf(exchange: ExchangeId, symbol: string): InstrumentId | null {
    const { instruments } = this.markets.get(exchange) ?? { instruments: [] };
    return instruments.find((instrument) => instrument.symbol === symbol)?.id ?? null;
  }

  /** What coins cost more in local money, on the books of this node. */
  premiums() {
    const { board, fx, clockOffsetMs, parts } = this;
    const { options, market } = parts;
    return premiumReport({
      ...{ trading: options.tradingConfig, board, fx, clockOffsetMs },
      instruments: () => this.instruments(),
      clock: market.time,
    });
  }

  restContexts() {
    const { http, market } = this.parts;
    return [...this.markets.values()].map(({ connector, limiter }) => ({
      connector,
      limiter,
      endpoints: connector.endpoints,
      http,
      clock: market.time,
      timers: market.time,
    }));
  }

  /** Options whose instruments are those known when an incarnation starts. */
  live<T extends object>(options: T): T & { readonly instruments: readonly Instrument[] } {
    const instruments = { get: () => this.instruments(), enumerable: true };
    return Object.defineProperty(options, 'instruments', instruments) as T & {
      readonly instruments: readonly Instrument[];
    };
  }

  readonly clockOffsetMs = (exchange: ExchangeId): number => this.offsets.offsetMs(exchange);
  readonly clockSkewMs = (exchange: ExchangeId): number | null => this.offsets.skewMs(exchange);
}

function limitChangesOf({ stores, mode, market, options }: NodeParts, bus: Bus): LimitChanges | null {
  if (stores === null) return null;
  const { settings } = stores;
  return new LimitChanges({ trading: options.tradingConfig, mode, settings, bus, clock: market.time });
}
