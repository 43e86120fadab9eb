import { connect as connectTcp } from 'node:net';
import {
  findBinary,
  freePort,
  preparedUrl,
  ServerProcess,
  temporaryFolder,
  type ServerControl,
} from './server-process.js';

export { skipOrFail } from './server-process.js';

/** Null when tests can have a NATS server, else why not. */
export function available(): string | null {
  if (preparedUrl('NATS_URL') !== null || findBinary('nats-server') !== null) return null;
  return 'no nats-server: set NATS_URL, or install nats-server';
}

/** The server of NATS_URL, else a private one on a free loopback port. With `address` always a private one, which listens there. */
export async function startNats({ address = '127.0.0.1' } = {}): Promise<ServerControl> {
  const url = address === '127.0.0.1' ? preparedUrl('NATS_URL') : null;
  if (url !== null) return externalServer(url, 'NATS_URL');
  const command = findBinary('nats-server');
  if (command === null) throw new Error('no nats-server on PATH');
  const port = await freePort();
  const folder = temporaryFolder(null);
  const server = new ServerProcess({
    command,
    args: ['-a', address, '-p', String(port)],
    folder,
    user: null,
    stopSignal: 'SIGTERM',
    ready: () => greets(port, address),
  });
  await server.start();
  return controlOf(server, `nats://${address}:${port}`);
}

export function controlOf(server: ServerProcess, url: string): ServerControl {
  return {
    url,
    external: false,
    stop: () => server.stop(),
    kill: () => server.kill(),
    restart: () => server.start(),
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
  };
}

export function externalServer(url: string, variable: string, stop = async () => {}): ServerControl {
  const refuse = () => {
    throw new Error(`the server of ${variable} is not ours to stop`);
  };
  return { url, external: true, stop, kill: refuse, restart: refuse, pause: refuse, resume: refuse };
}

/** A NATS server speaks first: one line that begins with INFO. */
function greets(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, address);
    const settle = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('data', (data) => settle(data.toString('latin1').startsWith('INFO')));
  });
}
