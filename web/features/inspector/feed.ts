// The line to the orchestrator's `/inspect`: opens it, says who is asking, hands frames on, opens it again when it breaks.
//   F1. After a break it resumes behind the last step it has seen, with growing pauses.
//   F2. A refusal is not tried again: only a person can change its reason.

import { type Frame, parseFrame } from "./frames.ts";
import { EMPTY_PICTURE, type Picture, withFrames } from "./picture.ts";

export type FeedState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  /** `retryAt` in ms. */
  | { readonly kind: "offline"; readonly reason: string; readonly retryAt: number }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "signedOut" };

export interface FeedView {
  readonly state: FeedState;
  readonly picture: Picture;
}

export interface FeedDeps {
  /** Of the orchestrator, http(s). */
  readonly url: string;
  /** The project's address. */
  readonly project: string;
  /** Null when the sign-in has ended. */
  readonly token: (how: { forceRefreshToken: boolean }) => Promise<string | null>;
  /** @default WebSocket */
  readonly open?: (url: string) => WebSocket;
}

/** Close codes of the orchestrator's wire that are about this caller, not about the line. */
const CLOSE = { malformed: 4400, unauthenticated: 4401, forbidden: 4403 } as const;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** Frames are shown together: a burst is one repaint. */
const SHOW_EVERY_MS = 100;

export class InspectorFeed {
  private readonly listeners = new Set<() => void>();
  private view: FeedView = { state: { kind: "connecting" }, picture: EMPTY_PICTURE };
  private socket: WebSocket | null = null;
  private pending: Frame[] = [];
  private showTimer: ReturnType<typeof setTimeout> | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private mustRefresh = false;
  /** Whoever opened before this has been given up. */
  private turn = 0;

  constructor(private readonly deps: FeedDeps) {}

  /** Connected while somebody listens. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) void this.connect();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.disconnect();
    };
  };

  readonly read = (): FeedView => this.view;

  /** At once, whatever the pause was. */
  readonly retry = (): void => {
    this.disconnect();
    void this.connect();
  };

  private async connect(): Promise<void> {
    const turn = ++this.turn;
    this.show({ kind: "connecting" });
    let token: string | null;
    try {
      token = await this.deps.token({ forceRefreshToken: this.mustRefresh });
    } catch {
      if (turn === this.turn) this.pause("The dashboard’s server did not answer.");
      return;
    }
    if (turn !== this.turn) return;
    if (token === null) return this.show({ kind: "signedOut" });
    const { url, project, open = (address: string) => new WebSocket(address) } = this.deps;
    const socket = open(`${url.replace(/^http/, "ws").replace(/\/+$/, "")}/inspect`);
    this.socket = socket;
    const isMine = () => turn === this.turn;
    socket.addEventListener("open", () => {
      const { after } = this.view.picture;
      if (isMine()) socket.send(JSON.stringify({ type: "auth", token, project, ...(after === null ? {} : { after }) }));
    });
    socket.addEventListener("message", ({ data }) => {
      const frame = parseFrame(data);
      if (isMine() && frame !== null) this.take(frame);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (isMine()) this.closed(code, reason);
    });
  }

  private take(frame: Frame): void {
    if (frame.kind === "ready") {
      this.failures = 0;
      this.mustRefresh = false;
      this.show({ kind: "live" });
    }
    this.pending.push(frame);
    this.showTimer ??= setTimeout(() => this.flush(), SHOW_EVERY_MS);
  }

  private closed(code: number, reason: string): void {
    this.flush();
    this.socket = null;
    if (code === CLOSE.forbidden || code === CLOSE.malformed) {
      this.show({ kind: "refused", reason: sentence(reason) }); // F2
    } else if (code === CLOSE.unauthenticated && this.mustRefresh) {
      this.show({ kind: "signedOut" });
    } else if (code === CLOSE.unauthenticated) {
      this.mustRefresh = true;
      void this.connect();
    } else {
      this.pause(reason === "" ? "The orchestrator cannot be reached." : sentence(reason));
    }
  }

  /** F1. */
  private pause(reason: string): void {
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** this.failures, LONGEST_PAUSE_MS);
    // Not all pages at the same moment.
    const pauseMs = longest * (0.5 + Math.random() / 2);
    this.failures++;
    this.show({ kind: "offline", reason, retryAt: Date.now() + pauseMs });
    this.retryTimer = setTimeout(() => void this.connect(), pauseMs);
  }

  private disconnect(): void {
    this.turn++;
    this.flush();
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
    this.socket?.close();
    this.socket = null;
  }

  private flush(): void {
    if (this.showTimer !== null) clearTimeout(this.showTimer);
    this.showTimer = null;
    const frames = this.pending;
    this.pending = [];
    if (frames.length > 0) this.publish({ ...this.view, picture: withFrames(this.view.picture, frames) });
  }

  private show(state: FeedState): void {
    this.publish({ ...this.view, state });
  }

  private publish(view: FeedView): void {
    this.view = view;
    for (const listener of this.listeners) listener();
  }
}

/** A close code's reason comes without capital and full stop. */
const sentence = (reason: string): string =>
  `${reason.charAt(0).toUpperCase()}${reason.slice(1)}${/[.!?]$/.test(reason) ? "" : "."}`;
