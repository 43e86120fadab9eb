import { WON_PER_USDT } from './listings.js';
import { Prng } from './prng.js';

/** The premium that Korean buyers pay moves between these, basis points of the bank's rate … */
const MEAN_PREMIUM_BPS = 70;
const PREMIUM_SWING_BPS = 150;
const PREMIUM_STEP_BPS = 0.06;
/** … and drifts back over about half an hour of 100 ms steps. */
const PREMIUM_PULL = 0.00005;
const RATE_STEP_BPS = 0.02;
const RATE_PULL = 0.00005;
const BANK_RATE = WON_PER_USDT / (1 + MEAN_PREMIUM_BPS / 10_000);

/** Won for one USDT: a bank's rate, which hardly moves within a day, times a premium, which does. Equal seeds, equal rates. */
export class WonRate {
  private readonly prng: Prng;
  private bankRate = BANK_RATE;
  private premiumBps = MEAN_PREMIUM_BPS;

  constructor(seed: number) {
    this.prng = Prng.of(seed, 'prices/won-rate');
  }

  get wonPerUsdt(): number {
    return this.bankRate * (1 + this.premiumBps / 10_000);
  }

  step(): void {
    const back = (BANK_RATE / this.bankRate - 1) * RATE_PULL;
    this.bankRate *= 1 + back + (this.prng.normal() * RATE_STEP_BPS) / 10_000;
    const pull = (MEAN_PREMIUM_BPS - this.premiumBps) * PREMIUM_PULL;
    const next = this.premiumBps + pull + this.prng.normal() * PREMIUM_STEP_BPS;
    const low = MEAN_PREMIUM_BPS - PREMIUM_SWING_BPS;
    this.premiumBps = Math.min(MEAN_PREMIUM_BPS + PREMIUM_SWING_BPS, Math.max(low, next));
  }
}
