// What a kill -9 leaves behind: a child process commits and says so line by line; whatever it said must be there afterwards.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "./index.ts";
import { ask, collect, scanOf } from "./testing.ts";

const WRITER = `
import { Store } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
const store = Store.open(process.argv[2], { synchronous: process.argv[3] });
for (let n = Number(process.argv[4]); ; n += 4) {
  const group = store.beginGroup();
  for (let i = n; i < n + 4; i++) {
    const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
    const counter = tx.queryStreamNext(tx.queryStream({ source: { type: "FullTableScan", tableName: "counter", order: null }, operators: [] })).value;
    if (counter === null) tx.insert("counter", { n: i });
    else tx.shallowMerge("counter", JSON.parse(counter)._id, { n: i });
    tx.insert("rows", { n: i });
    const { ts } = group.commitTransaction(tx);
    group.putReplay("session", i, { ts, valueJson: String(i) });
  }
  group.commit();
  await Bun.write(Bun.stdout, n + 3 + "\\n");
}
`;

const FULL_DISK = `
import { Store } from ${JSON.stringify(join(import.meta.dir, "index.ts"))};
const store = Store.open(process.argv[2]);
const insert = (n) => {
  const group = store.beginGroup();
  const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
  tx.insert("rows", { n, text: "x".repeat(10_000) });
  try {
    group.commitTransaction(tx);
    group.commit();
    return true;
  } catch {
    group.rollback();
    return false;
  }
};
const count = () => store.begin({ kind: "query", nowMs: Date.now() }).count("rows");
let n = 0;
while (n < 10_000 && insert(n)) n++;
const result = { acknowledged: n, count: count(), isSecondRefused: !insert(n), countAfter: count() };
let isFreezeRefused = false;
try {
  store.freeze().release();
} catch {
  isFreezeRefused = true;
}
console.log(JSON.stringify({ ...result, isFreezeRefused, countAfterFreeze: count() }));
store.close();
`;

/** Runs a writer until it has acknowledged `atLeast`, kills it, and returns the last number it acknowledged. */
async function killedWriter(file: string, script: string, synchronous: string, from: number, atLeast: number): Promise<number> {
  const child = Bun.spawn([process.execPath, script, file, synchronous, String(from)], {
    stdout: "pipe",
    stderr: "inherit",
    env: {},
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (child.killed) continue; // drain what it said before it died
    if (Number(text.trimEnd().split("\n").at(-1)) >= atLeast) child.kill(9);
  }
  await child.exited;
  const complete = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return Number(complete.at(-1));
}

for (const synchronous of ["FULL", "NORMAL"] as const) {
  test(`after three kill -9 at ${synchronous} everything acknowledged is there, whole groups only, and the clock has not gone back`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "engine-crash-"));
    try {
      const file = join(directory, "convex.sqlite");
      const script = join(directory, "writer.ts");
      await Bun.write(script, WRITER);
      let from = 0;
      let lastTs = 0n;
      for (let round = 1; round <= 3; round++) {
        const acknowledged = await killedWriter(file, script, synchronous, from, from + 200);
        const store = Store.open(file);
        const rows = ask(store, (tx) => collect(tx, scanOf("rows"))).map((row) => Number(row.n));
        expect(rows).toEqual(Array.from(rows, (_, n) => n)); // every one exactly once, in order
        expect(rows.length).toBeGreaterThan(acknowledged);
        expect(rows.length % 4).toBe(0);
        expect(ask(store, (tx) => collect(tx, scanOf("counter")))).toMatchObject([{ n: rows.length - 1 }]);
        const lastAnswer = store.getReplay("session", rows.length - 1);
        expect(lastAnswer?.ts).toBeGreaterThan(lastTs);
        expect(store.latestTs).toBeGreaterThanOrEqual(lastAnswer?.ts ?? 0n);
        expect(store.getReplay("session", rows.length)).toBeNull();
        expect(store.latestTs).toBeGreaterThan(lastTs);
        lastTs = store.latestTs;
        from = rows.length;
        store.close();
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 60_000);
}

test("a full disk refuses the write, keeps everything acknowledged, and goes on answering queries", async () => {
  const directory = mkdtempSync(join(tmpdir(), "engine-full-"));
  try {
    const file = join(directory, "convex.sqlite");
    const script = join(directory, "writer.ts");
    await Bun.write(script, FULL_DISK);
    // No file may pass 4 MB, and the signal that says so is ignored: SQLite then sees a failing write, as on a full disk.
    const limited = `trap '' XFSZ; ulimit -f 8000; exec "$@"`;
    const child = Bun.spawn(["sh", "-c", limited, "sh", process.execPath, script, file], {
      stdout: "pipe",
      stderr: "inherit",
      env: {},
    });
    const { acknowledged, ...after } = JSON.parse(await new Response(child.stdout).text());
    expect(acknowledged).toBeGreaterThan(50);
    expect(acknowledged).toBeLessThan(10_000);
    expect(after).toEqual({
      count: acknowledged,
      isSecondRefused: true,
      countAfter: acknowledged,
      isFreezeRefused: true,
      countAfterFreeze: acknowledged,
    });
    await child.exited;
    const store = Store.open(file);
    expect(ask(store, (tx) => tx.count("rows"))).toBe(acknowledged);
    store.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 60_000);
