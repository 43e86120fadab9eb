import type { DeploymentConfig, NodeConfig } from '../config/index.js';
import { placesOf } from './places.js';

/** The arguments of `arbot` that run a node on its machine, under systemd and under the supervisor alike. */
export function startArguments(deployment: DeploymentConfig, node: NodeConfig): string[] {
  const { current, data } = placesOf(deployment, node);
  const fixed = ['start', '--config', current, '--node', node.name, '--data', data];
  const market = ['--market', deployment.market];
  return [
    ...fixed,
    ...market,
    '--quiet',
    '--log',
    'stderr',
    '--log-level',
    'info',
    ...deployment.startArguments,
  ];
}
