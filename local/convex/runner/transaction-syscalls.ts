// What a query or mutation may ask of its deployment: reads, writes, nested calls, scheduling, identity.
//   T1. A nested call works on a child of its parent's transaction: when it fails, only its own writes are gone.
//   T2. An operation this file does not know fails with its name; nothing is ever quietly ignored.
//   T3. A component is told nothing of who called: not the identity, not the token.

import { attributesOf, type Identity } from "../auth/identity.ts";
import type { SigningKeys } from "../auth/signing-keys.ts";
import { asWriteRefused, DEFAULT_LIMITS, EngineError, int64Json, type JsonObject, type Transaction } from "../engine/index.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import type { Syscalls } from "./call.ts";
import { nestedError } from "./failure.ts";
import { storedPath } from "./function-path.ts";
import {
  type CodeVersion,
  type FunctionAddress,
  type FunctionKind,
  findFunction,
  type Reach,
  type RegisteredFunction,
} from "./functions.ts";
import type { LogLines } from "./log-lines.ts";
import type { RequestOrigin } from "./origin.ts";
import type { TransactionOutcome } from "./outcome.ts";
import type { SeededRandom } from "./random.ts";
import { cancelJob, insertJob } from "./scheduling.ts";
import { FILE_LIMITS, type FileUsage, transactionStorage } from "./storage-syscalls.ts";
import { addressOf, functionHandle, SyscallArgs } from "./syscall-args.ts";
import { unsupportedOperation } from "./unsupported.ts";

const MAX_DEPTH = 8;
const MAX_SCHEDULED = 1000;
const MAX_SCHEDULED_BYTES = 16 * 1024 * 1024;

/** Shared by a top-level call and everything nested in it. */
export interface CallTree {
  readonly kind: "query" | "mutation";
  readonly code: CodeVersion;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
  readonly snapshotTs: bigint;
  readonly deploymentName: string;
  readonly frozenMs: number;
  readonly random: SeededRandom;
  readonly lines: LogLines;
  readonly files: FileStorage;
  readonly signingKeys: SigningKeys;
  readonly fileUsage: FileUsage;
  /** Set once any function of the tree asked who is calling. */
  identityObserved: boolean;
  scheduledCount: number;
  scheduledBytes: number;
  /** A failure of the deployment, not of the function: the call must be reported as such. */
  systemError: Error | null;
  /** Why the call may do nothing more (C2); null while it runs. */
  closed: string | null;
  readonly runNested: (call: NestedCall) => Promise<TransactionOutcome>;
  /** A transaction on the state before this one's writes, for stale-snapshot queries. */
  readonly beginSnapshot: (component: string) => Transaction;
}

export interface NestedCall extends FunctionAddress {
  readonly tree: CallTree;
  readonly tx: Transaction;
  readonly kind: FunctionKind;
  readonly reach: Reach;
  readonly args: JsonObject;
  readonly depth: number;
}

export class TransactionSyscalls implements Syscalls {
  #paginated = false;
  /** The cursor of this function's paginated query, once it ran one. */
  journal: string | null = null;

  constructor(
    private readonly tree: CallTree,
    private readonly tx: Transaction,
    private readonly fn: RegisteredFunction,
    private readonly depth: number,
    /** Cursor of the previous run of a subscribed query (top level only). */
    private readonly previousJournal: string | null,
  ) {}

