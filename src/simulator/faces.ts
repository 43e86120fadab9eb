import { BinanceFace } from './binance-face.js';
import { BitgetFace } from './bitget-face.js';
import { BithumbFace } from './bithumb-face.js';
import { BybitFace } from './bybit-face.js';
import type { FaceOptions } from './face.js';
import { GateFace } from './gate-face.js';
import { KucoinFace } from './kucoin-face.js';
import { OkxFace } from './okx-face.js';
import type { SimulatedExchange } from './listings.js';
import type { SimulatedAccount } from './trading/simulated-account.js';
import { UpbitFace } from './upbit-face.js';

export type AnyFace =
  BinanceFace | OkxFace | BybitFace | GateFace | BitgetFace | KucoinFace | UpbitFace | BithumbFace;

/** The faces of the exchanges that are part of a world. */
export interface Faces {
  readonly binance?: BinanceFace;
  readonly okx?: OkxFace;
  readonly bybit?: BybitFace;
  readonly gate?: GateFace;
  readonly bitget?: BitgetFace;
  readonly kucoin?: KucoinFace;
  readonly upbit?: UpbitFace;
  readonly bithumb?: BithumbFace;
}

export type Accounts = Readonly<Partial<Record<SimulatedExchange, SimulatedAccount>>>;

/** The accounts of those faces on which one can trade. */
export function accountsOf(faces: Faces): Accounts {
  const known = Object.values(faces).map((face: AnyFace) => [face.exchange, face.account] as const);
  return Object.fromEntries(known.filter(([, account]) => account !== null));
}

/** The face of each exchange over one world. */
export function createFaces(options: FaceOptions): Faces {
  const { exchanges } = options.world;
  return {
    ...(exchanges.includes('binance') ? { binance: new BinanceFace(options) } : {}),
    ...(exchanges.includes('okx') ? { okx: new OkxFace(options) } : {}),
    ...(exchanges.includes('bybit') ? { bybit: new BybitFace(options) } : {}),
    ...(exchanges.includes('gate') ? { gate: new GateFace(options) } : {}),
    ...(exchanges.includes('bitget') ? { bitget: new BitgetFace(options) } : {}),
    ...(exchanges.includes('kucoin') ? { kucoin: new KucoinFace(options) } : {}),
    ...(exchanges.includes('upbit') ? { upbit: new UpbitFace(options) } : {}),
    ...(exchanges.includes('bithumb') ? { bithumb: new BithumbFace(options) } : {}),
  };
}
