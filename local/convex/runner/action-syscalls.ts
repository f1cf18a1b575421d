// What an action may ask of its deployment. Every operation is its own transaction, entered through the host.

import { attributesOf, type Identity } from "../auth/identity.ts";
import type { JsonObject } from "../engine/index.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import { runOutsideCalls, type Syscalls } from "./call.ts";
import { nestedError } from "./failure.ts";
import { storedPath } from "./function-path.ts";
import { type CodeVersion, type FunctionAddress, type FunctionKind, findFunction, type RegisteredFunction } from "./functions.ts";
import type { LogLines } from "./log-lines.ts";
import type { RequestOrigin } from "./origin.ts";
import type { CallResult } from "./outcome.ts";
import { actionBlobStorage, actionStorage } from "./storage-syscalls.ts";
import { addressOf, functionHandle, SyscallArgs } from "./syscall-args.ts";
import { unsupportedOperation } from "./unsupported.ts";

/** The deployment as actions see it. */
export interface ActionHost {
  readonly files: FileStorage;
  /** Runs a function of the app or of a component. */
  call(request: HostCall): Promise<CallResult>;
  /** @returns the job's id, once it is stored */
  schedule(job: ActionJob): Promise<string>;
  /** @param owner the component whose job it must be */
  cancel(jobId: string, owner: string): Promise<void>;
}

/** A function an action schedules. */
export interface ActionJob extends FunctionAddress {
  /** The component that schedules it. */
  readonly owner: string;
  readonly args: JsonObject;
  /** When it is due, ms since the epoch. */
  readonly dueMs: number;
  /** The job the action itself runs for. */
  readonly scheduledBy: string | null;
}

export interface HostCall extends FunctionAddress {
  readonly code: CodeVersion;
  readonly kind: FunctionKind;
  readonly reach: "internal" | "exported";
  readonly args: JsonObject;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
}

export class ActionSyscalls implements Syscalls {
  #closed = false;

  constructor(
    private readonly host: ActionHost,
    private readonly request: { readonly code: CodeVersion; readonly identity: Identity; readonly origin: RequestOrigin },
    /** The component the action runs in. */
    private readonly component: string,
    private readonly path: string,
    private readonly lines: LogLines,
    private readonly deploymentName: string,
  ) {}

  /** The action has ended: promises it left behind can do nothing more (C2). */
  close(): void {
    this.#closed = true;
  }

  sync(op: string, _argsJson: string): string {
    throw unsupportedOperation(op, "operation");
  }

  async async(op: string, argsJson: string): Promise<string> {
    this.#assertOpen();
    const args = new SyscallArgs(op, argsJson);
    const { identity, origin } = this.request;
    switch (op) {
      case "1.0/actions/query":
        return this.#call("query", args);
      case "1.0/actions/mutation":
        return this.#call("mutation", args);
      case "1.0/actions/action":
        return this.#call("action", args);
      case "1.0/actions/schedule": {
        const found = this.#find(args);
        if (found.kind === "query") throw new Error(`Queries cannot be scheduled: ${found.path}.`);
        const job: ActionJob = {
          owner: this.component,
          component: found.home.path,
          path: found.path,
          args: args.object("args"),
          dueMs: args.number("ts") * 1000,
          scheduledBy: origin.scheduledFunctionId,
        };
        return JSON.stringify(await runOutsideCalls(() => this.host.schedule(job)));
      }
      case "1.0/actions/cancel_job": {
        const id = args.text("id");
        await runOutsideCalls(() => this.host.cancel(id, this.component));
        return "null";
      }
      case "1.0/getUserIdentity":
        return JSON.stringify(this.component === "" ? attributesOf(identity) : null);
      case "1.0/createFunctionHandle": {
        const { home, path } = this.#find(args);
        return JSON.stringify(functionHandle(home.path, path));
      }
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: storedPath(this.path), componentPath: this.component });
      case "1.0/getDeploymentMetadata":
        return JSON.stringify({ name: this.deploymentName, region: null, class: "s16" });
      case "1.0/getRequestMetadata":
        return JSON.stringify({
          ...origin,
          authToken: identity.kind === "user" && this.component === "" ? identity.token : null,
        });
      default: {
        const answer = await runOutsideCalls(() => actionStorage(op, args, this.component, this.host.files));
        if (answer === null) throw unsupportedOperation(op, "async operation");
        return answer;
      }
    }
  }

  js(op: string, args: Readonly<Record<string, unknown>>): unknown {
    this.#assertOpen();
    const answer = runOutsideCalls(() => actionBlobStorage(op, args, this.component, this.host.files));
    if (answer === null) throw unsupportedOperation(op, "operation");
    return answer;
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error("This action has already ended; await every promise it starts.");
  }

  #find(args: SyscallArgs): RegisteredFunction {
    const address = addressOf(args, this.component);
    return findFunction(this.request.code, address, null, address.reach);
  }

  async #call(kind: FunctionKind, args: SyscallArgs): Promise<string> {
    const { code, identity, origin } = this.request;
    const address = addressOf(args, this.component);
    const functionArgs = args.object("args");
    const result = await runOutsideCalls(() => this.host.call({ code, kind, ...address, args: functionArgs, identity, origin }));
    this.lines.absorb(result.lines);
    if (!result.ok) throw nestedError(result.failure);
    return result.valueJson;
  }
}
