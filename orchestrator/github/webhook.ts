// GitHub's webhook: verify, parse, store, answer. Only the fate of pull requests is of interest: merged, closed, changes asked for,
// a failed check.

import { verify } from "@octokit/webhooks-methods";
import { Elysia } from "elysia";
import type { PullRequestChange } from "../../convex/github.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import type { Log } from "../log.ts";

export interface GitHubWebhookDeps {
  readonly secret: string;
  readonly log: Log;
  /** Stores a delivery and its consequence (`github.receive`). Safe to repeat. */
  readonly store: (delivery: {
    deliveryId: string;
    event: string;
    repository: string;
    change: PullRequestChange | null;
  }) => Promise<{ outcome: string }>;
  readonly count: (outcome: "stored" | "forged" | "malformed" | "unavailable") => void;
}

/** GitHub caps payloads at 25 MB; those we read are far smaller. */
const MAX_BODY_BYTES = 25 * 1024 * 1024;

export const githubWebhook = ({ secret, log, store, count }: GitHubWebhookDeps) =>
  new Elysia({ name: "github-webhook" }).post(
    "/webhooks/github",
    async ({ request, status }) => {
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return status(413, { code: "too_large", message: `a delivery has at most ${MAX_BODY_BYTES} bytes` });
      const text = new TextDecoder().decode(body);
      const signature = request.headers.get("x-hub-signature-256") ?? "";
      if (signature === "" || !(await verify(secret, text, signature).catch(() => false))) {
        count("forged");
        log.warn("webhook.refused", { source: "github", code: "forged" });
        return status(401, { code: "forged", message: "the signature does not hold" });
      }
      const deliveryId = request.headers.get("x-github-delivery");
      const kind = request.headers.get("x-github-event");
      const delivery = deliveryId && kind ? parseDelivery(kind, text) : null;
      if (!deliveryId || deliveryId.length > 100 || delivery === null) {
        count("malformed");
        return status(400, {
          code: "malformed",
          message: "a delivery is a JSON object with a repository, under X-GitHub-Delivery and X-GitHub-Event",
        });
      }
      try {
        const { outcome } = await store({ deliveryId, ...delivery });
        count("stored");
        log.info("webhook.stored", { source: "github", deliveryId, kind: delivery.event, outcome });
        return { stored: outcome };
      } catch (error) {
        count("unavailable");
        log.error("webhook.not_stored", { source: "github", deliveryId, reason: reasonOf(error) });
        return status(503, { code: "unavailable", message: "not stored: deliver it again" });
      }
    },
    { parse: "none" },
  );

interface Payload {
  readonly action?: string;
  readonly repository?: { readonly full_name?: string };
  readonly sender?: { readonly login?: string; readonly type?: string };
  readonly pull_request?: { readonly number: number; readonly merged?: boolean; readonly head: { readonly ref: string } };
  readonly review?: {
    readonly state?: string;
    readonly body?: string | null;
    readonly user?: { readonly login?: string; readonly type?: string };
  };
  readonly check_run?: {
    readonly conclusion?: string | null;
    readonly name?: string;
    readonly output?: { readonly summary?: string | null };
    readonly pull_requests?: readonly { readonly number: number; readonly head: { readonly ref: string } }[];
  };
}

/** @returns null when it is not a delivery at all */
function parseDelivery(
  kind: string,
  text: string,
): { event: string; repository: string; change: PullRequestChange | null } | null {
  let payload: Payload;
  try {
    payload = JSON.parse(text) as Payload;
  } catch {
    return null;
  }
  const repository = payload.repository?.full_name;
  if (kind === "ping") return { event: "ping", repository: repository ?? "", change: null };
  if (typeof repository !== "string") return null;
  return { event: `${kind}.${payload.action ?? ""}`.slice(0, 100), repository, change: changeOf(kind, payload) };
}

function changeOf(
  kind: string,
  { action, sender, pull_request: pull, review, check_run: check }: Payload,
): PullRequestChange | null {
  const by = sender?.login ?? "GitHub";
  if (kind === "pull_request" && action === "closed" && pull) {
    return { kind: pull.merged ? "merged" : "closed", branch: pull.head.ref, number: pull.number, by };
  }
  if (kind === "pull_request_review" && action === "submitted" && pull && review?.state?.toLowerCase() === "changes_requested") {
    const summary = review.body?.trim() || "Changes were requested without a comment.";
    return {
      kind: "rework",
      branch: pull.head.ref,
      number: pull.number,
      by: review.user?.login ?? by,
      source: "review",
      summary,
    };
  }
  const checked = check?.pull_requests?.[0];
  if (kind === "check_run" && action === "completed" && check?.conclusion === "failure" && checked) {
    const summary = `${check.name ?? "A check"} failed: ${check.output?.summary ?? ""}`.trim();
    return { kind: "rework", branch: checked.head.ref, number: checked.number, by: check.name ?? by, source: "checks", summary };
  }
  return null;
}
