import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { membershipActor } from '../../src/cluster/membership-actor.js';
import { NatsBus } from '../../src/cluster/nats-bus.js';
import { ClusterView } from '../../src/cluster/view.js';
import { AuditJournal, journaledLog } from '../../src/http/audit-journal.js';
import type { NodeAction } from '../../src/http/cluster-answers.js';
import { startHttp, type RunningHttp } from '../../src/http/server.js';
import type { InspectionActions, InspectionSource } from '../../src/http/source.js';
import { subjectOf } from '../../src/messages/catalogue.js';
import { ClusterInspection } from '../../src/modes/cluster-inspection.js';
import { serveNode } from '../../src/modes/node-answers.js';
import { nodeActs } from '../../src/modes/node-acts.js';
import type { NodeContext } from '../../src/modes/node-context.js';
import { nodeReports } from '../../src/modes/node-reports.js';
import type { NodeServices } from '../../src/ports/node-services.js';
import { audited } from '../../src/runtime/audit.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { LocalFiles } from '../../src/runtime/platform/files.js';
import { CryptoRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { DEFAULT_BACKOFF, DEFAULT_INTENSITY, type ChildSpec } from '../../src/supervisors/spec.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { actor, KeptLog } from '../runtime/harness.js';
import { RealTime } from '../runtime/real-time.js';

/** Nodes in one process over a real NATS server: each with its bus, tree, members, services and HTTP; what trades is left out. */

export const TOKEN = 'a-token-of-the-test-0123456789';
const ASK_MS = 600;

export interface InspectNode {
  readonly name: string;
  readonly http: RunningHttp;
  readonly tree: SupervisionTree;
  readonly system: ActorSystem;
  readonly view: ClusterView;
  readonly audit: AuditJournal;
  readonly auditPath: string;
  /** As another program of the cluster would ask. */
  readonly services: NodeServices;
  readonly controls: object[];
  readonly drains: string[];
  /** From now on it hears questions and answers none. */
  fallSilent(): void;
  stop(): Promise<void>;
}

const worker = (id: string, definition: ActorDefinition<never>): ChildSpec => ({
  worker: {
    ...{ id, restart: 'permanent', shutdownMs: 500, backoff: DEFAULT_BACKOFF },
    giveUp: { kind: 'escalate' },
    actor: definition,
  },
});

/** Takes what it is told, and crashes when that is `crash`. */
const listener = (kind: string): ActorDefinition<never> => ({
  ...actor<string>(
    () => ({
      handle: (message) => {
        if (message === 'crash') throw new Error('planted');
      },
      summary: () => ({ books: 5 }),
    }),
    { capacity: 8 },
  ),
  kind,
});

export async function startInspectNode(t: Test, url: string, name: string): Promise<InspectNode> {
  const time = new RealTime();
  const random = new CryptoRandom();
  const log = new KeptLog();
  const ids = new TimeOrderedIds(time, random);
  const clocks = { clock: time, timers: time };
  const prefix = `i${process.pid}.simulated`;
  const bus = await NatsBus.connect({ ...clocks, random, log, ids, sender: name, servers: [url], prefix });
  const system = new ActorSystem({
    ...{ node: name, ...clocks, random, ids, log },
    engine: new PlainEngine(time, () => undefined),
  });
  const nonce = Buffer.from(random.bytes(16)).toString('hex');
  const identity = { node: name, nonce, region: 'here', build: 'aaaaaaaa', capacity: 1 };
  const view = new ClusterView({ ...identity, roles: ['feeds', 'trade'], startedAtMs: time.nowMs() }, 0);
  const held = name === 'tokyo-1';
  const report = () => ({
    feeds: [{ exchange: 'okx', epoch: 1, live: true }],
    ...{ detectors: [], records: [], watches: false, http: '' },
    trade: { held, fence: held ? 7 : null },
  });
  const member = membershipActor({ bus, view, report, hasGate: () => false, obstacle: null });
  const supervised = (id: string, children: readonly ChildSpec[]): ChildSpec => ({
    supervisor: { id, restart: 'permanent', strategy: 'one_for_one', intensity: DEFAULT_INTENSITY, children },
  });
  const tree = new SupervisionTree({
    ...{ system, ...clocks, random, ids, log },
    spec: {
      ...{ id: 'node', restart: 'permanent', strategy: 'one_for_one', intensity: DEFAULT_INTENSITY },
      children: [
        supervised('trade', [worker('lease', listener('lease')), worker('gate', listener('gate'))]),
        supervised('feeds', [worker('okx', listener('feed'))]),
        supervised('cluster', [worker('membership', member)]),
      ],
    },
    onEvent: (event) =>
      bus.publish(subjectOf('supervisionEvent', name), 'supervisionEvent', event, { traceId: 'test' }),
  });
  const source = sourceOf({ name, held, system, tree, time, bus });
  const reports = nodeReports(source, () => view.draining);
  const folder = await mkdtemp(join(tmpdir(), 'arbot-inspect-'));
  const auditPath = join(folder, 'audit.jsonl');
  const audit = await AuditJournal.open({
    ...{ files: new LocalFiles(), path: auditPath, log },
    nowMs: () => time.nowMs(),
  });
  const auditLog = journaledLog(log, audit);
  const drains: string[] = [];
  const perform = nodeActs({
    tree: () => tree,
    member: () => ({
      drain: async () => void drains.push('drain'),
      resume: async () => void drains.push('resume'),
    }),
  });
  const performAudited = (action: NodeAction, by: string) =>
    audited(auditLog, { action: `remote.${action.verb}`, by }, () => perform(action));
  const real = bus.services();
  let isSilent = false;
  const services: NodeServices = {
    discover: (withinMs) => real.discover(withinMs),
    ask: (node, endpoint, question, timeoutMs) => real.ask(node, endpoint, question, timeoutMs),
    serve: ({ endpoints, ...rest }) =>
      real.serve({
        ...rest,
        endpoints: Object.fromEntries(
          Object.entries(endpoints).map(([endpoint, answer]) => [
            endpoint,
            (question: unknown) => (isSilent ? new Promise(() => undefined) : answer(question)),
          ]),
        ),
      }),
  };
  const context = {
    ...{ services, machine: time },
    parts: { log, market: { time } },
  } as unknown as NodeContext;
  const cluster = new ClusterInspection({
    ...{ cluster: 'test', self: name, configured: ['tokyo-1', 'seoul-1', 'singapore-1'] },
    ...{ reports, perform, services, view, bus, boot: nonce, askMs: ASK_MS },
    ...{ clock: time, machine: time, lease: () => source.lease() },
    here: () => ({ exchanges: ['okx'], assets: ['BTC'], cycles: [], records: false }),
  });
  await tree.start();
  const service = await serveNode({ context, view, inspection: source, reports, perform: performAudited });
  const controls: object[] = [];
  const actions = {
    controlRisk: async (command: object) => void controls.push(command),
  } as unknown as InspectionActions;
  const http = await startHttp({
    ...{ host: '127.0.0.1', port: 0, token: TOKEN, source, actions, log: auditLog, ...clocks },
    cluster: { source: cluster, actions: cluster, audit },
  });
  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    await http.close();
    await service?.stop();
    await tree.stop();
    await system.close(500);
    cluster.close();
    await bus.close();
    await audit.close();
    await rm(folder, { recursive: true, force: true });
  };
  const node = {
    ...{ name, http, tree, system, view, audit, auditPath, services, controls, drains },
    fallSilent: () => void (isSilent = true),
    stop: () => (stopping ??= stop()),
  };
  t.teardown(() => node.stop());
  return node;
}

interface SourceParts {
  readonly name: string;
  readonly held: boolean;
  readonly system: ActorSystem;
  readonly tree: SupervisionTree;
  readonly time: RealTime;
  readonly bus: NatsBus;
}

const sourceOf = ({ name, held, system, tree, time, bus }: SourceParts): InspectionSource =>
  ({
    ...{ node: name, mode: 'SIMULATED', version: '0.1.0', startedAtMs: time.nowMs() },
    nowMs: () => time.nowMs(),
    ready: () => ({ ok: held, checks: [{ name: 'lease', ok: held, detail: 'stands by' }] }),
    actors: () => tree.tree(),
    actor: (path: string) => system.inspect(path),
    deadLetters: () => {
      const recent = [...system.deadLetters()].reverse();
      return { total: recent.length, byReason: system.deadLetterTotals(), recent };
    },
    lease: () => ({ held, fence: held ? 7 : null, detail: '' }),
    holds: () => Promise.resolve(held ? [{ source: 'membership', reason: 'programs differ' }] : null),
    counters: () => ({ bus: bus.statistics() }),
  }) as unknown as InspectionSource;
