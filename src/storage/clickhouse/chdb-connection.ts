import { Readable } from 'node:stream';
import type { SupervisedChild } from '../child/supervised-child.js';
import type { ClientConnection } from './chdb-package.js';
import type { ChdbAnswer, ChdbRequest, Operation } from './chdb-protocol.js';

export type ChdbChild = SupervisedChild<ChdbRequest, ChdbAnswer>;

type Asked = Parameters<ClientConnection['query']>[0];
type Values = Parameters<ClientConnection['insert']>[0]['values'];

async function bytesOf(values: Values): Promise<Uint8Array> {
  if (typeof values === 'string') return Buffer.from(values);
  const chunks: Buffer[] = [];
  for await (const chunk of values) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}

/** What an engine in another process does not have. */
const NO_HTTP = { query_id: '', response_headers: {}, http_status_code: 200 };

/**
 * The official client's connection into the supervised child. Settings per query are not passed on: the embedded engine would keep
 * them. `close` leaves the child to its owner.
 */
export function connectionTo(child: ChdbChild): ClientConnection {
  const call = async (operation: Operation, asked: Asked, values?: Values): Promise<Readable> => {
    const { query, query_params: params } = asked;
    const body = values === undefined ? undefined : await bytesOf(values);
    const answer = await child.call({ operation, query, params, values: body });
    return Readable.from([Buffer.from(answer)], { objectMode: false });
  };
  return {
    query: async (asked) => ({ stream: await call('query', asked), ...NO_HTTP }),
    exec: async (asked) => ({ stream: await call('exec', asked, asked.values), ...NO_HTTP }),
    insert: async (asked) => {
      await call('insert', asked, asked.values);
      return NO_HTTP;
    },
    command: async (asked) => {
      await call('command', asked);
      return NO_HTTP;
    },
    ping: async () => {
      await call('query', { query: 'SELECT 1' });
      return { success: true };
    },
    close: () => Promise.resolve(),
  };
}
