// `/inspect`: the actor system live, for members of the project. One WebSocket per viewer; the wire is in wire.ts.
//   I1. Nothing is told before a valid token of a person and the project's own answer to that person.
//   I2. A client that does not read is cut, never waited for: no more than MAX_BUFFERED_BYTES are held for it.
//   I3. With the token ends the feed.

import { ConvexError } from "convex/values";
import { Elysia } from "elysia";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { startFeed } from "./feed.ts";
import type { VerifyPerson } from "./person-token.ts";
import type { ProjectLog } from "./project-log.ts";
import { type AuthFrame, CLOSE, type CloseCode, parseAuth, type ServerFrame } from "./wire.ts";

export interface InspectorDeps {
  readonly verify: VerifyPerson;
  /** Opens the log as the bearer of a token may read it. */
  readonly open: (token: string) => ProjectLog;
  /** The one origin whose pages may connect. Who sends none is no page. */
  readonly webOrigin: string;
  readonly log: Log;
  readonly now?: () => number;
  /** @default 5 s */
  readonly authTimeoutMs?: number;
  /** @default 8 MiB */
  readonly maxBufferedBytes?: number;
}

const MAX_VIEWERS = 200;
/** The longest a timer can wait; nobody's token lives that long. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the application has to set for its WebSockets: a frame is small, and Bun must not drop what I2 has not cut yet. */
export const WEB_SOCKET_SETTINGS = {
  maxPayloadLength: 32 * 1024,
  /** Seconds without a sign of life; Bun pings by itself. */
  idleTimeout: 120,
  backpressureLimit: 64 * 1024 * 1024,
  perMessageDeflate: true,
} as const;

export const inspector = (deps: InspectorDeps) => {
  const viewers = new Map<string, Viewer>();
  return new Elysia({ name: "inspector" }).ws("/inspect", {
    beforeHandle: ({ request, status }) => {
      const origin = request.headers.get("origin");
      if (origin !== null && origin !== deps.webOrigin)
        return status(403, { code: "forbidden", message: `not for pages of ${origin}` });
    },
    open: (ws) => {
      if (viewers.size >= MAX_VIEWERS) return ws.close(CLOSE.tooMany, `${MAX_VIEWERS} others are watching: try again later`);
      // Elysia's type hides what Bun's socket can do.
      viewers.set(ws.id, new Viewer(ws.raw as unknown as Bun.ServerWebSocket, deps));
    },
    message: (ws, frame) => viewers.get(ws.id)?.hear(frame),
    close: (ws) => {
      viewers.get(ws.id)?.end();
      viewers.delete(ws.id);
    },
  });
};

class Viewer {
  private readonly timers: ReturnType<typeof setTimeout>[] = [];
  private hasSpoken = false;
  private isEnded = false;
  private stop: () => void = () => {};

  constructor(
    private readonly socket: Bun.ServerWebSocket,
    private readonly deps: InspectorDeps,
  ) {
    this.after(deps.authTimeoutMs ?? 5_000, () => {
      if (!this.hasSpoken) this.close(CLOSE.authTimeout, "the first frame is {type: auth, token, project}");
    });
  }

  hear(frame: unknown): void {
    const auth = this.hasSpoken ? null : parseAuth(frame);
    this.hasSpoken = true;
    if (auth) this.begin(auth).catch((error) => this.fail(error));
    else this.close(CLOSE.malformed, "one frame is listened to, and it is {type: auth, token, project, after?}");
  }

  end(): void {
    this.isEnded = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.stop();
  }

  private async begin({ token, project, after }: AuthFrame): Promise<void> {
    const { verify, open, now = Date.now } = this.deps;
    const person = await verify(token);
    if (!person) return this.close(CLOSE.unauthenticated, "sign in first");
    if (this.isEnded) return;
    const log = open(token);
    const closeLog = () =>
      void log.close().catch((error) => this.deps.log.warn("inspect.close_failed", { reason: reasonOf(error) }));
    this.stop = closeLog;
    const address = await log.find(project);
    if (!address) return this.close(CLOSE.forbidden, "there is no such project for you");
    if (this.isEnded) return;
    const endFeed = startFeed({
      log,
      project: address,
      after: after ?? null,
      send: (frame) => this.send(frame),
      onError: (error) => this.fail(error),
      now,
    });
    this.stop = () => {
      endFeed();
      closeLog();
    };
    this.after(Math.min(person.expiresAt - now(), MAX_TIMER_MS), () =>
      this.close(CLOSE.unauthenticated, "the token has expired"),
    );
    this.deps.log.info("inspect.opened", { project: address, resumed: after !== undefined });
  }

  private send(frame: ServerFrame): void {
    if (this.isEnded) return;
    if (this.socket.getBufferedAmount() > (this.deps.maxBufferedBytes ?? 8 * 1024 * 1024)) {
      this.deps.log.warn("inspect.cut", { reason: "the client does not read" });
      this.close(CLOSE.slow, "too slow: reconnect and resume");
      return;
    }
    this.socket.send(JSON.stringify(frame));
  }

  private fail(error: unknown): void {
    if (this.isEnded) return;
    const { code, reason } = refusalOf(error);
    if (code === CLOSE.unavailable) this.deps.log.warn("inspect.failed", { reason: reasonOf(error) });
    this.close(code, reason);
  }

  private close(code: CloseCode, reason: string): void {
    if (this.isEnded) return;
    this.end();
    this.socket.close(code, reason);
  }

  private after(ms: number, run: () => void): void {
    this.timers.push(setTimeout(run, ms));
  }
}

/** What Convex says no with, by the code its error carries (docs/design/data.md). */
function refusalOf(error: unknown): { code: CloseCode; reason: string } {
  const data = error instanceof ConvexError ? (error.data as { code?: unknown; message?: unknown }) : null;
  switch (data?.code) {
    case undefined:
      return { code: CLOSE.unavailable, reason: "the log cannot be read: try again" };
    case "unauthenticated":
      return { code: CLOSE.unauthenticated, reason: "sign in again" };
    default:
      // A reason has at most 123 bytes on the wire.
      return { code: CLOSE.forbidden, reason: String(data?.message).slice(0, 100) };
  }
}
