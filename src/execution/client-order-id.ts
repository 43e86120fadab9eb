import { invariant } from '../messages/errors.js';
import { sha256 } from './sha256.js';

const LETTERS = '0123456789abcdefghijklmnopqrstuv';
const HASH_LETTERS = 24;

/**
 * The id an order carries at its exchange: a function of (arbitrage, leg, attempt) and of nothing else, so that a restart
 * asks for the same order instead of sending a second one (R6). 28 lower-case letters and digits, beginning with a
 * letter: inside every exchange's rules (OKX 32 alphanumerics; Gate 28 after its prefix; Binance, Bybit 36; Upbit's
 * identifier). The arbitrage is hashed to 120 bits, since its own name may be longer than that.
 */
export function clientOrderIdOf(arbitrageId: string, legIndex: number, attempt: number): string {
  invariant(
    Number.isInteger(legIndex) && legIndex >= 0 && legIndex <= 9,
    `leg ${legIndex} has no client order id`,
  );
  invariant(
    Number.isInteger(attempt) && attempt >= 0 && attempt <= 99,
    `attempt ${attempt} has no client order id`,
  );
  return `a${hashLetters(arbitrageId)}${legIndex}${String(attempt).padStart(2, '0')}`;
}

/** The legs of an arbitrage follow each other. */
let latest = { text: '', letters: '' };

/** Five bits per letter from the front of the hash. */
function hashLetters(text: string): string {
  if (latest.text !== text) latest = { text, letters: lettersOf(text) };
  return latest.letters;
}

function lettersOf(text: string): string {
  const words = sha256(text);
  let letters = '';
  for (let i = 0; i < HASH_LETTERS; i++) {
    let value = 0;
    for (let bit = i * 5; bit < i * 5 + 5; bit++) {
      value = value * 2 + ((words[bit >> 5]! >>> (31 - (bit & 31))) & 1);
    }
    letters += LETTERS[value];
  }
  return letters;
}
