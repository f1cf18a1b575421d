// Deployments for tests: the fixture app on a real server, in this process or in one of its own that can be killed.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { type ConvexOptions, type RunningConvex, startConvex } from "../start.ts";

export const APP_DIR = resolve(import.meta.dir, "../fixtures/app");
/** An app with components of its own and from the registry. Needs no variables. */
export const COMPONENTS_APP_DIR = resolve(import.meta.dir, "../fixtures/components-app");
export const ADMIN_KEY = "local|0123456789abcdef";
export const ISSUER = "https://issuer.test";

/** An empty folder that is removed by `remove()`. */
export function tempDir(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "local-convex-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** One key pair for the whole run: making RSA keys is slow. */
const keyPair = generateKeyPair("RS256", { extractable: true });

/** A token the fixture app accepts, unless the overrides make it wrong. */
export async function userToken(
  subject: string,
  overrides: {
    readonly issuer?: string;
    readonly audience?: string;
    readonly lifetimeSeconds?: number;
    readonly claims?: Record<string, unknown>;
    readonly keyId?: string;
  } = {},
): Promise<string> {
  const { privateKey } = await keyPair;
  const issuedAt = Math.floor(Date.now() / 1000);
  return new SignJWT({ name: `Name of ${subject}`, email_verified: true, ...overrides.claims })
    .setProtectedHeader({ alg: "RS256", kid: overrides.keyId ?? "fixture-key" })
    .setIssuer(overrides.issuer ?? ISSUER)
    .setAudience(overrides.audience ?? "fixture")
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + (overrides.lifetimeSeconds ?? 3600))
    .sign(privateKey);
}

/** The public half, as issuers publish it. */
export async function publicKeys(keyId = "fixture-key"): Promise<{ keys: object[] }> {
  const { publicKey } = await keyPair;
  return { keys: [{ ...(await exportJWK(publicKey)), kid: keyId, alg: "RS256", use: "sig" }] };
}

/** Sets deployment variables through the CLI's own endpoint. */
export async function setVariables(url: string, variables: Record<string, string>): Promise<void> {
  const changes = Object.entries(variables).map(([name, value]) => ({ name, value }));
  await adminPost(url, "update_environment_variables", { changes });
}

