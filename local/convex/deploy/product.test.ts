// The product's own `convex/` folder, pushed by the stock CLI: what is committed as `_generated` is what the CLI makes of it, and its
// functions run when every call evaluates their modules anew, that is without state kept between calls.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, cpSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { DEFAULT_SETTINGS } from "../../../machines/roles.ts";
import { type RunningConvex, startConvex } from "../start.ts";
import { ADMIN_KEY, adminPost, publicKeys, runCli, setVariables, tempDir, userToken } from "../testing/fixture-deployment.ts";

const ROOT = resolve(import.meta.dir, "../../..");
const GENERATED = join(ROOT, "convex/_generated");
const data = tempDir();
const work = tempDir();
let server: RunningConvex;
let issuer: ReturnType<typeof Bun.serve>;
beforeAll(async () => {
  issuer = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: async () => Response.json(await publicKeys()) });
  server = await startConvex({ dir: data.dir, port: 0, adminKey: ADMIN_KEY, log: () => {}, freshModules: true });
  await setVariables(server.url, {
    AUTH0_ISSUER: issuer.url.href,
    AUTH0_AUDIENCE: "https://api.test",
    AUTH0_M2M_CLIENT_ID: "orchestrator",
  });
  cpSync(join(ROOT, "convex"), join(work.dir, "convex"), { recursive: true });
  cpSync(join(ROOT, "tsconfig.base.json"), join(work.dir, "tsconfig.base.json"));
  cpSync(join(ROOT, "package.json"), join(work.dir, "package.json"));
  symlinkSync(join(ROOT, "node_modules"), join(work.dir, "node_modules"));
});
afterAll(async () => {
  await server.stop();
  await issuer.stop(true);
  data.remove();
  work.remove();
});
const convex = (...args: string[]) => runCli(work.dir, server.url, args);

test("`convex codegen` makes exactly the committed `_generated`", async () => {
  const generated = join(work.dir, "convex/_generated");
  for (const file of readdirSync(generated)) appendFileSync(join(generated, file), "// to be written again\n");
  expect(await convex("codegen", "--typecheck", "disable")).toMatchObject({ exitCode: 0 });
  expect(readdirSync(generated).sort()).toEqual(readdirSync(GENERATED).sort());
  for (const file of readdirSync(GENERATED)) {
    expect(readFileSync(join(generated, file), "utf8")).toBe(readFileSync(join(GENERATED, file), "utf8"));
  }
}, 60_000);

test("it deploys, and its functions need nothing that an earlier call left behind", async () => {
  expect(await convex("deploy", "--typecheck", "disable")).toMatchObject({ exitCode: 0 });
  const sample = {
    organization: { slug: "acme", name: "Acme" },
    project: {
      slug: "web",
      name: "Web",
      linearTeamId: "team-1",
      linearTeamKey: "WEB",
      repository: "acme/web",
      defaultBranch: "main",
      testCommand: null,
      limits: { features: 2, perRole: { coder: 1 } },
      settings: DEFAULT_SETTINGS,
    },
    members: [{ subject: "ada", role: "admin" }],
  };
  for (let time = 0; time < 2; time++) {
    expect(await adminPost(server.url, "function", { path: "seed:sample", args: sample })).toMatchObject({ status: "success" });
  }
  const ada = new ConvexHttpClient(server.url, { logger: false });
  ada.setAuth(await userToken("ada", { issuer: issuer.url.href, audience: "https://api.test" }));
  for (let time = 0; time < 2; time++) {
    const projects = await ada.query(makeFunctionReference<"query", Record<string, never>, unknown>("projects:list"), {});
    expect(projects).toMatchObject({ projects: [{ slug: "web", role: "admin" }], cut: [] });
    const board = makeFunctionReference<"query", { project: string }, unknown>("features:board");
    expect(await ada.query(board, { project: "acme/web" })).toBeObject();
  }
}, 60_000);
