import { entryLatency } from '../../execution/latency-table.js';
import {
  enterQueue,
  logShare,
  onQueueDepth,
  onQueueTrade,
  onStrictDelete,
  onStrictTrade,
  powerShare,
  RISK_AVERSE,
  type QueuePosition,
  type QueueShare,
} from '../../execution/queue-model.js';
import { Decimal } from '../../market/decimal.js';
import { latencyInput, queueInput, strictQueueInput } from './inputs.js';

/** Our answers about queue positions and latencies, in the shape of the reference; which of them is asked shows in the input. */
export function answerQueues(input: unknown): unknown {
  const latency = latencyInput.safeParse(input);
  if (latency.success) {
    const samples = latency.data.rows.map(([requestTime, exchangeTime, responseTime]) => ({
      requestTime,
      exchangeTime,
      responseTime,
    }));
    return latency.data.queries.map((time) => new Decimal(entryLatency(samples, time)));
  }
  const strict = strictQueueInput.safeParse(input);
  return strict.success ? answerStrict(strict.data) : answerModel(queueInput.parse(input));
}

/** `prob_power<n>` has any power. */
function shareOf(model: string): QueueShare | null {
  if (model === 'risk_averse') return RISK_AVERSE;
  if (model === 'prob_log') return logShare;
  const power = /^prob_power(\d+(?:\.\d+)?)$/.exec(model)?.[1];
  if (power === undefined) throw new Error(`no queue model ${model}`);
  return powerShare(Number(power));
}

function answerModel(input: ReturnType<typeof queueInput.parse>): unknown {
  const share = shareOf(input.model);
  let position = enterQueue(input.frontQtyOnEntry, input.orderQty);
  return input.events.map((event) => {
    position =
      event.type === 'trade'
        ? onQueueTrade(position, event.qty, input.lot)
        : onQueueDepth(position, { before: event.prev, after: event.new }, share);
    return { front: position.front, filled: position.filled, left: position.left };
  });
}

function answerStrict(input: ReturnType<typeof strictQueueInput.parse>): unknown {
  let position: QueuePosition = enterQueue(input.ahead, input.orderQty);
  return input.events.map((event) => {
    position = event.type === 'trade' ? onStrictTrade(position, event.qty) : onStrictDelete(position);
    return { ahead: position.front, filled: position.filled, left: position.left };
  });
}
