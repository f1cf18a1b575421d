// The model as agents reach it: `/model/v1/messages`, with the run's token for a key. The real key is added here and never leaves
// this process (P8). Nothing of a request is stored; nothing but these two paths is forwarded.
//   G1. Only a live run is served: its token is ours and unexpired, and the run has neither ended nor been stopped.
//   G2. Only the model its role was given is served.
//   G3. The answer streams through as it comes; when the agent goes away, so does our request.
//   G4. Every answer is metered for its run, whole or cut off, once; a run over its budget gets no further one (meter.ts).

import { Elysia } from "elysia";
import { api } from "../../convex/_generated/api.js";
import { readRunToken } from "../agents/run-code.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { Meter } from "./meter.ts";
import { type TokenUsage, UsageReader } from "./usage-reader.ts";

export interface GatewayDeps {
  readonly secret: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly modelByRole: Readonly<Record<string, string>>;
  readonly convex: ConvexCaller;
  readonly meter: Meter;
  readonly log: Log;
  readonly now?: () => number;
}

/** Anthropic's own limit for a request. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** How long a run is trusted to be live without asking again. */
const LIVE_FOR_MS = 5_000;
const MAX_REMEMBERED = 1_000;
/** An answer may take long to begin; Claude Code's own limit is ten minutes. */
const ANSWER_TIMEOUT_MS = 10 * 60_000;

const FORWARDED_REQUEST_HEADERS = ["anthropic-version", "anthropic-beta", "content-type", "accept", "user-agent"];
const FORWARDED_ANSWER_HEADERS = ["content-type", "request-id", "retry-after", "anthropic-ratelimit-requests-reset"];
const MESSAGES = "/v1/messages";
const PATHS = [MESSAGES, "/v1/messages/count_tokens"];

export const modelGateway = ({ secret, baseUrl, apiKey, modelByRole, convex, meter, log, now = Date.now }: GatewayDeps) => {
  const liveUntil = new Map<string, number>();
  const isLive = async (run: string) => {
    if ((liveUntil.get(run) ?? 0) > now() && meter.knows(run)) return true;
    const standing = await convex.query(api.runs.standing, { effectId: run });
    if (!standing?.live) return false;
    meter.open(run, standing.budget);
    if (liveUntil.size >= MAX_REMEMBERED) liveUntil.clear();
    liveUntil.set(run, now() + LIVE_FOR_MS);
    return true;
  };
  /** In Anthropic's shape, so that Claude Code reports it as what it is. */
  const refuse = (status: number, type: string, message: string, headers: Record<string, string> = {}) =>
    Response.json({ type: "error", error: { type, message } }, { status, headers });

  const forward = async (path: string, request: Request): Promise<Response> => {
    const bearer = request.headers.get("authorization")?.replace(/^Bearer /, "");
    const claims = await readRunToken(secret, request.headers.get("x-api-key") || bearer || "");
    if (!claims) return refuse(401, "authentication_error", "a live run token is needed");
    const { run } = claims;
    if (!(await isLive(run))) return refuse(403, "permission_error", "this run is over");
    const over = meter.over(run);
    // Anthropic's own answer when there is no money left; asking again cannot help.
    if (over !== null) {
      await meter.flush(); // B4
      return refuse(402, "billing_error", `over budget: ${over}`, { "x-should-retry": "false" });
    }
    const body = await readBounded(request, MAX_BODY_BYTES);
    if (body === null) return refuse(413, "request_too_large", `at most ${MAX_BODY_BYTES} bytes`);
    const model = modelOf(body);
    if (model !== modelByRole[claims.role]) {
      return refuse(
        403,
        "permission_error",
        `the ${claims.role} may use ${modelByRole[claims.role]}, not ${model ?? "an unnamed model"}`,
      );
    }
    const headers = new Headers({ "x-api-key": apiKey });
    for (const name of FORWARDED_REQUEST_HEADERS) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    if (path === MESSAGES && !meter.begin(run))
      return refuse(429, "rate_limit_error", "too many answers of this run are under way", { "retry-after": "1" });
    let ended = path !== MESSAGES;
    const end = (usage: TokenUsage | null) => {
      if (!ended) meter.end(run, model, usage);
      ended = true;
    };
    const query = new URL(request.url).search;
    let upstream: Response;
    try {
      upstream = await fetch(`${baseUrl}${path}${query}`, {
        method: "POST",
        headers,
        body,
        redirect: "error", // the key goes to one host
        signal: AbortSignal.any([request.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      });
    } catch (error) {
      end(null);
      throw error;
    }
    const answerHeaders = new Headers({ "cache-control": "no-store" });
    for (const name of FORWARDED_ANSWER_HEADERS) {
      const value = upstream.headers.get(name);
      if (value !== null) answerHeaders.set(name, value);
    }
    const { status, body: answer } = upstream;
    if (!upstream.ok || answer === null) end(null);
    const reader = new UsageReader(answerHeaders.get("content-type") ?? "");
    const observed = answer === null || ended ? answer : watched(answer, reader, end);
    return new Response(observed, { status, headers: answerHeaders });
  };

  const app = new Elysia({ name: "model-gateway", prefix: "/model" }).head("/", () => new Response(null));
  for (const path of PATHS) {
    app.post(
      path,
      async ({ request, server }) => {
        server?.timeout(request, 0); // a model may think longer than any idle time-out
        try {
          return await forward(path, request);
        } catch (error) {
          if (request.signal.aborted) return refuse(499, "api_error", "the agent has gone");
          log.warn("model.unreachable", { reason: reasonOf(error) });
          return refuse(529, "overloaded_error", "the model cannot be reached: try again");
        }
      },
      { parse: "none" },
    );
  }
  return app;
};

/** The same bytes at the reader's pace; `end` is told what they used once they are all through, torn off or no longer wanted. */
function watched(
  answer: ReadableStream<Uint8Array>,
  usage: UsageReader,
  end: (usage: TokenUsage | null) => void,
): ReadableStream<Uint8Array> {
  const source = answer.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await source.read();
        if (done) {
          end(usage.end());
          controller.close();
          return;
        }
        usage.push(value);
        controller.enqueue(value);
      } catch (error) {
        end(usage.end());
        controller.error(error);
      }
    },
    async cancel(reason) {
      end(usage.end());
      await source.cancel(reason);
    },
  });
}

function modelOf(body: Uint8Array): string | null {
  try {
    const { model } = JSON.parse(new TextDecoder().decode(body)) as { model?: unknown };
    return typeof model === "string" ? model : null;
  } catch {
    return null;
  }
}
