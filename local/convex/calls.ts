// Calls of functions as the network, actions and the scheduler make them: through the loop, observed, and with one shape of answer.
//   F1. A mutation is answered only after its commit (the loop's L2). With a session it is applied exactly once: its answer is
//       stored in the same commit, and a repetition of (session, request) is answered from there.
//   F2. A failed function is an answer. What is thrown is the deployment's own failure, or `Overloaded`.

import { type Identity, NOBODY } from "./auth/identity.ts";
import { type JsonObject, resolveCommitTs, type Store, type Transaction } from "./engine/index.ts";
import type { LiveQueries, QueryAnswer, QueryRequest } from "./loop/live-queries.ts";
import type { Loop, OpenGroup } from "./loop/loop.ts";
import { Overloaded } from "./loop/overloaded.ts";
import type { FunctionObserver } from "./ops/function-observer.ts";
import { ActionRunner } from "./runner/action-runner.ts";
import type { ActionHost, ActionJob, HostCall } from "./runner/action-syscalls.ts";
import { failureOf } from "./runner/failure.ts";
import {
  addressIn,
  type CodeVersion,
  type FunctionAddress,
  type FunctionKind,
  findFunction,
  type Reach,
  type RegisteredFunction,
  reachOf,
} from "./runner/functions.ts";
import { internalOrigin, type RequestOrigin } from "./runner/origin.ts";
import type { CallResult } from "./runner/outcome.ts";
import { elapsedMs, nowMs } from "./runner/real-globals.ts";
import { cancelJob, insertJob, jobState } from "./runner/scheduling.ts";
import type { TransactionRequest, TransactionRun, TransactionRunner } from "./runner/transaction-runner.ts";
import type { FileStorage } from "./storage/file-storage.ts";

export interface FunctionCall {
  /** Path of the component to look in; "" (default) is the app itself. Clients other than admins reach the app only. */
  readonly component?: string;
  readonly path: string;
  readonly args: JsonObject;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
  /** Set for calls by the app or a component itself. */
  readonly reach?: Reach;
}

export interface MutationCall extends FunctionCall {
  /** A sync client's (session, request), for exactly-once replay. */
  readonly session?: { readonly sessionId: string; readonly requestId: number };
  /** `[args]` as JSON, when it is at hand. */
  readonly argsJson?: string | undefined;
}

interface CallsOptions {
  readonly store: Store;
  readonly loop: Loop;
  readonly files: FileStorage;
  readonly live: LiveQueries;
  readonly runner: TransactionRunner;
  readonly observer: FunctionObserver;
  readonly code: () => CodeVersion;
  readonly deploymentName: string;
  readonly onScheduled: () => void;
}

const MAX_ACTIONS = 1000;

export class FunctionCalls implements ActionHost {
  readonly actions: ActionRunner;
  readonly files: FileStorage;
  #runningActions = 0;

  constructor(private readonly options: CallsOptions) {
    const { store, deploymentName, files } = options;
    this.files = files;
    this.actions = new ActionRunner(this, deploymentName, (id, component) => store.tableOf(id, component));
  }

  get runningActionCount(): number {
    return this.#runningActions;
  }

  /** Many queries are answered at one timestamp when called through one `queries`. */
  queries(requests: readonly QueryRequest[]): Promise<{ results: CallResult[] }> {
    const { loop, live, store } = this.options;
    return loop.read(async () => {
      const ts = store.latestTs;
      return {
        results: (await Promise.all(requests.map((request) => live.read(request)))).map(({ answer }) => toResult(answer, ts)),
      };
    });
  }

  async query(call: FunctionCall): Promise<CallResult> {
    const { results } = await this.queries([{ ...call, argsJson: JSON.stringify(call.args), journal: null }]);
    const [result] = results;
    if (result === undefined) throw new Error("A query was not answered.");
    return result;
  }

