import { isFenced } from '../connectors/order-capabilities.js';
import { orderRoom } from '../connectors/order-room.js';
import {
  startGateway,
  type GatewayEvent,
  type GatewayState,
  type GatewayTimes,
} from '../execution/gateway/gateway-state.js';
import { OrderAdmission } from '../execution/order-admission.js';
import { errorText } from '../messages/errors.js';
import type { ActorContext } from '../runtime/actor.js';
import { AccountQuestions } from './account-questions.js';
import { AccountWords } from './account-words.js';
import { DeadManKeeper, type DeadManKeeperOptions } from './dead-man-keeper.js';
import { OrderGatewayBus } from './order-gateway-bus.js';
import type { OrderGatewayMessage, OrderGatewayOptions } from './order-gateway-messages.js';
import { OrderWriter } from './order-writer.js';
import { PrivateLine } from './private-line.js';
import { PrivateRest, uuidOf } from './private-rest.js';

/** How long the address of a connection waits for its part of the budget: without the stream no order is sent. */
const TICKET_WAIT_MS = 5_000;

/** What an order gateway is put together from. */
export interface GatewayParts {
  readonly state: GatewayState;
  readonly words: AccountWords;
  readonly admission: OrderAdmission;
  readonly rest: PrivateRest;
  readonly questions: AccountQuestions;
  readonly bus: OrderGatewayBus;
  readonly writer: OrderWriter;
  /** Null where the exchange has none, or it is not configured. */
  readonly deadMan: DeadManKeeper | null;
  readonly line: PrivateLine;
}

/** The way back into the actor. */
export interface GatewayCalls {
  readonly nowMs: () => number;
  /** Into the machine, in this turn. */
  readonly step: (event: GatewayEvent) => void;
  /** The exchange wants silence. */
  readonly limited: (pauseMs: number) => void;
  /** It refused, in its own words: for people. */
  readonly refused: (reason: string) => void;
}

export function gatewayPartsOf(
  gateway: OrderGatewayOptions,
  context: ActorContext<OrderGatewayMessage>,
  calls: GatewayCalls,
): GatewayParts {
  const { connector, halts, instruments, bus } = gateway;
  const { exchange } = connector;
  const { limited, refused } = calls;
  const own = instruments.filter((one) => one.exchange === exchange);
  const words = new AccountWords(own, gateway.assetOf);
  const admission = new OrderAdmission(gateway.admission, gateway.seal, halts.current);
  const state = startGateway({
    exchange,
    instruments: own.map(({ id }) => id),
    times: timesOf(gateway),
    killSwitch: halts.current,
    nowMs: calls.nowMs(),
  });
  const rest = privateRestOf(gateway, context);
  const questions = new AccountQuestions({
    ...{ entry: connector.orders, rest, words },
    onLimited: limited,
    onRefused: (what, reason) => refused(`${what}: ${reason}`),
  });
  return {
    ...{ state, words, admission, rest, questions },
    bus: new OrderGatewayBus({
      ...{ bus, exchange, context },
      orderRoom: () => orderRoom(gateway.limiter, connector.orders, context.clock.monotonicMs()),
    }),
    writer: new OrderWriter({ gateway, context, state, admission, words, rest, ...calls }),
    deadMan: deadManOf(gateway, { rest, context, ...calls }),
    line: privateLineOf({ gateway, context, words, rest, ...calls }),
  };
}

function timesOf({ connector, policy }: OrderGatewayOptions): GatewayTimes {
  return {
    reconcileEveryMs: policy.reconcileEveryMs,
    requestLifeMs: isFenced(connector.capabilities.orders)
      ? policy.requestExpiryMs + policy.skewMs
      : policy.unfencedLifeMs,
    pauseMs: policy.pauseMs,
  };
}

function privateRestOf(
  options: OrderGatewayOptions,
  { clock, random, signal }: ActorContext<OrderGatewayMessage>,
): PrivateRest {
  const { connector, credentials, endpoints, http, limiter, timers, clockOffsetMs } = options;
  return new PrivateRest({
    exchange: connector.exchange,
    entry: connector.orders,
    restUrl: endpoints.restUrl,
    ...{ credentials, http, limiter, clock, timers, random, clockOffsetMs, signal },
  });
}

function deadManOf(
  { connector, policy }: OrderGatewayOptions,
  parts: Omit<DeadManKeeperOptions, 'deadMan' | 'timeoutMs'>,
): DeadManKeeper | null {
  const { deadMan } = connector.orders;
  const { deadManMs } = policy;
  if (deadMan === null || deadManMs === null) return null;
  return new DeadManKeeper({ ...parts, deadMan, timeoutMs: deadManMs });
}

interface LineOptions extends Pick<GatewayCalls, 'step' | 'refused'> {
  readonly gateway: OrderGatewayOptions;
  readonly context: ActorContext<OrderGatewayMessage>;
  readonly words: AccountWords;
  readonly rest: PrivateRest;
}

function privateLineOf({ gateway, context, words, rest, step, refused }: LineOptions): PrivateLine {
  const { connector, endpoints, credentials, sockets, clockOffsetMs } = gateway;
  return new PrivateLine({
    stream: connector.orders.stream,
    limits: connector.capabilities.limits,
    connect: (url, options, handlers) => context.connect(sockets, url, options, handlers),
    random: () => context.random.next(),
    moment: () => ({
      timeMs: context.clock.nowMs() + clockOffsetMs(),
      validForMs: null,
      nonce: uuidOf(context.random),
    }),
    symbols: () => words.allSymbols(),
    askTicket: (call, attempt) =>
      context.pipe(
        rest.ask(call, 'urgent', TICKET_WAIT_MS),
        (answer) => ({ kind: 'ticket', attempt, answer }),
        (error) => ({ kind: 'ticket', attempt, answer: errorText(error) }),
      ),
    events: {
      up: () => step({ kind: 'stream', isUp: true, reason: '' }),
      down: (reason) => step({ kind: 'stream', isUp: false, reason }),
      unreadable: (error) => {
        refused(`private stream: ${error.message}`);
        // As after a connection that was away: what it said has to be asked for.
        step({ kind: 'stream', isUp: true, reason: '' });
      },
      order: (report) => step({ kind: 'order', word: words.order(report) }),
      trade: (report) => step({ kind: 'trade', word: words.trade(report) }),
      // Read again as a whole where it matters: a single balance says nothing of the moment that the others are of.
      balance: () => undefined,
      transferred: () => step({ kind: 'moved' }),
    },
    ...{ endpoints, credentials, clock: context.clock },
  });
}
