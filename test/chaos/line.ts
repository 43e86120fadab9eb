import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Direction } from '../cluster/bed/host.js';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** One end has gone while its word could not travel: the other learns of it once the line is whole. */
  isHalfDead: boolean;
}

/**
 * A TCP address in front of a server, as one node sees it, that can be cut each way. While it is cut, bytes and ends of connections
 * stay where they are; after that they travel on, late, as retransmitted packets would. Directions are the node's: `in` comes to it.
 */
export class Line {
  private readonly server: Server;
  private readonly pairs = new Set<Pair>();
  private readonly held = { in: false, out: false };

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(targetPort: number): Promise<Line> {
    const server = createServer({ allowHalfOpen: true });
    const line = new Line(server);
    server.on('connection', (near) => line.join(near, targetPort));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return line;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  cut(direction: Direction): void {
    if (direction !== 'out') this.held.in = true;
    if (direction !== 'in') this.held.out = true;
    for (const pair of this.pairs) this.apply(pair);
  }

  heal(): void {
    this.held.in = this.held.out = false;
    for (const pair of this.pairs) {
      if (pair.isHalfDead) this.end(pair);
      else this.apply(pair);
    }
  }

  async close(): Promise<void> {
    for (const pair of this.pairs) this.end(pair);
    await new Promise((done) => this.server.close(done));
  }

  private join(near: Socket, port: number): void {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const pair: Pair = { near, far, isHalfDead: false };
    this.pairs.add(pair);
    const ways = [
      [near, far, 'out'],
      [far, near, 'in'],
    ] as const;
    for (const [from, to, way] of ways) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on('drain', () => {
        if (!this.held[way]) from.resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        if (this.held[way] && !pair.isHalfDead) pair.isHalfDead = true;
        else this.end(pair);
      });
    }
    this.apply(pair);
  }

  private apply({ near, far }: Pair): void {
    if (this.held.out) near.pause();
    else near.resume();
    if (this.held.in) far.pause();
    else far.resume();
  }

  private end(pair: Pair): void {
    this.pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }
}
