// What an agent's container says to us (docs/design/agents.md): claims its run, streams its events, reports its end, asks for a
// fresh git token. Everything it says is a stranger's word: bounded, parsed, masked.

import { Elysia } from "elysia";
import { z } from "zod";
import { api } from "../../convex/_generated/api.js";
import { OmakaseError, reasonOf } from "../errors.ts";
import { type GitHub, GitHubRefused } from "../github/client.ts";
import { readBounded } from "../http/bounded-body.ts";
import { createCallRate } from "../http/call-rate.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { Refused } from "../store/host-store.ts";
import { mask, maskDeep } from "./masking.ts";
import { readResults } from "./results.ts";
import { isRunCode, type RunClaims, readRunToken, signRunToken } from "./run-code.ts";
import type { Assignment } from "./wire.ts";

export interface AgentEndpointsDeps {
  readonly secret: string;
  /** How the container reaches us. */
  readonly publicUrl: string;
  readonly modelByRole: Readonly<Record<Assignment["role"], string>>;
  readonly convex: ConvexCaller;
  readonly github: GitHub;
  readonly log: Log;
  readonly now?: () => number;
}

const MAX_CLAIM_BYTES = 8 * 1024;
const MAX_EVENTS_BYTES = 512 * 1024;
const MAX_REPORT_BYTES = 256 * 1024;
/** A runner sends a batch every 200 ms at most. */
const CALLS_PER_SECOND = 20;
const CALL_BURST = 100;
const MAX_REASON = 2_000;
const NO_USAGE = { turns: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };
/** A token outlives its run's wall clock by this, so that the last word can still be said. */
const TOKEN_GRACE_MS = 10 * 60_000;

const vClaim = z.object({ run: z.string().max(300), code: z.string().max(100), claimId: z.string().min(8).max(100) });
const count = z.number().finite().min(0).max(1e12);
const vUsage = z.object({
  turns: count,
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheCreationTokens: count,
  costUsd: count,
});
/** What is not part of an event is dropped. */
const vEvent = z.object({
  seq: z.number().int().min(1),
  at: z.number(),
  source: z.enum(["runner", "model", "tool", "stderr"]),
  level: z.enum(["debug", "info", "warn", "error"]),
  kind: z.string().max(100),
  text: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
});
const vEvents = z.object({
  from: z.number().int().min(1),
  events: z.array(vEvent).max(256),
  usage: vUsage,
});
const vReport = z.object({
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  class: z.enum(["infrastructure", "agent", "verdict", "budget"]).nullable(),
  reason: z.string().transform((reason) => reason.slice(0, MAX_REASON).toWellFormed()),
  result: z.record(z.string(), z.unknown()).nullable(),
  headSha: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  usage: vUsage,
});

/** An answer of ours that is not a 200. */
class Answer extends OmakaseError {
  readonly code = "answer";
  readonly retryable = false;
  constructor(
    readonly status: number,
    readonly body: { readonly code: string; readonly message: string },
  ) {
    super(body.message);
  }
}

