// The five calls to the orchestrator (docs/design/agents.md). Knows the wire and when a call may be repeated; keeps no state but the
// run's token.
//   O1. A lost answer (no connection, time-out, 502, 503, 504) is asked for again with back-off, for at most two minutes.
//   O2. A 4xx is never repeated: it is an answer.
//   O3. Every claim of one process carries the same claim id, so that a repeated claim is known as ours.

import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Assignment, assignment } from "./assignment.ts";
import type { Ending } from "./ending.ts";
import type { Batch, LogAnswer } from "./events.ts";
import type { Usage } from "./usage.ts";

const RETRY_FOR_MS = 120_000;
const CALL_TIMEOUT_MS = 15_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** An assignment with a ticket of 1 MB and four hand-overs is about 2 MB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_REASON_CHARS = 1_900;
const LOST = new Set([502, 503, 504]);

/** The orchestrator answered, and the answer is no. */
export class OrchestratorRefused extends Error {
  override readonly name = "OrchestratorRefused";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(`The orchestrator refused (${status} ${code}): ${message}`);
  }
}

/** No answer came in time. */
export class OrchestratorAway extends Error {
  override readonly name = "OrchestratorAway";
  readonly code = "orchestrator-away";
}

export type Claimed =
  | { readonly kind: "ours"; readonly assignment: Assignment }
  /** Somebody else has it, or it is over: exit 0 at once, touch nothing. */
  | { readonly kind: "notOurs"; readonly reason: string };

const refusal = z
  .object({ code: z.string().catch("unknown"), message: z.string().catch("") })
  .catch({ code: "unknown", message: "" });
const logAnswer = z.object({ next: z.number().int().min(1), stop: z.object({ reason: z.string() }).nullable() });
const gitToken = z.object({ token: z.string().min(1).max(4_000), expiresAt: z.number() });

export class Orchestrator {
  readonly #claimId = randomUUID();
  #token: string | null = null;

  constructor(
    private readonly url: string,
    private readonly retryForMs: number = RETRY_FOR_MS,
  ) {}

  /** Safe to repeat. @throws {OrchestratorRefused} a wrong code @throws {OrchestratorAway} @throws {z.ZodError} an assignment this runner cannot work with */
  async claim(run: string, code: string, signal?: AbortSignal): Promise<Claimed> {
    try {
      const answer = await this.#insist("claim", { run, code, claimId: this.#claimId }, this.retryForMs, signal);
      const ours = assignment.parse(answer);
      this.#token = ours.token;
      return { kind: "ours", assignment: ours };
    } catch (error) {
      if (error instanceof OrchestratorRefused && (error.status === 409 || error.status === 410)) {
        return { kind: "notOurs", reason: error.message };
      }
      throw error;
    }
  }

  /** One try: the event log repeats it itself. @throws {OrchestratorRefused} @throws {OrchestratorAway} */
  async events(batch: Batch, signal?: AbortSignal): Promise<LogAnswer> {
    return logAnswer.parse(await this.#post("events", batch, signal));
  }

  /** The last word. Safe to repeat. @param withinMs how long a lost answer is asked for again @throws {OrchestratorRefused} @throws {OrchestratorAway} */
  async report(ending: Ending, usage: Usage, withinMs: number = this.retryForMs): Promise<void> {
    const reason = ending.reason.length > MAX_REASON_CHARS ? `${ending.reason.slice(0, MAX_REASON_CHARS)}…` : ending.reason;
    await this.#insist("report", { ...ending, reason: reason.toWellFormed(), usage }, Math.min(withinMs, this.retryForMs));
  }

  /** A fresh token for git. Safe to repeat. @throws {OrchestratorRefused} @throws {OrchestratorAway} */
  async gitToken(signal?: AbortSignal): Promise<{ readonly token: string; readonly expiresAt: number }> {
    return gitToken.parse(await this.#insist("git-token", {}, this.retryForMs, signal));
  }

  /** O1. */
  async #insist(call: string, body: object, withinMs: number, signal?: AbortSignal): Promise<unknown> {
    const end = Date.now() + withinMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.#post(call, body, signal, Math.max(1, Math.min(CALL_TIMEOUT_MS, end - Date.now())));
      } catch (error) {
        const waitMs = pauseMs * (0.5 + Math.random() / 2);
        if (!(error instanceof OrchestratorAway) || signal?.aborted || Date.now() + waitMs >= end) throw error;
        await Bun.sleep(waitMs);
      }
    }
  }

  async #post(call: string, body: object, signal?: AbortSignal, timeoutMs: number = CALL_TIMEOUT_MS): Promise<unknown> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const { status, text } = await fetch(`${this.url}/agents/${call}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify(body),
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
      .then(async (response) => ({ status: response.status, text: await boundedText(response) }))
      .catch((cause: unknown) => {
        throw new OrchestratorAway(`The orchestrator cannot be reached for "${call}"`, { cause });
      });
    if (LOST.has(status)) throw new OrchestratorAway(`The orchestrator answered "${call}" with ${status}`);
    const value = asJson(text);
    if (status === 200) {
      // A 200 that is cut off in the middle is a lost answer, not a no.
      if (value === undefined) throw new OrchestratorAway(`The orchestrator's answer to "${call}" is not JSON`);
      return value;
    }
    const { code, message } = refusal.parse(value);
    throw new OrchestratorRefused(status, code, message.slice(0, 500)); // O2
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
