// The host's memory in Convex. Mutations go over HTTP, where they run side by side; a shard's mail from outside comes over one
// WebSocket as subscriptions. A call without an answer may have happened: it is `Unanswered`, and made again by the host, unchanged.

import { randomUUID } from "node:crypto";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { FunctionReference } from "convex/server";
import { ConvexError } from "convex/values";
import { api } from "../../convex/_generated/api.js";
import type { Actor, Epoch, LoadPage, Mail, Settled, StepResult } from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import { Conflict, Fenced, type HostStore, Refused, Unanswered } from "./host-store.ts";

/** Gives a machine-to-machine access token; `fresh` after one was refused. Safe to call often. */
export type TokenSource = (fresh: boolean) => Promise<string>;

export interface ConvexCaller {
  query<Q extends FunctionReference<"query">>(reference: Q, args: Q["_args"]): Promise<Q["_returnType"]>;
  /** Runs beside other mutations. Its answer may be lost after it happened. @throws {Unanswered} {@link Refused} {@link Fenced} {@link Conflict} */
  mutation<M extends FunctionReference<"mutation">>(reference: M, args: M["_args"]): Promise<M["_returnType"]>;
}

const CALL_TIMEOUT_MS = 30_000;

/** Calls Convex functions with the orchestrator's own token. */
export function createCaller(url: string, token: TokenSource): ConvexCaller {
  const http = new ConvexHttpClient(url, { skipConvexDeploymentUrlCheck: true, logger: false, fetch: boundedFetch });
  const client = async (fresh: boolean) => {
    http.setAuth(await token(fresh));
    return http;
  };
  const call = async <T>(run: (http: ConvexHttpClient) => Promise<T>): Promise<T> => {
    try {
      return await run(await client(false));
    } catch (error) {
      if (!isAuthFailure(error)) throw translated(error);
    }
    try {
      return await run(await client(true));
    } catch (error) {
      throw translated(error);
    }
  };
  return {
    query: (reference, args) => call((http) => http.query(reference, args)),
    mutation: (reference, args) => call((http) => http.mutation(reference, args, { skipQueue: true })),
  };
}

const boundedFetch = ((input: string | URL | Request, init?: RequestInit) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })) as typeof fetch;

const isAuthFailure = (error: unknown) =>
  error instanceof Error &&
  !(error instanceof ConvexError) &&
  /InvalidAuthHeader|NoAuthProvider|Unauthenticated|"code":"Auth/.test(error.message);

/** @returns what the host understands; a network error or a server fault is `Unanswered`, everything else `Refused` */
function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  if (error instanceof ConvexError) {
    const data = error.data as { code?: string; message?: string; shard?: number; actor?: string };
    if (data.code === "fenced") return new Fenced(data.shard ?? -1);
    if (data.code === "conflict") return new Conflict(data.actor ?? "an actor");
    return new Refused(data.message ?? reasonOf(error), data.code, { cause: error });
  }
  const text = reasonOf(error);
  // The function ran and threw, or its arguments do not fit: the same call will fail again.
  if (/Server Error|ArgumentValidationError|Could not find public function/.test(text))
    return new Refused(text, "failed", { cause: error });
  return new Unanswered(text, { cause: error });
}

export interface ConvexStore extends HostStore {
  close(): Promise<void>;
}

/**
 * @param name of this orchestrator: one that starts again under the name it had takes its shards back at once, without waiting for
 * its old lease to run out. Two under one name do not fight over them: the one that is fenced goes on under a name of its own.
 */
export function createConvexStore(url: string, name: string, token: TokenSource, caller: ConvexCaller): ConvexStore {
  let owner = name;
  const yielding = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (error instanceof Fenced) owner = `${name} (${randomUUID()})`;
      throw error;
    }
  };
  const socket = new ConvexClient(url, { skipConvexDeploymentUrlCheck: true, logger: false });
  socket.setAuth(async ({ forceRefreshToken }) => token(forceRefreshToken));
  const epochs = (list: readonly Epoch[]) => list.map((epoch) => ({ ...epoch }));
  return {
    claim: (shards, ttlMs) => caller.mutation(api.shards.claim, { shards: [...shards], owner, ttlMs }),
    renew: async (leases, ttlMs) => {
      const { lost } = await caller.mutation(api.shards.renew, { owner, leases: epochs(leases), ttlMs });
      if (lost.length > 0) owner = `${name} (${randomUUID()})`;
      return lost;
    },
    release: async (leases) => {
      await caller.mutation(api.shards.release, { owner, leases: epochs(leases) });
    },
    load: (shard, cursor): Promise<LoadPage> => caller.query(api.host.load, { shard, cursor }),
    actor: (address): Promise<Actor | null> => caller.query(api.host.actor, { address }),
    commit: async (list, steps): Promise<StepResult[]> =>
      (await yielding(caller.mutation(api.host.commit, { epochs: epochs(list), steps: [...steps] }))).results,
    settle: async (list, settlements): Promise<Settled[]> =>
      (await yielding(caller.mutation(api.host.settle, { epochs: epochs(list), settlements: [...settlements] }))).results,
    park: async (list, actor, reason) => {
      await caller.mutation(api.host.park, { epochs: epochs(list), actor, reason });
    },
    watchOutside: (shard, onMail) => {
      const subscription = socket.onUpdate(api.mailbox.outside, { shard }, (rows: Mail[]) => onMail(rows));
      return () => subscription();
    },
    close: () => socket.close(),
  };
}