  sync(op: string, argsJson: string): string {
    return this.#guard(() => {
      const args = new SyscallArgs(op, argsJson);
      switch (op) {
        case "1.0/queryStream":
          return `{"queryId":${this.tx.queryStream(args.value("query"))}}`;
        case "1.0/queryCleanup":
          this.tx.queryCleanup(args.number("queryId"));
          return "true";
        case "1.0/db/normalizeId":
          return JSON.stringify({ id: this.tx.normalizeId(args.text("table"), args.text("idString")) });
        case "1.0/getSnapshotTs":
          return JSON.stringify(int64Json(this.tree.snapshotTs));
        default:
          throw unsupportedOperation(op, "operation");
      }
    });
  }

  async async(op: string, argsJson: string): Promise<string> {
    if (op === "1.0/runUdf") return this.#runNested(new SyscallArgs(op, argsJson));
    if (op === "1.0/signJwt") return this.#signJwt(new SyscallArgs(op, argsJson));
    return this.#guard(() => this.#perform(op, new SyscallArgs(op, argsJson)));
  }

  js(op: string): never {
    throw unsupportedOperation(op, "operation");
  }

  #perform(op: string, args: SyscallArgs): string {
    const { tx } = this;
    switch (op) {
      case "1.0/queryStreamNext": {
        const { value, done } = tx.queryStreamNext(args.number("queryId"));
        return done ? '{"value":null,"done":true}' : `{"value":${value},"done":false}`;
      }
      case "1.0/get": {
        const table = args.optionalText("table");
        return (
          (args.optional("isSystem") === true ? tx.system.get(args.text("id"), table) : tx.get(args.text("id"), table)) ?? "null"
        );
      }
      case "1.0/insert":
        return JSON.stringify({ _id: tx.insert(args.text("table"), args.value("value")) });
      case "1.0/shallowMerge":
        tx.shallowMerge(args.optionalText("table"), args.text("id"), args.value("value"));
        return "null";
      case "1.0/replace":
        tx.replace(args.optionalText("table"), args.text("id"), args.value("value"));
        return "null";
      case "1.0/remove":
        tx.remove(args.optionalText("table"), args.text("id"));
        return "null";
      case "1.0/queryPage":
        return this.#page(args);
      case "1.0/count":
        return String(tx.count(args.text("table")));
      case "1.0/getUserIdentity":
        if (this.#isComponent) return "null"; // T3
        this.tree.identityObserved = true;
        return JSON.stringify(attributesOf(this.tree.identity));
      case "1.0/schedule":
        return this.#schedule(args);
      case "1.0/cancel_job":
        cancelJob(tx, args.text("id"), tx.nowMs);
        return "null";
      case "1.0/createFunctionHandle": {
        const { home, path } = this.#find(args);
        return JSON.stringify(functionHandle(home.path, path));
      }
      case "1.0/getTransactionMetrics":
        return this.#metrics();
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: storedPath(this.fn.path), componentPath: this.fn.home.path });
      case "1.0/getDeploymentMetadata":
        return JSON.stringify({ name: this.tree.deploymentName, region: null, class: "s16" });
      case "1.0/getRequestMetadata":
        return JSON.stringify({ ...this.tree.origin, authToken: this.#isComponent ? null : authToken(this.tree.identity) });
      default: {
        const answer = transactionStorage(op, args, tx, this.tree.files, this.tree);
        if (answer === null) throw unsupportedOperation(op, "async operation");
        return answer;
      }
    }
  }

  get #isComponent(): boolean {
    return this.fn.home.path !== "";
  }

  #find(args: SyscallArgs): RegisteredFunction {
    const address = addressOf(args, this.fn.home.path);
    return findFunction(this.tree.code, address, null, address.reach);
  }

  #page(args: SyscallArgs): string {
    if (this.#isComponent && this.fn.visibility !== "system") throw new Error("paginate() is only supported in the app.");
    if (this.#paginated) {
      throw new Error(
        "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated query in each function.",
      );
    }
    this.#paginated = true;
    const page = this.tx.queryPage(
      {
        query: args.value("query"),
        cursor: args.optionalText("cursor") ?? null,
        endCursor: args.optionalText("endCursor") ?? null,
        pageSize: args.number("pageSize"),
        maximumRowsRead: args.optionalNumber("maximumRowsRead"),
        maximumBytesRead: args.optionalNumber("maximumBytesRead"),
      },
      this.previousJournal,
    );
    this.journal = page.continueCursor;
    const { page: documents, ...rest } = page;
    return `{"page":[${documents.join(",")}],${JSON.stringify(rest).slice(1)}`;
  }

  #schedule(args: SyscallArgs): string {
    const found = this.#find(args);
    if (found.kind === "query") throw new Error(`Queries cannot be scheduled: ${found.path}.`);
    const functionArgs = args.object("args");
    this.tree.scheduledCount += 1;
    this.tree.scheduledBytes += JSON.stringify(functionArgs).length;
    if (this.tree.scheduledCount > MAX_SCHEDULED) {
      throw new Error(`Too many functions scheduled by this mutation (limit: ${MAX_SCHEDULED})`);
    }
    if (this.tree.scheduledBytes > MAX_SCHEDULED_BYTES) {
      throw new Error(
        `The arguments of the functions scheduled by this mutation are too large (limit: ${MAX_SCHEDULED_BYTES} bytes)`,
      );
    }
    const dueMs = Math.max(args.number("ts") * 1000, 0);
    return JSON.stringify(
      insertJob(this.tx, "_scheduled_functions", {
        component: found.home.path,
        path: found.path,
        args: functionArgs,
        dueMs,
        nowMs: this.tx.nowMs,
      }),
    );
  }

  #signJwt(args: SyscallArgs): Promise<string> {
    return this.#guard(async () => {
      const { kind, signingKeys } = this.tree;
      if (kind === "query") throw new Error("A query cannot sign tokens. Use a mutation.");
      const { component, nowMs } = this.tx;
      return JSON.stringify(await signingKeys.sign(args.optional("claims"), args.number("expiresInSeconds"), component, nowMs));
    });
  }

  async #runNested(args: SyscallArgs): Promise<string> {
    const { address, kind, child, isSnapshot } = this.#guard(() => {
      const address = addressOf(args, this.fn.home.path);
      const { component } = address;
      const udfType = args.text("udfType");
      if (udfType !== "query" && udfType !== "mutation" && udfType !== "snapshotQuery") {
        throw new Error(`Unknown function type ${udfType} in ${args.op}`);
      }
      if (udfType === "mutation" && this.tree.kind === "query") throw new Error("Queries cannot run mutations.");
      if (this.depth + 1 > MAX_DEPTH) throw new Error(`Too many nested function calls (limit: ${MAX_DEPTH}).`);
      const kind: "query" | "mutation" = udfType === "mutation" ? "mutation" : "query";
      const isSnapshot = udfType === "snapshotQuery";
      return {
        address,
        kind,
        isSnapshot,
        child: isSnapshot ? this.tree.beginSnapshot(component) : this.tx.child({ component, kind, limits: limitsOf(args) }),
      };
    });
    const outcome = await this.tree.runNested({
      tree: this.tree,
      tx: child,
      ...address,
      kind,
      args: args.object("args"),
      depth: this.depth + 1,
    });
    if (!outcome.ok) throw nestedError(outcome.failure);
    return this.#guard(() => {
      if (!isSnapshot) this.tx.adopt(child);
      return outcome.valueJson;
    });
  }

  #metrics(): string {
    const { usage } = this.tx;
    const of = (used: number, limit: number) => ({ used, remaining: Math.max(0, limit - used) });
    return JSON.stringify({
      bytesRead: of(usage.bytesRead, DEFAULT_LIMITS.bytesRead),
      bytesWritten: of(usage.bytesWritten, DEFAULT_LIMITS.bytesWritten),
      databaseQueries: of(usage.databaseQueries, DEFAULT_LIMITS.databaseQueries),
      documentsRead: of(usage.documentsRead, DEFAULT_LIMITS.documentsRead),
      documentsWritten: of(usage.documentsWritten, DEFAULT_LIMITS.documentsWritten),
      functionsScheduled: of(this.tree.scheduledCount, MAX_SCHEDULED),
      scheduledFunctionArgsBytes: of(this.tree.scheduledBytes, MAX_SCHEDULED_BYTES),
      filesWritten: of(this.tree.fileUsage.filesWritten, FILE_LIMITS.filesWritten),
      fileWriteBytes: of(this.tree.fileUsage.fileWriteBytes, FILE_LIMITS.fileWriteBytes),
      filesRead: of(this.tree.fileUsage.filesRead, FILE_LIMITS.filesRead),
      fileReadBytes: of(this.tree.fileUsage.fileReadBytes, FILE_LIMITS.fileReadBytes),
    });
  }

  // C2: a closed call does nothing more. Failures of the deployment itself are remembered for the caller.
  #guard<T>(work: () => T): T {
    if (this.tree.closed !== null) throw new Error(this.tree.closed);
    try {
      return work();
    } catch (error) {
      const failure = asWriteRefused(error); // the disk's, when a file could not be read or written
      if (failure instanceof EngineError && !failure.isUserError) this.tree.systemError = failure;
      throw failure;
    }
  }
}

function limitsOf(args: SyscallArgs): Record<string, number> {
  const limits = args.optional("transactionLimits");
  if (typeof limits !== "object" || limits === null || Array.isArray(limits)) return {};
  const known: Record<string, number> = {};
  for (const name of Object.keys(DEFAULT_LIMITS)) {
    const limit = limits[name];
    if (typeof limit === "number") known[name] = limit;
  }
  return known;
}

const authToken = (identity: Identity): string | null => (identity.kind === "user" ? identity.token : null);
