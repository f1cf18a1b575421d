// One local GitHub in a temporary folder, the stock Octokit as the app, real git in real clones, and a receiver of webhooks.
// Shared by the contract tests; starts nothing by itself.
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { verify } from "@octokit/webhooks-methods";
import { type GitHubOptions, type GitHubServer, startGitHub } from "../server.ts";

export const APP_ID = 7;
export const WEBHOOK_SECRET = "a secret of this test";
export const DANA_TOKEN = "ghp_token_of_dana";
export const REPOSITORY = { owner: "omakase", repo: "demo" } as const;

export const keys = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export interface Received {
  readonly event: string;
  readonly action: string | null;
  readonly guid: string;
  readonly isSigned: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a webhook's body is what the tests look into, field by field
  readonly body: any;
}

/** Waits until `value` is there, looking every few milliseconds. @throws after five seconds, saying what was waited for */
export async function until<Value>(what: string, value: () => Value | undefined | null | false): Promise<Value> {
  const end = Date.now() + 5_000;
  for (;;) {
    const found = value();
    if (found !== undefined && found !== null && found !== false) return found;
    if (Date.now() > end) throw new Error(`still waiting for ${what} after 5 s`);
    await Bun.sleep(3);
  }
}

/** The status of a refused call; fails the test when it was accepted. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ status: number; message: string; errors: unknown; headers: Record<string, string> }> {
  try {
    await call;
  } catch (error) {
    const known = error as {
      status: number;
      response?: { headers: Record<string, string>; data: { message: string; errors?: unknown } };
    };
    return {
      status: known.status,
      message: known.response?.data.message ?? String(error),
      errors: known.response?.data.errors,
      headers: known.response?.headers ?? {},
    };
  }
  throw new Error("the call was accepted");
}

/** Runs a shell script with git, in an environment of its own. */
export async function shell(cwd: string, script: string): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn(["sh", "-ec", script], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
    env: {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: cwd,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Ada",
      GIT_AUTHOR_EMAIL: "ada@example.com",
      GIT_COMMITTER_NAME: "Ada",
      GIT_COMMITTER_EMAIL: "ada@example.com",
    },
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out: out.trim(), err: err.trim() };
}

export class TestGitHub {
  readonly dir = mkdtempSync(join(tmpdir(), "omakase-github-"));
  readonly received: Received[] = [];
  #server: GitHubServer | null = null;
  /** What the receiver answers to the next deliveries; 200 when empty. */
  readonly webhookAnswers: number[] = [];
  readonly #receiver = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => this.#receive(request) });
  #clones = 0;

  #overrides: Partial<GitHubOptions>;

  constructor(overrides: Partial<GitHubOptions> = {}) {
    this.#overrides = overrides;
  }

  /** The same, with other options from the next start on. */
  with(overrides: Partial<GitHubOptions>): this {
    this.#overrides = { ...this.#overrides, ...overrides };
    return this;
  }

  async start(): Promise<this> {
    this.#server = await startGitHub(this.options());
    return this;
  }

  options(): GitHubOptions {
    return {
      dir: join(this.dir, "state"),
      appId: APP_ID,
      appPublicKey: keys.publicKey,
      repositories: [{ repository: "omakase/demo" }, { repository: "omakase/other" }],
      webhook: { url: `http://127.0.0.1:${this.#receiver.port}/`, secret: WEBHOOK_SECRET },
      userTokens: { [DANA_TOKEN]: "dana" },
      log: { info() {}, error: (event, fields) => console.error(event, fields) },
      ...this.#overrides,
    };
  }

