import type { ActorDefinition } from '../runtime/actor.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_INTENSITY,
  type ChildSpec,
  type GiveUp,
  type SupervisorSpec,
  type WorkerSpec,
} from '../supervisors/spec.js';

/** The supervision tree of a node as a value (ACTORS §2.3). `npm run supervision` prints it; ARCHITECTURE.md shows the same. */

/** Actor definitions without their message types. */
type AnyActor = ActorDefinition<never>;

export interface NodeActors {
  readonly clockSync: AnyActor;
  readonly instruments: AnyActor;
  /** By exchange. */
  readonly feeds: ReadonlyMap<string, AnyActor>;
  readonly detector: AnyActor;
  readonly recorder: AnyActor;
  readonly lease: AnyActor;
  readonly ledger: AnyActor;
  readonly gate: AnyActor;
  /** By exchange. */
  readonly gateways: ReadonlyMap<string, AnyActor>;
  readonly saga: AnyActor;
  readonly portfolio: AnyActor;
  readonly pricePublisher: AnyActor;
  readonly scheduler: AnyActor;
  /** Null where nobody is told anything. */
  readonly alerts: AnyActor | null;
  /** Null where no store takes ticks. */
  readonly tickRecorder: AnyActor | null;
}

/** Paths of actors that others speak to. */
export const PATHS = {
  feeds: 'node/feeds',
  feed: (exchange: string) => `node/feeds/${exchange}`,
  detector: 'node/detect/spatial',
  portfolio: 'node/watch/portfolio',
  pricePublisher: 'node/watch/price-publisher',
  lease: 'node/trade/lease',
  tickRecorder: 'node/watch/tick-recorder',
  alerts: 'node/watch/alerts',
  ledger: 'node/trade/ledger',
  gate: 'node/trade/gate',
  gateway: (exchange: string) => `node/trade/gateway-${exchange}`,
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

const PARKED: GiveUp = { kind: 'quarantine', probeMinMs: 30_000, probeMaxMs: 600_000 };

/** A feed that gives up is parked and probed again: one exchange's trouble never takes the node down. */
export const feedWorker = (exchange: string, actor: AnyActor): ChildSpec => worker(exchange, actor, PARKED);

/**
 * Start order: what money depends on comes before what asks for it, so that no signal meets a missing gate. Stop order is
 * the reverse. `trade` is rest_for_one: a gate that restarts forgets its reservations, so what follows it starts anew too. The
 * lease heads it: nothing below spends without its fence, and at the end it is given back last.
 */
export function nodeTree(actors: NodeActors): SupervisorSpec {
  const gateways = [...actors.gateways].map(([exchange, actor]) => worker(`gateway-${exchange}`, actor));
  return {
    id: 'node',
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: DEFAULT_INTENSITY,
    children: [
      supervisor('infra', 'rest_for_one', [
        worker('clock-sync', actors.clockSync),
        worker('instruments', actors.instruments),
      ]),
      supervisor('trade', 'rest_for_one', [
        worker('lease', actors.lease),
        worker('ledger', actors.ledger),
        worker('gate', actors.gate),
        ...gateways,
        worker('saga', actors.saga),
      ]),
      supervisor('watch', 'one_for_one', [
        worker('recorder', actors.recorder),
        // Nor do ticks, which are no more than telemetry.
        ...(actors.tickRecorder === null ? [] : [worker('tick-recorder', actors.tickRecorder, PARKED)]),
        worker('portfolio', actors.portfolio),
        worker('price-publisher', actors.pricePublisher),
        worker('scheduler', actors.scheduler),
        // Who trades does so whether or not anybody is told.
        ...(actors.alerts === null ? [] : [worker('alerts', actors.alerts, PARKED)]),
      ]),
      supervisor('detect', 'one_for_one', [worker('spatial', actors.detector)]),
      supervisor(
        'feeds',
        'one_for_one',
        [...actors.feeds].map(([exchange, actor]) => feedWorker(exchange, actor)),
      ),
    ],
  };
}

/** While recording nothing trades: clocks and feeds only. */
export function recordingTree(clockSync: AnyActor, feeds: ReadonlyMap<string, AnyActor>): SupervisorSpec {
  return {
    id: 'node',
    restart: 'permanent',
    strategy: 'one_for_one',
    intensity: DEFAULT_INTENSITY,
    children: [
      supervisor('infra', 'rest_for_one', [worker('clock-sync', clockSync)]),
      supervisor(
        'feeds',
        'one_for_one',
        [...feeds].map(([exchange, actor]) => feedWorker(exchange, actor)),
      ),
    ],
  };
}

/** The message type of a definition is erased in the tree; addresses stay typed where they are made. */
export const erased = <M>(definition: ActorDefinition<M>): WorkerSpec['actor'] => definition;
