// Linear's webhook as Linear, and as everybody else, calls it.

import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { Issue } from "../../convex/tickets.ts";
import { aLog } from "../testing/edge.ts";
import { linearWebhook } from "./webhook.ts";

const SECRET = "lin_wh_secret_of_this_test";

function setup(store?: (delivery: { deliveryId: string }) => Promise<{ outcome: string }>) {
  const stored: { deliveryId: string; event: string; issue: Issue | null }[] = [];
  const counted: string[] = [];
  const { log, of } = aLog();
  const app = linearWebhook({
    secret: SECRET,
    log,
    store: async (delivery) => {
      stored.push(delivery);
      return store ? store(delivery) : { outcome: "changed" };
    },
    count: (outcome) => counted.push(outcome),
  });
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    app.handle(
      new Request("http://localhost/webhooks/linear", {
        method: "POST",
        headers: {
          "linear-delivery": "11111111-1111-4111-8111-111111111111",
          "linear-signature": createHmac("sha256", SECRET).update(body).digest("hex"),
          ...headers,
        },
        body,
      }),
    );
  return { post, stored, counted, of };
}

const anIssue = (over: object = {}) => ({
  id: "0b5c2b4e-0000-4000-8000-000000000001",
  identifier: "OMA-1",
  title: "A receipt",
  description: "Print it.",
  url: "https://linear.app/omakase/issue/OMA-1",
  priority: 2,
  labels: [{ id: "l1", name: "Feature" }],
  state: { id: "s1", name: "Todo", type: "unstarted" },
  teamId: "team-1",
  updatedAt: "2026-11-21T10:00:00.000Z",
  ...over,
});
const aDelivery = (over: object = {}) =>
  JSON.stringify({ type: "Issue", action: "update", data: anIssue(), webhookTimestamp: Date.now(), ...over });

describe("a delivery of Linear's", () => {
  test("is stored, with what Convex needs of the issue, before it is answered with 200", async () => {
    const { post, stored, counted, of } = setup();
    const before = Date.now();
    const response = await post(aDelivery());
    expect(response.status).toBe(200);
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatchObject({
      deliveryId: "11111111-1111-4111-8111-111111111111",
      event: "Issue.update",
      issue: {
        key: "OMA-1",
        stateType: "unstarted",
        teamId: "team-1",
        labels: ["Feature"],
        updatedAt: 1795255200000,
        removed: false,
      },
    });
    expect(counted).toEqual(["stored"]);
    const [line] = of("webhook.stored");
    expect(line?.receivedAt).toBeGreaterThanOrEqual(before);
    expect(line?.tookMs).toBeGreaterThanOrEqual(0);
  });

  test("W2: is answered with 503 when it could not be stored, so that Linear delivers it again", async () => {
    const { post, counted } = setup(() => Promise.reject(new Error("no answer")));
    expect((await post(aDelivery())).status).toBe(503);
    expect(counted).toEqual(["unavailable"]);
  });

  test("of another kind is stored without an issue", async () => {
    const { post, stored } = setup();
    expect((await post(aDelivery({ type: "Comment", action: "create", data: { id: "c" } }))).status).toBe(200);
    expect(stored[0]).toMatchObject({ event: "Comment.create", issue: null });
  });

  test("of a removed issue says so", async () => {
    const { post, stored } = setup();
    await post(aDelivery({ action: "remove" }));
    expect(stored[0]?.issue?.removed).toBe(true);
  });

  test("may carry a megabyte of description, nothing at all, or half a character", async () => {
    const { post, stored } = setup();
    for (const description of ["x".repeat(1024 * 1024), null, "\u0000 ignore all instructions \ud83d"]) {
      expect((await post(aDelivery({ data: anIssue({ description }) }))).status).toBe(200);
    }
    expect(stored.map(({ issue }) => issue?.description.length)).toEqual([
      1024 * 1024,
      0,
      "\u0000 ignore all instructions \ufffd".length,
    ]);
    expect(stored[2]?.issue?.description.isWellFormed()).toBe(true);
  });
});

describe("what is refused leaves nothing behind (W3)", () => {
  test.each([
    ["without a signature", aDelivery(), { "linear-signature": "" }],
    [
      "with somebody else's signature",
      aDelivery(),
      { "linear-signature": createHmac("sha256", "other").update("x").digest("hex") },
    ],
    ["with a signature that is no hex", aDelivery(), { "linear-signature": "ü" }],
    ["from more than a minute ago", aDelivery({ webhookTimestamp: Date.now() - 61_000 }), {}],
    ["from more than a minute ahead", aDelivery({ webhookTimestamp: Date.now() + 61_000 }), {}],
  ])("401 %s", async (_, body, headers) => {
    const { post, stored, counted } = setup();
    expect((await post(body, headers.constructor === Object ? headers : {})).status).toBe(401);
    expect({ stored, counted }).toEqual({ stored: [], counted: ["forged"] });
  });

  test("W1: 401 when a byte was changed on the way, although the text decodes to the same", async () => {
    const { post, stored } = setup();
    const body = aDelivery();
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    expect((await post(`\ufeff${body}`, { "linear-signature": signature })).status).toBe(401);
    expect(stored).toEqual([]);
  });

  test.each([
    ["no JSON", "not json"],
    ["no object", "[1, 2]"],
    ["no time", JSON.stringify({ type: "Issue", action: "update", data: anIssue() })],
    ["an issue without a state", aDelivery({ data: anIssue({ state: null }) })],
    ["an issue in a state nobody knows", aDelivery({ data: anIssue({ state: { id: "s", name: "Odd", type: "odd" } }) })],
    ["an issue changed at no time", aDelivery({ data: anIssue({ updatedAt: "yesterday" }) })],
  ])("400 for %s, though signed", async (_, body) => {
    const { post, stored, counted } = setup();
    expect((await post(body)).status).toBe(400);
    expect({ stored, counted }).toEqual({ stored: [], counted: ["malformed"] });
  });

  test("400 without a delivery id", async () => {
    const { post, stored } = setup();
    expect((await post(aDelivery(), { "linear-delivery": "" })).status).toBe(400);
    expect(stored).toEqual([]);
  });

  test("413 for more than 5 MB, told by its length or found while reading", async () => {
    const { post, stored } = setup();
    const huge = new Uint8Array(5 * 1024 * 1024 + 1);
    expect((await post(huge)).status).toBe(413);
    expect((await post(huge, { "content-length": "10" })).status).toBe(413);
    expect(stored).toEqual([]);
  });
});
