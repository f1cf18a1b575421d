// Pushes `convex/` to the deployment with the stock CLI, and sets the environment its auth.config reads.

import { join } from "node:path";
import { LaunchError } from "./options.ts";
import type { Stack } from "./stack.ts";

const PUSH_TIMEOUT_MS = 120_000;

/** Safe to repeat. @throws {LaunchError} with what the CLI said. */
export async function deployFunctions(root: string, stack: Stack, path: string): Promise<void> {
  await setEnvironment(stack, {
    AUTH0_ISSUER: stack.auth0.issuer,
    AUTH0_AUDIENCE: stack.auth0.audience,
    AUTH0_M2M_CLIENT_ID: stack.auth0.m2mClientId,
  });
  await convexCli(root, stack, path, ["deploy", "--yes", "--typecheck", "disable", "--codegen", "disable"]);
}

/** Runs one function of the deployment with the admin key, as `convex run` does. @throws {LaunchError} */
export async function runFunction(stack: Stack, name: string, args: object): Promise<unknown> {
  const response = await fetch(`${stack.convex.url}/api/function`, {
    method: "POST",
    headers: { authorization: `Convex ${stack.convex.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ path: name, format: "convex_encoded_json", args }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = (await response.json()) as { status?: string; value?: unknown; errorMessage?: string; message?: string };
  if (answer.status !== "success")
    throw new LaunchError(`${name} failed: ${answer.errorMessage ?? answer.message ?? `HTTP ${response.status}`}`);
  return answer.value;
}

async function setEnvironment(stack: Stack, variables: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${stack.convex.url}/api/update_environment_variables`, {
    method: "POST",
    headers: { authorization: `Convex ${stack.convex.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ changes: Object.entries(variables).map(([name, value]) => ({ name, value })) }),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new LaunchError(`the deployment refused its environment variables: ${await response.text()}`);
}

async function convexCli(root: string, stack: Stack, path: string, words: readonly string[]): Promise<void> {
  const child = Bun.spawn([process.execPath, join(root, "node_modules/convex/bin/main.js"), ...words], {
    cwd: root,
    env: {
      PATH: path,
      HOME: process.env.HOME ?? root,
      CONVEX_SELF_HOSTED_URL: stack.convex.url,
      CONVEX_SELF_HOSTED_ADMIN_KEY: stack.convex.adminKey,
      CI: "1",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), PUSH_TIMEOUT_MS);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  if (code !== 0) throw new LaunchError(`pushing convex/ failed:\n${(out + err).trim().slice(-4_000)}`);
}