  get url(): string {
    if (this.#server === null) throw new Error("not started");
    return this.#server.url;
  }

  /** Speaks to a server that somebody else started, and stops. */
  use(url: string): void {
    this.#server = { url, stop: () => Promise.resolve() };
  }

  async restart(): Promise<void> {
    await this.stopServer();
    await this.start();
  }

  async stopServer(): Promise<void> {
    await this.#server?.stop();
    this.#server = null;
  }

  /** Where a repository lies on disk: found by what it says of itself, since its folder has a name of no meaning. */
  async storageOf(name: string): Promise<{ path: string }> {
    const root = join(this.dir, "state", "repositories");
    for (const folder of readdirSync(root)) {
      const path = join(root, folder);
      if ((await shell(path, "git show HEAD:README.md")).out.endsWith(`/${name}`)) return { path };
    }
    throw new Error(`no bare repository of ${name}`);
  }

  async stop(): Promise<void> {
    await this.stopServer();
    await this.#receiver.stop(true);
    rmSync(this.dir, { recursive: true, force: true });
  }

  get webhookUrl(): string {
    return `http://127.0.0.1:${this.#receiver.port}/`;
  }

  /** Octokit as the installation (default) or as the app itself. */
  app(installationId: number | null = 1): Octokit {
    const auth = { appId: APP_ID, privateKey: keys.privateKey, ...(installationId === null ? {} : { installationId }) };
    return new Octokit({ baseUrl: this.url, authStrategy: createAppAuth, auth, log: quiet });
  }

  dana(): Octokit {
    return new Octokit({ baseUrl: this.url, auth: DANA_TOKEN, log: quiet });
  }

  withToken(token: string): Octokit {
    return new Octokit({ baseUrl: this.url, auth: token, log: quiet });
  }

  async token(
    permissions: Record<string, "read" | "write"> = { contents: "write" },
    repositories: string[] = ["demo"],
  ): Promise<string> {
    const { data } = await this.app(null).apps.createInstallationAccessToken({ installation_id: 1, permissions, repositories });
    return data.token;
  }

  remote(token: string, repo: string = REPOSITORY.repo): string {
    return `${this.url.replace("http://", `http://x-access-token:${token}@`)}/omakase/${repo}.git`;
  }

  /** A fresh clone's folder. */
  async clone(token?: string): Promise<string> {
    const name = `clone-${this.#clones++}`;
    const { code, err } = await shell(this.dir, `git clone -q ${this.remote(token ?? (await this.token()))} ${name}`);
    if (code !== 0) throw new Error(err);
    return join(this.dir, name);
  }

  /** Pushes a new branch with one commit that writes `files`; the commit's id. */
  async push(branch: string, files: Record<string, string>, from = "main"): Promise<string> {
    const folder = await this.clone();
    const exists = (await shell(folder, `git rev-parse -q --verify origin/${branch} || true`)).out !== "";
    await shell(folder, exists ? `git switch -q ${branch}` : `git switch -qc ${branch} origin/${from}`);
    for (const [path, content] of Object.entries(files)) await Bun.write(join(folder, path), content);
    const pushed = await shell(
      folder,
      `git add -A && git commit -qm "change on ${branch}" && git push -q origin HEAD:${branch} && git rev-parse HEAD`,
    );
    if (pushed.code !== 0) throw new Error(pushed.err);
    return pushed.out;
  }

  async local(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { "x-omakase-local": "1", "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async journal(): Promise<
    { seq: number; route: string; actor: string; repository: string | null; subject: Record<string, unknown> }[]
  > {
    const answer = (await (await this.local("GET", "/__journal")).json()) as {
      entries: Awaited<ReturnType<TestGitHub["journal"]>>;
    };
    return answer.entries;
  }

  async #receive(request: Request): Promise<Response> {
    const raw = await request.text();
    const signature = request.headers.get("x-hub-signature-256") ?? "";
    const body = JSON.parse(raw);
    this.received.push({
      event: request.headers.get("x-github-event") ?? "",
      action: body.action ?? null,
      guid: request.headers.get("x-github-delivery") ?? "",
      isSigned: await verify(WEBHOOK_SECRET, raw, signature),
      body,
    });
    return new Response(null, { status: this.webhookAnswers.shift() ?? 200 });
  }
}
