import type { GatewayStatus } from '../messages/gateway.js';
import type { ExchangeId } from '../messages/primitives.js';
import type { Alert } from './alert.js';
import { alertOf } from './from-trading.js';

interface Seen {
  readonly phase: GatewayStatus['phase'];
  /** Asset → difference that nobody could explain. */
  readonly unexplained: ReadonlyMap<string, string>;
}

/** Told again and again, a gateway's status is news only where it differs from the one before. */
export class AccountNews {
  private readonly seen = new Map<ExchangeId, Seen>();

  take(status: GatewayStatus): Alert[] {
    const { exchange, phase } = status;
    const before = this.seen.get(exchange) ?? { phase: 'starting', unexplained: new Map<string, string>() };
    const unexplained = new Map(status.unexplained.map(({ asset, difference }) => [asset, difference]));
    this.seen.set(exchange, { phase, unexplained });
    return [...differences(status, before.unexplained, unexplained), ...phaseNews(status, before.phase)];
  }
}

function differences(
  { exchange, atMs }: GatewayStatus,
  before: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): Alert[] {
  const alert = (asset: string, severity: Alert['severity'], text: string): Alert =>
    alertOf({
      id: `difference:${exchange}:${asset}:${now.get(asset) ?? 'none'}:${atMs}`,
      event: 'reconciliation',
      severity,
      subject: `${exchange} ${asset}${severity === 'info' ? ' agrees' : ''}`,
      text: `${exchange} ${asset}: ${text}`,
      atMs,
    });
  const found = [...now]
    .filter(([asset, difference]) => before.get(asset) !== difference)
    .map(([asset, difference]) =>
      alert(asset, 'critical', `exchange minus ledger is ${difference}; held until a person adopts it`),
    );
  const gone = [...before.keys()].filter((asset) => !now.has(asset));
  return [...found, ...gone.map((asset) => alert(asset, 'info', 'exchange and ledger agree again'))];
}

/** Whether an account takes new risk; the steps of a start, and the kill switch, have alerts of their own or need none. */
function phaseNews(
  { exchange, phase, reasons, atMs }: GatewayStatus,
  before: GatewayStatus['phase'],
): Alert[] {
  const isNews = phase !== before && (phase === 'paused' || (phase === 'ready' && before === 'paused'));
  if (!isNews) return [];
  const says = phase === 'paused' ? `is paused: ${reasons.join('; ')}` : 'takes orders again';
  return [
    alertOf({
      id: `account:${exchange}:${phase}:${atMs}`,
      event: 'account',
      severity: phase === 'paused' ? 'warning' : 'info',
      subject: `${exchange} ${phase}`,
      text: `the account on ${exchange} ${says}`,
      atMs,
    }),
  ];
}
