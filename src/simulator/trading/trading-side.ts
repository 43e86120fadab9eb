import type { FaceClient, FaceHttpAnswer, FaceHttpRequest, FaceHttpResponse } from '../face-protocol.js';
import type { FaultBoard } from '../faults.js';
import type { SimulatedMarket } from '../market.js';
import { Prng } from '../prng.js';
import { DESK_RULES, type DeskRules, type TradingExchange } from './desk-rules.js';
import type { DeskEvent } from './desk-types.js';
import { OrderDesk } from './order-desk.js';
import { PushLine } from './push-line.js';
import { tradingOnly, type KeyRights } from './key-rights.js';
import { simulatedAccount, type AccountCredentials, type SimulatedAccount } from './simulated-account.js';
import { WalletNetworks } from './wallet-networks.js';
import { delayOf, TradingFaultBoard, type CallKind, type TradingFault } from './trading-faults.js';

/** What a trading side needs of the face that it belongs to. */
export interface TradingParts {
  readonly exchange: TradingExchange;
  readonly seed: number;
  /** By the exchange's own names. */
  readonly markets: ReadonlyMap<string, SimulatedMarket>;
  /** Time of day, Unix ms; what the exchange's clock shows may differ (`faults.clockSkewMs`). */
  readonly nowMs: () => number;
  /** The switches of the face. */
  readonly faults: FaultBoard;
  readonly isHalted: (symbol: string) => boolean;
  /** Sends a frame to a private connection, through the face's frame faults. */
  readonly send: (client: FaceClient, text: string) => void;
  readonly close: (client: FaceClient, code: number, reason: string) => void;
  /** Where the exchange differs from `DESK_RULES`. */
  readonly rules?: Partial<DeskRules>;
}

/** A call on its way to the engine. */
export interface Carriage {
  readonly call: CallKind;
  /** The market that it concerns; null = none in particular. */
  readonly symbol: string | null;
  /** What remains of a request that came and was not carried out. */
  readonly failed?: () => void;
}

const SILENCE: FaceHttpAnswer = { kind: 'silence' };

/**
 * The private half of a face: signed REST calls and private sockets of one account over an order desk. What the exchanges have in
 * common stands here; words, signatures and codes in the class of each exchange. It does no I/O.
 */
export abstract class TradingSide {
  readonly account: SimulatedAccount;
  protected readonly desk: OrderDesk;
  protected readonly wallets: WalletNetworks;
  protected readonly parts: TradingParts;
  protected readonly credentials: AccountCredentials;
  /** For request ids and the like. */
  protected readonly keyRights: KeyRights;
  protected readonly prng: Prng;
  /** Open private connections. */
  protected readonly clients = new Map<number, FaceClient>();
  private readonly misbehaviours: TradingFaultBoard;
  private readonly pushes: PushLine;
  private bannedUntilMs = 0;
  private wasCut = false;
  private callsDuringBan = 0;
  private placeRequests = 0;

  constructor(parts: TradingParts, passphrase: string | null = null) {
    const { exchange, seed } = parts;
    this.parts = parts;
    this.prng = Prng.of(seed, `trading/${exchange}`);
    const keys = Prng.of(seed, `account/${exchange}`);
    this.credentials = { apiKey: keys.hex(40), secret: keys.hex(64), passphrase };
    this.keyRights = tradingOnly(parts.nowMs());
    this.misbehaviours = new TradingFaultBoard(Prng.of(seed, `trading faults/${exchange}`));
    this.pushes = new PushLine(this.misbehaviours, (event) => this.deliver(event));
    this.desk = new OrderDesk({
      account: `trader/${exchange}`,
      markets: [...parts.markets.values()],
      rules: { ...DESK_RULES[exchange], ...parts.rules },
      faults: this.misbehaviours,
      prng: Prng.of(seed, `desk/${exchange}`),
      nowMs: parts.nowMs,
      isHalted: parts.isHalted,
      emit: (event) => this.pushes.push(event),
      cutConnections: () => this.cut(),
    });
    this.wallets = new WalletNetworks(exchange, parts.markets);
    this.account = simulatedAccount({
      exchange,
      credentials: this.credentials,
      keyRights: this.keyRights,
      desk: this.desk,
      wallets: this.wallets,
      misbehave: (fault) => this.misbehave(fault),
      counts: () => ({ callsDuringBan: this.callsDuringBan, placeRequests: this.placeRequests }),
    });
  }

  /**
   * A REST call. Null = it is public, and the public side answers. Whoever carries the answer calls `flush` once it is on its way.
   */
  handle(request: FaceHttpRequest): FaceHttpAnswer | null {
    if (this.isBanned()) {
      this.callsDuringBan++;
      return this.banned(this.bannedUntilMs);
    }
    if (!this.isPrivate(request)) return null;
    if (this.misbehaviours.state('maintenance') !== null) return this.unavailable();
    return this.answer(request);
  }

