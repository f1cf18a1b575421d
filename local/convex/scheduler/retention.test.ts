// What is forgotten, and what is not yet.
import { describe, expect, test } from "bun:test";
import { Store } from "../engine/index.ts";
import { Loop } from "../loop/loop.ts";
import { Log } from "../ops/log.ts";
import { insertJob } from "../runner/scheduling.ts";
import { BlobFolder } from "../storage/blob-folder.ts";
import { STORED_FILES } from "../storage/file-rows.ts";
import { FileStorage } from "../storage/file-storage.ts";
import { tempDir } from "../testing/fixture-deployment.ts";
import { CRON_RUNS, JOB_TABLES, jobsInState } from "./job-rows.ts";
import { Retention } from "./retention.ts";

const DAY_MS = 86_400_000;

describe("retention", () => {
  test("ended jobs go after 7 days and answers of mutations after 14; waiting jobs stay", async () => {
    const { dir, remove } = tempDir();
    let now = Date.UTC(2026, 0, 1);
    const store = Store.open(`${dir}/convex.sqlite`, {
      synchronous: "NORMAL",
      now: () => now,
      systemTables: [CRON_RUNS, STORED_FILES],
    });
    const loop = new Loop({ store, onCommitted: () => {}, onBug: (error) => expect.unreachable(String(error)) });
    await loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: now });
      for (const table of JOB_TABLES) {
        const ended = insertJob(tx, table, { component: "", path: "m:f", args: {}, dueMs: now, nowMs: now });
        tx.system.shallowMerge(ended, { state: { kind: "success" }, completedTime: now });
        insertJob(tx, table, { component: "", path: "m:f", args: {}, dueMs: now + 365 * DAY_MS, nowMs: now });
      }
      const { ts } = group.commit(tx);
      group.group.putReplay("session", 1, { ts, valueJson: "1" });
    });
    const log = new Log(
      () => now,
      () => {},
    );
    const files = new FileStorage({ store, loop, log, blobs: new BlobFolder(`${dir}/files`), cloudUrl: "http://127.0.0.1" });
    const retention = new Retention({ store, loop, files, log });
    const steps: unknown[] = [];
    for (const days of [6, 2, 7]) {
      now += days * DAY_MS;
      steps.push(await retention.step(now));
    }
    expect(steps).toEqual([
      { jobs: 0, replays: 0 },
      { jobs: 2, replays: 0 },
      { jobs: 0, replays: 1 },
    ]);
    const tx = store.begin({ kind: "query", nowMs: now });
    expect(JOB_TABLES.map((table) => [...jobsInState(tx, table, "pending", 10)].length)).toEqual([1, 1]);
    store.close();
    remove();
  });
});
