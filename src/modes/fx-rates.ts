import type { TradingConfig } from '../config/index.js';
import { ArbotError, errorText } from '../messages/errors.js';
import { fxAnswer, type FxView } from '../messages/premium.js';
import { positiveDecimalText, type AssetId, type DecimalText } from '../messages/primitives.js';
import type { HttpClient } from '../ports/network.js';
import type { Clock } from '../ports/time.js';

const FX_TIMEOUT_MS = 3_000;

type FxConfig = TradingConfig['fxRates'][string];

/**
 * Banks' rates, from the file or from an address that is asked when somebody wants to see one and the last answer is old; nothing waits for it
 * but who asked. A rate that is not answered any more stays, with its age and the error.
 */
export class FxRates {
  private readonly rates: ReadonlyMap<AssetId, FxConfig>;
  private readonly http: HttpClient;
  private readonly clock: Clock;
  private readonly known = new Map<AssetId, FxView>();
  private readonly asked = new Map<AssetId, { atMs: number; running: Promise<void> | null }>();

  constructor(rates: TradingConfig['fxRates'], http: HttpClient, clock: Clock) {
    this.rates = new Map(Object.entries(rates));
    this.http = http;
    this.clock = clock;
    for (const [currency, { rate, at }] of this.rates)
      if (rate !== undefined)
        this.known.set(currency, {
          ...{ currency, rate, source: 'config', error: null },
          atMs: at === undefined ? null : Date.parse(at),
        });
  }

  async current(): Promise<FxView[]> {
    await Promise.all([...this.rates].map(([currency, config]) => this.refresh(currency, config)));
    return [...this.known.values()];
  }

  private async refresh(currency: AssetId, { url, everyMs }: FxConfig): Promise<void> {
    if (url === undefined) return;
    const nowMs = this.clock.monotonicMs();
    const last = this.asked.get(currency);
    if (last !== undefined && nowMs - last.atMs < everyMs) return last.running ?? undefined;
    const running = this.ask(currency, url);
    const asked = { atMs: nowMs, running: running as Promise<void> | null };
    this.asked.set(currency, asked);
    await running;
    asked.running = null;
  }

  private async ask(currency: AssetId, url: string): Promise<void> {
    try {
      const { status, body } = await this.http.request({
        ...{ method: 'GET', url },
        ...{ timeoutMs: FX_TIMEOUT_MS, maxBodyBytes: MAX_FX_BYTES },
      });
      if (status !== 200) throw new ArbotError('ARB_FX_INVALID', `the address answered ${status}`);
      const { rate, atMs } = readFx(body.toString('utf8'));
      // An answer that does not say its time is as old as the question.
      this.known.set(currency, {
        currency,
        rate,
        source: 'url',
        atMs: atMs ?? this.clock.nowMs(),
        error: null,
      });
    } catch (error) {
      const before = this.known.get(currency) ?? { currency, rate: null, source: 'url' as const, atMs: null };
      this.known.set(currency, { ...before, error: errorText(error).slice(0, 200) });
    }
  }
}

/** Longer answers are no rate. */
export const MAX_FX_BYTES = 4_096;

export interface FxReading {
  /** Local money for a dollar. */
  readonly rate: DecimalText;
  /** When it was the bank's; null = the answer does not say. Unix ms. */
  readonly atMs: number | null;
}

/** @throws ArbotError ARB_FX_INVALID naming what is wrong; the text itself is not shown. */
export function readFx(body: string): FxReading {
  const text = body.trim();
  const plain = positiveDecimalText.safeParse(text);
  if (plain.success) return { rate: plain.data, atMs: null };
  const parsed = fxAnswer.safeParse(jsonOf(text));
  const rate = parsed.success ? positiveDecimalText.safeParse(String(parsed.data.rate)) : null;
  if (!parsed.success || rate?.success !== true)
    throw new ArbotError('ARB_FX_INVALID', 'an fx rate is a decimal above 0, or {"rate": …, "at": …}');
  const { at } = parsed.data;
  return { rate: rate.data, atMs: at === undefined ? null : Date.parse(at) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
