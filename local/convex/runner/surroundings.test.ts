// What functions see of the world, and what they cannot do to it. Through the stock HTTP client, against a real server.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { ConvexError } from "convex/values";
import { app } from "../testing/fixture-api.ts";
import { setVariables, startFixture } from "../testing/fixture-deployment.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture({ functionLimitMs: 300 });
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(() => server.stop());

describe("queries and mutations", () => {
  test("time stands still while a query runs, and dates are still dates", async () => {
    expect(await client.query(app.surroundings.clock, {})).toEqual({ moved: 0, dated: 0, isDate: true });
  });

  test("randomness differs between calls", async () => {
    await client.mutation(app.messages.send, { channel: "unrelated", body: "so that the first answer is not simply kept" });
    const first = await client.query(app.surroundings.randoms, {});
    await client.mutation(app.messages.send, { channel: "unrelated", body: "again" });
    const second = await client.query(app.surroundings.randoms, {});
    expect(new Set([...first, ...second]).size).toBe(6);
    expect(first[2]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("neither fetch nor timers exist in them", async () => {
    await expect(client.query(app.surroundings.fetchInQuery, {})).rejects.toThrow("Can't use fetch() in queries and mutations");
    await expect(client.mutation(app.surroundings.timerInMutation, {})).rejects.toThrow(
      "Can't use setTimeout in queries and mutations",
    );
  });

  test("assigning globals changes them for that call only (G2)", async () => {
    expect(await client.mutation(app.surroundings.assignGlobals, {})).toBe(42);
    expect(Math.random()).toBeLessThan(1);
    expect(new Date(0).toISOString()).toBe("1970-01-01T00:00:00.000Z");
    expect(await client.query(app.surroundings.clock, {})).toEqual({ moved: 0, dated: 0, isDate: true });
  });

  test("process.env is the deployment's variables, and follows their changes", async () => {
    expect(await client.query(app.surroundings.variable, { name: "PATH" })).toBeNull();
    expect(await client.query(app.surroundings.variable, { name: "CONVEX_SITE_URL" })).toBe(server.siteUrl);
    await setVariables(server.url, { GREETING: "hello" });
    expect(await client.query(app.surroundings.variable, { name: "GREETING" })).toBe("hello");
  });

  test("one that waits for nothing is ended, and its successors run", async () => {
    const [never, after] = await Promise.allSettled([
      client.mutation(app.surroundings.never, {}, { skipQueue: true }),
      client.mutation(app.counters.increment, { name: "after never" }, { skipQueue: true }),
    ]);
    expect(never).toMatchObject({ status: "rejected" });
    expect(String(never.status === "rejected" && never.reason)).toContain(
      "Function execution timed out (maximum duration: 0.3s)",
    );
    expect(after).toMatchObject({ status: "fulfilled", value: 1 });
  });

  test("a feature that is not covered is refused by its name", async () => {
    await expect(client.query(app.surroundings.auditLog, {})).rejects.toThrow(
      "Audit logging is not supported by this deployment yet",
    );
  });

  test("an operation the deployment does not know fails with its name (T2)", async () => {
    await expect(client.query(app.surroundings.strange, {})).rejects.toThrow("Unknown async operation 1.0/doesNotExist");
  });
});

describe("errors", () => {
  test("wrong arguments are refused before the function runs, with Convex's text", async () => {
    const wrong = client.mutation(app.messages.send, { channel: 1 } as never);
    await expect(wrong).rejects.toThrow(/Server Error\nArgumentValidationError: /);
  });

  test("a thrown text, a missing function and a wrong kind are told as Convex tells them", async () => {
    await expect(client.query(app.surroundings.throwText, {})).rejects.toThrow(
      /^\[Request ID: [0-9a-f]{16}\] Server Error\nUncaught just text/,
    );
    await expect(client.query("messages:nope" as never, {} as never)).rejects.toThrow(
      "Could not find public function for 'messages:nope'. Did you forget to run",
    );
    await expect(client.query(app.messages.send as never, {} as never)).rejects.toThrow(
      "Trying to execute messages.js:send as Query, but it is defined as Mutation.",
    );
  });

  test("a failed nested mutation loses its own writes only, and its data survives the crossing (T1)", async () => {
    const result = await client.mutation(app.messages.sendWithFailingPart, { channel: "nested" });
    expect(result.caught).toEqual({ code: "inner" });
    expect(result.message).toStartWith("Uncaught ConvexError: ");
    expect((await client.query(app.messages.list, { channel: "nested" })).map((row) => row.body)).toEqual(["outer"]);
  });

  test("ConvexError carries its data to the client, a frame names the function's file", async () => {
    const error = await client.mutation(app.messages.sendAsMe, { channel: "x", body: "y" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConvexError);
    expect(error).toMatchObject({ data: { code: "unauthenticated" } });
    expect(String(error)).toContain("../convex/messages.js:");
  });
});

describe("actions", () => {
  test("call queries and mutations, see their own writes, and log", async () => {
    expect(await client.action(app.jobs.sum, { a: 2, b: 3 })).toBe(5);
  });
});
