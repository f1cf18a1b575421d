// A local Anthropic Messages API that plays scripts: routes, authentication, pace and faults.
// What a script says is decided in library.ts and play.ts; how it looks on the wire in answer.ts.
//
//   M1. Nothing is remembered between requests but how often a fault with `times` has happened: a retry, a restart or two
//       clients at once get the same answer for the same conversation.
//   M2. What is not covered is answered with Anthropic's own error, never with an empty 200.
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { blocksOf, messageOf, newId, RESULT_TOOL, toEvents, toJson, tokensOf } from "./answer.ts";
import { catalogue, findModel } from "./catalogue.ts";
import { type Conversation, type MessagesRequest, readConversation } from "./conversation.ts";
import { ApiError } from "./errors.ts";
import { FaultCounter } from "./faults.ts";
import { Journal, type JournalLine } from "./journal.ts";
import { Library } from "./library.ts";
import { authenticate, BODY_LIMIT_BYTES, parse, readBody } from "./request.ts";
import { schemaProblem } from "./schema.ts";
import type { Step, TicketScript } from "./script.ts";
import { brokenStream, streamOf, think, thinkTimeMs } from "./stream.ts";

export interface ModelOptions {
  /** Where the request journal goes; made when missing. */
  readonly dir: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly scripts: readonly TicketScript[];
  /** The one key accepted. Without it any key will do, but one must be sent. */
  readonly apiKey?: string;
  /** Factor on every think time: 0 answers at once, 1 is a pace a person can follow. @default 1 */
  readonly pace?: number;
}

export interface RunningModel {
  readonly url: string;
  /** Lets answers in flight finish for at most a second. Safe to repeat. */
  stop(): Promise<void>;
}

/** The port is not ours to have. */
export class PortTakenError extends Error {
  readonly code = "PORT_TAKEN";
  override readonly name = "PortTakenError";
}

/** Starts the server on 127.0.0.1. @throws {ScriptError} when two scripts claim one ticket @throws {PortTakenError} */
export function startModel({ dir, port, scripts, apiKey, pace = 1 }: ModelOptions): RunningModel {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const world: World = { library: new Library(scripts), journal: new Journal(dir), faults: new FaultCounter(), apiKey, pace };
  const server = listen(port, (request, hasLeft) => handle(world, request, hasLeft));
  return {
    url: `http://127.0.0.1:${server.port}`,
    async stop() {
      await Promise.race([server.stop(), Bun.sleep(1_000)]);
      await server.stop(true);
    },
  };
}

interface World {
  readonly library: Library;
  readonly journal: Journal;
  readonly faults: FaultCounter;
  readonly apiKey: string | undefined;
  readonly pace: number;
}

function listen(port: number, answer: (request: Request, hasLeft: AbortSignal) => Promise<Response>) {
  try {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 255,
      maxRequestBodySize: BODY_LIMIT_BYTES + 1_024, // ours answers first, in Anthropic's words
      fetch: (request) => answer(request, request.signal),
    });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE") {
      throw new PortTakenError(`Port ${port} is taken: stop what listens there, or give --port another one.`, { cause });
    }
    throw cause;
  }
}

async function handle(world: World, request: Request, hasLeft: AbortSignal): Promise<Response> {
  const requestId = newId("req");
  const { pathname } = new URL(request.url);
  let line: JournalLine = { at: new Date().toISOString(), route: `${request.method} ${pathname}`, status: 200 };
  const note = (more: Partial<JournalLine>) => {
    line = { ...line, ...more };
  };
  try {
    const response = await route(world, request, pathname, requestId, hasLeft, note);
    note({ status: response.status });
    return response;
  } catch (error) {
    const known = error instanceof ApiError ? error : new ApiError(500, "Internal server error");
    note({ status: known.status, ...(error === known ? {} : { problem: String(error) }) });
    return known.toResponse(requestId);
  } finally {
    world.journal.write(line);
  }
}

