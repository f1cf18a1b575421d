// GitHub's webhook: verify, parse, store, answer. Only the fate of pull requests is of interest: merged, closed, changes asked for,
// a failed check.
//   W1. The signature is checked over the raw bytes, before anything is read from them.
//   W2. 200 is answered only when the delivery and its consequence are stored. GitHub does not deliver again by itself: the sweep of
//       deliveries and a person's "Redeliver" find what was refused with 503.

import { Elysia } from "elysia";
import { z } from "zod";
import type { PullRequestChange } from "../../convex/github.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import { isSigned } from "../http/signature.ts";
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
      const receivedAt = Date.now();
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return status(413, { code: "too_large", message: `a delivery has at most ${MAX_BODY_BYTES} bytes` });
      // Octokit's verifier takes text: bytes that are not UTF-8 would be signed by GitHub and refused by us.
      const signature = request.headers.get("x-hub-signature-256") ?? "";
      if (!signature.startsWith("sha256=") || !isSigned(secret, body, signature.slice("sha256=".length))) {
        count("forged");
        log.warn("webhook.refused", { source: "github", code: "forged" });
        return status(401, { code: "forged", message: "the signature does not hold" });
      }
      const deliveryId = request.headers.get("x-github-delivery");
      const kind = request.headers.get("x-github-event");
      const delivery = deliveryId && kind ? parseDelivery(kind, body) : null;
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
        log.info("webhook.stored", {
          source: "github",
          deliveryId,
          kind: delivery.event,
          outcome,
          receivedAt,
          tookMs: Date.now() - receivedAt,
        });
        return { stored: outcome };
      } catch (error) {
        count("unavailable");
        log.error("webhook.not_stored", { source: "github", deliveryId, reason: reasonOf(error) });
        return status(503, { code: "unavailable", message: "not stored: deliver it again" });
      }
    },
    { parse: "none" },
  );

const vHead = z.object({ ref: z.string() });
const vPerson = z.object({ login: z.string() }).nullish();
/** What is read of a delivery; everything but the repository is absent in some. */
const vPayload = z.object({
  action: z.string().nullish(),
  repository: z.object({ full_name: z.string() }).nullish(),
  sender: vPerson,
  pull_request: z
    .object({
      number: z.number(),
      merged: z.boolean().nullish(),
      merged_at: z.string().nullish(),
      closed_at: z.string().nullish(),
      head: vHead,
    })
    .nullish(),
  review: z
    .object({ state: z.string(), body: z.string().nullish(), user: vPerson, author_association: z.string().nullish() })
    .nullish(),
  check_run: z
    .object({
      conclusion: z.string().nullish(),
      name: z.string(),
      output: z.object({ summary: z.string().nullish() }).nullish(),
      pull_requests: z.array(z.object({ number: z.number(), head: vHead })).nullish(),
    })
    .nullish(),
});
type Payload = z.infer<typeof vPayload>;

/** Anybody may review a public repository's pull request: nobody may spend the owner's money by it. */
const STRANGERS: ReadonlySet<string> = new Set(["NONE", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN"]);

/** @returns null when it is not a delivery at all */
function parseDelivery(
  kind: string,
  body: Uint8Array,
): { event: string; repository: string; change: PullRequestChange | null } | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return null;
  }
  const { data: payload } = vPayload.safeParse(value);
  if (!payload) return null;
  const repository = payload.repository?.full_name;
  if (kind === "ping") return { event: "ping", repository: repository ?? "", change: null };
  if (repository === undefined) return null;
  return { event: `${kind}.${payload.action ?? ""}`.slice(0, 100), repository, change: changeOf(kind, payload) };
}

function changeOf(
  kind: string,
  { action, sender, pull_request: pull, review, check_run: check }: Payload,
): PullRequestChange | null {
  const by = sender?.login ?? "GitHub";
  if (kind === "pull_request" && action === "closed" && pull) {
    const kind = pull.merged ? "merged" : "closed";
    return { kind, branch: pull.head.ref, number: pull.number, by, at: timeOf(pull.merged ? pull.merged_at : pull.closed_at) };
  }
  if (kind === "pull_request_review" && action === "submitted" && pull && isRequest(review)) {
    const summary = review?.body?.trim() || "Changes were requested without a comment.";
    return {
      kind: "rework",
      branch: pull.head.ref,
      number: pull.number,
      by: review?.user?.login ?? by,
      source: "review",
      summary,
    };
  }
  const checked = check?.pull_requests?.[0];
  if (kind === "check_run" && action === "completed" && check?.conclusion === "failure" && checked) {
    const summary = `${check.name} failed: ${check.output?.summary ?? ""}`.trim();
    return { kind: "rework", branch: checked.head.ref, number: checked.number, by: check.name, source: "checks", summary };
  }
  return null;
}

/** 0 when GitHub does not say. */
const timeOf = (iso: string | null | undefined): number => Date.parse(iso ?? "") || 0;

const isRequest = (review: Payload["review"]) =>
  review?.state.toLowerCase() === "changes_requested" && !STRANGERS.has(review.author_association ?? "");
