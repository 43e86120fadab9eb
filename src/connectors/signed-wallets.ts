import type { ResolvedAsset } from '../market/asset-registry.js';
import type { NetworkStatus } from '../market/wallet.js';
import type { DecimalText, ExchangeId } from '../messages/primitives.js';
import * as f from './fields.js';
import { FrameError } from './frame-error.js';

/** Deposits and withdrawals per network of the exchanges that tell them only with a key. */

export type AssetLookup = (
  exchange: ExchangeId,
  ticker: string,
) => Pick<ResolvedAsset, 'asset' | 'identityKnown'>;

/** These lists name every coin of the exchange. */
export const WALLET_BODY_BYTES = 16 << 20;

const MAX_COINS = 20_000;
const MAX_NETWORKS = 256;

interface Placed {
  readonly exchange: ExchangeId;
  readonly lookup: AssetLookup;
}

/** A coin that cannot be read is left out, and then nothing is known of it: that is `unknown`, never open. */
function readable(
  rows: readonly unknown[],
  read: (row: f.Fields, path: string) => NetworkStatus[],
): NetworkStatus[] {
  return rows.flatMap((row, index) => {
    try {
      return read(f.asFields(row, `[${index}]`), `[${index}].`);
    } catch (error) {
      if (error instanceof FrameError) return [];
      throw error;
    }
  });
}

const named = (ticker: string, { exchange, lookup }: Placed) => {
  const { asset, identityKnown } = lookup(exchange, ticker);
  return { exchange, ticker, asset, identityKnown };
};

/** Empty and "0" mean different things; what is no number means that nobody says. */
function amountOrNull(row: f.Fields, key: string, path: string): DecimalText | null {
  const value = f.member(row, key);
  return value === '' || value === null || value === undefined ? null : f.unsignedTextAt(row, key, path);
}

function countOrNull(value: unknown): number | null {
  const count = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : null;
}

/** `GET /sapi/v1/capital/config/getall` [C]: coins with a `networkList`. */
export function binanceNetworks(value: unknown, lookup: AssetLookup): NetworkStatus[] {
  if (!Array.isArray(value)) throw new FrameError('answer', 'an array', value);
  return readable(value.slice(0, MAX_COINS), (row, path) => {
    const coin = named(f.symbolAt(row, 'coin', path), { exchange: 'binance', lookup });
    return f.listAt(row, 'networkList', path, MAX_NETWORKS).map((one, index) => {
      const at = `${path}networkList[${index}].`;
      const network = f.asFields(one, at.slice(0, -1));
      return {
        ...coin,
        network: f.symbolAt(network, 'network', at),
        canDeposit: f.booleanAt(network, 'depositEnable', at),
        canWithdraw: f.booleanAt(network, 'withdrawEnable', at),
        withdrawFee: amountOrNull(network, 'withdrawFee', at),
        minWithdraw: amountOrNull(network, 'withdrawMin', at),
        confirmations: countOrNull(f.member(network, 'minConfirm')),
      };
    });
  });
}

/** `GET /api/v5/asset/currencies` [O]: one row per coin and chain, the chain written `USDT-TRC20`. */
export function okxNetworks(data: readonly unknown[], lookup: AssetLookup): NetworkStatus[] {
  return readable(data.slice(0, MAX_COINS), (row, path) => [
    {
      ...named(f.symbolAt(row, 'ccy', path), { exchange: 'okx', lookup }),
      network: f.textAt(row, 'chain', path),
      canDeposit: f.booleanAt(row, 'canDep', path),
      canWithdraw: f.booleanAt(row, 'canWd', path),
      withdrawFee: okxFee(row, path),
      minWithdraw: amountOrNull(row, 'minWd', path),
      confirmations: countOrNull(f.member(row, 'minDepArrivalConfirm')),
    },
  ]);
}

/** With a share that is burned no fixed fee is the whole truth; older answers call the fee `minFee` [C]. */
function okxFee(row: f.Fields, path: string): DecimalText | null {
  const burned = amountOrNull(row, 'burningFeeRate', path);
  if (burned !== null && Number(burned) > 0) return null;
  return amountOrNull(row, 'fee', path) ?? amountOrNull(row, 'minFee', path);
}

/** `GET /v5/asset/coin/query-info` [O]: `chainDeposit` and `chainWithdraw` are "0" or "1"; an empty fee = no withdrawals. */
export function bybitNetworks(result: f.Fields, lookup: AssetLookup): NetworkStatus[] {
  const coins = f.listAt(result, 'rows', 'result.', MAX_COINS);
  return readable(coins, (row, path) => {
    const coin = named(f.symbolAt(row, 'coin', path), { exchange: 'bybit', lookup });
    return f.listAt(row, 'chains', path, MAX_NETWORKS).map((one, index) => {
      const at = `${path}chains[${index}].`;
      const chain = f.asFields(one, at.slice(0, -1));
      const fee = amountOrNull(chain, 'withdrawFee', at);
      const share = amountOrNull(chain, 'withdrawPercentageFee', at);
      return {
        ...coin,
        network: f.textAt(chain, 'chain', at),
        canDeposit: switchAt(chain, 'chainDeposit', at),
        canWithdraw: switchAt(chain, 'chainWithdraw', at) && fee !== null,
        withdrawFee: share === null || Number(share) === 0 ? fee : null,
        minWithdraw: amountOrNull(chain, 'withdrawMin', at),
        confirmations: countOrNull(f.member(chain, 'confirmation')),
      };
    });
  });
}

function switchAt(row: f.Fields, key: string, path: string): boolean {
  const value = f.member(row, key);
  if (value !== '0' && value !== '1') throw new FrameError(path + key, "'0' or '1'", value);
  return value === '1';
}

/** What `wallet_state` lets in and out [O]; every other word lets nothing. */
const UPBIT_STATES: Readonly<Record<string, readonly [canDeposit: boolean, canWithdraw: boolean]>> = {
  working: [true, true],
  deposit_only: [true, false],
  withdraw_only: [false, true],
};

/** `GET /v1/status/wallet` [O]: one row per currency and network; it tells no fees. */
export function upbitNetworks(value: unknown, lookup: AssetLookup): NetworkStatus[] {
  if (!Array.isArray(value)) throw new FrameError('answer', 'an array', value);
  return readable(value.slice(0, MAX_COINS), (row, path) => {
    const state = f.textAt(row, 'wallet_state', path);
    const [canDeposit, canWithdraw] = Object.hasOwn(UPBIT_STATES, state)
      ? UPBIT_STATES[state]!
      : [false, false];
    const ticker = f.symbolAt(row, 'currency', path);
    const network = f.member(row, 'net_type');
    return [
      {
        ...named(ticker, { exchange: 'upbit', lookup }),
        network: typeof network === 'string' && network !== '' ? network : ticker,
        canDeposit,
        canWithdraw,
        withdrawFee: null,
        minWithdraw: null,
        confirmations: null,
      },
    ];
  });
}
