// What the log says of a disk that refuses: one line a trouble, not a line a call.
import { Database } from "bun:sqlite";
import { expect, spyOn, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { Store } from "../engine/index.ts";
import { app } from "../testing/fixture-api.ts";
import { eventually, startFixture } from "../testing/fixture-deployment.ts";
import { Log } from "./log.ts";
import { WriteHealth } from "./write-health.ts";

/** Its connection, past the store. */
function connectionOf(store: unknown): Database {
  const database: unknown = Reflect.get(Object(store), "database");
  if (!(database instanceof Database)) throw new Error("the store has its connection elsewhere");
  return database;
}

test("acknowledged rows that SQLite refuses and the journal brings back are one line for the operator, and nothing is lost", async () => {
  const opened = spyOn(Store, "open");
  const server = await startFixture();
  const connection = connectionOf(opened.mock.results[0]?.value);
  opened.mockRestore();
  const client = new ConvexHttpClient(server.url, { logger: false });
  const send = (body: string) => client.mutation(app.messages.send, { channel: "late", body });
  const count = () => client.query(app.counters.countMessages, { channel: "late" });
  const lines = () => server.logs.filter(({ event }) => String(event).startsWith("store.rows"));
  let sent = 0;
  const sendAndCount = async () => {
    await send(`message ${sent++}`);
    expect(await count()).toBe(sent);
  };
  // The fixture's cron folds every second: an attempt that it comes between is made again.
  await eventually(async () => {
    await sendAndCount(); // its rows are written, and SQLite's transaction is open
    if (!connection.inTransaction) return false;
    // Every new row is refused; the rollback, which goes back to before it, removes the trigger.
    connection.run("CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.documents BEGIN SELECT RAISE(ABORT, 'no row today'); END");
    await sendAndCount();
    return lines().length > 0;
  }, "rows that were refused are a line in the log");
  expect(lines()).toEqual([
    expect.objectContaining({
      level: "warn",
      event: "store.rowsBroughtBack",
      refusals: 1,
      advice: expect.stringMatching(/nothing that was acknowledged is lost\. Check the disk/i),
      cause: expect.stringContaining("no row today"),
    }),
  ]);
  await sendAndCount();
  expect(lines()).toHaveLength(1);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/^convex_row_refusals_total 1$/m);
  await server.stop();
});

test("rows that are refused again and again are a line a minute, with their number; what cannot be brought back is said at once", () => {
  const lines: Record<string, unknown>[] = [];
  let elapsedMs = 5_000;
  const log = new Log(
    () => 0,
    (line) => void lines.push(JSON.parse(line)),
  );
  const health = new WriteHealth(log, () => elapsedMs);
  for (let refusal = 0; refusal < 1_000; refusal++, elapsedMs += 59) health.rowsRefused(new Error("no row"), true);
  expect(lines.map(({ refusals }) => refusals)).toEqual([1]);
  elapsedMs += 60_000;
  health.rowsRefused(new Error("no row"), true);
  expect(lines.map(({ refusals }) => refusals)).toEqual([1, 1_000]);
  expect(health.rowRefusals).toBe(1_001);
  health.rowsRefused(new Error("no disk"), false);
  expect(lines.at(-1)).toMatchObject({ level: "error", event: "store.rowsNotBroughtBack", refusals: 1 });
  for (let refusal = 0; refusal < 1_000; refusal++) health.rowsRefused(new Error("no disk"), false);
  expect(lines).toHaveLength(3);
});
