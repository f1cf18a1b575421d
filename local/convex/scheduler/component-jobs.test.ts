// Scheduled functions of components. The file is prepared through the engine, as a server that died would leave it.
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Store } from "../engine/index.ts";
import { insertJob } from "../runner/scheduling.ts";
import { type RunningConvex, startConvex } from "../start.ts";
import { ADMIN_KEY, adminPost, COMPONENTS_APP_DIR, eventually, pushApp, tempDir } from "../testing/fixture-deployment.ts";
import { CRON_RUNS } from "./job-rows.ts";

const data = tempDir();
let server: RunningConvex;
afterEach(async () => {
  await server.stop();
  data.remove();
});

describe("scheduled functions of a component", () => {
  test("wait while it is not mounted, run once it is, and an action it lost to a crash has failed (J2, J4)", async () => {
    const store = Store.open(join(data.dir, "convex.sqlite"), { synchronous: "NORMAL", systemTables: [CRON_RUNS] });
    const group = store.beginGroup();
    const due = { dueMs: Date.now() - 1000, nowMs: Date.now() };
    const inArchive = store.begin({ kind: "mutation", nowMs: Date.now(), component: "archive" });
    insertJob(inArchive, "_scheduled_functions", {
      component: "archive",
      path: "lib:addQuietly",
      args: { text: "waited" },
      ...due,
    });
    const lost = insertJob(inArchive, "_scheduled_functions", { component: "", path: "notes:receiveInAction", args: {}, ...due });
    inArchive.system.shallowMerge(lost, { state: { kind: "inProgress" } });
    group.commitTransaction(inArchive);
    const inApp = store.begin({ kind: "mutation", nowMs: Date.now() });
    insertJob(inApp, "_scheduled_functions", {
      component: "archive",
      path: "lib:addQuietly",
      args: { text: "to nobody" },
      ...due,
    });
    group.commitTransaction(inApp);
    group.commit();
    store.close();

    server = await startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, synchronous: "NORMAL", log: () => {} });
    const jobs = async (component: string): Promise<{ name: string; state: { kind: string } }[]> => {
      const args = { table: "_scheduled_functions", order: "asc", paginationOpts: { numItems: 10, cursor: null } };
      const body = { componentPath: component, path: "_system/cli/tableData:default", args, format: "json" };
      return ((await adminPost(server.url, "function", body)) as { value: { page: [] } }).value.page;
    };
    await eventually(
      async () => (await jobs("")).every(({ state }) => state.kind === "failed"),
      "the app's job found nobody to run it",
    );
    await pushApp(server.url, COMPONENTS_APP_DIR);
    await eventually(async () => (await jobs("archive")).every(({ state }) => state.kind !== "pending"), "the archive's job ran");
    expect((await jobs("archive")).map(({ name, state }) => [name, state.kind])).toEqual([
      ["lib.js:addQuietly", "success"],
      ["notes.js:receiveInAction", "failed"],
    ]);
  });
});
