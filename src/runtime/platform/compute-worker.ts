import { parentPort, workerData } from 'node:worker_threads';
import { errorText, invariant } from '../../messages/errors.js';
import {
  runTask,
  type ComputeAnswer,
  type ComputeOrder,
  type ComputeTasksModule,
  type ComputeWorkerData,
} from './compute-tasks.js';

/** The computing side: one order at a time, an answer for each. A module that does not load ends the thread. */

const port = parentPort;
invariant(port !== null, 'compute-worker runs only as a worker thread');
const { tasksUrl } = workerData as ComputeWorkerData;
const { tasks } = (await import(tasksUrl)) as ComputeTasksModule;

port.on('message', (order: ComputeOrder) => {
  void answer(order).then((result) => port.postMessage(result));
});

async function answer(order: ComputeOrder): Promise<ComputeAnswer> {
  try {
    return { done: true, output: await runTask(tasks, order) };
  } catch (error) {
    return { done: false, code: codeOf(error), message: errorText(error) };
  }
}

function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}
