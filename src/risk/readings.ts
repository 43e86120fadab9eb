import { Decimal, ZERO } from '../market/decimal.js';
import type { BreakerView } from './breakers.js';
import { worstOf } from './exposure.js';
import { valueAt } from './exchange-value.js';
import type { HealthView } from './exchange-health.js';
import type { MarketAlarm } from './flash/watch.js';
import type { GateState } from './gate-types.js';
import type { Hold } from './holds.js';
import { amountText } from './question.js';
import { RULES } from './rule-catalogue.js';
import { exposureSnapshot } from '../statistics/exposure.js';

/** Where one rule stands on one subject. */
export interface RuleReading {
  readonly subject: string;
  readonly limit: string;
  readonly actual: string;
  /** What is left up to the limit; null where the value is no amount. */
  readonly headroom: string | null;
  readonly unit: string;
  /** It refuses what touches its subject now. */
  readonly isStopped: boolean;
}

export interface RuleView {
  readonly rule: string;
  readonly meaning: string;
  readonly keys: readonly string[];
  /** Null where it depends on what is judged. */
  readonly limit: string | null;
  readonly unit: string | null;
  /** Empty for rules that judge a signal and nothing that lasts. */
  readonly readings: readonly RuleReading[];
}

/** The risk gate as people see it. */
export interface RiskView {
  readonly atMs: number;
  readonly currency: string;
  readonly rules: readonly RuleView[];
  readonly breakers: readonly BreakerView[];
  readonly health: readonly HealthView[];
  readonly alarms: readonly MarketAlarm[];
  readonly holds: readonly Hold[];
  readonly exposure: ExposureView;
  readonly inFlight: number;
}

/** Trading exposure = holdings − baseline, in the reporting currency. */
export interface ExposureView {
  readonly gross: string;
  readonly net: string;
  readonly byAsset: Readonly<Record<string, string>>;
  /** Assets without a price, which are in no sum. */
  readonly unpriced: readonly string[];
}

export function riskViewOf(state: GateState, nowMs: number): RiskView {
  const readings = readingsOf(state, nowMs);
  return {
    atMs: nowMs,
    currency: state.limits.reportingCurrency,
    rules: RULES.map(({ rule, meaning, keys, limit }) => {
      const told = limit?.(state.limits);
      return {
        rule,
        meaning,
        keys,
        limit: told?.limit ?? null,
        unit: told?.unit ?? null,
        readings: readings.get(rule) ?? [],
      };
    }),
    breakers: state.monitors.breakers.views(),
    health: state.monitors.health.views(nowMs),
    alarms: state.monitors.alarms,
    holds: state.holds.all(),
    exposure: exposureOf(state),
    inFlight: state.exposure.reservationCount,
  };
}

type Readings = Map<string, readonly RuleReading[]>;

function readingsOf(state: GateState, nowMs: number): Readings {
  const { limits, monitors, exposure, killSwitch } = state;
  const { losses, rate } = monitors;
  const currency = limits.reportingCurrency;
  const [second, minute] = [rate.inLastSecond(nowMs), rate.inLastMinute(nowMs)];
  return new Map<string, readonly RuleReading[]>([
    ['KILL_SWITCH', [flag('all', 'cleared', killSwitch.engaged ? 'engaged' : 'cleared', killSwitch.engaged)]],
    [
      'RISK_HOLD',
      state.holds
        .all()
        .map(({ source, exchange = 'all', asset = 'all', reason }) =>
          flag(`${source} (${exchange}, ${asset})`, 'none', reason, true),
        ),
    ],
    [
      'DAILY_LOSS',
      [amount('today', limits.maxDailyLoss, losses.todaysLoss, currency, losses.isStoppedAt(nowMs))],
    ],
    ['DRAWDOWN', [amount('all', limits.maxDrawdown, losses.drawdown, currency, losses.isDrawnDown)]],
    ['LOSS_STREAK', [amount('all', limits.maxLossStreak, new Decimal(losses.streak), 'losses in a row')]],
    [
      'ORDER_RATE',
      [
        amount('second', limits.maxOrdersPerSecond, new Decimal(second), 'orders'),
        amount('minute', limits.maxOrdersPerMinute, new Decimal(minute), 'orders'),
      ],
    ],
    [
      'CIRCUIT_BREAKER',
      monitors.breakers
        .views()
        .map(({ subject, state: own, reason }) =>
          flag(subject, 'CLOSED', reason === null ? own : `${own}: ${reason}`, own === 'OPEN'),
        ),
    ],
    [
      'EXCHANGE_HEALTH',
      monitors.health
        .views(nowMs)
        .map(({ exchange, score, sizeFactor }) =>
          flag(exchange, String(limits.health.full), score.toFixed(4), sizeFactor === 0, 'score'),
        ),
    ],
    ...flashReadings(state),
    ...exposureReadings(state),
    [
      'IN_FLIGHT',
      [amount('all', limits.maxReservations, new Decimal(exposure.reservationCount), 'arbitrages')],
    ],
  ]);
}

