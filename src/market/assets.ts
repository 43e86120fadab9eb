/**
 * The curated assets. One line per asset: canonical id, and the identity that settles what it is: `native:<chain>` for a
 * chain's own coin, `<chain>/<kind>:<contract>` for tokens (CAIP-2 chain names; contracts in lower case on EVM chains),
 * `fiat:<ISO 4217>` for money. Tickers are names only; the identity is what two exchanges must agree on.
 */
export interface CuratedAsset {
  readonly id: string;
  readonly identity: string;
  /** Exchanges where the plain ticker is known to mean this asset; absent = all eight. */
  readonly only?: readonly string[];
  /** Exchanges where the plain ticker means, or has meant, something else. */
  readonly except?: readonly string[];
  /** Other names: exchange, its ticker, and how many canonical units one unit of that ticker is (default 1). */
  readonly aliases?: readonly {
    readonly exchange: string;
    readonly ticker: string;
    readonly units?: string;
  }[];
}

const asset = (
  id: string,
  identity: string,
  more: Omit<CuratedAsset, 'id' | 'identity'> = {},
): CuratedAsset => ({
  id,
  identity,
  ...more,
});
const native = (id: string, chain: string, more = {}): CuratedAsset => asset(id, `native:${chain}`, more);
const erc20 = (id: string, contract: string, more = {}): CuratedAsset =>
  asset(id, `eip155:1/erc20:${contract}`, more);
const spl = (id: string, mint: string, more = {}): CuratedAsset => asset(id, `solana/token:${mint}`, more);

const KOREAN = ['upbit', 'bithumb'];

