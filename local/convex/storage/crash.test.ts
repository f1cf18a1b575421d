// `kill -9` while files are uploaded: what is acknowledged is whole, what is not leaves nothing for long.
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { Store } from "../engine/index.ts";
import { reservePort } from "../http/servers.ts";
import { app } from "../testing/fixture-api.ts";
import { eventually, pushFixture, spawnServer, tempDir } from "../testing/fixture-deployment.ts";
import { STORED_FILES } from "./file-rows.ts";

const PIECE = new Uint8Array(64 * 1024).fill(3);

/** Distinct contents of 1 MB, in pieces, so that a kill finds uploads half-way. */
const body = (name: string) => {
  let left = 16;
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(name)),
    pull: (controller) => (left-- > 0 ? controller.enqueue(PIECE) : controller.close()),
  });
};

test("after kill -9 during uploads every row has its bytes, every acknowledged file is whole, no other bytes stay (F1, F3)", async () => {
  const { dir, remove } = tempDir();
  const port = reservePort("127.0.0.1");
  const ports = ["--site-port", String(reservePort("127.0.0.1"))];
  let server = await spawnServer(dir, port, ports);
  await pushFixture(server.url);
  const acknowledged: string[] = [];
  for (let round = 1; round <= 3; round++) {
    const client = new ConvexHttpClient(server.url, { logger: false });
    const url = await client.mutation(app.files.uploadUrl, {});
    let isDead = false;
    const uploader = async (name: string) => {
      for (let n = 0; !isDead; n++) {
        const answer = await fetch(url, { method: "POST", body: body(`${name}-${n}`) }).catch(() => null);
        const stored = (await answer?.json().catch(() => null)) as { storageId: string } | null | undefined;
        if (stored) acknowledged.push(stored.storageId);
      }
    };
    const uploads = Array.from({ length: 4 }, (_, at) => uploader(`${round}-${at}`));
    await eventually(() => acknowledged.length >= round * 12, "files are acknowledged");
    await server.kill9();
    isDead = true;
    await Promise.all(uploads);

    // The worst a crash can leave: bytes under their name whose row was never committed, and a draft.
    const orphan = createHash("sha256").update(`orphan ${round}`).digest("hex");
    mkdirSync(join(dir, "files", orphan.slice(0, 2)), { recursive: true });
    writeFileSync(join(dir, "files", orphan.slice(0, 2), orphan), `orphan ${round}`);
    writeFileSync(join(dir, "files/drafts/half"), "half");
    expectRowsToHaveBytes(dir);
    server = await spawnServer(dir, port, ports);
    expect(readdirSync(join(dir, "files/drafts"))).toEqual([]);
  }
  const client = new ConvexHttpClient(server.url, { logger: false });
  for (const id of acknowledged) {
    const { row, url, metadata } = await client.query(app.files.look, { id });
    const bytes = new Uint8Array(await (await fetch(url ?? "")).arrayBuffer());
    expect(bytes.length).toBe(row?.size ?? -1);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(metadata?.sha256 ?? "");
  }
  const files = await client.query(app.files.count, {});
  expect(files).toBeGreaterThanOrEqual(acknowledged.length);
  await eventually(() => blobsIn(dir).length === files, "orphans are swept");
  await server.terminate();
  remove();
}, 90_000);

const blobsIn = (dir: string): string[] =>
  readdirSync(join(dir, "files"), { recursive: true, encoding: "utf8" })
    .map((name) => name.slice(-64))
    .filter((name) => /^[0-9a-f]{64}$/.test(name));

/** Looks into the file of a server that is dead. */
function expectRowsToHaveBytes(dir: string): void {
  const store = Store.open(join(dir, "convex.sqlite"), { systemTables: [STORED_FILES] });
  const tx = store.begin({ kind: "query", nowMs: Date.now() });
  const blobs = new Set(blobsIn(dir));
  const queryId = tx.system.queryStream({
    source: { type: "FullTableScan", tableName: "_stored_files", order: "asc" },
    operators: [],
  });
  let rows = 0;
  for (let { value } = tx.queryStreamNext(queryId); value !== null; { value } = tx.queryStreamNext(queryId)) {
    const { sha256 } = JSON.parse(value);
    expect(blobs.has(sha256)).toBe(true);
    rows += 1;
  }
  expect(rows).toBeGreaterThan(0);
  store.close();
}
