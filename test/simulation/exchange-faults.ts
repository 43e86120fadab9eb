import { BinanceFace } from '../../src/simulator/binance-face.js';
import { BitgetFace } from '../../src/simulator/bitget-face.js';
import { BybitFace } from '../../src/simulator/bybit-face.js';
import type { AnyFace } from '../../src/simulator/faces.js';
import { GateFace } from '../../src/simulator/gate-face.js';
import { KucoinFace } from '../../src/simulator/kucoin-face.js';
import type { SimulatedExchange } from '../../src/simulator/listings.js';
import { OkxFace } from '../../src/simulator/okx-face.js';
import { Prng } from '../../src/simulator/prng.js';
import { WholeBookFace } from '../../src/simulator/whole-book-face.js';
import type { ExchangeFaultKind, FaultKind, PlannedFault, PlanWindow } from './fault-plan.js';
import { EXCHANGE_FAULT_KINDS } from './fault-plan.js';
import type { FaultTargets } from './faults.js';
import { actorPathsOf } from './knobs.js';

/** A halt has to last until a list is asked for again; a ban is long. */
const LONGER: Partial<Record<FaultKind, number>> = { 'market-halted': 14, maintenance: 2, 'clock-skew': 3 };

/** What only worlds with more than the classic exchanges suffer; a stream of its own, after the faults of every world. */
export function planExchangeFaults(
  seed: number,
  window: PlanWindow,
  only: readonly FaultKind[] | null,
  exchanges: readonly SimulatedExchange[],
  firstId: number,
): PlannedFault[] {
  const prng = Prng.of(seed, 'exchange faults');
  const allowed = EXCHANGE_FAULT_KINDS.filter((kind) => only === null || only.includes(kind));
  const drawn = allowed.filter(() => prng.next() < 0.5);
  // What these worlds are for: decoding and keeping books in step.
  const kinds: readonly ExchangeFaultKind[] = only === null ? [...new Set([...drawn, DAMAGE])] : allowed;
  if (kinds.length === 0) return [];
  const perMinute = prng.pick([1, 3, 6]);
  const count = Math.ceil(((window.untilMs - window.fromMs) / 60_000) * perMinute);
  return Array.from({ length: count }, (_, at) => {
    const kind = prng.pick(kinds);
    return {
      id: firstId + at,
      kind,
      atMs: prng.between(window.fromMs, window.untilMs),
      forMs: prng.pick([1_000, 4_000, 12_000]) * prng.between(0.5, 1.5) * (LONGER[kind] ?? 1),
      node: prng.below(2),
      exchange: prng.pick(exchanges),
      actor: prng.pick(actorPathsOf(exchanges)),
      amount: prng.next(),
    };
  });
}

const DAMAGE: ExchangeFaultKind = 'damaged-frames';
const DAMAGES = ['drop', 'truncate', 'drop', 'duplicate', 'reorder'] as const;
const DAMAGED_SHARE = 0.1;

/** The time between an announcement and the end of the connections it meant. */
const NOTICE_MS = 25_000;

export const isExchangeFault = (kind: FaultKind): kind is ExchangeFaultKind =>
  (EXCHANGE_FAULT_KINDS as readonly string[]).includes(kind);

/** Brings one about; returns how to end it. */
export function inflictOnExchange(fault: PlannedFault, on: FaultTargets): () => void {
  const face = on.faces.get(fault.exchange)!;
  switch (fault.kind as ExchangeFaultKind) {
    case 'bad-subscription':
      return refuseSilently(fault, on);
    case 'ban':
      return ban(fault, face, on);
    case 'maintenance':
      return maintenance(face);
    case 'market-halted':
      return haltMarket(fault, face, on);
    case 'upgrade':
      return announceUpgrade(on);
    case 'clock-skew':
      return skewClock(fault, face, on);
    case 'book-restart':
      return restartBooks(face);
    case 'damaged-frames': {
      const kind = DAMAGES[Math.floor(fault.amount * DAMAGES.length)]!;
      return face.faults.add({ kind, probability: DAMAGED_SHARE });
    }
  }
}

