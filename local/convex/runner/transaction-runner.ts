// Runs one query or mutation function on a transaction somebody else opened and will commit or drop.
//   R1. Arguments are checked before user code runs, the return value after; both also for nested calls.
//   R2. A failed function is an outcome; only a failure of the deployment itself is thrown.
import type { Identity } from "../auth/identity.ts";
import type { SigningKeys } from "../auth/signing-keys.ts";
import type { JsonObject, JsonValue, Transaction } from "../engine/index.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import { runInCall, type TransactionCall } from "./call.ts";
import { randomWord } from "./entropy.ts";
import { FunctionError, failureOf } from "./failure.ts";
import { type CodeVersion, findFunction, type RegisteredFunction } from "./functions.ts";
import { LogLines } from "./log-lines.ts";
import type { RequestOrigin } from "./origin.ts";
import type { TransactionOutcome } from "./outcome.ts";
import { SeededRandom } from "./random.ts";
import { elapsedMs, nowMs } from "./real-globals.ts";
import { runningFunctions } from "./running-functions.ts";
import { noFileUsage } from "./storage-syscalls.ts";
import { type CallTree, type NestedCall, TransactionSyscalls } from "./transaction-syscalls.ts";
import type { Watchdog } from "./watchdog.ts";

const MAX_VALUE_BYTES = 16 * 1024 * 1024;

export interface TransactionRequest {
  readonly code: CodeVersion;
  readonly fn: RegisteredFunction;
  readonly args: JsonObject;
  /** `[args]`. */
  readonly argsJson: string;
  readonly tx: Transaction;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
  /** Timestamp of the state the transaction reads. */
  readonly snapshotTs: bigint;
  /** Cursor where a subscribed query's page ended last time; null for everything else. */
  readonly previousJournal: string | null;
  readonly beginSnapshot: (component: string) => Transaction;
}

export interface TransactionRun {
  readonly outcome: TransactionOutcome;
  readonly lines: readonly string[];
  /** Did the result depend on who asked? */
  readonly identityObserved: boolean;
  /** Functions the call scheduled, nested calls included. */
  readonly scheduledCount: number;
  readonly tookMs: number;
}

export class TransactionRunner {
  constructor(
    private readonly watchdog: Watchdog,
    private readonly deploymentName: string,
    private readonly tableOf: (id: string, component: string) => string | null,
    private readonly files: FileStorage,
    private readonly signingKeys: SigningKeys,
  ) {}

  /** @throws only when the deployment failed (storage refused); the function's own failures are outcomes (R2) */
  async run(request: TransactionRequest): Promise<TransactionRun> {
    const startedAt = elapsedMs();
    const tree: CallTree = {
      kind: request.fn.kind === "mutation" ? "mutation" : "query",
      code: request.code,
      identity: request.identity,
      origin: request.origin,
      snapshotTs: request.snapshotTs,
      frozenMs: nowMs(),
      random: seededNow(),
      lines: new LogLines(),
      files: this.files,
      signingKeys: this.signingKeys,
      fileUsage: noFileUsage(),
      deploymentName: this.deploymentName,
      identityObserved: false,
      scheduledCount: 0,
      scheduledBytes: 0,
      systemError: null,
      closed: null,
      runNested: (call) => this.#runNested(call),
      beginSnapshot: request.beginSnapshot,
    };
    const end = runningFunctions.enter(request.fn.path, request.origin.scheduledFunctionId);
    const work = this.#invoke(tree, request.fn, request.tx, request.args, request.argsJson, 0, request.previousJournal);
    let outcome: TransactionOutcome;
    try {
      outcome = await this.watchdog.watch(work, (text) => {
        tree.closed = text;
      });
    } catch (error) {
      outcome = { ok: false, failure: failureOf(error, request.fn.home.dir), journal: null };
    }
    end();
    tree.closed ??= "This function has already ended; await every promise it starts.";
    if (tree.systemError !== null) throw tree.systemError;
    return {
      outcome,
      lines: tree.lines.lines,
      identityObserved: tree.identityObserved,
      scheduledCount: tree.scheduledCount,
      tookMs: elapsedMs() - startedAt,
    };
  }

  async #runNested(call: NestedCall): Promise<TransactionOutcome> {
    try {
      const fn = findFunction(call.tree.code, call, call.kind, call.reach);
      return await this.#invoke(call.tree, fn, call.tx, call.args, JSON.stringify([call.args]), call.depth, null);
    } catch (error) {
      return { ok: false, failure: failureOf(error, call.tree.code.dir), journal: null };
    }
  }

  async #invoke(
    tree: CallTree,
    fn: RegisteredFunction,
    tx: Transaction,
    args: JsonObject,
    argsJson: string,
    depth: number,
    previousJournal: string | null,
  ): Promise<TransactionOutcome> {
    const syscalls = new TransactionSyscalls(tree, tx, fn, depth, previousJournal);
    const tableOf = (id: string): string | null => this.tableOf(id, fn.home.path);
    try {
      if (argsJson.length > MAX_VALUE_BYTES) throw new FunctionError(`Arguments for ${fn.path} are too large (limit: 16 MiB)`);
      checkValue("ArgumentValidationError", fn.args, args, tableOf);
      const kind: TransactionCall["kind"] = fn.kind === "mutation" ? "mutation" : "query";
      const call: TransactionCall = {
        kind,
        functionPath: fn.path,
        env: fn.home.env,
        syscalls,
        assignedGlobals: null,
        frozenMs: tree.frozenMs,
        random: tree.random,
        lines: tree.lines,
      };
      const valueJson = await runInCall(call, () => fn.invoke(argsJson));
      checkSize(valueJson, fn.path);
      if (fn.returns !== null) checkValue("ReturnsValidationError", fn.returns, JSON.parse(valueJson), tableOf);
      return { ok: true, valueJson, journal: syscalls.journal };
    } catch (error) {
      return { ok: false, failure: failureOf(error, fn.home.dir), journal: syscalls.journal };
    }
  }
}

/** @throws {FunctionError} when a return value is above 16 MiB */
export function checkSize(valueJson: string, path: string): void {
  if (valueJson.length > MAX_VALUE_BYTES) throw new FunctionError(`The return value of ${path} is too large (limit: 16 MiB)`);
}

/** R1. @throws {FunctionError} with Convex's own text */
export function checkValue(
  errorName: "ArgumentValidationError" | "ReturnsValidationError",
  validator: RegisteredFunction["args"],
  value: JsonValue,
  tableOf: (id: string) => string | null,
): void {
  const problem = validator?.check(value, tableOf) ?? null;
  if (problem !== null) throw new FunctionError(`${errorName}: ${problem}`);
}

const seededNow = (): SeededRandom => new SeededRandom(() => [randomWord(), randomWord(), randomWord()]);
