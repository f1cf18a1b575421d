// All sync connections: Bun's sockets on one side, Sessions on the other, and the heartbeat of every connection.
import type { ServerWebSocket, WebSocketHandler } from "bun";
import type { RequestOrigin } from "../runner/origin.ts";
import { nowMs, realSetInterval } from "../runner/real-globals.ts";
import { PING } from "./server-frames.ts";
import { type Peer, Session, type SessionDeps } from "./session.ts";

export interface SocketData {
  readonly origin: Pick<RequestOrigin, "ip" | "userAgent">;
  session: Session | null;
  /** ms since the epoch of the last frame sent */
  sentAtMs: number;
}

type Socket = ServerWebSocket<SocketData>;

/** Clients give up after 60 s of silence. */
const PING_AFTER_MS = 15_000;
/** Silence is looked for this many times while it may last. */
const LOOKS = 3;
/** Connections silent for this long (not even a WebSocket pong) are dropped. */
const IDLE_SECONDS = 120;
const MAX_FRAME_BYTES = 20 * 1024 * 1024;
const MAX_UNSENT_BYTES = 256 * 1024 * 1024;

export class SyncSessions {
  readonly #sockets = new Set<Socket>();
  readonly #heartbeat: NodeJS.Timeout;

  /** @param pingAfterMs how long a connection may be silent before the client is told that it stands. Default 15,000 */
  constructor(
    private readonly deps: SessionDeps,
    private readonly pingAfterMs = PING_AFTER_MS,
  ) {
    this.#heartbeat = realSetInterval(() => this.#beat(), pingAfterMs / LOOKS);
  }

  get count(): number {
    return this.#sockets.size;
  }

  get queryCount(): number {
    let queries = 0;
    for (const socket of this.#sockets) queries += socket.data.session?.queryCount ?? 0;
    return queries;
  }

  readonly handler: WebSocketHandler<SocketData> = {
    idleTimeout: IDLE_SECONDS,
    sendPings: true,
    maxPayloadLength: MAX_FRAME_BYTES,
    backpressureLimit: MAX_UNSENT_BYTES,
    closeOnBackpressureLimit: true,
    open: (socket) => {
      this.#sockets.add(socket);
      socket.data.session = new Session(this.deps, peerOf(socket), socket.data.origin);
    },
    message: (socket, message) => {
      if (typeof message === "string") socket.data.session?.receive(message);
      else socket.close(1003, "Text frames only");
    },
    drain: (socket) => socket.data.session?.drained(),
    close: (socket) => {
      this.#sockets.delete(socket);
      socket.data.session?.closed();
    },
  };

  /** Every client reconnects elsewhere, or here after a restart. */
  closeAll(): void {
    clearInterval(this.#heartbeat);
    for (const socket of this.#sockets) socket.close(1012, "InternalServerError: the deployment is restarting");
  }

  #beat(): void {
    const now = nowMs();
    for (const socket of this.#sockets) {
      if (now - socket.data.sentAtMs >= this.pingAfterMs && socket.getBufferedAmount() === 0) send(socket, PING);
    }
  }
}

const peerOf = (socket: Socket): Peer => ({
  send: (text) => send(socket, text),
  unsentBytes: () => socket.getBufferedAmount(),
  close: (code, reason) => socket.close(code, reason),
});

function send(socket: Socket, text: string): void {
  socket.data.sentAtMs = nowMs();
  socket.send(text);
}
