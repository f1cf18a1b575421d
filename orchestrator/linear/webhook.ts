// Linear's webhook: verify, parse, store, answer. Decides nothing about features.
//   W1. The signature is checked over the raw bytes, before anything is read from them.
//   W2. 200 is answered only when the delivery and its consequence are stored; anything else makes Linear deliver again.
//   W3. What was refused (forged, stale, malformed) leaves no trace but a log line and a count.

import { LINEAR_WEBHOOK_SIGNATURE_HEADER, LINEAR_WEBHOOK_TS_FIELD, LinearWebhookClient } from "@linear/sdk/webhooks";
import { Elysia } from "elysia";
import type { Issue } from "../../convex/tickets.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import type { Log } from "../log.ts";
import { BadIssue, parseIssue } from "./issue.ts";

export interface LinearWebhookDeps {
  readonly secret: string;
  readonly log: Log;
  /** Stores a delivery and its consequence (`linear.receive`). Safe to repeat. */
  readonly store: (delivery: { deliveryId: string; event: string; issue: Issue | null }) => Promise<{ outcome: string }>;
  readonly count: (outcome: "stored" | "forged" | "malformed" | "unavailable") => void;
}

/** Linear's own limit for a payload is far below this; a megabyte of description in it is fine. */
const MAX_BODY_BYTES = 5 * 1024 * 1024;

export const linearWebhook = ({ secret, log, store, count }: LinearWebhookDeps) => {
  const verifier = new LinearWebhookClient(secret);
  return new Elysia({ name: "linear-webhook" }).post(
    "/webhooks/linear",
    async ({ request, status }) => {
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return status(413, { code: "too_large", message: `a delivery has at most ${MAX_BODY_BYTES} bytes` });
      const refuse = (code: "forged" | "malformed", message: string) => {
        count(code);
        log.warn("webhook.refused", { source: "linear", code, message });
        return status(code === "forged" ? 401 : 400, { code, message });
      };
      let payload: Record<string, unknown> | null = null;
      try {
        payload = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
      } catch {
        // A bad signature is said first: strangers learn nothing about our parser.
      }
      const stamp = payload?.[LINEAR_WEBHOOK_TS_FIELD];
      try {
        const signature = request.headers.get(LINEAR_WEBHOOK_SIGNATURE_HEADER) ?? "";
        verifier.verify(Buffer.from(body), signature, typeof stamp === "number" ? stamp : Number.NaN);
      } catch (error) {
        return refuse("forged", `the signature or its time does not hold: ${reasonOf(error, 200)}`);
      }
      const deliveryId = request.headers.get("linear-delivery");
      if (!payload || typeof stamp !== "number" || !deliveryId || deliveryId.length > 100) {
        return refuse("malformed", "a delivery is a JSON object with webhookTimestamp, under a Linear-Delivery header");
      }
      const event = `${String(payload.type)}.${String(payload.action)}`.slice(0, 100);
      try {
        const issue = payload.type === "Issue" ? parseIssue(payload.data, payload.action === "remove") : null;
        const { outcome } = await store({ deliveryId, event, issue });
        count("stored");
        log.info("webhook.stored", { source: "linear", deliveryId, kind: event, issue: issue?.key, outcome });
        return { stored: outcome };
      } catch (error) {
        if (error instanceof BadIssue) return refuse("malformed", error.message);
        count("unavailable");
        log.error("webhook.not_stored", { source: "linear", deliveryId, reason: reasonOf(error) });
        return status(503, { code: "unavailable", message: "not stored: deliver it again" });
      }
    },
    { parse: "none" },
  );
};