  /** A query on the state at an earlier timestamp (ns). @throws {EngineError} when that state is not kept any more */
  queryAt(call: FunctionCall, atTs: bigint): Promise<CallResult> {
    const { loop, store, runner, code, observer } = this.options;
    return loop.read(async () => {
      let fn: RegisteredFunction;
      try {
        fn = this.find(call, "query");
      } catch (error) {
        return this.#refused(call, error);
      }
      const { identity, origin, args } = call;
      const beginSnapshot = (component: string) => store.begin({ kind: "query", nowMs: nowMs(), component, atTs });
      const tx = beginSnapshot(fn.home.path);
      const run = await runner.run({
        code: code(),
        fn,
        args,
        argsJson: JSON.stringify([args]),
        tx,
        identity,
        origin,
        snapshotTs: atTs,
        previousJournal: null,
        beginSnapshot,
      });
      const { outcome, lines } = run;
      observer.note({ ...observed(call, fn), tookMs: run.tookMs, lines, error: outcome.ok ? null : outcome.failure.description });
      return outcome.ok
        ? { ok: true, valueJson: outcome.valueJson, lines, ts: atTs }
        : { ok: false, failure: outcome.failure, requestId: origin.requestId, lines };
    });
  }

  /** `done` or `failed` is called once, synchronously after the commit. */
  submitMutation(call: MutationCall, done: (result: CallResult) => void, failed: (error: unknown) => void): void {
    let fn: RegisteredFunction;
    try {
      fn = this.find(call, "mutation");
    } catch (error) {
      done(this.#refused(call, error));
      return;
    }
    this.options.loop.submit((group) => this.#mutate(fn, call, group), done, failed);
  }

  mutation(call: MutationCall): Promise<CallResult> {
    return new Promise((resolve, reject) => this.submitMutation(call, resolve, reject));
  }

  /** @throws {Overloaded} when too many actions run already */
  async action(call: FunctionCall): Promise<CallResult> {
    const { code, observer, store } = this.options;
    if (this.#runningActions >= MAX_ACTIONS)
      throw new Overloaded("TooManyConcurrentRequests", "Too many actions are running. Please try again shortly.");
    let fn: RegisteredFunction;
    try {
      fn = this.find(call, "action");
    } catch (error) {
      return this.#refused(call, error);
    }
    this.#runningActions += 1;
    const startedAt = elapsedMs();
    try {
      const outcome = await this.actions.run({ code: code(), identity: call.identity, origin: call.origin }, fn, call.args);
      const error = outcome.ok ? null : outcome.failure.description;
      observer.note({ ...observed(call, fn), tookMs: elapsedMs() - startedAt, lines: outcome.lines, error });
      return outcome.ok ? { ...outcome, ts: store.latestTs } : { ...outcome, requestId: call.origin.requestId };
    } finally {
      this.#runningActions -= 1;
    }
  }

  /** Any kind, decided by the function's own definition: what `convex run` uses. */
  async any(call: FunctionCall): Promise<CallResult> {
    let kind: FunctionKind;
    try {
      kind = this.find(call, null).kind;
    } catch (error) {
      return this.#refused(call, error);
    }
    return this.#byKind(kind, call);
  }

  call(request: HostCall): Promise<CallResult> {
    return this.#byKind(request.kind, request);
  }

  schedule({ owner, scheduledBy, ...job }: ActionJob): Promise<string> {
    const { loop, store } = this.options;
    return loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: nowMs(), component: owner });
      // A cancelled action finishes, but what it still schedules never runs.
      const parent = scheduledBy === null ? null : this.#jobText(tx, scheduledBy);
      const isOrphan = parent !== null && jobState(JSON.parse(parent)) === "canceled";
      const state = isOrphan ? "canceled" : "pending";
      const id = insertJob(tx, "_scheduled_functions", { ...job, nowMs: tx.nowMs, state });
      group.commit(tx);
      group.afterCommit(this.options.onScheduled);
      return id;
    });
  }

  cancel(jobId: string, owner: string): Promise<void> {
    return this.options.loop.write(async (group) => {
      const tx = this.options.store.begin({ kind: "mutation", nowMs: nowMs(), component: owner });
      cancelJob(tx, jobId, tx.nowMs);
      group.commit(tx);
    });
  }

  isMounted(component: string): boolean {
    return this.options.code().mounts.has(component);
  }

  /** @throws {FunctionError} */
  find(call: FunctionCall, kind: FunctionKind | null): RegisteredFunction {
    return findFunction(this.options.code(), addressIn(call), kind, reachOf(call));
  }

  /**
   * Runs a scheduled mutation on a transaction of the scheduler's, in its write phase; the scheduler decides what becomes of it.
   * @throws when the deployment failed
   */
  async runOwnMutation(call: FunctionCall, tx: Transaction): Promise<TransactionRun> {
    const fn = this.find(call, "mutation");
    const run = await this.options.runner.run(this.#mutationRun(fn, call, tx));
    this.#noteMutation(fn, call, run);
    return run;
  }

  async #mutate(fn: RegisteredFunction, call: MutationCall, group: OpenGroup): Promise<CallResult> {
    const { store, onScheduled } = this.options;
    const { session } = call;
    if (session !== undefined) {
      const replay = store.getReplay(session.sessionId, session.requestId); // F1
      if (replay !== null) return { ok: true, valueJson: replay.valueJson, ts: replay.ts, lines: [] };
    }
    const tx = store.begin({ kind: "mutation", nowMs: nowMs(), component: fn.home.path });
    const run = await this.options.runner.run(this.#mutationRun(fn, call, tx));
    this.#noteMutation(fn, call, run);
    const { outcome, lines } = run;
    if (!outcome.ok) return { ok: false, failure: outcome.failure, requestId: call.origin.requestId, lines };
    const { ts } = group.commit(tx);
    const valueJson = withCommitTs(outcome.valueJson, ts);
    if (session !== undefined) group.group.putReplay(session.sessionId, session.requestId, { ts, valueJson });
    if (run.scheduledCount > 0) group.afterCommit(onScheduled);
    return { ok: true, valueJson, ts, lines };
  }

  #mutationRun(fn: RegisteredFunction, call: MutationCall, tx: Transaction): TransactionRequest {
    const { store, code } = this.options;
    return {
      code: code(),
      fn,
      args: call.args,
      argsJson: call.argsJson ?? JSON.stringify([call.args]),
      tx,
      identity: call.identity,
      origin: call.origin,
      snapshotTs: store.latestTs,
      previousJournal: null,
      beginSnapshot: (component) => store.begin({ kind: "query", nowMs: nowMs(), component }),
    };
  }

  #noteMutation(fn: RegisteredFunction, call: FunctionCall, { outcome, tookMs, lines }: TransactionRun): void {
    const error = outcome.ok ? null : outcome.failure.description;
    this.options.observer.note({ ...observed(call, fn), tookMs, lines, error });
  }

  #byKind(kind: FunctionKind, call: FunctionCall): Promise<CallResult> {
    switch (kind) {
      case "query":
        return this.query(call);
      case "mutation":
        return this.mutation(call);
      case "action":
        return this.action(call);
      default:
        return kind satisfies never;
    }
  }

  // The row may be any component's: the one that scheduled it.
  #jobText(tx: Transaction, jobId: string): string | null {
    const component = this.options.store.componentOf(jobId);
    return component === null ? null : tx.child({ component }).system.get(jobId, "_scheduled_functions");
  }

  #refused(call: FunctionCall, error: unknown): CallResult {
    return { ok: false, failure: failureOf(error, this.options.code().dir), requestId: call.origin.requestId, lines: [] };
  }
}

// A mutation may return the placeholder for its own commit's timestamp.
const withCommitTs = (valueJson: string, ts: bigint): string =>
  valueJson.includes('"$commitTs"') ? JSON.stringify(resolveCommitTs(JSON.parse(valueJson), ts)) : valueJson;

const toResult = (answer: QueryAnswer, ts: bigint): CallResult => (answer.ok ? { ...answer, ts } : answer);

const observed = (call: FunctionCall, fn: RegisteredFunction) => ({
  kind: fn.kind,
  component: fn.home.path,
  path: fn.path,
  requestId: call.origin.requestId,
});

/** A call by the deployment itself: nobody's identity, internal functions reachable. */
export const ownCall = (
  { component, path, args }: FunctionAddress & { readonly args: JsonObject },
  scheduledFunctionId: string | null,
): FunctionCall => ({
  component,
  path,
  args,
  identity: NOBODY,
  origin: internalOrigin(scheduledFunctionId),
  reach: "internal",
});
