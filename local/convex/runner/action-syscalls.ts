// What an action may ask of its deployment. Every operation is its own transaction, entered through the host.

import { attributesOf, type Identity } from "../auth/identity.ts";
import type { JsonObject } from "../engine/index.ts";
import { runOutsideCalls, type Syscalls } from "./call.ts";
import { nestedError } from "./failure.ts";
import { canonicalPath, storedPath } from "./function-path.ts";
import { type CodeVersion, type FunctionKind, findFunction } from "./functions.ts";
import type { LogLines } from "./log-lines.ts";
import type { RequestOrigin } from "./origin.ts";
import type { CallResult } from "./outcome.ts";
import { addressOf, functionHandle, SyscallArgs } from "./syscall-args.ts";
import { unsupportedOperation } from "./unsupported.ts";

/** The deployment as actions see it. */
export interface ActionHost {
  /** Runs a function of the app, internal ones included. */
  call(request: HostCall): Promise<CallResult>;
  /** @returns the job's id, once it is stored */
  schedule(path: string, args: JsonObject, dueMs: number, scheduledBy: string | null): Promise<string>;
  cancel(jobId: string): Promise<void>;
}

export interface HostCall {
  readonly code: CodeVersion;
  readonly kind: FunctionKind;
  readonly path: string;
  readonly args: JsonObject;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
}

export class ActionSyscalls implements Syscalls {
  #closed = false;

  constructor(
    private readonly host: ActionHost,
    private readonly request: { readonly code: CodeVersion; readonly identity: Identity; readonly origin: RequestOrigin },
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
    if (this.#closed) throw new Error("This action has already ended; await every promise it starts.");
    const args = new SyscallArgs(op, argsJson);
    const { code, identity, origin } = this.request;
    switch (op) {
      case "1.0/actions/query":
        return this.#call("query", args);
      case "1.0/actions/mutation":
        return this.#call("mutation", args);
      case "1.0/actions/action":
        return this.#call("action", args);
      case "1.0/actions/schedule": {
        const found = findFunction(code.functions, addressOf(args), null, "internal");
        if (found.kind === "query") throw new Error(`Queries cannot be scheduled: ${found.path}.`);
        const [dueMs, functionArgs] = [args.number("ts") * 1000, args.object("args")];
        return JSON.stringify(
          await runOutsideCalls(() => this.host.schedule(found.path, functionArgs, dueMs, origin.scheduledFunctionId)),
        );
      }
      case "1.0/actions/cancel_job": {
        const id = args.text("id");
        await runOutsideCalls(() => this.host.cancel(id));
        return "null";
      }
      case "1.0/getUserIdentity":
        return JSON.stringify(attributesOf(identity));
      case "1.0/createFunctionHandle":
        return JSON.stringify(functionHandle(findFunction(code.functions, addressOf(args), null, "internal").path));
      case "1.0/getFunctionMetadata":
        return JSON.stringify({ name: storedPath(this.path), componentPath: "" });
      case "1.0/getDeploymentMetadata":
        return JSON.stringify({ name: this.deploymentName, region: null, class: "s16" });
      case "1.0/getRequestMetadata":
        return JSON.stringify({ ...origin, authToken: identity.kind === "user" ? identity.token : null });
      default:
        throw unsupportedOperation(op, "async operation");
    }
  }

  async #call(kind: FunctionKind, args: SyscallArgs): Promise<string> {
    const { code, identity, origin } = this.request;
    const path = canonicalPath(addressOf(args));
    const functionArgs = args.object("args");
    const result = await runOutsideCalls(() => this.host.call({ code, kind, path, args: functionArgs, identity, origin }));
    this.lines.absorb(result.lines);
    if (!result.ok) throw nestedError(result.failure);
    return result.valueJson;
  }
}
