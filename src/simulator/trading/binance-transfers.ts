import { atomsText } from './atoms.js';
import type { DeskTransfer } from './desk-types.js';

/** Rows of Binance's deposit and withdrawal histories; every one is finished, and no fee was taken. */

const DEPOSIT_SUCCESS = 1;
const WITHDRAWAL_COMPLETED = 6;

export const depositRow = ({ id, asset, amount }: DeskTransfer, stampMs: number): object => ({
  id,
  amount: atomsText(amount),
  coin: asset,
  network: asset,
  status: DEPOSIT_SUCCESS,
  address: `simulated-${asset}`,
  addressTag: '',
  txId: id,
  insertTime: stampMs,
  transferType: 0,
  confirmTimes: '1/1',
  unlockConfirm: 0,
  walletType: 0,
});

export const withdrawalRow = ({ id, asset, amount }: DeskTransfer, stampMs: number): object => ({
  id,
  amount: atomsText(-amount),
  transactionFee: '0',
  coin: asset,
  status: WITHDRAWAL_COMPLETED,
  address: `simulated-${asset}`,
  txId: id,
  applyTime: dateText(stampMs),
  network: asset,
  transferType: 0,
  info: '',
  confirmNo: 1,
  walletType: 0,
  txKey: '',
  completeTime: dateText(stampMs),
});

/** `2019-10-12 11:12:02`, UTC. */
const dateText = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