export const CURATED_ASSETS: readonly CuratedAsset[] = [
  asset('KRW', 'fiat:KRW', { only: KOREAN }),
  // Stablecoins: the issuer is the identity; the chains they live on are routes for the rebalancer.
  erc20('USDT', '0xdac17f958d2ee523a2206206994597c13d831ec7'),
  erc20('USDC', '0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48'),
  erc20('DAI', '0x6b175474e89094c44da98b954eedeac495271d0f'),
  native('BTC', 'bitcoin'),
  native('ETH', 'ethereum'),
  native('XRP', 'xrpl'),
  native('SOL', 'solana'),
  native('BNB', 'bnb-smart-chain'),
  native('DOGE', 'dogecoin'),
  native('ADA', 'cardano'),
  native('TRX', 'tron'),
  native('AVAX', 'avalanche-c'),
  // Korean exchanges listed Tokamak Network as TON years before Toncoin came.
  native('TON', 'ton', { except: KOREAN }),
  erc20('TOKAMAK', '0x2be5e8c109e2197d077d13a82daead6a9b3433c5', { only: KOREAN }),
  native('DOT', 'polkadot'),
  native('BCH', 'bitcoin-cash'),
  native('LTC', 'litecoin'),
  native('ETC', 'ethereum-classic'),
  native('XLM', 'stellar'),
  native('NEAR', 'near'),
  native('APT', 'aptos'),
  native('SUI', 'sui'),
  native('ATOM', 'cosmos-hub'),
  native('HBAR', 'hedera'),
  native('ICP', 'internet-computer'),
  native('FIL', 'filecoin'),
  native('VET', 'vechain'),
  native('ALGO', 'algorand'),
  native('XTZ', 'tezos'),
  native('EOS', 'eos'),
  native('NEO', 'neo'),
  native('QTUM', 'qtum'),
  native('EGLD', 'multiversx'),
  native('FLOW', 'flow'),
  native('STX', 'stacks'),
  native('INJ', 'injective'),
  native('SEI', 'sei'),
  native('TIA', 'celestia'),
  native('KAS', 'kaspa'),
  native('THETA', 'theta'),
  native('XMR', 'monero'),
  native('ZEC', 'zcash'),
  native('DASH', 'dash'),
  native('IOTA', 'iota'),
  native('MINA', 'mina'),
  native('KAVA', 'kava'),
  native('ZIL', 'zilliqa'),
  native('ONT', 'ontology'),
  native('WAVES', 'waves'),
  native('CKB', 'nervos'),
  native('BSV', 'bitcoin-sv', { aliases: [{ exchange: 'kucoin', ticker: 'BCHSV' }] }),
  asset('ARB', 'eip155:42161/erc20:0x912ce59144191c1204e64559fe8253a0e49e6548'),
  asset('OP', 'eip155:10/erc20:0x4200000000000000000000000000000000000042'),
  erc20('POL', '0x455e53cbb86018ac2b8092fdcd39d8444affc3f6'),
  erc20('LINK', '0x514910771af9ca656af840dff83e8264ecf986ca'),
  erc20('UNI', '0x1f9840a85d5af5bf1d1762f925bdaddc4201f984'),
  erc20('AAVE', '0x7fc66500c84a76ad7e9c93437bfc5ac33e2ddae9'),
  erc20('MKR', '0x9f8f72aa9304c8b593d555f12ef6589cc3a579a2'),
  erc20('LDO', '0x5a98fcbea516cf06857215779fd812ca3bef1b32'),
  erc20('CRV', '0xd533a949740bb3306d119cc777fa900ba034cd52'),
  erc20('GRT', '0xc944e90c64b2c07662a292be6244bdf05cda44a7'),
  erc20('SAND', '0x3845badade8e6dff049820680d1f14bd3903a5d0'),
  erc20('MANA', '0x0f5d2fb29fb7d3cfee444a200298f468908cc942'),
  erc20('ENS', '0xc18360217d8f7ab5e7c516566761ea12ce7f9d72'),
  erc20('ONDO', '0xfaba6f8e4a5e8ab82f62fe7c39859fa577269be3'),
  erc20('CHZ', '0x3506424f91fd33084466f402d5d97f05f8e3b4af'),
  erc20('WLD', '0x163f8c2467924be0ae7b5347228cabf260318753'),
  erc20('ENA', '0x57e114b691db790c35207b2e685d4a43181e6061'),
  erc20('IMX', '0xf57e7e7c23978c3caec3c3548e3d615c346e79ff'),
  erc20('FET', '0xaea46a60368a7bd060eec7df8cba43b7ef41ad85'),
  erc20('APE', '0x4d224452801aced8b2f0aebe155379bb5d594381'),
  erc20('AXS', '0xbb0e17ef65f82ab018d8edd776e8dd940327b28b'),
  erc20('COMP', '0xc00e94cb662c3520282e6f5717214004a7f26888'),
  erc20('SNX', '0xc011a73ee8576fb46f5e1c5751ca3b9fe0af2a6f'),
  erc20('1INCH', '0x111111111117dc0aa78b770fa6a738034120c302'),
  erc20('BAT', '0x0d8775f648430679a709e98d2b0cb6250d2887ef'),
  erc20('ZRX', '0xe41d2489571d322189246dafa5ebde1f4699f498'),
  erc20('PENDLE', '0x808507121b80c02388fad14726482e061b8da827'),
  erc20('SHIB', '0x95ad61b0a150d79219dcf64e1e6cc01f0b64c4ce'),
  erc20('PEPE', '0x6982508145454ce325ddbe47a25d4ec3d2311933'),
  erc20('FLOKI', '0xcf0c122c6b73ff809c693db761e7baebe62b6a2e'),
  spl('BONK', 'DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263'),
  spl('WIF', 'EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm'),
  spl('JUP', 'JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN'),
  spl('JTO', 'jtojtomepa8beP8AuQc6eXt5FriJwfFMwQx2v2f9mCL'),
  spl('PYTH', 'HZ1JovNiVvGrGNiiYvEozEVgZ58xaU3RKwX8eACQBCt3'),
  spl('TRUMP', '6p6xgHyF7AeE6TZkSmFsko444wqoP15icUSqi2jfGiPN'),
  // Cheap tokens that some exchanges quote in packs; where a pack's plain ticker exists it means one token.
  asset('SATS', 'bitcoin/brc20:sats', {
    only: ['okx', 'bybit', 'gate', 'bitget'],
    aliases: [{ exchange: 'binance', ticker: '1000SATS', units: '1000' }],
  }),
  // `CAT` is Simon's Cat in packs on Binance; elsewhere the plain ticker is shared by several cats, so only packs count.
  asset('CAT', 'eip155:56/erc20:0x6894cde390a3f51155ea41ed24a33a4827d3063d', {
    only: [],
    aliases: [{ exchange: 'binance', ticker: '1000CAT', units: '1000' }],
  }),
  asset('BABYDOGE', 'eip155:56/erc20:0xc748673057861a797275cd8a068abb95a902e8de', {
    only: ['okx', 'kucoin', 'gate', 'bitget'],
    aliases: [{ exchange: 'binance', ticker: '1MBABYDOGE', units: '1000000' }],
  }),
  asset('CHEEMS', 'eip155:56/erc20:0x0df0587216a4a1bb7d5082fdc491d93d2dd4b413', {
    only: [],
    aliases: [{ exchange: 'binance', ticker: '1000CHEEMS', units: '1000' }],
  }),
];