export async function adminPost(url: string, route: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${url}/api/${route}`, {
    method: "POST",
    headers: { authorization: `Convex ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${route}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** Sets the fixture's variables and pushes it, as the CLI would. */
export async function pushFixture(url: string, variables: Record<string, string> = {}): Promise<void> {
  const jwks = `data:application/json,${encodeURIComponent(JSON.stringify(await publicKeys()))}`;
  await setVariables(url, { AUTH_ISSUER: ISSUER, AUTH_JWKS: jwks, AUTH_DOMAIN: "http://127.0.0.1:9", ...variables });
  await pushApp(url, APP_DIR);
}

/** Pushes an app of this repository, as the CLI would. */
export async function pushApp(url: string, appDir: string): Promise<void> {
  const startPush = await adminPost(url, "deploy2/start_push", await pushRequest(url, appDir));
  await adminPost(url, "deploy2/finish_push", { startPush, dryRun: false });
}

// Bundling takes the CLI a second; the request it would send depends only on the fixture's sources and its packages.
export async function pushRequest(url: string, appDir: string): Promise<unknown> {
  const hash = createHash("sha256").update(readFileSync(join(appDir, "package.json")));
  for (const file of readdirSync(appDir, { recursive: true, encoding: "utf8" }).sort()) {
    if (file.endsWith(".ts") || file.endsWith(".js")) hash.update(file).update(readFileSync(join(appDir, file)));
  }
  const cached = join(tmpdir(), `local-convex-fixture-${hash.digest("hex").slice(0, 16)}.json`);
  if (!existsSync(cached)) {
    const draft = `${cached}.${process.pid}`;
    await runCli(appDir, url, ["deploy", "--write-push-request", draft]);
    renameSync(`${draft}.json`, cached);
  }
  return JSON.parse(readFileSync(cached, "utf8"));
}

export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start the stock CLI with nothing in its environment but the deployment. */
export const cliCommand = (cwd: string, url: string, args: string[], home = cwd) => ({
  command: [process.execPath, resolve(import.meta.dir, "../node_modules/convex/bin/main.js"), ...args],
  options: {
    cwd,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: home,
      CONVEX_SELF_HOSTED_URL: url,
      CONVEX_SELF_HOSTED_ADMIN_KEY: ADMIN_KEY,
      CI: "1",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  } as const,
});

/** Runs the stock CLI to its end. */
export async function runCli(cwd: string, url: string, args: string[]): Promise<CliRun> {
  const { dir: home, remove } = tempDir();
  const { command, options } = cliCommand(cwd, url, args, home);
  const child = Bun.spawn(command, options);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  remove();
  return { exitCode, stdout, stderr };
}

/** The fixture app, served in this process. */
export async function startFixture(
  options: Partial<ConvexOptions> & { readonly variables?: Record<string, string> } = {},
): Promise<RunningConvex & { readonly dir: string; readonly logs: Record<string, unknown>[] }> {
  const { variables, ...convexOptions } = options;
  const made = options.dir === undefined ? tempDir() : { dir: options.dir, remove: () => {} };
  const logs: Record<string, unknown>[] = [];
  const running = await startConvex({
    dir: made.dir,
    port: 0,
    adminKey: ADMIN_KEY,
    synchronous: "NORMAL",
    log: (line) => void logs.push(JSON.parse(line)),
    ...convexOptions,
  });
  await pushFixture(running.url, variables);
  return {
    ...running,
    dir: made.dir,
    logs,
    stop: async () => {
      await running.stop();
      made.remove();
    },
  };
}

export interface ServerProcess {
  readonly url: string;
  readonly siteUrl: string;
  readonly pid: number;
  readonly stderr: () => string;
  /** SIGKILL, as a power cut for the process. */
  kill9(): Promise<void>;
  /** Resolves with the exit code when the process ends by itself. */
  readonly exited: Promise<number>;
  /** SIGTERM; resolves with the exit code. */
  terminate(): Promise<number>;
}

/**
 * A server in a process of its own. The same port again after a kill lets clients reconnect.
 * @param preload modules it loads first
 * @param launcher a command that becomes the server (`exec "$@"`), to give it limits
 */
export async function spawnServer(
  dir: string,
  port: number,
  extraArgs: string[] = [],
  preload: string[] = [],
  launcher: string[] = [],
): Promise<ServerProcess> {
  const stderrFile = join(dir, `stderr-${Date.now()}.log`);
  writeFileSync(stderrFile, "");
  const child = Bun.spawn(
    [
      ...launcher,
      process.execPath,
      ...preload.flatMap((module) => ["--preload", module]),
      resolve(import.meta.dir, "../main.ts"),
      ...["--dir", dir, "--port", String(port), ...extraArgs],
    ],
    {
      env: { PATH: process.env.PATH ?? "", HOME: dir, CONVEX_ADMIN_KEY: ADMIN_KEY },
      stdin: "ignore",
      stdout: "pipe",
      stderr: Bun.file(stderrFile),
    },
  );
  const stderr = () => readFileSync(stderrFile, "utf8");
  const line = await firstLine(child.stdout);
  if (line === null) throw new Error(`The server did not start: ${stderr()}`);
  const { url, siteUrl } = JSON.parse(line) as { url: string; siteUrl: string };
  return {
    url,
    siteUrl,
    pid: child.pid,
    stderr,
    exited: child.exited,
    kill9: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    terminate: async () => {
      child.kill("SIGTERM");
      return child.exited;
    },
  };
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | null> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    const end = text.indexOf("\n");
    if (end !== -1) return text.slice(0, end);
  }
  return null;
}

/** Waits until `check` gives something else than undefined or false. Bounded: a claim that never comes true fails. */
export async function eventually<T>(check: () => T | Promise<T>, what: string, timeoutMs = 15_000): Promise<NonNullable<T>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
    if (performance.now() > giveUpAt) throw new Error(`Never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** One number out of `/metrics`. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  if (line === undefined) throw new Error(`No metric ${name}`);
  return Number(line.slice(name.length + 1));
}
