// By hand: `bun local/convex/engine/engine.bench.ts [FULL|NORMAL]`. Prints CPU microseconds per operation (user and system, so
// that a busy machine does not count) as one JSON line.
// A "step" is a small mutation of six document operations: one indexed read, two patches, three inserts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JsonObject, Store } from "./index.ts";

const STEPS = 20_000;
const GROUP = 64;
const ACTORS = 500;

const directory = mkdtempSync(join(tmpdir(), "engine-bench-"));
const synchronous = process.argv[2] === "FULL" ? "FULL" : "NORMAL";
const store = Store.open(join(directory, "bench.sqlite"), { synchronous });

const any = { type: "any" };
const setup = store.beginGroup();
setup.applySchema({
  tables: [
    { tableName: "actors", indexes: [{ indexDescriptor: "by_path", fields: ["path"] }], documentType: any },
    { tableName: "log", indexes: [{ indexDescriptor: "by_actor", fields: ["actor", "seq"] }], documentType: any },
    { tableName: "mail", indexes: [{ indexDescriptor: "by_actor", fields: ["actor", "key"] }], documentType: any },
  ],
  schemaValidation: true,
});
const seed = store.begin({ kind: "mutation", nowMs: Date.now() });
for (let i = 0; i < ACTORS; i++)
  seed.insert("actors", { path: `org/project/feature-${i}`, seq: 0, snapshot: "x".repeat(200), status: "running" });
setup.commitTransaction(seed);
setup.commit();

function actorByPath(
  path: string,
  tx = store.begin({ kind: "query", nowMs: Date.now() }),
): JsonObject & { _id: string; seq: number } {
  const range = [{ type: "Eq", fieldPath: "path", value: path }];
  const id = tx.queryStream({
    source: { type: "IndexRange", indexName: "actors.by_path", range, order: null },
    operators: [{ limit: 2 }],
  });
  const { value } = tx.queryStreamNext(id);
  tx.queryStreamNext(id);
  tx.queryCleanup(id);
  return JSON.parse(value ?? "null");
}

function step(i: number) {
  const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
  const actor = actorByPath(`org/project/feature-${i % ACTORS}`, tx);
  tx.shallowMerge("actors", actor._id, { seq: actor.seq + 1, snapshot: "y".repeat(200) });
  tx.insert("log", { actor: actor._id, seq: actor.seq + 1, from: "queued", to: "running", event: "task.started" });
  tx.insert("mail", { actor: actor._id, key: `k${i}`, event: { type: "task.started", attempt: 1 } });
  tx.insert("mail", { actor: actor._id, key: `l${i}`, event: { type: "task.exited", exitCode: 0 } });
  tx.shallowMerge("actors", actor._id, { status: "waiting" });
  return tx;
}

function microsecondsEach(times: number, run: (i: number) => void): number {
  const started = process.cpuUsage();
  for (let i = 0; i < times; i++) run(i);
  const { user, system } = process.cpuUsage(started);
  return Math.round(((user + system) * 10) / times) / 10;
}

let group = store.beginGroup();
const commit = (i: number) => {
  group.commitTransaction(step(i));
  if (i % GROUP < GROUP - 1) return;
  group.commit();
  group = store.beginGroup();
};
microsecondsEach(STEPS / 10, commit); // warm
const stepUs = microsecondsEach(STEPS, commit);
group.commit();
const uniqueReadUs = microsecondsEach(STEPS, (i) => actorByPath(`org/project/feature-${i % ACTORS}`));
const someId = actorByPath("org/project/feature-7")._id;
const getUs = microsecondsEach(STEPS, () => store.begin({ kind: "query", nowMs: 0 }).get(someId));
const overlayUs = microsecondsEach(STEPS / 4, (i) => step(i));
console.log(JSON.stringify({ synchronous, stepUs, overlayUs, uniqueReadUs, getUs }));
store.close();
rmSync(directory, { recursive: true });
