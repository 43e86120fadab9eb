import { checkTrading, ConfigInvalid, type ConfigProblem, type TradingConfig } from '../config/index.js';
import { setAt } from '../config/overrides.js';
import { tradingSchema } from '../config/trading.js';
import { Decimal } from '../market/decimal.js';
import { ArbotError } from '../messages/errors.js';
import {
  decodeLimits,
  decodeLimitsChange,
  encodeLimits,
  encodeLimitsChange,
  LIMITS_KEY,
  limitsChangeKey,
  type KeptLimits,
} from '../messages/limit-journal.js';
import type { DecimalText, ModeName } from '../messages/primitives.js';
import type { LimitChange, LimitOverrides, LimitsChanged, LimitValue } from '../messages/risk-control.js';
import type { Bus } from '../ports/bus.js';
import type { SettingsStore } from '../ports/stores.js';
import type { Clock } from '../ports/time.js';
import type { RiskLimits } from '../risk/limits.js';
import { riskLimitsOf } from './parameters.js';

/** Others than the gate go by these too and have read them at the start. */
const WITH_THE_FILE = new Set(['bookAgeMaxMs', 'unchangedMaxMs', 'clockSkewMaxMs']);
const MOST_OVERRIDES = 128;
const SOURCE = 'request';

export interface LimitChangesOptions {
  readonly trading: TradingConfig;
  readonly mode: ModeName;
  readonly settings: SettingsStore;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** A person's wish. `changes`: key of `limits` → value, null = back to the file. */
export interface LimitRequest {
  readonly changes: Readonly<Record<string, LimitValue | null>>;
  /** The version that the person has seen. */
  readonly version: number;
  readonly reason: string;
  readonly by: string;
}

/** What is in force, and what of it differs from the file. */
export interface LimitsInForce {
  readonly version: number;
  readonly limits: TradingConfig['limits'];
  readonly overrides: LimitOverrides;
}

/**
 * Limits of the risk gate that change while it runs: checked as the file would be, written into the settings store with an
 * entry of the journal first, then told. What a restart finds is never older than what was answered.
 */
export class LimitChanges {
  private readonly options: LimitChangesOptions;
  /** One change after the other. */
  private last: Promise<unknown> = Promise.resolve();
  /** The newest version that the gate knows; null = as it found it in the store, like this does. */
  private toldVersion: number | null = null;

  constructor(options: LimitChangesOptions) {
    this.options = options;
  }

  /** What the gate goes by. Throws ConfigInvalid when the overrides do not fit the file. */
  limitsWith(overrides: LimitOverrides): RiskLimits {
    const { trading, mode } = this.options;
    return riskLimitsOf({ ...trading, limits: this.checked(overrides) }, mode);
  }

  async inForce(): Promise<LimitsInForce> {
    const { version, overrides } = await this.kept();
    return { version, overrides, limits: this.checked(overrides) };
  }

  /** Newest first, at most `limit`. */
  async journal(limit: number): Promise<LimitsChanged[]> {
    const { version } = await this.kept();
    const changes: LimitsChanged[] = [];
    for (let one = version; one > 0 && changes.length < limit; one--) {
      const text = await this.options.settings.get(limitsChangeKey(one));
      if (text !== null) changes.push(decodeLimitsChange(one, text));
    }
    return changes;
  }

  /**
   * Resolves with the change once it is written and told. Rejects with ARB_CONFIG_INVALID for values that the file could not
   * have, with ARB_STORE_CONFLICT when somebody else has changed limits since, and with what the store said.
   */
  change(request: LimitRequest): Promise<LimitsChanged> {
    const next = this.last.then(() => this.carryOut(request));
    this.last = next.catch(() => undefined);
    return next;
  }

  private async carryOut({ changes, version, reason, by }: LimitRequest): Promise<LimitsChanged> {
    const { settings, clock } = this.options;
    const kept = await this.kept();
    if (kept.version !== version)
      throw new ArbotError('ARB_STORE_CONFLICT', `the limits are at version ${kept.version}: look again`);
    const overrides = withChanges(kept.overrides, changes);
    const made = this.differences(kept.overrides, overrides);
    const changed: LimitsChanged = {
      version: version + 1,
      overrides,
      changes: made,
      reason,
      by,
      atMs: clock.nowMs(),
    };
    await settings.set(limitsChangeKey(changed.version), encodeLimitsChange(changed));
    await this.keep(encodeLimits(changed));
    await this.tell(changed);
    return changed;
  }