export const agentEndpoints = (deps: AgentEndpointsDeps) => {
  const { secret, convex, github, log, now = Date.now } = deps;
  const rate = createCallRate(CALLS_PER_SECOND, CALL_BURST, now);
  const limited = (run: string) => {
    if (!rate.take(run)) throw new Answer(429, { code: "too_many", message: `at most ${CALLS_PER_SECOND} calls a second` });
  };

  const claim = async (request: Request): Promise<Assignment> => {
    const { run, code, claimId } = await parsed(request, MAX_CLAIM_BYTES, vClaim);
    if (!isRunCode(secret, run, code)) throw new Answer(401, { code: "forged", message: "wrong code for this run" });
    limited(run);
    const role = /\/(architect|coder|reviewer|tester)-\d+:\d+:\d+$/.exec(run)?.[1] as Assignment["role"] | undefined;
    if (!role) throw new Answer(404, { code: "unknown", message: "no such run" });
    const model = deps.modelByRole[role];
    const claimed = await convex.mutation(api.runs.claim, { effectId: run, claimId, model });
    switch (claimed.kind) {
      case "taken":
        throw new Answer(409, { code: "taken", message: "another container has this run: exit" });
      case "over":
        throw new Answer(410, { code: "over", message: "this run is over: exit" });
      case "unknown":
        throw new Answer(404, { code: "unknown", message: "no such run" });
      case "assignment": {
        const { repository, handover, agent, attempt, round, ticket, limits, testCommand } = claimed;
        const git = await firstGitToken(run, role, repository.name);
        log.info("agent.claimed", { run, agent, role, attempt });
        return {
          run,
          agent,
          role,
          attempt,
          round,
          token: await signRunToken(secret, { run, agent, role }, limits.wallClockMs + TOKEN_GRACE_MS),
          ticket,
          repository: {
            url: github.cloneUrl(repository.name),
            defaultBranch: repository.defaultBranch,
            branch: repository.branch,
            bases: repository.bases,
            token: git.token,
            tokenExpiresAt: git.expiresAt,
          },
          model: { baseUrl: `${deps.publicUrl}/model`, name: model },
          limits,
          testCommand,
          handover: {
            ...readResults(handover.results),
            note: handover.note,
          },
        };
      }
      default:
        return claimed satisfies never;
    }
  };

  /** Without a token there is no work, and the runner cannot say why: it has not got its own token yet. So we report for it. */
  const firstGitToken = async (run: string, role: Assignment["role"], repository: string) => {
    try {
      return await github.gitToken(repository, contentsFor(role));
    } catch (error) {
      if (!(error instanceof GitHubRefused)) throw error;
      const reason = mask(`GitHub gives no access to ${repository}: ${reasonOf(error, 300)}`);
      log.error("agent.no_git_token", { run, repository, reason });
      await convex.mutation(api.runs.report, {
        effectId: run,
        exitCode: 1,
        // GitHub has decided: one more attempt, for an App that was just being installed, and then a person is told.
        class: "agent",
        reason,
        result: null,
        headSha: null,
        usage: NO_USAGE,
      });
      throw new Answer(422, { code: "no_repository", message: reason });
    }
  };

  const events = async (request: Request, { run }: RunClaims) => {
    const body = await parsed(request, MAX_EVENTS_BYTES, vEvents);
    const masked = body.events.map((event) => JSON.stringify(maskDeep(event)));
    return convex.mutation(api.runs.append, {
      effectId: run,
      from: body.from,
      events: masked,
      usage: body.usage,
      at: now(),
    });
  };

  const report = async (request: Request, { run, agent }: RunClaims) => {
    const body = await parsed(request, MAX_REPORT_BYTES, vReport);
    const resultText = body.result === null ? null : JSON.stringify(maskDeep(body.result));
    await convex.mutation(api.runs.report, { ...body, effectId: run, reason: mask(body.reason), result: resultText });
    log.info("agent.reported", { run, agent, exitCode: body.exitCode, reason: mask(body.reason).slice(0, 200) });
    return {};
  };

  const gitToken = async (_request: Request, { run, role }: RunClaims) => {
    const standing = await convex.query(api.runs.standing, { effectId: run });
    if (!standing?.live) throw new Answer(410, { code: "over", message: "this run is over" });
    const { token, expiresAt } = await github.gitToken(standing.repository, contentsFor(role));
    return { token, expiresAt };
  };

  const withToken = (handle: (request: Request, run: RunClaims) => Promise<unknown>) => async (request: Request) => {
    const header = request.headers.get("authorization") ?? "";
    const run = header.startsWith("Bearer ") ? await readRunToken(secret, header.slice(7)) : null;
    if (!run) throw new Answer(401, { code: "forged", message: "a live run token is needed" });
    limited(run.run);
    return handle(request, run);
  };
  const answering = (name: string, handle: (request: Request) => Promise<unknown>) => async (context: { request: Request }) => {
    try {
      return Response.json(await handle(context.request));
    } catch (error) {
      if (error instanceof Answer) return Response.json(error.body, { status: error.status });
      if (error instanceof Refused) return Response.json({ code: "refused", message: error.message }, { status: 400 });
      log.error("agent.call_failed", { call: name, reason: reasonOf(error) });
      return Response.json(
        { code: "unavailable", message: "not stored: try again" },
        { status: 503, headers: { "retry-after": "1" } },
      );
    }
  };

  return new Elysia({ name: "agent-endpoints", prefix: "/agents" })
    .post("/claim", answering("claim", claim), { parse: "none" })
    .post("/events", answering("events", withToken(events)), { parse: "none" })
    .post("/report", answering("report", withToken(report)), { parse: "none" })
    .post("/git-token", answering("git-token", withToken(gitToken)), { parse: "none" });
};

async function parsed<S extends z.ZodType>(request: Request, maxBytes: number, schema: S): Promise<z.infer<S>> {
  const body = await readBounded(request, maxBytes);
  if (body === null) throw new Answer(413, { code: "too_large", message: `at most ${maxBytes} bytes` });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new Answer(400, { code: "malformed", message: "the body is not JSON" });
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw new Answer(400, { code: "malformed", message: z.prettifyError(checked.error).slice(0, 1_000) });
  return checked.data;
}

/** Only the coder pushes. */
const contentsFor = (role: string) => (role === "coder" ? "write" : "read");
