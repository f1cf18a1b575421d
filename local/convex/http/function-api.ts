// The public function API: query, mutation, action, run, function, query_ts, query_at_ts, query_batch.
// A failed function is HTTP 200 with `status: "error"`; 4xx and 5xx are for requests that never became a call.

import { isAdmin } from "../auth/identity.ts";
import { AuthRefused } from "../auth/verifier.ts";
import type { FunctionCall, FunctionCalls } from "../calls.ts";
import { EngineError, type JsonObject, type JsonValue, type Store } from "../engine/index.ts";
import { clientMessage } from "../runner/failure.ts";
import { canonicalPath } from "../runner/function-path.ts";
import type { FunctionKind } from "../runner/functions.ts";
import type { CallResult } from "../runner/outcome.ts";
import { encodeTs } from "../sync/server-frames.ts";
import { parseObject, readObject, readText } from "./body.ts";
import { type CallerDeps, callerOf, originOf } from "./caller.ts";
import { lossyJson } from "./lossy-json.ts";
import { badRequest, HttpError, json, jsonText } from "./replies.ts";

interface FunctionApiDeps extends CallerDeps {
  readonly calls: FunctionCalls;
  readonly store: Store;
}

type Format = "convex_encoded_json" | "json";

export class FunctionApi {
  constructor(private readonly deps: FunctionApiDeps) {}

  /** @param route the part after `/api/`. Returns null when it is none of ours. @throws {HttpError} */
  async handle(route: string, url: URL, request: Request, ip: string | null): Promise<Response | null> {
    switch (route) {
      case "query":
        if (request.method === "GET") return this.#run("query", readSearchParams(url), request, ip);
        return this.#run(route, await readObject(request), request, ip);
      case "action":
        return this.#run(route, await readObject(request), request, ip);
      case "mutation":
        return this.#mutate(await readText(request), request, ip);
      case "function":
        return this.#runAny(await readObject(request), request, ip);
      case "query_ts":
        return json({ ts: encodeTs(this.deps.store.latestTs) });
      case "query_at_ts":
        return this.#queryAt(await readObject(request), request, ip);
      case "query_batch":
        return this.#batch(await readObject(request), request, ip);
      default:
        return route.startsWith("run/") ? this.#runByPath(route.slice(4), await readObject(request), request, ip) : null;
    }
  }

