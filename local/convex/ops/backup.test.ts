// Backup and restore as an operator does them: the commands of `main.ts` in processes of their own, around a real server.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { Store } from "../engine/index.ts";
import { reservePort } from "../http/servers.ts";
import { SYSTEM_TABLES } from "../system-tables.ts";
import { app } from "../testing/fixture-api.ts";
import { ADMIN_KEY, eventually, pushFixture, type ServerProcess, spawnServer, tempDir } from "../testing/fixture-deployment.ts";

const work = tempDir();
const dir = join(work.dir, "data");
const port = reservePort("127.0.0.1");
const ports = ["--site-port", String(reservePort("127.0.0.1"))];
let server: ServerProcess;
beforeAll(async () => {
  await Bun.write(join(dir, "admin.key"), `${ADMIN_KEY}\n`);
  server = await spawnServer(dir, port, ports);
  await pushFixture(server.url);
});
afterAll(async () => {
  await server.kill9();
  work.remove();
});

async function main(...args: string[]): Promise<{ exitCode: number; said: string }> {
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "../main.ts"), ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: work.dir },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, said: (out + err).trim() };
}
const http = () => new ConvexHttpClient(server.url, { logger: false });
const upload = async (text: string) => {
  const answer = await fetch(await http().mutation(app.files.uploadUrl, {}), { method: "POST", body: text });
  return ((await answer.json()) as { storageId: string }).storageId;
};

test("a backup made under load is one moment: restored, it has every file whole and no half of a mutation (B1, B2)", async () => {
  let isLoading = true;
  const transfers = async (at: number) => {
    const client = http();
    for (; isLoading; ) await client.mutation(app.counters.transfer, { from: `from${at}`, to: `to${at}` });
  };
  const files = async () => {
    for (let n = 0; isLoading; n++) {
      const id = await upload(`file ${n} `.repeat(2000));
      if (n % 2 === 0) await http().mutation(app.files.remove, { id });
    }
  };
  const load = [transfers(0), transfers(1), files(), files()];
  await eventually(async () => (await http().query(app.files.count, {})) >= 3, "there is something to back up");
  const backup = join(work.dir, "backup-1");
  const made = await main("backup", "--dir", dir, "--to", backup);
  isLoading = false;
  await Promise.all(load);
  expect(made).toMatchObject({ exitCode: 0, said: expect.stringContaining(`Backed up to ${backup}`) });

  const restored = join(work.dir, "restored");
  expect(await main("restore", "--from", backup, "--dir", restored)).toMatchObject({ exitCode: 0 });
  const copy = await spawnServer(restored, 0);
  const client = new ConvexHttpClient(copy.url, { logger: false });
  for (const at of [0, 1]) {
    const [from, to, rows] = await Promise.all([
      client.query(app.counters.get, { name: `from${at}` }),
      client.query(app.counters.get, { name: `to${at}` }),
      client.query(app.messages.list, { channel: `to${at}` }),
    ]);
    expect(from).toBe(-to);
    expect(rows).toHaveLength(to);
  }
  for (const url of await client.query(app.files.urls, {})) {
    const answer = await fetch(url);
    expect([answer.status, (await answer.text()).length % 2000]).toEqual([200, 0]);
  }
  expect(await copy.terminate()).toBe(0);
}, 60_000);

test("a client that saw what the backup does not have goes on after the restore, also when the old clock was ahead (R1, R2)", async () => {
  const live = new ConvexClient(server.url, { logger: false });
  const seen: number[] = [];
  live.onUpdate(app.counters.get, { name: "restored" }, (value) => void seen.push(value));
  await live.mutation(app.counters.increment, { name: "restored" });
  const backup = join(work.dir, "backup-2");
  expect(await main("backup", "--dir", dir, "--to", backup)).toMatchObject({ exitCode: 0 });
  await live.mutation(app.counters.increment, { name: "restored" });
  await eventually(() => seen.at(-1) === 2, "the client saw what will be gone");

  expect(await main("restore", "--from", backup, "--dir", dir, "--replace")).toMatchObject({
    exitCode: 1,
    said: expect.stringMatching(/in use by another process. Stop it[^\n]*$/), // also after a backup (B4)
  });
  await server.terminate();
  // The machine's clock was an hour ahead when the old deployment last committed.
  const aheadMs = Date.now() + 3_600_000;
  const old = Store.open(join(dir, "convex.sqlite"), { systemTables: SYSTEM_TABLES, now: () => aheadMs });
  const group = old.beginGroup();
  const lastTs = group.advance();
  group.commit();
  old.close();

  expect((await main("restore", "--from", backup, "--dir", dir)).said).toContain("Add --replace");
  const done = await main("restore", "--from", backup, "--dir", dir, "--replace");
  const replaced = /What was there is now in (.*)\.$/.exec(done.said)?.[1] ?? "";
  expect(done.exitCode).toBe(0);
  server = await spawnServer(dir, port, ports);
  await eventually(() => seen.at(-1) === 1, "the client sees the restored state", 30_000);
  expect(await live.mutation(app.counters.increment, { name: "restored" })).toBe(2);
  await live.close();

  const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
  const answered = new Promise<string>((resolve) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)).type);
    socket.onclose = ({ reason }) => resolve(reason);
  });
  const maxObservedTimestamp = Buffer.alloc(8);
  maxObservedTimestamp.writeBigUInt64LE(lastTs);
  socket.onopen = () => {
    const session = { sessionId: crypto.randomUUID(), connectionCount: 1, lastCloseReason: "x", clientTs: Date.now() };
    socket.send(JSON.stringify({ type: "Connect", ...session, maxObservedTimestamp: maxObservedTimestamp.toString("base64") }));
    socket.send(JSON.stringify({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [] }));
  };
  expect(await answered).toBe("Transition");
  socket.close();

  const kept = await spawnServer(replaced, 0);
  expect(await new ConvexHttpClient(kept.url, { logger: false }).query(app.counters.get, { name: "restored" })).toBe(2);
  await kept.terminate();
}, 60_000);

test("what cannot be done is refused in one sentence, and nothing is changed", async () => {
  const backup = join(work.dir, "backup-3");
  await main("backup", "--dir", dir, "--to", backup);
  expect((await main("backup", "--dir", dir, "--to", backup)).said).toBe(
    `${backup} exists already. Choose a new folder for each backup.`,
  );
  expect((await main("restore", "--from", work.dir, "--dir", join(work.dir, "new"))).said).toBe(
    `${work.dir} is no backup: it holds no convex.sqlite.`,
  );
  const bytes = readFileSync(join(backup, "convex.sqlite"));
  writeFileSync(join(backup, "convex.sqlite"), bytes.fill(0x5a, bytes.length / 2));
  const damaged = await main("restore", "--from", backup, "--dir", join(work.dir, "new"));
  expect(damaged).toMatchObject({ exitCode: 1, said: expect.stringMatching(/is damaged \(.*\)\. Use another backup\.$/s) });
  expect(existsSync(join(work.dir, "new/convex.sqlite"))).toBe(false);
}, 60_000);

test("a key rotated while the server runs signs the next token; the old one is still published (K2)", async () => {
  const kids = async () => {
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
    return keys.map(({ kid }) => kid);
  };
  const before = await kids();
  expect(await main("rotate-signing-key", "--dir", dir)).toMatchObject({ exitCode: 0 });
  const after = await kids();
  expect(after).toHaveLength(before.length + 1);
  expect(after.slice(1)).toEqual(before);
});
