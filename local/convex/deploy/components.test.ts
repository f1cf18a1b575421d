// Components and the stock CLI: install, codegen, run, data, change, unmount, mount again. Each run costs a second or more, so
// each proves several things.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { type DefaultFunctionArgs, makeFunctionReference } from "convex/server";
import { type RunningConvex, startConvex } from "../start.ts";
import { ADMIN_KEY, adminPost, COMPONENTS_APP_DIR, eventually, runCli, tempDir } from "../testing/fixture-deployment.ts";

let server: RunningConvex;
const data = tempDir();
const work = tempDir();
const appDir = join(work.dir, "app");
// A port of its own at every start: the one after the old one may be somebody else's by then.
const start = () => startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, synchronous: "NORMAL", log: () => {} });

beforeAll(async () => {
  server = await start();
  cpSync(COMPONENTS_APP_DIR, appDir, { recursive: true, filter: (path) => !path.includes("_generated") });
  mkdirSync(join(appDir, "node_modules"));
  for (const name of ["convex", "typescript", "@convex-dev"]) {
    symlinkSync(resolve(import.meta.dir, "../node_modules", name), join(appDir, "node_modules", name));
  }
});
afterAll(async () => {
  await server.stop();
  data.remove();
  work.remove();
});

const convex = (...args: string[]) => runCli(appDir, server.url, args);
const deploy = () => convex("deploy", "--typecheck", "disable");
const edit = (file: string, from: string, to: string) => {
  const path = join(appDir, file);
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new Error(`${file} does not contain ${from}`);
  writeFileSync(path, text.replace(from, to));
};
const query = (name: string, args = {}) =>
  new ConvexHttpClient(server.url, { logger: false }).query(
    makeFunctionReference<"query", DefaultFunctionArgs, unknown>(name),
    args,
  );
const inComponent = async (componentPath: string, path: string, args = {}) =>
  (await adminPost(server.url, "function", { componentPath, path, args, format: "json" })) as Record<string, unknown>;

describe("convex CLI with components", () => {
  test("`codegen` writes exactly what is committed, for the app and for its own components", async () => {
    expect((await convex("codegen")).exitCode).toBe(0);
    for (const folder of ["convex", "components/ledger", "components/stamps"]) {
      const committed = join(COMPONENTS_APP_DIR, folder, "_generated");
      const generated = join(appDir, folder, "_generated");
      expect(readdirSync(generated).sort()).toEqual(readdirSync(committed).sort());
      for (const file of readdirSync(committed)) {
        expect(readFileSync(join(generated, file), "utf8")).toBe(readFileSync(join(committed, file), "utf8"));
      }
    }
  }, 60_000);

  test("`deploy` installs components, `run` and `data` reach into them by path", async () => {
    // From here on only our own components: bundling the others is most of a run's time.
    for (const name of ["flows", "limits", "scores", "work"]) rmSync(join(appDir, "convex", `${name}.ts`));
    const config = join(appDir, "convex/convex.config.ts");
    const lines = readFileSync(config, "utf8").split("\n");
    writeFileSync(config, lines.filter((line) => !/@convex-dev|app\.use\(\w+\);/.test(line)).join("\n"));
    const deployed = await deploy();
    expect(deployed.stderr).toContain("Installed component archive/stamps");
    expect(deployed.exitCode).toBe(0);
    const added = await convex("run", "--component", "ledger", "lib:add", '{"text":"by the CLI"}');
    expect(JSON.parse(added.stdout)).toMatchObject({ stamp: 1 });
    expect((await convex("data", "--component", "ledger", "notes")).stdout).toContain('"by the CLI"');
  }, 60_000);

  test("a component's schema that its documents break is refused with component and document named, and all of the old version keeps serving (D1)", async () => {
    const [document] = (await inComponentRows("ledger", "notes")) ?? [];
    edit("components/ledger/schema.ts", "text: v.string(), stamp", "text: v.number(), stamp");
    edit("convex/schema.ts", "text: v.string()", "text: v.string(), more: v.optional(v.string())");
    edit("convex/notes.ts", "app: app.map(({ text }) => text)", 'app: ["from the refused version"]');
    const refused = await deploy();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain('Schema validation failed in component "ledger"');
    expect(refused.stderr).toContain(`Document with ID "${document}" in table "notes" of component "ledger"`);
    expect(await query("notes:list")).toEqual({ app: [], ledger: ["by the CLI"], archive: [] });
    edit("components/ledger/schema.ts", "text: v.number(), stamp", "text: v.string(), stamp");
    edit("convex/schema.ts", "text: v.string(), more: v.optional(v.string())", "text: v.string()");
    edit("convex/notes.ts", 'app: ["from the refused version"]', "app: app.map(({ text }) => text)");
  }, 60_000);

  test("one that is not used any more stops and keeps its data; used again it has all of it, also after a restart", async () => {
    await inComponent("archive", "lib:add", { text: "kept" });
    edit("convex/convex.config.ts", 'app.use(ledger, { name: "archive"', 'if (false) app.use(ledger, { name: "archive"');
    edit("convex/notes.ts", "ctx.runQuery(components.archive.lib.list, {})", "Promise.resolve([])");
    const unmounted = await deploy();
    expect(unmounted.exitCode).toBe(0);
    expect(unmounted.stderr).toMatch(/Unmounted component archive\./);
    expect(await inComponent("archive", "lib:list")).toMatchObject({ status: "error" });
    expect(await inComponentRows("archive", "notes")).toBeNull();
    const ticksThen = await ticks("ledger");
    await eventually(async () => (await ticks("ledger")) > ticksThen, "the clock of the others goes on");

    await server.stop();
    server = await start();
    expect(await query("notes:list")).toEqual({ app: [], ledger: ["by the CLI"], archive: [] });

    edit("convex/convex.config.ts", 'if (false) app.use(ledger, { name: "archive"', 'app.use(ledger, { name: "archive"');
    edit("convex/notes.ts", "Promise.resolve([])", "ctx.runQuery(components.archive.lib.list, {})");
    const remounted = await deploy();
    expect(remounted.stderr).toMatch(/Remounted component archive\./);
    expect(await query("notes:list")).toMatchObject({ archive: ["kept"] });
  }, 90_000);
});

/** Ids of a component's documents, as `convex data` reads them; null when it is not mounted. */
async function inComponentRows(component: string, table: string): Promise<string[] | null> {
  const args = { table, order: "asc", paginationOpts: { numItems: 100, cursor: null } };
  const { value } = (await inComponent(component, "_system/cli/tableData:default", args)) as {
    value?: { page: { _id: string }[] };
  };
  return value === undefined ? null : value.page.map(({ _id }) => _id);
}

const ticks = async (component: string): Promise<number> => (await inComponentRows(component, "ticks"))?.length ?? -1;
