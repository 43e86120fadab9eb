import type { ExternalFlow } from '../messages/gateway.js';
import type { InstrumentStateChanged, WalletStateChanged } from '../messages/feed.js';
import type { ArbitrageClosed } from '../messages/order.js';
import type { DailyPerformance } from '../messages/performance.js';
import type { BreakerChanged, LimitsChanged } from '../messages/risk-control.js';
import type { HaltChanged } from '../messages/risk.js';
import { Decimal } from '../market/decimal.js';
import { cutText, MAX_ALERT_TEXT, MAX_SUBJECT, tame, type Alert } from './alert.js';

/** Alerts that follow from one message alone. A state is part of the subject, so that its end is told as soon as its beginning. */

/** An alert whose texts are tamed and cut. */
export const alertOf = (draft: Alert): Alert => ({
  ...draft,
  subject: cutText(draft.subject, MAX_SUBJECT),
  text: cutText(tame(draft.text), MAX_ALERT_TEXT),
});

/** For people: exact figures are in the ledger. */
const short = (amount: string): string => new Decimal(amount).toDecimalPlaces(8).toFixed();

/** Executed trades, legs that failed, and what only a person can end. Nothing that never traded is told. */
export function arbitrageAlert(closed: ArbitrageClosed): Alert {
  const { arbitrageId, pair, buyExchange, sellExchange, outcome, boughtQuantity, soldQuantity } = closed;
  const quote = closed.quote ?? pair.slice(pair.indexOf('-') + 1);
  const strategy = closed.strategy === undefined ? '' : `${closed.strategy} `;
  const route = `${strategy}${pair} ${buyExchange} → ${sellExchange}`;
  const amounts = `bought ${short(boughtQuantity)}, sold ${short(soldQuantity)}`;
  const made = `net ${short(closed.realisedNet)} ${quote}, expected ${short(closed.expectedNet)}`;
  const money = `${made}, fees ${short(closed.fees)}`;
  const rest = `left over ${leftText(closed)}`;
  const base = { id: `arbitrage:${arbitrageId}`, atMs: closed.closedAtMs };
  if (outcome === 'flagged')
    return alertOf({
      ...base,
      event: 'flagged',
      severity: 'critical',
      subject: arbitrageId,
      text: `${route}: a person must look at ${arbitrageId}: ${amounts}, ${rest}, ${money}`,
    });
  if (outcome === 'completed')
    return alertOf({
      ...base,
      event: 'trade',
      severity: 'info',
      subject: route,
      text: `${route} ${outcome}: ${amounts}, ${money}`,
    });
  return alertOf({
    ...base,
    event: 'legFailure',
    severity: 'warning',
    subject: route,
    text: `${route} ${outcome}: ${amounts}, ${rest}, ${money} (${arbitrageId})`,
  });
}

/** Of legs in several pairs every asset. */
function leftText({ shape, residualBase, residues = [] }: ArbitrageClosed): string {
  if (shape === undefined) return short(residualBase);
  return residues.map(({ asset, quantity }) => `${short(quantity)} ${asset}`).join(' and ') || '0';
}

/** It is told more than once; the id is the same. */
export function haltAlert({ engaged, policy, reason, by, atMs }: HaltChanged): Alert {
  const how = engaged ? `engaged (${policy ?? 'freeze'})` : 'cleared';
  return alertOf({
    id: `halt:${engaged ? 'on' : 'off'}:${atMs}`,
    event: 'killSwitch',
    severity: engaged ? 'critical' : 'warning',
    subject: `kill switch ${engaged ? 'engaged' : 'cleared'}`,
    text: `the kill switch was ${how} by ${by}: ${reason}`,
    atMs,
  });
}

export function breakerAlert(changed: BreakerChanged): Alert {
  const { exchange, state, reason, latched, openedAtMs, atMs } = changed;
  const whose = exchange === undefined ? 'the circuit breaker of everything' : `the breaker of ${exchange}`;
  const says = {
    OPEN: `is open: ${reason ?? 'no reason given'}${latched ? '; only a person closes it' : ''}`,
    HALF_OPEN: 'lets probes pass',
    CLOSED: 'is closed again',
  }[state];
  return alertOf({
    id: `breaker:${exchange ?? 'ALL'}:${state}:${openedAtMs}`,
    event: 'breaker',
    severity: state !== 'OPEN' ? 'info' : exchange === undefined ? 'critical' : 'warning',
    subject: `${exchange ?? 'ALL'} ${state}`,
    text: `${whose} ${says}`,
    atMs,
  });
}

export function limitsAlert({ version, changes, reason, by, atMs }: LimitsChanged): Alert {
  const told = changes.map(({ key, from, to }) => `${key} ${from ?? 'unset'} → ${to ?? 'as in the file'}`);
  return alertOf({
    id: `limits:${version}`,
    event: 'limits',
    severity: 'warning',
    subject: 'limits',
    text: `${by} changed limits (${reason}): ${told.join(', ')}`,
    atMs,
  });
}

export function flowAlert({ exchange, flowId, kind, asset, amount, reason, atMs }: ExternalFlow): Alert {
  const what = kind === 'adopted' ? 'a person took over a difference' : 'a deposit or withdrawal';
  return alertOf({
    id: `flow:${exchange}:${flowId}`,
    event: 'externalFlow',
    severity: 'info',
    subject: `${exchange} ${asset}`,
    text: `${exchange}: ${amount} ${asset}, ${what}${reason === '' ? '' : ` (${reason})`}`,
    atMs,
  });
}

export function marketAlert({ instrument, state, reason, atMs }: InstrumentStateChanged): Alert {
  return alertOf({
    id: `market:${instrument}:${state}:${atMs}`,
    event: 'market',
    severity: state === 'trading' ? 'info' : 'warning',
    subject: `${instrument} ${state}`,
    text: `${instrument} is now ${state}: ${reason}`,
    atMs,
  });
}

export function walletAlert(changed: WalletStateChanged): Alert {
  const { exchange, asset, network, canDeposit, canWithdraw, atMs } = changed;
  const word = (open: boolean): string => (open ? 'open' : 'closed');
  return alertOf({
    id: `wallet:${exchange}:${asset}:${network}:${atMs}`,
    event: 'wallet',
    severity: canDeposit && canWithdraw ? 'info' : 'warning',
    subject: `${exchange} ${asset} ${network} ${word(canDeposit)} ${word(canWithdraw)}`,
    text: `${exchange} ${asset} over ${network}: deposits ${word(canDeposit)}, withdrawals ${word(canWithdraw)}`,
    atMs,
  });
}

/** One UTC day; the days that a start catches up with are told too, together. */
export function dayAlert(row: DailyPerformance): Alert {
  const { day, currency, arbitrages: a } = row;
  const known = (value: string | null): string => value ?? 'not known';
  const trades = `${a.completed} completed, ${a.partial} partial, ${a.unwound} unwound, ${a.failed} failed, ${a.flagged} flagged`;
  const lines = [
    `${day}: equity ${row.closingEquity} ${currency} (opened with ${row.openingEquity})`,
    `trading ${known(row.tradingNet)}, flows ${known(row.flows)}, revaluation ${known(row.revaluation)}`,
    `realised ${row.realisedNet}, fees ${row.fees}; ${trades}`,
    `return ${known(row.dayReturn)}, drawdown ${row.drawdown}, Sharpe ${known(row.sharpe)} over ${row.sharpeDays} days`,
  ];
  return alertOf({
    id: `day:${currency}:${day}`,
    event: 'dailyReport',
    severity: 'info',
    subject: currency,
    text: lines.join('; '),
    atMs: row.closingAtMs,
  });
}
