import type { TradingConfig } from '../../../src/config/index.js';
import type { MessageKind } from '../../../src/messages/catalogue.js';
import type { LegResult, SubmitLeg } from '../../../src/messages/order.js';
import type { ApprovedVerdict } from '../../../src/messages/risk.js';
import type { AnyFace } from '../../../src/simulator/faces.js';
import type { SimulatedWorld } from '../../../src/simulator/world.js';
import type { MemoryDatabase } from '../../../src/storage/memory/memory-database.js';
import type { AccountBooks, ExchangeOrder, ExchangeTrade } from '../accounts.js';
import type { SimulatedDisk } from '../disk.js';
import type { ExchangeClocks } from '../exchanges.js';
import type { JournalView } from '../journal-view.js';
import type { Knobs } from '../knobs.js';
import type { SimulatedNetwork } from '../network.js';
import type { WireCall } from '../order-wire.js';
import type { SimulatedProcess } from '../process.js';
import type { Life } from '../witnesses.js';
import type { BookHistory } from './book-history.js';

/** What auditors of one node look at: the stores' rows, the exchanges and the lines themselves, and what passed the ports. */
export interface Scene {
  /** The node's name. */
  readonly name: string;
  readonly nowMs: () => number;
  readonly history: BookHistory;
  readonly disk: SimulatedDisk;
  /** Starts of this node so far. */
  readonly boots: () => number;
  readonly world: SimulatedWorld;
  readonly faces: ReadonlyMap<string, AnyFace>;
  readonly network: SimulatedNetwork;
  readonly database: MemoryDatabase;
  readonly journal: JournalView;
  readonly trading: TradingConfig;
  readonly knobs: Knobs;
  /** The process that runs now; null between a death and the next start. */
  readonly process: () => SimulatedProcess | null;
  /** Lives of all actors of the present process, newest last, by path. */
  readonly lives: ReadonlyMap<string, readonly Life[]>;
  /** Exchange → until when its channels were made silent. */
  readonly silentUntilMs: ReadonlyMap<string, number>;
  /** Instrument → since when its exchange does not trade it. */
  readonly haltedSinceMs: ReadonlyMap<string, number>;
  readonly clocks: ExchangeClocks;
  /** What the exchanges remember of the accounts; null where orders meet the paper gateway. */
  readonly books: AccountBooks | null;
  /** No fault was under way within the last so many ms. */
  isQuietFor(ms: number): boolean;
  /** What the world allows an actor that starts now. */
  mailboxBoundOf(path: string): number;
  /** Whether this node records the frames it hears. */
  readonly isRecorded: boolean;
  violated(name: string, detail: string): void;
  reached(point: string): void;
}

/** One order as the paper exchange itself carried it out. */
export interface Execution {
  readonly leg: SubmitLeg;
  readonly result: LegResult;
  readonly atMs: number;
  /** The paper venue that carried it out; what it has not told dies with its process. */
  readonly venue: { readonly endedMs: number | null };
}

export interface Auditor {
  /** Cheap enough for every step of the node. */
  afterStep?(): void;
  /** Every few dozen of them. */
  sometimes?(): void;
  approved?(verdict: ApprovedVerdict): void;
  submitted?(leg: SubmitLeg): void;
  executed?(execution: Execution): void;
  /** An exchange has taken an order, has made a trade of it, and has ended it. */
  placed?(order: ExchangeOrder): void;
  traded?(trade: ExchangeTrade): void;
  ended?(order: ExchangeOrder): void;
  /** The same once all of them were looked at. */
  looked?(): void;
  /** A process of the node tells something on its bus. */
  told?(kind: MessageKind, body: unknown): void;
  /** A signed call is handed to the network, in the turn of the process that signed it. */
  called?(process: SimulatedProcess, exchange: string, wire: WireCall): void;
  /** The process of the node is gone: killed, or ended by itself. */
  processEnded?(): void;
  /** Everything has healed. */
  audit?(): void;
}
