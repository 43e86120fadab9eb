import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

const requestOf = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n\r\n';

async function opened(root: string, allowHalfOpen: boolean): Promise<Socket> {
  const { hostname, port } = new URL(root);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen });
  await once(socket, 'connect');
  return socket;
}

/** Asks for WebSockets and resets each line before the answer can be written to it. */
export async function resetDuringUpgrade(root: string, path: string): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const socket = await opened(root, false);
    socket.write(requestOf(path));
    socket.resetAndDestroy();
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Asks at a path that is refused and keeps its own half of the line open: true when the server gives the line up. */
export async function isClosedAfterRefusal(root: string, path: string): Promise<boolean> {
  const socket = await opened(root, true);
  let isClosed = false;
  socket.on('error', () => (isClosed = true)).resume();
  socket.write(requestOf(path));
  await once(socket, 'end');
  for (let i = 0; i < 100 && !isClosed; i++) {
    socket.write('x');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  socket.destroy();
  return isClosed;
}
