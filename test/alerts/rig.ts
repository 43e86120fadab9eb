import type { PremiumRow } from '../../src/messages/premium.js';
import type { Operator } from '../../src/alerts/operator.js';
import { InProcessBus } from '../../src/cluster/in-process-bus.js';
import { clusterSchema, type ClusterConfigInput } from '../../src/config/cluster.js';
import { tradingSchema } from '../../src/config/trading.js';
import type { MessageKind, MessageOf } from '../../src/messages/catalogue.js';
import { subjectOf } from '../../src/messages/catalogue.js';
import { NodeAlerts, telegramSettings } from '../../src/modes/alerts.js';
import { erased, PATHS } from '../../src/modes/tree.js';
import type { AppendFile, Files } from '../../src/ports/files.js';
import type { Messenger, OutgoingMessage, SendAnswer, UpdatesAnswer } from '../../src/ports/messenger.js';
import type { Stores } from '../../src/ports/stores.js';
import type { Clock, Timers } from '../../src/ports/time.js';
import type { ActorDefinition } from '../../src/runtime/actor.js';
import { PlainEngine } from '../../src/runtime/engine-plain.js';
import { SeededRandom, TimeOrderedIds } from '../../src/runtime/platform/random.js';
import { ActorSystem } from '../../src/runtime/system.js';
import { createMemoryDatabase, noFaults } from '../../src/storage/memory/memory-database.js';
import { openStores } from '../../src/storage/open-stores.js';
import { DEFAULT_BACKOFF, DEFAULT_INTENSITY, type SupervisorSpec } from '../../src/supervisors/spec.js';
import { SupervisionTree } from '../../src/supervisors/supervisor.js';
import { KeptLog } from '../runtime/harness.js';
import { TOKEN } from './bot-api-server.js';

/** Files of one machine: whole ones, in memory. */
export class MemoryFiles implements Files {
  readonly texts = new Map<string, string>();
  isFull = false;

  async read(path: string): Promise<Buffer> {
    return Buffer.from(this.texts.get(path) ?? '');
  }
  async writeAtomic(path: string, data: string | Uint8Array): Promise<void> {
    if (this.isFull) throw new Error('the disk is full');
    this.texts.set(path, Buffer.from(data).toString());
  }
  async exists(path: string): Promise<boolean> {
    return this.texts.has(path);
  }
  async size(path: string): Promise<number> {
    return this.texts.get(path)?.length ?? 0;
  }
  lines(): AsyncIterable<string> {
    throw new Error('not used');
  }
  openAppend(): Promise<AppendFile> {
    throw new Error('not used');
  }
  facts = () => Promise.resolve({ kind: 'file' as const, mode: 0o600, ownerId: 0 });
  truncate = () => Promise.reject(new Error('not used'));
  remove = () => Promise.reject(new Error('not used'));
  makeFolder = () => Promise.resolve();
  list = () => Promise.resolve([]);
}

/** A messenger that does what the test says. */
export class ScriptedMessenger implements Messenger {
  readonly sent: OutgoingMessage[] = [];
  tries = 0;
  /** What becomes of a message; null = it is sent. */
  meets: (message: OutgoingMessage) => SendAnswer | null = () => null;

  me() {
    return Promise.resolve({ kind: 'me' as const, name: 'arbot_test_bot' });
  }
  send(message: OutgoingMessage): Promise<SendAnswer> {
    this.tries++;
    const answer = this.meets(message);
    if (answer !== null) return Promise.resolve(answer);
    this.sent.push(message);
    return Promise.resolve({ kind: 'sent', messageId: this.sent.length });
  }
  /** Nobody writes. */
  updates(): Promise<UpdatesAnswer> {
    return new Promise(() => undefined);
  }
  answerPress() {
    return Promise.resolve({ kind: 'done' as const });
  }
  replace() {
    return Promise.resolve({ kind: 'done' as const });
  }

  get texts(): string {
    return this.sent.map(({ text }) => text).join('\n');
  }
}

export type AlertsInput = NonNullable<ClusterConfigInput['alerts']>;

const TELEGRAM = { tokenEnv: 'TELEGRAM_TOKEN', chatIds: ['7'] };

export function clusterOf(alerts: AlertsInput = {}) {
  return clusterSchema.parse({
    nodes: [{ name: 'tokyo-1', region: 'tokyo', roles: ['feeds', 'detectors', 'trade', 'recorder'] }],
    alerts: { ...alerts, telegram: { ...TELEGRAM, ...alerts.telegram } },
  });
}