  async #run(kind: Exclude<FunctionKind, "mutation">, body: JsonObject, request: Request, ip: string | null): Promise<Response> {
    const call = await this.#callOf(body, request, ip);
    const format = formatOf(body);
    switch (kind) {
      case "query":
        return reply(await this.deps.calls.query(call), format);
      case "action":
        return reply(await this.deps.calls.action(call), format);
      default:
        return kind satisfies never;
    }
  }

  /** Large arguments are not written again when they can be passed on as they were sent. */
  async #mutate(text: string, request: Request, ip: string | null): Promise<Response> {
    const body = parseObject(text);
    const call = { ...(await this.#callOf(body, request, ip)), argsJson: argsAsSent(text, body) };
    const format = formatOf(body);
    return new Promise((resolve, reject) => {
      this.deps.calls.submitMutation(call, (result) => resolve(reply(result, format)), reject);
    });
  }

  // What `convex run` uses; needs no admin key for public functions, like the real one.
  async #runAny(body: JsonObject, request: Request, ip: string | null): Promise<Response> {
    return reply(await this.deps.calls.any(await this.#callOf(body, request, ip)), formatOf(body));
  }

  async #runByPath(route: string, body: JsonObject, request: Request, ip: string | null): Promise<Response> {
    const slash = route.lastIndexOf("/");
    const path = slash === -1 ? route : `${route.slice(0, slash)}:${route.slice(slash + 1)}`;
    return reply(await this.deps.calls.any(await this.#callOf({ ...body, path }, request, ip)), formatOf(body));
  }

  async #queryAt(body: JsonObject, request: Request, ip: string | null): Promise<Response> {
    const call = await this.#callOf(body, request, ip);
    const ts = decodeTs(body.ts);
    try {
      return reply(await this.deps.calls.queryAt(call, ts), formatOf(body));
    } catch (error) {
      if (error instanceof EngineError && error.isUserError) throw new HttpError(400, error.code, error.message);
      throw error;
    }
  }

  async #batch(body: JsonObject, request: Request, ip: string | null): Promise<Response> {
    if (!Array.isArray(body.queries)) throw badRequest("`queries` must be an array.");
    const format = formatOf(body);
    const calls = await Promise.all(body.queries.map((query) => this.#callOf(asObject(query), request, ip)));
    const { results } = await this.deps.calls.queries(
      calls.map((call) => ({ ...call, argsJson: JSON.stringify(call.args), journal: null })),
    );
    return jsonText(`{"results":[${results.map((result) => resultText(result, format)).join(",")}]}`);
  }

  async #callOf(body: JsonObject, request: Request, ip: string | null): Promise<FunctionCall> {
    const { path } = body;
    if (typeof path !== "string" || path === "")
      throw badRequest("`path` must be the name of a function, such as `messages:list`.");
    const identity = await callerOf(request, this.deps);
    if (path.startsWith("_system/") && !isAdmin(identity))
      throw new AuthRefused("BadAdminKey", "System functions need the admin key.");
    const component = body.componentPath ?? "";
    if (typeof component !== "string")
      throw badRequest("`componentPath` must be the path of a component, such as `workflow/workpool`.");
    return { component, path: canonicalPath(path), args: argsOf(body.args), identity, origin: originOf(request, ip) };
  }
}

function decodeTs(ts: JsonValue | undefined): bigint {
  const bytes = typeof ts === "string" ? Buffer.from(ts, "base64") : Buffer.alloc(0);
  if (bytes.length !== 8) throw badRequest("`ts` must be a timestamp as query_ts answers it.");
  return bytes.readBigUInt64LE(0);
}

/** The array of arguments in a body that has what the stock clients send, in their order; undefined in any other. */
function argsAsSent(text: string, body: JsonObject): string | undefined {
  const { path, format, args } = body;
  const head = `{"path":${JSON.stringify(path)},"format":${JSON.stringify(format)},"args":`;
  if (!Array.isArray(args) || args.length !== 1 || Object.keys(body).length !== 3) return undefined;
  if (!text.startsWith(head) || !text.endsWith("]}")) return undefined;
  if (text.includes('"args":', head.length)) return undefined; // what was checked is the last one
  return text.slice(head.length, -1);
}

function argsOf(args: JsonValue | undefined): JsonObject {
  const value = Array.isArray(args) ? (args[0] ?? {}) : (args ?? {});
  if (Array.isArray(args) && args.length > 1) throw badRequest("`args` must hold one object.");
  return asObject(value, "`args` must be an object.");
}

function asObject(value: JsonValue, message = "Expected an object."): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest(message);
  return value;
}

function formatOf(body: JsonObject): Format {
  const { format } = body;
  if (format === undefined || format === null || format === "json") return "json";
  if (format === "convex_encoded_json" || format === "convex_json") return "convex_encoded_json";
  throw badRequest(`Unknown format ${JSON.stringify(format)}; use convex_encoded_json or json.`);
}

function readSearchParams(url: URL): JsonObject {
  const args = url.searchParams.get("args");
  try {
    return {
      path: url.searchParams.get("path"),
      format: url.searchParams.get("format") ?? "json",
      args: args === null ? {} : (JSON.parse(args) as JsonValue),
    };
  } catch {
    throw badRequest("`args` must be JSON.");
  }
}

const reply = (result: CallResult, format: Format): Response => jsonText(resultText(result, format));

function resultText(result: CallResult, format: Format): string {
  const lines = `"logLines":${JSON.stringify(result.lines)}}`;
  const formatted = (text: string): string => (format === "json" ? JSON.stringify(lossyJson(JSON.parse(text))) : text);
  if (result.ok) return `{"status":"success","value":${formatted(result.valueJson)},${lines}`;
  const data = result.failure.dataJson === null ? "" : `"errorData":${formatted(result.failure.dataJson)},`;
  return `{"status":"error","errorMessage":${JSON.stringify(clientMessage(result.failure, result.requestId))},${data}${lines}`;
}
