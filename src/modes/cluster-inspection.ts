import { z } from 'zod';
import {
  actorDetail,
  deadLetters,
  ownActors,
  ownFacts,
  type ActorDetail,
  type Asked,
  type ClusterActors,
  type ClusterDeadLetters,
  type NodeAction,
  type Topology,
} from '../http/cluster-answers.js';
import type { ClusterActions, ClusterSource } from '../http/cluster-source.js';
import { EventRing } from '../http/event-ring.js';
import { ArbotError, ERROR_CODES, errorText, type ErrorCode } from '../messages/errors.js';
import { issueText } from '../messages/inspection.js';
import type { Bus, Subscription } from '../ports/bus.js';
import type { NodeServices } from '../ports/node-services.js';
import type { Clock } from '../ports/time.js';
import type { ClusterView, MemberView } from '../cluster/view.js';
import type { LeaseView } from '../http/source.js';
import { actAnswer, type actQuestion } from './node-answers.js';
import type { NodeReports } from './node-reports.js';
import { placementOf, type WorkHere } from './placement-view.js';

/** A living node answers far sooner; who does not in this time is shown as silent. */
const ASK_MS = 1_500;
/** An ordered stop takes what its children take; a drain as long as a request to an exchange is valid. */
const ACT_MS = 20_000;

export interface ClusterInspectionParts {
  readonly cluster: string;
  readonly self: string;
  /** Of `cluster.config.ts`. */
  readonly configured: readonly string[];
  readonly reports: NodeReports;
  /** Does and audits it here. */
  readonly perform: (action: NodeAction, by: string) => Promise<void>;
  /** Null where nodes cannot ask each other: in one process. */
  readonly services: NodeServices | null;
  /** Null where the node is alone. */
  readonly view: ClusterView | null;
  readonly here: () => WorkHere;
  readonly lease: () => LeaseView | null;
  readonly bus: Bus;
  /** Of what is shown. */
  readonly clock: Clock;
  /** The machine's own. */
  readonly machine: Clock;
  /** Of this process, hex digits. */
  readonly boot: string;
  readonly askMs?: number;
}

interface Question<S extends z.ZodType> {
  readonly endpoint: string;
  readonly question: unknown;
  readonly schema: S;
  readonly own: () => z.output<S> | Promise<z.output<S>>;
}

/** All nodes as one of them sees them: it asks the others at once, and shows as silent who does not answer in time. */
export class ClusterInspection implements ClusterSource, ClusterActions {
  readonly events: EventRing;
  private readonly parts: ClusterInspectionParts;
  private readonly subscriptions: readonly Subscription[];

  constructor(parts: ClusterInspectionParts) {
    this.parts = parts;
    this.events = new EventRing(parts.boot);
    this.subscriptions = [
      parts.bus.subscribe('supervision.*', 'supervisionEvent', ({ message }) =>
        this.events.supervised(message),
      ),
      parts.bus.subscribe('cluster.member.*', 'memberChanged', ({ message }) =>
        this.events.memberChanged(message),
      ),
    ];
  }