const marketOf = ({ exchange, amount }: PlannedFault, { world }: FaultTargets) => {
  const markets = world.marketsOf(exchange);
  return markets[Math.floor(amount * markets.length)]!.listing;
};

/** On new connections one market's name is misspelt on its way: the exchange does what it does with names it does not know. */
function refuseSilently(fault: PlannedFault, on: FaultTargets): () => void {
  const line = on.network.lines.get(fault.exchange)!;
  line.unknown = marketOf(fault, on).symbol;
  on.network.openLinks(fault.exchange).forEach((link) => link.drop());
  return () => (line.unknown = null);
}

/** Calls get the status with which the exchange bans, and connections are refused. */
function ban({ exchange, amount }: PlannedFault, face: AnyFace, on: FaultTargets): () => void {
  const status = exchange === 'binance' || exchange === 'upbit' || exchange === 'bithumb' ? 418 : 429;
  const end = face.faults.addHttp({ status, retryAfterSeconds: 5 + Math.floor(40 * amount) });
  face.faults.refuseConnections = true;
  on.network.openLinks(exchange).forEach((link) => link.drop());
  return () => {
    end();
    face.faults.refuseConnections = false;
  };
}

/** Everybody is dropped, nobody gets in, and calls are told so in the exchange's own words. */
function maintenance(face: AnyFace): () => void {
  if (face instanceof BitgetFace) {
    face.setMaintenance(true);
    return () => face.setMaintenance(false);
  }
  if (face instanceof KucoinFace) {
    face.maintenance = true;
    face.disconnect();
    return () => (face.maintenance = false);
  }
  const end = face.faults.addHttp({ status: 503 });
  face.faults.refuseConnections = true;
  face.disconnect();
  return () => {
    end();
    face.faults.refuseConnections = false;
  };
}

/** The market stands still in the exchange's list, or in the notices of its socket; its book stays. */
function haltMarket(fault: PlannedFault, face: AnyFace, on: FaultTargets): () => void {
  const { symbol, pair } = marketOf(fault, on);
  const instrument = `${fault.exchange}:${pair}`;
  if (on.haltedSinceMs.has(instrument)) return () => undefined;
  setTrading(face, symbol, false);
  on.haltedSinceMs.set(instrument, on.scheduler.nowMs);
  return () => {
    setTrading(face, symbol, true);
    on.haltedSinceMs.delete(instrument);
  };
}

function setTrading(face: AnyFace, symbol: string, isTrading: boolean): void {
  if (face instanceof WholeBookFace) face.setNotice(symbol, { suspended: !isTrading });
  else if (face instanceof GateFace)
    face.rest.pairs.set(symbol, { trade_status: isTrading ? 'tradable' : 'untradable' });
  else if (face instanceof BitgetFace) face.setStatus(symbol, isTrading ? 'online' : 'halt');
  else if (isTrading) face.halted.delete(symbol);
  else face.halted.add(symbol);
}

/** Two exchanges announce that they will end connections, and then do. */
function announceUpgrade(on: FaultTargets): () => void {
  for (const face of on.faces.values()) {
    const announced = [...face.connections];
    if (face instanceof OkxFace) face.sendNotice();
    else if (face instanceof BinanceFace) face.announceShutdown(Number.POSITIVE_INFINITY);
    else continue;
    on.scheduler.plan(on.scheduler.world, NOTICE_MS, () => {
      for (const id of announced) face.disconnect(1001, id);
    });
    break;
  }
  return () => undefined;
}

function skewClock({ exchange, amount }: PlannedFault, face: AnyFace, on: FaultTargets): () => void {
  const before = face.faults.clockSkewMs;
  const set = (skewMs: number): void => {
    face.faults.clockSkewMs = skewMs;
    on.clocks.set(exchange, skewMs, on.scheduler.nowMs);
  };
  set(Math.round((amount - 0.5) * 3_000));
  return () => set(before);
}

/** The exchange's book service begins anew, or repeats itself, as it may at any time. */
function restartBooks(face: AnyFace): () => void {
  if (face instanceof GateFace) face.sendFullBooks();
  if (face instanceof BitgetFace || face instanceof BybitFace) face.restartBooks();
  return () => undefined;
}
