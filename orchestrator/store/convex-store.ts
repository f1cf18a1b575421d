// The host's memory in Convex. Mutations go over HTTP, where they run side by side; a shard's mail from outside comes over one
// WebSocket as subscriptions. A call without an answer may have happened: it is `Unanswered`, and made again by the host, unchanged.

import { randomUUID } from "node:crypto";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import type { FunctionReference } from "convex/server";
import { ConvexError } from "convex/values";
import { api } from "../../convex/_generated/api.js";
import {
  ACTORS_AT_ONCE,
  type Actor,
  type Attendance,
  type Epoch,
  type LoadPage,
  type Mail,
  type Settled,
  type StepResult,
} from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import { createLog, type Log } from "../log.ts";
import { Conflict, Fenced, type HostStore, Refused, Unanswered } from "./host-store.ts";
import { plainMutation } from "./plain-mutation.ts";

/** Gives a machine-to-machine access token; `fresh` after one was refused. Safe to call often. */
export type TokenSource = (fresh: boolean) => Promise<string>;

export interface ConvexCaller {
  query<Q extends FunctionReference<"query">>(reference: Q, args: Q["_args"]): Promise<Q["_returnType"]>;
  /** Runs beside other mutations. Its answer may be lost after it happened. @throws {Unanswered} {@link Refused} {@link Fenced} {@link Conflict} */
  mutation<M extends FunctionReference<"mutation">>(reference: M, args: M["_args"]): Promise<M["_returnType"]>;
}

/** What the host's store needs besides. */
export interface HostCaller extends ConvexCaller {
  /** A mutation whose arguments and answer are plain JSON (plain-mutation.ts), at a fraction of the cost. */
  plainMutation<M extends FunctionReference<"mutation">>(reference: M, args: M["_args"]): Promise<M["_returnType"]>;
}

const CALL_TIMEOUT_MS = 30_000;

/** Calls Convex functions with the orchestrator's own token. */
export function createCaller(url: string, token: TokenSource): HostCaller {
  const http = new ConvexHttpClient(url, { skipConvexDeploymentUrlCheck: true, logger: false, fetch: answered });
  const withToken = async <T>(run: (token: string) => Promise<T>): Promise<T> => {
    try {
      return await run(await token(false));
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw translated(error);
    }
    try {
      return await run(await token(true));
    } catch (error) {
      throw translated(error);
    }
  };
  const call = <T>(run: (http: ConvexHttpClient) => Promise<T>): Promise<T> =>
    withToken((token) => {
      http.setAuth(token);
      return run(http);
    });
  return {
    query: (reference, args) => call((http) => http.query(reference, args)),
    mutation: (reference, args) => call((http) => http.mutation(reference, args, { skipQueue: true })),
    plainMutation: (reference, args) => withToken((token) => plainMutation({ url, token, send: wholeAnswer }, reference, args)),
  };
}

/** Not about the call but about who makes it: asked again with a fresh token. */
class TokenRefused extends Unanswered {}

/** A function that failed, on Convex's cloud. */
const FUNCTION_FAILED = 560;

/** Fetches the whole answer or says which kind of none it is. @throws {Unanswered} {@link TokenRefused} {@link Refused} */
async function wholeAnswer(input: string | URL | Request, init?: RequestInit): Promise<{ body: string; status: number }> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(input, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) });
    body = await response.text();
  } catch (cause) {
    throw new Unanswered(`Convex does not answer: ${reasonOf(cause)}`, { cause });
  }
  const { status } = response;
  if (response.ok || status === FUNCTION_FAILED) return { body, status };
  const said = `Convex answers HTTP ${status}: ${body.slice(0, 500)}`;
  if (status === 401 || status === 403) throw new TokenRefused(said);
  if (status === 400 || status === 413) throw new Refused(said, "badRequest");
  throw new Unanswered(said);
}

/** The same for the stock client. */
const answered = (async (input: string | URL | Request, init?: RequestInit) => {
  const { body, status } = await wholeAnswer(input, init);
  return new Response(body, { status });
}) as typeof fetch;

/** What every call would be refused with, whatever it is about: the deployment, or our standing in it, is not as it should be. */
const OF_ALL_CALLS: ReadonlySet<string | undefined> = new Set(["unauthenticated", "forbidden"]);

