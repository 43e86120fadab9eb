import type { ActorDefinition } from '../runtime/actor.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_INTENSITY,
  type ChildSpec,
  type GiveUp,
  type Intensity,
  type SupervisorSpec,
  type WorkerSpec,
} from '../supervisors/spec.js';

/** The supervision tree of a node as a value (ACTORS §2.3). `npm run supervision` prints it; ARCHITECTURE.md shows the same. */

/** Actor definitions without their message types. */
type AnyActor = ActorDefinition<never>;

export interface InfraActors {
  readonly clockSync: AnyActor;
  readonly instruments: AnyActor;
}

export interface TradeActors {
  readonly lease: AnyActor;
  readonly ledger: AnyActor;
  readonly gate: AnyActor;
  /** By exchange. */
  readonly gateways: ReadonlyMap<string, AnyActor>;
  readonly saga: AnyActor;
}

export interface WatchActors {
  readonly recorder: AnyActor;
  /** Null where no store takes ticks. */
  readonly tickRecorder: AnyActor | null;
  readonly portfolio: AnyActor;
  readonly pricePublisher: AnyActor;
  readonly scheduler: AnyActor;
  /** Null where nobody is told anything. */
  readonly alerts: AnyActor | null;
}

export interface NodeActors extends InfraActors, TradeActors, WatchActors {
  /** By exchange. */
  readonly feeds: ReadonlyMap<string, AnyActor>;
  /** Null while it is off. */
  readonly detector: AnyActor | null;
  /** By exchange, where cycles are looked for. */
  readonly cycleDetectors: ReadonlyMap<string, AnyActor>;
  /** Null while it is off. */
  readonly pairDetector: AnyActor | null;
  /** Of the supervisor of feeds; absent = as of all others. */
  readonly feedIntensity?: Intensity;
}

/** Of a node that is one of several; null = it has not the role. What is placed or leased is added while it runs. */
export interface MemberActors extends InfraActors {
  readonly membership: AnyActor;
  readonly placement: AnyActor;
  readonly lease: AnyActor | null;
  readonly tickRecorder: AnyActor | null;
  readonly alerts: AnyActor | null;
}

/** Paths of actors that others speak to. */
export const PATHS = {
  membership: 'node/cluster/membership',
  placement: 'node/cluster/placement',
  trade: 'node/trade',
  watch: 'node/watch',
  detect: 'node/detect',
  feeds: 'node/feeds',
  feed: (exchange: string) => `node/feeds/${exchange}`,
  detector: 'node/detect/spatial',
  cycleDetector: (exchange: string) => `node/detect/${cyclesId(exchange)}`,
  pairDetector: 'node/detect/statistical',
  portfolio: 'node/watch/portfolio',
  pricePublisher: 'node/watch/price-publisher',
  lease: 'node/trade/lease',
  tickRecorder: 'node/watch/tick-recorder',
  alerts: 'node/watch/alerts',
  ledger: 'node/trade/ledger',
  gate: 'node/trade/gate',
  gateway: (exchange: string) => `node/trade/${gatewayId(exchange)}`,
  saga: 'node/trade/saga',
  instruments: 'node/infra/instruments',
} as const;

const ESCALATE: GiveUp = { kind: 'escalate' };
const SHUTDOWN_MS = 2_000;

const worker = (id: string, actor: AnyActor, giveUp: GiveUp = ESCALATE): ChildSpec => ({
  worker: { id, restart: 'permanent', shutdownMs: SHUTDOWN_MS, backoff: DEFAULT_BACKOFF, giveUp, actor },
});

const supervisor = (
  id: string,
  strategy: SupervisorSpec['strategy'],
  children: readonly ChildSpec[],
): ChildSpec => ({
  supervisor: { id, restart: 'permanent', strategy, intensity: DEFAULT_INTENSITY, children },
});

/** Every exchange's feed beside the others. */
const feedsBranch = (
  feeds: ReadonlyMap<string, AnyActor>,
  intensity: Intensity = DEFAULT_INTENSITY,
): ChildSpec => {
  const children = [...feeds].map(([exchange, actor]) => feedWorker(exchange, actor));
  return { supervisor: { id: 'feeds', restart: 'permanent', strategy: 'one_for_one', intensity, children } };
};

const PARKED: GiveUp = { kind: 'quarantine', probeMinMs: 30_000, probeMaxMs: 600_000 };

/** A feed that gives up is parked and probed again: one exchange's trouble never takes the node down. */
export const feedWorker = (exchange: string, actor: AnyActor): ChildSpec => worker(exchange, actor, PARKED);

const gatewayId = (exchange: string): string => `gateway-${exchange}`;

