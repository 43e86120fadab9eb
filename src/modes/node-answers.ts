import { z } from 'zod';
import type { ClusterView } from '../cluster/view.js';
import type { InspectionSource } from '../http/source.js';
import { errorText } from '../messages/errors.js';
import type { RunningService } from '../ports/node-services.js';
import type { NodeContext } from './node-context.js';

export interface NodeAnswersParts {
  readonly context: NodeContext;
  readonly view: ClusterView;
  readonly inspection: InspectionSource;
}

const path = z.string().max(200);

/**
 * What this node answers to the others about itself, the same that its page shows: `inspect` = the node as a whole, `tree` = its
 * supervision tree, `actor` = one of its actors by path. Null where there are no services: in one process.
 */
export async function serveNode(parts: NodeAnswersParts): Promise<RunningService | null> {
  const { context, view, inspection } = parts;
  const { node, nonce, region, roles, build } = view.identity;
  if (context.services === null) return null;
  const served = context.services.serve({
    ...{ node, nonce },
    version: inspection.version,
    facts: { region, roles: roles.join(','), build, mode: inspection.mode },
    endpoints: {
      inspect: () => inspectionOf(parts),
      tree: () => inspection.actors(),
      actor: (question) => inspection.actor(path.parse(question)),
    },
  });
  // A node that cannot be asked works all the same.
  return served.catch((error: unknown) => {
    context.parts.log.error({ error: errorText(error) }, 'this node cannot be asked by others');
    return null;
  });
}

/** The node's inspection document. */
async function inspectionOf({ context, view, inspection }: NodeAnswersParts) {
  const [ready, stores] = await Promise.all([inspection.ready(), inspection.stores()]);
  return {
    node: inspection.node,
    nonce: view.identity.nonce,
    build: view.identity.build,
    mode: inspection.mode,
    version: inspection.version,
    startedAtMs: inspection.startedAtMs,
    nowMs: context.parts.market.time.nowMs(),
    ready,
    stores,
    lease: inspection.lease(),
    killSwitch: inspection.killSwitch(),
    feeds: inspection.feeds(),
    accounts: inspection.accounts(),
    deadLetters: inspection.deadLetters(),
    counters: inspection.counters(),
    members: view.members(context.parts.market.time.monotonicMs()),
    placement: Object.fromEntries(view.placement),
  };
}