  /** What the store has taken without saying so is written all the same. */
  private async keep(text: string): Promise<void> {
    const { settings } = this.options;
    await settings.set(LIMITS_KEY, text).catch(async (error: unknown) => {
      const found = await settings.get(LIMITS_KEY).catch(() => null);
      if (found !== text) throw error;
    });
  }

  private async tell(changed: LimitsChanged): Promise<void> {
    const { bus } = this.options;
    bus.publish('risk.limits', 'limitsChanged', changed, { traceId: 'risk-limits' });
    await bus.flush();
    this.toldVersion = changed.version;
  }

  private differences(before: LimitOverrides, after: LimitOverrides): LimitChange[] {
    const [from, to] = [this.checked(before), this.checked(after)];
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    const made = [...keys].sort().flatMap((key) => {
      const change = { key, from: valueAt(from, key), to: valueAt(to, key) };
      return change.from === change.to ? [] : [change];
    });
    if (made.length === 0) throw refused('limits', 'nothing changes');
    return made;
  }

  private async kept(): Promise<KeptLimits> {
    const { settings } = this.options;
    const kept = decodeLimits(await settings.get(LIMITS_KEY));
    this.toldVersion ??= kept.version;
    // Written while nobody could say so: the gate would go by it after a restart only.
    if (kept.version > this.toldVersion) {
      const text = await settings.get(limitsChangeKey(kept.version));
      if (text !== null) await this.tell(decodeLimitsChange(kept.version, text));
    }
    return kept;
  }

  /** Throws ConfigInvalid with every problem. */
  private checked(overrides: LimitOverrides): TradingConfig['limits'] {
    const limits = structuredClone(this.options.trading.limits);
    const problems: ConfigProblem[] = [];
    for (const [key, value] of Object.entries(overrides)) {
      if (WITH_THE_FILE.has(key))
        problems.push(problem(`limits.${key}`, 'changes with the file and a restart only'));
      setAt(limits, key.split('.'), value);
      // Below something that is a value already there is no key: it would be written and change nothing.
      if (valueAt(limits, key) !== value) problems.push(problem(`limits.${key}`, 'unknown key'));
    }
    if (Object.keys(overrides).length > MOST_OVERRIDES)
      problems.push(problem('limits', `more than ${MOST_OVERRIDES} differ from the file`));
    const file = withinLimits(this.options.trading, limits);
    problems.push(...checkTrading(file).map((found) => ({ ...found, source: SOURCE })));
    if (problems.length > 0) throw new ConfigInvalid(problems);
    return tradingSchema.parse(file).limits;
  }
}

const problem = (key: string, message: string): ConfigProblem => ({ source: SOURCE, key, message });
const refused = (key: string, message: string): ConfigInvalid => new ConfigInvalid([problem(key, message)]);

function withChanges(kept: LimitOverrides, changes: LimitRequest['changes']): LimitOverrides {
  const overrides = new Map(Object.entries(kept));
  for (const [key, value] of Object.entries(changes))
    if (value === null) overrides.delete(key);
    else overrides.set(key, value);
  return Object.fromEntries(overrides);
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** A value of the limits by its dotted key; null where there is none. */
function valueAt(limits: TradingConfig['limits'], key: string): LimitValue | null {
  let at: unknown = limits;
  for (const part of key.split('.')) at = isFields(at) && Object.hasOwn(at, part) ? at[part] : undefined;
  return typeof at === 'string' || typeof at === 'number' ? at : null;
}

/**
 * The file as it would be with these limits. What only stands in relation to them is taken with them: sizes that the gate
 * makes smaller anyway, and balances of the past, since a limit may be set below what is held.
 */
function withinLimits(trading: TradingConfig, limits: TradingConfig['limits']): TradingConfig {
  const most = limits.orderNotional;
  const within = (size: DecimalText): DecimalText => {
    const isAbove = isPlain(most) && new Decimal(size).gt(most);
    return isAbove ? most : size;
  };
  return {
    ...trading,
    limits,
    sizes: { ...trading.sizes, maxNotional: within(trading.sizes.maxNotional) },
    pairs: trading.pairs.map((pair) =>
      pair.maxNotional === undefined ? pair : { ...pair, maxNotional: within(pair.maxNotional) },
    ),
    exchanges: Object.fromEntries(
      Object.entries(trading.exchanges).map(([name, one]) => [name, { ...one, opening: {}, reserve: {} }]),
    ),
  };
}

/** What the schema will refuse is not computed with. */
const isPlain = (text: unknown): text is DecimalText =>
  typeof text === 'string' && /^\d+(?:\.\d+)?$/.test(text);
