import type { ApprovedVerdict } from '../messages/risk.js';

/** Half of the port VerdictSeal, for those who only check. */
export interface SealCheck {
  verify(text: string, seal: string): boolean;
}

/**
 * What the seal of an approval covers, as one text: everything that the last gate lets an order pass for. The same approval
 * gives the same text in every process; two different ones never do, since JSON keeps the fields apart.
 */
export function verdictText(verdict: Omit<ApprovedVerdict, 'seal'>): string {
  const { verdictId, nonce, expiresAtMs, signal, hedges = [], follows } = verdict;
  const legs = signal.legs.map(({ instrument, exchange, side, quantity, limitPrice }) => [
    instrument,
    exchange,
    side,
    quantity,
    limitPrice,
  ]);
  // Where all legs go at once the text is as it always was: processes of before and after it know each other's seals.
  const order = follows === undefined ? [] : [follows];
  return JSON.stringify(['arbot-verdict-1', verdictId, nonce, expiresAtMs, legs, hedges, ...order]);
}

/** True for an approval that whoever holds the key has sealed, unchanged since. */
export function isSealed(verdict: ApprovedVerdict, seals: SealCheck): boolean {
  return verdict.seal !== undefined && seals.verify(verdictText(verdict), verdict.seal);
}
