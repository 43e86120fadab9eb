import type { SimulatedMarket } from '../market.js';
import type { TradingExchange } from './desk-rules.js';

/** Whether a simulated exchange lets an asset in and out over one of its networks. */
export interface SimulatedNetwork {
  readonly asset: string;
  /** As this exchange spells it. */
  readonly network: string;
  readonly canDeposit: boolean;
  readonly canWithdraw: boolean;
  /** In units of the asset. */
  readonly withdrawFee: string;
}

interface Chain {
  /** By exchange; another exchange spells it as `plain`. */
  readonly plain: string;
  readonly okx: string;
  readonly withdrawFee: string;
}

const chain = (plain: string, okx: string, withdrawFee: string): Chain => ({ plain, okx, withdrawFee });

/** Networks and fees of the assets that are traded most (PROTOCOLS §11.4); any other has one of its own name. */
const CHAINS: Readonly<Record<string, readonly Chain[]>> = {
  USDT: [chain('TRX', 'USDT-TRC20', '1'), chain('ETH', 'USDT-ERC20', '3.82')],
  BTC: [chain('BTC', 'BTC-Bitcoin', '0.00017')],
  ETH: [chain('ETH', 'ETH-ERC20', '0.001')],
  XRP: [chain('XRP', 'XRP-Ripple', '0.2')],
  SOL: [chain('SOL', 'SOL-Solana', '0.008')],
  DOGE: [chain('DOGE', 'DOGE-Dogecoin', '4')],
};

/** Accounts in won are filled by a bank: they have no networks (TRADING §9). */
const WITHOUT_NETWORKS = new Set(['KRW']);

/** The wallets of one simulated exchange; all are open until somebody closes them. */
export class WalletNetworks {
  private readonly exchange: TradingExchange;
  private readonly assets: readonly string[];
  private readonly closed = new Map<
    string,
    { readonly canDeposit: boolean; readonly canWithdraw: boolean }
  >();

  constructor(exchange: TradingExchange, markets: ReadonlyMap<string, SimulatedMarket>) {
    this.exchange = exchange;
    const listed = [...markets.values()].flatMap(({ listing }) => [listing.base, listing.quote]);
    this.assets = [...new Set(listed)].filter((asset) => !WITHOUT_NETWORKS.has(asset));
  }

  /** Opens or closes every network of an asset. */
  set(asset: string, state: { readonly canDeposit: boolean; readonly canWithdraw: boolean }): void {
    this.closed.set(asset, state);
  }

  /** One after the other, assets in the order of the markets. */
  all(): readonly SimulatedNetwork[] {
    return this.assets.flatMap((asset) => this.of(asset));
  }

  byAsset(): readonly { readonly asset: string; readonly networks: readonly SimulatedNetwork[] }[] {
    return this.assets.map((asset) => ({ asset, networks: this.of(asset) }));
  }

  private of(asset: string): SimulatedNetwork[] {
    const state = this.closed.get(asset) ?? { canDeposit: true, canWithdraw: true };
    const chains = CHAINS[asset] ?? [chain(asset, `${asset}-${asset}`, '1')];
    return chains.map(({ plain, okx, withdrawFee }) => ({
      ...{ asset, withdrawFee, ...state },
      network: this.exchange === 'okx' ? okx : plain,
    }));
  }
}

/** Rows as `GET /sapi/v1/capital/config/getall` has them. */
export function binanceCoins(wallets: WalletNetworks): object[] {
  return wallets.byAsset().map(({ asset, networks }) => ({
    coin: asset,
    depositAllEnable: networks.some(({ canDeposit }) => canDeposit),
    withdrawAllEnable: networks.some(({ canWithdraw }) => canWithdraw),
    name: asset,
    networkList: networks.map(({ network, canDeposit, canWithdraw, withdrawFee }, index) => ({
      network,
      coin: asset,
      isDefault: index === 0,
      depositEnable: canDeposit,
      withdrawEnable: canWithdraw,
      withdrawFee,
      withdrawMin: withdrawFee,
      minConfirm: 1,
      unLockConfirm: 2,
    })),
  }));
}

/** Rows as `GET /api/v5/asset/currencies` has them. */
export function okxCurrencies(wallets: WalletNetworks): Record<string, unknown>[] {
  return wallets.all().map(({ asset, network, canDeposit, canWithdraw, withdrawFee }) => ({
    ccy: asset,
    chain: network,
    canDep: canDeposit,
    canWd: canWithdraw,
    canInternal: true,
    fee: withdrawFee,
    minFee: withdrawFee,
    minWd: withdrawFee,
    burningFeeRate: '',
    minDepArrivalConfirm: '1',
    minWdUnlockConfirm: '2',
    needTag: false,
  }));
}

/** The result of `GET /v5/asset/coin/query-info`. */
export function bybitCoins(wallets: WalletNetworks): { readonly rows: readonly object[] } {
  const flag = (isOn: boolean): string => (isOn ? '1' : '0');
  return {
    rows: wallets.byAsset().map(({ asset, networks }) => ({
      name: asset,
      coin: asset,
      remainAmount: '',
      chains: networks.map(({ network, canDeposit, canWithdraw, withdrawFee }) => ({
        chainType: network,
        chain: network,
        chainDeposit: flag(canDeposit),
        chainWithdraw: flag(canWithdraw),
        withdrawFee,
        withdrawPercentageFee: '0',
        withdrawMin: withdrawFee,
        minAccuracy: '8',
        confirmation: '1',
        safeConfirmNumber: '2',
      })),
    })),
  };
}

/** Rows as `GET /v1/status/wallet` of Upbit has them. */
export function upbitWallets(wallets: WalletNetworks): object[] {
  return wallets.all().map(({ asset, network, canDeposit, canWithdraw }) => ({
    currency: asset,
    wallet_state: upbitState(canDeposit, canWithdraw),
    block_state: 'normal',
    net_type: network,
    network_name: network,
  }));
}

function upbitState(canDeposit: boolean, canWithdraw: boolean): string {
  if (canDeposit) return canWithdraw ? 'working' : 'deposit_only';
  return canWithdraw ? 'withdraw_only' : 'paused';
}
