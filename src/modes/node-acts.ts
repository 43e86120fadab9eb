import type { NodeAction } from '../http/cluster-answers.js';
import { ArbotError } from '../messages/errors.js';
import type { SupervisionTree } from '../supervisors/supervisor.js';
import { PATHS } from './tree.js';

export interface NodeActsParts {
  readonly tree: () => SupervisionTree;
  /** Null where the node is alone. */
  readonly member: () => { drain(): Promise<void>; resume(): Promise<void> } | null;
}

/** Given back in order by `drain`, the stop of the node: an actor that is stopped does not await answers of exchanges. */
const NOT_STOPPED: readonly string[] = [PATHS.lease, PATHS.trade];

/** Does on this node what a person asked for, wherever that person is. */
export function nodeActs({ tree, member }: NodeActsParts): (action: NodeAction) => Promise<void> {
  const cluster = () => {
    const own = member();
    if (own !== null) return own;
    throw new ArbotError('ARB_ACTION_REFUSED', 'this node is alone: there is nobody to give its work to');
  };
  return async (action) => {
    switch (action.verb) {
      case 'restart':
        return tree().restart(action.path);
      case 'stop':
        if (NOT_STOPPED.includes(action.path))
          throw new ArbotError(
            'ARB_ACTION_REFUSED',
            `${action.path}: drain the node, or engage the kill switch`,
          );
        return tree().stopChild(action.path);
      case 'drain':
        return cluster().drain();
      case 'resume':
        return cluster().resume();
    }
  };
}
