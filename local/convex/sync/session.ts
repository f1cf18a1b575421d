// One sync client: its query set, its identity, its requests in order. Speaks through a Peer and works through the loop.
//   Y1. A transition starts exactly where the previous one ended, and moves all queries of the session to one timestamp.
//   Y2. Every mutation's answer is followed by a transition at or past its timestamp: the client resolves only then.
//   Y3. Mutations of one session run one at a time, in the order they came, as the identity that was current when they came.
//   Y4. Messages are taken in order: what follows an Authenticate waits for its verification.
//   Y5. Whatever a client does wrong ends that client's connection, and nothing else.
//   Y6. A client that reads slowly gets fewer transitions, never a queue of them.
//   Y7. While the disk takes no writes a mutation waits here and is tried again: the client keeps its subscriptions meanwhile.
import { type Identity, NOBODY } from "../auth/identity.ts";
import { AuthRefused, type TokenVerifier } from "../auth/verifier.ts";
import type { FunctionCalls } from "../calls.ts";
import { type Store, WriteRefused } from "../engine/index.ts";
import type { LiveQueries } from "../loop/live-queries.ts";
import type { Loop } from "../loop/loop.ts";
import { Overloaded } from "../loop/overloaded.ts";
import { errorText, type Log } from "../ops/log.ts";
import { newRequestId } from "../runner/failure.ts";
import type { RequestOrigin } from "../runner/origin.ts";
import { nowMs, realSetTimeout } from "../runner/real-globals.ts";
import { BadFrame, type ClientFrame, parseClientFrame, type QueryModification } from "./client-frames.ts";
import { identify } from "./identify.ts";
import { QuerySet } from "./query-set.ts";
import { authError, chunked, fatalError, response, transition, type Version } from "./server-frames.ts";

/** The connection under a session. */
export interface Peer {
  send(text: string): void;
  /** Bytes accepted by `send` that the network has not taken yet. */
  unsentBytes(): number;
  close(code: number, reason: string): void;
}

export interface SessionDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly live: LiveQueries;
  readonly calls: FunctionCalls;
  readonly verifier: TokenVerifier;
  readonly adminKey: string;
  readonly log: Log;
}

type QueuedMutation = { readonly frame: Extract<ClientFrame, { type: "Mutation" | "Action" }>; readonly identity: Identity };

const MAX_PENDING = 1000;
const MAX_INBOX = 4000;
const MAX_QUERIES = 20_000;
/** How long a mutation waits when the disk refused it. */
const REFUSED_WRITE_RETRY_MS = 1000;
const HIGH_WATER_BYTES = 1024 * 1024;

export class Session {
  readonly #queries: QuerySet;
  readonly #inbox: string[] = [];
  readonly #mutations: QueuedMutation[] = [];
  readonly #modifications: QueryModification[] = [];
  #sessionId: string | null = null;
  #clockSkewMs = 0;
  #sent: Version = { querySet: 0, identity: 0, ts: 0n };
  #querySet = 0;
  #identityVersion = 0;
  #identity: Identity = NOBODY;
  #isReading = false;
  #isMutating = false;
  #runningActions = 0;
  #isTransitionQueued = false;
  #transitionsSent = 0;
  #isClosed = false;
  #isBlocked = false;

  constructor(
    private readonly deps: SessionDeps,
    private readonly peer: Peer,
    private readonly origin: Pick<RequestOrigin, "ip" | "userAgent">,
  ) {
    this.#queries = new QuerySet(deps.live, () => this.#queueTransition());
  }

  get queryCount(): number {
    return this.#queries.size;
  }

