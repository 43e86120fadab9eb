import type { Instrument } from '../../market/instrument.js';
import { assetsOf, legAssets } from '../../market/leg-assets.js';
import type { Refusal } from '../../messages/risk.js';
import { shapeOf } from '../../messages/signal.js';
import { NO_REFUSALS, refuse, type Question, type Rule } from '../question.js';

/**
 * The legs belong together as the signal says, judged by what the instruments trade: a plain trade buys and sells one pair on two
 * exchanges; a cycle comes back to the asset it began with, each leg giving what the one before brought; a pair buys one asset and
 * sells another for the same quote. No market is traded twice by one signal (a self-trade is none, I13).
 */
export const legShapeRule: Rule = (question) => {
  switch (shapeOf(question.signal)) {
    case 'two-sided':
      return twoSided(question);
    case 'cycle':
      return cycle(question);
    case 'pair':
      return pair(question);
  }
};

function twoSided({ signal, buy, sell, isPlain }: Question): readonly Refusal[] {
  if (signal.legs.length !== 2 || buy.side !== 'buy' || sell.side !== 'sell')
    return [refuse('LEG_SHAPE', 'buy, sell', signal.legs.map((l) => l.side).join(', '), 'legs', signal.pair)];
  const quotes = [buy, sell].map(({ instrument }) => assetsOf(instrument).quote);
  if (!isPlain && !quotes.includes(signal.quote))
    return [refuse('LEG_SHAPE', signal.quote, quotes.join(', '), 'quotes', signal.pair)];
  if (buy.exchange === sell.exchange) return [refuse('SELF_TRADE', 2, 1, 'exchanges', buy.exchange)];
  return NO_REFUSALS;
}

const MOST_EXCHANGES = 2;

function cycle(question: Question): readonly Refusal[] {
  const { signal, legs } = question;
  const wrong = (limit: string, actual: string) => [refuse('LEG_SHAPE', limit, actual, 'cycle', signal.pair)];
  if (legs.length < 3) return wrong('3 or 4 legs', String(legs.length));
  const steps = legs.map(legAssets);
  const route = [steps[0]!.from, ...steps.map(({ to }) => to)];
  const isLinked = steps.every(({ from }, at) => from === route[at]);
  const isClosed = route[0] === signal.quote && route.at(-1) === signal.quote;
  if (!isLinked || !isClosed)
    return wrong(
      `${signal.quote} to ${signal.quote}`,
      steps.map(({ from, to }) => `${from}>${to}`).join(' '),
    );
  if (new Set(route).size !== legs.length) return wrong('each asset once', route.join(' '));
  const exchanges = new Set(legs.map(({ exchange }) => exchange)).size;
  if (exchanges > MOST_EXCHANGES) return wrong(`${MOST_EXCHANGES} exchanges`, String(exchanges));
  return [...firstLeg(question), ...twice(question)];
}

function pair(question: Question): readonly Refusal[] {
  const { signal, legs } = question;
  const wrong = (limit: string, actual: string) => [refuse('LEG_SHAPE', limit, actual, 'pair', signal.pair)];
  const sides = legs.map(({ side }) => side);
  if (legs.length !== 2 || !sides.includes('buy') || !sides.includes('sell'))
    return wrong('buy and sell', sides.join(', '));
  if (signal.position === undefined) return wrong('a position', 'none');
  const [one, other] = legs.map((leg) => sidesOf(question, leg.instrument));
  // What is not registered is refused by name.
  if (one === undefined || other === undefined) return NO_REFUSALS;
  if (one.base === other.base) return wrong('two assets', one.base);
  if (one.quote !== signal.quote || other.quote !== signal.quote)
    return wrong(signal.quote, `${one.quote}, ${other.quote}`);
  return [...firstLeg(question), ...twice(question)];
}

const sidesOf = ({ instruments }: Question, id: string): Instrument | undefined => instruments.get(id);

/** The pair of a signal is that of its first leg. */
function firstLeg({ signal, legs, instruments }: Question): readonly Refusal[] {
  const first = instruments.get(legs[0]!.instrument);
  if (first === undefined || (first.pair === signal.pair && first.base === signal.base)) return NO_REFUSALS;
  return [refuse('LEG_SHAPE', first.pair, signal.pair, 'first leg', first.id)];
}

function twice({ legs }: Question): readonly Refusal[] {
  const markets = new Set(legs.map(({ instrument }) => instrument)).size;
  return markets === legs.length
    ? NO_REFUSALS
    : [refuse('SELF_TRADE', legs.length, markets, 'markets', legs[0]!.exchange)];
}
