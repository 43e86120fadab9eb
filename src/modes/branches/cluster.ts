import { createHash } from 'node:crypto';
import { membershipActor, type MembershipMessage } from '../../cluster/membership-actor.js';
import { placementActor } from '../../cluster/placement-actor.js';
import type { PlacementRules } from '../../cluster/placement.js';
import { ClusterView, type NodeReport } from '../../cluster/view.js';
import type { Candidacy } from '../../actors/trade-lease.js';
import type { TradeFence } from '../../actors/trade-fence.js';
import type { ClusterConfig } from '../../config/index.js';
import type { Instrument } from '../../market/instrument.js';
import type { NodeAnnounced } from '../../messages/cluster.js';
import { hexOf } from '../nonce.js';
import { triangularExchanges } from '../parameters.js';
import type { NodeContext } from '../node-context.js';
import { erased, PATHS } from '../tree.js';
import type { NodeHosting } from './hosting.js';
import { looksForPairs } from './statistical.js';

/** Candidates for the lease wait so long for each that stands before them in `cluster.config.ts`. */
const PREFERENCE_MS = 400;
const DRAINED_PATIENCE_MS = 3_600_000;

/** A node as one of several: what it knows of the others, and what it says of itself. */
export class Membership {
  readonly view: ClusterView;
  private readonly context: NodeContext;
  /** Known once the page listens. */
  private url = '';
  private fence: TradeFence | null = null;

  constructor(context: NodeContext) {
    this.context = context;
    const { options, market, random, build } = context.parts;
    const { name: node, region, roles, capacity } = options.node;
    const startedAtMs = market.time.nowMs();
    const nonce = hexOf(random);
    this.view = new ClusterView(
      {
        ...{ node, nonce, region, roles: [...roles], build: build ?? UNKNOWN_BUILD, startedAtMs, capacity },
        settings: settingsOf(context.parts),
      },
      market.time.monotonicMs(),
    );
  }

  /** Where this node's inspection API answers. */
  servesAt(url: string): void {
    this.url = url;
  }

  keepsFence(fence: TradeFence): void {
    this.fence = fence;
  }

  actor(hosting: NodeHosting) {
    const { parts, bus } = this.context;
    return erased(
      membershipActor({
        bus,
        view: this.view,
        report: () => this.report(hosting),
        hasGate: () => hosting.trades,
        obstacle: obstacleOf(parts.market.simulated !== null),
      }),
    );
  }

  placementActor(hosting: NodeHosting) {
    return erased(placementActor({ view: this.view, rules: () => this.rules(), hosting }));
  }

  /** The lease decides who trades; the order of `cluster.config.ts` says who is asked first. */
  candidacy(hosting: NodeHosting): Candidacy {
    return {
      patienceMs: () => this.patienceMs,
      onKept: (isKept) => {
        void hosting.trade(isKept);
        this.tell({ kind: 'announce' });
      },
      onReleased: () => this.tell({ kind: 'announce' }),
    };
  }

  /** A node that gave its work away waits for ever: it takes no lease, also not while it starts. */
  private get patienceMs(): number {
    return this.view.draining ? DRAINED_PATIENCE_MS : this.preferred().length * PREFERENCE_MS;
  }

  /** Others take over what this node does. */
  leave(): void {
    this.tell({ kind: 'leave' });
  }

  /** The others hear at once that this node wants no work, or wants it again. */
  drain(isDraining: boolean): void {
    this.view.draining = isDraining;
    this.tell({ kind: 'announce' });
  }

  look(): void {
    this.tell({ kind: 'look' });
  }

  /** Living nodes that may trade and stand before this one. */
  private preferred(): string[] {
    const { nodes } = this.context.parts.options.clusterConfig;
    const self = this.view.identity.node;
    const before = nodes.slice(
      0,
      nodes.findIndex(({ name }) => name === self),
    );
    return before.flatMap(({ name, roles }) =>
      roles.includes('trade') && this.view.member(name)?.announced.draining === false ? [name] : [],
    );
  }

  private tell(message: MembershipMessage): void {
    this.context.system.address<MembershipMessage>(PATHS.membership).tell(message);
  }

  private report(hosting: NodeHosting): NodeReport {
    const held = this.fence?.current() ?? null;
    return {
      feeds: hosting.feeds.map(({ exchange, isLive, epoch }) => ({ exchange, epoch, live: isLive })),
      detectors: detectorsOf(hosting, assetsOf(this.context.instruments()).length),
      records: [...hosting.recorded].sort(),
      watches: hosting.watches,
      trade: this.fence === null ? null : { held: held !== null, fence: held },
      http: this.url,
    };
  }

  private rules(): PlacementRules {
    const { parts } = this.context;
    return {
      exchanges: parts.market.connectors.map(({ exchange }) => exchange),
      assets: assetsOf(this.context.instruments()),
      cycles: triangularExchanges(parts.options.tradingConfig),
      pairs: looksForPairs(parts.options.tradingConfig),
      regions: regionsOf(parts.options.clusterConfig),
    };
  }
}

/** Digests of 64 bits: enough to differ, and a key of 256 is not found by them. A seal has four times as many digits. */
function settingsOf({ options, seal }: NodeContext['parts']): NonNullable<NodeAnnounced['settings']> {
  const trading = createHash('sha256').update(JSON.stringify(options.tradingConfig, inOrder)).digest('hex');
  return { trading: trading.slice(0, 16), verdictKey: seal.sign('which key this is').slice(0, 16) };
}

/** The order of keys in a file means nothing. */
const inOrder = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** A build that nobody computed equals no other. */
const UNKNOWN_BUILD = '00000000';

/** Worlds of their own have the same names and different books. */
const obstacleOf = (simulatesItself: boolean): string | null =>
  simulatesItself
    ? 'each node simulates exchanges of its own: start them apart, and nodes with --exchanges-at'
    : null;

/** Of the triangular ones the assets are start assets, one on each exchange; pairs are made of all. */
const detectorsOf = ({ assets, cycles, pairs }: NodeHosting, all: number): NodeReport['detectors'] => [
  ...(assets.length === 0 ? [] : [{ strategy: 'spatial' as const, assets: assets.length }]),
  ...(cycles.length === 0 ? [] : [{ strategy: 'triangular' as const, assets: cycles.length }]),
  ...(pairs ? [{ strategy: 'statistical' as const, assets: all }] : []),
];

const assetsOf = (instruments: readonly Instrument[]): string[] =>
  [...new Set(instruments.map(({ base }) => base))].sort();

const regionsOf = ({ placement }: ClusterConfig): Map<string, readonly string[]> =>
  new Map(
    Object.entries(placement).flatMap(([exchange, { regions }]) =>
      regions === undefined ? [] : [[exchange, regions] as const],
    ),
  );
