// Makes the sample repository at GitHub and pushes its `main` with real git.
//
//   R1. A `main` that is there is left alone: it may have grown since.
//   R2. The first commit is the same every time (content, author, date), so two seeds at once push one and the same commit.
//   R3. The token reaches git through its environment only: not the address, not the arguments, not a file.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { SampleError } from "./errors.ts";

export interface GitHubTarget {
  /** Where the REST API is, for example "https://api.github.com". */
  readonly url: string;
  readonly owner: string;
  readonly repo: string;
  readonly auth:
    | { readonly kind: "token"; readonly token: string }
    | { readonly kind: "app"; readonly appId: number; readonly privateKey: string };
}

export interface SeededRepository {
  readonly fullName: string;
  readonly cloneUrl: string;
  /** Head of `main`. */
  readonly headSha: string;
  /** False when `main` was there already. */
  readonly pushed: boolean;
}

const CONTENT = join(import.meta.dirname, "repository");
/** A 404 is an answer here ("not made yet"), not something to print. */
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const COMMIT_DATE = "2026-01-05T09:00:00Z";

/** Safe to repeat. @throws {SampleError} NO_INSTALLATION, GIT_FAILED */
export async function seedRepository({ url, owner, repo, auth }: GitHubTarget): Promise<SeededRepository> {
  const token = auth.kind === "token" ? auth.token : await installationToken(url, owner, auth);
  const octokit = new Octokit({ baseUrl: url, auth: token, log: QUIET });
  const { full_name: fullName, clone_url: cloneUrl } = await ensureRepository(octokit, owner, repo);
  const present = await remoteMain(cloneUrl, token);
  if (present !== undefined) return { fullName, cloneUrl, headSha: present, pushed: false };
  try {
    return { fullName, cloneUrl, headSha: await pushMain(cloneUrl, token), pushed: true };
  } catch (error) {
    // Refused because another seed was faster: then its `main` is there, and it is the same (R2).
    const theirs = await remoteMain(cloneUrl, token);
    if (theirs === undefined) throw error;
    return { fullName, cloneUrl, headSha: theirs, pushed: false };
  }
}

async function installationToken(
  url: string,
  owner: string,
  app: { readonly appId: number; readonly privateKey: string },
): Promise<string> {
  const octokit = new Octokit({
    baseUrl: url,
    log: QUIET,
    authStrategy: createAppAuth,
    auth: { appId: app.appId, privateKey: app.privateKey },
  });
  const installations = await octokit.paginate(octokit.rest.apps.listInstallations);
  const ours = installations.find(
    ({ account }) => account && "login" in account && account.login.toLowerCase() === owner.toLowerCase(),
  );
  if (!ours) throw new SampleError("NO_INSTALLATION", `The GitHub App is not installed for ${owner}: install it there first.`);
  return (await octokit.rest.apps.createInstallationAccessToken({ installation_id: ours.id })).data.token;
}

async function ensureRepository(octokit: Octokit, owner: string, repo: string) {
  const found = await unlessNotFound(octokit.rest.repos.get({ owner, repo }));
  if (found) return found.data;
  const about = { name: repo, description: "The order book of a small kitchen. Omakase's sample.", private: true };
  const isOrganisation = (await unlessNotFound(octokit.rest.orgs.get({ org: owner }))) !== undefined;
  try {
    return (
      await (isOrganisation
        ? octokit.rest.repos.createInOrg({ org: owner, ...about })
        : octokit.rest.repos.createForAuthenticatedUser(about))
    ).data;
  } catch (error) {
    // Somebody else made it between our look and our call: then it is there.
    if (statusOf(error) !== 422) throw error;
    return (await octokit.rest.repos.get({ owner, repo })).data;
  }
}

async function unlessNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function statusOf(error: unknown): unknown {
  return error instanceof Error && "status" in error ? error.status : undefined;
}

async function remoteMain(cloneUrl: string, token: string): Promise<string | undefined> {
  const line = await git(tmpdir(), token, "ls-remote", cloneUrl, "refs/heads/main");
  return line === "" ? undefined : line.split(/\s/)[0];
}

async function pushMain(cloneUrl: string, token: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "omakase-sample-"));
  try {
    await cp(CONTENT, folder, { recursive: true, filter: (source) => !source.endsWith("node_modules") });
    await git(folder, token, "init", "--quiet", "--initial-branch=main");
    await git(folder, token, "add", "--all");
    await git(folder, token, "commit", "--quiet", "--message", "Start the order book");
    await git(folder, token, "push", "--quiet", cloneUrl, "HEAD:refs/heads/main");
    return await git(folder, token, "rev-parse", "HEAD");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function git(cwd: string, token: string, ...args: string[]): Promise<string> {
  const child = Bun.spawn(["git", ...args], {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" },
      ...{ GIT_AUTHOR_NAME: "Omakase", GIT_AUTHOR_EMAIL: "sample@omakase.local", GIT_AUTHOR_DATE: COMMIT_DATE },
      ...{ GIT_COMMITTER_NAME: "Omakase", GIT_COMMITTER_EMAIL: "sample@omakase.local", GIT_COMMITTER_DATE: COMMIT_DATE },
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "http.extraHeader",
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`,
    },
  });
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode !== 0) throw new SampleError("GIT_FAILED", `git ${args[0]} failed for the sample repository: ${complaint.trim()}`);
  return output.trim();
}