  close(): void {
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  names(): readonly string[] {
    const { self, configured, view } = this.parts;
    return [...new Set([self, ...configured, ...(view?.state.members.keys() ?? [])])];
  }

  async actors(node: string | null): Promise<ClusterActors> {
    const { reports, clock } = this.parts;
    const asked = await this.askAll(node === null ? this.names() : [node], {
      endpoint: 'actors',
      question: null,
      schema: ownActors,
      own: () => reports.actors(),
    });
    return {
      atMs: clock.nowMs(),
      nodes: asked.map(({ answer, ...how }) => ({ ...how, ...answer, actors: answer?.actors ?? [] })),
    };
  }

  actor(node: string, path: string): Promise<ActorDetail | null> {
    return this.askOne(node, {
      endpoint: 'actor',
      question: path,
      schema: actorDetail.nullable(),
      own: () => this.parts.reports.actor(path),
    });
  }

  async deadLetters(limit: number): Promise<ClusterDeadLetters> {
    const asked = await this.askAll(this.names(), {
      endpoint: 'letters',
      question: limit,
      schema: deadLetters,
      own: () => this.parts.reports.deadLetters(limit),
    });
    return { nodes: asked.map(({ answer, ...how }) => ({ ...how, ...answer })) };
  }

  async topology(): Promise<Topology> {
    const { self, cluster, view, reports, clock, here, lease } = this.parts;
    const asked = await this.askAll(this.names(), {
      endpoint: 'facts',
      question: null,
      schema: ownFacts,
      own: () => reports.facts(),
    });
    const members = view?.members(clock.monotonicMs()) ?? [];
    const holder = members.find(({ trade }) => trade?.held === true);
    const own = view === null ? lease() : null;
    return {
      atMs: clock.nowMs(),
      ...{ cluster, self },
      nodes: asked.map(({ answer, ...how }) => ({
        ...how,
        member: memberOf(members.find(({ node }) => node === how.node)),
        facts: answer,
      })),
      placement: placementOf(view?.placement ?? null, self, here()),
      lease:
        holder === undefined
          ? own?.held === true
            ? { holder: self, fence: own.fence }
            : null
          : { holder: holder.node, fence: holder.trade?.fence ?? null },
    };
  }

  async act(node: string, action: NodeAction, by: string): Promise<void> {
    const { self, perform, machine } = this.parts;
    if (node === self) return perform(action, by);
    const question: z.infer<typeof actQuestion> = {
      action,
      by: `${by} on ${self}`,
      askedAtMs: machine.nowMs(),
    };
    const {
      ok,
      code = '',
      message = '',
    } = await this.ask(node, {
      endpoint: 'act',
      question,
      schema: actAnswer,
      timeoutMs: ACT_MS,
    });
    if (!ok) throw new ArbotError(isErrorCode(code) ? code : 'ARB_RESPONDER_FAILED', `${node}: ${message}`);
  }

  /** Each at the same time as the others. */
  private askAll<S extends z.ZodType>(
    nodes: readonly string[],
    question: Question<S>,
  ): Promise<readonly (Asked & { readonly answer: z.output<S> | null })[]> {
    const ask = async (node: string) => {
      const isSelf = node === this.parts.self;
      try {
        const answer = await this.askOne(node, question);
        return { node, isSelf, state: 'up' as const, detail: '', answer };
      } catch (error) {
        return {
          node,
          isSelf,
          state: 'silent' as const,
          detail: errorText(error).slice(0, 300),
          answer: null,
        };
      }
    };
    return Promise.all(nodes.map(ask));
  }

  private async askOne<S extends z.ZodType>(
    node: string,
    { own, ...question }: Question<S>,
  ): Promise<z.output<S>> {
    if (node === this.parts.self) return own();
    return this.ask(node, { ...question, timeoutMs: this.parts.askMs ?? ASK_MS });
  }

  private async ask<S extends z.ZodType>(
    node: string,
    asked: Omit<Question<S>, 'own'> & { readonly timeoutMs: number },
  ): Promise<z.output<S>> {
    const { services } = this.parts;
    if (services === null)
      throw new ArbotError('ARB_NO_RESPONDER', `${node}: nodes cannot ask each other without NATS`);
    const answer = await services.ask(node, asked.endpoint, asked.question, asked.timeoutMs);
    const parsed = asked.schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new ArbotError('ARB_MESSAGE_INVALID', `${node}: ${issueText(parsed.error, asked.endpoint)}`);
  }
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

function memberOf(member: MemberView | undefined): Topology['nodes'][number]['member'] {
  if (member === undefined) return null;
  const { region, roles, build, sameBuild, silentMs, clockAheadMs } = member;
  const { feeds, detectors, records, watches, trade, http } = member;
  return {
    ...{ region, roles, build, sameBuild, silentMs, clockAheadMs },
    ...{ feeds, detectors, records, watches, trade, http },
  };
}
