// Linear's webhook: verify, parse, store, answer. Decides nothing about features.
//   W1. The signature is checked over the raw bytes, before anything is read from them.
//   W2. 200 is answered only when the delivery and its consequence are stored; anything else makes Linear deliver again.
//   W3. What was refused (forged, stale, malformed) leaves no trace but a log line and a count.

import { LINEAR_WEBHOOK_SIGNATURE_HEADER, LINEAR_WEBHOOK_TS_FIELD } from "@linear/sdk/webhooks";
import { Elysia } from "elysia";
import type { Issue } from "../../convex/tickets.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import { isSigned } from "../http/signature.ts";
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

/** A delivery heard by somebody else cannot be repeated to us later: its time is part of what is signed. */
const MAX_AGE_MS = 60_000;

export const linearWebhook = ({ secret, log, store, count }: LinearWebhookDeps) =>
  new Elysia({ name: "linear-webhook" }).post(
    "/webhooks/linear",
    async ({ request, status }) => {
      const receivedAt = Date.now();
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return status(413, { code: "too_large", message: `a delivery has at most ${MAX_BODY_BYTES} bytes` });
      const refuse = (code: "forged" | "malformed", message: string) => {
        count(code);
        log.warn("webhook.refused", { source: "linear", code, message });
        return status(code === "forged" ? 401 : 400, { code, message });
      };
      // The SDK's own verifier is not used: it cannot tell a stale delivery from one that is no JSON.
      if (!isSigned(secret, body, request.headers.get(LINEAR_WEBHOOK_SIGNATURE_HEADER) ?? "")) {
        return refuse("forged", "the signature does not hold");
      }
      const payload = parseObject(body);
      const stamp = payload?.[LINEAR_WEBHOOK_TS_FIELD];
      const deliveryId = request.headers.get("linear-delivery");
      if (!payload || typeof stamp !== "number" || !deliveryId || deliveryId.length > 100) {
        return refuse("malformed", "a delivery is a JSON object with webhookTimestamp, under a Linear-Delivery header");
      }
      if (Math.abs(receivedAt - stamp) > MAX_AGE_MS) return refuse("forged", "the delivery is not of this minute");
      const event = `${String(payload.type)}.${String(payload.action)}`.slice(0, 100);
      try {
        const issue = payload.type === "Issue" ? parseIssue(payload.data, payload.action === "remove") : null;
        const { outcome } = await store({ deliveryId, event, issue });
        count("stored");
        const tookMs = Date.now() - receivedAt;
        log.info("webhook.stored", { source: "linear", deliveryId, kind: event, issue: issue?.key, outcome, receivedAt, tookMs });
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

function parseObject(body: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
