// What can go wrong: limits, hostile requests, and the faults a test orders.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { InternalLinearError, RatelimitedLinearError } from "@linear/sdk";
import { aLinear, type LinearUnderTest } from "../testing/linear.ts";

let linear: LinearUnderTest;
beforeAll(async () => {
  linear = await aLinear();
});
afterAll(() => linear.stop());

const caught = (work: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(work).then(
    () => "no error",
    (reason: unknown) => reason,
  );

describe("rate limits", () => {
  test("every answer tells both budgets, and what the query cost", async () => {
    const headers = async (handle: "dana" | "omakase", query: string) => {
      const answer = await linear.post(handle, query);
      return (name: string) => Number(answer.headers.get(name));
    };
    const dana = await headers("dana", "{ issues(first: 10) { nodes { id title } } }");
    expect([dana("x-ratelimit-requests-limit"), dana("x-ratelimit-complexity-limit")]).toEqual([2_500, 3_000_000]);
    expect(dana("x-complexity")).toBe(Math.ceil(1 + 10 * (1 + 0.2))); // ten nodes of two properties each
    expect(dana("x-ratelimit-requests-reset")).toBeGreaterThan(Date.now()); // milliseconds, not seconds
    const app = await headers("omakase", "{ viewer { id } }");
    expect([app("x-ratelimit-requests-limit"), app("x-ratelimit-complexity-limit")]).toEqual([5_000, 2_000_000]);
    const next = await headers("omakase", "{ viewer { id } }");
    expect(next("x-ratelimit-requests-remaining")).toBeLessThanOrEqual(app("x-ratelimit-requests-remaining"));
  });

  test("on order, a request is refused as Linear does: HTTP 400, RATELIMITED, nothing done", async () => {
    const before = (await linear.journal()).length;
    await linear.order({ kind: "ratelimited", match: "issueCreate" });
    const error = await caught(linear.anIssue());
    expect(error).toBeInstanceOf(RatelimitedLinearError);
    expect(error).toMatchObject({ status: 400 });
    await linear.order({ kind: "ratelimited" });
    const raw = await linear.post("dana", "{ viewer { id } }");
    expect([raw.status, raw.headers.get("x-ratelimit-requests-remaining")]).toEqual([400, "0"]);
    expect(await raw.json()).toMatchObject({ errors: [{ extensions: { code: "RATELIMITED" } }] });
    expect((await linear.journal()).length).toBe(before);
    await linear.anIssue(); // used up
  });
});

describe("faults on requests", () => {
  test("E3: drop-reply does the work and loses the answer; the repeat meets the conflict", async () => {
    const { id: issueId } = await linear.anIssue();
    const id = randomUUID();
    const comment = () => linear.as("omakase").createComment({ id, issueId, body: "heard?" });
    await linear.order({ kind: "drop-reply", match: "commentCreate" });
    expect(String(await caught(comment()))).toContain("ECONNRESET");
    expect(String(await caught(comment()))).toContain("already exists");
    const times = (await linear.journal()).filter(
      ({ operation, touched }) => operation === "commentCreate" && touched[0]?.id === id,
    );
    expect(times).toHaveLength(1);
  });

  test("E2: an ordered 5xx has done nothing; a delay answers late and right", async () => {
    const before = (await linear.journal()).length;
    await linear.order({ kind: "error", status: 503, match: "issueCreate" });
    expect(await caught(linear.anIssue())).toMatchObject({ status: 503 });
    await linear.order({ kind: "error", match: "issueCreate" });
    expect(await caught(linear.anIssue())).toBeInstanceOf(InternalLinearError);
    expect((await linear.journal()).length).toBe(before);
    await linear.order({ kind: "delay", ms: 120, match: "viewer" });
    const startedAtMs = performance.now();
    expect((await linear.as("ada").viewer).displayName).toBe("ada");
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(115);
  });

  test("an order that makes no sense is refused with a sentence, and orders can be listed and cleared", async () => {
    for (const bad of [{ kind: "explode" }, { kind: "delay", ms: -1 }, { kind: "error", status: 200 }, []]) {
      const answer = await linear.order(bad);
      expect([answer.status, ((await answer.json()) as { error: string }).error.length > 10]).toEqual([400, true]);
    }
    await linear.order({ kind: "drop-reply", match: "neverCalled", times: 3 });
    const local = { headers: { "x-omakase-local": "1" } };
    expect(await (await fetch(`${linear.url}/__faults`, local)).json()).toEqual({
      faults: [{ kind: "drop-reply", match: "neverCalled", remaining: 3 }],
    });
    await fetch(`${linear.url}/__faults`, { method: "DELETE", ...local });
    expect(await (await fetch(`${linear.url}/__faults`, local)).json()).toEqual({ faults: [] });
  });
});

describe("hostile requests", () => {
  test("too deep, too many tokens, too complex, fragments that multiply: each is refused with 400 in a moment", async () => {
    const nested = (levels: number) =>
      `{ viewer { ${"organization { users { nodes { ".repeat(levels)} id ${"} } }".repeat(levels)} } }`;
    const doubling = Array.from(
      { length: 60 },
      (_, index) => `fragment F${index} on User { ...F${index + 1} id a${index}: id ...F${index + 1} }`,
    );
    const attacks: [string, RegExp][] = [
      [nested(1_500), /levels deep/],
      [`{ ${"viewer { id } ".repeat(5_000)} }`, /tokens/],
      ["{ issues(first: 250) { nodes { comments(first: 250) { nodes { body } } } } }", /Query too complex/],
      [`query { viewer { ...F0 } } ${doubling.join(" ")} fragment F60 on User { id }`, /fields|conflict|aborted/i],
      ["{ viewer {", /Syntax Error/],
    ];
    for (const [query, complaint] of attacks) {
      const startedAtMs = performance.now();
      const answer = await linear.post("dana", query);
      expect([answer.status, (await answer.text()).match(complaint)?.[0] !== undefined]).toEqual([400, true]);
      expect(performance.now() - startedAtMs).toBeLessThan(1_000);
    }
    expect((await linear.as("dana").viewer).displayName).toBe("dana");
  });

  test("a body over the limit is refused, one that is not JSON too, and the server goes on", async () => {
    const send = (body: string) =>
      fetch(`${linear.url}/graphql`, {
        method: "POST",
        headers: { authorization: linear.key("dana"), "content-type": "application/json" },
        body,
      });
    expect((await send(`{"query":"${"x".repeat(12_000_001)}"}`)).status).toBe(413);
    expect((await send("not json")).status).toBe(400);
    expect((await fetch(`${linear.url}/graphql`)).status).toBe(405);
    expect((await linear.as("dana").viewer).displayName).toBe("dana");
  });

  test("local routes need their header, and a foreign host name reaches nothing", async () => {
    expect((await fetch(`${linear.url}/__journal`)).status).toBe(403);
    const rebound = await fetch(`${linear.url}/__journal`, { headers: { "x-omakase-local": "1", host: "attacker.example" } });
    expect(rebound.status).toBe(421);
  });
});
