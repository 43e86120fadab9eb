import { Decimal, toText } from '../../market/decimal.js';
import type { ExternalFlow } from '../../messages/gateway.js';
import type { AssetId } from '../../messages/primitives.js';
import { assetsOf } from '../ledger.js';
import {
  amountsOf,
  differences,
  differencesText,
  expected,
  transfersFor,
  type Differences,
} from './balance-check.js';
import { haltCancel, onHaltedBalances, onHaltedOrders } from './gateway-halt.js';
import { alert, fillsQuestion, isOurs, onOrderWord, onProvenAbsent } from './gateway-orders.js';
import { deny } from './gateway-phase.js';
import type { Check, GatewayEffect, GatewayEvent, GatewayState } from './gateway-state.js';
import { isForPerson, isMissing, planned } from './inquiry-plan.js';
import type { BalanceWord, OrderWord, TransferWord } from './words.js';

/**
 * The account against journal and ledger. Open orders and balances are compared after every doubt, and again and again; balances
 * only while nothing moves. A difference has to stand still before it is believed; then fills and transfers are asked
 * for, and what nothing explains stops its asset until a person has adopted it (TRADING §1).
 */

/** After an answer that did not come, or found something that will pass. */
const AGAIN_MS = 1_000;
const LOOK_AGAIN_MS = 500;
/** The same difference so often in a row is none of a moment. */
const ASK_WHY_AFTER = 2;
const BELIEVED_AFTER = 4;
const MARKETS_ASKED = 20;
const HISTORY_BEFORE_MS = 600_000;
const FIRST_HISTORY_MS = 86_400_000;
/** The ledger books a flow once, however often it hears of it. */
const MAX_TELLINGS = 2;
const MAX_TOLD = 4_096;
/** A trade that found no order by then is somebody else's, or of an order long forgotten. */
const STRAY_MS = 3_000;

/** No order without an end moves a balance, and the ledger has every fill. */
export const isQuiet = (state: GatewayState): boolean =>
  state.unbooked.size === 0 && state.orders.unsettled().every(isForPerson);

export function checksDue(state: GatewayState, nowMs: number): GatewayEffect[] {
  const { openOrders, balances } = state;
  const effects: GatewayEffect[] = [];
  for (const trade of state.orders.takeForeign(nowMs - STRAY_MS)) {
    balances.dueAtMs = nowMs;
    // Told twice, first without a name that was known then: it has found its order since.
    if (state.booked.has(trade.tradeId) || state.unbooked.has(trade.tradeId)) continue;
    const whose = trade.clientOrderId === null ? trade.exchangeOrderId : trade.clientOrderId;
    effects.push(
      alert(state, 'TRADE_OF_NO_ORDER', `${trade.instrument ?? 'a market'} ${trade.tradeId} of ${whose}`),
    );
  }
  if (mayAskOrders(state) && nowMs >= openOrders.dueAtMs) {
    openOrders.isOut = true;
    effects.push({ kind: 'readOpenOrders' });
  }
  if (mayAskBalances(state) && nowMs >= balances.dueAtMs) {
    balances.isOut = true;
    effects.push({ kind: 'readBalances', epoch: state.epoch });
  }
  return effects;
}

/** When the next of them has to be looked at; null = an event comes first. */
export function checksDueMs(state: GatewayState): number | null {
  const stray = state.orders.oldestStrayMs;
  const dues = [
    ...(mayAskOrders(state) ? [state.openOrders.dueAtMs] : []),
    ...(mayAskBalances(state) ? [state.balances.dueAtMs] : []),
    ...(stray === null ? [] : [stray + STRAY_MS]),
  ];
  return dues.length === 0 ? null : Math.min(...dues);
}

/** The kill switch is verified even while no store has told what to expect. */
const mayAskOrders = (state: GatewayState): boolean =>
  !state.openOrders.isOut && (state.isSeeded || state.killSwitch.engaged);

const mayAskBalances = (state: GatewayState): boolean =>
  !state.balances.isOut &&
  state.isSeeded &&
  state.ledger !== null &&
  (isQuiet(state) || state.orders.unsettled().some(isMissing));

export function onOpenOrders(
  state: GatewayState,
  orders: readonly OrderWord[] | null,
  askedAtMs: number,
  nowMs: number,
): GatewayEffect[] {
  const check = state.openOrders;
  check.isOut = false;
  check.dueAtMs = nowMs + AGAIN_MS;
  if (orders === null) return [];
  const effects: GatewayEffect[] = [];
  const ours = orders.filter((word) => isOurs(word.clientOrderId));
  for (const word of ours) effects.push(...onOurs(state, word, nowMs));
  const foreign = orders.filter((word) => !isOurs(word.clientOrderId));
  state.foreign = foreign.slice(0, 5).map((word) => `${word.instrument ?? '?'} ${word.exchangeOrderId}`);
  if (state.killSwitch.engaged) {
    onHaltedOrders(state, ours, askedAtMs, nowMs);
    return effects;
  }
  const isGood = foreign.length === 0 && ours.every((word) => state.orders.find(word) !== undefined);
  if (!isGood) return effects;
  good(state, check, askedAtMs, nowMs);
  return effects;
}

