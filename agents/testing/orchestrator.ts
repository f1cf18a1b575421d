// The five calls of docs/design/agents.md over real HTTP, for tests only: one run, its log, its report, and a gateway to whatever model
// it is given. As strict as the contract: gaps are not stored, tokens are checked, batches are bounded. It can be told to lose answers.

import type { Assignment } from "@omakase/orchestrator/agents/wire";
import type { LogEvent } from "../events.ts";
import type { Usage } from "../usage.ts";

export interface Reported {
  readonly exitCode: number;
  readonly class: string | null;
  readonly reason: string;
  readonly result: Record<string, unknown> | null;
  readonly headSha: string | null;
  readonly usage: Usage;
}

export interface StandInOptions {
  /** Everything but where the model is. */
  readonly assignment: Omit<Assignment, "model">;
  /** The real address of the model and its key, which the runner never sees. */
  readonly model: { readonly url: string; readonly key: string };
  /** What `git-token` answers. */
  readonly freshToken?: () => Promise<string>;
}

export const CODE = "a-one-time-code-nobody-guesses";
const MODEL_NAME = "claude-sonnet-5-5";

export class StandIn {
  readonly events: LogEvent[] = [];
  readonly claims: string[] = [];
  reported: Reported | null = null;
  reports = 0;
  heartbeats = 0;
  usage: Usage | null = null;
  stopReason: string | null = null;
  /** Who holds the run before anybody claims it. */
  holder: string | null = null;
  /** Decides, call by call, whether an answer is lost after the work was done ("after") or before ("before"). */
  fault: (call: string) => "after" | "before" | null = () => null;
  /** What every call of the gateway is told instead of being passed on. */
  gatewayStatus: number | null = null;
  readonly #server: Bun.Server<undefined>;

  constructor(private readonly options: StandInOptions) {
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 60, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get run(): string {
    return this.options.assignment.run;
  }

  get token(): string {
    return this.options.assignment.token;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** Everything the orchestrator was told, as one text to search. */
  everything(): string {
    return JSON.stringify([this.events, this.reported]);
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    if (pathname.startsWith("/model/")) return this.#model(request, pathname.slice("/model".length) + search);
    const call = pathname.replace("/agents/", "");
    const fault = this.fault(call);
    if (fault === "before") return new Response(null, { status: 503 });
    const answer = await this.#agents(request, call);
    return fault === "after" ? new Response(null, { status: 502 }) : answer;
  }

  async #agents(request: Request, call: string): Promise<Response> {
    const text = await request.text();
    if (text.length > 512 * 1024) return Response.json({ code: "too_large", message: "" }, { status: 413 });
    const body = JSON.parse(text);
    if (call === "claim") return this.#claim(body);
    if (request.headers.get("authorization") !== `Bearer ${this.token}`)
      return Response.json({ code: "forged" }, { status: 401 });
    if (call === "events") return this.#log(body);
    if (call === "report") {
      this.reports += 1;
      this.reported ??= body;
      return Response.json({});
    }
    if (call === "git-token")
      return Response.json({ token: await this.options.freshToken?.(), expiresAt: Date.now() + 3_600_000 });
    return Response.json({ code: "unknown" }, { status: 404 });
  }

  #claim({ run, code, claimId }: { run: string; code: string; claimId: string }): Response {
    this.claims.push(claimId);
    if (code !== CODE) return Response.json({ code: "forged", message: "wrong code" }, { status: 401 });
    if (run !== this.options.assignment.run) return Response.json({ code: "unknown", message: "no such run" }, { status: 404 });
    if (this.holder !== null && this.holder !== claimId)
      return Response.json({ code: "taken", message: "somebody has it" }, { status: 409 });
    this.holder = claimId;
    const assignment: Assignment = { ...this.options.assignment, model: { baseUrl: `${this.url}/model`, name: MODEL_NAME } };
    return Response.json(assignment);
  }

  #log({ from, events, usage }: { from: number; events: LogEvent[]; usage: Usage }): Response {
    if (events.length > 256) return Response.json({ code: "malformed", message: "too many" }, { status: 400 });
    if (events.length === 0) this.heartbeats += 1;
    this.usage = usage;
    const stored = this.events.length;
    if (from <= stored + 1) this.events.push(...events.slice(stored + 1 - from));
    const stop = this.stopReason === null ? null : { reason: this.stopReason };
    return Response.json({ next: this.events.length + 1, stop });
  }

  async #model(request: Request, path: string): Promise<Response> {
    const error = (status: number, message: string) =>
      Response.json({ type: "error", error: { type: "api_error", message } }, { status });
    if (request.headers.get("x-api-key") !== this.token) return error(401, "not the run's token");
    if (this.gatewayStatus !== null) return error(this.gatewayStatus, "told to refuse");
    const headers = new Headers(request.headers);
    headers.set("x-api-key", this.options.model.key);
    headers.delete("host");
    const body = request.method === "POST" ? await request.arrayBuffer() : undefined;
    const answer = await fetch(this.options.model.url + path, { method: request.method, headers, body, signal: request.signal });
    return new Response(answer.body, {
      status: answer.status,
      headers: { "content-type": answer.headers.get("content-type") ?? "" },
    });
  }
}
