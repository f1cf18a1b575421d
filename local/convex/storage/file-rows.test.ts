// Rows of files in several components: each sees its own, and one table knows all of them.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Store, type Transaction } from "../engine/index.ts";
import { SYSTEM_TABLES } from "../system-tables.ts";
import { tempDir } from "../testing/fixture-deployment.ts";
import { fileByUuid, findFile, insertFile, isReferenced, removeFile } from "./file-rows.ts";

test("a file is its component's alone; its URL and its contents are found whatever the component; both rows go together (R1)", () => {
  const { dir, remove } = tempDir();
  const store = Store.open(`${dir}/convex.sqlite`, { synchronous: "NORMAL", systemTables: SYSTEM_TABLES });
  const nowMs = Date.now();
  const mutate = <T>(component: string, work: (tx: Transaction) => T): T => {
    const group = store.beginGroup();
    const tx = store.begin({ kind: "mutation", nowMs, component });
    const result = work(tx);
    group.commitTransaction(tx);
    group.commit();
    return result;
  };
  const ask = <T>(component: string, work: (tx: Transaction) => T): T => work(store.begin({ kind: "query", nowMs, component }));

  const sha256 = createHash("sha256").update("contents").digest("hex");
  const contents = { sha256, size: 8, contentType: null };
  const own = mutate("", (tx) => insertFile(tx, contents));
  const theirs = mutate("part", (tx) => insertFile(tx, contents));
  const file = ask("part", (tx) => findFile(tx, theirs));
  expect(file).toMatchObject({ component: "part", storageId: theirs, ...contents });
  expect(() => ask("", (tx) => findFile(tx, theirs))).toThrow("Invalid storage ID");
  expect(() => ask("part", (tx) => findFile(tx, own))).toThrow("Invalid storage ID");
  expect(ask("", (tx) => findFile(tx, file?.uuid ?? ""))).toBeNull();
  expect(ask("", (tx) => fileByUuid(tx, file?.uuid ?? ""))).toEqual(file);
  expect(ask("part", (tx) => tx.system.get(theirs, "_storage"))).toContain('"size":8');

  expect(mutate("part", (tx) => removeFile(tx, theirs))).toBe(sha256);
  expect(ask("part", (tx) => [findFile(tx, theirs), tx.system.get(theirs, "_storage")])).toEqual([null, null]);
  expect(ask("", (tx) => isReferenced(tx, sha256))).toBe(true); // the app's file has the same contents
  expect(mutate("", (tx) => removeFile(tx, own))).toBe(sha256);
  expect(ask("", (tx) => isReferenced(tx, sha256))).toBe(false);
  expect(mutate("", (tx) => removeFile(tx, own))).toBeNull();
  store.close();
  remove();
});