async function route(
  world: World,
  request: Request,
  pathname: string,
  requestId: string,
  hasLeft: AbortSignal,
  note: (more: Partial<JournalLine>) => void,
): Promise<Response> {
  if (request.method === "HEAD") return new Response(null, { headers: { "request-id": requestId } });
  const allowed = METHODS[pathname] ?? (pathname.startsWith("/v1/models/") ? "GET" : undefined);
  if (allowed === undefined) throw new ApiError(404, "Not found");
  if (request.method !== allowed) throw new ApiError(405, "Method Not Allowed", { allow: allowed });
  authenticate(request, world.apiKey);
  const headers = { "request-id": requestId, "anthropic-organization-id": "omakase-local" };
  if (pathname === "/v1/models") return Response.json(catalogue(), { headers });
  if (pathname.startsWith("/v1/models/")) return Response.json(findModel(pathname.slice("/v1/models/".length)), { headers });

  const body = await readBody(request);
  if (pathname === "/v1/messages/count_tokens") {
    const counted = parse({ max_tokens: 1, ...body });
    return Response.json(
      { input_tokens: tokensOf(JSON.stringify([counted.system, counted.messages, counted.tools]).length) },
      { headers },
    );
  }
  const asked = parse(body);
  findModel(asked.model);
  const conversation = readConversation(asked);
  const step = nextStep(world, asked, conversation, note);
  return answer(world, step, asked, conversation, headers, hasLeft);
}

const METHODS: Readonly<Record<string, "GET" | "POST">> = {
  "/v1/messages": "POST",
  "/v1/messages/count_tokens": "POST",
  "/v1/models": "GET",
};

function nextStep(
  world: World,
  asked: MessagesRequest,
  conversation: Conversation,
  note: (more: Partial<JournalLine>) => void,
): Step {
  const { scene, outcomes } = conversation;
  if (!scene) {
    note({ played: "no marker" });
    return {
      kind: "say",
      text: "This is the scripted model of a local Omakase. It plays runs; this prompt does not begin with a run's marker line.",
    };
  }
  const session = `${scene.ticket} ${scene.role} ${scene.round} ${digest(asked.messages[0]?.content)}`;
  const reached = world.library.reach(scene, outcomes, (index, times) => world.faults.count(session, index) >= times);
  if (reached.step.kind === "fault") world.faults.add(session, reached.faultIndex);
  const played =
    reached.step.kind === "use" ? reached.step.tool : reached.step.kind === "fault" ? reached.step.fault.kind : reached.step.kind;
  note({
    run: `${scene.ticket} ${scene.role} ${scene.round}`,
    turn: reached.turn,
    played: `${world.library.hasScript(scene) ? "script" : "generic"}: ${played}`,
  });
  if (reached.step.kind === "finish") {
    const problem = schemaProblem(conversation.tools.get(RESULT_TOOL), reached.step.result);
    if (problem !== undefined) note({ problem: `the result does not satisfy the schema offered: ${problem}` });
  }
  return reached.step;
}

async function answer(
  world: World,
  step: Step,
  asked: MessagesRequest,
  conversation: Conversation,
  headers: Readonly<Record<string, string>>,
  hasLeft: AbortSignal,
): Promise<Response> {
  await think(thinkTimeMs(conversation.outcomes.length) * world.pace, hasLeft);
  const fault = step.kind === "fault" ? step.fault : undefined;
  if (fault?.kind === "status") throw new ApiError(fault.status, FAULT_MESSAGE[fault.status], retryAfter(fault));
  const latest = asked.messages.at(-1);
  const latestLength = JSON.stringify(latest).length;
  const wholeLength = JSON.stringify([asked.system, asked.tools, asked.messages]).length;
  const message = messageOf(asked.model, blocksOf(step, conversation), [wholeLength - latestLength, latestLength]);
  const isBroken = fault?.kind === "stall" || fault?.kind === "cut";
  if (!asked.stream && !isBroken) return Response.json(toJson(message), { headers });
  const body = isBroken ? brokenStream(message, fault.kind, hasLeft) : streamOf(toEvents(message));
  return new Response(body, {
    headers: { ...headers, "content-type": asked.stream ? "text/event-stream; charset=utf-8" : "application/json" },
  });
}

const FAULT_MESSAGE = {
  400: "messages: the scripted model refuses this request",
  401: "invalid x-api-key",
  429: "This request would exceed your organization's rate limit. Please try again later.",
  500: "Internal server error",
  529: "Overloaded",
} as const;

function retryAfter(fault: { readonly status: number; readonly retryAfterS?: number }): Record<string, string> {
  return fault.status === 429 ? { "retry-after": String(fault.retryAfterS ?? 1) } : {};
}

function digest(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(value ?? null))
    .digest("hex");
}