/** @returns what the host understands. Only `Refused` is about the call itself; what is not known to be, counts as `Unanswered` */
function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  const text = reasonOf(error);
  // Half an answer, or one of somebody in between.
  if (error instanceof SyntaxError) return new Unanswered(text, { cause: error });
  if (error instanceof ConvexError) {
    const { code, message = text, shard = -1, actor = "an actor" } = error.data as Refusal;
    if (code === "fenced") return new Fenced(shard);
    if (code === "conflict") return new Conflict(actor);
    if (OF_ALL_CALLS.has(code)) return new Unanswered(message, { cause: error });
    return new Refused(message, code, { cause: error });
  }
  // Functions that are not deployed yet.
  if (text.includes("Could not find")) return new Unanswered(text, { cause: error });
  return new Refused(text, "failed", { cause: error });
}

/** What our functions refuse with: see `convex/errors.ts`. */
interface Refusal {
  readonly code?: string;
  readonly message?: string;
  readonly shard?: number;
  readonly actor?: string;
}

export interface ConvexStore extends HostStore {
  close(): Promise<void>;
}

/**
 * @param name of this orchestrator: one that starts again under the name it had takes its shards back at once, without waiting for
 * its old lease to run out. Two under one name do not fight over them: the one that began first goes on under a name of its own.
 * @param log @default standard error
 */
export function createConvexStore(
  url: string,
  name: string,
  token: TokenSource,
  caller: HostCaller,
  log: Pick<Log, "warn"> = createLog(),
): ConvexStore {
  let owner = name;
  const instance = randomUUID();
  const socket = new ConvexClient(url, { skipConvexDeploymentUrlCheck: true, logger: false });
  socket.setAuth(async ({ forceRefreshToken }) => token(forceRefreshToken));
  const epochs = (list: readonly Epoch[]) => list.map((epoch) => ({ ...epoch }));
  return {
    attend: async (held, ttlMs, sinceMs): Promise<Attendance> => {
      const attendance = await caller.mutation(api.shards.attend, { owner, instance, held: epochs(held), ttlMs, sinceMs });
      if (attendance.isReplaced) owner = `${name} (${instance})`;
      return attendance;
    },
    release: async (leases, isLeaving) => {
      await caller.mutation(api.shards.release, { owner, leases: epochs(leases), isLeaving });
    },
    watchRoster: (onChange) => {
      const failed = (error: Error) => log.warn("roster.watch_failed", { reason: reasonOf(error) });
      const subscription = socket.onUpdate(api.shards.roster, {}, () => onChange(), failed);
      return () => subscription();
    },
    load: (shard, cursor): Promise<LoadPage> => caller.query(api.host.load, { shard, cursor }),
    actors: async (addresses) => entries(addresses, await caller.query(api.host.actors, { addresses: [...addresses] })),
    commit: async (list, steps): Promise<StepResult[]> =>
      (await caller.plainMutation(api.host.commit, { epochs: epochs(list), steps: [...steps] })).results,
    settle: async (list, settlements): Promise<Settled[]> =>
      (await caller.mutation(api.host.settle, { epochs: epochs(list), settlements: [...settlements] })).results,
    park: async (list, actor, reason) => {
      await caller.mutation(api.host.park, { epochs: epochs(list), actor, reason });
    },
    fail: (list, actor, failure) => caller.mutation(api.quarantine.failed, { epochs: epochs(list), actor, failure }),
    watchOutside: (shard, onMail) => {
      // After an error the subscription goes on: the next change that it can read comes as usual.
      const failed = (error: Error) => log.warn("mailbox.watch_failed", { shard, reason: reasonOf(error) });
      const subscription = socket.onUpdate(api.mailbox.outside, { shard }, (rows: Mail[]) => onMail(rows), failed);
      return () => subscription();
    },
    close: () => socket.close(),
  };
}

/** One entry an address that the answer is about; null for one that does not exist. @param found in the order they were asked for */
function entries(addresses: readonly string[], found: readonly Actor[]): (Actor | null)[] {
  const rows = new Map(found.map((row) => [row.address, row]));
  const upToLast = addresses.lastIndexOf(found.at(-1)?.address ?? "") + 1;
  return addresses.slice(0, Math.max(upToLast, ACTORS_AT_ONCE)).map((address) => rows.get(address) ?? null);
}
