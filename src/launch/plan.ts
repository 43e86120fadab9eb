import type { DeploymentConfig, NodeConfig } from '../config/index.js';
import { installKind, serviceKind, type Needs } from './findings.js';
import { placesOf, unitName } from './places.js';
import type { HostFacts } from './probe.js';
import type { Step, StepSetting } from './steps.js';

/** What has to be done on one machine, as data: from what is wanted and what was found there. */

export interface Wanted {
  readonly build: string;
  readonly modulesKey: string;
  readonly hasEnvironment: boolean;
  /** The embedded database wants its empty cluster made before the first start. */
  readonly needsPreparation: boolean;
  /** Also replace a node that runs this build. */
  readonly restart: boolean;
}

export interface NodePlan {
  readonly node: string;
  /** Harmless to a node that runs: several machines do this at once. */
  readonly install: readonly Step[];
  /** Replaces or starts the node: one machine after the other. */
  readonly activate: readonly Step[];
  /** Back to what ran before, when the new one does not join; empty = there was nothing. */
  readonly rollback: readonly Step[];
}

/** What brings a release onto a machine; parts that are there already are left out. */
export function installSteps(
  wanted: Wanted,
  needs: Pick<Needs, 'deployment' | 'packages'>,
  host: HostFacts,
): Step[] {
  const { build, modulesKey: key } = wanted;
  const steps: Step[] = [{ kind: 'make-folders' }];
  if (!host.modules.includes(key))
    steps.push(
      installKind(needs, host) === 'copy' ? { kind: 'send-modules', key } : { kind: 'install-modules', key },
    );
  if (!host.releases.includes(build)) {
    steps.push({ kind: 'send-release', build, key });
    if (wanted.needsPreparation) steps.push({ kind: 'prepare', build });
  }
  return steps;
}

/**
 * `launch` starts what does not run and leaves alone what runs; `deploy` also replaces. A node that runs the wanted build is only
 * asked whether it has joined.
 */
export function planNode(
  wanted: Wanted,
  needs: Pick<Needs, 'deployment' | 'packages' | 'node'>,
  host: HostFacts,
): NodePlan {
  const { build } = wanted;
  const joined: Step = { kind: 'await-joined', build };
  if (host.running !== null && host.runs === build && !wanted.restart)
    return { node: needs.node.name, install: [], activate: [joined], rollback: [] };
  const install = installSteps(wanted, needs, host);
  const before: Step[] = wanted.hasEnvironment ? [{ kind: 'send-environment' }] : [];
  if (serviceKind(needs.deployment, host) === 'systemd') before.push({ kind: 'write-unit' });
  const stop: Step[] = host.running === null ? [] : [{ kind: 'stop' }];
  const previous = host.running === null ? null : (host.runs ?? host.current);
  return {
    node: needs.node.name,
    install,
    activate: [
      ...before,
      ...stop,
      { kind: 'switch', build },
      { kind: 'start' },
      joined,
      { kind: 'prune', keep: needs.deployment.keepReleases },
    ],
    rollback: rollbackTo(previous, build, before),
  };
}

/** A node that was not there is stopped again; one whose own build is the new one keeps on trying. */
function rollbackTo(previous: string | null, build: string, before: readonly Step[]): Step[] {
  if (previous === null) return [{ kind: 'stop' }];
  if (previous === build) return [];
  return [
    { kind: 'stop' },
    ...(before.some(({ kind }) => kind === 'send-environment')
      ? [{ kind: 'restore-environment' } as const]
      : []),
    { kind: 'switch', build: previous },
    { kind: 'start' },
    { kind: 'await-joined', build: previous },
  ];
}

/** How steps are done there. */
export function settingOf(
  cluster: string,
  node: NodeConfig,
  deployment: DeploymentConfig,
  host: HostFacts,
): StepSetting {
  const service = host.running ?? serviceKind(deployment, host);
  return {
    places: placesOf(deployment, node),
    cluster,
    node: node.name,
    service,
    sudo: host.rights === 'sudo',
    login: host.user,
    user: service === 'systemd' ? (deployment.serviceUser ?? host.user) : host.user,
    nodeBinary: host.nodeBinary ?? 'node',
    unit: unitName(cluster, node.name),
    stopTimeoutMs: deployment.stopTimeoutMs,
    joinTimeoutMs: deployment.joinTimeoutMs,
  };
}
