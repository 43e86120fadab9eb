import { join } from 'node:path';
import { alertsActor, type AlertsActorOptions } from '../actors/alerts.js';
import { AlertsLease } from '../actors/alerts-lease.js';
import { AlertDesk, REMINDER_TIMES } from '../alerts/alert-desk.js';
import { ALERT_FILE, AlertFile } from '../alerts/alert-file.js';
import type { CommandDeskOptions } from '../alerts/command-desk.js';
import type { Amount } from '../alerts/inventory-watch.js';
import { NEWS_KINDS, newsSubject, type NewsKind, type NewsMessage } from '../alerts/news.js';
import type { Operator } from '../alerts/operator.js';
import { secretOf, type ClusterConfig, type Environment, type TradingConfig } from '../config/index.js';
import { chatIdsOf } from '../config/cluster.js';
import { subjectOf } from '../messages/catalogue.js';
import { ArbotError } from '../messages/errors.js';
import type { ModeName } from '../messages/primitives.js';
import type { Bus } from '../ports/bus.js';
import type { Files } from '../ports/files.js';
import type { Logger } from '../ports/log.js';
import type { Messenger } from '../ports/messenger.js';
import type { HttpClient } from '../ports/network.js';
import type { Random } from '../ports/random.js';
import type { Stores } from '../ports/stores.js';
import type { Clock, Timers } from '../ports/time.js';
import { redactText } from '../runtime/platform/redaction.js';
import { SecondFactor, totpKey } from '../security/totp.js';
import { erased } from './tree.js';

const NONCE_BYTES = 16;

export interface AlertsParts {
  readonly cluster: ClusterConfig;
  readonly trading: TradingConfig;
  readonly mode: ModeName;
  /** The node's name. */
  readonly node: string;
  readonly environment: Environment;
  /** Data folder of the mode. */
  readonly folder: string;
  readonly files: Files;
  readonly http: HttpClient;
  readonly random: Random;
  readonly log: Logger;
  /** The machine's own. */
  readonly time: Clock & Timers;
  /** Between two looks; a simulation of days hands in more than the default. */
  readonly lookMs?: number;
}

export interface TelegramSettings {
  readonly token: string;
  readonly chats: readonly string[];
  readonly apiRoot: string | undefined;
}

/** What the cluster file and the environment say. Throws ARB_CONFIG_INVALID naming the variable; null = no alerts are configured. */
export function telegramSettings(
  { alerts }: ClusterConfig,
  environment: Environment,
): TelegramSettings | null {
  const { telegram } = alerts;
  if (telegram === undefined) return null;
  const required = (name: string, key: string): string => {
    const value = secretOf(environment, name);
    if (value === null)
      throw new ArbotError('ARB_CONFIG_INVALID', `alerts.telegram.${key}: ${name} is not set`);
    return value;
  };
  const token = required(telegram.tokenEnv, 'tokenEnv');
  if (!/^\d{1,20}:[A-Za-z0-9_-]{20,128}$/.test(token))
    throw new ArbotError(
      'ARB_CONFIG_INVALID',
      `alerts.telegram.tokenEnv: ${telegram.tokenEnv} holds no token of a bot`,
    );
  const { chatIdsEnv } = telegram;
  const chats =
    chatIdsEnv === undefined
      ? (telegram.chatIds ?? [])
      : chatIdsOf(required(chatIdsEnv, 'chatIdsEnv'), `alerts.telegram.chatIdsEnv: ${chatIdsEnv}`);
  return { token, chats: [...new Set(chats)], apiRoot: telegram.apiRoot };
}

export async function openMessenger(
  { token, apiRoot }: TelegramSettings,
  http: HttpClient,
): Promise<Messenger> {
  // Loaded only where it is used.
  const { BotApi } = await import('../alerts/telegram/bot-api.js');
  return new BotApi({ token, http, ...(apiRoot !== undefined && { apiRoot }) });
}

/** Without what looks like a secret, and without the bot's own token whatever it looks like. */
export const redacting =
  (token: string) =>
  (text: string): string =>
    redactText(text.replaceAll(token, '[redacted]')).slice(0, 4_096);

