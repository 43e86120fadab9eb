/** What the trader's key may do at a simulated exchange, and how each exchange tells it. Set-up and tests change it. */
export interface KeyRights {
  canTrade: boolean;
  canWithdraw: boolean;
  /** Empty = the key works from everywhere. */
  addresses: readonly string[];
  /** Unix ms of the exchange's clock; told where keys end. */
  expiresAtMs: number;
}

const YEAR_MS = 365 * 86_400_000;

export const tradingOnly = (nowMs: number): KeyRights => ({
  canTrade: true,
  canWithdraw: false,
  addresses: ['127.0.0.1'],
  expiresAtMs: nowMs + YEAR_MS,
});

/** `GET /sapi/v1/account/apiRestrictions`. */
export const binanceRights = ({ canTrade, canWithdraw, addresses }: KeyRights, createTime: number) => ({
  ipRestrict: addresses.length > 0,
  createTime,
  enableReading: true,
  enableSpotAndMarginTrading: canTrade,
  enableWithdrawals: canWithdraw,
  enableInternalTransfer: false,
  enableMargin: false,
  enableFutures: false,
  permitsUniversalTransfer: false,
  enableVanillaOptions: false,
  enablePortfolioMarginTrading: false,
  enableFixApiTrade: false,
  enableFixReadOnly: false,
});

/** `GET /api/v5/account/config`. */
export const okxRights = ({ canTrade, canWithdraw, addresses }: KeyRights, uid: string) => ({
  uid,
  mainUid: uid,
  acctLv: '1',
  posMode: 'net_mode',
  autoLoan: false,
  enableSpotBorrow: false,
  label: 'arbot',
  perm: ['read_only', ...(canTrade ? ['trade'] : []), ...(canWithdraw ? ['withdraw'] : [])].join(','),
  ip: addresses.join(','),
  roleType: '0',
  type: '0',
});

/** `GET /v5/user/query-api`. */
export const bybitRights = (
  { canTrade, canWithdraw, addresses, expiresAtMs }: KeyRights,
  apiKey: string,
) => ({
  id: '13770661',
  note: 'arbot',
  apiKey,
  readOnly: canTrade || canWithdraw ? 0 : 1,
  secret: '',
  permissions: {
    ContractTrade: [],
    Spot: canTrade ? ['SpotTrade'] : [],
    Wallet: ['AccountTransfer', ...(canWithdraw ? ['Withdraw'] : [])],
    Options: [],
    Derivatives: [],
    Exchange: [],
  },
  ips: addresses.length > 0 ? addresses : ['*'],
  type: 1,
  // Keys that work from everywhere end [O].
  expiredAt: addresses.length > 0 ? '' : `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z`,
  uta: 1,
  unified: 0,
});

/** `GET /v1/api_keys`: all keys of the account. */
export const upbitRights = ({ expiresAtMs }: KeyRights, apiKey: string) => [
  { access_key: 'another-key-of-the-same-account', expire_at: '2030-01-01T09:00:00+09:00' },
  { access_key: apiKey, expire_at: new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, '+00:00') },
];

/** `GET /api/v1/user/api-key` of KuCoin. */
export const kucoinRights = ({ canTrade, canWithdraw, addresses }: KeyRights, apiKey: string) => ({
  remark: 'arbot',
  apiKey,
  apiVersion: 2,
  permission: ['General', ...(canTrade ? ['Spot'] : []), ...(canWithdraw ? ['Transfer'] : [])].join(','),
  ipWhitelist: addresses.join(','),
  createdAt: 1_700_000_000_000,
  uid: 165_111_215,
  isMaster: true,
});

/** `GET /api/v4/account/detail` of Gate: nothing of rights. */
export const gateRights = ({ addresses }: KeyRights) => ({
  user_id: 3_497_082,
  ip_whitelist: addresses,
  currency_pairs: [],
  tier: 0,
  key: { mode: 1 },
  copy_trading_role: 0,
});
