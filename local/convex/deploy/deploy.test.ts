// The stock CLI against this deployment. Each run costs a second, so each proves several things.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { type RunningConvex, startConvex } from "../start.ts";
import { app } from "../testing/fixture-api.ts";
import { ADMIN_KEY, APP_DIR, eventually, ISSUER, runCli, setVariables, tempDir } from "../testing/fixture-deployment.ts";

let server: RunningConvex;
let client: ConvexHttpClient;
const data = tempDir();
const work = tempDir();
const appDir = join(work.dir, "app");

beforeAll(async () => {
  server = await startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, log: () => {} });
  client = new ConvexHttpClient(server.url, { logger: false });
  cpSync(APP_DIR, appDir, { recursive: true, filter: (path) => !path.includes("_generated") });
  mkdirSync(join(appDir, "node_modules"));
  for (const name of ["convex", "typescript"]) {
    symlinkSync(resolve(import.meta.dir, "../node_modules", name), join(appDir, "node_modules", name));
  }
});
afterAll(async () => {
  await server.stop();
  data.remove();
  work.remove();
});

const convex = (...args: string[]) => runCli(appDir, server.url, args);
const edit = (file: string, from: string, to: string) => {
  const path = join(appDir, "convex", file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
  writeFileSync(path, text.replace(from, to));
};

describe("convex CLI", () => {
  test("`deploy` names a variable auth.config misses; after `env set` it deploys", async () => {
    const refused = await convex("deploy");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("AUTH_ISSUER");
    expect((await convex("env", "set", "AUTH_ISSUER", ISSUER)).exitCode).toBe(0);
    await setVariables(server.url, { AUTH_JWKS: 'data:application/json,{"keys":[]}', AUTH_DOMAIN: "http://127.0.0.1:9" });
    const deployed = await convex("deploy");
    expect(deployed.stderr).toContain("Deployed Convex functions");
    expect(deployed.stderr).toContain("[+] messages.by_channel");
    expect(deployed.exitCode).toBe(0);
    expect(await client.mutation(app.messages.send, { channel: "cli", body: "after deploy" })).toBeString();
  }, 60_000);

  test("`codegen` writes exactly what is committed with the fixture", async () => {
    expect((await convex("codegen")).exitCode).toBe(0);
    const committed = join(APP_DIR, "convex/_generated");
    const generated = join(appDir, "convex/_generated");
    expect(readdirSync(generated).sort()).toEqual(readdirSync(committed).sort());
    for (const file of readdirSync(committed)) {
      expect(readFileSync(join(generated, file), "utf8")).toBe(readFileSync(join(committed, file), "utf8"));
    }
  }, 60_000);

  test("`env`, `run` and `data` read and write the deployment", async () => {
    expect((await convex("env", "get", "AUTH_ISSUER")).stdout.trim()).toBe(ISSUER);
    expect((await convex("env", "list", "--include-values")).stdout).toContain(`AUTH_ISSUER=${ISSUER}`);
    expect(JSON.parse((await convex("run", "messages:secret")).stdout)).toBe("only for the app itself");
    expect((await convex("data", "messages")).stdout).toContain('"after deploy"');
    const missing = await convex("run", "messages:nothing");
    expect(missing.stderr).toContain("Available functions");
    expect(missing.exitCode).not.toBe(0);
  }, 60_000);

  test("a schema that stored documents break is refused with the document named, and the old version keeps serving (D1)", async () => {
    const id = await client.mutation(app.messages.send, { channel: "d1", body: "has no author" });
    edit("schema.ts", "author: v.optional(v.string())", "author: v.string()");
    edit("messages.ts", '"only for the app itself"', '"from the refused version"');
    const refused = await convex("deploy", "--typecheck", "disable");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("Schema validation failed");
    expect(refused.stderr).toContain('table "messages"');
    expect(JSON.parse((await convex("run", "messages:secret")).stdout)).toBe("only for the app itself");
    expect(await client.query(app.messages.list, { channel: "d1" })).toMatchObject([{ _id: id }]);
    edit("schema.ts", "author: v.string()", "author: v.optional(v.string())");
  }, 60_000);

  test("a push re-runs live queries on the new code, without a reconnect", async () => {
    const live = new ConvexClient(server.url, { logger: false });
    const seen: number[] = [];
    live.onUpdate(app.counters.get, { name: "absent" }, (value) => void seen.push(value));
    await eventually(() => seen.length === 1, "answered by the old code");
    edit("counters.ts", "return row?.value ?? 0;", "return row?.value ?? -1;");
    expect((await convex("deploy", "--typecheck", "disable")).exitCode).toBe(0);
    await eventually(() => seen.at(-1) === -1, "answered by the new code");
    await live.close();
  }, 60_000);

  test("a wrong admin key is refused", async () => {
    const response = await fetch(`${server.url}/api/deploy2/start_push`, {
      method: "POST",
      headers: { authorization: "Convex local|wrong" },
      body: "{}",
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "BadAdminKey" });
  });
});