/** A question that left before the last doubt proves nothing about it: it is asked again at once. */
function good(state: GatewayState, check: Check, askedAtMs: number, nowMs: number): void {
  check.goodSinceMs = askedAtMs;
  check.dueAtMs = askedAtMs < state.deniedSinceMs ? nowMs : nowMs + state.times.reconcileEveryMs;
}

function onOurs(state: GatewayState, word: OrderWord, nowMs: number): GatewayEffect[] {
  const known = state.orders.find(word);
  const effects = onOrderWord(state, word, nowMs);
  if (known !== undefined)
    return state.killSwitch.engaged ? [...effects, ...cancelAgain(state, known.name.clientOrderId)] : effects;
  state.counts.cancels++;
  const { clientOrderId, exchangeOrderId, instrument } = word;
  if (instrument === null)
    return [...effects, alert(state, 'FORGOTTEN_ORDER', `${clientOrderId} on a market that is not followed`)];
  return [
    ...effects,
    alert(
      state,
      'FORGOTTEN_ORDER',
      `${instrument} ${clientOrderId} is open and in no journal: it is cancelled`,
    ),
    {
      kind: 'cancel',
      order: { clientOrderId, exchangeOrderId, instrument, placedAtMs: null, placedUntilMs: null },
    },
  ];
}

function cancelAgain(state: GatewayState, clientOrderId: string): GatewayEffect[] {
  const order = state.orders.get(clientOrderId);
  return order === undefined ? [] : haltCancel(state, order);
}

export function onBalances(
  state: GatewayState,
  event: Extract<GatewayEvent, { kind: 'balances' }>,
  nowMs: number,
): GatewayEffect[] {
  const check = state.balances;
  check.isOut = false;
  check.dueAtMs = nowMs + AGAIN_MS;
  const { balances, askedAtMs, epoch } = event;
  if (balances === null || state.ledger === null) return [];
  const found = differences(balances, expected(state.ledger, state.unbooked.values()), assetsHere(state));
  const effects = weighMissing(state, found, askedAtMs, nowMs);
  if (!isQuiet(state) || epoch !== state.epoch) {
    check.dueAtMs = nowMs + LOOK_AGAIN_MS;
    return effects;
  }
  state.counts.reconciliations++;
  return [
    ...effects,
    ...onOwed(state, balances),
    ...compare(state, skippingForPerson(state, found), askedAtMs, nowMs),
  ];
}

function assetsHere(state: GatewayState): Set<AssetId> {
  return new Set([...state.instruments].flatMap((id) => Object.values(assetsOf(id))));
}

/** The balance of both coins agrees without the order: it was never placed. If not, its fills are looked for. */
function weighMissing(
  state: GatewayState,
  found: Differences,
  askedAtMs: number,
  nowMs: number,
): GatewayEffect[] {
  const missing = state.orders
    .unsettled()
    .filter((order) => isMissing(order) && askedAtMs >= order.inquiry.lastNotFoundAtMs)
    .sort((a, b) => a.sentAtMs - b.sentAtMs);
  const isAsked = new Set<string>();
  return missing.flatMap((order) => {
    const { instrument } = order.name;
    const { base, quote } = assetsOf(instrument);
    if (!found.has(base) && !found.has(quote)) return onProvenAbsent(state, order, nowMs);
    // The fills of a market since the oldest of them are those of all: many questions would leave no budget for look-ups.
    const what = order.exchangeOrderId ?? instrument;
    if (isAsked.has(what)) return [];
    isAsked.add(what);
    return [fillsQuestion(order)];
  });
}

function onOwed(state: GatewayState, balances: readonly BalanceWord[]): GatewayEffect[] {
  const owed = balances.filter(({ borrowed }) => !new Decimal(borrowed).isZero()).map(({ asset }) => asset);
  const isNew = owed.length > 0 && state.borrowed.length === 0;
  state.borrowed = owed.slice(0, 16);
  return isNew ? [alert(state, 'ACCOUNT_BORROWS', owed.join(', '))] : [];
}

/** What an order for a person may have moved is held anyway. */
function skippingForPerson(state: GatewayState, found: Map<AssetId, Decimal>): Differences {
  for (const order of state.orders.unsettled())
    for (const asset of Object.values(assetsOf(order.name.instrument))) found.delete(asset);
  return found;
}

function compare(state: GatewayState, found: Differences, askedAtMs: number, nowMs: number): GatewayEffect[] {
  const check = state.balances;
  if (found.size === 0) {
    state.mismatch = null;
    state.unexplained = found;
    state.cleanAtMs = askedAtMs;
    onHaltedBalances(state, true, askedAtMs);
    good(state, check, askedAtMs, nowMs);
    return [];
  }
  const { mismatch } = state;
  const isSame = mismatch !== null && differencesText(mismatch.found) === differencesText(found);
  const seen = isSame ? mismatch.seen + 1 : 1;
  state.mismatch = { found, seen };
  if (seen >= BELIEVED_AFTER) return believed(state, found, askedAtMs, nowMs);
  check.dueAtMs = nowMs + LOOK_AGAIN_MS;
  return seen === ASK_WHY_AFTER ? askWhy(state, found, nowMs) : [];
}

