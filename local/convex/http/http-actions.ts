// HTTP actions: the routes of the app and of components mounted under a prefix, on the site port or under `/http/` of the API port.
import type { FunctionCalls } from "../calls.ts";
import type { FunctionObserver } from "../ops/function-observer.ts";
import { clientMessage } from "../runner/failure.ts";
import type { CodeVersion } from "../runner/functions.ts";
import { elapsedMs } from "../runner/real-globals.ts";
import { MAX_BODY_BYTES, readBytes } from "./body.ts";
import { type CallerDeps, originOf, tolerantCallerOf } from "./caller.ts";
import { json } from "./replies.ts";
import { routeOf } from "./routing.ts";

interface HttpActionsDeps extends CallerDeps {
  readonly calls: FunctionCalls;
  readonly observer: FunctionObserver;
  readonly code: () => CodeVersion;
  /** Origin functions see in `request.url`. */
  readonly siteUrl: () => string;
}

export class HttpActions {
  constructor(private readonly deps: HttpActionsDeps) {}

  /** @param pathAndQuery what comes after the site's origin */
  async handle(pathAndQuery: string, request: Request, ip: string | null): Promise<Response> {
    const { deps } = this;
    const code = deps.code();
    const url = new URL(pathAndQuery, deps.siteUrl());
    const found = routeOf(code, url.pathname, request.method);
    if (found === null) return new Response(`No HttpAction routed for ${url.pathname}`, { status: 404 });
    const { home, handler, name } = found;
    const identity = await tolerantCallerOf(request, deps);
    const hasBody = request.method !== "GET" && request.method !== "HEAD";
    const incoming = new Request(url.href, {
      method: request.method,
      headers: request.headers,
      ...(hasBody ? { body: await readBytes(request, MAX_BODY_BYTES) } : {}),
    });
    const origin = originOf(request, ip);
    const startedAt = elapsedMs();
    const outcome = await deps.calls.actions.runHttp({ code, identity, origin }, home, name, handler, incoming);
    deps.observer.note({
      kind: "httpAction",
      component: home.path,
      path: name,
      tookMs: elapsedMs() - startedAt,
      lines: outcome.lines,
      error: outcome.ok ? null : outcome.failure.description,
      requestId: origin.requestId,
    });
    if (outcome.ok) return outcome.response;
    const data = outcome.failure.dataJson === null ? {} : { data: JSON.parse(outcome.failure.dataJson) };
    const text = clientMessage(outcome.failure, origin.requestId).replace("\n", ": ");
    return json({ code: text.split("\n")[0], trace: text, ...data }, 500);
  }
}