/** Alerts of one process: their desk, which outlives every actor, and the actor that drives it. */
export class NodeAlerts {
  private readonly parts: AlertsParts;
  private readonly settings: TelegramSettings;
  private readonly messenger: Messenger;
  readonly desk: AlertDesk;
  private operator: Operator | null = null;

  constructor(parts: AlertsParts, settings: TelegramSettings, messenger: Messenger) {
    const { cluster, trading, mode, time } = parts;
    const { telegram, events, lowInventoryFactor, premium, repeatMs } = cluster.alerts;
    this.parts = parts;
    this.settings = settings;
    this.messenger = messenger;
    const canAcknowledge = telegram?.commands !== 'none';
    this.desk = new AlertDesk(
      {
        chats: settings.chats,
        header: `${cluster.name} ${mode}`,
        deliveries: events,
        reminders: canAcknowledge ? { ...REMINDER_TIMES, firstMs: repeatMs } : null,
        redact: redacting(settings.token),
        inventory: { reserves: reservesOf(trading), factor: lowInventoryFactor },
        premium,
      },
      time.monotonicMs(),
    );
  }

  /** From now on everything that may be told is heard. Ends with the bus. */
  hear(bus: Bus): void {
    for (const kind of NEWS_KINDS) this.hearKind(bus, kind);
    const { node, time } = this.parts;
    bus.subscribe(subjectOf('alertsHandled'), 'alertsHandled', ({ message }) => {
      if (message.node !== node) this.desk.handledElsewhere(message, time.monotonicMs());
    });
  }

  private hearKind<K extends NewsKind>(bus: Bus, kind: K): void {
    bus.subscribe(newsSubject(kind), kind, ({ message }) =>
      this.desk.hear({ kind, message } as unknown as NewsMessage),
    );
  }

  /** The node stands: commands can be answered. */
  operate(operator: Operator): void {
    this.operator = operator;
  }

  actor(
    bus: Bus,
    stores: Pick<Stores, 'leases'>,
    { holdings, premiums }: Pick<AlertsActorOptions, 'holdings' | 'premiums'>,
  ) {
    const { time, random, node, files, folder, log, lookMs } = this.parts;
    const nonce = Buffer.from(random.bytes(NONCE_BYTES)).toString('hex');
    return erased(
      alertsActor({
        desk: this.desk,
        messenger: this.messenger,
        bus,
        clock: time,
        timers: time,
        node,
        redact: redacting(this.settings.token),
        file: new AlertFile(files, join(folder, ALERT_FILE), log),
        lease: new AlertsLease({ leases: stores.leases, clock: time, holder: node, nonce }),
        commands: this.commands(),
        operator: () => this.operator,
        ...{ holdings, premiums },
        ...(lookMs !== undefined && { lookMs }),
      }),
    );
  }

  private commands(): CommandDeskOptions {
    const { cluster, random, environment } = this.parts;
    const { telegram } = cluster.alerts;
    const secret = telegram?.totpSecretEnv;
    const factor = secret === undefined ? null : secondFactor(environment, secret);
    return {
      level: telegram?.commands ?? 'none',
      chats: this.settings.chats,
      users: telegram?.users ?? null,
      bytes: (length) => random.bytes(length),
      secondFactor: factor === null ? null : (code, nowMs) => factor.check(code, nowMs),
    };
  }
}

/** Null where no alerts are configured. A replay tells nobody: what it shows has happened long ago. */
export async function openAlerts(parts: AlertsParts): Promise<NodeAlerts | null> {
  const settings = telegramSettings(parts.cluster, parts.environment);
  if (settings === null || parts.mode === 'REPLAY') return null;
  return new NodeAlerts(parts, settings, await openMessenger(settings, parts.http));
}

function secondFactor(environment: Environment, name: string): SecondFactor {
  const secret = secretOf(environment, name);
  if (secret === null)
    throw new ArbotError('ARB_CONFIG_INVALID', `alerts.telegram.totpSecretEnv: ${name} is not set`);
  return new SecondFactor(totpKey(secret));
}

function reservesOf({ exchanges }: TradingConfig): Amount[] {
  return Object.entries(exchanges).flatMap(([exchange, { enabled, reserve }]) =>
    enabled ? Object.entries(reserve).map(([asset, amount]) => ({ exchange, asset, amount })) : [],
  );
}