function askWhy(state: GatewayState, found: Differences, nowMs: number): GatewayEffect[] {
  const sinceMs = Math.max(
    0,
    state.cleanAtMs === null ? nowMs - FIRST_HISTORY_MS : state.cleanAtMs - HISTORY_BEFORE_MS,
  );
  const markets = [...state.instruments].filter((id) =>
    Object.values(assetsOf(id)).some((asset) => found.has(asset)),
  );
  return [
    { kind: 'readTransfers', sinceMs },
    ...markets.slice(0, MARKETS_ASKED).map((instrument): GatewayEffect => ({
      kind: 'readFills',
      clientOrderId: null,
      instrument,
      exchangeOrderId: null,
      sinceMs,
    })),
  ];
}

/** Nothing explains it: its assets stop, and the others go on. */
function believed(
  state: GatewayState,
  found: Differences,
  askedAtMs: number,
  nowMs: number,
): GatewayEffect[] {
  const isNew = differencesText(state.unexplained) !== differencesText(found);
  state.unexplained = found;
  onHaltedBalances(state, false, askedAtMs);
  good(state, state.balances, askedAtMs, nowMs);
  return isNew ? [alert(state, 'BALANCE_UNEXPLAINED', differencesText(found))] : [];
}

/** Deposits and withdrawals that explain a difference to the last digit are booked; the comparison after that is clean. */
export function onTransfers(
  state: GatewayState,
  transfers: readonly TransferWord[] | null,
  nowMs: number,
): GatewayEffect[] {
  const found = state.mismatch?.found ?? new Map<AssetId, Decimal>();
  const { toldTransfers: told } = state;
  const fresh = (transfers ?? []).filter((one) => (told.get(flowIdOf(one)) ?? 0) < MAX_TELLINGS);
  const effects: GatewayEffect[] = [];
  for (const [asset, difference] of found) {
    const explaining = transfersFor(
      difference,
      fresh.filter((one) => one.asset === asset),
    );
    for (const one of explaining ?? []) {
      const flowId = flowIdOf(one);
      told.set(flowId, (told.get(flowId) ?? 0) + 1);
      if (told.size > MAX_TOLD) told.delete(told.keys().next().value!);
      const flow = { flowId, kind: 'transfer' as const, asset, amount: one.amount, reason: directionOf(one) };
      effects.push({ kind: 'externalFlow', flow: { exchange: state.exchange, ...flow, atMs: nowMs } });
    }
  }
  if (effects.length > 0) state.mismatch = null;
  return effects;
}

const directionOf = ({ amount }: TransferWord): string => (amount.startsWith('-') ? 'withdrawal' : 'deposit');

/** Exchanges count deposits and withdrawals apart, so that an id alone may mean either. */
const flowIdOf = (one: TransferWord): string => `${directionOf(one)}:${one.transferId}`;

/** A person says that the difference is as it should be: it becomes an external flow, and is compared again. */
export function onAdopt(
  state: GatewayState,
  event: Extract<GatewayEvent, { kind: 'adopt' }>,
  nowMs: number,
): GatewayEffect[] {
  const difference = state.unexplained.get(event.asset);
  if (difference === undefined) return [];
  const flow: ExternalFlow = {
    exchange: state.exchange,
    flowId: event.flowId,
    kind: 'adopted',
    asset: event.asset,
    amount: toText(difference),
    reason: `adopted by ${event.by}`.slice(0, 200),
    atMs: nowMs,
  };
  state.balances.dueAtMs = nowMs + LOOK_AGAIN_MS;
  return [{ kind: 'externalFlow', flow }];
}

/** What the ledger has changes the question, not only the answer. */
export function onLedger(
  state: GatewayState,
  holdings: Extract<GatewayEvent, { kind: 'ledger' }>['holdings'],
): GatewayEffect[] {
  const next = amountsOf(holdings);
  const isSame =
    state.ledger !== null &&
    next.size === state.ledger.size &&
    [...next].every(([asset, amount]) => state.ledger?.get(asset)?.equals(amount) === true);
  state.ledger = next;
  if (!isSame) state.epoch++;
  return [];
}

export function onBooked(state: GatewayState, tradeId: string): GatewayEffect[] {
  state.booked.add(tradeId);
  if (state.unbooked.delete(tradeId)) state.epoch++;
  return [];
}

/** What happened while it was away was not told: everything is compared again, and no order waits for a push. */
export function onStream(state: GatewayState, isUp: boolean, reason: string, nowMs: number): GatewayEffect[] {
  state.isStreamUp = isUp;
  state.streamReason = reason;
  if (!isUp) return [];
  deny(state, nowMs);
  state.fills.dueAtMs = nowMs;
  for (const order of state.orders.unsettled()) state.orders.set(planned(order, nowMs, 'asked'));
  return [];
}
