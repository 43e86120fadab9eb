import { z } from 'zod';
import type { ClusterView } from '../cluster/view.js';
import type { InspectionSource } from '../http/source.js';
import { actorPath, nodeAction, type NodeAction } from '../http/cluster-answers.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import type { RunningService } from '../ports/node-services.js';
import type { NodeContext } from './node-context.js';
import type { NodeReports } from './node-reports.js';

export interface NodeAnswersParts {
  readonly context: NodeContext;
  readonly view: ClusterView;
  readonly inspection: InspectionSource;
  readonly reports: NodeReports;
  /** Does and audits what a person asked of another node; `by` says who, and over which node. */
  readonly perform: (action: NodeAction, by: string) => Promise<void>;
}

/** What a node asks another to do, for a person. */
export const actQuestion = z.strictObject({
  action: nodeAction,
  by: z.string().min(1).max(200),
  askedAtMs: z.number().finite().min(0),
});
/** Whether it was done, or the error that would have been thrown here. */
export const actAnswer = z.object({
  ok: z.boolean(),
  code: z.string().max(64).optional(),
  message: z.string().max(1_000).optional(),
});
/** Who asked has long been told that nothing came: a process that stood still does not do it now. */
const ACT_MAX_AGE_MS = 30_000;
const limit = z.number().int().min(1).max(500);

/**
 * What this node answers to the others about itself, the same that its page shows: `inspect` = the node as a whole, `tree` = its
 * supervision tree, `actors` = the same as short lines, `actor` = one of its actors by path, `letters` = its dead letters, `facts` =
 * how it is in few words; `act` does what a person asks of it. Only nodes of the cluster may ask: by the grants of the NATS server.
 * Null where there are no services: in one process.
 */
export async function serveNode(parts: NodeAnswersParts): Promise<RunningService | null> {
  const { context, view, inspection, reports } = parts;
  const { node, nonce, region, roles, build } = view.identity;
  if (context.services === null) return null;
  const served = context.services.serve({
    ...{ node, nonce },
    version: inspection.version,
    facts: { region, roles: roles.join(','), build, mode: inspection.mode },
    endpoints: {
      inspect: () => inspectionOf(parts),
      tree: () => inspection.actors(),
      actors: () => reports.actors(),
      actor: (question) => reports.actor(asked(actorPath, question, 'path')),
      letters: (question) => reports.deadLetters(asked(limit, question, 'limit')),
      facts: () => reports.facts(),
      act: (question) => acted(parts, question),
    },
  });
  // A node that cannot be asked works all the same.
  return served.catch((error: unknown) => {
    context.parts.log.error({ error: errorText(error) }, 'this node cannot be asked by others');
    return null;
  });
}

function asked<S extends z.ZodType>(schema: S, question: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(question);
  if (parsed.success) return parsed.data;
  throw new ArbotError('ARB_MESSAGE_INVALID', issueText(parsed.error, what));
}

async function acted(
  { context, perform }: NodeAnswersParts,
  question: unknown,
): Promise<z.infer<typeof actAnswer>> {
  try {
    const { action, by, askedAtMs } = asked(actQuestion, question, 'act');
    const ageMs = context.machine.nowMs() - askedAtMs;
    if (Math.abs(ageMs) > ACT_MAX_AGE_MS)
      throw new ArbotError('ARB_ACTION_REFUSED', `asked ${Math.round(ageMs)} ms ago: nothing was done`);
    await perform(action, by);
    return { ok: true };
  } catch (error) {
    const code = error instanceof ArbotError ? error.code : 'ARB_INVARIANT';
    return { ok: false, code, message: errorText(error).slice(0, 1_000) };
  }
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
