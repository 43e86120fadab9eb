import { WebSocket, type ClientOptions, type RawData } from 'ws';
import { ArbotError, errorText } from '../../messages/errors.js';
import type { Socket, SocketHandlers, SocketOptions, Sockets } from '../../ports/network.js';

/** WebSockets over `ws`. Whatever goes wrong ends in `onClose`, exactly once and never inside `connect`. */

/** Close codes of RFC 6455 §7.4.1. */
const NO_CLOSE_FRAME = 1006;
const TOO_LARGE = 1009;
/** How long the other side may take to answer a close frame before the connection is cut. */
const CLOSING_HANDSHAKE_MS = 2_000;
const LONGEST_REASON = 300;

export class WsSockets implements Sockets {
  connect(url: string, options: SocketOptions, handlers: SocketHandlers): Socket {
    try {
      return new OpenedSocket(openWebSocket(url, options), options, handlers);
    } catch (error) {
      // An address or header that ws refuses at once: told like any other failure, after `connect` has returned.
      setImmediate(() => handlers.onClose(NO_CLOSE_FRAME, errorText(error).slice(0, LONGEST_REASON)));
      return DEAD_SOCKET;
    }
  }
}

function openWebSocket(url: string, options: SocketOptions): WebSocket {
  const settings: ClientOptions & { closeTimeout: number } = {
    maxPayload: options.maxFrameBytes,
    handshakeTimeout: options.connectTimeoutMs,
    closeTimeout: CLOSING_HANDSHAKE_MS,
    perMessageDeflate: false,
    followRedirects: false,
    headers: { ...options.headers },
  };
  return new WebSocket(url, settings);
}

const DEAD_SOCKET: Socket = {
  send: () => undefined,
  ping: () => undefined,
  close: () => undefined,
  terminate: () => undefined,
  bufferedBytes: () => 0,
};

class OpenedSocket implements Socket {
  private readonly ws: WebSocket;
  /** The first error, which says more than the close that follows it. */
  private failure: { code: number; reason: string } | null = null;

  constructor(ws: WebSocket, options: SocketOptions, handlers: SocketHandlers) {
    this.ws = ws;
    // ws restarts its own handshake timer with every byte; a server that trickles would hold it open for ever.
    const deadline = setTimeout(
      () => this.fail(NO_CLOSE_FRAME, `no handshake within ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
    ws.on('open', () => {
      clearTimeout(deadline);
      handlers.onOpen();
    });
    ws.on('message', (data, isBinary) => handlers.onFrame(bufferOf(data), isBinary));
    ws.on('ping', (data) => handlers.onPing?.(data));
    ws.on('pong', (data) => handlers.onPong?.(data));
    ws.on('error', (error) => this.note(error));
    ws.once('close', (code, reason) => {
      clearTimeout(deadline);
      this.closed(handlers, code, reason.toString('utf8'));
    });
  }

  send(data: string | Uint8Array): void {
    this.whenOpen(() => this.ws.send(data, ignoreWriteError));
  }

  ping(data?: Uint8Array): void {
    this.whenOpen(() => this.ws.ping(data, undefined, ignoreWriteError));
  }

  close(code = 1000, reason = ''): void {
    this.ws.close(code, reason);
  }

  terminate(): void {
    this.ws.terminate();
  }

  bufferedBytes(): number {
    return this.ws.bufferedAmount;
  }

  private whenOpen(write: () => void): void {
    if (this.ws.readyState === WebSocket.CONNECTING) {
      throw new ArbotError('ARB_SOCKET_FAILED', 'the socket is not open yet');
    }
    if (this.ws.readyState === WebSocket.OPEN) write();
  }

  private fail(code: number, reason: string): void {
    this.failure ??= { code, reason };
    this.ws.terminate();
  }

  private note(error: Error & { code?: string }): void {
    const tooLarge = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    this.failure ??= { code: tooLarge ? TOO_LARGE : NO_CLOSE_FRAME, reason: errorText(error) };
  }

  private closed(handlers: SocketHandlers, code: number, reason: string): void {
    const told = this.failure ?? { code, reason };
    handlers.onClose(told.code, told.reason.slice(0, LONGEST_REASON));
  }
}

/** A failed write is followed by `close`, which is where it is told. */
function ignoreWriteError(): void {
  return undefined;
}

/** ws gives one Buffer unless asked for fragments. */
function bufferOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
