import type { AccountTerms } from '../actors/instrument-watch.js';
import { PrivateRest } from '../actors/private-rest.js';
import type { TradingConfig } from '../config/index.js';
import type { ExchangeAnswer, PrivateCall, RowsAnswer } from '../connectors/order-entry.js';
import { restLimiterOf } from '../connectors/limit-answers.js';
import type { AccountRates } from '../market/account-rates.js';
import { curatedRegistry } from '../market/asset-registry.js';
import type { Instrument } from '../market/instrument.js';
import { ArbotError } from '../messages/errors.js';
import type { ExchangeId } from '../messages/primitives.js';
import { signedAccountOf } from './gateways.js';
import type { NodeContext } from './node-context.js';
import { enabledExchanges, withConfiguredFee } from './parameters.js';

/** How long a question about terms waits for budget: nothing hangs on the answer. */
const WAIT_MS = 30_000;

/** Exchanges whose own rates decide. */
export function feeAskedOf(trading: TradingConfig): ExchangeId[] {
  return enabledExchanges(trading).flatMap(([exchange, { feeSource }]) =>
    feeSource === 'account' ? [exchange] : [],
  );
}

/** Whether anything hangs on the state of wallets that are told with a key only. */
export function walletsAsked({ inventory, transfers }: TradingConfig): boolean {
  return inventory.unrefillable === 'reserve' || transfers.batchNotional !== undefined;
}

/** The questions to an exchange's account; null where there is none, and orders are pretended. */
export function accountTermsOf(
  context: NodeContext,
  exchange: ExchangeId,
  signal: AbortSignal,
): AccountTerms | null {
  const { market, http, random } = context.parts;
  const connector = market.connectors.find((one) => one.exchange === exchange);
  const signed = connector === undefined ? null : signedAccountOf(market, connector);
  if (signed === null) return null;
  const { orders: entry } = signed.connector;
  const rest = new PrivateRest({
    ...{ exchange, entry, http, random, signal },
    credentials: signed.account.credentials,
    restUrl: signed.connector.endpoints.restUrl,
    limiter: context.markets.get(exchange)?.limiter ?? restLimiterOf(signed.connector),
    clock: market.time,
    timers: market.time,
    clockOffsetMs: () => context.clockOffsetMs(exchange),
  });
  const ask = async <Row>(
    call: PrivateCall,
    parse: (answer: ExchangeAnswer) => RowsAnswer<Row>,
  ): Promise<readonly Row[]> => rowsOf(exchange, parse(await rest.ask(call, 'background', WAIT_MS)));
  const { wallets } = entry;
  const lookup = (of: ExchangeId, ticker: string) => curatedRegistry.resolve(of, ticker);
  return {
    feeRates: async (symbol) => {
      const [rate] = await ask(entry.feeRates(symbol), (answer) => entry.parseFeeRates(answer, symbol));
      if (rate === undefined) throw unreadable(exchange, `no rate of ${symbol}`);
      return rate;
    },
    wallets:
      wallets === undefined
        ? null
        : async () => ({
            networks: await ask(wallets.call(), (answer) => wallets.parse(answer, lookup)),
            refused: [],
          }),
  };
}

function rowsOf<Row>(exchange: ExchangeId, answer: RowsAnswer<Row>): readonly Row[] {
  if (answer.kind === 'rows') return answer.rows;
  if (answer.kind === 'refused') throw unreadable(exchange, `${answer.code} ${answer.reason}`);
  throw unreadable(exchange, answer.kind);
}

const unreadable = (exchange: ExchangeId, said: string): ArbotError =>
  new ArbotError('ARB_EXCHANGE_ERROR', `${exchange}: ${said.slice(0, 200)}`);

/**
 * The instrument on the terms of its account. Where the exchange's own rates decide and it has not told them yet, the market is not
 * traded: a rate out of a table is no rate (PROTOCOLS §11.1).
 */
export function onAccountTerms(
  trading: TradingConfig,
  rates: AccountRates,
  instrument: Instrument,
): Instrument {
  if (trading.exchanges[instrument.exchange]?.feeSource !== 'account')
    return withConfiguredFee(trading, instrument);
  const rate = rates.of(instrument.exchange, instrument.symbol);
  const known = withConfiguredFee(trading, instrument, rate);
  return rate === null && known.state === 'trading' ? { ...known, state: 'unknown' } : known;
}
