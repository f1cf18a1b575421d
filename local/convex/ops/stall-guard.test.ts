// A function that never gives its thread back, in a real process with a guard.
import { afterAll, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { eventually, pushFixture, spawnServer, tempDir } from "../testing/fixture-deployment.ts";

const { dir, remove } = tempDir();
afterAll(remove);
const start = async () => {
  const server = await spawnServer(dir, 0, ["--stall-limit", "1"]);
  return { server, client: new ConvexHttpClient(server.url, { logger: false }) };
};
const SIGKILLED = 137;

test("an endless loop ends the process with the function's name; what was acknowledged is there after the restart (G1)", async () => {
  const { server, client } = await start();
  await pushFixture(server.url);
  for (let at = 0; at < 20; at++) await client.mutation(app.counters.increment, { name: "before" });
  const spinning = client.mutation(app.surroundings.spin, {}).catch(() => "cut off");
  expect(await server.exited).toBe(SIGKILLED);
  expect(await spinning).toBe("cut off");
  expect(server.stderr()).toMatch(
    /"event":"server.stalled","functions":\["surroundings:spin"\].*The function surroundings:spin has let nothing else happen for 1 s/,
  );

  const next = await start();
  expect(next.server.stderr()).toContain('"server.wasStalled"');
  expect(await next.client.query(app.counters.get, { name: "before" })).toBe(20);

  // A scheduled one is failed instead of ending every process after it (G3).
  const id = await next.client.mutation(app.surroundings.spinLater, {});
  expect(await next.server.exited).toBe(SIGKILLED);
  const last = await start();
  expect((await last.client.query(app.jobs.status, { id }))?.state).toMatchObject({
    kind: "failed",
    error: expect.stringContaining("let nothing else happen for too long"),
  });

  // Waiting is not looping (G2): this one waits far past the limit, and so does the process.
  const waiting = last.client.action(app.jobs.wait, { ms: 2500 });
  await eventually(
    async () => (await last.client.mutation(app.counters.increment, { name: "meanwhile" })) > 0,
    "others are served",
  );
  expect(await waiting).toBe("waited");
  expect(await last.server.terminate()).toBe(0);
}, 60_000);
