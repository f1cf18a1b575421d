// Commands of the stock CLI that look at a deployment or change its variables, and `dev --once`. deploy.test.ts has the pushes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { APP_DIR, cliCommand, eventually, runCli, startFixture, tempDir } from "../testing/fixture-deployment.ts";

const work = tempDir();
let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture();
  client = new ConvexHttpClient(server.url, { logger: false });
  cpSync(APP_DIR, work.dir, { recursive: true });
  mkdirSync(join(work.dir, "node_modules"), { recursive: true });
  symlinkSync(resolve(import.meta.dir, "../node_modules/convex"), join(work.dir, "node_modules/convex"));
});
afterAll(async () => {
  await server.stop();
  work.remove();
});
const convex = (...args: string[]) => runCli(work.dir, server.url, args);

test("`dev --once` pushes and ends; what it pushed is served", async () => {
  const pushed = await convex("dev", "--once", "--typecheck", "disable");
  expect(pushed.stderr).toContain("Convex functions ready!");
  expect(pushed.exitCode).toBe(0);
  expect(await client.mutation(app.counters.increment, { name: "after dev" })).toBe(1);
}, 60_000);

test("`env` sets and removes; removing what auth.config needs is refused and changes nothing; `function-spec` lists all", async () => {
  const [set, spec, refused] = await Promise.all([
    convex("env", "set", "GREETING", "hello there"),
    convex("function-spec"),
    convex("env", "remove", "AUTH_DOMAIN"),
  ]);
  expect(set.exitCode).toBe(0);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("AUTH_DOMAIN is used in auth config file");
  expect(await client.query(app.surroundings.variable, { name: "GREETING" })).toBe("hello there");
  expect(await client.query(app.surroundings.variable, { name: "AUTH_DOMAIN" })).toBe("http://127.0.0.1:9");
  const { functions } = JSON.parse(spec.stdout) as { functions: unknown[] };
  expect(functions).toContainEqual(
    expect.objectContaining({ identifier: "counters.js:increment", functionType: "Mutation", visibility: { kind: "public" } }),
  );
  expect(functions).toContainEqual({ functionType: "HttpAction", method: "POST", path: "/echo" });
  expect(await convex("env", "remove", "GREETING")).toMatchObject({ exitCode: 0 });
  expect(await client.query(app.surroundings.variable, { name: "GREETING" })).toBeNull();
}, 60_000);

test("`data` shows system tables too, `logs` follows what functions print", async () => {
  await client.mutation(app.files.storeText, { text: "for the CLI" });
  const { command, options } = cliCommand(work.dir, server.url, ["logs", "--history", "20"]);
  const logs = Bun.spawn(command, options);
  let seen = "";
  const reading = (async () => {
    for await (const piece of logs.stdout) seen += new TextDecoder().decode(piece);
  })();
  const files = await convex("data", "_storage");
  await eventually(async () => {
    await client.action(app.jobs.sum, { a: 20, b: 22 });
    return seen.includes("adding") && seen.includes("jobs.js:sum");
  }, "the log line arrives");
  logs.kill();
  await reading;
  expect(files.stdout).toMatch(/_id +\| _creationTime +\| contentType +\| sha256 +\| size/);
  expect(files.stdout).toContain("| 11");
}, 60_000);
