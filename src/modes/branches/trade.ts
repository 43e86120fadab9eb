import { feeMarksOf } from '../../actors/board-reading.js';
import { gateActor } from '../../actors/gate.js';
import { ledgerActor } from '../../actors/ledger.js';
import { sagaActor } from '../../actors/saga.js';
import type { TradeFence } from '../../actors/trade-fence.js';
import { LEASE_HOLD, type Candidacy } from '../../actors/trade-lease.js';
import { MEMBERSHIP_HOLD } from '../../cluster/membership-actor.js';
import type { ExchangeId } from '../../messages/primitives.js';
import type { LimitOverrides } from '../../messages/risk-control.js';
import type { Stores } from '../../ports/stores.js';
import { paysInCoin } from '../edge-terms.js';
import { gatewaysOf, longestExpiryMs, orderRoomOf } from '../gateways.js';
import type { NodeContext } from '../node-context.js';
import {
  ANSWER_TIMEOUT_MS,
  exchangeFactsOf,
  legPoliciesOf,
  openingsOf,
  riskLimitsOf,
  SAGA_POLICY,
} from '../parameters.js';
import { tradeLeaseOf } from '../trade-lease.js';
import { erased, type TradeActors } from '../tree.js';

/** The longest pause is part of how long a store that is back is not noticed. */
const RETRY = { minMs: 100, maxMs: 2_000 };

/**
 * What can spend money: it runs once, together, under the lease `trade` (decision 0004). `candidacy`: of a node that is one
 * of several, null = this node is alone.
 */
export function tradeOf(
  context: NodeContext,
  stores: Stores,
  candidacy: Candidacy | null,
): { readonly actors: TradeActors; readonly fence: TradeFence } {
  const { bus, board, parts, clockOffsetMs, clockSkewMs } = context;
  const { options, market, mode, seal } = parts;
  const trading = options.tradingConfig;
  const shared = { bus, board };
  const lease = tradeLeaseOf({
    ...{ bus, stores, candidacy, random: parts.random },
    time: context.machine,
    holder: options.node.name,
    maxExpiryMs: longestExpiryMs(market),
  });
  const { fence } = lease;
  const limits = riskLimitsOf(trading, mode);
  const limiterOf = (exchange: ExchangeId) => context.markets.get(exchange)?.limiter;
  const actors = {
    lease: lease.actor,
    ledger: erased(ledgerActor({ bus, store: stores.ledger, openings: openingsOf(trading), retry: RETRY })),
    gate: erased(
      gateActor(
        context.live({
          ...shared,
          node: options.node.name,
          heldUntilHeard: candidacy === null ? [] : [MEMBERSHIP_HOLD, LEASE_HOLD],
          limits,
          limitsWith: (overrides: LimitOverrides) => context.limitChanges?.limitsWith(overrides) ?? limits,
          seal,
          settings: stores.settings,
          halts: context.halts,
          trades: stores.trades,
          signals: stores.signals,
          ledger: stores.ledger,
          announceOpportunities: false,
          retry: RETRY,
          clockOffsetMs,
          clockSkewMs,
        }),
      ),
    ),
    gateways: gatewaysOf({
      ...{ bus, board, market, trading, stores, fence, seal, clockOffsetMs },
      halts: context.halts,
      http: parts.http,
      sockets: parts.sockets,
      instruments: () => context.instruments(),
      limiterOf,
    }),
    saga: erased(
      sagaActor(
        context.live({
          ...shared,
          stores,
          fence,
          policy: SAGA_POLICY,
          legPolicies: legPoliciesOf(trading),
          exchanges: exchangeFactsOf(trading, market.connectors),
          emergency: context.emergency,
          orderRoom: orderRoomOf({ market, limiterOf }),
          answerTimeoutMs: ANSWER_TIMEOUT_MS,
          retry: RETRY,
          announceOpportunities: false,
          carriesPositions: trading.strategies.statistical !== 'off',
          ...(paysInCoin(trading) && { feeMarks: () => feeMarksOf(board, context.instruments()) }),
        }),
      ),
    ),
  };
  return { actors, fence };
}