function flashReadings({ monitors }: GateState): [string, RuleReading[]][] {
  const byRule = new Map<string, RuleReading[]>();
  for (const { detector, instrument, limit, actual, unit } of monitors.alarms) {
    const rule = `FLASH_${detector.toUpperCase()}`;
    const known = byRule.get(rule) ?? [];
    byRule.set(rule, [...known, flag(instrument, limit, actual, true, unit)]);
  }
  return [...byRule];
}

function exposureReadings({ exposure, limits }: GateState): [string, RuleReading[]][] {
  const currency = limits.reportingCurrency;
  const priced = (asset: string, units: Decimal): Decimal | null =>
    units.isZero() ? ZERO : (exposure.markOf(asset)?.times(units) ?? null);
  const sum = (parts: readonly (Decimal | null)[]): Decimal | null =>
    parts.reduce<Decimal | null>(
      (total, part) => (total === null || part === null ? null : total.plus(part)),
      ZERO,
    );
  const assets = exposure.exposedAssets();
  const worst = assets.map((asset) => priced(asset, worstOf(exposure.intervalOf(asset))));
  const strategies = new Set([...exposure.strategies(), ...Object.keys(limits.strategyExposureOverrides)]);
  return [
    [
      'ASSET_EXPOSURE',
      assets.map((asset, i) =>
        amount(asset, limits.assetExposureOverrides[asset] ?? limits.maxAssetExposure, worst[i]!, currency),
      ),
    ],
    ['TOTAL_EXPOSURE', [amount('all', limits.maxTotalExposure, sum(worst), currency)]],
    [
      'EXCHANGE_EXPOSURE',
      exposure.exchanges().map((exchange) => {
        const held = valueAt(exposure, exchange);
        const limit = limits.exchangeHoldingsOverrides[exchange] ?? limits.maxExchangeHoldings;
        return amount(exchange, limit, 'value' in held ? held.value : null, currency);
      }),
    ],
    [
      'STRATEGY_EXPOSURE',
      [...strategies].map((strategy) => {
        const parts = [...exposure.inFlightOf(strategy)].map(([asset, units]) => priced(asset, units));
        const limit = limits.strategyExposureOverrides[strategy] ?? limits.maxStrategyExposure;
        return amount(strategy, limit, sum(parts), currency);
      }),
    ],
  ];
}

/** A value that grows towards its limit; null = it cannot be told for want of a price. */
function amount(
  subject: string,
  limit: string | number,
  actual: Decimal | null,
  unit: string,
  isStopped?: boolean,
): RuleReading {
  const told = { subject, limit: String(limit), unit };
  if (actual === null) return { ...told, actual: 'unknown', headroom: null, isStopped: true };
  const headroom = new Decimal(limit).minus(actual);
  return {
    ...told,
    actual: amountText(actual),
    headroom: amountText(headroom),
    isStopped: isStopped ?? headroom.lte(0),
  };
}

const flag = (
  subject: string,
  limit: string,
  actual: string,
  isStopped: boolean,
  unit = 'state',
): RuleReading => ({ subject, limit, actual, headroom: null, unit, isStopped });

function exposureOf({ exposure }: GateState): ExposureView {
  const unpriced: string[] = [];
  const positions = exposure.exposedAssets().flatMap((asset) => {
    const { current: quantity } = exposure.intervalOf(asset);
    const mark = exposure.markOf(asset);
    if (mark === null && !quantity.isZero()) unpriced.push(asset);
    return mark === null || quantity.isZero() ? [] : [{ asset, quantity, mark }];
  });
  const { gross, net, netByAsset } = exposureSnapshot(positions, ZERO);
  return {
    gross: amountText(gross),
    net: amountText(net),
    byAsset: Object.fromEntries([...netByAsset].map(([asset, value]) => [asset, amountText(value)])),
    unpriced,
  };
}
