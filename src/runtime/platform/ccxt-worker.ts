import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../messages/errors.js';
import { ccxtMaker } from './ccxt-exchange.js';
import { CcxtHost } from './ccxt-host.js';
import type { CcxtOrder, CcxtWorkerData } from './ccxt-protocol.js';

/** ccxt in a thread of its own: it parses slowly, and a rejection that it forgets would end the whole node. */

const port = parentPort;
invariant(port !== null, 'ccxt-worker runs only as a worker thread');
const { ccxtId, servers } = workerData as CcxtWorkerData;

let maker: ReturnType<typeof ccxtMaker> | null = null;
const host = new CcxtHost(
  async () => (await (maker ??= ccxtMaker(ccxtId, servers)))(),
  (report) => port.postMessage(report),
);
process.on('unhandledRejection', (error) => host.fault(error));
process.on('uncaughtException', (error) => host.fault(error));
port.on('message', (order: CcxtOrder) => host.handle(order));
