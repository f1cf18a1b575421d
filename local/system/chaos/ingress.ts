// The one address under which the world reaches the orchestrators: gives each request to one that lives, and writes down what was
// acknowledged, as the world heard it or would have. The ledger is what I1 is checked against. It also repeats and loses, as the
// world does.

import type { Acknowledged } from "../checker/history.ts";

export interface IngressFaults {
  /** Chances, 0 to 1, a request. */
  readonly repeat: number;
  readonly loseAnswer: number;
}

export const CALM_INGRESS: IngressFaults = { repeat: 0, loseAnswer: 0 };

const ANSWER_LIMIT_MS = 15_000;

export class Ingress {
  faults: IngressFaults = CALM_INGRESS;
  readonly acknowledged: Acknowledged[] = [];
  readonly counts = { requests: 0, repeated: 0, lostAnswers: 0, unanswered: 0 };
  private readonly server: Bun.Server<undefined>;
  private turn = 0;

  /** @param backends ports of the orchestrators, in order of preference from call to call */
  constructor(
    port: number,
    private readonly backends: () => readonly number[],
    private readonly chance: (probability: number) => boolean,
  ) {
    this.server = Bun.serve({ port, hostname: "127.0.0.1", idleTimeout: 60, fetch: (request) => this.answer(request) });
  }

  close = () => this.server.stop(true);

  private async answer(request: Request): Promise<Response> {
    this.counts.requests++;
    const url = new URL(request.url);
    const body = await request.text();
    if (this.chance(this.faults.repeat)) {
      this.counts.repeated++;
      void this.hand(request, url, body);
    }
    const response = await this.hand(request, url, body);
    if (this.chance(this.faults.loseAnswer)) {
      this.counts.lostAnswers++;
      return new Response("lost on the way", { status: 502 });
    }
    return response;
  }

  /** To any that answers: one that is gone is passed over, as a load balancer does. */
  private async hand(request: Request, url: URL, body: string): Promise<Response> {
    const ports = this.backends();
    for (let attempt = 0; attempt < ports.length; attempt++) {
      const port = ports[this.turn++ % ports.length];
      try {
        const response = await fetch(`http://127.0.0.1:${port}${url.pathname}${url.search}`, {
          method: request.method,
          headers: request.headers,
          ...(request.method === "GET" ? {} : { body }),
          signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
        });
        const text = await response.text();
        if (response.ok) this.note(url.pathname, request.headers, body);
        return new Response(text, { status: response.status, headers: { "content-type": "application/json" } });
      } catch (error) {
        // What broke in the middle may have been done: only who was never reached lets another try.
        if (!isRefusal(error)) break;
      }
    }
    this.counts.unanswered++;
    return new Response("nobody answers", { status: 503 });
  }

  private note(path: string, headers: Headers, body: string): void {
    const said = parse(body);
    const delivery = (source: "linear" | "github", deliveryId: string | null, more: readonly string[] = []) => {
      if (deliveryId === null) return;
      this.acknowledged.push({ kind: "delivery", source, deliveryId, becomes: [`${source}:${deliveryId}`, ...more] });
    };
    switch (path) {
      case "/webhooks/linear":
        delivery("linear", headers.get("linear-delivery"));
        return;
      case "/webhooks/github":
        // The end of a pull request has one name, whoever tells it.
        delivery("github", headers.get("x-github-delivery"), said.action === "closed" ? [`pull:${String(said.number)}:`] : []);
        return;
      case "/events/ecs": {
        const { taskArn, lastStatus, startedBy } = (said.detail ?? {}) as Record<string, string | undefined>;
        if (taskArn && lastStatus && startedBy) this.acknowledged.push({ kind: "task", taskArn, lastStatus, startedBy });
        return;
      }
      case "/agents/claim": {
        const run = String(said.run);
        this.acknowledged.push({ kind: "event", actor: actorOf(run), key: `claim:${run}` });
        return;
      }
      case "/agents/report": {
        const run = runOf(headers.get("authorization") ?? "");
        if (run !== null) this.acknowledged.push({ kind: "event", actor: actorOf(run), key: `report:${run}` });
        return;
      }
      default:
    }
  }
}

/** "org/p/f/coder-1" of "org/p/f/coder-1:0:0". */
const actorOf = (run: string): string => run.slice(0, run.indexOf(":"));

/** A run token names its run: it is a JWT, and its payload is readable. */
function runOf(authorization: string): string | null {
  const payload = authorization.split(".")[1];
  if (payload === undefined) return null;
  const { sub } = parse(Buffer.from(payload, "base64url").toString());
  return typeof sub === "string" ? sub : null;
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const isRefusal = (error: unknown): boolean => (error as { code?: string }).code === "ConnectionRefused";
