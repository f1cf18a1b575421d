// Runs actions and HTTP actions: real time, real network, no transaction. What they do to the database they do by calling
// queries and mutations, each a transaction of its own.

import type { Identity } from "../auth/identity.ts";
import type { JsonObject } from "../engine/index.ts";
import { type ActionHost, ActionSyscalls } from "./action-syscalls.ts";
import { type ActionCall, runInCall } from "./call.ts";
import { type Failure, FunctionError, failureOf } from "./failure.ts";
import type { CodeVersion, Mount, RegisteredFunction } from "./functions.ts";
import { LogLines } from "./log-lines.ts";
import type { RequestOrigin } from "./origin.ts";
import { realSetTimeout } from "./real-globals.ts";
import { runningFunctions } from "./running-functions.ts";
import { checkSize, checkValue } from "./transaction-runner.ts";

/** What the convex package makes of an `httpAction`. */
export interface HttpHandler {
  invokeHttpAction(request: Request): Promise<unknown>;
}

export interface ActionRequest {
  readonly code: CodeVersion;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
}

export type ActionOutcome =
  | { readonly ok: true; readonly valueJson: string; readonly lines: readonly string[] }
  | { readonly ok: false; readonly failure: Failure; readonly lines: readonly string[] };

export type HttpActionOutcome =
  | { readonly ok: true; readonly response: Response; readonly lines: readonly string[] }
  | { readonly ok: false; readonly failure: Failure; readonly lines: readonly string[] };

export class ActionRunner {
  constructor(
    private readonly host: ActionHost,
    private readonly deploymentName: string,
    private readonly tableOf: (id: string, component: string) => string | null,
    /** Longest an action may take. Default 10 minutes. */
    private readonly limitMs = 600_000,
  ) {}

  /** Never throws: whatever goes wrong in an action is its outcome. */
  async run(request: ActionRequest, fn: RegisteredFunction, args: JsonObject): Promise<ActionOutcome> {
    const { call, end } = this.#begin(request, fn.home, fn.path);
    const tableOf = (id: string): string | null => this.tableOf(id, fn.home.path);
    try {
      checkValue("ArgumentValidationError", fn.args, args, tableOf);
      const work = runInCall(call, () => fn.invoke(JSON.stringify([args])));
      const valueJson = await this.#within(work);
      checkSize(valueJson, fn.path);
      if (fn.returns !== null) checkValue("ReturnsValidationError", fn.returns, JSON.parse(valueJson), tableOf);
      return { ok: true, valueJson, lines: call.lines.lines };
    } catch (error) {
      return { ok: false, failure: failureOf(error, fn.home.dir), lines: call.lines.lines };
    } finally {
      end();
    }
  }

  /** The response's body may still be streaming when this returns; the call stays open until it ends. */
  async runHttp(
    request: ActionRequest,
    home: Mount,
    path: string,
    handler: HttpHandler,
    incoming: Request,
  ): Promise<HttpActionOutcome> {
    const { call, end } = this.#begin(request, home, path);
    try {
      const response: unknown = await this.#within(runInCall(call, () => handler.invokeHttpAction(incoming)));
      if (!(response instanceof Response)) throw new FunctionError(`HTTP action ${path} must return a Response.`);
      return { ok: true, response: keepCallOpen(response, call, end), lines: call.lines.lines };
    } catch (error) {
      end();
      return { ok: false, failure: failureOf(error, home.dir), lines: call.lines.lines };
    }
  }

  #begin(request: ActionRequest, home: Mount, functionPath: string): { call: ActionCall; end: () => void } {
    const lines = new LogLines();
    const syscalls = new ActionSyscalls(this.host, request, home.path, functionPath, lines, this.deploymentName);
    const ended = runningFunctions.enter(functionPath, request.origin.scheduledFunctionId);
    return {
      end: () => {
        syscalls.close();
        ended();
      },
      call: { kind: "action", functionPath, env: home.env, syscalls, assignedGlobals: null, lines },
    };
  }

  #within<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const seconds = this.limitMs / 1000;
      const timer = realSetTimeout(
        () => reject(new FunctionError(`Function execution timed out (maximum duration: ${seconds}s)`)),
        this.limitMs,
      );
      work.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}

// A streamed body is produced by user code, which must find its call again at every pull.
function keepCallOpen(response: Response, call: ActionCall, close: () => void): Response {
  if (response.body === null) {
    close();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      runInCall(call, async () => {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          close();
          controller.close();
        } catch (error) {
          close();
          controller.error(error);
        }
      }),
    cancel: (reason) =>
      runInCall(call, async () => {
        close();
        await reader.cancel(reason);
      }),
  });
  return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
}
