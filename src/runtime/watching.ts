import type { ActorRecord, Watcher } from './actor-record.js';
import type { Terminated } from './actor.js';
import type { Scope } from './scope.js';

export interface Watching {
  readonly notify: (ended: Terminated) => void;
  /** Lifetime of the watcher; null = until the watch is forgotten. */
  readonly scope: Scope | null;
}

/** Death watch: told once, also, and then at once, when nothing lives there. Returns what ends the watch. */
export function watchRecord(record: ActorRecord, path: string, { notify, scope }: Watching): () => void {
  const { current, lastEnd, incarnations } = record;
  if (current === null) {
    notify(lastEnd ?? { path: record.path, incarnation: incarnations, reason: 'shutdown', error: null });
    return () => undefined;
  }
  const watcher: Watcher = {
    path,
    notify: (ended) => {
      forget();
      notify(ended);
    },
  };
  current.watchers.add(watcher);
  const remove = (): void => void current.watchers.delete(watcher);
  const forget = scope === null ? remove : scope.add(remove);
  return forget;
}
