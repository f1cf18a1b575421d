// Scheduled functions and crons on a server in this process. What a crash does to them is in ../crash.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { eventually, startFixture } from "../testing/fixture-deployment.ts";
import { nextRunMs, parseCron } from "./cron-schedule.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture();
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(() => server.stop());

const ended = (id: string) =>
  eventually(async () => {
    const job = await client.query(app.jobs.status, { id });
    return job !== null && job.state.kind !== "pending" && job.state.kind !== "inProgress" ? job : undefined;
  }, `job ${id} ends`);

describe("scheduled functions", () => {
  test("a mutation runs once its time has come, and its row says so", async () => {
    const id = await client.mutation(app.counters.incrementLater, { name: "later", delayMs: 150 });
    expect(await client.query(app.jobs.status, { id })).toMatchObject({
      name: "counters.js:incrementNow",
      state: { kind: "pending" },
    });
    expect(await client.query(app.counters.countLedger, { key: "later" })).toBe(0);
    expect((await ended(id)).state).toEqual({ kind: "success" });
    expect(await client.query(app.counters.countLedger, { key: "later" })).toBe(1);
  });

  test("two hundred scheduled at once all run, each once (J1)", async () => {
    await Promise.all(
      Array.from({ length: 200 }, () =>
        client.mutation(app.counters.incrementLater, { name: "many", delayMs: 0 }, { skipQueue: true }),
      ),
    );
    await eventually(async () => (await client.query(app.counters.countLedger, { key: "many" })) === 200, "all ran");
  });

  test("a failed mutation leaves nothing but its reason", async () => {
    const job = await ended(await client.mutation(app.jobs.failLater, {}));
    expect(job.state.kind).toBe("failed");
    expect(job.state.error).toContain("this job always fails");
    expect(await client.query(app.counters.countLedger, { key: "must not stay" })).toBe(0);
  });

  test("an action runs, and what it calls is stored", async () => {
    expect((await ended(await client.mutation(app.jobs.actLater, { key: "acted" }))).state).toEqual({ kind: "success" });
    expect(await client.query(app.counters.countLedger, { key: "acted" })).toBe(1);
  });

  test("a cancelled job never runs", async () => {
    const id = await client.mutation(app.counters.incrementLater, { name: "cancelled", delayMs: 300 });
    await client.mutation(app.jobs.cancel, { id });
    expect(await client.query(app.jobs.status, { id })).toMatchObject({ state: { kind: "canceled" } });
    const witness = await client.mutation(app.counters.incrementLater, { name: "witness", delayMs: 400 });
    await ended(witness);
    expect(await client.query(app.counters.countLedger, { key: "cancelled" })).toBe(0);
  });
});

describe("crons", () => {
  test("an interval runs again and again, invisible among scheduled functions", async () => {
    await eventually(async () => (await client.query(app.counters.get, { name: "cron" })) >= 2, "the cron ran twice");
  });

  test("schedules are read as they are written", () => {
    const noon = Date.UTC(2026, 0, 1, 12);
    const next = (schedule: Parameters<typeof parseCron>[3]) =>
      new Date(nextRunMs(parseCron("c", "m:f", {}, schedule).schedule, noon)).toISOString();
    expect(next({ type: "interval", minutes: 90 })).toBe("2026-01-01T13:30:00.000Z");
    expect(next({ type: "hourly", minuteUTC: 17 })).toBe("2026-01-01T12:17:00.000Z");
    expect(next({ type: "daily", hourUTC: 3, minuteUTC: 30 })).toBe("2026-01-02T03:30:00.000Z");
    expect(next({ type: "weekly", dayOfWeek: "sunday", hourUTC: 0 })).toBe("2026-01-04T00:00:00.000Z");
    expect(next({ type: "monthly", day: 31, hourUTC: 1 })).toBe("2026-01-31T01:00:00.000Z");
    expect(next({ type: "cron", cron: "*/5 * * * *" })).toBe("2026-01-01T12:05:00.000Z");
  });

  test("impossible schedules are refused by name", () => {
    expect(() => parseCron("c", "m:f", {}, { type: "cron", cron: "every day" })).toThrow('"every day"');
    expect(() => parseCron("c", "m:f", {}, { type: "daily", hourUTC: 24 })).toThrow("hourUTC");
    expect(() => parseCron("bad/name", "m:f", {}, { type: "interval", seconds: 5 })).toThrow("bad/name");
  });
});
