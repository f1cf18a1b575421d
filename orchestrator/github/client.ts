// GitHub as our App: one installation token per repository and permission, and the few calls we make.

import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { OmakaseError, reasonOf } from "../errors.ts";

/** GitHub said no, and will say it again. */
export class GitHubRefused extends OmakaseError {
  readonly code = "github_refused";
  readonly retryable = false;
}

/** No answer, a server fault, or a rate limit. */
export class GitHubUnavailable extends OmakaseError {
  readonly code = "github_unavailable";
  readonly retryable = true;
  constructor(
    message: string,
    override readonly retryAfterMs: number | null,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

export interface GitToken {
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

export interface GitHub {
  /** "owner/name" → the URL git clones from. */
  cloneUrl(repository: string): string;
  /** A token for that repository's contents and nothing else; lives an hour. @throws {GitHubRefused} when the App is not installed there */
  gitToken(repository: string, contents: "read" | "write"): Promise<GitToken>;
  /** Runs calls as the App on that repository, with errors translated. */
  call<T>(repository: string, run: (octokit: Octokit, where: { owner: string; repo: string }) => Promise<T>): Promise<T>;
}

export interface GitHubSettings {
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly appId: string;
  readonly privateKey: string;
}

export function createGitHub({ apiUrl, webUrl, appId, privateKey }: GitHubSettings): GitHub {
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const shared = { baseUrl: apiUrl, log: quiet, request: { fetch: boundedFetch } };
  const app = new Octokit({ ...shared, authStrategy: createAppAuth, auth: { appId, privateKey } });
  const installations = new Map<string, Promise<number>>();
  /** Repositories whose kept token was refused: the next call asks for a new one. */
  const stale = new Set<string>();

  const installationOf = (repository: string) => {
    let found = installations.get(repository);
    if (!found) {
      found = app.apps.getRepoInstallation(split(repository)).then(({ data }) => data.id);
      installations.set(repository, found);
      found.catch(() => installations.delete(repository));
    }
    return found;
  };
  /** Runs calls on a repository. An App that was removed and installed again has another number: a refusal forgets the one we know. */
  const onRepository = async <T>(repository: string, run: (installationId: number) => Promise<T>): Promise<T> => {
    try {
      return await run(await installationOf(repository));
    } catch (error) {
      const fault = translated(error);
      if (!fault.retryable) installations.delete(repository);
      throw fault;
    }
  };
  return {
    cloneUrl: (repository) => `${webUrl}/${repository}.git`,
    gitToken: (repository, contents) =>
      onRepository(repository, async (installation_id) => {
        const { data } = await app.apps.createInstallationAccessToken({
          installation_id,
          repositories: [split(repository).repo],
          permissions: { contents },
        });
        return { token: data.token, expiresAt: Date.parse(data.expires_at) };
      }),
    call: (repository, run) =>
      onRepository(repository, async (installationId) => {
        // Narrowed to one repository and what a pull request needs; kept by the strategy until shortly before it expires.
        const { token } = (await app.auth({
          type: "installation",
          installationId,
          repositoryNames: [split(repository).repo],
          permissions: { pull_requests: "write", contents: "read" },
          refresh: stale.has(repository),
        })) as { token: string };
        stale.delete(repository);
        try {
          return await run(new Octokit({ ...shared, auth: token }), split(repository));
        } catch (error) {
          if ((error as { status?: number }).status !== 401) throw error;
          // Revoked, or so new that not all of GitHub knows it: no fault of the App's key, so another try may succeed.
          stale.add(repository);
          throw new GitHubUnavailable(reasonOf(error), null, error);
        }
      }),
  };
}

const CALL_TIMEOUT_MS = 30_000;
const boundedFetch = ((input: string | URL | Request, init?: RequestInit) =>
  fetch(input, { ...init, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })) as typeof fetch;

function split(repository: string): { owner: string; repo: string } {
  const [owner = "", repo = ""] = repository.split("/");
  return { owner, repo };
}

/** Secondary limits come as 403 or 429 with a wait; without one GitHub asks for at least a minute (facts: services 7). */
const SECONDARY_LIMIT_WAIT_MS = 60_000;

function translated(error: unknown): OmakaseError {
  if (error instanceof OmakaseError) return error;
  const fault = error as { status?: number; response?: { headers?: Record<string, string | undefined> } };
  const { status } = fault;
  if (status === undefined || status >= 500) return new GitHubUnavailable(reasonOf(error), null, error);
  const wait = Number(fault.response?.headers?.["retry-after"]);
  const isLimit = status === 429 || (status === 403 && /rate limit/i.test(reasonOf(error)));
  if (isLimit) return new GitHubUnavailable(reasonOf(error), wait > 0 ? wait * 1000 : SECONDARY_LIMIT_WAIT_MS, error);
  return new GitHubRefused(reasonOf(error), { cause: error });
}