const TRADING = tradingSchema.parse({
  assets: { BTC: {}, USDT: {} },
  pairs: [{ pair: 'BTC-USDT' }],
  exchanges: {
    binance: { opening: { USDT: '1000' }, reserve: { USDT: '500' } },
    okx: { opening: { USDT: '1000' } },
  },
});

export interface NodeOptions {
  readonly time: Clock & Timers;
  readonly messenger: Messenger;
  readonly alerts?: AlertsInput;
  readonly node?: string;
  readonly files?: MemoryFiles;
  readonly stores?: Stores;
  readonly bus?: InProcessBus;
  readonly operator?: Operator;
  readonly lookMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly holdings?: () => Promise<readonly { exchange: string; asset: string; amount: string }[] | null>;
  readonly premiums?: () => Promise<readonly PremiumRow[]>;
}

export const memoryStores = (time: Clock & Timers, faults = noFaults()) =>
  openStores(
    { kind: 'memory', mode: 'PAPER', database: createMemoryDatabase(), faults },
    { log: new KeptLog(), timers: time, clock: time },
  );

export const busOf = (time: Clock & Timers) =>
  new InProcessBus({
    clock: time,
    timers: time,
    ids: new TimeOrderedIds(time, new SeededRandom('bus')),
    log: new KeptLog(),
    sender: 'test',
  });

const idle: ActorDefinition<never> = {
  kind: 'feed',
  mailbox: { capacity: 8, policyOf: () => ({ kind: 'reject' }) },
  handlerTimeoutMs: 1_000,
  create: () => ({ handle: () => undefined }),
};

/** A node of supervisors, a feed that can be crashed, and alerts, as `modes` puts them together. */
export async function alertNode(options: NodeOptions) {
  const { time, messenger, node = 'tokyo-1' } = options;
  const log = new KeptLog();
  const files = options.files ?? new MemoryFiles();
  const stores = options.stores ?? (await memoryStores(time));
  const bus = options.bus ?? busOf(time);
  const random = new SeededRandom(node);
  const ids = new TimeOrderedIds(time, random);
  const engine = new PlainEngine(time, () => undefined);
  const system = new ActorSystem({ node, engine, clock: time, timers: time, random, ids, log });
  const cluster = clusterOf(options.alerts);
  const settings = telegramSettings(cluster, { TELEGRAM_TOKEN: TOKEN })!;
  const environment = options.environment ?? {};
  const parts = { cluster, trading: TRADING, mode: 'PAPER' as const, node, environment, folder: '/data' };
  const { lookMs } = options;
  const http = { request: () => Promise.reject(new Error('not used')) };
  const alerts = new NodeAlerts(
    { ...parts, files, http, random, log, time, ...(lookMs !== undefined && { lookMs }) },
    settings,
    messenger,
  );
  alerts.hear(bus);
  if (options.operator !== undefined) alerts.operate(options.operator);
  const worker = (id: string, actor: ActorDefinition<never>) => ({
    worker: {
      id,
      restart: 'permanent' as const,
      shutdownMs: 2_000,
      backoff: DEFAULT_BACKOFF,
      giveUp: { kind: 'quarantine' as const, probeMinMs: 30_000, probeMaxMs: 600_000 },
      actor,
    },
  });
  const group = (id: string, children: SupervisorSpec['children']) => ({
    supervisor: {
      id,
      restart: 'permanent' as const,
      strategy: 'one_for_one' as const,
      intensity: DEFAULT_INTENSITY,
      children,
    },
  });
  const actor = alerts.actor(bus, stores, {
    holdings: options.holdings ?? (() => Promise.resolve(null)),
    premiums: options.premiums ?? (() => Promise.resolve([])),
  });
  const tree = new SupervisionTree({
    spec: {
      id: 'node',
      restart: 'permanent',
      strategy: 'one_for_one',
      intensity: DEFAULT_INTENSITY,
      children: [group('watch', [worker('alerts', actor)]), group('feeds', [worker('okx', erased(idle))])],
    },
    ...{ system, clock: time, timers: time, random, ids, log },
    onEvent: (event) =>
      bus.publish(subjectOf('supervisionEvent', node), 'supervisionEvent', event, { traceId: 'supervision' }),
  });
  const publish = <K extends MessageKind>(kind: K, body: MessageOf<K>): void =>
    bus.publish(subjectOf(kind, node, 'x'), kind, body, { traceId: 'test' });
  const summary = () => ({ ...system.inspect(PATHS.alerts)?.summary });
  /** The process is gone: nothing is stopped in order. */
  const kill = () => {
    system.crash(PATHS.alerts, new Error('killed'));
    return tree.stop();
  };
  return { log, files, stores, bus, system, tree, alerts, publish, summary, kill };
}