/** What spends, below the lease that heads it. */
export const tradeWorkers = ({ ledger, gate, gateways, saga }: TradeActors): ChildSpec[] => [
  worker('ledger', ledger),
  worker('gate', gate),
  ...[...gateways].map(([exchange, actor]) => worker(gatewayId(exchange), actor)),
  worker('saga', saga),
];

/** Ticks are no more than telemetry: their recorder takes nothing down. */
const tickWorker = (actor: AnyActor | null): ChildSpec[] =>
  actor === null ? [] : [worker('tick-recorder', actor, PARKED)];

/** Who trades does so whether or not anybody is told. */
const alertsWorker = (actor: AnyActor | null): ChildSpec[] =>
  actor === null ? [] : [worker('alerts', actor, PARKED)];

/** What the cluster needs once, beside the recorder of signals. */
export const watchWorkers = (
  actors: Pick<WatchActors, 'portfolio' | 'pricePublisher' | 'scheduler'>,
): ChildSpec[] => [
  worker('portfolio', actors.portfolio),
  worker('price-publisher', actors.pricePublisher),
  worker('scheduler', actors.scheduler),
];

export const recorderWorker = (actor: AnyActor): ChildSpec => worker('recorder', actor);

export const detectorWorker = (actor: AnyActor): ChildSpec => worker('spatial', actor);

const cyclesId = (exchange: string): string => `triangular-${exchange}`;

export const cycleDetectorWorker = (exchange: string, actor: AnyActor): ChildSpec =>
  worker(cyclesId(exchange), actor);

/** Positions wait in its journal while it is away: it takes nothing down. */
export const pairDetectorWorker = (actor: AnyActor): ChildSpec => worker('statistical', actor, PARKED);

const root = (children: readonly ChildSpec[]): SupervisorSpec => ({
  id: 'node',
  restart: 'permanent',
  strategy: 'one_for_one',
  intensity: DEFAULT_INTENSITY,
  children,
});

const infra = ({ clockSync, instruments }: InfraActors): ChildSpec =>
  supervisor('infra', 'rest_for_one', [worker('clock-sync', clockSync), worker('instruments', instruments)]);

/**
 * Start order: what money depends on comes before what asks for it, so that no signal meets a missing gate. Stop order is
 * the reverse. `trade` is rest_for_one: a gate that restarts forgets its reservations, so what follows it starts anew too. The
 * lease heads it: nothing below spends without its fence, and at the end it is given back last.
 */
export function nodeTree(actors: NodeActors): SupervisorSpec {
  return root([
    infra(actors),
    supervisor('trade', 'rest_for_one', [worker('lease', actors.lease), ...tradeWorkers(actors)]),
    supervisor('watch', 'one_for_one', [
      recorderWorker(actors.recorder),
      ...tickWorker(actors.tickRecorder),
      ...watchWorkers(actors),
      ...alertsWorker(actors.alerts),
    ]),
    supervisor('detect', 'one_for_one', [
      ...(actors.detector === null ? [] : [detectorWorker(actors.detector)]),
      ...[...actors.cycleDetectors].map(([exchange, actor]) => cycleDetectorWorker(exchange, actor)),
      ...(actors.pairDetector === null ? [] : [pairDetectorWorker(actors.pairDetector)]),
    ]),
    feedsBranch(actors.feeds, actors.feedIntensity),
  ]);
}

/**
 * The same branches in the same order, of a node that is one of several. What spends is started below the lease once it is
 * acquired, and ended when it is lost; feeds, detectors and recorders come and go with their placement.
 */
export function memberTree(actors: MemberActors): SupervisorSpec {
  return root([
    infra(actors),
    supervisor('trade', 'rest_for_one', actors.lease === null ? [] : [worker('lease', actors.lease)]),
    supervisor('watch', 'one_for_one', [...tickWorker(actors.tickRecorder), ...alertsWorker(actors.alerts)]),
    supervisor('detect', 'one_for_one', []),
    supervisor('feeds', 'one_for_one', []),
    // Last to start: it adds to the others. First to stop: it adds no more.
    supervisor('cluster', 'one_for_one', [
      worker('membership', actors.membership),
      worker('placement', actors.placement),
    ]),
  ]);
}

/** While recording nothing trades: clocks and feeds only. */
export function recordingTree(clockSync: AnyActor, feeds: ReadonlyMap<string, AnyActor>): SupervisorSpec {
  return root([supervisor('infra', 'rest_for_one', [worker('clock-sync', clockSync)]), feedsBranch(feeds)]);
}

/** The message type of a definition is erased in the tree; addresses stay typed where they are made. */
export const erased = <M>(definition: ActorDefinition<M>): WorkerSpec['actor'] => definition;