  /** True for the address of a private socket. */
  abstract isPrivateSocket(path: string, query: URLSearchParams): boolean;

  /** The answer that refuses a handshake; null = it may open. */
  refusal(_url: string, _headers: Readonly<Record<string, string>>): FaceHttpResponse | null {
    if (this.isBanned()) return this.banned(this.bannedUntilMs);
    return this.misbehaviours.state('maintenance') === null ? null : this.unavailable();
  }

  /** A private connection is open. */
  opened(client: FaceClient): void {
    this.clients.set(client.id, client);
  }

  owns(id: number): boolean {
    return this.clients.has(id);
  }

  /** A frame came on a private connection. */
  abstract received(client: FaceClient, text: string): void;

  closed(id: number): void {
    this.clients.delete(id);
  }

  /** The world has moved: what was late happens, and what it did is told. */
  onStep(): void {
    this.desk.onStep();
    this.flush();
  }

  /** Sends what the private connections have to be told. */
  flush(): void {
    this.pushes.flush(Math.floor(this.parts.nowMs()));
  }

  /** True for the calls that this side answers. */
  protected abstract isPrivate(request: FaceHttpRequest): boolean;
  /** Answers a private call. */
  protected abstract answer(request: FaceHttpRequest): FaceHttpAnswer;
  /** Tells the private connections of one event. */
  protected abstract deliver(event: DeskEvent): void;
  /** The answer of a server that failed: the outcome is unknown to whoever reads it. */
  protected abstract broken(): FaceHttpResponse;
  /** The answer to every call during a ban. */
  protected abstract banned(untilMs: number): FaceHttpResponse;
  /** The answer to every call during maintenance. */
  protected abstract unavailable(): FaceHttpResponse;

  /** What the exchange's clock shows. */
  protected serverMs(): number {
    return this.parts.nowMs() + this.parts.faults.clockSkewMs;
  }

  /** A time as this exchange writes it. */
  protected stamp(ms: number): number {
    return Math.floor(ms + this.parts.faults.clockSkewMs);
  }

  /**
   * Carries out a call that has passed the checks at arrival, with whatever goes wrong on its way. `act` runs when it reaches the
   * engine, which may be later: rules that are checked again there belong into it.
   */
  protected carry({ call, symbol, failed }: Carriage, act: () => FaceHttpResponse): FaceHttpAnswer {
    if (call === 'place') this.placeRequests++;
    const fault = this.misbehaviours.takeLine(call, symbol);
    switch (fault?.kind) {
      case 'lose-request':
        return SILENCE;
      case 'accept-then-timeout':
        act();
        return SILENCE;
      case 'place-late':
        this.desk.after(delayOf(fault), act);
        return SILENCE;
      case 'error-5xx-placed':
        act();
        return this.broken();
      case 'error-5xx-not-placed':
        failed?.();
        return this.broken();
      case 'early-fill-push': {
        const response = act();
        this.flush();
        return { kind: 'later', afterMs: delayOf(fault), response: () => response };
      }
      case 'slow':
        return { kind: 'later', afterMs: delayOf(fault), response: act };
      default:
        return this.uncut(act);
    }
  }

  /** Closes every private connection at once; what was on its way to them is lost. */
  protected dropConnections(): void {
    this.pushes.clear();
    for (const client of [...this.clients.values()]) this.parts.close(client, 1006, '');
  }

  private uncut(act: () => FaceHttpResponse): FaceHttpAnswer {
    this.wasCut = false;
    const response = act();
    return this.wasCut ? SILENCE : response;
  }

  private cut(): void {
    this.wasCut = true;
    this.dropConnections();
  }

  private isBanned(): boolean {
    return this.misbehaviours.state('ban') !== null && this.parts.nowMs() < this.bannedUntilMs;
  }

  private misbehave(fault: TradingFault): () => void {
    const end = this.misbehaviours.add(fault);
    if (fault.kind === 'maintenance') this.dropConnections();
    if (fault.kind === 'ban') this.bannedUntilMs = this.parts.nowMs() + delayOf(fault);
    if (fault.kind !== 'skew') return end;
    const { faults } = this.parts;
    const before = faults.clockSkewMs;
    const during = before + (fault.skewMs ?? 0);
    faults.clockSkewMs = during;
    return () => {
      // Whoever set the clock in the meantime has the last word.
      if (faults.clockSkewMs === during) faults.clockSkewMs = before;
      end();
    };
  }
}
