/** What the computing side and the asking side of worker threads tell each other. */

/** A task is a pure function by name; input and output are structured-cloneable. */
export type ComputeTasks = Readonly<Record<string, (input: never) => unknown>>;

/** A module of tasks exports them under this name. */
export interface ComputeTasksModule {
  readonly tasks: ComputeTasks;
}

export interface ComputeWorkerData {
  /** Module of the tasks, as a URL. */
  readonly tasksUrl: string;
}

export interface ComputeOrder {
  readonly task: string;
  readonly input: unknown;
}

export type ComputeAnswer =
  | { readonly done: true; readonly output: unknown }
  | { readonly done: false; readonly code: string | null; readonly message: string };

/** Rejects when the name is not one of the module's own tasks. */
export async function runTask(tasks: ComputeTasks, order: ComputeOrder): Promise<unknown> {
  const task = Object.hasOwn(tasks, order.task) ? tasks[order.task] : undefined;
  if (task === undefined) throw new Error(`there is no task '${order.task}'`);
  return await task(order.input as never);
}