  /** A text frame arrived. */
  receive(text: string): void {
    if (this.#isClosed) return;
    if (this.#inbox.length >= MAX_INBOX) {
      this.#close(1013, "TooManyConcurrentRequests");
      return;
    }
    this.#inbox.push(text);
    if (!this.#isReading) void this.#read();
  }

  /** The network took what was waiting: transitions may flow again (Y6). */
  drained(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#queueTransition();
    this.#nextMutation();
  }

  /** The connection is gone. Mutations already handed to the loop still happen; the client asks for their answers again. */
  closed(): void {
    this.#isClosed = true;
    this.#queries.close();
    this.#inbox.length = 0;
    this.#mutations.length = 0;
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      for (let text = this.#inbox.shift(); text !== undefined && !this.#isClosed; text = this.#inbox.shift()) {
        const pending = this.#handle(parseClientFrame(text));
        if (pending !== null) await pending; // Y4
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isReading = false;
    }
  }

  #handle(frame: ClientFrame): Promise<void> | null {
    if (frame.type !== "Connect" && this.#sessionId === null) throw new BadFrame("The first message must be Connect.");
    switch (frame.type) {
      case "Connect":
        this.#connect(frame);
        return null;
      case "ModifyQuerySet":
        this.#modify(frame);
        return null;
      case "Authenticate":
        return this.#authenticate(frame);
      case "Mutation":
        if (this.#mutations.length >= MAX_PENDING)
          throw new Overloaded("TooManyConcurrentRequests", "Too many pending mutations.");
        this.#mutations.push({ frame, identity: this.#identity });
        this.#nextMutation();
        return null;
      case "Action":
        this.#act(frame);
        return null;
      case "Event":
        return null;
      default:
        return frame satisfies never;
    }
  }

  #connect(frame: Extract<ClientFrame, { type: "Connect" }>): void {
    if (this.#sessionId !== null) throw new BadFrame("Connect was sent twice.");
    if (frame.maxObservedTs !== null && frame.maxObservedTs > this.deps.store.latestTs) {
      // This client saw a future we do not have: our clock was set back, or an old backup was restored.
      this.deps.log.warn("sync.clientAhead", {
        sessionId: frame.sessionId,
        aheadNs: Number(frame.maxObservedTs - this.deps.store.latestTs),
      });
      this.#close(1011, "InternalServerError: client has observed a later timestamp than this deployment");
      return;
    }
    this.#sessionId = frame.sessionId;
    if (frame.clientTs !== null) this.#clockSkewMs = Math.round(frame.clientTs - nowMs());
  }

  #modify(frame: Extract<ClientFrame, { type: "ModifyQuerySet" }>): void {
    if (frame.baseVersion !== this.#querySet || frame.newVersion < frame.baseVersion) {
      throw new BadFrame(`ModifyQuerySet starts at version ${frame.baseVersion}, but the query set is at ${this.#querySet}.`);
    }
    if (this.#queries.size + this.#modifications.length + frame.modifications.length > MAX_QUERIES) {
      throw new BadFrame(`A client may subscribe to at most ${MAX_QUERIES} queries.`);
    }
    this.#querySet = frame.newVersion;
    this.#modifications.push(...frame.modifications);
    this.#queueTransition();
  }

  async #authenticate(frame: Extract<ClientFrame, { type: "Authenticate" }>): Promise<void> {
    if (frame.baseVersion !== this.#identityVersion) {
      throw new BadFrame(`Authenticate starts at version ${frame.baseVersion}, but the identity is at ${this.#identityVersion}.`);
    }
    try {
      this.#identity = await identify(frame.credential, this.deps);
    } catch (error) {
      if (!(error instanceof AuthRefused)) throw error;
      this.peer.send(authError(error.message, frame.baseVersion, true));
      return this.#close(1000, "AuthError");
    }
    this.#identityVersion = frame.baseVersion + 1;
    this.#queries.markAllStale();
    this.#queueTransition();
  }

  // Y3: the next one starts when the previous one is answered; a client that does not read its answers gets no further.
  #nextMutation(): void {
    if (this.#isMutating || this.#isClosed || this.#mutations.length === 0) return;
    if (this.peer.unsentBytes() > HIGH_WATER_BYTES) {
      this.#isBlocked = true;
      return;
    }
    const next = this.#mutations.shift();
    const sessionId = this.#sessionId;
    if (next === undefined || sessionId === null) return;
    const { frame, identity } = next;
    if (this.#isExpired(identity)) return;
    this.#isMutating = true;
    this.deps.calls.submitMutation(
      {
        component: frame.component,
        path: frame.path,
        args: frame.args,
        identity,
        origin: this.#newOrigin(),
        session: { sessionId, requestId: frame.requestId },
      },
      (result) => {
        this.#isMutating = false;
        if (this.#isClosed) return;
        this.peer.send(response("Mutation", frame.requestId, result));
        this.#queueTransition(); // Y2
        this.#nextMutation();
      },
      (error) => {
        if (error instanceof WriteRefused && !this.#isClosed) return this.#mutateLater(next); // Y7
        this.#isMutating = false;
        this.#fail(error);
      },
    );
  }

  #mutateLater(refused: QueuedMutation): void {
    realSetTimeout(() => {
      this.#isMutating = false;
      if (this.#isClosed) return;
      this.#mutations.unshift(refused);
      this.#nextMutation();
    }, REFUSED_WRITE_RETRY_MS);
  }

  #act(frame: Extract<ClientFrame, { type: "Mutation" | "Action" }>): void {
    if (this.#runningActions >= MAX_PENDING) throw new Overloaded("TooManyConcurrentRequests", "Too many pending actions.");
    if (this.#isExpired(this.#identity)) return;
    this.#runningActions += 1;
    this.deps.calls
      .action({
        component: frame.component,
        path: frame.path,
        args: frame.args,
        identity: this.#identity,
        origin: this.#newOrigin(),
      })
      .then((result) => {
        if (!this.#isClosed) this.peer.send(response("Action", frame.requestId, result));
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#runningActions -= 1;
      });
  }

  #queueTransition(): void {
    if (this.#isTransitionQueued || this.#isClosed) return;
    this.#isTransitionQueued = true;
    this.deps.loop.readDuty(() => this.#transition());
  }

  // Runs in a read phase: nothing is written until it returns (the loop's L3).
  async #transition(): Promise<void> {
    this.#isTransitionQueued = false;
    if (this.#isClosed || this.#isExpired(this.#identity)) return;
    if (this.peer.unsentBytes() > HIGH_WATER_BYTES) {
      this.#isBlocked = true; // Y6
      return;
    }
    try {
      const end: Version = { querySet: this.#querySet, identity: this.#identityVersion, ts: this.deps.store.latestTs };
      const changes = this.#modifications.splice(0);
      const modifications = await this.#queries.update(changes, this.#identity, () => this.#newOrigin());
      if (this.#isClosed) return;
      const text = transition(this.#sent, end, modifications, this.#clockSkewMs, nowMs());
      this.#transitionsSent += 1;
      for (const part of chunked(text, String(this.#transitionsSent))) this.peer.send(part);
      this.#sent = end; // Y1
    } catch (error) {
      this.#fail(error);
    }
  }

  #isExpired(identity: Identity): boolean {
    if (identity.kind !== "user" || identity.expiresAtMs > nowMs()) return false;
    this.peer.send(authError("Token expired", Math.max(0, this.#identityVersion - 1), false));
    this.#close(1000, "AuthError");
    return true;
  }

  #newOrigin(): RequestOrigin {
    return { ...this.origin, requestId: newRequestId(), scheduledFunctionId: null };
  }

  // Y5
  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (error instanceof BadFrame) {
      this.peer.send(fatalError(error.message));
      this.#close(1002, "BadFrame");
    } else if (error instanceof Overloaded) {
      this.#close(1013, error.code);
    } else {
      this.deps.log.error("sync.failed", { sessionId: this.#sessionId, error: errorText(error) });
      this.#close(1011, "InternalServerError");
    }
  }

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.closed();
    this.peer.close(code, reason.slice(0, 120));
  }
}
