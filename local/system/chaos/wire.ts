// A wire that fails: a TCP relay in front of one far end, whatever it speaks. It loses requests (cut before they arrive), answers (cut
// after the far end has done the work), half answers, and time. What a real network does between two healthy programs.

import { createConnection, createServer, type Server, type Socket } from "node:net";

export interface WireFaults {
  /** Chances, 0 to 1, a connection. */
  readonly refuse: number;
  readonly loseRequest: number;
  readonly loseAnswer: number;
  /** Half of the first piece of the answer comes through, then the end. */
  readonly cutAnswer: number;
  readonly delay: number;
  readonly delayMs: number;
}

export const CALM_WIRE: WireFaults = { refuse: 0, loseRequest: 0, loseAnswer: 0, cutAnswer: 0, delay: 0, delayMs: 0 };

export class Wire {
  faults: WireFaults = CALM_WIRE;
  readonly counts = { connections: 0, refused: 0, lostRequests: 0, lostAnswers: 0, cutAnswers: 0, delayed: 0 };
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
    private readonly chance: (probability: number) => boolean,
  ) {
    server.on("connection", (near) => this.relay(near));
  }

  static async open(port: number, targetPort: number, chance: (probability: number) => boolean): Promise<Wire> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    return new Wire(server, targetPort, chance);
  }

  /** Cuts everything that is connected now. */
  cutAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private relay(near: Socket): void {
    this.counts.connections++;
    this.hold(near);
    if (this.chance(this.faults.refuse)) {
      this.counts.refused++;
      near.destroy();
      return;
    }
    const far = createConnection({ port: this.targetPort, host: "127.0.0.1", noDelay: true });
    this.hold(far);
    const end = () => {
      near.destroy();
      far.destroy();
    };
    near.on("close", end);
    far.on("close", end);
    near.on("data", (piece) => this.pass(near, far, () => this.request(piece, far, end)));
    far.on("data", (piece) => this.pass(far, near, () => this.answer(piece, near, end)));
  }

  /** Pieces of one direction stay in order: nothing is read until the one before it is through. */
  private pass(from: Socket, to: Socket, send: () => boolean): void {
    const go = () => {
      if (!send()) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    };
    if (!this.chance(this.faults.delay)) {
      go();
      return;
    }
    this.counts.delayed++;
    from.pause();
    setTimeout(() => {
      go();
      from.resume();
    }, this.faults.delayMs);
  }

  private request(piece: Buffer, far: Socket, end: () => void): boolean {
    if (!this.chance(this.faults.loseRequest)) return far.write(piece);
    this.counts.lostRequests++;
    end();
    return true;
  }

  private answer(piece: Buffer, near: Socket, end: () => void): boolean {
    if (this.chance(this.faults.loseAnswer)) {
      this.counts.lostAnswers++;
      end();
      return true;
    }
    if (this.chance(this.faults.cutAnswer)) {
      this.counts.cutAnswers++;
      near.end(piece.subarray(0, piece.length >> 1));
      return true;
    }
    return near.write(piece);
  }

  private hold(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }
}
