import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { errorText } from '../../messages/errors.js';
import { claimEngine, releaseEngine } from '../child/engine-claim.js';
import { EXIT, type ChildMessage } from '../child/protocol.js';
import { openChdbConnection, type ClientConnection } from './chdb-package.js';
import {
  CHDB_DATABASE,
  PLACES,
  type ChdbAnswer,
  type ChdbMessage,
  type ChdbRequest,
} from './chdb-protocol.js';

/**
 * The process that holds chdb. Argument: the store's folder. It does one call at a time in order of arrival (more at once are no
 * faster) and ends with its parent.
 */

function tell(message: ChildMessage<ChdbAnswer>): void {
  process.send?.(message);
}

async function bytesOf(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

const NOTHING = new Uint8Array();

async function answer(connection: ClientConnection, request: ChdbRequest): Promise<ChdbAnswer> {
  const { operation, query, params, values } = request;
  const asked = { query, ...(params === undefined ? {} : { query_params: params }) };
  const rows = (): Readable => Readable.from([Buffer.from(values ?? NOTHING)], { objectMode: false });
  switch (operation) {
    case 'query':
      return bytesOf((await connection.query(asked)).stream);
    case 'exec':
      return bytesOf(
        (await connection.exec(values === undefined ? asked : { ...asked, values: rows() })).stream,
      );
    case 'insert':
      await connection.insert({ ...asked, values: rows() });
      return NOTHING;
    case 'command':
      await connection.command(asked);
      return NOTHING;
  }
}

async function handle(
  connection: ClientConnection,
  message: ChdbRequest & { readonly id: number },
): Promise<void> {
  try {
    tell({ kind: 'done', id: message.id, results: await answer(connection, message) });
  } catch (error) {
    const { code } = error as { code?: unknown };
    tell({
      kind: 'failed',
      id: message.id,
      code: typeof code === 'string' ? code : undefined,
      message: errorText(error),
    });
    // No code of ClickHouse: not the engine's refusal but a broken engine, which only a new process heals.
    if (typeof code !== 'string') throw error;
  }
}

async function open(folder: string): Promise<ClientConnection> {
  claimEngine(join(folder, PLACES.writer));
  const data = join(folder, PLACES.data);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const connection = await openChdbConnection(data);
  await connection.command({ query: `CREATE DATABASE IF NOT EXISTS ${CHDB_DATABASE}` });
  await connection.command({ query: `USE ${CHDB_DATABASE}` });
  return connection;
}

async function main(folder: string): Promise<void> {
  // Signals of a terminal or service manager reach the whole group: the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // Without its parent at once, whatever the engine's threads are doing: the next start waits for the folder.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  if (!process.connected) process.exit(EXIT.crashed);
  const connection = await open(folder);
  let turn = Promise.resolve();
  process.on('message', (message: ChdbMessage) => {
    turn = turn
      .then(() => ('kind' in message ? closeAndExit(connection, folder) : handle(connection, message)))
      .catch((error: unknown) => fail(error));
  });
  // eslint-disable-next-line no-restricted-syntax -- dst-ok: a process of its own, which has no Clock
  tell({ kind: 'ready', openedInMs: Math.round(process.uptime() * 1000) });
}

async function closeAndExit(connection: ClientConnection, folder: string): Promise<void> {
  await connection.close();
  releaseEngine(join(folder, PLACES.writer));
  process.exit(EXIT.closed);
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(EXIT.crashed);
}

main(process.argv[2] ?? '').catch(fail);
