// A real deployment for tests: local/convex as its own process, our functions pushed with the stock CLI, an issuer whose tokens it
// believes, and one seeded project. Everything in a temporary folder, on free ports, with nothing of this process's environment.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const ROOT = resolve(import.meta.dir, "../..");
const AUDIENCE = "https://api.test";
const CLIENT = "the-orchestrator";

export interface ConvexDeployment {
  readonly url: string;
  /** Of the server's process. */
  readonly pid: number;
  /** A machine-to-machine token. */
  readonly token: () => Promise<string>;
  /** An access token of somebody who has signed in. */
  readonly personToken: (subject: string) => Promise<string>;
  /** Runs one function as `convex run` does. */
  run(name: string, args: object): Promise<unknown>;
  /** kill -9. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param synchronous tests need no protection against a power cut
 * @throws with what went wrong, from the server or from the CLI
 */
export async function startDeployment(synchronous: "FULL" | "NORMAL" = "NORMAL"): Promise<ConvexDeployment> {
  const dir = mkdtempSync(join(tmpdir(), "omakase-store-"));
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" }] };
  const keys = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json(jwks) });
  const issuer = `http://127.0.0.1:${keys.port}/`;
  const main = join(ROOT, "local/convex/main.ts");
  const server = Bun.spawn([process.execPath, main, "--dir", dir, "--port", "0", "--synchronous", synchronous], {
    env: environment(dir),
    stdout: "pipe",
    stderr: "ignore",
  });
  const url = (JSON.parse(await firstLine(server.stdout)) as { url: string }).url;
  const adminKey = readFileSync(join(dir, "admin.key"), "utf8").trim();
  const admin = { authorization: `Convex ${adminKey}`, "content-type": "application/json" };
  const post = async (route: string, body: object) => {
    const response = await fetch(`${url}/api/${route}`, { method: "POST", headers: admin, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${route}: ${text}`);
    return text === "" ? {} : (JSON.parse(text) as { status?: string; value?: unknown; errorMessage?: string });
  };
  const run = async (name: string, args: object) => {
    const answer = await post("function", { path: name, format: "convex_encoded_json", args });
    if (answer.status !== "success") throw new Error(`${name}: ${answer.errorMessage}`);
    return answer.value;
  };
  const variables = { AUTH0_ISSUER: issuer, AUTH0_AUDIENCE: AUDIENCE, AUTH0_M2M_CLIENT_ID: CLIENT };
  await post("update_environment_variables", {
    changes: Object.entries(variables).map(([name, value]) => ({ name, value })),
  });
  await push(dir, url, adminKey);
  await run("seed:sample", { organization: { slug: "acme", name: "Acme" }, project: SHOP, members: [] });
  const kill = async () => {
    server.kill("SIGKILL");
    await server.exited;
  };
  const signed = (subject: string, claims: Record<string, string>) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "one", typ: "JWT" })
      .setIssuer(issuer)
      .setAudience(AUDIENCE)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  return {
    url,
    pid: server.pid,
    token: () => signed(`${CLIENT}@clients`, { scope: "orchestrate" }),
    personToken: (subject) => signed(subject, {}),
    run,
    kill,
    stop: async () => {
      await kill();
      await keys.stop(true);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const SHOP = {
  slug: "shop",
  name: "Shop",
  linearTeamId: "team-1",
  linearTeamKey: "OMA",
  repository: "acme/shop",
  defaultBranch: "main",
  testCommand: null,
  limits: { features: 100, perRole: {} },
  settings: DEFAULT_SETTINGS,
};

const environment = (home: string) => ({ PATH: process.env.PATH ?? "", HOME: home });

async function push(home: string, url: string, adminKey: string): Promise<void> {
  const cli = join(ROOT, "node_modules/convex/bin/main.js");
  const words = ["deploy", "--yes", "--typecheck", "disable", "--codegen", "disable"];
  const child = Bun.spawn([process.execPath, cli, ...words], {
    cwd: ROOT,
    env: { ...environment(home), CONVEX_SELF_HOSTED_URL: url, CONVEX_SELF_HOSTED_ADMIN_KEY: adminKey, CI: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [said, complained, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the functions cannot be deployed:\n${said}${complained}`);
}

/** What a process says first. @throws when it ends without a word */
async function firstLine(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output) {
    text += new TextDecoder().decode(chunk);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  throw new Error("local/convex has ended before it was ready");
}
